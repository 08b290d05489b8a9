#!/usr/bin/env bats
# targets beside PostgreSQL: PgBouncer, pgBackRest's TLS server and HAProxy, each with the certificate
# of the private CA, which needs no network.
load world
load beside

setup_file()
{
    pg_start
    world_conf
    beside_conf
    pgcert ca init
    pool_start
    backup_start
    proxy_start
    pgcert renew
    cp "$POOL/pool.ini" "$POOL/plain.ini"
    cp "$PROXY/proxy.cfg" "$PROXY/plain.cfg"
}

# What a test has set is gone, for pgcert and for the servers.
setup()
{
    world_conf
    beside_conf
    backup_stop other
    [ -e "$BACKUP/backup.pid" ] || backup_start
    if [ ! -e "$POOL/pid" ] || ! cmp -s "$POOL/pool.ini" "$POOL/plain.ini"; then
        pool_stop
        pool_start
    fi
    if [ ! -e "$PROXY/pid" ] || ! cmp -s "$PROXY/proxy.cfg" "$PROXY/plain.cfg"; then
        proxy_stop
        proxy_start
    fi
}

beside_conf()
{
    sed -i '/^\[issuer/,$d' "$CONF"
    private_ca "deploy = pool, backup, proxy"
    set_target pool "type = pgbouncer"
    set_target backup "type = pgbackrest" "file = $BACKUP/backup.pem"
    set_target proxy "type = haproxy" "file = $PROXY/proxy.pem" "socket = $PROXY/admin.sock" \
        "run_as = haproxy" "prove = 127.0.0.1:$PROXY_PORT"
}

# More settings of a target: set_target NAME LINE...
set_target()
{
    printf '%s\n' "[target $1]" "prove_timeout = 2s" "${@:2}" | conf_add
}

only()
{
    printf '%s\n' "[certificate db.$ZONE]" "deploy = $1" | conf_add
}

pool_served()
{
    served 127.0.0.1 "$POOL_PORT"
}

backup_served()
{
    served_at 127.0.0.1 "$BACKUP_PORT" "$@"
}

proxy_served()
{
    served_at 127.0.0.1 "$PROXY_PORT"
}

issued()
{
    leaf_sha256 "$(newest_generation)/chain.pem"
}

# A session by PgBouncer over TLS; it is asked by: ask_session WORD
open_session()
{
    rm -f "$WORLD/session."{in,out} && mkfifo "$WORLD/session.in"
    "${AS[@]}" psql -XqAt "host=127.0.0.1 port=$POOL_PORT user=postgres dbname=postgres sslmode=require" \
        <"$WORLD/session.in" >"$WORLD/session.out" 2>&1 3>&- 4>&- &
    exec {feed}>"$WORLD/session.in"
}

ask_session()
{
    echo "select '$1';" >&"$feed"
    await 10 "the session" grep -qx "$1" "$WORLD/session.out"
}

@test "a renewal reaches PgBouncer, pgBackRest and HAProxy, and sessions go on" {
    open_session
    ask_session before
    expect 0 pgcert renew --force
    [ "$(pool_served)" = "$(issued)" ]
    [ "$(backup_served)" = "$(issued)" ]
    [ "$(backup_served -tls1_2)" = "$(issued)" ]
    [ "$(proxy_served)" = "$(issued)" ]
    ask_session after
    exec {feed}>&-
    [ "$(stat -c '%U:%G %a' "$POOL/pool.pem")" = "postgres:postgres 600" ]
    [ "$(leaf_sha256 "$PROXY/proxy.pem")" = "$(issued)" ]
    expect 0 pgcert status --json
    [ "$(json "['certificates'][0]['targets'][0]['endpoints'][0]['address']")" = "127.0.0.1:$POOL_PORT" ]
    [ "$(json "['certificates'][0]['targets'][1]['served_sha256']")" = "$(issued)" ]
    [ "$(json "['certificates'][0]['targets'][2]['served_sha256']")" = "$(issued)" ]
    expect 0 pgcert check pool backup proxy
    mark=$(stat -c '%i' "$POOL/pool.pem" "$BACKUP/backup.pem" "$PROXY/proxy.pem")
    expect 0 pgcert deploy
    [ "$(stat -c '%i' "$POOL/pool.pem" "$BACKUP/backup.pem" "$PROXY/proxy.pem")" = "$mark" ]
}

# ---- PgBouncer ----

@test "a PgBouncer that answers well and keeps its certificate is found out, and put back" {
    only pool
    expect 0 pgcert deploy
    first=$(pool_served)
    pool_conf "client_tls_sslmode = verify-full" # without a client_tls_ca_file nothing of TLS is loaded
    expect 80 pgcert renew --force
    says "put back"
    [ "$(pool_served)" = "$first" ]
    [ "$(leaf_sha256 "$POOL/pool.pem")" = "$first" ]
    pool_conf
    expect 0 pgcert deploy
    [ "$(pool_served)" = "$(issued)" ]
}

@test "who may not reload PgBouncer, or is not let in, is told so and touches nothing" {
    only pool
    first=$(leaf_sha256 "$POOL/pool.pem")
    pool_stop
    pool_start "stats_users = nosy"
    set_target pool "connection = host=/var/run/postgresql port=$POOL_PORT user=nosy dbname=pgbouncer"
    expect 77 pgcert renew --force
    says "user 'nosy' may not reload PgBouncer.*admin_users"
    set_target pool "connection = host=/var/run/postgresql port=$POOL_PORT user=nobody dbname=pgbouncer"
    expect 77 pgcert deploy
    [ "$(leaf_sha256 "$POOL/pool.pem")" = "$first" ]
}

@test "a PgBouncer that names other files, or has no TLS, is left alone" {
    only pool
    first=$(pool_served)
    set_target pool "file = $POOL/other.pem"
    expect 78 pgcert deploy
    says "client_tls_key_file is '$POOL/pool.pem' and not pgcert's file '$POOL/other.pem'"
    [ ! -e "$POOL/other.pem" ]
    [ "$(pool_served)" = "$first" ]
    pool_stop
    pool_start "client_tls_sslmode = disable"
    set_target pool "file = $POOL/pool.pem"
    expect 78 pgcert deploy
    says "client_tls_sslmode = disable"
}

@test "a PgBouncer with two files gets a pair, and its own connections the new certificate" {
    only pool
    openssl pkey -in "$POOL/pool.pem" -out "$POOL/key.pem"
    openssl x509 -in "$POOL/pool.pem" -out "$POOL/cert.pem"
    pool_stop
    pool_start "client_tls_key_file = $POOL/key.pem" "client_tls_cert_file = $POOL/cert.pem" \
        "server_tls_key_file = $POOL/key.pem" "server_tls_cert_file = $POOL/cert.pem" \
        "server_tls_sslmode = prefer"
    expect 0 pgcert renew --force
    [ "$(pool_served)" = "$(issued)" ]
    [ "$(leaf_sha256 "$POOL/cert.pem")" = "$(issued)" ]
    grep -q "RECONNECT command issued" "$POOL/log"
}

@test "a PgBouncer that is down gets its file for the next start, where the settings name it" {
    only pool
    pool_stop
    set_target pool "file = $POOL/pool.pem"
    expect 75 pgcert renew --force
    says "in place for when the server starts"
    pool_start
    [ "$(pool_served)" = "$(issued)" ]
}

@test "what PgBouncer names in a directory that is not its user's is not overwritten unasked" {
    only pool
    pool_stop
    install -d "$WORLD/foreign"
    cp "$POOL/pool.pem" "$WORLD/foreign/pool.pem"
    chown root:postgres "$WORLD/foreign/pool.pem" && chmod 640 "$WORLD/foreign/pool.pem"
    first=$(leaf_sha256 "$WORLD/foreign/pool.pem")
    pool_start "client_tls_key_file = $WORLD/foreign/pool.pem" "client_tls_cert_file = $WORLD/foreign/pool.pem"
    expect 78 pgcert renew --force
    says "not its user's.*set file"
    [ "$(leaf_sha256 "$WORLD/foreign/pool.pem")" = "$first" ]
    set_target pool "file = $WORLD/foreign/pool.pem"
    expect 0 pgcert deploy
    [ "$(pool_served)" = "$(issued)" ]
    [ "$(stat -c '%U:%G %a' "$WORLD/foreign/pool.pem")" = "root:postgres 640" ]
}

@test "what PgBouncer names is not overwritten when nothing says who it is, or when it is no PEM" {
    only pool
    set_target pool "connection = host=127.0.0.1 port=$POOL_PORT user=postgres dbname=pgbouncer" "run_as = postgres"
    pool_conf "admin_users = postgres" "stats_users = pgbouncer"
    pool_sql RELOAD
    expect 78 pgcert renew --force
    says "over TCP nothing says who answers.*set file"
    # where the settings say the file, TCP will do, for an administrator
    set_target pool "file = $POOL/pool.pem"
    expect 0 pgcert deploy
    [ "$(pool_served)" = "$(issued)" ]
    set_target pool "connection = host=127.0.0.1 port=$POOL_PORT user=pgbouncer dbname=pgbouncer"
    expect 77 pgcert renew --force
    says "user 'pgbouncer' may not reload PgBouncer"
    world_conf
    beside_conf
    only pool
    echo precious >"$POOL/data"
    chown postgres: "$POOL/data"
    pool_conf "client_tls_key_file = $POOL/data" "client_tls_cert_file = $POOL/data"
    pool_sql RELOAD
    expect 78 pgcert renew --force
    says "'$POOL/data', which has no key and no certificate in it"
    [ "$(cat "$POOL/data")" = precious ]
}

# ---- pgBackRest ----

@test "a pgBackRest that was not reached is found out, and put back" {
    only backup
    expect 0 pgcert deploy
    first=$(backup_served)
    backup_start other 8433
    expect 78 pgcert renew --force
    says "2 processes 'pgbackrest server'; set pid_file"
    set_target backup "pid_file = $BACKUP/other.pid" # of a server that reads another file
    expect 80 pgcert deploy
    [ "$(backup_served)" = "$first" ]
    [ "$(leaf_sha256 "$BACKUP/backup.pem")" = "$first" ]
    set_target backup "pid_file = $BACKUP/backup.pid"
    expect 0 pgcert deploy
    [ "$(backup_served)" = "$(issued)" ]
    backup_stop other
}

@test "a connection to pgBackRest outlives the reload, and is not taken for the server" {
    only backup
    mkfifo "$WORLD/backup.in"
    openssl s_client -connect "127.0.0.1:$BACKUP_PORT" -cert "$BACKUP/client.crt" -key "$BACKUP/client.key" \
        <"$WORLD/backup.in" >"$WORLD/backup.out" 2>&1 3>&- 4>&- &
    exec {hold}>"$WORLD/backup.in"
    server=$(cat "$BACKUP/backup.pid")
    await 10 "a child" grep -q . "/proc/$server/task/$server/children"
    child=$(awk '{ print $NF }' "/proc/$server/task/$server/children")
    expect 0 pgcert renew --force
    [ "$(backup_served)" = "$(issued)" ]
    not process_is_gone "$child"
    exec {hold}>&-
}

@test "a mode of the key at which pgBackRest would end is refused" {
    only backup
    expect 0 pgcert deploy
    first=$(backup_served)
    set_target backup "mode = 0640"
    expect 78 pgcert renew --force
    says "mode: the server takes a key of mode 0640 only from a directory of root's"
    set_target backup "mode = 0400"
    expect 0 pgcert deploy
    [ "$(backup_served)" != "$first" ]
}

@test "whose pgBackRest is, the owner of the key's directory is believed, and root is not" {
    only backup
    chown root: "$BACKUP" && chmod 755 "$BACKUP"
    first=$(backup_served)
    expect 78 pgcert renew --force
    says "the key is in root's directory '$BACKUP'; set run_as"
    [ "$(backup_served)" = "$first" ]
    set_target backup "run_as = nosuch"
    expect 78 pgcert deploy
    says "there is no user 'nosuch'"
    chown postgres: "$BACKUP" && chmod 700 "$BACKUP"
    set_target backup "run_as = postgres"
    expect 0 pgcert deploy
    [ "$(backup_served)" = "$(issued)" ]
}

@test "a pgBackRest that is down gets its file for the next start" {
    only backup
    backup_stop
    expect 75 pgcert renew --force
    says "runs no 'pgbackrest server'"
    backup_start
    [ "$(backup_served)" = "$(issued)" ]
    expect 0 pgcert deploy
}

# ---- HAProxy ----

@test "a certificate that HAProxy refuses is put back" {
    only proxy
    expect 0 pgcert deploy
    first=$(proxy_served)
    proxy_stop
    proxy_start "tune.bufsize 1024" "tune.maxrewrite 256" # too small for the command
    expect 80 pgcert renew --force
    says "put back.*HAProxy refuses to take the certificate"
    [ "$(proxy_served)" = "$first" ]
    [ "$(leaf_sha256 "$PROXY/proxy.pem")" = "$first" ]
}

@test "a HAProxy that is down gets its file, one that may not be told or knows it not is left alone" {
    only proxy
    proxy_stop
    expect 75 pgcert renew --force
    says "in place for when the server starts"
    LEVEL=operator proxy_start
    first=$(proxy_served)
    [ "$first" = "$(issued)" ]
    expect 77 pgcert renew --force
    says "level admin"
    proxy_stop
    proxy_start
    set_target proxy "certificate = /nowhere.pem"
    expect 78 pgcert deploy
    says "HAProxy uses no certificate '/nowhere.pem'"
    chmod o+w "$PROXY"
    set_target proxy "certificate = $PROXY/proxy.pem"
    expect 77 pgcert deploy
    says "anybody can make a socket"
    chmod o-w "$PROXY"
    chown nobody "$PROXY/admin.sock"
    expect 77 pgcert deploy
    says "user $(id -u nobody) made the socket"
    chown root "$PROXY/admin.sock"
    install -d -o nobody "$WORLD/his"
    ln -s "$PROXY" "$WORLD/his/way"
    set_target proxy "socket = $WORLD/his/way/admin.sock"
    expect 77 pgcert deploy
    says "somebody else than root can change '$WORLD/his'"
    set_target proxy "socket = $PROXY/admin.sock"
    [ "$(proxy_served)" = "$first" ]
    expect 0 pgcert deploy
    [ "$(proxy_served)" = "$(issued)" ]
}

@test "two certificates of one HAProxy, renewed in one run, are both served" {
    proxy_stop
    self_signed "$PROXY/second.pem"
    chown haproxy: "$PROXY/second.pem"
    proxy_start "listen second" "  bind 127.0.0.1:5444 ssl crt $PROXY/second.pem" "  server one 127.0.0.1:5432"
    only proxy
    printf '%s\n' "[certificate second.$ZONE]" "issuer = private" "deploy = second" | conf_add
    set_target second "type = haproxy" "file = $PROXY/second.pem" "socket = $PROXY/admin.sock" \
        "run_as = haproxy" "prove = 127.0.0.1:5444"
    expect 0 pgcert renew --force
    [ "$(proxy_served)" = "$(leaf_sha256 "$PROXY/proxy.pem")" ]
    [ "$(served_at 127.0.0.1 5444)" = "$(leaf_sha256 "$PROXY/second.pem")" ]
}
