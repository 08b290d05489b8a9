#!/usr/bin/env bats
# setup: from a server without TLS to one that serves a certificate, without a restart.
load ../e2e/world

setup()
{
    pg_reset
    fresh
}

running_since()
{
    pg_sql "select pg_postmaster_start_time()"
}

@test "setup gets a certificate, turns TLS on by reload, and proves it" {
    since=$(running_since)
    expect 0 pgcert setup "db.$ZONE" --yes
    [ "$(served)" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
    [ "$(pg_sql 'show ssl')" = on ]
    [ "$(running_since)" = "$since" ]
}

@test "what setup wrote is shown, and stands in the cluster's own conf.d" {
    expect 0 pgcert setup "db.$ZONE" --yes
    file=$(grep -l ssl_cert_file "$PGDATA"/conf.d/*.conf)
    grep -qF "${file##*/}" <<<"$output"
    grep -q "ssl_cert_file" <<<"$output"
    not grep -q ssl "$PGDATA/postgresql.auto.conf"
}

@test "without a conf.d setup uses ALTER SYSTEM, and says so" {
    sed -i '/include_dir/d' "$PGDATA/postgresql.conf"
    pg_restart
    expect 0 pgcert setup "db.$ZONE" --yes
    grep -qi "alter system" <<<"$output"
    grep -q "ssl_cert_file" "$PGDATA/postgresql.auto.conf"
    unharmed "$(leaf_sha256 "$PGDATA/pgcert.pem")"
}

@test "the file is the server's alone, and survives a restart" {
    expect 0 pgcert setup "db.$ZONE" --yes
    [ "$(stat -c '%U:%G %a' "$PGDATA/pgcert.pem")" = "postgres:postgres 600" ]
    unharmed "$(leaf_sha256 "$PGDATA/pgcert.pem")"
}

@test "a client with verify-full is content" {
    expect 0 pgcert setup "db.$ZONE" --yes
    PGSSLMODE=verify-full PGSSLROOTCERT=$WORLD/pebble/root.pem run --separate-stderr \
        psql -XqAt "host=db.$ZONE user=someone dbname=postgres" -c "select 1"
    [[ $stderr == *'role "someone" does not exist'* ]] # past TLS
}

@test "a second setup changes nothing" {
    expect 0 pgcert setup "db.$ZONE" --yes
    before=$(served)
    mark=$(pebble_mark)
    files=$(cat "$PGDATA"/conf.d/* "$PGDATA/postgresql.auto.conf" | sha256sum)
    expect 0 pgcert setup "db.$ZONE" --yes
    [ "$(served)" = "$before" ]
    [ "$(requests "$mark" .)" = 0 ]
    [ "$(cat "$PGDATA"/conf.d/* "$PGDATA/postgresql.auto.conf" | sha256sum)" = "$files" ]
}

@test "setup replaces a pair of the administrator's, and keeps it" {
    self_signed "$PGDATA/server.pem"
    chown postgres: "$PGDATA/server.pem"
    printf '%s\n' "ssl = on" "ssl_cert_file = 'server.pem'" "ssl_key_file = 'server.pem'" \
        >>"$PGDATA/postgresql.conf"
    pg_restart
    old=$(leaf_sha256 "$PGDATA/server.pem")
    serves "$old"
    expect 0 pgcert setup "db.$ZONE" --yes
    [ "$(served)" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
    [ "$(leaf_sha256 "$PGDATA/server.pem")" = "$old" ]
}

@test "renew on a server that does not use pgcert's file says so, and what to do" {
    expect 78 pgcert renew
    says "pgcert setup"
    [ "$(pg_sql 'show ssl')" = off ]
}

@test "renew after that does not order again, and goes on from what is issued" {
    expect 78 pgcert renew
    mark=$(pebble_mark)
    expect 0 pgcert setup "db.$ZONE" --yes
    [ "$(requests "$mark" order-plz)" = 0 ]
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
}

@test "setup that cannot get a certificate leaves the server as it was" {
    pebble_stop
    run --separate-stderr pgcert setup "db.$ZONE" --yes
    pebble_start
    [ "$status" -eq 75 ]
    says "localhost:14000"
    [ "$(pg_sql 'show ssl')" = off ]
    [ ! -e "$PGDATA/pgcert.pem" ]
    [ -z "$(ls "$PGDATA/conf.d")" ]
    pg_restart
}

@test "setup without --yes and without a terminal asks nothing and changes nothing" {
    run --separate-stderr pgcert setup "db.$ZONE"
    [ "$status" -eq 64 ]
    says "yes"
    [ "$(pg_sql 'show ssl')" = off ]
}

@test "setup works beside a setting that is broken by hand elsewhere" {
    # PostgreSQL applies all the others at a reload.
    echo "work_mem = 'nonsense'" >>"$PGDATA/postgresql.conf"
    run --separate-stderr pgcert setup "db.$ZONE" --yes
    sed -i '/nonsense/d' "$PGDATA/postgresql.conf"
    [ "$status" -eq 0 ]
    unharmed "$(leaf_sha256 "$PGDATA/pgcert.pem")"
}

@test "setup writes the settings that are missing, and what exists is not touched" {
    sed -i '/^\[certificate/,/^$/d; /^\[target/,/^$/d' "$CONF"
    expect 0 pgcert setup "db.$ZONE" --yes
    file=$WORLD/conf/conf.d/db.$ZONE.conf
    grep -q "\[certificate db.$ZONE\]" "$file" && grep -q "\[target main\]" "$file"
    [ "$(stat -c '%a' "$file")" = 644 ]
    [ "$(served)" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
    # the same name again, where somebody has his own file
    printf '[pgcert]\nkeep_generations = 9\n' >"$WORLD/conf/conf.d/other.$ZONE.conf"
    expect 78 pgcert setup "other.$ZONE" --yes
    says "other.$ZONE.conf.*exists"
    [ "$(cat "$WORLD/conf/conf.d/other.$ZONE.conf")" = $'[pgcert]\nkeep_generations = 9' ]
}

@test "setup for a wildcard name works" {
    sed -i '/^\[certificate/,/^$/d' "$CONF"
    expect 0 pgcert setup "*.db.$ZONE" --yes
    [ -e "$WORLD/conf/conf.d/wildcard.db.$ZONE.conf" ]
    [ "$(served)" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
}

@test "root writes no settings where somebody else could put another file" {
    sed -i '/^\[certificate/,/^$/d' "$CONF"
    rm -rf "$WORLD/conf/conf.d" "$WORLD/elsewhere"
    mkdir "$WORLD/elsewhere"
    ln -s "$WORLD/elsewhere" "$WORLD/conf/conf.d"
    run --separate-stderr pgcert setup "db.$ZONE" --yes
    rm "$WORLD/conf/conf.d"
    mkdir "$WORLD/conf/conf.d"
    [ "$status" -ne 0 ]
    [ -z "$(ls "$WORLD/elsewhere")" ]
    chown postgres: "$WORLD/conf/conf.d"
    expect 77 pgcert setup "db.$ZONE" --yes
    [ -z "$(ls "$WORLD/conf/conf.d")" ]
    rm -rf "$WORLD/conf/conf.d"
}

@test "setup --dry-run says what would be written, and touches nothing" {
    sed -i '/^\[certificate/,/^$/d' "$CONF"
    expect 0 pgcert setup "db.$ZONE" --dry-run
    grep -q "\[certificate db.$ZONE\]" <<<"$output"
    [ ! -e "$STATE" ] && [ -z "$(ls "$WORLD/conf/conf.d")" ]
    [ "$(pg_sql 'show ssl')" = off ]
}
