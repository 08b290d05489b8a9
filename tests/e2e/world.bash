# What the bats tests lean on: a world for each file, fresh settings for each test, and words to
# say what is expected. A file begins with: load ../e2e/world
# shellcheck shell=bash disable=SC2154 # bats sets status, output and stderr
bats_require_minimum_version 1.5.0

# shellcheck source-path=SCRIPTDIR source=../world/inside.bash
. "${PGCERT_ROOT:?run this by: tests/run.sh FILE}/tests/world/inside.bash"

# A file that wants other servers defines its own.
setup_file()
{
    # shellcheck disable=SC2119 # its arguments are for Pebble
    world_start
}

setup()
{
    fresh
}

# Shows what is known when a test failed.
teardown()
{
    [ -z "${BATS_TEST_COMPLETED:-}" ] || return 0
    printf 'last status: %s\n' "${status-}"
    printf 'stdout: %s\n' "${output-}"
    printf 'stderr: %s\n' "${stderr-}"
    tail -n 3 "$PG_LOG" 2>/dev/null || :
}

# New settings and nothing remembered by pgcert; the servers go on as they are.
fresh()
{
    rm -rf "$STATE"
    world_conf
}

# fresh, and the server has a certificate from Pebble, issued, deployed and served. Nobody advises when the
# next one is due.
fresh_and_served()
{
    fresh
    pg_serves_pgcert
    expect 0 pgcert renew
    without_ari
    first=$(served)
    [ "$first" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
}

# As if the issuer gave no advice when to renew, for which it is asked now and then: Pebble does from 2.5 on.
without_ari()
{
    sed -i 's/"renewalInfo"/"none"/' "$STATE"/accounts/*/session.json
}

# Points the server at pgcert's file by hand, as the manual tells, with a first self-signed one.
pg_serves_pgcert()
{
    pg_is_up || pg_start
    self_signed "$PGDATA/pgcert.pem"
    chown postgres: "$PGDATA/pgcert.pem"
    printf '%s\n' "ssl = on" "ssl_cert_file = 'pgcert.pem'" "ssl_key_file = 'pgcert.pem'" \
        >"$PGDATA/conf.d/pgcert.conf"
    pg_sql "alter system reset all" && pg_sql "select pg_reload_conf()" >/dev/null
    await 5 "TLS" serves "$(leaf_sha256 "$PGDATA/pgcert.pem")"
}

# The private CA as the issuer of the certificate, whose name leads here. What follows are more lines:
# private_ca [LINE...]
private_ca()
{
    printf '%s\n' "[issuer private]" "type = ca" "" "[certificate db.$ZONE]" "issuer = private" "$@" | conf_add
    grep -q "db.$ZONE" /etc/hosts || echo "127.0.0.1 db.$ZONE" >>/etc/hosts
}

# What the private CA exports for clients, and the CRLs, where the server reads them when it is told.
export_clients()
{
    pgcert ca export clients >"$PGDATA/clients.crt"
    cp "$STATE/ca/clients.crl" "$PGDATA/clients.crl"
    chown postgres: "$PGDATA/clients.crt" "$PGDATA/clients.crl"
    printf '%s\n' "ssl_ca_file = 'clients.crt'" "ssl_crl_file = 'clients.crl'" >"$PGDATA/conf.d/ca.conf"
}

# The subject of a certificate, laid out the same by every OpenSSL: subject_of FILE
subject_of()
{
    openssl x509 -in "$1" -noout -subject -nameopt sep_comma_plus_space,utf8 | sed 's/^subject=//'
}

# Is that what is served? serves SHA256 [HOST [PORT]]
serves()
{
    [ "$(served "${@:2}")" = "$1" ]
}

# A key and a self-signed certificate in one file: self_signed FILE [NAME [DAYS]]
self_signed()
{
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "${3:-30}" \
        -subj "/CN=${2:-db.$ZONE}" -addext "subjectAltName=DNS:${2:-db.$ZONE}" \
        -keyout "$1.key" -out "$1.crt" 2>/dev/null
    (umask 077 && cat "$1.key" "$1.crt" >"$1")
    rm "$1.key" "$1.crt"
}

# The program with the world's settings; bats' own descriptors are none of its business.
pgcert()
{
    timeout 60 "$PGCERT" -c "$CONF" "$@" 3>&- 4>&- </dev/null
}

# The program on a day to come: later +14d ARGUMENT... Not by faketime(1), whose semaphore is named by
# a process number that other worlds have as well. A sanitized program wants to be loaded first.
later()
{
    local library
    library=$(printf '%s\n' /usr/lib/*/faketime/libfaketime.so.1 | head -n 1)
    ASAN_OPTIONS=verify_asan_link_order=0 FAKETIME_DISABLE_SHM=1 FAKETIME=$1 LD_PRELOAD=$library \
        timeout 60 "$PGCERT" -c "$CONF" "${@:2}" 3>&- 4>&- </dev/null
}

# The same as user postgres, who then owns what pgcert keeps.
pgcert_as_postgres()
{
    chown -R postgres: "$WORLD/conf" "$WORLD/bind/pgcert-key.key"
    install -d -o postgres -g postgres -m 700 "$STATE"
    as_postgres timeout 60 "$PGCERT" -c "$CONF" "$@" 3>&- 4>&- </dev/null
}

# Runs a command and wants that exit status: expect STATUS COMMAND...
expect()
{
    local wanted=$1
    shift
    run --separate-stderr "$@"
    ended_with "$wanted" "$@"
}

# Wants what was run last to have ended so: ended_with STATUS COMMAND...
ended_with()
{
    [ "$status" -eq "$1" ] || {
        printf 'expected status %s, got %s: %s\n' "$1" "$status" "${*:2}"
        printf '%s\n' "$stderr"
        return 1
    }
}

# Wants one line on stderr that matches (extended regular expression, any case), and that it is a
# sentence of the house: no final stop, and nothing about the program's inside.
says()
{
    local found
    found=$(grep -iE -- "$1" <<<"$stderr") || {
        printf 'stderr does not say: %s\n' "$1"
        return 1
    }
    [[ $(tail -n 1 <<<"$found") != *. ]] && [ "$(wc -l <<<"$stderr")" -le 6 ]
}

# The value at a path in the JSON on standard output: json "['certificates'][0]['name']"
json()
{
    python3 -c 'import json, sys; v = eval("json.load(sys.stdin)" + sys.argv[1])
print("null" if v is None else str(v).lower() if isinstance(v, bool) else v)' "$1" <<<"$output"
}

# Bats does not see the failure of a line that begins with "!".
not()
{
    if "$@"; then
        return 1
    fi
}

# Nothing was lost: PostgreSQL serves that, and would also after a restart.
unharmed()
{
    [ "$(served)" = "$1" ] && pg_restart && [ "$(served)" = "$1" ]
}

# The number of requests to a path since a mark: requests MARK PATTERN
requests()
{
    pebble_requests "$1" | grep -cE -- "$2" || :
}

# ---- the hostile ACME server (tests/fault/hostile.py) ----

# Starts it; what it does is said by: hostile RULE...
hostile_start()
{
    local dir=$WORLD/hostile
    mkdir -p "$dir"
    cp "$WORLD/pebble/cert.pem" "$WORLD/pebble/key.pem" "$dir"
    python3 -B "$PGCERT_ROOT/tests/fault/hostile.py" "$dir" >>"$dir/errors" 2>&1 3>&- 4>&- </dev/null &
    await 10 "the hostile server" port_is_open 127.0.0.1 14100
}

# The rules from now on, one an argument; none: it is honest.
hostile()
{
    printf '%s\n' "$@" >"$WORLD/hostile/rules.new"
    mv "$WORLD/hostile/rules.new" "$WORLD/hostile/rules"
    : >"$WORLD/hostile/log"
}

# Makes it the issuer.
hostile_conf()
{
    cat "$WORLD/pebble/root.pem" "$WORLD/hostile/ca.pem" >"$WORLD/hostile/trust.pem"
    conf_add <<END
[issuer pebble]
directory = https://localhost:14100/dir
trust_file = $WORLD/hostile/trust.pem
END
}

# A sanitized program cannot look for leaks while it is traced.
strace()
{
    ASAN_OPTIONS=detect_leaks=0 command strace "$@"
}

# What follows needs a program.
have()
{
    command -v "$1" >/dev/null || skip "$1 is not installed"
}
