# Servers that stand beside PostgreSQL, for the world: each reads a file of its own, which a test
# makes first. Sourced after world.bash.
# shellcheck shell=bash disable=SC2154

# Not as_postgres: a shell that stays to wait would keep descriptors of bats, which waits for them.
AS=(setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/var/lib/postgresql)
POOL=$WORLD/pool
POOL_PORT=6432
BACKUP=$WORLD/backup
BACKUP_PORT=8432
PROXY=$WORLD/proxy
PROXY_PORT=5443
export POOL POOL_PORT BACKUP BACKUP_PORT PROXY PROXY_PORT

# ---- PgBouncer ----

# Starts PgBouncer in front of PostgreSQL, as user postgres: pool_start [LINE...]; the lines are settings.
# It reads $POOL/pool.pem, unless they say otherwise.
pool_start()
{
    install -d -o postgres -g postgres -m 700 "$POOL"
    [ -e "$POOL/pool.pem" ] || self_signed "$POOL/pool.pem"
    pool_conf "$@"
    chown postgres: "$POOL"/*
    "${AS[@]}" /usr/sbin/pgbouncer -q "$POOL/pool.ini" >>"$POOL/out" 2>&1 3>&- 4>&- </dev/null &
    await 10 PgBouncer port_is_open 127.0.0.1 $POOL_PORT
}

pool_stop()
{
    end_process "$POOL/pid" INT
}

# Only writes its settings: pool_conf [LINE...]
pool_conf()
{
    cat >"$POOL/pool.ini" <<END
[databases]
* = host=/var/run/postgresql user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $POOL_PORT
unix_socket_dir = /var/run/postgresql
auth_type = any
auth_file = $POOL/users
logfile = $POOL/log
pidfile = $POOL/pid
pool_mode = session
client_tls_sslmode = require
client_tls_cert_file = $POOL/pool.pem
client_tls_key_file = $POOL/pool.pem
server_tls_sslmode = disable
END
    printf '%s\n' "$@" >>"$POOL/pool.ini"
    echo '"postgres" ""' >"$POOL/users"
}

# A statement for its admin console, as its own user: pool_sql STATEMENT
pool_sql()
{
    as_postgres psql -XqAt -h /var/run/postgresql -p $POOL_PORT -U pgbouncer -d pgbouncer -c "$1"
}

# ---- pgBackRest ----

# Starts pgBackRest's TLS server as user postgres: backup_start [NAME [PORT]]. It reads
# $BACKUP/NAME.pem, and its number is in $BACKUP/NAME.pid.
backup_start()
{
    local name=${1:-backup} port=${2:-$BACKUP_PORT}
    install -d -o postgres -g postgres -m 700 "$BACKUP" "$BACKUP"/{log,lock,repo,spool}
    [ -e "$BACKUP/ca.crt" ] || backup_make_client
    [ -e "$BACKUP/$name.pem" ] || self_signed "$BACKUP/$name.pem"
    cat >"$BACKUP/$name.conf" <<END
[global]
repo1-path=$BACKUP/repo
log-path=$BACKUP/log
lock-path=$BACKUP/lock
spool-path=$BACKUP/spool
log-level-console=detail
tls-server-address=127.0.0.1
tls-server-port=$port
tls-server-cert-file=$BACKUP/$name.pem
tls-server-key-file=$BACKUP/$name.pem
tls-server-ca-file=$BACKUP/ca.crt
tls-server-auth=client=*
END
    chown postgres: "$BACKUP"/*.*
    "${AS[@]}" pgbackrest --config "$BACKUP/$name.conf" server \
        >>"$BACKUP/$name.out" 2>&1 3>&- 4>&- </dev/null &
    echo $! >"$BACKUP/$name.pid"
    await 10 pgBackRest port_is_open 127.0.0.1 "$port"
}

backup_stop()
{
    end_process "$BACKUP/${1:-backup}.pid"
}

# The CA of its clients, and one.
backup_make_client()
{
    local new=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30)
    openssl req -x509 "${new[@]}" -subj "/CN=backup CA" -keyout "$BACKUP/ca.key" -out "$BACKUP/ca.crt" 2>/dev/null
    openssl req -x509 "${new[@]}" -subj /CN=client -keyout "$BACKUP/client.key" -out "$BACKUP/client.crt" \
        -CA "$BACKUP/ca.crt" -CAkey "$BACKUP/ca.key" -addext basicConstraints=CA:FALSE 2>/dev/null
}

# ---- HAProxy ----

# Starts HAProxy with TLS before PostgreSQL's port: proxy_start [LINE...]; the lines are global settings.
# It reads $PROXY/proxy.pem. LEVEL is that of its stats socket.
proxy_start()
{
    local LEVEL=${LEVEL:-admin}
    install -d -o haproxy -g haproxy -m 755 "$PROXY"
    [ -e "$PROXY/proxy.pem" ] || self_signed "$PROXY/proxy.pem"
    chown haproxy: "$PROXY/proxy.pem"
    {
        printf '%s\n' global "stats socket $PROXY/admin.sock mode 600 level $LEVEL" "$@"
        cat <<END
defaults
  mode tcp
  timeout connect 5s
  timeout client 1m
  timeout server 1m
listen proxy
  bind 127.0.0.1:$PROXY_PORT ssl crt $PROXY/proxy.pem
  server one 127.0.0.1:5432
END
    } >"$PROXY/proxy.cfg"
    rm -f "$PROXY/admin.sock" # whoever else listens at the port has no socket any more
    haproxy -db -q -f "$PROXY/proxy.cfg" >>"$PROXY/out" 2>&1 3>&- 4>&- </dev/null &
    echo $! >"$PROXY/pid"
    await 10 "HAProxy's socket" test -S "$PROXY/admin.sock"
    await 10 HAProxy port_is_open 127.0.0.1 $PROXY_PORT
}

proxy_stop()
{
    end_process "$PROXY/pid"
}

# The SHA-256 of the leaf that is served to who begins with TLS at once: served_at HOST PORT [OPTION...]
served_at()
{
    openssl s_client -connect "$1:$2" "${@:3}" </dev/null 2>/dev/null |
        openssl x509 -noout -fingerprint -sha256 2>/dev/null | sha256_of_fingerprint
}
