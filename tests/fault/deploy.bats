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
    world_conf
    conf_add <<END
[target main]
prove_timeout = 1s
END
    start_over
    issued=$(leaf_sha256 "$(newest_generation)/chain.pem")
}

# One generation is issued; the server serves another certificate by pgcert's file.
start_over()
{
    rm -rf "$STATE"
    cp -a "$WORLD/issued" "$STATE"
    pg_serves_pgcert
    rm -f "$PGDATA"/pgcert.pem.previous
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
        $damage "$PGDATA/pgcert.pem" >"$WORLD/damaged" || :
        put "$WORLD/damaged"
        expect 0 pgcert deploy
        [ "$(served)" = "$issued" ]
        [ ! -e "$PGDATA/pgcert.pem.previous" ]
        start_over
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
    for call in linkat renameat unlinkat fsync fchmod pread64 write openat; do
        kills=0 first=1 step=1
        # most files are opened before the work begins
        [ "$call" != openat ] || { first=30 step=4; }
        for n in $(seq "$first" "$step" 90); do
            start_over
            killed_at "$call" "$n" || break
            kills=$((kills + 1))
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
