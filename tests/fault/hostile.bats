#!/usr/bin/env bats
# Everything that an ACME server can say wrong. Each row is one misbehaviour: the exit status, the
# rules of tests/fault/hostile.py (several are separated by " ; "), and the sentence that is expected.
# Whatever happens: it ends soon, in little memory, nothing is installed, and the database serves
# what it served before.
load ../e2e/world

# A run without trouble has 15 MiB and takes half a second; a busy machine may be slow.
LIMIT_S=30 LIMIT_KIB=49152
[ "$MODE" != asan ] || LIMIT_KIB=1048576

setup_file()
{
    world_start
    hostile_start
}

# An old certificate is served, nothing is registered, and an order is due.
setup()
{
    fresh
    pg_serves_pgcert
    first=$(served)
    hostile
    hostile_conf
}

# pgcert with a look at its time and memory; RUNS_IN may bring a clock before it.
measured()
{
    # shellcheck disable=SC2086 # words
    timeout 120 /usr/bin/time -q -f '%e %M' -o "$WORLD/measure" ${RUNS_IN-} "$PGCERT" -c "$CONF" "$@" \
        3>&- 4>&- </dev/null
}

is_small_and_quick()
{
    local seconds size
    read -r seconds size <"$WORLD/measure"
    [ "${seconds%.*}" -lt "$LIMIT_S" ] || { echo "it took $seconds s"; return 1; }
    [ "$size" -lt "$LIMIT_KIB" ] || { echo "it had $size KiB of memory"; return 1; }
}

# The sentence is one printable line, no longer than an error can be, and says what it should.
says_once()
{
    says "$1" && wants "one line" [ "$(wc -l <<<"$stderr")" = 1 ] &&
        wants "a short line" [ "${#stderr}" -lt 1200 ] &&
        wants "a printable line" not grep -qP '[\x00-\x08\x0b-\x1f\x7f]' <<<"$stderr"
}

wants()
{
    "${@:2}" || { echo "wanted: $1"; return 1; }
}

# One misbehaviour: row STATUS RULES PATTERN
row()
{
    local rules=${2//ZONE/$ZONE}
    rm -rf "$STATE"
    readarray -t rules <<<"${rules// ; /$'\n'}"
    hostile "${rules[@]}"
    run --separate-stderr measured renew
    wants "status $1, got $status" [ "$status" -eq "$1" ] && is_small_and_quick || return 1
    # by a clock that runs, the name server takes no request to remove one: the next run does
    [ -n "${RUNS_IN-}" ] || wants "no record left" [ -z "$(dns_challenges "$ZONE")" ] || return 1
    if [ "$1" = 0 ]; then
        first=$(leaf_sha256 "$(newest_generation)/chain.pem")
    else
        says_once "${3//ZONE/$ZONE}" && wants "nothing stored" [ -z "$(newest_generation)" ] || return 1
    fi
    wants "what should be served" [ "$(served)" = "$first" ]
}

# After the trouble a run finishes the work, with what is remembered of it.
heals()
{
    local RUNS_IN=
    hostile
    run --separate-stderr measured renew --force
    first=$(served)
    wants "to heal" [ "$status" = 0 ] && wants "no record left" [ -z "$(dns_challenges "$ZONE")" ] &&
        wants "the new one" [ "$first" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
}

# Runs the rows on standard input: STATUS | RULES | PATTERN. Tells of each that fails. With HEALS=each,
# for what may be remembered, a run after each of them must succeed, else one after the last.
table()
{
    local line rest bad=0 count=0
    first=$(served) # a table at the end of a pipe knows nothing of those before
    while IFS= read -r line; do
        [ -n "${ROWS-}" ] && [[ $line != *$ROWS* ]] && continue
        rest=${line#* | }
        count=$((count + 1))
        if row "${line%% | *}" "${rest%% | *}" "${rest#* | }" && { [ -z "${HEALS-}" ] || heals; }; then
            continue
        fi
        bad=$((bad + 1))
        echo "ROW: $line"
        echo "$stderr"
    done
    echo "$count rows, $bad bad"
    [ "$bad" = 0 ] && heals && unharmed "$first"
}

# ---- below JSON ----

@test "connections that are no TLS, or break off at any phase" {
    table <<'END'
75 | connection * close | localhost:14100
75 | connection * noise | localhost:14100
75 | connection * plain | localhost:14100
75 | connection * half | localhost:14100
75 | connection * alert | localhost:14100
75 | connection * records | localhost:14100
75 | directory * cut request | localhost:14100
75 | directory * cut headers | localhost:14100
75 | directory * cut body | localhost:14100
75 | nonce * cut request | localhost:14100
75 | account * cut request | localhost:14100
75 | account * cut headers | localhost:14100
75 | new-order * cut request | localhost:14100
75 | new-order * cut answer | localhost:14100
75 | authz * cut body | localhost:14100
75 | challenge * cut request | localhost:14100
75 | finalize * cut body | localhost:14100
75 | certificate * cut request | localhost:14100
75 | certificate * cut body | localhost:14100
75 | certificate * length 1 | localhost:14100
END
}

@test "HTTP that is none, is endless, or lies about its size" {
    table <<'END'
76 | directory * raw SSH-2.0-OpenSSH_9.2\r\n | the answer is not HTTP
76 | directory * raw \x00\x01\x02\x03\r\n\r\n | the answer is not HTTP
76 | directory * raw HTTP/1.1\x20-7\x20No\r\n\r\n | the answer is not HTTP
76 | directory * raw HTTP/9.9\x20200\x20OK\r\n\r\n{} | the answer is not HTTP
75 | directory * cut status | localhost:14100
76 | directory * endless | larger than 1 MiB
76 | directory * endless-headers | more than 100 header lines
75 | directory * endless-line | localhost:14100
76 | directory * endless-interim 100 | more than 100 header lines
76 | directory * endless-interim 103 | more than 100 header lines
76 | directory * endless-chunks | larger than 1 MiB
76 | account * endless | larger than 1 MiB
76 | new-order * endless-headers | more than 100 header lines
76 | certificate * endless-chunks | larger than 1 MiB
75 | directory * header X-Long x 1048576 | localhost:14100
76 | directory * headers X-Many value 200 | more than 100 header lines
75 | directory * length 10000 | localhost:14100
76 | directory * length -10 | not JSON
75 | directory * chunks zz\r\n{}\r\n0\r\n\r\n | localhost:14100
75 | directory * chunks ffffffffffffffffff\r\n{} | localhost:14100
75 | directory * chunks -5\r\n{}\r\n | localhost:14100
75 | directory * chunks 5\r\n{} | localhost:14100
0 | directory * encoded gzip | .
0 | directory * interim 103 X-Early:\x20hint | .
0 | new-order * interim 103 Location:\x20https://localhost:14100/nowhere | .
0 | account * interim 100 Location:\x20http://elsewhere.test/account | .
76 | directory * redirect self | 302
76 | directory * redirect https://localhost:14000/dir 308 | 308
76 | directory * redirect http://localhost:14100/dir 301 | 301
76 | directory * redirect file:///etc/passwd 307 | 307
76 | new-order * redirect self 307 | 307
76 | certificate * redirect self 303 | 303
76 | new-order * answer 204 {} | no order|not JSON
76 | directory * answer 418 {} | 418
END
}

@test "what is slow is waited for no longer than what is silent, and an order not for ever" {
    # a second of the program's clock is a twentieth of a real one
    # shellcheck disable=SC2209 # a command line
    RUNS_IN="env ASAN_OPTIONS=verify_asan_link_order=0 faketime -f +0x20" HEALS=each
    table <<'END'
75 | directory * drip-headers | no answer in time
75 | directory * drip-body | no answer in time
75 | certificate * drip-body | no answer in time
75 | connection * silence | no answer in time
75 | new-order * stall | no answer in time
75 | order * processing ; finalize * processing | not done yet
75 | order * set status "pending" ; finalize * set status "pending" | not done yet
75 | order 1 set status "ready" ; order * set status "pending" ; finalize * set status "ready" | not done yet
75 | order * set status "ready" ; finalize * status 403 orderNotReady | not done yet
75 | new-order * repeat authorizations 100 ; authz * slow 2 | shown [0-9]+ of 100 authorizations in time
75 | challenge * slow 4 | no answer in time
END
}

@test "nonces" {
    HEALS=each
    table <<'END'
76 | any * bad-nonce | directory.*400
75 | account * bad-nonce | badNonce.*refused every nonce
75 | certificate * bad-nonce | badNonce.*refused every nonce
75 | new-order * answer 400 {"type":"URN:badNonce","detail":"no"} | badNonce.*refused every nonce
76 | nonce * header Replay-Nonce | nonce.*the answer has none
76 | nonce * header Replay-Nonce \x20 | nonce.*the answer has none
76 | nonce * header Replay-Nonce not+base64/url= | nonce.*the answer has none
76 | nonce * header Replay-Nonce a"b,"url":"https://x" | nonce.*the answer has none
76 | nonce * header Replay-Nonce \xff\xfe | nonce.*the answer has none
76 | nonce * header Replay-Nonce A 65536 | nonce.*the answer has none
75 | nonce * header Replay-Nonce A 1048576 | localhost:14100
75 | nonce * status 503 | nonce.*503
76 | nonce * status 404 | nonce.*404
0 | new-order 3 bad-nonce ; finalize 3 bad-nonce ; certificate 3 bad-nonce | .
0 | account 1 header Replay-Nonce ; new-order 1 header Replay-Nonce %% | .
END
}

# ---- JSON ----

@test "JSON that is none" {
    table <<'END'
76 | directory * body \x20 | directory.*not JSON
76 | directory * body <html><body>It\x20works!</body></html> | directory.*not JSON
76 | directory * body null | directory.*JSON
76 | directory * body 42 | directory.*JSON
76 | directory * body [] | directory.*not an object
76 | directory * body {} | not the directory of an ACME server
76 | directory * body [ 100000 | nested too deeply
76 | new-order * body {"a": 100000 | nested too deeply
76 | new-order * body [{ 50000 | nested too deeply
76 | new-order * body {} | order
76 | new-order * body x 1048577 | larger than 1 MiB
76 | new-order * edit "status": "status":"ready","status": | not JSON.*duplicate
76 | new-order * edit "pending" 1e999999 | not JSON
76 | new-order * edit "pending" 123456789012345678901234567890 | not JSON
76 | new-order * edit "pending" -0x10 | not JSON
76 | new-order * edit "pending" NaN | not JSON
76 | new-order * edit "pending" "pend\u0000ing" | not JSON
76 | new-order * edit "pending" "\ud800" | not JSON
76 | new-order * edit "pending" "\udc00\ud800" | not JSON
76 | new-order * body {"status":"\xff\xfe"} | not JSON
76 | new-order * body {"status":"\xc0\xae"} | not JSON
76 | new-order * body {"status":"a\x00b"} | not JSON
76 | new-order * body {"status":"pending"}{} | not JSON
76 | authz * body \xef\xbb\xbf{} | not JSON
76 | authz * garbage | not JSON
76 | finalize * body [] | not an object
END
}

@test "a MiB of JSON does not take a hundred of memory" {
    for item in '{}' '[]' '[[]]' '{"a":1}' '""' '1'; do
        echo "76 | new-order * many $item $((1000000 / (${#item} + 1))) | order"
    done | table
}

@test "members of the wrong kind" {
    for member in newNonce newAccount newOrder; do
        for value in 7 null '{}' '[]' '""' true '"http://localhost:14100/x"' '"/relative"' \
            '"ftp://localhost/x"' '"https://"' '"https://a\nb/"' '"javascript:alert(1)"'; do
            echo "76 | directory * set $member $value | not the directory of an ACME server.*$member"
        done
    done | table
    for member in status identifiers authorizations finalize; do
        for value in 7 null '{}' '"x"' true '[7]'; do
            echo "76 | new-order * set $member $value | order"
        done
    done | table
    for member in status identifier identifier.type identifier.value; do
        for value in 7 null '{}' '[7]' '"x"'; do
            [[ $member == status && $value == '"x"' ]] ||
                echo "76 | authz * set $member $value | authorization"
        done
    done | table
    for value in 7 null '{}' '"x"' '[7]' '[]' '[[]]' '[null]' '[{}]'; do
        echo "69 | authz * set challenges $value | db.ZONE.*no dns-01 challenge"
    done | table
}

# ---- URLs ----

@test "http and other schemes in every place are refused, and nobody is asked" {
    for url in http://localhost:14100/x HTTP://localhost:14100/x ftp://localhost/x //localhost/x \
        file:///etc/passwd ''; do
        cat <<END
76 | new-order * set finalize "$url" | order.*finalize.*https
76 | new-order * set authorizations.0 "$url" | order.*authorization.*https
76 | authz * set challenges.*.url "$url" | challenge.*https
76 | finalize * set certificate "$url" ; order * set certificate "$url" | order.*certificate
76 | new-order * header Location $url | order.*Location.*https
76 | account * header Location $url | register.*Location.*https
END
    done | sed 's/ Location  |/ Location |/' | table
    table <<'END'
76 | directory * set newOrder "https://a\u0040b:c/d" | not an https URL
75 | directory * set newOrder "https://127.0.0.1:1/x" | 127.0.0.1:1
75 | directory * set newOrder "https://169.254.169.254/latest/meta-data" | 169.254.169.254
75 | new-order * set finalize "https://[::1]:1/x" ; order * set finalize "https://[::1]:1/x" | ::1
76 | new-order * set finalize "https://localhost:14100/a\u0020b" | order.*finalize.*https
76 | new-order * set finalize "https://localhost:14100/\u001b[2J" | order.*finalize.*https
76 | new-order * set finalize "https://localhost:14100/\u00e9" | order.*finalize.*https
END
    long=$(printf '%03000d' 0)
    table <<END
76 | new-order * set finalize "https://localhost:14100/$long" | order.*finalize.*https
END
}

@test "another https origin is asked, and hears nothing but signed requests" {
    rm -f "$WORLD/hostile/bodies"
    for place in finalize certificate; do
        echo "76 | order * set $place \"https://127.0.0.1:14100/elsewhere\" ; finalize * set $place \"https://127.0.0.1:14100/elsewhere\" | elsewhere.*404"
    done | table
    grep -q '^Host: 127.0.0.1:14100' "$WORLD/hostile/bodies"
    not grep -qiE '^(authorization|cookie|proxy-.*|x-.*):|PRIVATE KEY' "$WORLD/hostile/bodies"
    python3 - "$WORLD/hostile/bodies" <<'END'
import json, sys
bodies = [line for line in open(sys.argv[1]) if line.startswith("{")]
assert bodies
for body in bodies:
    assert sorted(json.loads(body)) == ["payload", "protected", "signature"], body
END
}

# ---- the order ----

@test "orders" {
    HEALS=each
    table <<'END'
76 | new-order * drop finalize | order.*finalize
76 | new-order * drop authorizations | order.*authorization
76 | new-order * set authorizations [] | order.*authorization
76 | new-order * repeat authorizations 10000 | order.*10000 authorizations
76 | new-order * set status "half" | order.*status 'half'
76 | new-order * set status "VALID" | order.*status 'VALID'
76 | new-order * set status "valid" | valid.*no certificate
76 | new-order * set identifiers [{"type":"dns","value":"evil.test"}] | order.*other names
76 | new-order * set identifiers [{"type":"dns","value":"db.ZONE"},{"type":"dns","value":"evil.test"}] | order.*other names
76 | new-order * set identifiers [{"type":"ip","value":"db.ZONE"}] | order.*other names
76 | new-order * set identifiers [] | order.*other names
0 | new-order * drop identifiers | .
69 | new-order * set status "invalid" | order.*invalid
69 | finalize * invalid | db.ZONE.*CAA forbids
69 | finalize * set status "invalid" | issuer refuses the order and does not say why
69 | finalize * set status "invalid" error {"type":"URN:badCSR","detail":"no"} | badCSR: no; another key_type
69 | finalize * set status "invalid" error 7 | the issuer refuses and does not say why
69 | finalize * set status "invalid" error {} | the issuer refuses and does not say why
76 | new-order * header Location | no Location
76 | order * answer 200 [] | not an object
76 | order * answer 200 {} | order
69 | order * status 403 unauthorized | unauthorized
76 | order * status 404 malformed | malformed
75 | finalize * status 500 | 500|as told
69 | finalize * status 403 badCSR | badCSR.*key_type
0 | finalize 1 status 403 orderNotReady | .
0 | finalize 1 processing ; order 2 processing | .
0 | finalize 1 processing -5 | .
0 | finalize 1 processing garbage | .
0 | finalize 1 processing Thu,_01_Jan_1970 | .
75 | finalize * processing 31536000 | not done yet
75 | finalize * set status "processing" ; order * processing 999999999999999999999 | not done yet
END
}

@test "an order whose finalize was accepted and never answered goes on where it is" {
    hostile "finalize * cut answer"
    expect 75 pgcert renew
    [ -z "$(newest_generation)" ]
    [ "$(served)" = "$first" ]
    hostile
    expect 0 pgcert renew
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
    [ "$(grep -c order-plz "$WORLD/hostile/log")" = 0 ]
    [ "$(grep -c finalize-order "$WORLD/hostile/log")" = 0 ]
}

@test "authorizations" {
    table <<'END'
76 | authz * set identifier.value "evil.test" | name that was not ordered
76 | authz * set identifier.value "db.ZONE.evil.test" | name that was not ordered
76 | authz * set identifier.value "*.ZONE" | name that was not ordered
76 | authz * set identifier.type "ip" | name that was not ordered
76 | authz * drop identifier | name that was not ordered
76 | authz * answer 200 [] | not an object
76 | authz * answer 200 {} | authorization
69 | authz * set status "invalid" | db.ZONE
69 | authz * set status "revoked" | db.ZONE
69 | authz * set status "expired" | db.ZONE
69 | authz * set status "half" | db.ZONE
69 | authz * set challenges [] | no dns-01 challenge
69 | authz * set challenges.*.type "dns-77" | no dns-01 challenge
69 | authz * set challenges.*.type 7 | no dns-01 challenge
0 | authz * repeat challenges 2 | .
76 | authz * drop challenges.*.token | challenge.*token
76 | authz * drop challenges.*.url | challenge.*https
69 | authz * status 403 unauthorized | unauthorized
75 | authz * status 500 | as told
69 | challenge * status 400 incorrectResponse | db.ZONE.*incorrectResponse
76 | challenge * status 400 malformed | db.ZONE.*malformed
0 | challenge * body {} | .
END
}

@test "challenges that the issuer has found wrong" {
    # the authorization is good when it is read, and later it is not
    for error in '{"type":"URN:dns","detail":"SERVFAIL"}' '{"type":"URN:unauthorized","detail":"none"}' \
        '{"type":"URN:caa","detail":"forbidden"}' '{"type":7,"detail":[]}' '{}' '7' 'null' '[[]]'; do
        status=69
        [[ $error == *:dns* ]] && status=75
        echo "$status | authz 1 drop expires ; order * set status \"invalid\" ; authz * failed $error | db.ZONE"
    done | table
    table <<'END'
69 | authz 1 drop expires ; order * set status "invalid" ; authz * set status "invalid" | db.ZONE.*does not say why
69 | authz 1 drop expires ; order * set status "invalid" ; authz * set status "valid" | does not say why
END
}

@test "tokens that are no base64url, are empty or huge never reach a name, a path or a program" {
    for token in ../../etc/passwd '$(id)' '`id`' 'a;id' 'a.b' 'a b' 'a\nb' 'a\u001bb' '*' '-\u0020-' \
        'a=' '' '\u00e9' "a'b"; do
        echo "76 | authz * set challenges.*.token \"${token// /\\u0020}\" | challenge.*token"
    done | table
    table <<'END'
76 | authz * token 7 1048576 | token|larger
76 | authz * token A 257 | challenge.*token
69 | authz * set challenges.*.token "--help" | did not find the record
END
}

# ---- certificates ----

@test "certificates that are not what was ordered" {
    table <<'END'
65 | certificate * other-key | key
65 | certificate * other-name evil.test | db.ZONE
65 | certificate * other-name - | db.ZONE
65 | certificate * other-name *.evil.test | db.ZONE
65 | certificate * other-name evil.ZONE | db.ZONE
65 | certificate * other-time -60 | expired
65 | certificate * other-time 10 | not yet valid|not valid before
65 | certificate * other-usage clientAuth | purpose|usage|server
65 | certificate * leaf-only | chain|issuer|intermediate|root
65 | certificate * chain 1 | key
65 | certificate * chain 1 0 | order
65 | certificate * chain 0 ca | chain|issuer|intermediate|root|follow
65 | certificate * chain ca | key
65 | certificate * chain space | no certificate
65 | certificate * chain text | no certificate
65 | certificate * chain key | no certificate
65 | certificate * chain html | PEM|damaged
65 | certificate * der | PEM
65 | certificate * body -----BEGIN\x20CERTIFICATE-----\n | truncated
65 | certificate * body -----BEGIN\x20CERTIFICATE-----\n!!!!\n-----END\x20CERTIFICATE-----\n | not base64
65 | certificate * body -----BEGIN\x20CERTIFICATE-----\nAAAA\n-----END\x20CERTIFICATE-----\n | not a DER
65 | certificate * chain 0 1*20 | more than 16 certificates
65 | certificate * chain 0*1000 | more than 16|larger than
76 | certificate * chain 0*10000 | larger than 1 MiB
76 | certificate * body x 0 | is empty
65 | certificate * answer 200 {"certificate":"here"} | no certificate
76 | certificate * status 404 malformed | malformed
69 | certificate * status 403 unauthorized | unauthorized
75 | certificate * status 500 | as told
0 | certificate * type text/html | .
0 | certificate * chain text 0 text 1 space | .
END
}

@test "nothing but the certificates is kept of what comes with them" {
    hostile "certificate * chain key 0 text key 1 key text"
    expect 0 pgcert renew
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
    not grep -vE '^(-----(BEGIN|END) CERTIFICATE-----|[A-Za-z0-9+/=]+)$' "$(newest_generation)/chain.pem"
    [ "$(grep -c 'PRIVATE KEY' "$PGDATA/pgcert.pem")" = 2 ]
    not grep -q Dear "$PGDATA/pgcert.pem"
}

@test "alternate chains that loop, are many, elsewhere or nothing: one is used, and the asking ends" {
    conf_add <<<$'[issuer pebble]\npreferred_chain = Nobody'
    table <<'END'
0 | certificate * headers Link <@>;rel="alternate" 1 | .
0 | certificate * headers Link <@?#>;rel="alternate" 80 | .
0 | certificate * headers Link <http://localhost:14100/x#>;rel="alternate" 5 | .
0 | certificate * headers Link <file:///etc/passwd>;rel="alternate" 1 | .
0 | certificate * headers Link <https://localhost:1/#>;rel="alternate" 3 | .
0 | certificate * headers Link <>;rel="alternate" 1 | .
0 | certificate * headers Link <<<;;;,,,"rel=alternate 20 | .
0 | certificate 1 headers Link <@/more>;rel="alternate" 1 ; certificate * endless | .
END
    hostile 'certificate * headers Link <@?#>;rel="alternate" 80'
    expect 0 pgcert renew --force
    [ "$(grep -c certZ "$WORLD/hostile/log")" -le 17 ]
}

# ---- the account, the directory ----

@test "accounts" {
    HEALS=each
    table <<'END'
76 | account * header Location | register.*Location.*https
76 | account * header Location \x20 | register.*Location.*https
76 | account * header Location /sign-me-up/1 | register.*Location.*https
76 | account * header Location https:///account | register.*Location.*https
76 | account * body [] | register.*not an object
0 | account * body {} | .
0 | account * set contact 7 orders [] status {} | .
69 | account * status 403 unauthorized | register.*unauthorized
78 | account * status 403 externalAccountRequired | eab_kid and eab_hmac_file
78 | account * status 400 invalidContact | correct the setting contact
78 | account * status 400 unsupportedContact | correct the setting contact
69 | account * status 400 badPublicKey | badPublicKey.*key_type
69 | account * status 400 badSignatureAlgorithm | ES256
69 | account * status 409 conflict | conflict
75 | account * status 500 | register.*as told
69 | new-order * status 400 accountDoesNotExist | account is gone there
0 | new-order 1 status 400 accountDoesNotExist | .
END
    hostile "new-order * status 400 accountDoesNotExist"
    expect 69 pgcert renew --force
    [ "$(grep -c sign-me-up "$WORLD/hostile/log")" = 1 ]
}

@test "directories" {
    HEALS=each
    table <<'END'
76 | directory * drop newNonce | newNonce
76 | directory * drop newOrder | newOrder
76 | directory * set newOrder "@/nowhere" | nowhere.*404
76 | directory * set newNonce "@/nowhere" | nowhere.*404
76 | directory * set newAccount "@/dir" | dir
0 | directory * set meta 7 | .
0 | directory * set meta null | .
0 | directory * set meta [] | .
0 | directory * set meta.termsOfService 7 meta.website {} meta.caaIdentities "x" | .
0 | directory * set meta.externalAccountRequired "yes" | .
0 | directory * set renewalInfo 7 keyChange null revokeCert "" | .
0 | directory * set meta.profiles 7 | .
0 | directory * type text/html | .
78 | directory * set meta.externalAccountRequired true | eab_kid
END
}

@test "a directory that changes in the middle is read again" {
    hostile
    expect 0 pgcert renew
    hostile "directory 1 set newOrder \"@/old\" newNonce \"@/older\""
    rm "$STATE/accounts/pebble/session.json"
    expect 76 pgcert renew --force
    hostile
    expect 0 pgcert renew --force
    [ "$(grep -c 'GET /dir' "$WORLD/hostile/log")" = 1 ]
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
}

@test "a key change that fails at any point leaves an account that works" {
    expect 0 pgcert renew
    for deed in "status 500" "status 409 conflict" "status 403 unauthorized" "cut request" "cut answer" "garbage" \
        "redirect self 307" "endless-headers"; do
        hostile "key-change 1 $deed"
        run --separate-stderr measured account rollover pebble
        echo "$deed: $status"
        grep -q "rollover-account-key $deed" "$WORLD/hostile/log"
        is_small_and_quick
        [[ "$status" =~ ^(0|69|75|76)$ ]]
        hostile
        expect 0 pgcert renew --force
    done
}

# ---- problems ----

@test "Retry-After, whatever it is" {
    for value in -5 0 1e9 0x10 '' later 'Thu,\x2001\x20Jan\x201970\x2000:00:00\x20GMT' \
        'Fri,\x2031\x20Dec\x209999\x2023:59:59\x20GMT' 'Sun,\x2099\x20Nov\x202026\x2099:99:99\x20GMT' \
        99999999999999999999999999 '\xff' 3600,3600; do
        echo "75 | new-order * retry $value | serverInternal.*not tried again before 20[0-9-]+T"
    done | sed 's/retry  |/retry |/' | table
    hostile 'new-order * retry Fri,\x2031\x20Dec\x209999\x2023:59:59\x20GMT'
    expect 75 pgcert renew --force
    [ "$(next_try)" -le $((8 * 86400)) ]
    hostile 'new-order * retry Thu,\x2001\x20Jan\x201970\x2000:00:00\x20GMT'
    expect 75 pgcert renew --force
    [ "$(next_try)" -ge 30 ]
}

# When the next try is, in seconds from now.
next_try()
{
    expect 0 pgcert --json status
    echo $(($(date -d "$(json "['certificates'][0]['last_attempt']['next_at']")" +%s) - EPOCHSECONDS))
}

@test "every kind of refusal that an order can meet is told with what to do" {
    table <<'END'
69 | new-order * status 403 alreadyReplaced | alreadyReplaced.*account of its own
69 | finalize * status 400 badPublicKey | badPublicKey.*key_type
69 | finalize * status 403 caa | caa.*CAA record
69 | finalize * status 409 conflict | conflict.*same time
76 | new-order * status 400 malformed | malformed.*mistake of pgcert
69 | new-order * status 403 onionCAARequired | \.onion
78 | new-order * status 400 invalidProfile | setting profile
75 | new-order * status 429 rateLimited 60 | rateLimited.*wait
69 | new-order * status 403 rejectedIdentifier | setting names
75 | finalize * status 500 serverInternal | trouble is the issuer's own
69 | new-order * status 403 unauthorized | pgcert account show
69 | new-order * status 400 unsupportedIdentifier | signs no such names
76 | new-order * status 400 unknownDelegation | tell the issuer
76 | new-order * status 400 autoRenewalCanceled | tell the issuer
69 | new-order * status 403 userActionRequired | do what it asks for
69 | new-order * user-action https://ca.test/agree/1 https://ca.test/terms | go to https://ca.test/agree/1; .*its terms of service: https://ca.test/terms
69 | new-order * user-action javascript:alert(1) http://ca.test/terms | as told; do what it asks for, then run again; not tried
69 | new-order * user-action https://ca.test/é https://ca.test/terms | as told; do what it asks for, then run again; its terms of service: https://ca.test/terms
75 | new-order * rate-limited 60 https://ca.test/limits | its rules: https://ca.test/limits
69 | new-order * status 418 ofTheFuture | ofTheFuture: as told
69 | new-order * subproblems 1000 | n0.test: reason 0 \(a CAA record.*\); n1.test: reason 1; .*and 995 more
75 | new-order * answer 403 {"type":"URN:compound","detail":"two","subproblems":[{"type":"URN:dns","detail":"A"},{"type":"URN:connection","detail":"B"}]} | compound: two; \?: A \(.*zone.*\); \?: B \(.*name servers.*\)
69 | new-order * answer 403 {"type":"URN:compound","detail":"two","subproblems":[{"type":"URN:dns","detail":"A"},{"type":"URN:caa","detail":"B"}]} | compound: two
END
}

@test "problem documents that are none, or talk to the terminal" {
    long=$(printf '%060000d' 0)
    sed "s/LONG/$long/" <<'END' | table
69 | new-order * answer 403 {"type":"URN:caa","detail":"a\u001b[2Jb\nc\u0007\u009b31m"} | caa: a.\[2Jb.c
69 | new-order * answer 403 {"type":"URN:caa","detail":"LONG"} | caa: 0+\.\.\.; a CAA record
69 | new-order * answer 403 {"type":"URN:LONG","detail":"x"} | says 0+\.\.\.: x
69 | new-order * answer 403 {"type":"URN:caa","detail":"x","subproblems":[{"detail":"LONG","identifier":{"value":"x"}}]} | a CAA record
69 | new-order * answer 403 {"type":"URN:caa","detail":7} | says caa: ; a CAA record
69 | new-order * answer 403 {"detail":"none"} | about:blank: none
76 | new-order * answer 403 {"type":7,"detail":[]} | status 403 and no explanation
76 | new-order * answer 403 {"type":null} | status 403 and no explanation
76 | new-order * answer 403 [] | status 403 and no explanation
76 | new-order * answer 403 garbage | status 403 and no explanation
69 | new-order * answer 403 {"type":"URN:caa","subproblems":7} | caa
69 | new-order * answer 403 {"type":"URN:caa","subproblems":[7,null,[],"x",{"identifier":7,"detail":{}}]} | caa
69 | new-order * answer 403 {"type":"urn:acme:error:caa","detail":"old"} | urn:acme:error:caa: old
75 | new-order * answer 503 {"type":"https://ca.test/x","detail":"own"} | https://ca.test/x: own
END
}
