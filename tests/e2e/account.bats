#!/usr/bin/env bats
# account and revoke: what can be done with an account at a real server.
load ../e2e/world

# The account's URL as remembered, as a path.
account_path()
{
    sed -n 's|.*"url": *"https://[^/]*\(/[^"]*\)".*|\1|p' "$STATE/accounts/pebble/account.json"
}

account_key()
{
    openssl pkey -in "$STATE/accounts/pebble/account.key" -pubout
}

# Starts the issuer anew with other variables; it has forgotten everything then.
pebble_anew()
{
    pebble_stop
    pebble_start "$@"
}

# What Pebble has on the newest certificate.
revocation()
{
    local serial
    serial=$(openssl x509 -in "$(newest_generation)/chain.pem" -noout -serial)
    pebble_get "/cert-status-by-serial/${serial#*=}"
}

# ---- external account binding ----

@test "an issuer that wants a binding gets one, by each algorithm" {
    fresh
    pg_serves_pgcert
    pebble_anew EAB=true
    for algorithm in HS256 HS384 HS512; do
        rm -rf "$STATE"
        cat >"$WORLD/conf/conf.d/50-test.conf" <<END
[issuer pebble]
eab_kid = kid-1
eab_hmac_file = $WORLD/pebble/eab.key
eab_algorithm = $algorithm
END
        expect 0 pgcert renew
        [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
        not grep -qF "$(cat "$WORLD/pebble/eab.key")" <<<"$output$stderr"
    done
    pebble_anew
}

@test "a binding that is missing or wrong is told with the settings to correct" {
    fresh
    pebble_anew EAB=true
    mark=$(pebble_mark)
    expect 78 pgcert renew
    says "external account binding: set eab_kid and eab_hmac_file"
    [ "$(requests "$mark" sign-me-up)" = 0 ]

    conf_add <<<$'[issuer pebble]\neab_kid = kid-1'
    expect 78 pgcert renew
    says "eab_hmac_file is not set"

    conf_add <<<"[issuer pebble]"$'\neab_hmac_file = '"$WORLD/wrong.key"
    (umask 077 && echo "not base64url!" >"$WORLD/wrong.key")
    expect 78 pgcert renew
    says "'$WORLD/wrong.key' does not hold a key in base64url"

    head -c 36 /dev/urandom | basenc --base64url -w 0 >"$WORLD/wrong.key"
    expect 69 pgcert account register pebble
    says "register at .* with eab_kid 'kid-1' and the key in eab_hmac_file '$WORLD/wrong.key'"

    chmod 644 "$WORLD/wrong.key"
    expect 77 pgcert account register pebble
    [ ! -e "$STATE/accounts/pebble/account.json" ]
    pebble_anew
}

# ---- preferred chain ----

@test "the chain that is preferred is taken among all alternates" {
    fresh
    pg_serves_pgcert
    pebble_anew PEBBLE_ALTERNATE_ROOTS=2 PEBBLE_CHAIN_LENGTH=2
    for root in 0 1 2; do
        pebble_save "$WORLD/root-$root.pem" $root
    done
    cat "$WORLD"/root-[012].pem >"$WORLD/roots.pem"
    conf_add <<<"[issuer pebble]"$'\ntrust_file = '"$WORLD/roots.pem"
    for root in 2 1 0; do
        name=$(openssl x509 -in "$WORLD/root-$root.pem" -noout -subject -nameopt multiline |
            sed -n 's/ *commonName *= //p')
        print=$(openssl x509 -in "$WORLD/root-$root.pem" -noout -fingerprint -sha256)
        for wanted in "$name" "${print#*=}" "$(leaf_sha256 "$WORLD/root-$root.pem")"; do
            printf '[issuer pebble]\npreferred_chain = %s\n' "$wanted" \
                >"$WORLD/conf/conf.d/60-test.conf"
            mark=$(pebble_mark)
            expect 0 pgcert renew --force
            [ -z "$stderr" ]
            # the first is asked for in any case, the others in Pebble's order, which is random
            [ "$(requests "$mark" certZ)" -le $((root == 0 ? 1 : 3)) ]
            openssl verify -CAfile "$WORLD/root-$root.pem" -untrusted "$(newest_generation)/chain.pem" \
                "$(newest_generation)/chain.pem"
            [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
        done
    done

    printf '[issuer pebble]\npreferred_chain = Nobody Root\n' >"$WORLD/conf/conf.d/60-test.conf"
    expect 0 pgcert renew --force
    says "preferred_chain = Nobody Root was offered, but: Pebble.*, Pebble.*, Pebble.*first"
    openssl verify -CAfile "$WORLD/root-0.pem" -untrusted "$(newest_generation)/chain.pem" \
        "$(newest_generation)/chain.pem"

    rm "$WORLD/conf/conf.d/60-test.conf"
    mark=$(pebble_mark)
    expect 0 pgcert renew --force
    [ "$(requests "$mark" certZ)" = 1 ]
    pebble_anew
}

# ---- profiles ----

@test "a profile that the issuer does not have is told before an order is made" {
    fresh
    conf_add <<<$'[issuer pebble]\nprofile = shortlived'
    mark=$(pebble_mark)
    expect 78 pgcert renew
    says "profile = shortlived: this issuer has no"
    [ "$(requests "$mark" order-plz)" = 0 ]
}

# ---- contacts ----

@test "contacts that change in the settings change at the server, once" {
    fresh
    expect 0 pgcert account register pebble
    conf_add <<<$'[issuer pebble]\ncontact = mailto:new@example.org mailto:other@example.org'
    mark=$(pebble_mark)
    pg_serves_pgcert
    expect 0 pgcert renew
    [ "$(requests "$mark" my-account)" = 1 ]
    expect 0 pgcert --json account show pebble
    [ "$(json "['contact']")" = "['mailto:new@example.org', 'mailto:other@example.org']" ]
    mark=$(pebble_mark)
    expect 0 pgcert renew --force
    [ "$(requests "$mark" my-account)" = 0 ]
}

@test "contacts that the server does not take do not stop a renewal" {
    fresh
    pg_serves_pgcert
    expect 0 pgcert account register pebble
    conf_add <<<$'[issuer pebble]\ncontact = mailto:a@example.org tel:+1'
    expect 0 pgcert renew
    says "change the contacts of the account: .*correct the setting contact"
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
}

# ---- account ----

@test "account show tells what the server says, and makes none" {
    fresh
    mark=$(pebble_mark)
    expect 65 pgcert account show pebble
    says "there is no account yet.*pgcert account register pebble"
    [ "$(requests "$mark" .)" = 0 ]
    expect 0 pgcert account register pebble
    expect 0 pgcert account show pebble
    grep -qE '^pebble +valid$' <<<"$output"
    grep -qF "$(account_path)" <<<"$output"
    grep -qF "mailto:dba@$ZONE" <<<"$output"
    grep -qF "$DIRECTORY" <<<"$output"
    expect 0 pgcert --json account show pebble
    [ "$(json "['status']")" = valid ]
    [ "$(json "['contact'][0]")" = "mailto:dba@$ZONE" ]
    [ "$(json "['deactivated_at']")" = null ]
    # the URL is found again by the key
    path=$(account_path)
    rm "$STATE/accounts/pebble/account.json"
    expect 0 pgcert --json account show pebble
    [[ $(json "['url']") == *"$path" ]]
}

@test "register does not make a second account, and another host can share it by its key" {
    fresh
    expect 0 pgcert account register pebble
    path=$(account_path)
    expect 0 pgcert account register pebble
    [ "$(account_path)" = "$path" ]
    cp "$STATE/accounts/pebble/account.key" "$WORLD/shared.key"
    rm -r "$STATE/accounts"
    install -D -m 600 "$WORLD/shared.key" "$STATE/accounts/pebble/account.key"
    expect 0 pgcert account register pebble
    [ "$(account_path)" = "$path" ]
}

@test "an issuer that is not in the settings, and a word that is none" {
    fresh
    expect 64 pgcert account show nobody
    says "there is no \[issuer nobody\]"
    expect 64 pgcert account destroy pebble
    says "usage: pgcert account"
    expect 64 pgcert account show
    says "usage: pgcert account show.register.rollover.deactivate.export.import ISSUER .FILE."
    expect 64 pgcert account import pebble
    says "usage: pgcert account"
}

@test "rollover: the same account with a new key, and renewals go on" {
    fresh
    pg_serves_pgcert
    expect 0 pgcert renew
    old=$(account_key)
    path=$(account_path)
    expect 0 pgcert account rollover pebble
    [ "$(account_key)" != "$old" ]
    [ "$(account_path)" = "$path" ]
    [ ! -e "$STATE/accounts/pebble/account.key.new" ]
    [ "$(stat -c %a "$STATE/accounts/pebble/account.key")" = 600 ]
    mark=$(pebble_mark)
    expect 0 pgcert renew --force
    [ "$(requests "$mark" sign-me-up)" = 0 ]
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
}

@test "rollover: killed before or after the server has taken the key, the next run settles it" {
    fresh
    pg_serves_pgcert
    expect 0 pgcert renew
    dir=$STATE/accounts/pebble
    # Killed before keyChange was sent: the server knows the old key alone.
    old=$(account_key)
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null \
        >"$dir/account.key.new"
    mark=$(pebble_mark)
    expect 0 pgcert renew --force
    [ "$(account_key)" = "$old" ]
    [ ! -e "$dir/account.key.new" ]
    [ "$(requests "$mark" sign-me-up)" = 1 ] # the question

    # Killed after: it knows the new one alone.
    cp "$dir/account.key" "$WORLD/old.key"
    expect 0 pgcert account rollover pebble
    new=$(account_key)
    mv "$dir/account.key" "$dir/account.key.new"
    cp "$WORLD/old.key" "$dir/account.key"
    expect 0 pgcert renew --force
    [ "$(account_key)" = "$new" ]
    [ ! -e "$dir/account.key.new" ]
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
}

@test "rollover: killed at any rename or unlink, the account is never lost" {
    have strace
    fresh
    pg_serves_pgcert
    expect 0 pgcert renew
    for n in 1 2 3; do
        for call in rename,renameat,renameat2 unlink,unlinkat; do
            strace -f -qq -o "$WORLD/trace" -e "trace=$call" -e "inject=$call:signal=KILL:when=$n" \
                "$PGCERT" -c "$CONF" account rollover pebble </dev/null 3>&- 4>&- || :
            expect 0 pgcert account show pebble
            grep -q valid <<<"$output"
            [ ! -e "$STATE/accounts/pebble/account.key.new" ]
        done
    done
    mark=$(pebble_mark)
    expect 0 pgcert renew --force
    [ "$(requests "$mark" sign-me-up)" = 0 ]
}

@test "rollover: an issuer that cannot be reached leaves the old key in force" {
    fresh
    expect 0 pgcert account register pebble
    old=$(account_key)
    pebble_stop
    expect 75 pgcert account rollover pebble
    [ "$(account_key)" = "$old" ]
    pebble_start
}

@test "deactivate asks first, is for good, and a renewal says what to do" {
    fresh
    pg_serves_pgcert
    expect 0 pgcert renew
    first=$(served)
    old=$(account_key)
    expect 64 pgcert account deactivate pebble
    says "add: --yes"
    expect 0 pgcert account deactivate --yes pebble
    mark=$(pebble_mark)
    expect 69 pgcert renew --force
    says "was deactivated on .*pgcert account register"
    [ "$(served)" = "$first" ]
    expect 0 pgcert --json account show pebble
    [ "$(json "['status']")" = deactivated ]
    [ "$(requests "$mark" .)" = 0 ]
    expect 65 pgcert account deactivate --yes pebble

    expect 0 pgcert account register pebble
    [ "$(account_key)" != "$old" ]
    expect 0 pgcert renew --force
    [ "$(served)" != "$first" ]
}

# ---- revoke ----

@test "revoke by the account, with a reason; the next renew replaces what is served" {
    fresh_and_served
    expect 0 pgcert revoke "db.$ZONE" --reason superseded
    grep -q "revoked; it is served until another one replaces it: pgcert renew db.$ZONE" <<<"$output"
    grep -q '"Status": *"Revoked"' <<<"$(revocation)"
    grep -q '"Reason": *4' <<<"$(revocation)"
    [ "$(served)" = "$first" ]
    expect 0 pgcert renew --dry-run
    grep -q "it was revoked" <<<"$output"
    expect 0 pgcert renew
    [ "$(served)" != "$first" ]
    grep -q '"Status": *"Valid"' <<<"$(revocation)"
    second=$(served)
    expect 0 pgcert renew
    [ "$(served)" = "$second" ]
}

@test "revoke by the certificate's key of any type, when there is no account" {
    fresh
    pg_serves_pgcert
    for type in ecdsa-p256 ecdsa-p384 rsa-2048; do
        printf '[certificate db.%s]\nkey_type = %s\n' "$ZONE" "$type" \
            >"$WORLD/conf/conf.d/50-test.conf"
        expect 0 pgcert renew
        rm -r "$STATE/accounts/pebble"
        expect 0 pgcert --json revoke "db.$ZONE" --reason keyCompromise
        [ "$(json "['by']")" = key ]
        grep -q '"Reason": *1' <<<"$(revocation)"
        [ ! -e "$STATE/accounts/pebble/account.json" ]
    done
}

@test "revoke by the certificate's key, when the account may not" {
    fresh_and_served
    expect 0 pgcert account deactivate --yes pebble
    expect 0 pgcert account register pebble # another account
    expect 0 pgcert --json revoke "db.$ZONE"
    [ "$(json "['by']")" = key ]
    [ "$(json "['reason']")" = unspecified ]
    grep -q '"Status": *"Revoked"' <<<"$(revocation)"
}

@test "revoke twice, for no reason there is, or for nothing" {
    fresh
    expect 65 pgcert revoke "db.$ZONE"
    says "nothing is issued yet"
    fresh_and_served
    expect 64 pgcert revoke "db.$ZONE" --reason keyCompromised
    says "no reason 'keyCompromised'.*did you mean 'keyCompromise'"
    expect 0 pgcert revoke "db.$ZONE"
    expect 0 pgcert revoke "db.$ZONE"
    grep -q "was revoked already" <<<"$output"
    expect 64 pgcert revoke nobody
}

# ---- orders ----

@test "account show lists the orders, page by page" {
    fresh_and_served
    for _ in 1 2 3 4; do # a page of Pebble's has three
        expect 0 pgcert renew --force
    done
    mark=$(pebble_mark)
    expect 0 pgcert account show pebble
    [ "$(grep -cE "^ +valid +20[^ ]+ +db.$ZONE$" <<<"$output")" = 5 ]
    [ "$(requests "$mark" list-orderz)" = 2 ]
    expect 0 pgcert --json account show pebble
    [ "$(json "['order_list'][4]['status']")" = valid ]
    [ "$(json "['order_list'][4]['names'][0]")" = "db.$ZONE" ]
    [ "$(json "['orders_cut']")" = false ]
    [ "$(json "['orders_error']")" = null ]
}

@test "account show: a server without a list of orders, or with one that cannot be read" {
    fresh
    hostile_start
    hostile_conf
    hostile "any * edit \"orders\" \"bestellungen\""
    expect 0 pgcert account register pebble
    expect 0 pgcert account show pebble
    grep -q "this server does not list them" <<<"$output"
    expect 0 pgcert --json account show pebble
    [ "$(json "['orders']")" = null ]
    for deed in "status 404 malformed" garbage "type text/plain" close; do
        hostile "orders * $deed"
        expect 0 pgcert account show pebble
        grep -q "they could not be read: " <<<"$output"
        grep -qE '^pebble +valid$' <<<"$output"
    done
    hostile "orders * redirect $DIRECTORY"
    expect 0 pgcert account show pebble
    hostile
    expect 0 pgcert account show pebble
    not grep -q "could not be read" <<<"$output"
}

# ---- from host to host ----

# The same settings with another state directory, as on another host.
elsewhere()
{
    sed -i "s|^state = .*|state = $WORLD/elsewhere|" "$CONF"
    rm -rf "$WORLD/elsewhere"
}

here()
{
    sed -i "s|^state = .*|state = $STATE|" "$CONF"
}

@test "an account goes from one host to another, and both issue" {
    fresh_and_served
    path=$(account_path)
    expect 0 pgcert account export pebble "$WORLD/account.pem"
    [ "$(stat -c %a "$WORLD/account.pem")" = 600 ]
    grep -q "whoever has it has the account" <<<"$output"
    not grep -q "PRIVATE KEY" <<<"$output$stderr"

    elsewhere
    mark=$(pebble_mark)
    expect 0 pgcert account import pebble "$WORLD/account.pem"
    grep -qE '^pebble +valid$' <<<"$output"
    grep -qF "$path" <<<"$output"
    cmp "$STATE/accounts/pebble/account.key" "$WORLD/elsewhere/accounts/pebble/account.key"
    [ "$(stat -c %a "$WORLD/elsewhere/accounts/pebble/account.key")" = 600 ]
    [ "$(requests "$mark" sign-me-up)" = 1 ]
    expect 0 pgcert renew
    [ "$(served)" != "$first" ]
    # the same again is no loss
    expect 0 pgcert account import pebble "$WORLD/account.pem"

    here
    mark=$(pebble_mark)
    expect 0 pgcert renew --force
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
    [ "$(requests "$mark" sign-me-up)" = 0 ]
    rm "$WORLD/account.pem"
}

@test "export and import by pipe; a file that is there is not replaced" {
    fresh
    expect 0 pgcert account register pebble
    "$PGCERT" -c "$CONF" account export pebble 3>&- 4>&- >"$WORLD/pipe"
    head -n 3 "$WORLD/pipe" | grep -qxF "directory: $DIRECTORY"
    openssl pkey -in "$WORLD/pipe" -noout
    chmod 600 "$WORLD/pipe"
    expect 73 pgcert account export pebble "$WORLD/pipe"
    says "'$WORLD/pipe' is there already; to replace it, add: --force"
    expect 0 pgcert --json account export --force pebble "$WORLD/pipe"
    [ "$(json "['did'][0]")" = exported ]
    expect 64 pgcert --json account export pebble
    elsewhere
    "$PGCERT" -c "$CONF" account import pebble - <"$WORLD/pipe" 3>&- 4>&-
    cmp "$STATE/accounts/pebble/account.key" "$WORLD/elsewhere/accounts/pebble/account.key"
}

@test "a terminal gets no private key" {
    fresh
    expect 0 pgcert account register pebble
    expect 64 script -qec "$PGCERT -c $CONF account export pebble" /dev/null
    [[ $output == *"standard output is a terminal, and a private key is not for the screen"* ]]
    [[ $output != *"PRIVATE KEY"* ]]
}

@test "an import that would cost an account, or is of none, is refused and changes nothing" {
    fresh
    expect 0 pgcert account register pebble
    expect 0 pgcert account export pebble "$WORLD/first.pem"
    elsewhere
    expect 0 pgcert account register pebble
    cp -r "$WORLD/elsewhere/accounts" "$WORLD/before"
    expect 65 pgcert account import pebble "$WORLD/first.pem"
    says "there is another account here already: https://localhost.*--force"

    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$WORLD/new.pem" 2>/dev/null
    chmod 600 "$WORLD/new.pem"
    expect 69 pgcert account import --force pebble "$WORLD/new.pem"
    says "the key belongs to no account at '$DIRECTORY'"
    sed 's|^account: .*|&9|' "$WORLD/first.pem" >"$WORLD/other.pem"
    chmod 600 "$WORLD/other.pem"
    expect 65 pgcert account import --force pebble "$WORLD/other.pem"
    says "the key is not of the account 'https://.*9' but of 'https://"
    sed 's|^directory: .*|directory: https://other.test/dir|' "$WORLD/first.pem" >"$WORLD/other.pem"
    expect 65 pgcert account import --force pebble "$WORLD/other.pem"
    says "the account is one at 'https://other.test/dir', and directory = $DIRECTORY here"
    chmod 644 "$WORLD/first.pem"
    expect 77 pgcert account import --force pebble "$WORLD/first.pem"
    diff -r "$WORLD/before" "$WORLD/elsewhere/accounts" -x session.json

    chmod 600 "$WORLD/first.pem"
    expect 0 pgcert account import --force pebble "$WORLD/first.pem"
    cmp "$STATE/accounts/pebble/account.key" "$WORLD/elsewhere/accounts/pebble/account.key"
    # one that was deactivated is not let in, and does not keep another one out
    here
    expect 0 pgcert account deactivate --yes pebble
    expect 65 pgcert account export pebble
    rm -rf "$WORLD/elsewhere"
    elsewhere
    expect 69 pgcert account import pebble "$WORLD/first.pem"
    rm "$WORLD/first.pem"
}

@test "an import that is killed leaves an account that works" {
    have strace
    fresh
    pg_serves_pgcert
    expect 0 pgcert account register pebble
    expect 0 pgcert account export pebble "$WORLD/first.pem"
    for n in 1 2 3 4; do
        for call in rename,renameat,renameat2 unlink,unlinkat; do
            elsewhere
            expect 0 pgcert account register pebble
            strace -f -qq -o "$WORLD/trace" -e "trace=$call" -e "inject=$call:signal=KILL:when=$n" \
                "$PGCERT" -c "$CONF" account import --force pebble "$WORLD/first.pem" \
                </dev/null 3>&- 4>&- || :
            expect 0 pgcert account show pebble
            grep -qE '^pebble +valid$' <<<"$output"
        done
    done
    expect 0 pgcert renew
    rm -f "$WORLD/first.pem"
}

# A private key in PEM as a JSON Web Key, by openssl's listing alone.
as_jwk()
{
    openssl pkey -in "$1" -noout -text | python3 -c '
import base64, json, re, sys
text = sys.stdin.read()
number = lambda label: re.sub(r"[\s:]", "", re.search(label + r":\n((?: +[0-9a-f:]+\n)+)", text)[1])
b64 = lambda h: base64.urlsafe_b64encode(bytes.fromhex(h)).decode().rstrip("=")
plain = lambda label: b64(number(label).lstrip("0").rjust((len(number(label).lstrip("0")) + 1) // 2 * 2, "0"))
if "modulus" in text:
    key = {n: plain(l) for n, l in dict(n="modulus", d="privateExponent", p="prime1", q="prime2",
           dp="exponent1", dq="exponent2", qi="coefficient").items()} | {"e": "AQAB", "kty": "RSA"}
else:
    point = number("pub")[2:]
    key = {"kty": "EC", "crv": "P-256", "x": b64(point[:64]), "y": b64(point[64:]),
           "d": b64(number("priv")[-64:].rjust(64, "0"))}
print(json.dumps(key))'
}

@test "the key of another client is taken over: PEM as lego keeps it, JSON as certbot does" {
    fresh
    pg_serves_pgcert
    openssl ecparam -name prime256v1 -genkey -noout -out "$WORLD/lego.key"
    openssl genrsa -out "$WORLD/certbot.key" 2048 2>/dev/null
    openssl ecparam -name secp384r1 -genkey -noout -out "$WORLD/acmesh.key"
    for client in lego certbot acmesh; do
        # the other client has registered it
        rm -rf "$STATE"
        install -D -m 600 "$WORLD/$client.key" "$STATE/accounts/pebble/account.key"
        chmod 600 "$WORLD/$client.key"
        expect 0 pgcert account register pebble
        path=$(account_path)
        rm -rf "$STATE"
        case $client in
        certbot) (umask 077 && as_jwk "$WORLD/$client.key" >"$WORLD/$client.file") ;;
        *) cp -p "$WORLD/$client.key" "$WORLD/$client.file" ;;
        esac
        expect 0 pgcert account import pebble "$WORLD/$client.file"
        [ "$(account_path)" = "$path" ]
        expect 0 pgcert renew
        [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
        # from then on it is an account like any other
        expect 0 pgcert account rollover pebble
        openssl pkey -in "$STATE/accounts/pebble/account.key" -noout -text | grep -q prime256v1
        expect 0 pgcert renew --force
    done
    (umask 077 && as_jwk "$WORLD/lego.key" >"$WORLD/lego.json")
    rm -rf "$STATE"
    expect 69 pgcert account import pebble "$WORLD/lego.json" # its key was changed above
    says "belongs to no account"
}
