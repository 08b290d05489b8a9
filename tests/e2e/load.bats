#!/usr/bin/env bats
# Rotations under load: clients that verify everything connect and work all the while, somebody else
# reloads the server as well, and nobody notices anything.
#
# ROTATIONS  how many (100)
load world

PGBENCH=$(pg_bin)/pgbench
STOP=$WORLD/stop

# Only PostgreSQL: the private CA issues, which is quick.
setup_file()
{
    pg_start && world_conf
    private_ca "key_type = ecdsa-p256" "deploy = main"
    pg_sql 'create role app login'
    pgcert ca init >/dev/null && pgcert -q setup --yes "db.$ZONE"
    echo 'select 1;' >"$WORLD/script.sql"
}

setup()
{
    rm -f "$STOP" "$WORLD"/load.*
    : >"$PG_LOG"
}

# A client who trusts nothing but the root, and wants the name.
careful()
{
    env PGHOST="db.$ZONE" PGUSER=app PGDATABASE=postgres PGSSLMODE=verify-full PGSSLROOTCERT="$STATE/ca/root.crt" "$@"
}

# pgbench, over and over until the end; each run must end well: bench NAME OPTION...
bench()
{
    local name=$1
    shift
    while [ ! -e "$STOP" ]; do
        careful "$PGBENCH" -n -f "$WORLD/script.sql" -T 2 "$@" >>"$WORLD/load.$name" 2>&1 ||
            echo "pgbench failed with status $?" >>"$WORLD/load.$name"
    done
}

# As log rotation or another tool does, at any time.
reload_all_the_time()
{
    while [ ! -e "$STOP" ]; do
        echo 'select pg_reload_conf();'
        read -rt 0.05 <> <(:) || :
    done | as_postgres psql -XqAt -d postgres >/dev/null
}

# One session that was there before and is there after.
hold()
{
    mkfifo "$WORLD/load.in"
    careful psql -XqAt <"$WORLD/load.in" >"$WORLD/load.out" 2>&1 3>&- 4>&- &
    exec {session}>"$WORLD/load.in"
    echo 'select pg_backend_pid();' >&"$session"
    await 5 "a session" test -s "$WORLD/load.out"
}

# The work of all, in the background.
begin_load()
{
    hold
    bench steady -c 1 -R 100 3>&- 4>&- &
    bench each -c 1 -C -R 20 3>&- 4>&- &
    reload_all_the_time 3>&- 4>&- &
    python3 -B "$PGCERT_ROOT/tests/e2e/observer.py" watch "db.$ZONE" 5432 "$STATE/ca/root.crt" "$STOP" \
        >"$WORLD/load.seen" 2>&1 3>&- 4>&- &
    await 5 "the observer" test -s "$WORLD/load.seen"
}

end_load()
{
    : >"$STOP"
    echo 'select pg_backend_pid();' >&"$session"
    await 10 "the session's answer" holds_two_lines
    exec {session}>&-
    wait
}

holds_two_lines()
{
    [ "$(wc -l <"$WORLD/load.out")" = 2 ]
}

# A renewal, with when and what: rotate COMMAND...
rotate()
{
    local before=$after start=$EPOCHREALTIME
    "$@" >"$WORLD/rotate.log" 2>&1 || { cat "$WORLD/rotate.log"; return 1; }
    after=$(leaf_sha256 "$PGDATA/pgcert.pem")
    [ "$before" != "$after" ]
    echo "$start $EPOCHREALTIME $before $after" >>"$WORLD/load.rotations"
    # the session works on
    echo "\\set n 1" >&"$session"
}

# The sum of a number that pgbench prints: total NAME PATTERN
total()
{
    grep -oE "$2: [0-9]+" "$WORLD/load.$1" | awk '{ s += $NF } END { print s + 0 }'
}

@test "a hundred rotations, and not one transaction, session or connection notices" {
    after=$(served)
    begin_load
    for ((i = 0; i < ${ROTATIONS:-100}; i++)); do
        rotate pgcert renew --force
    done
    end_load
    for name in steady each; do
        not grep -E 'pgbench failed|error|FATAL|aborted' "$WORLD/load.$name"
        [ "$(total "$name" 'number of failed transactions')" = 0 ]
        [ "$(total "$name" 'number of transactions actually processed')" -gt 100 ]
        echo "# $name: $(total "$name" 'number of transactions actually processed') transactions, none failed" >&3
    done
    python3 -B "$PGCERT_ROOT/tests/e2e/observer.py" judge "$WORLD/load.seen" "$WORLD/load.rotations" >"$WORLD/judged" ||
        { head "$WORLD/judged"; return 1; }
    echo "# observer: $(tail -n 1 "$WORLD/judged"), $i rotations" >&3
    # Each reload found a whole file, also those that came in between. PostgreSQL opens it twice, so
    # one of these may see the certificate of before and the key of after the rename: it goes on
    # with what it has, and pgcert's own reload follows.
    not grep -E 'could not load' <(grep -v 'could not load private key file .*: key values mismatch' "$PG_LOG")
    mismatches=$(grep -c 'key values mismatch' "$PG_LOG" || :)
    [ "$mismatches" -lt $((i / 4)) ]
    echo "# reloads: $(grep -c 'received SIGHUP' "$PG_LOG"), $mismatches of them in between two opens" >&3
    [ "$(grep -c 'received SIGHUP' "$PG_LOG")" -gt $((2 * i)) ]
    [ "$(sort -u "$WORLD/load.out" | wc -l)" = 1 ] # the same process
}
