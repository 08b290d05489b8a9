# The servers of a world, and how to speak with them. Sourced inside of tests/world/enter by the
# bats tests, by try.sh and by the bench.
# shellcheck shell=bash
#
# $WORLD/bin      copies of the programs    $WORLD/bind    zones, keys, log
# $WORLD/pebble   certificates, log         $WORLD/pg      data directory, log
# $WORLD/conf     pgcert.conf               $WORLD/state   pgcert's own files

BIND_LOG=$WORLD/bind/log
PEBBLE_LOG=$WORLD/pebble/log
PG_LOG=$WORLD/pg/log
PGDATA=$WORLD/pg/data
STATE=$WORLD/state
CONF=$WORLD/conf/pgcert.conf
ZONE=example.test
DIRECTORY=https://localhost:14000/dir
export BIND_LOG PEBBLE_LOG PG_LOG PGDATA STATE CONF ZONE DIRECTORY

# ---- the world itself ----

# Hides what the host has, and puts the world's own there. Runs once, as the first process.
world_enter()
{
    local file target
    unset SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE REQUESTS_CA_BUNDLE http_proxy https_proxy \
        HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy PGHOST PGPORT PGUSER PGDATABASE PGSERVICE \
        JOURNAL_STREAM NOTIFY_SOCKET INVOCATION_ID
    export LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    # ::1 as well, also where a container has switched IPv6 off
    for file in all default lo; do
        echo 0 >"/proc/sys/net/ipv6/conf/$file/disable_ipv6" || :
    done 2>/dev/null
    ip link set lo up
    ip -6 address show dev lo | grep -q ::1 || ip address add ::1/128 dev lo || :
    mount -t tmpfs -o mode=755,size=2g world "$WORLD"
    mkdir -p "$WORLD"/{bin,etc,conf,bind,pebble}
    chmod 700 "$WORLD/conf"
    printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:2\n' >"$WORLD/etc/resolv.conf"
    printf '127.0.0.1 localhost\n127.0.0.1 ns1.%s\n' "$ZONE" >"$WORLD/etc/hosts"
    printf 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n' \
        >"$WORLD/etc/nsswitch.conf"
    for file in resolv.conf hosts nsswitch.conf; do
        target=$(readlink -f "/etc/$file" || echo "/etc/$file")
        # A link into /run, or nothing there: the private /run below could not be reached by it.
        case $target in /run/*) mkdir -p "$WORLD/run${target%/*}" ;; esac
        [ -e "$target" ] || : >"$target"
        mount --bind "$WORLD/etc/$file" "$target"
    done
    world_private_run
    # faketime(1) names what it has there by a process number, which other worlds have as well
    mount -t tmpfs -o mode=1777 world /dev/shm
    # A cluster of the host's own is none of the world's business.
    [ ! -d /etc/postgresql ] || mount -t tmpfs -o mode=755 world /etc/postgresql
    [ ! -d /etc/pgcert ] || mount -t tmpfs -o mode=755 world /etc/pgcert
    [ ! -x "$PGCERT" ] || cp "$PGCERT" "$WORLD/bin/pgcert"
    PGCERT=$WORLD/bin/pgcert
    export PGCERT PGCERT_WORLD=1
    ulimit -c 0
    cd "$WORLD" || return
}

# /run holds locks, and sockets of the host's servers: both are the world's own.
world_private_run()
{
    mount -t tmpfs -o mode=755 world /run
    mkdir -m 1777 /run/lock
    install -d -m 2775 -o postgres -g postgres /run/postgresql
    local link
    link=$(readlink -m /etc/resolv.conf)
    case $link in
    /run/*) mkdir -p "${link%/*}" && cp "$WORLD/etc/resolv.conf" "$link" ;;
    esac
}

# Everything that a first issuance needs.
world_start()
{
    [ -n "${PGCERT_WORLD:-}" ] || { echo "run this by: tests/run.sh FILE" >&2; return 1; }
    # shellcheck disable=SC2119 # the first name server has no arguments
    bind_start && pebble_start "$@" && pg_start && world_conf
}

# Waits until a command succeeds: await SECONDS WHAT COMMAND...
await()
{
    local seconds=$1 what=$2 until
    shift 2
    until=$((${EPOCHREALTIME/./} + seconds * 1000000))
    until "$@" >/dev/null 2>&1; do
        if [ "${EPOCHREALTIME/./}" -gt "$until" ]; then
            echo "waited $seconds s for $what" >&2
            return 1
        fi
        read -rt 0.02 <> <(:) || :
    done
}

port_is_open()
{
    (exec 9<>"/dev/tcp/$1/$2") 2>/dev/null
}

# Ends a server by the number in a file and waits until it is gone.
end_process()
{
    local pid
    pid=$(cat "$1" 2>/dev/null) || return 0
    kill -"${2:-TERM}" "$pid" 2>/dev/null || :
    await 10 "process $pid to end" process_is_gone "$pid"
    rm -f "$1"
}

process_is_gone()
{
    [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
}

# ---- BIND ----

# shellcheck disable=SC2120
# Starts a name server: bind_start [NAME ADDRESS]. The first one is 127.0.0.1 and knows the zone.
bind_start()
{
    local dir=$WORLD/${1:-bind} address=${2:-127.0.0.1}
    if [ ! -e "$dir/named.conf" ]; then
        mkdir -p "$dir"
        bind_write_conf "$dir" "$address"
        [ $# -gt 0 ] || { bind_key pgcert-key && bind_zone "$ZONE"; }
    fi
    # A copy: Debian confines /usr/sbin/named by AppArmor to files elsewhere.
    [ -x "$WORLD/bin/named" ] || cp /usr/sbin/named "$WORLD/bin/named"
    ip address add "$address/8" dev lo 2>/dev/null || : # all but 127.0.0.1
    "$WORLD/bin/named" -g -n 1 -c "$dir/named.conf" >>"$dir/log" 2>&1 3>&- 4>&- </dev/null &
    echo $! >"$dir/number"
    await 10 "BIND on $address" port_is_open "$address" 53 &&
        await 10 "BIND's control on $address" port_is_open "$address" 953
}

bind_stop()
{
    end_process "$WORLD/${1:-bind}/number"
}

bind_write_conf()
{
    local v6="none;" lock=
    [ "$2" != 127.0.0.1 ] || [ ! -e /proc/net/if_inet6 ] || v6="::1;"
    # The file by which only one may run; from BIND 9.20 on there is none, and no word for it.
    [[ $(named -C 2>/dev/null) != *lock-file* ]] || lock="lock-file none;"
    (umask 077 && tsig-keygen -a hmac-sha256 rndc-key >"$1/rndc.key")
    : >"$1/zones.conf"
    cat >"$1/named.conf" <<END
include "$1/rndc.key";
controls { inet $2 port 953 allow { any; } keys { rndc-key; }; };
options {
    directory "$1"; pid-file none; session-keyfile "$1/session.key"; $lock
    listen-on { $2; }; listen-on-v6 { $v6 };
    recursion yes; allow-recursion { any; }; allow-query { any; }; allow-transfer { any; };
    dnssec-validation no; notify no; empty-zones-enable no; minimal-responses no;
    max-cache-size 16m; version none;
};
logging {
    channel all { stderr; severity info; print-category yes; };
    category default { all; }; category update { all; }; category update-security { all; };
};
include "$1/zones.conf";
END
}

# Makes a TSIG key, as $WORLD/bind/NAME.key: bind_key NAME [ALGORITHM]
bind_key()
{
    local file=$WORLD/bind/$1.key
    (umask 077 && tsig-keygen -a "${2:-hmac-sha256}" "$1" >"$file")
    echo "include \"$file\";" >>"$WORLD/bind/zones.conf"
}

# Adds a zone: bind_zone ZONE [POLICY]; POLICY is the inside of update-policy.
bind_zone()
{
    local policy=${2-grant pgcert-key zonesub TXT;}
    bind_write_zone "$WORLD/bind/$1.zone" "$1" ns1
    cat >>"$WORLD/bind/zones.conf" <<END
zone "$1" { type primary; file "$WORLD/bind/$1.zone"; update-policy { $policy }; };
END
}

# Writes a zone file: bind_write_zone FILE ZONE SERVER...; each SERVER is NAME or NAME=ADDRESS.
bind_write_zone()
{
    local file=$1 zone=$2 server
    shift 2
    {
        # shellcheck disable=SC2016 # BIND's words, not the shell's
        printf '$ORIGIN %s.\n$TTL 60\n@ IN SOA %s host 1 60 60 3600 1\n' "$zone" "${1%%=*}"
        for server in "$@"; do
            [[ $server == *=* ]] || server="$server=127.0.0.1"
            printf '@ IN NS %s\n%s IN A %s\n' "${server%%=*}" "${server%%=*}" "${server#*=}"
        done
        printf 'db IN A 127.0.0.1\n' # where the clients of the database find it
    } >"$file"
}

# Reads zones.conf again, after bind_key and bind_zone.
bind_reload()
{
    local dir=$WORLD/${1:-bind} address=${2:-127.0.0.1}
    rndc -s "$address" -p 953 -k "$dir/rndc.key" reconfig
}

# The TXT values at a name, one a line: dns_txt NAME [SERVER]
dns_txt()
{
    dig +short +tries=1 +time=2 "@${2:-127.0.0.1}" TXT "$1" | tr -d '"'
}

# All challenge records in a zone; empty when everything was cleaned up.
dns_challenges()
{
    dig +noall +answer "@${2:-127.0.0.1}" AXFR "${1:-$ZONE}" | grep _acme-challenge || :
}

# ---- Pebble ----

# Starts Pebble: pebble_start [VARIABLE=VALUE...]. What is not said: no sleep before validating,
# no nonce rejected, no authorization used twice. VALIDITY is a certificate's lifetime in seconds;
# EAB=true wants an external account binding (kid-1, with the key in pebble/eab.key). PROGRAM is another
# Pebble, a newer one; RETRY_AFTER are the seconds after which that one says to come back.
pebble_start()
{
    local dir=$WORLD/pebble pair VALIDITY=7776000 EAB=false PROGRAM=pebble RETRY_AFTER=0
    # 64 bytes: no algorithm may have a key that is shorter than its hash (RFC 7518, section 3.2)
    local mac=zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12WpGxh4vHeT7c1XyRnq0LbQw
    local -a variables=()
    for pair in "$@"; do
        case $pair in
        VALIDITY=*) VALIDITY=${pair#*=} ;;
        EAB=*) EAB=${pair#*=} ;;
        PROGRAM=*) PROGRAM=${pair#*=} ;;
        RETRY_AFTER=*) RETRY_AFTER=${pair#*=} ;;
        *) variables+=("$pair") ;;
        esac
    done
    [ -e "$dir/cert.pem" ] || pebble_make_certificate "$dir"
    cat >"$dir/config.json" <<END
{"pebble": {"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
 "certificate": "$dir/cert.pem", "privateKey": "$dir/key.pem", "httpPort": 5002, "tlsPort": 5001,
 "ocspResponderURL": "", "externalAccountBindingRequired": $EAB, "externalAccountMACKeys": {"kid-1": "$mac"},
 "certificateValidityPeriod": $VALIDITY$([ "$PROGRAM" = pebble ] || pebble_newer_settings)}}
END
    (umask 077 && echo "$mac" >"$dir/eab.key")
    env PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=0 "${variables[@]}" \
        "$PROGRAM" -config "$dir/config.json" -dnsserver 127.0.0.1:53 \
        >>"$dir/log" 2>&1 3>&- 4>&- </dev/null &
    echo $! >"$dir/number"
    await 30 "Pebble" port_is_open 127.0.0.1 15000 && await 30 "Pebble" port_is_open 127.0.0.1 14000
    await 30 "Pebble's root" pebble_save "$dir/root.pem"
}

# What only a newer Pebble knows; the variables are those of pebble_start.
pebble_newer_settings()
{
    cat <<END
,
 "caaIdentities": ["pebble.test"], "domainBlocklist": ["blocked.test"], "keyAlgorithm": "ecdsa",
 "retryAfter": {"authz": $RETRY_AFTER, "order": $RETRY_AFTER},
 "profiles": {"default": {"description": "as always", "validityPeriod": $VALIDITY},
              "shortlived": {"description": "six days", "validityPeriod": 518400}}
END
}

pebble_stop()
{
    end_process "$WORLD/pebble/number" KILL
}

# Has it locked itself up? It does now and then when orders and authorizations are asked for at the same time:
# one request holds its store and wants an authorization, another one the other way round
# (letsencrypt/pebble#554). Then nothing that needs the store is answered any more.
pebble_is_locked_up()
{
    local status=0
    timeout 10 openssl s_client -quiet -connect 127.0.0.1:15000 >/dev/null 2>&1 \
        < <(printf 'GET /cert-status-by-serial/1 HTTP/1.0\r\nHost: localhost\r\n\r\n') || status=$?
    [ "$status" = 124 ]
}

# Its https: a CA (https-ca.pem) and a certificate for localhost.
pebble_make_certificate()
{
    local new=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650)
    openssl req -x509 "${new[@]}" -subj "/CN=world https CA" -keyout "$1/https-ca.key" \
        -out "$1/https-ca.pem" -addext keyUsage=critical,keyCertSign 2>/dev/null
    openssl req -x509 "${new[@]}" -subj /CN=localhost -keyout "$1/key.pem" -out "$1/cert.pem" \
        -CA "$1/https-ca.pem" -CAkey "$1/https-ca.key" -addext basicConstraints=CA:FALSE \
        -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" \
        -addext extendedKeyUsage=serverAuth 2>/dev/null
}

# What its management interface has at a path: pebble_get PATH
pebble_get()
{
    printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$1" |
        openssl s_client -quiet -connect 127.0.0.1:15000 2>/dev/null
}

# A root that Pebble's issued certificates end in; it makes new ones at each start:
# pebble_save FILE [NUMBER]
pebble_save()
{
    # whole or not at all: on a busy machine the connection may end before the answer has
    pebble_get "/roots/${2:-0}" | sed -n '/-----BEGIN/,/-----END/p' >"$1.part"
    openssl x509 -in "$1.part" -noout 2>/dev/null && grep -qx -e '-----END CERTIFICATE-----' "$1.part" &&
        mv "$1.part" "$1"
}

# Where Pebble's log ends now; give it to pebble_requests.
pebble_mark()
{
    stat -c %s "$PEBBLE_LOG"
}

# The requests since a mark, one "METHOD /path" a line: pebble_requests [MARK]
pebble_requests()
{
    tail -c +$((${1:-0} + 1)) "$PEBBLE_LOG" | grep -oE '(GET|HEAD|POST) /[^ ]* ->' | sed 's/ ->//'
}

# ---- PostgreSQL ----

# The newest server that is installed.
pg_bin()
{
    local program
    program=$(printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -V | tail -n 1)
    echo "${program%/*}"
}

# Runs a command as the user who owns the cluster.
as_postgres()
{
    (cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups \
        env HOME=/var/lib/postgresql "$@")
}

# A fresh cluster, ssl off, as Debian would make it; from a copy when tests/run.sh has made one.
pg_make()
{
    install -d -o postgres -g postgres -m 755 "$WORLD/pg"
    if [ -s "${PG_TEMPLATE:-}" ]; then
        tar -xpf "$PG_TEMPLATE" -C "$WORLD/pg"
        return
    fi
    as_postgres "$(pg_bin)/initdb" -D "$PGDATA" -U postgres -E UTF8 --locale=C.UTF-8 --no-sync \
        --wal-segsize=1 -A trust >"$WORLD/pg/initdb.log" || return
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
    cat >"$PGDATA/pg_hba.conf" <<END
local   all postgres              peer
local   all all                   trust
host    all all      127.0.0.1/32 trust
host    all all      ::1/128      trust
END
}

pg_start()
{
    [ -d "$PGDATA" ] || pg_make
    as_postgres "$(pg_bin)/pg_ctl" -D "$PGDATA" -l "$PG_LOG" -w -t 20 -s start 3>&- 4>&-
}

# pg_stop [fast|immediate]
pg_stop()
{
    as_postgres "$(pg_bin)/pg_ctl" -D "$PGDATA" -m "${1:-fast}" -w -t 20 -s stop 3>&- 4>&-
}

pg_restart()
{
    as_postgres "$(pg_bin)/pg_ctl" -D "$PGDATA" -l "$PG_LOG" -m fast -w -t 20 -s restart 3>&- 4>&-
}

pg_is_up()
{
    as_postgres "$(pg_bin)/pg_ctl" -D "$PGDATA" status >/dev/null
}

# A statement as the superuser; prints the bare values.
pg_sql()
{
    as_postgres psql -XqAt -v ON_ERROR_STOP=1 -d postgres -c "$1"
}

# Back to how a fresh cluster is: ssl off, no file of pgcert's.
pg_reset()
{
    ! pg_is_up || pg_stop immediate
    rm -rf "$PGDATA"
    pg_make
    : >"$PG_LOG"
    pg_start
}

# What a person would do: the SHA-256 of the leaf that is served. served [HOST [PORT]]
served()
{
    openssl s_client -starttls postgres -connect "${1:-localhost}:${2:-5432}" </dev/null 2>/dev/null |
        openssl x509 -noout -fingerprint -sha256 2>/dev/null | sha256_of_fingerprint
}

# The SHA-256 of the first certificate in a file.
leaf_sha256()
{
    openssl x509 -in "$1" -noout -fingerprint -sha256 | sha256_of_fingerprint
}

sha256_of_fingerprint()
{
    sed 's/.*=//; s/://g' | tr 'A-F' 'a-f'
}

# ---- pgcert ----

# Writes the settings of the world: one issuer, one name server, one certificate, one target.
# What a test adds by conf_add comes later and wins.
world_conf()
{
    rm -rf "$WORLD/conf"
    mkdir -m 700 "$WORLD/conf" "$WORLD/conf/conf.d"
    cat >"$CONF" <<END
[pgcert]
state = $STATE

[issuer pebble]
type = acme
directory = $DIRECTORY
contact = mailto:dba@$ZONE
agree_terms = yes
dns = world
ca_file = $WORLD/pebble/https-ca.pem
trust_file = $WORLD/pebble/root.pem

[dns world]
provider = rfc2136
server = 127.0.0.1
tsig_file = $WORLD/bind/pgcert-key.key

[certificate db.$ZONE]
issuer = pebble
names = db.$ZONE
deploy = main

[target main]
type = postgres
connection = host=/var/run/postgresql port=5432 user=postgres dbname=postgres
END
}

# Adds settings from standard input.
conf_add()
{
    cat >>"$WORLD/conf/conf.d/50-test.conf"
}

# The directory of a certificate's newest generation: newest_generation [NAME]
newest_generation()
{
    local dir=$STATE/certificates/${1:-db.$ZONE}
    find "$dir" -maxdepth 1 -type d -name '[0-9]*' 2>/dev/null | sort -V | tail -n 1
}
