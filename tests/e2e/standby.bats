#!/usr/bin/env bats
# A primary and its standby on one host, each with its own certificate: a copy of the other one's data
# directory brings the other one's certificate along, and the next run puts its own back.
load world

STANDBY=$WORLD/pg/standby
BIN=$(pg_bin)

# Two certificates of the private CA, for two clusters.
setup_file()
{
    pg_make
    printf '%s\n' "wal_log_hints = on" "wal_keep_size = 64MB" "hot_standby = on" >>"$PGDATA/postgresql.conf"
    echo "local replication postgres peer" >>"$PGDATA/pg_hba.conf"
    pg_start
    world_conf
    private_ca "deploy = main" "[certificate standby.$ZONE]" "issuer = private" "names = standby.$ZONE" \
        "deploy = standby" "[target standby]" "type = postgres" \
        "connection = host=/var/run/postgresql port=5433 user=postgres dbname=postgres"
    pgcert ca init >/dev/null && pgcert -q setup --yes "db.$ZONE"
    as_postgres "$BIN/pg_basebackup" -D "$STANDBY" -R -c fast -X stream -h /var/run/postgresql
    echo "port = 5433" >>"$STANDBY/postgresql.conf"
    start "$STANDBY"
}

setup()
{
    :
}

start()
{
    as_postgres "$BIN/pg_ctl" -D "$1" -l "$PG_LOG" -w -t 20 -s start 3>&- 4>&-
}

stop()
{
    as_postgres "$BIN/pg_ctl" -D "$1" -m fast -w -t 20 -s stop 3>&- 4>&-
}

standby_sql()
{
    as_postgres psql -XqAt -p 5433 -d postgres -c "$1"
}

# Each serves its own, and the files say so as well.
each_its_own()
{
    [ "$(served localhost 5432)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ] &&
        [ "$(served localhost 5433)" = "$(leaf_sha256 "$(newest_generation "standby.$ZONE")/chain.pem")" ] &&
        [ "$(served localhost 5433)" = "$(leaf_sha256 "$STANDBY/pgcert.pem")" ] &&
        [ "$(served localhost 5432)" != "$(served localhost 5433)" ]
}

@test "after pg_basebackup the standby serves the primary's certificate, and the next run puts its own there" {
    [ "$(standby_sql 'select pg_is_in_recovery()')" = t ]
    [ "$(served localhost 5433)" = "$(served localhost 5432)" ]
    expect 0 pgcert renew
    grep "^standby.$ZONE: renewed, deployed, proved" <<<"$output"
    each_its_own
    [ "$(standby_sql 'select pg_is_in_recovery()')" = t ]
}

@test "both are renewed and proved in one run, and status knows both" {
    expect 0 pgcert renew --force
    each_its_own
    expect 0 pgcert --json status
    [ "$(json "['certificates'][1]['targets'][0]['endpoints'][0]['address'].split(':')[-1]")" = 5433 ]
}

@test "a primary that failed comes back by pg_rewind with the other's certificate, until the next run" {
    standby_sql 'select pg_promote()' >/dev/null
    pg_sql 'create table lost (n int)' # what the old primary has written since
    stop "$PGDATA"
    cp "$PGDATA/postgresql.conf" "$WORLD/primary.conf"
    standby_sql 'checkpoint'
    as_postgres "$BIN/pg_rewind" --target-pgdata="$PGDATA" \
        --source-server="host=/var/run/postgresql port=5433 user=postgres dbname=postgres" -R
    cp "$WORLD/primary.conf" "$PGDATA/postgresql.conf"
    start "$PGDATA"
    [ "$(pg_sql 'select pg_is_in_recovery()')" = t ]
    [ "$(served localhost 5432)" = "$(served localhost 5433)" ]
    expect 0 pgcert renew
    grep "^db.$ZONE: deployed, proved" <<<"$output"
    each_its_own
}

@test "a standby that is down delays nobody, and gets its own when it is back" {
    stop "$STANDBY"
    expect 75 pgcert renew --force
    says "\[target standby\].*5433"
    [ "$(served localhost 5432)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
    start "$STANDBY"
    expect 0 pgcert renew
    each_its_own
    stop "$STANDBY"
}
