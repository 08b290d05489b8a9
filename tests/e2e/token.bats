#!/usr/bin/env bats
# token: keys of the private CA that never leave a token (PKCS#11): SoftHSM, by OpenSSL's provider,
# which tests/world/newer.sh gets where Debian does not have it yet (PKCS11_PROVIDER).
load ../e2e/world

DRIVER=/usr/lib/softhsm/libsofthsm2.so
CA=$STATE/ca

# Only PostgreSQL: neither name server nor ACME server is there.
setup_file()
{
    pg_start && world_conf
}

setup()
{
    [ -r "${PKCS11_PROVIDER:-}" ] || skip "OpenSSL's provider could not be got: tests/world/newer.sh pkcs11"
    [ "$MODE" != asan ] || skip "a sanitizer refuses the RTLD_DEEPBIND with which the provider loads a driver"
    have softhsm2-util
    have pkcs11-tool
    fresh
    export OPENSSL_MODULES=${PKCS11_PROVIDER%/*} SOFTHSM2_CONF=$WORLD/softhsm2.conf
    rm -rf "$WORLD/tokens"
    mkdir "$WORLD/tokens"
    printf '%s\n' "directories.tokendir = $WORLD/tokens" 'objectstore.backend = file' >"$SOFTHSM2_CONF"
    softhsm2-util --init-token --free --label hsm --so-pin 12345678 --pin 87654321 >/dev/null
    (umask 077 && echo 87654321 >"$WORLD/pin")
    conf_add <<END
[issuer private]
type = ca

[certificate db.$ZONE]
issuer = private

[ca]
pkcs11_module = $DRIVER
pin_file = $WORLD/pin
root_key = pkcs11:token=hsm;object=root
server_key = pkcs11:token=hsm;object=for%20servers;id=%0a%5b
client_key = pkcs11:token=hsm;object=clients
END
}

# With a setting that is another one: ca_set NAME VALUE
ca_set()
{
    conf_add <<<"[ca]"$'\n'"$1 = $2"
}

tool()
{
    pkcs11-tool --module "$DRIVER" --login --pin 87654321 --token-label hsm "$@" 2>/dev/null
}

@test "init makes the keys in the token, and they sign for servers, clients and CRLs" {
    pg_serves_pgcert
    expect 0 pgcert ca init
    [ "$(find "$CA" -name '*.key' | wc -l)" = 0 ]
    [ "$(tool --list-objects --type privkey | grep -c 'never extractable')" = 3 ]
    [ "$(tool --list-objects --type privkey | grep -A1 'for servers' | grep -c 'ID: *0a5b')" = 1 ]
    tool --read-object --type pubkey --label root >"$WORLD/root.der"
    openssl x509 -in "$CA/root.crt" -noout -pubkey | openssl pkey -pubin -outform DER | cmp - "$WORLD/root.der"

    expect 0 pgcert --json renew
    [ "$(json "['certificates'][0]['did']")" = "['renewed', 'deployed', 'proved']" ]
    chain=$(newest_generation)/chain.pem
    openssl verify -x509_strict -purpose sslserver -crl_check_all -CAfile "$CA/root.crt" \
        -CRLfile "$CA/servers.crl" -untrusted "$chain" "$chain"
    certtool --verify --load-ca-certificate "$CA/root.crt" --infile "$chain"
    [ "$(psql "host=db.$ZONE hostaddr=127.0.0.1 user=postgres dbname=postgres sslmode=verify-full sslrootcert=$CA/root.crt" -XqAtc 'select 1')" = 1 ]

    expect 0 pgcert client new alice
    expect 0 pgcert client revoke alice
    not openssl verify -purpose sslclient -crl_check_all -CAfile "$CA/root.crt" -CRLfile "$CA/clients.crl" \
        -untrusted "$CA/clients/alice/postgresql.crt" "$CA/clients/alice/postgresql.crt"
    openssl crl -in "$CA/clients.crl" -noout -CAfile <(cat "$CA/client-ca.crt" "$CA/root.crt")

    expect 0 pgcert ca show
    [ "$(grep -c 'key      in a token' <<<"$output")" = 3 ]
    expect 0 pgcert --json ca show
    [ "$(json "['authorities'][0]['is_in_token']")" = true ]
    [ "$(json "['authorities'][0]['has_key']")" = true ]
    expect 78 pgcert ca export --root-key "$WORLD/out.key"
    says "is in a token, from which no key comes out"
    not grep -rq 87654321 "$STATE"
}

@test "a key that is there already is used, of every kind that a CA may have" {
    local kind object=0
    for kind in EC:secp384r1 RSA:2048 RSA:3072; do
        object=$((object + 1))
        rm -rf "$STATE"
        tool --keypairgen --key-type $kind --label "old$object" --id 0$object
        ca_set root_key "pkcs11:token=hsm;id=%0$object"
        expect 0 pgcert ca init
        expect 0 pgcert ca show
        openssl verify -x509_strict -CAfile "$CA/root.crt" "$CA/client-ca.crt"
    done
    openssl x509 -in "$CA/root.crt" -noout -text | grep -q '(3072 bit)'
    tool --read-object --type pubkey --id 03 >"$WORLD/root.der"
    openssl x509 -in "$CA/root.crt" -noout -pubkey | openssl pkey -pubin -outform DER | cmp - "$WORLD/root.der"
    [ "$(tool --list-objects --type privkey | grep -c 'label: *\(clients\|for servers\)$')" = 2 ] # made once
}

@test "only some of the keys may be in a token" {
    ca_set root_key ''
    ca_set server_key ''
    expect 0 pgcert ca init
    [ "$(cd "$CA" && echo *.key)" = "root.key server-ca.key" ]
    expect 0 pgcert client new alice
    expect 0 pgcert ca crl --force
    expect 0 pgcert --json ca show
    [ "$(json "['authorities'][0]['is_in_token']")" = false ]
    [ "$(json "['authorities'][2]['is_in_token']")" = true ]
}

@test "a token that is missing, locked, empty or of another CA is told with what to do" {
    expect 0 pgcert ca init
    ca_set client_key 'pkcs11:token=hsm;object=nobody'
    expect 78 pgcert client new alice
    says "the key of the CA 'clients' in its token: there is no such key in the token"
    ca_set client_key 'pkcs11:token=hsm;id=%0a%5b' # that of the CA for servers
    expect 65 pgcert client new alice
    says "the CA's key in the token is not that of its certificate '$CA/client-ca.crt'"
    ca_set client_key 'pkcs11:token=drawer;object=clients'
    expect 74 pgcert client new alice
    says "the token is not there, .*: pkcs11-tool --module $DRIVER --list-slots"
    ca_set client_key 'pkcs11:token=hsm;object=clients'

    (umask 077 && echo not-the-pin-4711 >"$WORLD/wrong")
    ca_set pin_file "$WORLD/wrong"
    expect 77 pgcert client new alice
    says "does not take the PIN in '$WORLD/wrong'"
    not grep -q not-the-pin <<<"$output$stderr"
    ca_set pin_file ''
    expect 78 pgcert client new alice
    says "the token wants a PIN; set: \[ca\] pin_file"
    chmod 644 "$WORLD/pin"
    ca_set pin_file "$WORLD/pin"
    expect 77 pgcert client new alice
    says "\[ca\] pin_file: .*lets others read it"
    chmod 600 "$WORLD/pin"

    tool --keypairgen --key-type EC:secp521r1 --label big --id 09
    ca_set client_key 'pkcs11:token=hsm;object=big'
    expect 65 pgcert client new alice
    says "a key of that kind does not sign for a CA here"
    tool --keypairgen --key-type EC:prime256v1 --label big --id 0a
    expect 78 pgcert client new alice
    says "2 keys in the token have that name; add: id="
    tool --keypairgen --key-type EC:prime256v1 --label half --id 0b
    tool --delete-object --type pubkey --id 0b
    ca_set client_key 'pkcs11:token=hsm;object=half'
    expect 65 pgcert client new alice
    says "the token has the private key only"
    ca_set client_key 'pkcs11:token=hsm;object=clients'

    ca_set pkcs11_module /nowhere/driver.so
    expect 78 pgcert client new alice
    says "\[ca\] pkcs11_module: .*'/nowhere/driver.so'"
    ca_set pkcs11_module "$DRIVER"
    OPENSSL_MODULES=$WORLD expect 78 pgcert client new alice
    says "install: pkcs11-provider"
    [ ! -e "$CA/clients/alice" ]
    expect 0 pgcert client new alice
    expect 0 pgcert config check # asks no token
}

@test "a key that OpenSSL cannot make is made by the command that is shown" {
    mount --bind "$WORLD/tokens" "$WORLD/tokens"
    mount -o remount,bind,ro "$WORLD/tokens"
    run --separate-stderr pgcert ca init
    umount "$WORLD/tokens"
    [ "$status" = 78 ]
    says "make it by: pkcs11-tool --module $DRIVER --login --token-label 'hsm' --keypairgen --key-type EC:prime256v1 --usage-sign --label 'root' --id [0-9a-f]{8}$"
    [ ! -e "$CA/root.crt" ]
    line=${stderr##*make it by: }
    eval "${line/--login/--login --pin 87654321}"
    made=$(tool --read-object --type pubkey --label root | sha256sum)
    expect 0 pgcert ca init
    [ "$(openssl x509 -in "$CA/root.crt" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum)" = "$made" ]
}

@test "a URI that holds a PIN or names no key is refused when the settings are read" {
    local uri
    for uri in 'pkcs11:token=hsm;object=a?pin-value=87654321' 'pkcs11:token=hsm;object=a?pin-source=/x'; do
        ca_set root_key "$uri"
        expect 78 pgcert config check
        says "\[ca\] root_key: the PIN does not belong into the URI.*pin_file"
        not grep -q 87654321 <<<"$output$stderr"
    done
    ca_set root_key /etc/root.key
    expect 78 pgcert config check
    says "\[ca\] root_key is no PKCS#11 URI"
    ca_set root_key 'pkcs11:token=hsm'
    expect 78 pgcert config check
    says "does not say which key of the token"
    ca_set root_key 'pkcs11:token=hsm;object=root'
    expect 78 pgcert ca init --root-key "$WORLD/stick.key"
    says "says that it is in a token"
    [ ! -e "$CA" ]
}

@test "a wrong PIN is tried once in a run, so that it does not lock the token" {
    have strace
    expect 0 pgcert ca init
    (umask 077 && echo not-the-pin-4711 >"$WORLD/wrong")
    ca_set pin_file "$WORLD/wrong"
    PKCS11_PROVIDER_DEBUG=file:$WORLD/log,level:2 expect 77 pgcert client new alice bob carol
    [ "$(grep -c 'Calling C_Login' "$WORLD/log")" = 1 ]
    not grep -q not-the-pin "$WORLD/log"
    # one that opens the CA again and again
    conf_add <<END
[certificate other.$ZONE]
issuer = private

[certificate third.$ZONE]
issuer = private
END
    PKCS11_PROVIDER_DEBUG=file:$WORLD/renew,level:2 run pgcert renew
    [ "$(grep -c 'Calling C_Login' "$WORLD/renew")" = 1 ]
    # a file that has the right one meanwhile is read
    cp "$WORLD/pin" "$WORLD/wrong"
    expect 0 pgcert client new --host "db.$ZONE" alice
}

@test "no key of a token is that of two CAs" {
    ca_set server_key 'pkcs11:token=hsm;object=root'
    expect 78 pgcert ca init
    says "\[ca\] root_key and server_key name the same key"
    tool --keypairgen --key-type EC:prime256v1 --usage-sign --label root --id 77
    ca_set server_key 'pkcs11:token=hsm;id=%77' # which says it in other words
    expect 78 pgcert ca init
    [ ! -e "$CA/client-ca.crt" ]
}

@test "many bundles are signed by a token, those of a tenant by its file, in one run" {
    local user call
    expect 0 pgcert ca init
    expect 0 pgcert ca tenant acme
    [ -e "$CA/tenants/acme.key" ]
    printf 'user%s\n' {1..30} >"$WORLD/users"
    PKCS11_PROVIDER_DEBUG=file:$WORLD/many,level:2 expect 0 pgcert client new --host "db.$ZONE" --from "$WORLD/users"
    for call in Initialize:1 Login:1 Sign:30; do # all by one process
        [ "$(grep -c "Calling C_${call%:*}\$" "$WORLD/many")" = "${call#*:}" ]
    done
    expect 0 pgcert client new --host "db.$ZONE" --tenant acme --from "$WORLD/users"
    expect 0 pgcert client renew --all
    [ "$(wc -l <<<"$output")" = 60 ]
    for user in "$CA"/clients/*; do
        openssl verify -x509_strict -CAfile "$CA/root.crt" -untrusted "$user/postgresql.crt" "$user/postgresql.crt"
    done
    [ "$(find "$CA/clients" -mindepth 1 -maxdepth 1 | wc -l)" = 60 ]

    # of a tenant's clients none needs the token
    ca_set client_key 'pkcs11:token=drawer;object=clients'
    expect 74 pgcert client renew --all
    [ "$(grep -c ' renewed; ' <<<"$output")" = 30 ]
    [ "$(grep -c 'the token is not there' <<<"$stderr")" = 30 ]
}

@test "killed while the keys are made, the next init goes on with those of the token" {
    have strace
    local n kills=0
    for n in 2 5 8 11; do
        rm -rf "$STATE"
        run strace -f -qq -o "$WORLD/trace" -e trace=renameat,rename \
            -e "inject=renameat,rename:signal=KILL:when=$n" "$PGCERT" -c "$CONF" ca init 3>&- 4>&- </dev/null
        grep -q 'killed by SIGKILL' "$WORLD/trace" || continue
        kills=$((kills + 1))
        expect 0 pgcert ca init
        openssl verify -x509_strict -CAfile "$CA/root.crt" "$CA/client-ca.crt" "$CA/server-ca.crt"
    done
    [ $kills -gt 1 ]
    [ "$(tool --list-objects --type privkey | grep -c 'never extractable')" = 3 ]
}
