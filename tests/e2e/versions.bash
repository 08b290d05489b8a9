# Servers of other versions of PostgreSQL than the installed one, from tests/world/newer.sh. Sourced
# after world.bash by the files that want them.
# shellcheck shell=bash

# Where a command of that version runs: its own root, in which the world's files have the names that
# they have outside: version_root NUMBER
version_root()
{
    local variable=POSTGRES_$1 root=$WORLD/root-$1 name
    [ -d "${!variable:-}" ] || skip "PostgreSQL $1 could not be had (tests/world/newer.sh postgres-$1)"
    [ ! -d "$root" ] || return 0
    mkdir "$root"
    mount --bind "${!variable}" "$root"
    for name in etc tmp; do
        mount -t tmpfs -o mode=755 world "$root/$name"
    done
    mkdir -p "$root$WORLD"
    mount --bind "$WORLD" "$root$WORLD"
    for name in proc dev run usr/share/zoneinfo; do
        mount --rbind "/$name" "$root/$name"
    done
    cp /etc/passwd /etc/group /etc/hosts /etc/nsswitch.conf "$root/etc"
}

# A command of that version as the user who owns its cluster: version_run NUMBER PROGRAM ARGUMENT...
version_run()
{
    env -i LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot --userspec=postgres:postgres "$WORLD/root-$1" \
        "/usr/lib/postgresql/$1/bin/$2" "${@:3}"
}

# A fresh cluster, as pg_make() makes it: version_make NUMBER
version_make()
{
    version_root "$1"
    install -d -o postgres -g postgres -m 755 "$WORLD/pg"
    version_run "$1" initdb -D "$PGDATA" -U postgres -E UTF8 --locale=C --no-sync --wal-segsize=1 -A trust \
        >"$WORLD/pg/initdb-$1.log"
    cat >>"$PGDATA/postgresql.conf" <<END
listen_addresses = 'localhost'
unix_socket_directories = '/var/run/postgresql'
log_line_prefix = '%m [%p] '
fsync = off
max_wal_size = 64MB
shared_buffers = 16MB
include_dir = 'conf.d'
END
    as_postgres mkdir "$PGDATA/conf.d"
    printf '%s\n' 'local all postgres peer' 'local all all trust' 'hostssl all all all reject' \
        >"$PGDATA/pg_hba.conf"
}

version_start()
{
    version_run "$1" postgres -D "$PGDATA" >>"$PG_LOG" 2>&1 3>&- 4>&- </dev/null &
    await 10 "PostgreSQL $1" pg_sql 'select 1'
}

version_stop()
{
    head -n 1 "$PGDATA/postmaster.pid" >"$WORLD/pg/number"
    end_process "$WORLD/pg/number" INT
}
