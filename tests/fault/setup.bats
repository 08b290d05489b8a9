#!/usr/bin/env bats
# Setups that go wrong: the server's settings are as they were, and PostgreSQL starts.
load ../e2e/world

setup_file()
{
    world_start
    expect 0 pgcert setup --yes "db.$ZONE"
    cp -a "$STATE" "$WORLD/issued"
    rm "$WORLD/issued/certificates/db.$ZONE/state.json" # and nothing is known to be served
}

setup()
{
    world_conf
    conf_add <<END
[target main]
prove_timeout = 1s
END
    start_over
    issued=$(leaf_sha256 "$(newest_generation)/chain.pem")
}

# One generation is issued.
start_over()
{
    rm -rf "$STATE"
    cp -a "$WORLD/issued" "$STATE"
}

# A fresh cluster, with lines added to its postgresql.conf: pg_is_fresh [LINE...]
pg_is_fresh()
{
    pg_reset
    printf '%s\n' "$@" >>"$PGDATA/postgresql.conf"
    [ $# -eq 0 ] || pg_restart
}

# The administrator's own pair, in one file of another name.
pg_has_its_own_pair()
{
    pg_is_fresh
    self_signed "$PGDATA/server.pem"
    chown postgres: "$PGDATA/server.pem"
    sed -i /include_dir/d "$PGDATA/postgresql.conf"
    printf '%s\n' "ssl = on" "ssl_cert_file = 'server.pem'" "ssl_key_file = 'server.pem'" \
        >>"$PGDATA/postgresql.conf"
    pg_restart
    old=$(leaf_sha256 "$PGDATA/server.pem")
    [ "$(served)" = "$old" ]
}

@test "a setup that cannot be proved leaves the server as it was: ssl off" {
    pg_is_fresh
    conf_add <<END
[target main]
prove = 127.0.0.1:5432, 127.0.0.1:14000
END
    expect 80 pgcert setup --yes "db.$ZONE"
    says "put back"
    [ "$(pg_sql 'show ssl')" = off ]
    [ ! -e "$PGDATA/conf.d/pgcert.conf" ]
    [ ! -e "$PGDATA/pgcert.pem" ]
    [ -z "$(find "$PGDATA" -name '*.new-*')" ]
    pg_restart
}

@test "a setup that cannot be proved leaves the server as it was: its own pair, ALTER SYSTEM" {
    pg_has_its_own_pair
    pg_sql "alter system set ssl_key_file = 'server.pem'"
    conf_add <<END
[target main]
prove = 127.0.0.1:5432, 127.0.0.1:14000
END
    expect 80 pgcert setup --yes "db.$ZONE"
    [ "$(served)" = "$old" ]
    [ "$(grep -c ssl "$PGDATA/postgresql.auto.conf")" = 1 ]
    [ ! -e "$PGDATA/pgcert.pem" ]
    unharmed "$old"
}

@test "a conf.d that does not win is not used" {
    pg_is_fresh "ssl_cert_file = 'server.crt'"
    expect 0 pgcert setup --yes "db.$ZONE"
    grep -qi "alter system" <<<"$output"
    [ ! -e "$PGDATA/conf.d/pgcert.conf" ]
    unharmed "$issued"
}

@test "settings on the command line are named, for no file can change them" {
    pg_is_fresh
    pg_stop
    as_postgres "$(pg_bin)/pg_ctl" -D "$PGDATA" -l "$PG_LOG" -w -s -o "-c ssl=off" start 3>&- 4>&-
    expect 78 pgcert setup --yes "db.$ZONE"
    says "command line"
    [ ! -e "$PGDATA/pgcert.pem" ]
}

@test "a setup by a role that may not is told so, and nothing is changed" {
    pg_is_fresh
    pg_sql "create role reloader login; grant execute on function pg_reload_conf() to reloader"
    conf_add <<END
[target main]
connection = host=/var/run/postgresql user=reloader dbname=postgres
file = $PGDATA/pgcert.pem
END
    expect 77 pgcert setup --yes "db.$ZONE"
    says "superuser"
    [ "$(pg_sql 'show ssl')" = off ]
}

# Of the private CA: no settings, no state, TLS off.
pg_and_pgcert_are_fresh()
{
    pg_is_fresh
    rm -rf "$STATE" "$WORLD/conf/conf.d"
    printf '[pgcert]\nstate = %s\n' "$STATE" >"$CONF"
}

@test "killed at any step of a setup with the private CA, the next setup finishes" {
    have strace
    local call n kills=0
    for call in write mkdir renameat2 renameat; do
        n=0
        while :; do
            n=$((n + 1))
            [ "$call" != write ] || [ "$n" -le 4 ] || break # those are of the settings
            pg_and_pgcert_are_fresh
            run strace -f -qq -o "$WORLD/trace" -e "trace=$call" -e "inject=$call:signal=KILL:when=$n" \
                "$PGCERT" -c "$CONF" setup --yes "db.$ZONE" 3>&- 4>&- </dev/null
            grep -q 'killed by SIGKILL' "$WORLD/trace" || break
            kills=$((kills + 1))
            expect 0 pgcert setup --yes "db.$ZONE"
            [[ $output == *"root's certificate, $STATE/ca/root.crt"* ]]
            unharmed "$(leaf_sha256 "$PGDATA/pgcert.pem")"
            openssl verify -CAfile "$STATE/ca/root.crt" -untrusted "$PGDATA/pgcert.pem" "$PGDATA/pgcert.pem"
            [ "$(ls -A "$WORLD/conf/conf.d")" = "db.$ZONE.conf" ] # whole, and nothing beside it
            [ "$(stat -c %a "$WORLD/conf/conf.d/db.$ZONE.conf")" = 644 ]
        done
    done
    echo "# setup, private CA: $kills kills" >&3
    [ "$kills" -ge 40 ]
}

@test "killed at any statement of a setup, PostgreSQL restarts and the next setup finishes" {
    have strace
    kills=0
    for n in $(seq 1 40); do
        start_over
        pg_has_its_own_pair
        chown -R postgres: "$WORLD/conf" "$STATE"
        ended=0
        as_postgres strace -f -qq -o /dev/null -e trace=sendto \
            -e inject=sendto:signal=KILL:when="$n" "$PGCERT" -c "$CONF" setup --yes "db.$ZONE" \
            >"$WORLD/killed" 2>&1 3>&- 4>&- </dev/null || ended=$?
        pg_restart
        found=$(served)
        [ "$found" = "$old" ] || [ "$found" = "$issued" ]
        expect 0 pgcert setup --yes "db.$ZONE"
        unharmed "$issued"
        [ "$ended" -ge 128 ] || break
        kills=$((kills + 1))
    done
    echo "# setup: $kills kills" >&3
    [ "$kills" -ge 8 ]
}
