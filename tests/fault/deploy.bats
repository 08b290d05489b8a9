#!/usr/bin/env bats
# Deployments that go wrong: nothing is lost, what was served is served, and PostgreSQL starts.
load ../e2e/world

setup_file()
{
    world_start
    pg_serves_pgcert
    expect 0 pgcert renew
    cp -a "$STATE" "$WORLD/issued"
    rm "$WORLD/issued/certificates/db.$ZONE/state.json" # and nothing is known to be served
}

setup()
{
    rm -rf "$STATE"
    cp -a "$WORLD/issued" "$STATE"
    world_conf
    conf_add <<END
[target main]
prove_timeout = 1s
END
    pg_serves_pgcert
    rm -f "$PGDATA"/pgcert.pem.previous
    issued=$(leaf_sha256 "$(newest_generation)/chain.pem")
    old=$(served)
}

no_temporary_is_left()
{
    [ -z "$(find "$PGDATA" -maxdepth 1 -name 'pgcert.pem.new-*')" ]
}

# A pair of its own in pgcert's file: put FILE
put()
{
    cp "$1" "$PGDATA/pgcert.pem"
    chown postgres: "$PGDATA/pgcert.pem"
    chmod 600 "$PGDATA/pgcert.pem"
}

@test "a reload that does not take is put back, and proved" {
    # both versions at once cannot be: the server keeps what it has
    printf '%s\n' "ssl_min_protocol_version = 'TLSv1.3'" "ssl_max_protocol_version = 'TLSv1.2'" \
        >>"$PGDATA/conf.d/pgcert.conf"
    expect 80 pgcert deploy
    says "put back"
    [ "$(leaf_sha256 "$PGDATA/pgcert.pem")" = "$old" ]
    [ "$(served)" = "$old" ]
    no_temporary_is_left
    sed -i /protocol_version/d "$PGDATA/conf.d/pgcert.conf"
    unharmed "$old"
    expect 0 pgcert deploy
    [ "$(served)" = "$issued" ]
}

@test "settings that changed under us are put back, and the reason is said" {
    self_signed "$PGDATA/other.pem"
    chown postgres: "$PGDATA/other.pem"
    printf '%s\n' "ssl_cert_file = 'other.pem'" "ssl_key_file = 'other.pem'" >"$PGDATA/conf.d/zz.conf"
    expect 81 pgcert deploy
    says "other.pem"
    rm "$PGDATA/conf.d/zz.conf"
    pg_sql "select pg_reload_conf()"
    unharmed "$old"
}

@test "an endpoint that is another server is not proved, and a human is called" {
    conf_add <<END
[target main]
prove = 127.0.0.1:5432, 127.0.0.1:14000
END
    expect 81 pgcert deploy
    says "14000"
    [ "$(served)" = "$old" ]
    unharmed "$old"
}

@test "a damaged file is repaired" {
    for damage in "head -c 300" "tail -n 3" "printf" "sed s/B/C/g"; do
        serves "$old" || pg_serves_pgcert
        $damage "$PGDATA/pgcert.pem" >"$WORLD/damaged" || :
        put "$WORLD/damaged"
        expect 0 pgcert deploy
        [ "$(served)" = "$issued" ]
        [ ! -e "$PGDATA/pgcert.pem.previous" ]
        rm -rf "$STATE"
        cp -a "$WORLD/issued" "$STATE"
        pg_serves_pgcert
        old=$(served)
    done
}

@test "a mismatched pair on disk is repaired before a restart could fail on it" {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null >"$WORLD/mismatched"
    sed -n '/BEGIN CERT/,/END CERT/p' "$PGDATA/pgcert.pem" >>"$WORLD/mismatched"
    put "$WORLD/mismatched"
    expect 0 pgcert deploy
    [ "$(served)" = "$issued" ]
    [ ! -e "$PGDATA/pgcert.pem.previous" ]
    unharmed "$issued"
}

@test "a mismatched pair is not put back when the new one is not served" {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null >"$WORLD/mismatched"
    sed -n '/BEGIN CERT/,/END CERT/p' "$PGDATA/pgcert.pem" >>"$WORLD/mismatched"
    put "$WORLD/mismatched"
    printf '%s\n' "ssl_min_protocol_version = 'TLSv1.3'" "ssl_max_protocol_version = 'TLSv1.2'" \
        >>"$PGDATA/conf.d/pgcert.conf"
    expect 81 pgcert deploy
    [ "$(leaf_sha256 "$PGDATA/pgcert.pem")" = "$issued" ]
    sed -i /protocol_version/d "$PGDATA/conf.d/pgcert.conf"
    unharmed "$issued" || { pg_restart && [ "$(served)" = "$issued" ]; }
}

@test "an expired pair on disk is replaced" {
    have faketime
    faketime '40 days ago' bash -c "$(declare -f self_signed); ZONE=$ZONE; self_signed '$WORLD/expired' db.$ZONE 10"
    put "$WORLD/expired"
    pg_sql "select pg_reload_conf()"
    await 5 "the expired one" serves "$(leaf_sha256 "$WORLD/expired")"
    expect 0 pgcert deploy
    [ "$(served)" = "$issued" ]
}

@test "a server that is down is a temporary failure, and gets its file when that is known" {
    pg_stop
    expect 75 pgcert deploy
    [ "$(leaf_sha256 "$PGDATA/pgcert.pem")" = "$old" ]
    conf_add <<END
[target main]
file = $PGDATA/pgcert.pem
run_as = postgres
END
    expect 75 pgcert deploy
    says "in place"
    [ "$(leaf_sha256 "$PGDATA/pgcert.pem")" = "$issued" ]
    [ "$(stat -c '%U:%G %a' "$PGDATA/pgcert.pem")" = "postgres:postgres 600" ]
    pg_start
    [ "$(served)" = "$issued" ]
    expect 0 pgcert deploy
}

@test "a full disk loses nothing and leaves nothing behind" {
    install -d -o postgres -g postgres -m 700 "$WORLD/small"
    mount -t tmpfs -o size=64k,mode=700,uid="$(id -u postgres)" small "$WORLD/small"
    cp -p "$PGDATA/pgcert.pem" "$WORLD/small/pgcert.pem"
    printf '%s\n' "ssl = on" "ssl_cert_file = '$WORLD/small/pgcert.pem'" \
        "ssl_key_file = '$WORLD/small/pgcert.pem'" >"$PGDATA/conf.d/pgcert.conf"
    pg_sql "select pg_reload_conf()"
    conf_add <<END
[target main]
file = $WORLD/small/pgcert.pem
END
    as_postgres dd if=/dev/zero of="$WORLD/small/fill" bs=4k count=100 2>/dev/null || :
    before=$(find "$WORLD/small" -type f | sort)
    expect 74 pgcert deploy
    says "no space left"
    [ "$(find "$WORLD/small" -type f | sort)" = "$before" ]
    [ "$(leaf_sha256 "$WORLD/small/pgcert.pem")" = "$old" ]
    unharmed "$old"
    rm "$WORLD/small/fill"
    expect 0 pgcert deploy
    [ "$(served)" = "$issued" ]
    pg_serves_pgcert
    umount "$WORLD/small"
}

# Kills the run (and its child) at the Nth call of a system call in the data directory, restarts
# PostgreSQL, and lets the next run finish: killed_at CALL N. False when there was no Nth call.
killed_at()
{
    local result=0
    pgcert_is_killed_at "$1" "$2" || result=$?
    pg_restart
    found=$(served)
    [ "$found" = "$old" ] || [ "$found" = "$issued" ]
    expect 0 pgcert deploy
    [ "$(served)" = "$issued" ]
    no_temporary_is_left
    return "$result"
}

# As postgres, so that one process does it all.
pgcert_is_killed_at()
{
    local status=0
    chown -R postgres: "$WORLD/conf"
    install -d -o postgres -g postgres -m 700 "$STATE"
    chown -R postgres: "$STATE"
    as_postgres strace -f -qq -o /dev/null -e trace="$1" \
        -e inject="$1:signal=KILL:when=$2" "$PGCERT" -c "$CONF" deploy \
        >"$WORLD/killed" 2>&1 3>&- 4>&- </dev/null || status=$?
    [ "$status" -ge 128 ]
}

@test "killed at any step of the installation, PostgreSQL restarts and the next run finishes" {
    have strace
    for call in openat linkat renameat unlinkat fsync fchmod pread64 flock getrandom write; do
        kills=0
        for n in $(seq 1 60); do
            # the last ones of openat and write are the deployment's; libraries come first
            case $call in openat | write) n=$((n * 3)) ;; esac
            rm -rf "$STATE"
            cp -a "$WORLD/issued" "$STATE"
            pg_serves_pgcert
            rm -f "$PGDATA"/pgcert.pem.previous
            old=$(served)
            if killed_at "$call" "$n"; then
                kills=$((kills + 1))
            else
                break
            fi
        done
        echo "# $call: $kills kills" >&3
        [ "$kills" -ge 1 ]
    done
}

@test "what a killed run left is removed by the next one, and nothing else" {
    touch "$PGDATA/pgcert.pem.new-0123456789abcdef" "$PGDATA/pgcert.pem.new-short" \
        "$PGDATA/pgcert.pem.newer"
    expect 0 pgcert deploy
    [ ! -e "$PGDATA/pgcert.pem.new-0123456789abcdef" ]
    [ -e "$PGDATA/pgcert.pem.new-short" ]
    [ -e "$PGDATA/pgcert.pem.newer" ]
    rm "$PGDATA"/pgcert.pem.new*
}

# ---- setup ----

# No settings of pgcert's: setup has all to do. pg_is_fresh [SETTING...]: lines of postgresql.conf
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
    no_temporary_is_left
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

@test "killed at any statement of a setup, PostgreSQL restarts and the next setup finishes" {
    have strace
    kills=0
    for n in $(seq 1 40); do
        rm -rf "$STATE"
        cp -a "$WORLD/issued" "$STATE"
        pg_has_its_own_pair
        chown -R postgres: "$WORLD/conf" "$STATE"
        status=0
        as_postgres strace -f -qq -o /dev/null -e trace=sendto \
            -e inject=sendto:signal=KILL:when="$n" "$PGCERT" -c "$CONF" setup --yes "db.$ZONE" \
            >"$WORLD/killed" 2>&1 3>&- 4>&- </dev/null || status=$?
        pg_restart
        found=$(served)
        [ "$found" = "$old" ] || [ "$found" = "$issued" ]
        expect 0 pgcert setup --yes "db.$ZONE"
        unharmed "$issued"
        [ "$status" -ge 128 ] || break
        kills=$((kills + 1))
    done
    echo "# setup: $kills kills" >&3
    [ "$kills" -ge 8 ]
}
