#!/usr/bin/env bats
# renew: issued, deployed and served are made to agree, on real servers.
load ../e2e/world

names_of()
{
    openssl x509 -in "$1" -noout -ext subjectAltName | grep -o 'DNS:[^,]*' | sed 's/DNS://' | sort |
        paste -sd' '
}

# Makes the stored certificate as old as it will be in so many days, without waiting for them:
# what is remembered of its dates is moved, for the clocks of all servers have to agree.
grow_older()
{
    python3 - "$(newest_generation)/about.json" "$1" <<'END'
import json, sys
about = json.load(open(sys.argv[1]))
for date in "not_before", "not_after", "created_at":
    about[date] -= int(sys.argv[2]) * 86400
json.dump(about, open(sys.argv[1], "w"))
END
}

@test "a first run issues, deploys and proves" {
    fresh
    pg_serves_pgcert
    old=$(served)
    expect 0 pgcert --json renew
    [ "$(json "['certificates'][0]['did']")" = "['renewed', 'deployed', 'proved']" ]
    [ "$(json "['certificates'][0]['exit']")" = 0 ]
    [ "$(json "['certificates'][0]['issued']['sha256']")" = "$(served)" ]
    [ "$(served)" != "$old" ]
    [ "$(served)" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
    [ "$(stat -c '%U %a' "$PGDATA/pgcert.pem")" = "postgres 600" ]
}

@test "what is served verifies as a person would check it" {
    fresh_and_served
    openssl s_client -starttls postgres -connect localhost:5432 -verify_return_error \
        -CAfile "$WORLD/pebble/root.pem" -verify_hostname "db.$ZONE" </dev/null
}

@test "a second run does nothing and asks nobody" {
    fresh_and_served
    mark=$(pebble_mark)
    expect 0 strace -f -qq -e trace=connect -o "$WORLD/trace" "$PGCERT" -c "$CONF" renew
    [ "$(requests "$mark" .)" = 0 ]
    [ "$(served)" = "$first" ]
    not grep -E 'sin6?_port' "$WORLD/trace"
}

@test "a renewal brings a new key each time, and keeps the last generations" {
    fresh_and_served
    for _ in 1 2 3 4; do
        key=$(openssl pkey -in "$(newest_generation)/key.pem" -pubout)
        expect 0 pgcert renew --force
        [ "$(openssl pkey -in "$(newest_generation)/key.pem" -pubout)" != "$key" ]
        [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
    done
    [[ $(newest_generation) == */5 ]]
    [ "$(find "$STATE/certificates/db.$ZONE" -maxdepth 1 -name '[0-9]*' | wc -l)" = 3 ]
}

@test "what was done is told, also where only standard output is the journal's" {
    fresh_and_served
    : >"$WORLD/said"
    stream=$(stat -c %d:%i "$WORLD/said")
    JOURNAL_STREAM=$stream pgcert renew --force >"$WORLD/said" 2>"$WORLD/failed"
    grep -q "renewed, deployed, proved" "$WORLD/said"
    [ ! -s "$WORLD/failed" ]
}

@test "what is due by its settings is renewed without being forced" {
    fresh_and_served
    conf_add <<<"[certificate db.$ZONE]"$'\nrenew_before = 80d'
    grow_older 9
    expect 0 pgcert renew
    [ "$(served)" = "$first" ]
    grow_older 2
    expect 0 pgcert renew
    [ "$(served)" != "$first" ]
}

@test "what is due by its age is renewed" {
    fresh_and_served # 90 days
    grow_older 59
    expect 0 pgcert renew
    [ "$(served)" = "$first" ]
    grow_older 2
    expect 0 pgcert renew
    [ "$(served)" != "$first" ]
}

@test "a span that is longer than the life does not renew at every run" {
    fresh_and_served
    conf_add <<<"[certificate db.$ZONE]"$'\nrenew_before = 4000d'
    expect 0 pgcert renew
    [ "$(served)" = "$first" ]
    grow_older 46 # more than half
    expect 0 pgcert renew
    [ "$(served)" != "$first" ]
}

@test "a dry run says what would happen, and touches nothing" {
    fresh_and_served
    grow_older 61
    mark=$(pebble_mark)
    expect 0 pgcert renew --dry-run
    grep -q "db.$ZONE" <<<"$output$stderr"
    [ "$(requests "$mark" .)" = 0 ]
    [ "$(served)" = "$first" ]
    [[ $(newest_generation) == */1 ]]
}

@test "a deployment that somebody undid is done again, without an order" {
    fresh_and_served
    mark=$(pebble_mark)
    self_signed "$WORLD/other.pem"
    install -o postgres -g postgres -m 600 "$WORLD/other.pem" "$PGDATA/pgcert.pem"
    pg_sql "select pg_reload_conf()" >/dev/null
    await 5 "the other certificate" serves "$(leaf_sha256 "$WORLD/other.pem")"
    expect 0 pgcert --json renew
    [ "$(json "['certificates'][0]['did']")" = "['deployed', 'proved']" ]
    [ "$(requests "$mark" .)" = 0 ]
    [ "$(served)" = "$first" ]
}

@test "deploy brings the server to what is issued" {
    fresh_and_served
    rm "$PGDATA/pgcert.pem"
    expect 0 pgcert deploy
    unharmed "$first"
}

@test "rollback puts the previous generation back, and the next run leaves it there" {
    fresh_and_served
    expect 0 pgcert renew --force
    [ "$(served)" != "$first" ]
    expect 0 pgcert rollback "db.$ZONE"
    [ "$(served)" = "$first" ]
    expect 0 pgcert renew
    [ "$(served)" = "$first" ]
    expect 0 pgcert renew --force
    [ "$(served)" != "$first" ]
}

@test "rollback without a previous generation says so" {
    fresh_and_served
    run --separate-stderr pgcert rollback "db.$ZONE"
    [ "$status" -ne 0 ]
    says "db.$ZONE.*(previous|generation)"
    [ "$(served)" = "$first" ]
}

@test "a wildcard and several names come in one order" {
    fresh
    pg_serves_pgcert
    conf_add <<<"[certificate db.$ZONE]"$'\nnames = '"db.$ZONE, *.db.$ZONE, a.$ZONE b.$ZONE *.b.$ZONE"
    mark=$(pebble_mark)
    expect 0 pgcert renew
    [ "$(requests "$mark" order-plz)" = 1 ]
    [ "$(names_of "$PGDATA/pgcert.pem")" = "*.b.$ZONE *.db.$ZONE a.$ZONE b.$ZONE db.$ZONE" ]
    [ "$(served)" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
    [ -z "$(dns_challenges "$ZONE")" ]
}

@test "a changed list of names is a reason to renew" {
    fresh_and_served
    conf_add <<<"[certificate db.$ZONE]"$'\nnames = '"db.$ZONE new.$ZONE"
    expect 0 pgcert renew
    [ "$(names_of "$PGDATA/pgcert.pem")" = "db.$ZONE new.$ZONE" ]
    [ "$(served)" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
}

@test "RSA and P-384 keys, by setting" {
    fresh
    pg_serves_pgcert
    while read -r type text; do
        printf '[certificate db.%s]\nkey_type = %s\n' "$ZONE" "$type" \
            >"$WORLD/conf/conf.d/50-test.conf"
        expect 0 pgcert renew --force
        openssl x509 -in "$PGDATA/pgcert.pem" -noout -text | grep -q "$text"
        [ "$(served)" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
    done <<END
rsa-2048 Public-Key: (2048 bit)
rsa-3072 Public-Key: (3072 bit)
ecdsa-p384 ASN1 OID: secp384r1
ecdsa-p256 ASN1 OID: prime256v1
END
}

@test "the account is made once, and one name costs at most 8 requests" {
    fresh
    pg_serves_pgcert
    mark=$(pebble_mark)
    expect 0 pgcert renew
    [ "$(requests "$mark" sign-me-up)" = 1 ]
    mark=$(pebble_mark)
    expect 0 pgcert renew --force
    pebble_requests "$mark"
    [ "$(requests "$mark" sign-me-up)" = 0 ]
    [ "$(requests "$mark" order-plz)" = 1 ]
    [ "$(requests "$mark" .)" -le 8 ]
}

@test "a run uses one connection to the issuer" {
    fresh_and_served
    expect 0 strace -f -qq -e trace=connect -o "$WORLD/trace" "$PGCERT" -c "$CONF" renew --force
    grep -c 'sin_port=htons(14000)' "$WORLD/trace"
    [ "$(grep -c 'sin_port=htons(14000)' "$WORLD/trace")" = 1 ]
}

@test "a key file that is no good is told before anything is ordered" {
    fresh
    pg_serves_pgcert
    conf_add <<<$'[dns world]\ntsig_file = /nowhere/tsig.key'
    mark=$(pebble_mark)
    expect 78 pgcert renew
    [ "$(requests "$mark" order-plz)" = 0 ]
    # and by a credential it works
    mkdir -m 700 "$WORLD/credentials"
    cp "$WORLD/bind/pgcert-key.key" "$WORLD/credentials/tsig"
    conf_add <<<$'[dns world]\ntsig_file = credential:tsig'
    CREDENTIALS_DIRECTORY=$WORLD/credentials expect 0 pgcert renew
}

@test "two certificates of one issuer share account and connection" {
    fresh
    pg_serves_pgcert
    conf_add <<<"[certificate other.$ZONE]"$'\nissuer = pebble\nnames = other.'"$ZONE"
    mark=$(pebble_mark)
    expect 0 strace -f -qq -e trace=connect -o "$WORLD/trace" "$PGCERT" -c "$CONF" renew
    [ "$(requests "$mark" sign-me-up)" = 1 ]
    [ "$(grep -c 'sin_port=htons(14000)' "$WORLD/trace")" = 1 ]
    [ -s "$(newest_generation "other.$ZONE")/chain.pem" ]
}

@test "one certificate's failure does not stop another's, and the gravest status is told" {
    fresh
    pg_serves_pgcert
    # Sorted before and after the good one; no name server knows their zones.
    conf_add <<END
[certificate a.example.invalid]
issuer = pebble
names = a.example.invalid
[certificate z.example.invalid]
issuer = pebble
names = z.example.invalid
END
    run --separate-stderr pgcert renew
    [ "$status" -ne 0 ]
    says "a.example.invalid"
    says "z.example.invalid"
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
}

@test "keys are never readable by others, from their first byte" {
    fresh
    pg_serves_pgcert
    (umask 000 && expect 0 pgcert renew)
    [ -z "$(find "$STATE" -type f \( -name '*key*' -o -name '*.pem' \) -perm /077)" ]
    [ "$(stat -c %a "$STATE")" = 700 ]
}

@test "no secret is in what is printed, with -v too" {
    fresh
    pg_serves_pgcert
    expect 0 pgcert -v renew
    secret=$(sed -n 's/.*secret "\(.*\)";/\1/p' "$WORLD/bind/pgcert-key.key")
    not grep -qF -e "$secret" -e "PRIVATE KEY" <<<"$output$stderr"
}

@test "two runs at the same time make one order" {
    fresh
    pg_serves_pgcert
    mark=$(pebble_mark)
    pgcert renew >"$WORLD/one" 2>&1 &
    one=$!
    pgcert renew >"$WORLD/two" 2>&1 &
    two=$!
    a=0 b=0
    wait $one || a=$?
    wait $two || b=$?
    cat "$WORLD/one" "$WORLD/two"
    # The later one waits and then finds nothing to do, or says that somebody is at it.
    [[ $a -eq 0 || $b -eq 0 ]]
    [[ ($a -eq 0 || $a -eq 75) && ($b -eq 0 || $b -eq 75) ]]
    [ "$(requests "$mark" order-plz)" = 1 ]
    [ "$(requests "$mark" sign-me-up)" = 1 ]
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
}

@test "a renewal during pgbench drops no session and fails no transaction" {
    fresh_and_served
    pg_sql "drop database if exists bench" && pg_sql "drop role if exists bench"
    pg_sql "create role bench login" && pg_sql "create database bench owner bench"
    bench=$(pg_bin)/pgbench
    "$bench" -iq -h /var/run/postgresql -U bench bench
    export PGSSLMODE=verify-full PGSSLROOTCERT=$WORLD/pebble/root.pem
    "$bench" -n -c 4 -j 2 -T 5 "host=db.$ZONE user=bench dbname=bench" >"$WORLD/stay" 2>&1 3>&- &
    stay=$!
    "$bench" -nSC -c 2 -T 5 "host=db.$ZONE user=bench dbname=bench" >"$WORLD/new" 2>&1 3>&- &
    new=$!
    await 5 "the load" sessions_are_open
    expect 0 pgcert renew --force
    [ "$(served)" != "$first" ]
    kill -0 $stay
    wait $stay
    wait $new
    cat "$WORLD/stay" "$WORLD/new"
    [ "$(grep -c 'failed transactions: 0 ' "$WORLD/stay" "$WORLD/new" | grep -c ':1$')" = 2 ]
    not grep -iE 'abort|fatal' "$WORLD/stay" "$WORLD/new"
}

sessions_are_open()
{
    [ "$(pg_sql "select count(*) > 3 from pg_stat_activity where usename = 'bench' and state <> 'idle'")" = t ]
}

@test "the whole job as user postgres, without root" {
    fresh
    pg_serves_pgcert
    run --separate-stderr pgcert_as_postgres renew
    chown root: "$WORLD/bind/pgcert-key.key"
    [ "$status" -eq 0 ]
    [ "$(served)" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
    [ "$(stat -c %U "$(newest_generation)/key.pem")" = postgres ]
}

@test "a role that may do nothing but reload is enough" {
    fresh
    pg_serves_pgcert
    pg_sql "drop role if exists pgcert; create role pgcert login"
    pg_sql "grant execute on function pg_reload_conf() to pgcert"
    conf_add <<END
[target main]
connection = host=/var/run/postgresql user=pgcert dbname=postgres
file = $PGDATA/pgcert.pem
END
    expect 0 pgcert renew
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
}

@test "a name in any script is ordered by its A-label" {
    fresh
    conf_add <<<"[certificate bücher.$ZONE]"$'\nissuer = pebble\nnames = bücher.'"$ZONE"
    pg_serves_pgcert
    expect 0 pgcert renew
    grep -q xn--bcher-kva <<<"$(names_of "$(find "$STATE/certificates" -path '*cher*' -name chain.pem)")"
}

@test "a rollback that is not served stays no wish" {
    fresh_and_served
    expect 0 pgcert renew --force
    second=$(served)
    # The server is pointed away from pgcert's file behind our back: nothing we deploy is served.
    self_signed "$PGDATA/other.pem" && chown postgres: "$PGDATA/other.pem"
    printf '%s\n' "ssl_cert_file = 'other.pem'" "ssl_key_file = 'other.pem'" \
        >"$PGDATA/conf.d/zz.conf"
    pg_sql "select pg_reload_conf()" >/dev/null
    run --separate-stderr pgcert rollback "db.$ZONE"
    [ "$status" -eq 78 ]
    rm "$PGDATA/conf.d/zz.conf"
    pg_sql "select pg_reload_conf()" >/dev/null
    expect 0 pgcert renew
    [ "$(served)" = "$second" ]
}

@test "a temporary failure that lasts is none when half of the time for renewing has gone" {
    fresh_and_served
    pebble_stop
    expect 75 later +65d renew
    says "the next run tries again"
    expect 69 later +80d renew
    says "the certificate ends soon, and there is no other yet"
    pebble_start
}
