#!/usr/bin/env bats
# ca: the private CA, judged by openssl, gnutls and PostgreSQL; no network is asked.
load ../e2e/world

# Only PostgreSQL: neither name server nor ACME server is there.
setup_file()
{
    pg_start && world_conf
}

setup()
{
    fresh
    private_conf
}

# The settings of a certificate from the private CA.
private_conf()
{
    conf_add <<END
[issuer private]
type = ca

[certificate db.$ZONE]
issuer = private

[ca]
organization = Example
END
}

CA=$STATE/ca

# What openssl says of a chain for a purpose, with the CRLs of the whole chain:
# strict PURPOSE FILE CRLS
strict()
{
    openssl verify -x509_strict -purpose "$1" -crl_check_all -CAfile "$CA/root.crt" \
        -CRLfile "$3" -untrusted "$2" "$2"
}

# The same by gnutls: gnutls OID FILE
gnutls()
{
    certtool --verify --load-ca-certificate "$CA/root.crt" --infile "$2" --verify-purpose "$1"
}

# ---- making it ----

@test "a CA is made once, shown, and its certificates come out" {
    expect 0 pgcert ca init
    [[ $output == *"is made"* ]]
    root=$(sha256sum "$CA/root.crt")
    expect 0 pgcert ca init
    [[ $output == *"is there already; nothing was changed"* ]]
    [ "$(sha256sum "$CA/root.crt")" = "$root" ]
    [ "$(stat -c %a "$CA" "$CA/root.key" "$CA/client-ca.key" "$CA/server-ca.key" | sort -u | tr '\n' ' ')" = "600 755 " ]

    expect 0 pgcert --json ca show
    [ "$(json "['authorities'][0]['subject']")" = "$(openssl x509 -in "$CA/root.crt" -noout -subject -nameopt sep_comma_plus_space,utf8 | sed 's/subject=//')" ]
    [ "$(json "['authorities'][2]['sha256']")" = "$(leaf_sha256 "$CA/client-ca.crt")" ]
    [ "$(json "['authorities'][2]['crl']['next_update']")" = "$(date -u -d "$(openssl crl -in "$CA/clients.crl" -noout -nextupdate | sed 's/.*=//')" +%FT%TZ)" ]
    expect 0 pgcert ca show
    [[ $output == *"CN=pgcert root CA "*", O=Example"* ]]

    pgcert ca export root >"$WORLD/out"
    cmp "$WORLD/out" "$CA/root.crt"
    pgcert ca export clients >"$WORLD/out"
    cat "$CA/client-ca.crt" "$CA/root.crt" | cmp - "$WORLD/out"
    [ "$(pgcert ca export | grep -c BEGIN)" = 3 ]
    expect 64 pgcert ca export clients --format csv
    expect 64 pgcert ca export everything
}

@test "what is wrong with a CA is told with what to do" {
    expect 78 pgcert ca show
    says "there is no private CA in '$CA'; try: pgcert ca init"
    expect 78 pgcert renew
    says "there is no private CA in '$CA'; try: pgcert ca init"
    expect 64 pgcert account show private
    says "is the private CA, where nobody has an account"
    expect 64 pgcert ca make
    conf_add <<<$'[ca]\nissuing_lifetime = 20y'
    expect 78 pgcert ca init
    says "issuing_lifetime must not be longer than root_lifetime"
    [ ! -e "$CA" ]
}

@test "an address in a certificate from an ACME server is refused when the settings are read" {
    conf_add <<<"[certificate x.$ZONE]"$'\nissuer = pebble\naddresses = 192.0.2.1'
    expect 78 pgcert config check
    says "is not the private CA"
    conf_add <<<"[certificate x.$ZONE]"$'\nissuer = private\naddresses = 192.0.2.256'
    expect 78 pgcert config check
    says "'192.0.2.256' is no IP address"
}

# Whatever the state is, one call of init more and there is one whole CA.
init_ends()
{
    [ ! -e "$CA/unfinished" ] || not pgcert ca show
    expect 0 pgcert ca init
    strict any "$CA/client-ca.crt" "$CA/clients.crl" >/dev/null
    strict any "$CA/server-ca.crt" "$CA/servers.crl" >/dev/null
    [ "$(cut -f 5 "$CA/index" | grep -c root)" = 1 ]
    [ "$(find "$CA" -type f | wc -l)" = 14 ] # nothing is left behind
}

@test "killed at any system call that changes a file, the next init makes one whole CA" {
    have strace
    local call n kills=0
    for call in mkdir openat write fsync renameat unlinkat; do
        n=0
        while :; do
            n=$((n + 1))
            rm -rf "$STATE"
            run strace -f -qq -o "$WORLD/trace" -e "trace=$call" \
                -e "inject=$call:signal=KILL:when=$n" "$PGCERT" -c "$CONF" ca init 3>&- 4>&- </dev/null
            grep -q 'killed by SIGKILL' "$WORLD/trace" || break
            [ "$call" != openat ] || [ -e "$STATE" ] || continue # it has only read until then
            kills=$((kills + 1))
            init_ends
        done
    done
    [ "$kills" -gt 80 ]
}

@test "the root's key goes elsewhere, at once or later, and all else goes on" {
    pg_serves_pgcert
    expect 0 pgcert ca init --root-key "$WORLD/stick.key"
    [ ! -e "$CA/root.key" ]
    [ "$(stat -c %a "$WORLD/stick.key")" = 600 ]
    [ "$(openssl pkey -in "$WORLD/stick.key" -pubout)" = "$(openssl x509 -in "$CA/root.crt" -noout -pubkey)" ]
    expect 0 pgcert renew
    expect 0 pgcert ca crl --force
    strict sslserver "$(newest_generation)/chain.pem" "$CA/servers.crl"
    expect 64 pgcert ca init --root-key "$WORLD/other"

    rm -rf "$STATE"
    expect 0 pgcert ca init
    key=$(cat "$CA/root.key")
    expect 65 pgcert ca export --root-key "$WORLD/stick.key"
    says "that file exists"
    [ -e "$CA/root.key" ]
    expect 0 pgcert ca export --root-key "$WORLD/stick2.key"
    [ "$(cat "$WORLD/stick2.key")" = "$key" ]
    [ ! -e "$CA/root.key" ]
    expect 78 pgcert ca export --root-key "$WORLD/stick3.key"
    [ "$(openssl crl -in "$CA/root.crl" -noout -nextupdate | sed 's/.*=//')" = "$(openssl x509 -in "$CA/root.crt" -noout -enddate | sed 's/.*=//')" ]
    expect 0 pgcert ca show
    [[ $output == *"kept elsewhere"* ]]
}

@test "for a ceremony the root's key comes back, and goes again" {
    pg_serves_pgcert
    expect 0 pgcert ca init --root-key "$WORLD/ceremony.key"
    expect 0 pgcert renew
    until=$(openssl crl -in "$CA/root.crl" -noout -nextupdate)
    number=$(openssl crl -in "$CA/root.crl" -noout -crlnumber)
    expect 64 pgcert ca import
    expect 65 pgcert ca import --root-key "$CA/server-ca.key"
    says "not that of the root"
    chmod 644 "$WORLD/ceremony.key"
    expect 77 pgcert ca import --root-key "$WORLD/ceremony.key"
    chmod 600 "$WORLD/ceremony.key"
    [ ! -e "$CA/root.key" ]

    expect 0 pgcert ca import --root-key "$WORLD/ceremony.key"
    [[ $output == *"here again"*"pgcert ca export --root-key $WORLD/ceremony.key" ]]
    [ "$(stat -c %a "$CA/root.key")" = 600 ]
    expect 0 pgcert --json ca import --root-key "$WORLD/ceremony.key"
    [ "$(json "['did']")" = nothing ]
    [ "$(json "['authorities'][0]['has_key']")" = true ]
    expect 0 pgcert ca crl --force
    [ "$(openssl crl -in "$CA/root.crl" -noout -nextupdate)" != "$until" ]
    expect 0 pgcert ca export --root-key "$WORLD/ceremony.key"
    [ ! -e "$CA/root.key" ]
    [ "$(openssl crl -in "$CA/root.crl" -noout -nextupdate)" = "$until" ]
    [ "$(openssl crl -in "$CA/root.crl" -noout -crlnumber)" != "$number" ]
    [ "$(openssl pkey -in "$WORLD/ceremony.key" -pubout)" = "$(openssl x509 -in "$CA/root.crt" -noout -pubkey)" ]
    strict sslserver "$(newest_generation)/chain.pem" "$CA/servers.crl"
    expect 0 pgcert renew
}

@test "killed at any system call that changes a file, an import is whole or not at all" {
    have strace
    local call n kills=0
    expect 0 pgcert ca init --root-key "$WORLD/stick3.key"
    for call in openat write fsync renameat; do
        n=0
        while :; do
            n=$((n + 1))
            rm -f "$CA/root.key"
            run strace -f -qq -o "$WORLD/trace" -e "trace=$call" -e "inject=$call:signal=KILL:when=$n" \
                "$PGCERT" -c "$CONF" ca import --root-key "$WORLD/stick3.key" 3>&- 4>&- </dev/null
            grep -q 'killed by SIGKILL' "$WORLD/trace" || break
            kills=$((kills + 1))
            [ ! -e "$CA/root.key" ] || cmp "$CA/root.key" "$WORLD/stick3.key"
            expect 0 pgcert ca import --root-key "$WORLD/stick3.key"
            cmp "$CA/root.key" "$WORLD/stick3.key"
            not ls "$CA"/*.tmp 2>/dev/null # a copy of the key
        done
    done
    [ "$kills" -gt 10 ]
}

@test "the keys can be encrypted by a passphrase that systemd gives" {
    pg_serves_pgcert
    conf_add <<<$'[ca]\npassphrase_file = credential:ca'
    expect 78 pgcert ca init
    says "systemd has given this process no credentials"
    [ ! -e "$CA" ]
    install -d -m 700 "$WORLD/credentials"
    (umask 077 && echo 'correct horse' >"$WORLD/credentials/ca")
    export CREDENTIALS_DIRECTORY=$WORLD/credentials
    expect 0 pgcert ca init
    [ "$(grep -l 'BEGIN ENCRYPTED PRIVATE KEY' "$CA"/*.key | wc -l)" = 3 ]
    [ "$(openssl pkey -in "$CA/client-ca.key" -passin 'pass:correct horse' -pubout)" = "$(openssl x509 -in "$CA/client-ca.crt" -noout -pubkey)" ]
    expect 0 pgcert renew
    expect 0 pgcert client new alice
    expect 0 pgcert ca crl --force
    expect 0 pgcert ca export --root-key "$WORLD/encrypted.key"
    grep -q 'BEGIN ENCRYPTED' "$WORLD/encrypted.key"
    not grep -rq 'correct horse' "$STATE" <<<"$output$stderr"
    (umask 077 && echo 'battery staple' >"$WORLD/credentials/ca")
    expect 78 pgcert client new bob
    says "not by what is in \[ca\] passphrase_file"
    [ ! -e "$CA/clients/bob" ]
    unset CREDENTIALS_DIRECTORY
    expect 78 pgcert client new bob
}

# ---- a server's certificate ----

@test "without any network a certificate is issued, deployed, served and proved" {
    pg_serves_pgcert
    conf_add <<<"[certificate db.$ZONE]"$'\naddresses = 127.0.0.1 ::1'
    expect 0 pgcert ca init
    expect 0 strace -f -qq -e trace=connect -o "$WORLD/trace" "$PGCERT" -c "$CONF" --json renew
    [ "$(json "['certificates'][0]['did']")" = "['renewed', 'deployed', 'proved']" ]
    grep 'connect(' "$WORLD/trace" >"$WORLD/connects"
    not grep -vE 'AF_UNIX|htons\(5432\)' "$WORLD/connects"
    chain=$(newest_generation)/chain.pem
    [ "$(served)" = "$(leaf_sha256 "$chain")" ]
    strict sslserver "$chain" "$CA/servers.crl"
    gnutls 1.3.6.1.5.5.7.3.1 "$chain"
    not strict sslclient "$chain" "$CA/servers.crl"
    not gnutls 1.3.6.1.5.5.7.3.2 "$chain"
    [ "$(psql "host=db.$ZONE hostaddr=127.0.0.1 user=postgres dbname=postgres sslmode=verify-full sslrootcert=$CA/root.crt" -XqAtc 'select ssl from pg_stat_ssl where pid = pg_backend_pid()')" = t ]
    [ "$(psql "host=127.0.0.1 user=postgres dbname=postgres sslmode=verify-full sslrootcert=$CA/root.crt" -XqAtc 'select 1')" = 1 ]
    not psql "host=db.$ZONE hostaddr=127.0.0.1 user=postgres dbname=postgres sslmode=verify-full sslrootcert=$WORLD/nothing" -c 'select 1'
    expect 0 pgcert --json check
    expect 0 pgcert renew
    [ "$(served)" = "$(leaf_sha256 "$chain")" ]
    expect 0 pgcert status
    unharmed "$(leaf_sha256 "$chain")"
}

@test "it is renewed when its time has come, and when it was revoked" {
    pg_serves_pgcert
    conf_add <<<$'[ca]\nserver_lifetime = 3min'
    conf_add <<<"[certificate db.$ZONE]"$'\nrenew_at_most_every = 0\nrenew_before = 170s'
    expect 0 pgcert ca init
    expect 0 pgcert renew
    first=$(served)
    await 20 "the time to renew" bash -c "\"$PGCERT\" -c \"$CONF\" renew --dry-run | grep -q 'would be obtained'"
    expect 0 pgcert renew
    second=$(served)
    [ "$second" != "$first" ]

    expect 0 pgcert revoke "db.$ZONE" --reason keyCompromise
    expect 0 pgcert revoke "db.$ZONE" --reason keyCompromise
    [[ $output == *"was revoked already"* ]]
    not strict sslserver "$(newest_generation)/chain.pem" "$CA/servers.crl"
    openssl crl -in "$CA/servers.crl" -noout -text | grep -q 'Key Compromise'
    expect 0 pgcert renew
    [ "$(served)" != "$second" ]
    strict sslserver "$(newest_generation)/chain.pem" "$CA/servers.crl"
}

@test "renew makes the CRLs when half of their life is left, and no sooner" {
    have faketime
    conf_add <<<$'[certificate db.'"$ZONE"$']\nkey_type = ecdsa-p256'
    expect 0 pgcert ca init
    pg_serves_pgcert
    expect 0 pgcert renew
    before=$(sha256sum "$CA/clients.crl")
    expect 0 later +14d ca crl
    [ "$(sha256sum "$CA/clients.crl")" = "$before" ]
    number=$(openssl crl -in "$CA/clients.crl" -noout -crlnumber)
    run later +16d renew
    [ "$(sha256sum "$CA/clients.crl")" != "$before" ]
    [ "$(openssl crl -in "$CA/clients.crl" -noout -crlnumber)" != "$number" ]
    [ "$(openssl crl -in "$CA/root.crl" -noout -nextupdate)" != "" ]
}

@test "while the index cannot be written nothing is signed" {
    expect 0 pgcert ca init
    rm "$CA/index" && ln -s /dev/full "$CA/index"
    not pgcert renew
    [ ! -e "$(newest_generation)/chain.pem" ]
}

@test "a server and a client have Ed25519 keys, and a login by password is bound to the certificate" {
    pg_serves_pgcert
    conf_add <<<"[certificate db.$ZONE]"$'\nkey_type = ed25519'
    expect 0 pgcert ca init
    expect 0 pgcert --json renew
    [ "$(json "['certificates'][0]['did']")" = "['renewed', 'deployed', 'proved']" ]
    chain=$(newest_generation)/chain.pem
    openssl x509 -in "$chain" -noout -text | grep -q 'Public Key Algorithm: ED25519'
    strict sslserver "$chain" "$CA/servers.crl"
    gnutls 1.3.6.1.5.5.7.3.1 "$chain"
    before=$(served)
    expect 0 pgcert renew
    [ "$(served)" = "$before" ] # it is not taken for a key of another type

    expect 0 pgcert client new edward --key-type ed25519 --database postgres
    dir=$CA/clients/edward
    openssl x509 -in "$dir/postgresql.crt" -noout -text | grep -q 'Public Key Algorithm: ED25519'
    strict sslclient "$dir/postgresql.crt" "$CA/clients.crl"
    gnutls 1.3.6.1.5.5.7.3.2 "$dir/postgresql.crt"
    public=$(openssl x509 -in "$dir/postgresql.crt" -noout -pubkey)
    [ "$(openssl pkey -inform DER -in "$dir/postgresql.pk8" -pubout)" = "$public" ]
    openssl pkcs12 -in "$dir/postgresql.p12" -passin "file:$dir/postgresql.p12.password" -nodes -out "$WORLD/p12"
    [ "$(openssl pkey -in "$WORLD/p12" -pubout)" = "$public" ]

    pg_sql "create role edward login" && pg_sql "create role paula login password 'horse'"
    cp "$PGDATA/pg_hba.conf" "$WORLD/pg_hba.conf"
    pgcert ca export clients >"$PGDATA/clients.crt"
    chown postgres: "$PGDATA/clients.crt"
    echo "ssl_ca_file = 'clients.crt'" >"$PGDATA/conf.d/ca.conf"
    printf '%s\n' 'local all postgres peer' 'hostssl all paula all scram-sha-256' 'hostssl all edward all cert' >"$PGDATA/pg_hba.conf"
    pg_sql 'select pg_reload_conf()' >/dev/null
    await 5 "the login" psql "host=db.$ZONE hostaddr=127.0.0.1 dbname=postgres user=edward sslmode=verify-full sslrootcert=$CA/root.crt sslcert=$dir/postgresql.crt sslkey=$dir/postgresql.key" -XqAtc 'select 1'
    by_password="host=db.$ZONE hostaddr=127.0.0.1 dbname=postgres user=paula password=horse sslmode=verify-full channel_binding=require"
    [ "$(psql "$by_password sslrootcert=$CA/root.crt" -XqAtc 'select 1')" = 1 ]

    # why no CA may have such a key: a signature by it has no digest, so there is nothing to bind to
    openssl req -x509 -newkey ed25519 -nodes -days 2 -subj "/CN=db.$ZONE" -addext "subjectAltName=DNS:db.$ZONE" \
        -keyout "$WORLD/ed.key" -out "$WORLD/ed.crt" 2>/dev/null
    cat "$WORLD/ed.key" "$WORLD/ed.crt" >"$PGDATA/pgcert.pem"
    pg_sql 'select pg_reload_conf()' >/dev/null
    await 5 "that certificate" serves "$(leaf_sha256 "$WORLD/ed.crt")"
    expect 2 psql "${by_password/require/prefer} sslrootcert=$WORLD/ed.crt" -XqAtc 'select 1'
    [[ $stderr == *"could not find digest"* ]]
    cp "$WORLD/pg_hba.conf" "$PGDATA/pg_hba.conf"
    rm "$PGDATA/conf.d/ca.conf"
    pg_sql 'drop role edward' && pg_sql 'drop role paula'
}

@test "a key that no public CA signs, and a CA that would break logins, are refused when the settings are read" {
    conf_add <<<$'[ca]\nkey_type = ed25519'
    expect 78 pgcert config check
    says "\[ca\] key_type = ed25519: logins by SCRAM would fail"
    conf_add <<<$'[ca]\nkey_type = ecdsa-p384'
    expect 0 pgcert config check
    conf_add <<<"[certificate x.$ZONE]"$'\nissuer = pebble\nkey_type = ed25519'
    expect 78 pgcert config check
    says "\[certificate x.$ZONE\] has key_type = ed25519, and \[issuer pebble\] is not the private CA"
    conf_add <<<"[certificate x.$ZONE]"$'\nissuer = private'
    expect 0 pgcert config check
}

# ---- for other programs ----

@test "openssl-ca reads the exported index, and knows what is revoked" {
    expect 0 pgcert ca init
    pg_serves_pgcert
    expect 0 pgcert renew
    serial=$(openssl x509 -in "$(newest_generation)/chain.pem" -noout -serial | sed 's/.*=//')
    printf '%s\n' '[ca]' 'default_ca = x' '[x]' "database = $WORLD/index.txt" >"$WORLD/ca.conf"
    touch "$WORLD/index.txt.attr"
    pgcert ca export index --format openssl --of servers >"$WORLD/index.txt"
    openssl ca -config "$WORLD/ca.conf" -status "$serial" 2>&1 | grep -q 'Valid'
    expect 0 pgcert revoke "db.$ZONE"
    pgcert ca export index --format openssl --of servers >"$WORLD/index.txt"
    openssl ca -config "$WORLD/ca.conf" -status "$serial" 2>&1 | grep -q 'Revoked'
    pgcert ca export index >"$WORLD/index.csv"
    python3 - "$WORLD/index.csv" "${serial,,}" <<'PY'
import csv, sys
rows = {r["serial"]: r for r in csv.DictReader(open(sys.argv[1], newline=""))}
assert len(rows) == 4 and rows[sys.argv[2]]["state"] == "revoked", rows
PY
}
