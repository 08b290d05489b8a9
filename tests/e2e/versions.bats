#!/usr/bin/env bats
# The whole story on PostgreSQL 13, 17 and 18: real servers, which run beside the installed one.
# What run.sh has fetched for it: $POSTGRES_13 $POSTGRES_17 $POSTGRES_18
load world
load versions

# No server is there before a test starts one.
setup_file()
{
    :
}

setup()
{
    rm -rf "$STATE" "$WORLD/pg"
    world_conf
    private_ca "deploy = main" "[target main]" "prove_timeout = 5s"
}

# What a failed test leaves would be waited for.
teardown()
{
    [ -n "${BATS_TEST_COMPLETED:-}" ] || printf 'stdout: %s\nstderr: %s\n' "${output-}" "${stderr-}"
    [ ! -e "$PGDATA/postmaster.pid" ] || version_stop
    end_process "$WORLD/haproxy.number"
}

# A statement as that user, by the bundle's URI: as USER STATEMENT
as()
{
    psql "$(head -n 1 "$STATE/ca/clients/$1/urls")" -XqAtc "$2" 2>&1
}

# Opens a session that stays; its process number of the server is in $backend: connect USER
connect()
{
    mkfifo "$WORLD/pg/feed"
    psql "$(head -n 1 "$STATE/ca/clients/$1/urls")" -XqAt <"$WORLD/pg/feed" >"$WORLD/pg/out" 2>&1 3>&- 4>&- &
    exec {feed}>"$WORLD/pg/feed"
    echo 'select pg_backend_pid();' >&"$feed"
    await 5 "a session" test -s "$WORLD/pg/out"
    backend=$(cat "$WORLD/pg/out")
}

is_connected()
{
    [ "$(pg_sql "select count(*) from pg_stat_activity where pid = $1")" = 1 ]
}

# setup, proof, renewal, rollback, status, restart: server_story NUMBER
server_story()
{
    version_make "$1"
    version_start "$1"
    [[ $(pg_sql 'show server_version') == "$1"* ]]
    expect 0 pgcert ca init
    expect 0 pgcert setup --yes "db.$ZONE"
    first=$(served)
    [ "$first" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
    expect 0 pgcert renew --force
    second=$(served)
    [ "$second" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ] && [ "$second" != "$first" ]
    expect 0 pgcert rollback "db.$ZONE"
    [ "$(served)" = "$first" ]
    expect 0 pgcert renew --force
    expect 0 pgcert --json status
    [ "$(json "['certificates'][0]['targets'][0]['served_sha256']")" = "$(served)" ]
    expect 0 pgcert check main
    psql "host=db.$ZONE user=nobody sslmode=verify-full sslrootcert=$STATE/ca/root.crt" 2>&1 | grep "rejects connection"
}

# mutual TLS, pg_hba.conf, who gets in, who does not any more: client_story NUMBER
client_story()
{
    pg_sql 'create role alice login' && pg_sql 'create role bob login'
    expect 0 pgcert client new alice --database postgres
    expect 0 pgcert client new bob --database postgres
    expect 0 pgcert client show --hba alice
    expect 0 pgcert setup --mutual-tls --yes "db.$ZONE"
    # what a server before 15 cannot be asked is seen by who gets in
    [ "$(as alice 'select current_user')" = alice ]
    sed -i '/^hostssl all all all reject/d' "$PGDATA/pg_hba.conf"
    connect bob
    expect 0 pgcert client revoke bob --reason keyCompromise
    grep "the session of bob on postgres .* is ended" <<<"$output"
    not is_connected "$backend"
    grep "certificate revoked" <(as bob 'select 1')
    expect 0 pgcert renew
    version_stop
    version_start "$1"
    [ "$(as alice 'select current_user')" = alice ]
    not as bob 'select 1'
}

# TLS without SSLRequest is known from 17 on.
speaks_direct_tls()
{
    expect 0 pgcert check --direct --trust "$STATE/ca/root.crt" "db.$ZONE"
    grep -q "$(served)" <<<"$output"
}

# Clients get in by a proxy that knows nothing of PostgreSQL, and sends TLS for it where it belongs.
proxy_start()
{
    cat >"$WORLD/haproxy.cfg" <<END
defaults
    mode tcp
    timeout connect 2s
    timeout client 5s
    timeout server 5s
frontend tls
    bind 127.0.0.1:6432
    tcp-request inspect-delay 1s
    tcp-request content reject unless { req.ssl_hello_type 1 } { req.ssl_alpn postgresql }
    default_backend database
backend database
    server one 127.0.0.1:5432
END
    haproxy -db -f "$WORLD/haproxy.cfg" >"$WORLD/haproxy.log" 2>&1 3>&- 4>&- &
    echo $! >"$WORLD/haproxy.number"
    await 5 "haproxy" port_is_open 127.0.0.1 6432
}

# The proof goes the way that clients go.
proves_by_direct_tls()
{
    have haproxy
    proxy_start
    conf_add <<<$'[target main]\nprove = 127.0.0.1:6432\nprove_timeout = 2s'
    expect 81 pgcert renew --force
    conf_add <<<$'[target main]\nsslnegotiation = direct'
    expect 0 pgcert renew --force
    expect 0 pgcert --json status
    [ "$(json "['certificates'][0]['targets'][0]['endpoints'][0]['address']")" = 127.0.0.1:6432 ]
    [ "$(json "['certificates'][0]['targets'][0]['served_sha256']")" = "$(served)" ]
    end_process "$WORLD/haproxy.number"
}

@test "13: setup, renewal, rollback, clients by name, revocation" {
    server_story 13
    expect 76 pgcert check --direct --trust "$STATE/ca/root.crt" "db.$ZONE"
    client_story 13
    conf_add <<<$'[target main]\nsslnegotiation = direct'
    expect 78 pgcert renew --force
    says "sslnegotiation = direct needs PostgreSQL 17, and this is 13"
    grep -E '^hostssl +postgres +alice +all +cert' "$PGDATA/pg_hba.conf" # by common name
    not grep -q "clientname=DN" "$PGDATA/pg_hba.conf"
    version_stop
}

@test "17: the same, and direct TLS" {
    server_story 17
    speaks_direct_tls
    client_story 17
    grep -E '^hostssl +postgres +alice +all +cert.*clientname=DN' "$PGDATA/pg_hba.conf"
    proves_by_direct_tls
    version_stop
}

@test "18: the same, and direct TLS" {
    server_story 18
    speaks_direct_tls
    client_story 18
    version_stop
}
