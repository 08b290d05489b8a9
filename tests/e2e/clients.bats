#!/usr/bin/env bats
# clients: the programs that people connect with log in by what `client new` has made, each with
# verify-full; as nobody else, nowhere else, and not once they are revoked, which ends their sessions.
load ../e2e/world

CA=$STATE/ca
BUNDLES=$CA/clients
PROGRAMS=$PGCERT_ROOT/tests/e2e/clients
JAR=/usr/share/java/postgresql.jar
KINDS=(psql asyncpg jdbc_pk8 jdbc_p12 node)

# One server, one CA and one user for each program, who loses the certificate in the program's test.
setup_file()
{
    pg_start && world_conf
    private_ca "deploy = main"
    echo "127.0.0.1 other.$ZONE" >>/etc/hosts
    pgcert ca init >/dev/null
    pg_sql 'create database app'
    for user in alice bob "${KINDS[@]}"; do
        pg_sql "create role $user login"
    done
    pgcert -q client new --database app alice bob "${KINDS[@]}"
    pgcert -q setup --mutual-tls --yes "db.$ZONE" >/dev/null
}

setup() { :; }

# ---- the programs: each logs in with a bundle, as whom and where its URI is changed to ----

# The bundle's URI, or with "jdbc" its URL: uri DIRECTORY OWNER USER DATABASE HOST [jdbc]
uri()
{
    local line=1
    [ -z "${6:-}" ] || line=2
    sed -n "${line}s/$2@/$3@/;${line}s/user=$2&/user=$3\&/;${line}s|db.$ZONE:\([0-9]*\)/app|$5:\1/$4|;${line}p" "$1/urls"
}

psql_login()
{
    timeout 60 psql "$(uri "$1" "$2" "${3:-$2}" "${4:-app}" "${5:-db.$ZONE}")" -XqAtc \
        "select current_user || ' ' || current_database() || ' ' || client_dn from pg_stat_ssl where pid = pg_backend_pid()" \
        ${HOLD:+-c 'select pg_sleep(60)'}
}

asyncpg_login()
{
    timeout 60 /usr/bin/python3 -B "$PROGRAMS/login.py" "$(uri "$1" "$2" "${3:-$2}" "${4:-app}" "${5:-db.$ZONE}")"
}

jdbc_pk8_login()
{
    timeout 60 java -cp "$JAR:$WORLD/java" Login "$(uri "$1" "$2" "${3:-$2}" "${4:-app}" "${5:-db.$ZONE}" jdbc)"
}

jdbc_p12_login()
{
    local url
    url=$(uri "$1" "$2" "${3:-$2}" "${4:-app}" "${5:-db.$ZONE}" jdbc)
    timeout 60 java -cp "$JAR:$WORLD/java" Login "${url/postgresql.pk8/postgresql.p12}" "$(cat "$1/postgresql.p12.password")"
}

node_login()
{
    timeout 60 node "$PROGRAMS/login.js" "$(uri "$1" "$2" "${3:-$2}" "${4:-app}" "${5:-db.$ZONE}")"
}

# ---- what each must do ----

# A failure whose reason stands in the server's log since then: refused REASON COMMAND...
refused()
{
    local reason=$1 mark
    mark=$(wc -c <"$PG_LOG")
    shift
    run --separate-stderr "$@" 3>&- 4>&- </dev/null
    [ "$status" -ne 0 ] && [ -z "$output" ]
    await 5 "'$reason' in the server's log" said_since "$mark" "$reason"
}

said_since()
{
    tail -c +$(($1 + 1)) "$PG_LOG" | grep -q "$2"
}

# Never more than its user, its database and its server; and nothing at all once it is revoked.
good_for_one_user_and_database()
{
    local login=$1_login user=$1 dir=$BUNDLES/$1
    [ "$("$login" "$dir" "$user")" = "$user app /CN=$user" ]
    refused 'certificate authentication failed for user "alice"' "$login" "$dir" "$user" alice
    refused 'pg_hba.conf rejects connection for host "127.0.0.1", user "'"$user"'", database "postgres"' "$login" "$dir" "$user" "$user" postgres
    # the server is the right one, but not by that name
    run --separate-stderr "$login" "$dir" "$user" "$user" app "other.$ZONE"
    [ "$status" -ne 0 ] && [ -z "$output" ]
    grep -qiE "does not match|could not be verified|mismatch|altnames" <<<"$stderr"

    HOLD=1 "$login" "$dir" "$user" >"$WORLD/held.out" 2>"$WORLD/held.err" 3>&- 4>&- </dev/null &
    held=$!
    await 30 "a session that stays" grep -q "^$user app" "$WORLD/held.out"
    expect 0 pgcert client revoke "$user"
    grep "the session of $user on app from 127.0.0.1 (process [0-9]*) is ended" <<<"$output"
    await 10 "its end" process_is_gone "$held"
    not wait "$held"
    grep -q "terminating connection due to administrator command\|Connection terminated\|connection was closed" "$WORLD/held.err"
    refused 'certificate revoked\|certificate verify failed' "$login" "$dir" "$user"
    [ "$("$login" "$BUNDLES/bob" bob)" = "bob app /CN=bob" ]
}

have_java()
{
    have javac
    [ -e "$JAR" ] || skip "libpostgresql-jdbc-java is not installed"
    [ -e "$WORLD/java/Login.class" ] || javac -d "$WORLD/java" "$PROGRAMS/Login.java"
}

@test "psql: good for one user and one database, until it is revoked" {
    good_for_one_user_and_database psql
}

@test "asyncpg: good for one user and one database, until it is revoked" {
    /usr/bin/python3 -c 'import asyncpg' || skip "python3-asyncpg is not installed"
    good_for_one_user_and_database asyncpg
}

@test "JDBC with .pk8: good for one user and one database, until it is revoked" {
    have_java
    good_for_one_user_and_database jdbc_pk8
}

@test "JDBC with PKCS#12: good for one user and one database, until it is revoked" {
    have_java
    good_for_one_user_and_database jdbc_p12
}

@test "node-postgres: good for one user and one database, until it is revoked" {
    have node
    [ -n "${NODE_PATH:-}" ] || skip "neither Debian's node-pg nor npm's could be had"
    good_for_one_user_and_database node
}
