#!/usr/bin/env bats
# A change of pg_hba.conf that is killed: what is there loads, and the next run finishes.
load ../e2e/world

RULES=$PGDATA/pg_hba.conf
IDENT=$PGDATA/pg_ident.conf

setup_file()
{
    pg_start && world_conf
    private_ca
    pg_sql 'create database app' && pg_sql 'create role alice login'
    expect 0 pgcert ca init
    pg_serves_pgcert
    expect 0 pgcert renew
    expect 0 pgcert client new alice --database app
    chown -R postgres: "$WORLD/conf" "$STATE"
    cp -p "$RULES" "$WORLD/pg_hba.first"
    cp -p "$IDENT" "$WORLD/pg_ident.first"
}

setup() { :; }

# The administrator's bytes are there, and nothing but a whole block above them: is_whole FILE
is_whole()
{
    local first=$WORLD/${1##*/}
    first=${first%.conf}.first
    cmp -s "$1" "$first" && return
    [ "$(grep -c '^# begin: pgcert' "$1")" = 1 ] && sed '1,/^# end: pgcert/d' "$1" | cmp - "$first"
}

alice_logs_in()
{
    local dir=$STATE/ca/clients/alice
    [ "$(psql "$(head -n 1 "$dir/urls")" -XqAtc 'select current_user')" = alice ]
    not psql "$(head -n 1 "$dir/urls") dbname=postgres" -XqAtc 'select 1'
    not psql "host=localhost user=alice dbname=app" -XqAtc 'select 1'
}

# As the server's user, whose the state is.
again()
{
    as_postgres timeout 60 "$PGCERT" -c "$CONF" "$@" 3>&- 4>&- </dev/null
}

# Kills a setup at the Nth call of a kind: killed_at CALL N; false when it came to its end
killed_at()
{
    local ended=0
    as_postgres strace -f -qq -o /dev/null -e trace="$1" -e inject="$1":signal=KILL:when="$2" \
        "$PGCERT" -c "$CONF" setup --mutual-tls --yes "db.$ZONE" >"$WORLD/killed" 2>&1 3>&- 4>&- </dev/null || ended=$?
    [ "$ended" -ge 128 ]
}

# What a killed run may leave.
survived()
{
    is_whole "$RULES" && is_whole "$IDENT"
    [ "$(pg_sql 'select count(*) from pg_hba_file_rules where error is not null')" = 0 ]
    [ "$(pg_sql 'select count(*) from pg_ident_file_mappings where error is not null')" = 0 ]
    # the map is always there before the line that names it
    cmp -s "$RULES" "$WORLD/pg_hba.first" || grep -q '^# begin: pgcert' "$IDENT"
}

@test "killed at any step, both files load, and the next run lets the client in" {
    have strace
    kills=0 written=0 halves=0
    for call in renameat fsync sendto; do
        for n in $(seq 1 80); do
            cp -p "$WORLD/pg_hba.first" "$RULES"
            cp -p "$WORLD/pg_ident.first" "$IDENT"
            pg_sql 'select pg_reload_conf()' >/dev/null
            killed_at "$call" "$n" || break
            kills=$((kills + 1))
            survived
            cmp -s "$IDENT" "$WORLD/pg_ident.first" || written=$((written + 1))
            cmp -s "$IDENT" "$WORLD/pg_ident.first" || ! cmp -s "$RULES" "$WORLD/pg_hba.first" || halves=$((halves + 1))
            expect 0 again setup --mutual-tls --yes "db.$ZONE"
            alice_logs_in
            [ -z "$(find "$PGDATA" -name '*.new-*')" ]
        done
    done
    echo "# hba: $kills kills, $written of them with lines written, $halves with the map alone" >&3
    [ "$kills" -ge 20 ]
    [ "$written" -ge 6 ]
    [ "$halves" -ge 2 ]
    alice_logs_in
}
