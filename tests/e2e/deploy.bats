#!/usr/bin/env bats
# deploy: from what is issued to what is served, in every situation a server can be in.
load world

setup_file()
{
    world_start
    pg_serves_pgcert
    expect 0 pgcert renew
    rm -rf "$WORLD/issued"
    cp -a "$STATE" "$WORLD/issued"
}

# One generation is issued; the server serves another certificate by pgcert's file.
setup()
{
    rm -rf "$STATE"
    cp -a "$WORLD/issued" "$STATE"
    rm -f "$STATE/certificates/db.$ZONE/state.json" # and nothing is known to be served
    world_conf
    pg_sql "drop role if exists reloader" 2>/dev/null
    pg_serves_pgcert
    rm -f "$PGDATA"/pgcert.pem.previous
    issued=$(leaf_sha256 "$(newest_generation)/chain.pem")
    old=$(served)
    [ "$old" != "$issued" ]
}

# What a killed or failed write would leave.
no_temporary_is_left()
{
    [ -z "$(find "$PGDATA" -maxdepth 1 -name 'pgcert.pem.new-*')" ]
}

# The target proves fast, so that the tests do.
prove_fast()
{
    conf_add <<END
[target main]
prove_timeout = 1s
$1
END
}

@test "deploy puts key and whole chain in place, reloads and proves" {
    expect 0 pgcert deploy
    [ "$(served)" = "$issued" ]
    cmp <(cat "$(newest_generation)/key.pem" "$(newest_generation)/chain.pem") "$PGDATA/pgcert.pem"
    [ "$(stat -c '%U:%G %a' "$PGDATA/pgcert.pem")" = "postgres:postgres 600" ]
    [ "$(leaf_sha256 "$PGDATA/pgcert.pem.previous")" = "$old" ]
    no_temporary_is_left
    unharmed "$issued"
}

@test "the whole chain is served, not only the leaf" {
    expect 0 pgcert deploy
    sent=$(openssl s_client -starttls postgres -connect localhost:5432 -showcerts </dev/null \
        2>/dev/null | grep -c BEGIN.CERTIFICATE)
    [ "$sent" = "$(grep -c BEGIN.CERTIFICATE "$PGDATA/pgcert.pem")" ]
    [ "$sent" -ge 2 ]
}

@test "what is in place and served is proved, and nothing is written or reloaded" {
    expect 0 pgcert deploy
    before=$(stat -c '%i %Z' "$PGDATA/pgcert.pem")
    reloads=$(grep -c SIGHUP "$PG_LOG")
    rm -r "$STATE/certificates/db.$ZONE/state.json"
    expect 0 pgcert deploy
    [ "$(stat -c '%i %Z' "$PGDATA/pgcert.pem")" = "$before" ]
    [ "$(grep -c SIGHUP "$PG_LOG")" = "$reloads" ]
}

@test "what is in place and not served is only reloaded" {
    cat "$(newest_generation)/key.pem" "$(newest_generation)/chain.pem" >"$PGDATA/pgcert.pem"
    before=$(stat -c '%i' "$PGDATA/pgcert.pem")
    expect 0 pgcert deploy
    [ "$(served)" = "$issued" ]
    [ "$(stat -c '%i' "$PGDATA/pgcert.pem")" = "$before" ]
}

@test "user postgres deploys without root" {
    install -d -o postgres -g postgres -m 700 "$STATE"
    chown -R postgres: "$STATE"
    expect 0 pgcert_as_postgres deploy
    [ "$(served)" = "$issued" ]
    [ "$(stat -c '%U:%G %a' "$PGDATA/pgcert.pem")" = "postgres:postgres 600" ]
}

@test "another user is told who may" {
    chmod -R a+rwX "$STATE" "$WORLD/conf"
    run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups "$PGCERT" -c "$CONF" deploy
    [ "$status" -eq 77 ]
    [ "$(served)" = "$old" ]
}

@test "a directory of root's gets a file that root owns and the server's group reads" {
    install -d -m 755 "$WORLD/tls"
    cp "$PGDATA/pgcert.pem" "$WORLD/tls/server.pem"
    chown root:postgres "$WORLD/tls/server.pem"
    chmod 640 "$WORLD/tls/server.pem"
    printf '%s\n' "ssl = on" "ssl_cert_file = '$WORLD/tls/server.pem'" \
        "ssl_key_file = '$WORLD/tls/server.pem'" >"$PGDATA/conf.d/pgcert.conf"
    pg_restart
    prove_fast "file = $WORLD/tls/server.pem"
    expect 0 pgcert deploy
    [ "$(served)" = "$issued" ]
    [ "$(stat -c '%U:%G %a' "$WORLD/tls/server.pem")" = "root:postgres 640" ]
    expect 77 pgcert_as_postgres deploy
}

@test "a directory that others can write in is refused, and the remedy is said" {
    chmod 770 "$PGDATA"
    expect 77 pgcert deploy
    chmod 700 "$PGDATA"
    says "chmod go-w"
    [ "$(served)" = "$old" ]
}

@test "a symbolic link in place of the file is not followed" {
    mv "$PGDATA/pgcert.pem" "$PGDATA/elsewhere.pem"
    ln -s elsewhere.pem "$PGDATA/pgcert.pem"
    expect 78 pgcert deploy
    says "regular file"
    [ "$(leaf_sha256 "$PGDATA/elsewhere.pem")" = "$old" ]
    rm "$PGDATA/pgcert.pem"
}

@test "a data directory that is reached through a link is no obstacle" {
    pg_stop
    mv "$PGDATA" "$WORLD/pg/real"
    ln -s real "$PGDATA"
    pg_start
    expect 0 pgcert deploy
    [ "$(served)" = "$issued" ]
    pg_stop
    rm "$PGDATA"
    mv "$WORLD/pg/real" "$PGDATA"
    pg_start
}

@test "a role with nothing but pg_reload_conf() is enough, with an absolute file" {
    pg_sql "create role reloader login; grant execute on function pg_reload_conf() to reloader"
    printf '%s\n' "ssl = on" "ssl_cert_file = '$PGDATA/pgcert.pem'" \
        "ssl_key_file = '$PGDATA/pgcert.pem'" >"$PGDATA/conf.d/pgcert.conf"
    pg_sql "select pg_reload_conf()"
    prove_fast "connection = host=/var/run/postgresql user=reloader dbname=postgres
file = $PGDATA/pgcert.pem"
    expect 0 pgcert deploy
    [ "$(served)" = "$issued" ]
    pg_sql "drop owned by reloader; drop role reloader"
}

@test "such a role is told what it lacks: the data directory, the reload" {
    pg_sql "create role reloader login"
    prove_fast "connection = host=/var/run/postgresql user=reloader dbname=postgres"
    expect 78 pgcert deploy
    says "GRANT pg_read_all_settings TO reloader"
    prove_fast "file = $PGDATA/pgcert.pem"
    expect 77 pgcert deploy
    says "GRANT EXECUTE ON FUNCTION pg_reload_conf\(\) TO reloader"
    [ "$(served)" = "$old" ]
    [ "$(leaf_sha256 "$PGDATA/pgcert.pem")" = "$old" ]
    pg_sql "drop owned by reloader; drop role reloader"
}

@test "a role that does not exist, or may not come in, is a matter of permission" {
    prove_fast "connection = host=/var/run/postgresql user=nobody_here dbname=postgres"
    expect 77 pgcert deploy
    [ "$(served)" = "$old" ]
}

@test "a server with ssl off is not touched, and the way is shown" {
    echo "ssl = off" >>"$PGDATA/conf.d/pgcert.conf"
    pg_sql "select pg_reload_conf()"
    await 5 "TLS to end" not serves "$old"
    expect 78 pgcert deploy
    says "ssl = off.*"
    says "pgcert setup"
    [ "$(leaf_sha256 "$PGDATA/pgcert.pem")" = "$old" ]
}

@test "a server that listens on no TCP address is told, with what to do" {
    echo "listen_addresses = ''" >>"$PGDATA/conf.d/pgcert.conf"
    pg_restart
    expect 78 pgcert deploy
    says "listen_addresses"
    rm "$PGDATA/conf.d/pgcert.conf"
    pg_restart
}

@test "each address the server listens on is proved" {
    ip address add 127.0.0.9/8 dev lo 2>/dev/null || :
    echo "listen_addresses = '127.0.0.1, 127.0.0.9'" >>"$PGDATA/conf.d/pgcert.conf"
    pg_restart
    expect 0 pgcert deploy --json
    [ "$(json "['certificates'][0]['targets'][0]['endpoints'][1]['address']")" = "127.0.0.9:5432" ]
    rm "$PGDATA/conf.d/pgcert.conf"
    pg_restart
}

@test "a wildcard stands for the loopback addresses" {
    echo "listen_addresses = '*'" >>"$PGDATA/conf.d/pgcert.conf"
    pg_restart
    expect 0 pgcert deploy --json
    grep -q '127.0.0.1:5432' <<<"$output"
    [ ! -e /proc/net/if_inet6 ] || grep -qF '[::1]:5432' <<<"$output"
    rm "$PGDATA/conf.d/pgcert.conf"
    pg_restart
}
