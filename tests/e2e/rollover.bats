#!/usr/bin/env bats
# rollover: the private CA is replaced, root and all, and nobody is locked out meanwhile.
load ../e2e/world

# Only PostgreSQL: neither name server nor ACME server is there.
setup_file()
{
    pg_start && world_conf
    pg_sql 'create database app' && pg_sql 'create role alice login' && pg_sql 'create role bob login'
}

setup()
{
    fresh
    conf_add <<<$'[issuer private]\ntype = ca'
    grep -q "db.$ZONE" /etc/hosts || echo "127.0.0.1 db.$ZONE" >>/etc/hosts
    expect 0 pgcert ca init
}

CA=$STATE/ca
BUNDLES=$CA/clients

mutual_tls()
{
    conf_add <<<"[certificate db.$ZONE]"$'\nissuer = private'
    pg_serves_pgcert
    expect 0 pgcert renew
    printf '%s\n' 'local all postgres peer' 'hostssl app alice all cert' 'hostssl app bob all cert' >"$PGDATA/pg_hba.conf"
    trust_clients
}

trust_clients()
{
    export_clients
    pg_restart
}

login()
{
    psql "host=db.$ZONE user=${2:-alice} dbname=app sslmode=verify-full sslcert=$1/postgresql.crt sslkey=$1/postgresql.key sslrootcert=$1/root.crt" -XqAtc "select issuer_dn from pg_stat_ssl where pid = pg_backend_pid()"
}

# A client's chain with what PostgreSQL trusts: strict FILE
strict()
{
    pgcert ca export clients >"$WORLD/clients.pem"
    openssl verify -x509_strict -purpose sslclient -crl_check_all -CAfile "$WORLD/clients.pem" \
        -CRLfile "$CA/clients.crl" "$1" >/dev/null 2>&1
}

phase()
{
    pgcert --json ca show | python3 -c 'import json, sys; r = json.load(sys.stdin)["rollover"]; print(r["phase"] if r else "none")'
}

# No target keeps what it trusts, so it waits until somebody has brought that there: roll [OPTION...]
roll()
{
    expect 0 pgcert ca rollover "$@"
    [ "$(phase)" = trusted ] || return 0
    told=$output
    [[ $output == *"it waits until every PostgreSQL has that; then again: pgcert ca rollover"* ]]
    expect 0 pgcert ca rollover
    output=$told$output
}

# A request of a client that keeps its key: signed for bob.
sign_bob()
{
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORLD/bob.key" \
        -subj /CN=x -out "$WORLD/bob.csr" 2>/dev/null
    pgcert client sign bob "$WORLD/bob.csr" >"$WORLD/bob.crt"
}

@test "old and new clients log in all the while, and old ones are refused at the end" {
    expect 0 pgcert ca tenant acme
    mutual_tls
    expect 0 pgcert client new alice --database app
    expect 0 pgcert client new --tenant acme alice --database app
    cp -a "$BUNDLES/alice" "$WORLD/handed" # what the client has, with the old root alone
    old=$(login "$WORLD/handed")
    before=$(served)

    roll
    [[ $output == *"are made"*"to be trusted"*"sign from now on"*"db.$ZONE: renewed"*"it waits until "* ]]
    trust_clients
    # the server has a certificate of the new CA, which the client accepts by its old root
    [ "$(served)" != "$before" ]
    [ "$(login "$WORLD/handed")" = "$old" ]
    new=$(login "$BUNDLES/alice")
    [[ $new == "/CN=pgcert client CA 2 "* ]]
    [ "$(grep -c BEGIN "$BUNDLES/alice/root.crt")" = 2 ]
    [ "$(phase)" = switched ]
    expect 0 pgcert ca show
    [[ $output == *"to generation 2: switched since "*"2 old certificates of clients that have a new one"* ]]
    expect 0 pgcert --json ca show
    [ "$(json "['rollover']['left']['replaced']")" = 2 ]
    [ "$(json "['authorities'][4]['name']")" = "next root" ]

    # nobody is locked out without being asked
    roll
    [ "$(phase)" = switched ]
    [ "$(login "$WORLD/handed")" = "$old" ]

    expect 0 pgcert ca rollover --force
    [[ $output == *"the old CAs are gone"* ]]
    trust_clients
    [ "$(phase)" = none ]
    [ "$(login "$BUNDLES/alice")" = "$new" ]
    not login "$WORLD/handed"
    # those of the CA that is gone are not called valid, nor could they be revoked
    expect 0 pgcert client list --state gone alice
    [ "$(grep -c ' alice' <<<"$output")" = 2 ]
    serial=$(openssl x509 -in "$WORLD/handed/postgresql.crt" -noout -serial | sed 's/.*=//' | tr 'A-F' 'a-f')
    grep "^gone .* $serial " <<<"$output"
    expect 65 pgcert client revoke "$serial"
    says "could be revoked"
    expect 0 pgcert client list --state valid alice
    not grep "$serial" <<<"$output"
    strict "$BUNDLES/alice@acme/postgresql.crt"
    [ "$(grep -c BEGIN "$CA/root.crt")" = 1 ]
    [ ! -e "$CA/next" ]
    [ ! -e "$CA/rollover.json" ]
    [ -e "$CA/old/1/root.crt" ]
    [ -e "$CA/old/1/tenants/acme.crt" ]
    [ -z "$(find "$CA/old" -name '*.key')" ]
    expect 0 pgcert renew
    expect 0 pgcert client new bob --database app
    trust_clients
    login "$BUNDLES/bob" bob
}

@test "it ends by itself when every old certificate is revoked or has ended" {
    expect 0 pgcert client new alice --host "x.$ZONE"
    sign_bob
    roll
    [[ $output == *"1 clients have a certificate of the new CA"* ]]
    expect 0 pgcert --json ca rollover
    [ "$(json "['rollover']['left']['clients']")" = 1 ]
    [ "$(json "['rollover']['left']['certificates'][1]['name']")" = bob ]
    strict "$WORLD/bob.crt"
    sign_bob # who keeps the key fetches a new one
    expect 0 pgcert --json ca rollover
    [ "$(json "['rollover']['left']['clients']")" = 0 ]
    [ "$(json "['rollover']['left']['replaced']")" = 2 ]
    for serial in $(python3 -c 'import json, sys; print(*[c["serial"] for c in json.load(sys.stdin)["rollover"]["left"]["certificates"]])' <<<"$output"); do
        expect 0 pgcert client revoke "$serial" --reason superseded
    done
    roll
    [ "$(phase)" = none ]
    strict "$WORLD/bob.crt"
    strict "$BUNDLES/alice/postgresql.crt"
    # and once more
    expect 64 pgcert ca rollover --force
    roll
    [ "$(phase)" = switched ]
    expect 0 pgcert ca rollover --force
    [ "$(phase)" = none ]
    [[ $(openssl x509 -in "$CA/root.crt" -noout -subject) == *"pgcert root CA 3 "* ]]
    [ -e "$CA/old/2/root.crt" ]
}

@test "before the switch there is a way back, and afterwards none" {
    expect 0 pgcert client new alice --host "x.$ZONE"
    expect 0 pgcert ca rollover --abort
    [[ $output == *"there is no rollover to abort"* ]]
    # the old root's key is elsewhere: it waits for clients that know the old root only
    expect 0 pgcert ca export --root-key "$WORLD/stick"
    before=$(cat "$CA/root.crt")
    roll --root-key "$WORLD/stick2"
    [[ $output == *"it waits until clients have the new root.crt"* ]]
    [ "$(phase)" = trusted ]
    [ -e "$WORLD/stick2" ]
    [ ! -e "$CA/next/root.key" ]
    expect 64 pgcert ca rollover --root-key "$WORLD/stick4"
    says "has made its root already, and '$WORLD/stick4' gets nothing; .*pgcert ca export --root-key"
    [ ! -e "$WORLD/stick4" ]
    # the next root's key comes and goes as the present one's does
    expect 0 pgcert ca import --root-key "$WORLD/stick2"
    [ -e "$CA/next/root.key" ]
    expect 0 pgcert ca export --root-key "$WORLD/stick2"
    [ ! -e "$CA/next/root.key" ]
    [ "$(grep -c BEGIN "$CA/root.crt")" = 2 ]
    [ "$(pgcert ca export clients | grep -c BEGIN)" = 4 ]
    strict "$BUNDLES/alice/postgresql.crt"
    expect 0 pgcert client new bob --host "x.$ZONE"
    openssl x509 -in "$BUNDLES/bob/postgresql.crt" -noout -issuer | grep -qv 'CA 2 '

    expect 0 pgcert ca rollover --abort
    [ "$(phase)" = none ]
    [ "$(cat "$CA/root.crt")" = "$before" ]
    [ "$(pgcert ca export clients | grep -c BEGIN)" = 2 ]
    [ "$(grep -c BEGIN "$CA/clients.crl")" = 2 ]
    [ ! -e "$CA/next" ]
    strict "$BUNDLES/bob/postgresql.crt"

    expect 65 pgcert ca rollover --root-key "$WORLD/stick2"
    says "that file exists"
    rm "$WORLD/stick2"
    roll --root-key "$WORLD/stick2"
    expect 0 pgcert ca rollover --force
    [ "$(phase)" = switched ]
    expect 69 pgcert ca rollover --abort
    says "the new CAs sign already"
    expect 0 pgcert ca rollover --force
    [ "$(phase)" = none ]
    strict "$BUNDLES/alice/postgresql.crt"
    expect 0 pgcert ca crl --force
    expect 64 pgcert ca rollover --abort --force
}

@test "client renew --all renews what is not due" {
    expect 0 pgcert client new alice --host "x.$ZONE"
    before=$(cat "$BUNDLES/alice/postgresql.crt")
    expect 0 pgcert client renew
    [ "$(cat "$BUNDLES/alice/postgresql.crt")" = "$before" ]
    expect 0 pgcert client renew --all
    [ "$(cat "$BUNDLES/alice/postgresql.crt")" != "$before" ]
    expect 64 pgcert client renew --all alice
}

# Kills a call at each of some system calls, and looks what is there then:
# killed_at "CALL..." COPY-OF-STATE CHECK ARGUMENT...
killed_at()
{
    local calls=$1 from=$2 check=$3 call n
    shift 3
    for call in $calls; do
        n=0
        while :; do
            n=$((n + 1))
            rm -rf "$STATE" && cp -a "$from" "$STATE"
            run strace -f -qq -o "$WORLD/trace" -e "trace=$call" \
                -e "inject=$call:signal=KILL:when=$n" "$PGCERT" -c "$CONF" "$@" 3>&- 4>&- </dev/null
            grep -q 'killed by SIGKILL' "$WORLD/trace" || break
            kills=$((kills + 1))
            "$check"
        done
    done
}

# Who had a certificate is accepted, and the next call goes on to the switch.
begun_goes_on()
{
    expect 0 pgcert ca crl # of what is trusted
    strict "$WORLD/handed/postgresql.crt"
    openssl verify -CAfile "$CA/root.crt" "$CA/server-ca.crt" >/dev/null
    roll
    [ "$(phase)" = switched ]
    strict "$WORLD/handed/postgresql.crt"
    strict "$BUNDLES/alice@acme/postgresql.crt"
    [[ $(openssl x509 -in "$BUNDLES/alice@acme/postgresql.crt" -noout -issuer) == *"tenant CA 2 "* ]]
    [ ! -e "$CA/next/unfinished" ]
}

# Whoever is accepted at the end is accepted, and the old one never again once it was refused.
retired_goes_on()
{
    [ "$(phase)" = none ] || expect 0 pgcert ca rollover --force
    [ "$(phase)" = none ]
    [ ! -e "$CA/next" ]
    [ -z "$(find "$CA/old" -name '*.key')" ]
    not strict "$WORLD/handed/postgresql.crt"
    [ -e "$CA/old/1/client-ca.crt" ]
    expect 0 pgcert client renew --all
    strict "$BUNDLES/alice@acme/postgresql.crt"
    expect 0 pgcert ca crl --force # all keys are there
}

@test "killed at any system call that changes a file, the next call goes on" {
    have strace
    kills=0
    expect 0 pgcert ca tenant acme
    expect 0 pgcert client new --tenant acme alice --host "x.$ZONE"
    cp -a "$BUNDLES/alice@acme" "$WORLD/handed2" && rm -rf "$WORLD/handed" && mv "$WORLD/handed2" "$WORLD/handed"
    cp -a "$STATE" "$WORLD/state0"
    killed_at "renameat mkdir" "$WORLD/state0" begun_goes_on ca rollover
    [ "$kills" -gt 15 ]
    rm -rf "$STATE" && cp -a "$WORLD/state0" "$STATE"
    roll
    cp -a "$STATE" "$WORLD/state1"
    killed_at "renameat rename link unlinkat rmdir" "$WORLD/state1" retired_goes_on ca rollover --force
    [ "$kills" -gt 45 ]
}

# Before the switch: whatever was done, abort brings back what was.
aborted_is_as_before()
{
    expect 0 pgcert ca rollover --abort
    [ "$(phase)" = none ]
    [ ! -e "$CA/next" ]
    cmp "$CA/root.crt" "$WORLD/state0/ca/root.crt"
    [ "$(grep -c BEGIN "$CA/clients.crl")" = 2 ]
    [ "$(pgcert ca export clients | grep -c BEGIN)" = 2 ]
}

@test "killed while it goes back, the next abort ends there" {
    have strace
    kills=0
    rm -rf "$WORLD/state0" "$WORLD/state1"
    expect 0 pgcert ca export --root-key "$WORLD/stick3"
    cp -a "$STATE" "$WORLD/state0"
    roll
    [ "$(phase)" = trusted ]
    cp -a "$STATE" "$WORLD/state1"
    killed_at "renameat write unlinkat rmdir" "$WORLD/state1" aborted_is_as_before ca rollover --abort
    [ "$kills" -gt 15 ]
}
