#!/usr/bin/env bats
# check: what is served, and a judgement; the exit status is for monitoring.
load ../e2e/world

@test "a served certificate is good, and openssl(1) says the same" {
    fresh_and_served
    expect 0 pgcert check main
    openssl s_client -starttls postgres -connect localhost:5432 -verify_return_error \
        -CAfile "$WORLD/pebble/root.pem" -verify_hostname "db.$ZONE" </dev/null
    expect 0 pgcert --json check main
    [ "$(json "['endpoints'][0]['sha256']")" = "$(served)" ]
    [ "$(json "['endpoints'][0]['verified']")" = true ]
    [ "$(json "['endpoints'][0]['problems']")" = "[]" ]
    [ "$(json "['endpoints'][0]['names']")" = "['db.$ZONE']" ]
    [[ $(json "['endpoints'][0]['protocol']") == TLSv1.* ]]
}

@test "the words for people fit into 80 columns and name the address and the end" {
    fresh_and_served
    expect 0 pgcert check main
    grep -q 127.0.0.1:5432 <<<"$output"
    grep -q "$(date -u -d "$(openssl x509 -in "$PGDATA/pgcert.pem" -noout -enddate |
        sed 's/.*=//')" +%F)" <<<"$output"
    [ "$(awk 'length > 80' <<<"$output")" = "" ]
}

@test "a host and port is checked by its name" {
    fresh_and_served
    run --separate-stderr pgcert check "db.$ZONE:5432"
    [[ $status -eq 0 || $status -eq 82 ]] # 82: the root is Pebble's, which no system trusts
    grep -q "db.$ZONE" <<<"$output"
}

@test "a self-signed certificate is found, and said" {
    fresh
    pg_serves_pgcert
    expect 82 pgcert check localhost:5432
    grep -qiE "self.signed|not a trusted root" <<<"$output$stderr"
}

@test "a certificate for another name is found, and said" {
    fresh_and_served
    expect 82 pgcert check localhost:5432
    grep -qi "localhost" <<<"$output$stderr"
}

@test "a server with ssl off is found, and said" {
    pg_reset
    expect 82 pgcert check localhost:5432
    grep -qiE "ssl is off|no TLS|does not speak TLS|without TLS" <<<"$output$stderr"
}

@test "a port where nobody listens is a temporary failure" {
    expect 75 pgcert check localhost:5999
    says "5999"
}

@test "a port where somebody else listens does no harm" {
    run --separate-stderr pgcert check 127.0.0.1:53
    [[ $status -eq 82 || $status -eq 76 || $status -eq 75 ]]
    [ -n "$stderr$output" ]
}

@test "a good file, an expired one and a broken one are told apart" {
    self_signed "$WORLD/good.pem"
    run --separate-stderr pgcert check "$WORLD/good.pem"
    [[ $status -eq 0 || $status -eq 82 ]] # self-signed
    faketime -f -9d openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -subj "/CN=x" -days 5 \
        -keyout "$WORLD/expired.key" -out "$WORLD/expired.pem" 2>/dev/null
    expect 82 pgcert check "$WORLD/expired.pem"
    grep -qi "expired" <<<"$output$stderr"
    echo "not a certificate" >"$WORLD/broken.pem"
    expect 65 pgcert check "$WORLD/broken.pem"
    says "broken.pem"
}

@test "check of all targets is the default" {
    fresh_and_served
    expect 0 pgcert check
    grep -q 127.0.0.1:5432 <<<"$output"
}

@test "direct TLS, as PostgreSQL 17 has it, asks for its protocol at once" {
    self_signed "$WORLD/direct.pem"
    # No PostgreSQL 17 in this suite: openssl(1) stands in; it refuses another ALPN protocol.
    openssl s_server -accept 127.0.0.1:5433 -cert "$WORLD/direct.pem" -key "$WORLD/direct.pem" \
        -alpn postgresql -quiet >"$WORLD/s_server" 2>&1 3>&- 4>&- </dev/null &
    server=$!
    await 5 "s_server" port_is_open 127.0.0.1 5433
    expect 0 pgcert check --direct --trust "$WORLD/direct.pem" "db.$ZONE:5433"
    grep -q "127.0.0.1:5433" <<<"$output"
    # without --direct it is no PostgreSQL
    run --separate-stderr pgcert check --trust "$WORLD/direct.pem" "db.$ZONE:5433"
    [[ $status -eq 82 || $status -eq 76 || $status -eq 75 ]]
    kill $server
}

# ---- CRLs ----

@test "a file of CRLs is shown: whose, which number, until when; 82 when one has ended" {
    have faketime
    expect 0 pgcert ca init
    expect 0 pgcert client new alice
    expect 0 pgcert client revoke alice
    crl=$STATE/ca/clients.crl
    expect 0 pgcert --json check "$crl"
    [ "$(json "['endpoints'][0]['crls'].__len__()")" = 2 ]
    for i in 0 1; do # in the order of the file
        awk -v "n=$i" '/BEGIN/ {at++} at == n + 1' "$crl" >"$WORLD/one.crl"
        [ "$(json "['endpoints'][0]['crls'][$i]['issuer']")" = "$(openssl crl -in "$WORLD/one.crl" -noout -issuer -nameopt sep_comma_plus_space,utf8 | sed 's/issuer=//')" ]
        number=$(openssl crl -in "$WORLD/one.crl" -noout -crlnumber | sed 's/.*=//')
        [ "$(json "['endpoints'][0]['crls'][$i]['number']")" = "$((16#${number#0x}))" ]
        [ "$(json "['endpoints'][0]['crls'][$i]['next_update']")" = "$(date -u -d "$(openssl crl -in "$WORLD/one.crl" -noout -nextupdate | sed 's/.*=//')" +%FT%TZ)" ]
        [ "$(json "['endpoints'][0]['crls'][$i]['revoked']")" = "$(openssl crl -in "$WORLD/one.crl" -noout -text | grep -c 'Serial Number:')" ]
    done
    [ "$(json "['endpoints'][0]['verified']")" = true ]
    expect 0 pgcert check "$crl"
    [[ $output == *"CRL of"*"1 revoked"*" days left)"*"good"* ]]
    [ "$(grep -v ^/ <<<"$output" | awk 'length > 80')" = "" ]

    expect 82 later +31d check "$crl"
    [[ $(tr -s '\n ' ' ' <<<"$output") == *"has ended at 20"*"everybody is refused"* ]]
    expect 82 later +31d --json check "$crl"
    [ "$(json "['endpoints'][0]['problems'].__len__()")" = 2 ]
    expect 82 later -1d check "$crl"
    [[ $(tr -s '\n ' ' ' <<<"$output") == *"does not hold before"* ]]

    # CAs and CRLs in one file, as PostgreSQL's ssl_crl_file may have them; DER
    cat "$STATE/ca/client-ca.crt" "$STATE/ca/root.crt" "$crl" >"$WORLD/both.pem"
    expect 0 pgcert --json check "$WORLD/both.pem"
    [ "$(json "['endpoints'][0]['crls'].__len__()")" = 2 ]
    openssl crl -in "$crl" -outform DER -out "$WORLD/crl.der"
    expect 0 pgcert --json check "$WORLD/crl.der"
    [ "$(json "['endpoints'][0]['crls'].__len__()")" = 1 ]

    # damaged
    head -c 300 "$crl" >"$WORLD/cut.crl"
    expect 65 pgcert check "$WORLD/cut.crl"
    says "'$WORLD/cut.crl': a CRL is damaged"
}
