#!/usr/bin/env bats
# setup finds the cluster where distributions put it: Debian's tools, PGDG's packages, a data directory
# made by hand.
# shellcheck disable=SC2030,SC2031 # each test has a cluster of its own
load world

BIN=$(pg_bin)
VERSION=$(basename "${BIN%/bin}")
export BIN VERSION

# No server is there before a test makes one. What a test puts below /var/lib and /var/log is the
# world's own.
setup_file()
{
    local name
    for name in lib log; do
        mkdir -p "$WORLD/over/$name" "$WORLD/work/$name"
        mount -t overlay -o "lowerdir=/var/$name,upperdir=$WORLD/over/$name,workdir=$WORLD/work/$name" overlay "/var/$name"
    done
    grep -q "db.$ZONE" /etc/hosts || echo "127.0.0.1 db.$ZONE" >>/etc/hosts
}

# Nothing but where the state is: the rest is what setup finds.
setup()
{
    rm -rf "$STATE" "$WORLD/conf"
    mkdir -m 700 "$WORLD/conf" "$WORLD/conf/conf.d"
    printf '%s\n' "[pgcert]" "state = $STATE" >"$CONF"
}

# A cluster as initdb makes it: make_cluster DIRECTORY [LINE...]
make_cluster()
{
    PGDATA=$1
    install -d -o postgres -g postgres -m 700 "$(dirname "$PGDATA")"
    as_postgres "$BIN/initdb" -D "$PGDATA" -U postgres -E UTF8 --locale=C.UTF-8 --no-sync -A peer >/dev/null
    printf '%s\n' "fsync = off" "shared_buffers = 16MB" "${@:2}" >>"$PGDATA/postgresql.conf"
    export PG_LOG=${PGDATA%/*}/log
    pg_start
}

# One command, and the server serves what it has got; also after a restart, and by the next run.
is_set_up()
{
    expect 0 pgcert setup --yes "db.$ZONE"
    said=$output
    [ "$(served)" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
    [ "$(stat -c '%U:%G %a' "$PGDATA/pgcert.pem")" = "postgres:postgres 600" ]
    expect 0 pgcert renew --force
    expect 0 pgcert rollback "db.$ZONE"
    expect 0 pgcert status
}

@test "Debian: pg_createcluster, configuration in /etc/postgresql with a conf.d" {
    have pg_createcluster
    pg_createcluster -d "/var/lib/postgresql/$VERSION/web" -p 5432 "$VERSION" web -- --no-sync >/dev/null
    PGDATA=/var/lib/postgresql/$VERSION/web
    pg_ctlcluster "$VERSION" web start 3>&- 4>&-
    is_set_up
    grep -F "/etc/postgresql/$VERSION/web/conf.d/pgcert.conf" <<<"$said"
    grep -q "ssl_cert_file = 'pgcert.pem'" "/etc/postgresql/$VERSION/web/conf.d/pgcert.conf"
    [ "$(stat -c %U "/etc/postgresql/$VERSION/web/conf.d/pgcert.conf")" = postgres ]
    before=$(served)
    pg_ctlcluster "$VERSION" web restart 3>&- 4>&-
    [ "$(served)" = "$before" ]
    pg_ctlcluster "$VERSION" web stop
}

# Runs a function where /tmp is nobody else's: other worlds would find a server's socket there.
in_a_tmp_of_its_own()
{
    unshare -m --propagation private bash -euc "$(declare -f)
        mount --bind \"\$WORLD\" /mnt && mount -t tmpfs -o mode=1777 world /tmp
        mkdir \"\$WORLD\" && mount --move /mnt \"\$WORLD\" && cd \"\$WORLD\"
        $1" 3>&- 4>&-
}

as_pgdg_does()
{
    make_cluster "/var/lib/pgsql/$VERSION/data" "unix_socket_directories = '/run/postgresql, /tmp'"
    [ -S /tmp/.s.PGSQL.5432 ] && [ -S /run/postgresql/.s.PGSQL.5432 ]
    "$PGCERT" -c "$CONF" setup --yes "db.$ZONE" >"$WORLD/said"
    grep -qi "ALTER SYSTEM" "$WORLD/said"
    [ "$(served)" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
    "$PGCERT" -c "$CONF" renew --force
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
    unharmed "$(served)"
    pg_stop
}

@test "PGDG: /var/lib/pgsql, settings in the data directory, sockets in /run/postgresql and /tmp" {
    in_a_tmp_of_its_own as_pgdg_does
}

@test "a data directory made by hand, with its own port" {
    make_cluster "$WORLD/hand/data" "unix_socket_directories = '/var/run/postgresql'" "port = 6000"
    expect 0 pgcert setup --yes "db.$ZONE"
    [ "$(served localhost 6000)" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
    grep -q "port=6000" "$WORLD/conf/conf.d/"*
    pg_stop
}

@test "two that run are told apart by the administrator" {
    make_cluster "$WORLD/hand/one" "unix_socket_directories = '/var/run/postgresql'"
    make_cluster "$WORLD/hand/two" "unix_socket_directories = '/var/run/postgresql'" "port = 6001"
    expect 78 pgcert setup --yes "db.$ZONE"
    says "2 running PostgreSQL clusters.*\[target NAME\]"
    pg_stop
    PGDATA=$WORLD/hand/one pg_stop
}
