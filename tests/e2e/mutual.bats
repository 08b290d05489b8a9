#!/usr/bin/env bats
# mutual_tls: what the server trusts of clients is deployed, proved, kept, and put back; who is
# revoked is refused, and is not connected any more.
load ../e2e/world

CA=$STATE/ca
CLIENTS=$PGDATA/pgcert-clients.pem

# Only PostgreSQL: neither name server nor ACME server is there. The CA and two bundles are made once.
setup_file()
{
    pg_start && world_conf
    pg_sql 'create role alice login' && pg_sql 'create role bob login'
    conf_private
    pgcert ca init && pgcert setup --yes "db.$ZONE"
    pgcert client new alice --database postgres && pgcert client new bob --database postgres
    rm "$STATE/clients.json" && cp -a "$STATE" "$WORLD/made"
}

setup()
{
    fresh
    rm -rf "$STATE" && cp -a "$WORLD/made" "$STATE"
    rm -f "$PGDATA"/conf.d/*.conf "$PGDATA"/pgcert*
    printf '%s\n' 'local all postgres peer' 'local all watcher trust' 'hostssl postgres alice all cert' \
        'hostssl postgres bob all cert' 'host all all all reject' >"$PGDATA/pg_hba.conf"
    pg_restart
    conf_private
}

conf_private()
{
    private_ca "deploy = main" "[target main]" "mutual_tls = yes" "prove_timeout = 2s"
}

set_up()
{
    expect 0 pgcert setup --yes "db.$ZONE"
}

# A statement as that user, by the URI of the bundle: as USER STATEMENT
as()
{
    psql "$(head -n 1 "$CA/clients/$1/urls")" -XqAtc "$2"
}

# Nothing more is to be done, and the server is not even asked to reload.
all_is_well()
{
    local before
    before=$(reloads)
    expect 0 pgcert renew
    [ "$output" = "db.$ZONE: nothing to do; until $(date -u -d "+90 days" +%F), renews in 60 days" ] ||
        [[ $output == "db.$ZONE: nothing to do"* && $output != *clients* ]]
    [ "$(reloads)" = "$before" ]
}

reloads()
{
    grep -c "received SIGHUP" "$PG_LOG" || :
}

# Opens a session that stays until it is ended; its process number of the server is in $backend:
# connect USER
connect()
{
    rm -f "$WORLD/$1".{in,out} && mkfifo "$WORLD/$1.in"
    psql "$(head -n 1 "$CA/clients/$1/urls")" -XqAt <"$WORLD/$1.in" >"$WORLD/$1.out" 2>"$WORLD/$1.err" 3>&- 4>&- &
    exec {feed}>"$WORLD/$1.in"
    echo 'select pg_backend_pid();' >&"$feed"
    await 5 "the session of $1" test -s "$WORLD/$1.out"
    backend=$(cat "$WORLD/$1.out")
}

is_connected()
{
    [ "$(pg_sql "select count(*) from pg_stat_activity where pid = $1")" = 1 ]
}

@test "setup makes the server trust the private CA's clients, and proves it" {
    expect 0 pgcert setup --dry-run "db.$ZONE"
    grep "ssl_ca_file = 'pgcert-clients.pem'" <<<"$output"
    [ ! -e "$CLIENTS" ]
    set_up
    [ "$(pg_sql 'show ssl_ca_file') $(pg_sql 'show ssl_crl_file')" = "pgcert-clients.pem pgcert-clients.pem" ]
    [ "$(stat -c '%U %a' "$CLIENTS")" = "postgres 644" ]
    [ "$(stat -c %a "$CA/canary.pem" "$CA/canary-revoked.pem")" = $'600\n600' ]
    [ "$(as alice 'select current_user')" = alice ]
    # both canaries were there: one got as far as to be asked who it is
    grep "certificate verify failed" "$PG_LOG"
    grep 'user "pgcert-canary"' "$PG_LOG"
    all_is_well
    expect 0 pgcert status
    grep "main      trusts this (proved .* ago)" <<<"$output"
    pg_restart
    [ "$(as alice 'select current_user')" = alice ]
}

@test "settings elsewhere in the configuration are no hindrance, by ALTER SYSTEM" {
    printf '%s\n' "include_dir 'conf.d'" "ssl_ca_file = ''" "ssl_crl_file = 'elsewhere'" >>"$PGDATA/postgresql.conf"
    set_up
    [ "$(pg_sql 'show ssl_ca_file') $(pg_sql 'show ssl_crl_file')" = "pgcert-clients.pem pgcert-clients.pem" ]
    [ "$(as alice 'select current_user')" = alice ]
    sed -i "/^include_dir 'conf.d'$/,\$d" "$PGDATA/postgresql.conf"
    rm "$PGDATA/postgresql.auto.conf" && : >"$PGDATA/postgresql.auto.conf" && chown postgres: "$PGDATA/postgresql.auto.conf"
    echo "include_dir = 'conf.d'" >>"$PGDATA/postgresql.conf"
}

@test "a target that is not set up for it says what to do, and nothing is touched" {
    expect 0 pgcert --quiet setup --yes "db.$ZONE"
    rm "$PGDATA/conf.d/pgcert.conf" "$CLIENTS"
    printf '%s\n' "ssl = on" "ssl_cert_file = 'pgcert.pem'" "ssl_key_file = 'pgcert.pem'" >"$PGDATA/conf.d/pgcert.conf"
    pg_restart
    expect 78 pgcert renew
    says "\[target main\] clients: pgcert's file for clients is not in use; try: pgcert setup: the server's ssl_ca_file is ''"
    [ ! -e "$CLIENTS" ]
}

@test "CRLs are renewed in time, deployed and proved; the clients notice nothing" {
    set_up
    connect alice
    number=$(openssl crl -in "$CA/clients.crl" -noout -crlnumber)
    expect 0 pgcert ca crl --force
    expect 0 pgcert renew
    grep "^\[target main\] clients: deployed, proved" <<<"$output"
    [ "$(openssl crl -in "$CA/clients.crl" -noout -crlnumber)" != "$number" ]
    cmp <(sed '1,/END X509 CRL/d' "$CLIENTS") <(sed '1,/END X509 CRL/d' <(pgcert ca export clients; cat "$CA/clients.crl"))
    is_connected "$backend"
    [ "$(as alice 'select current_user')" = alice ]
}

@test "doctor names who is connected with a certificate that ends soon, or is revoked" {
    set_up
    expect 0 pgcert client new --lifetime 10d carol --database postgres --host "db.$ZONE"
    connect alice
    expect 0 pgcert doctor connected
    not grep alice <<<"$output"
    sed -i '1i hostssl postgres carol all cert' "$PGDATA/pg_hba.conf"
    pg_sql "create role carol login; select pg_reload_conf()"
    connect carol
    expect 0 pgcert --json doctor connected
    [ "$(json "['findings'][0]['severity']")" = warning ]
    [[ $(json "['findings'][0]['text']") == "role carol is connected from 127.0.0.1 with a certificate that ends at"* ]]
    [[ $(json "['findings'][0]['remedy']") == "pgcert client renew carol"* ]]
    expect 0 pgcert client revoke carol --keep-sessions
    expect 82 pgcert --json doctor connected
    [[ $(json "['findings'][0]['text']") == *"a certificate that is revoked"* ]]
    pg_sql "select pg_terminate_backend($backend, 5000); drop role carol"
    sed -i 1d "$PGDATA/pg_hba.conf"
    expect 0 pgcert doctor connected
}

@test "who is revoked is refused, and the sessions are ended; others stay" {
    set_up
    connect alice && alice=$backend
    connect bob && bob=$backend
    expect 0 pgcert client revoke bob --reason keyCompromise
    grep "^bob: [0-9a-f]* is revoked$" <<<"$output"
    grep "^\[target main\] clients: deployed, proved$" <<<"$output"
    grep "^\[target main\] the session of bob on postgres from 127.0.0.1 (process $bob) is ended$" <<<"$output"
    not is_connected "$bob"
    is_connected "$alice"
    not as bob 'select 1'
    [ "$(as alice 'select current_user')" = alice ]
    grep "certificate revoked" <(as bob 'select 1' 2>&1)
    all_is_well
    # it can be said again, and is made sure of
    expect 0 pgcert client revoke bob
    grep "was revoked already" <<<"$output"
}

# Makes the TLS handshake as that user, says so, and logs in when it is told: linger USER
linger()
{
    rm -f "$WORLD/linger".* && mkfifo "$WORLD/linger.go"
    python3 - "$CA/clients/$1" "$1" "$WORLD/linger" >"$WORLD/linger.out" 2>&1 3>&- 4>&- <<'END' &
import socket, ssl, struct, sys
bundle, user, files = sys.argv[1:]
context = ssl.create_default_context(cafile=bundle + '/root.crt')
context.check_hostname = False
context.load_cert_chain(bundle + '/postgresql.crt', bundle + '/postgresql.key')
plain = socket.create_connection(('127.0.0.1', 5432))
plain.sendall(struct.pack('!ii', 8, 80877103))
assert plain.recv(1) == b'S'
tls = context.wrap_socket(plain)
open(files + '.ready', 'w').close()
open(files + '.go').read()
text = b'user\0' + user.encode() + b'\0database\0postgres\0\0'
tls.sendall(struct.pack('!ii', 8 + len(text), 196608) + text)
while tls.recv(4096):
    pass
END
    await 10 "the handshake" test -e "$WORLD/linger.ready"
}

# How many certificates there are whose sessions are still looked for.
ending()
{
    python3 -c 'import json, sys; print(len(json.load(open(sys.argv[1]))["main"]["ending"]))' "$STATE/clients.json"
}

@test "who was in the handshake while he was revoked is ended by the next run, until nobody can be" {
    have faketime
    set_up
    linger bob
    expect 0 pgcert client revoke bob
    echo go >"$WORLD/linger.go"
    await 5 "the late session" pg_sql "select 1 / count(*) from pg_stat_activity where usename = 'bob'"
    before=$(reloads)
    expect 0 pgcert renew
    grep "^\[target main\] the session of bob on postgres from 127.0.0.1 (process [0-9]*) is ended$" <<<"$output"
    [ "$(pg_sql "select count(*) from pg_stat_activity where usename = 'bob'")" = 0 ]
    [ "$(reloads)" = "$before" ]
    # still looked for, and not for ever
    expect 0 pgcert renew
    [ "$(ending)" = 1 ]
    expect 0 later +11m renew
    [ "$(ending)" = 0 ]
    # a later revocation has its own time
    expect 0 pgcert client revoke alice
    [ "$(ending)" = 1 ]
}

@test "a CA that cannot sign does not keep from the server what the others have revoked" {
    have faketime
    set_up
    expect 0 pgcert ca tenant acme
    expect 0 pgcert client new frank --tenant acme --database postgres
    expect 0 pgcert renew
    mv "$CA/tenants/acme.key" "$WORLD/acme.key"
    expect 74 pgcert client revoke --tenant acme frank
    says "make the CRL of the CA 'tenant acme'.*acme.key"
    expect 74 pgcert client revoke bob
    says "make the CRL of the CA 'tenant acme'"
    grep "^\[target main\] clients: deployed, proved$" <<<"$output"
    not as bob 'select 1'
    [ "$(as alice 'select 1')" = 1 ]
    expect 74 pgcert renew
    says "make the CRL of the CA 'tenant acme'"
    # sessions are looked for as long as it is not known to be refused everywhere
    expect 74 later +11m renew
    [ "$(ending)" = 2 ]
    mv "$WORLD/acme.key" "$CA/tenants/acme.key"
    expect 0 pgcert renew
    grep "^\[target main\] clients: deployed, proved$" <<<"$output"
    all_is_well
}

@test "sessions stay when that is wanted, and --json tells all" {
    set_up
    connect bob
    expect 0 pgcert --json client revoke bob --keep-sessions
    [ "$(json "['targets'][0]['name']") $(json "['targets'][0]['error']") $(json "['ended']")" = "main null []" ]
    [ "$(json "['revoked'][0]['state']")" = revoked ]
    is_connected "$backend"
    not as bob 'select 1'
    expect 0 pgcert --json client revoke bob
    [ "$(json "['ended'][0]['role']") $(json "['ended'][0]['pid']")" = "bob $backend" ]
    not is_connected "$backend"
}

@test "a server that is down when a client is revoked learns it when it is back" {
    set_up
    pg_stop
    expect 75 pgcert client revoke bob
    says "\[target main\] clients: there is no socket .*the server does not run"
    pg_start
    expect 0 pgcert renew
    grep "^\[target main\] clients: deployed, proved$" <<<"$output"
    not as bob 'select 1'
    [ "$(as alice 'select 1')" = 1 ]
}

@test "somebody who would not be let in again is a reason to change nothing" {
    set_up
    connect bob
    before=$(sha256sum <"$CLIENTS")
    mv "$CA" "$CA.old"
    expect 0 pgcert ca init
    expect 78 pgcert renew
    says "role bob is connected from 127.0.0.1 with a certificate of '/CN=pgcert client CA [0-9a-f]+', which would not be let in again; nothing was changed"
    [ "$(sha256sum <"$CLIENTS")" = "$before" ]
    is_connected "$backend"
    # when he has gone, it can be
    pg_sql "select pg_terminate_backend($backend)" >/dev/null
    await 5 "the end of the session" not is_connected "$backend"
    expect 0 pgcert renew
    [ "$(sha256sum <"$CLIENTS")" != "$before" ]
}

@test "a reload that does not take is put back, and proved" {
    set_up
    before=$(sha256sum <"$CLIENTS")
    chmod 644 "$PGDATA/pgcert.pem" # PostgreSQL does not load such a key, and keeps what it has
    expect 80 pgcert client revoke bob
    revoked=$stderr
    expect 0 pgcert status
    grep "main      is not proved to trust this" <<<"$output"
    expect 0 pgcert --json status
    [[ $(json "['private_ca']['targets'][0]['error']") == *"put back"* ]]
    stderr=$revoked
    says "\[target main\] clients: the new CAs and CRLs for clients are not in force; the previous ones were put back, and let a good client in: a client certificate that is revoked.*still lets it in"
    [ "$(sha256sum <"$CLIENTS")" = "$before" ]
    [ "$(as bob 'select 1')" = 1 ]
    chmod 600 "$PGDATA/pgcert.pem"
    expect 0 pgcert renew
    not as bob 'select 1'
}

@test "a file that another hand has changed is put right" {
    set_up
    for text in '' 'no PEM' "$(pgcert ca export clients)"; do
        printf '%s' "$text" >"$CLIENTS"
        expect 0 pgcert renew
        grep "^\[target main\] clients: deployed, proved$" <<<"$output"
        [ "$(as alice 'select 1')" = 1 ]
        all_is_well
    done
}

@test "an old CRL that a reload has lost is noticed when it is proved again" {
    set_up
    cp "$CLIENTS" "$WORLD/old.pem"
    expect 0 pgcert client revoke bob
    cp "$CLIENTS" "$WORLD/new.pem"
    # the server has the old one in memory, the file is the new one
    cp "$WORLD/old.pem" "$CLIENTS" && pg_sql 'select pg_reload_conf()' >/dev/null
    await 5 "the old CRL" as bob 'select 1'
    cp "$WORLD/new.pem" "$CLIENTS"
    expect 0 pgcert renew
    not grep clients <<<"$output"
    conf_add <<<"[pgcert]
prove_again = 0s"
    expect 0 pgcert renew
    grep "^\[target main\] clients: proved$" <<<"$output"
    not as bob 'select 1'
}

@test "TLS 1.2 and 1.3 alike, and on every address" {
    for who in alice/TLSv1.2 bob/TLSv1.3; do
        user=${who%/*} version=${who#*/}
        printf '%s\n' "ssl_min_protocol_version = '$version'" "ssl_max_protocol_version = '$version'" \
            "listen_addresses = '127.0.0.1,::1'" >"$PGDATA/conf.d/version.conf"
        pg_restart
        set_up
        : >"$PG_LOG"
        expect 0 pgcert client revoke "$user"
        [ "$(grep -c 'could not accept SSL connection: certificate verify failed' "$PG_LOG")" -ge 2 ]
        grep 'host "127.0.0.1", user "pgcert-canary"' "$PG_LOG"
        grep 'host "::1", user "pgcert-canary"' "$PG_LOG"
        not as "$user" 'select 1'
    done
}

@test "a role that may not see who is connected is told which rights it needs" {
    set_up
    pg_sql 'create role watcher login' && pg_sql 'grant execute on function pg_reload_conf to watcher' &&
        pg_sql 'grant pg_read_all_settings to watcher'
    conf_add <<<"[target main]
connection = host=/var/run/postgresql user=watcher dbname=postgres"
    connect bob
    expect 77 pgcert client revoke bob
    says "GRANT pg_read_all_stats, pg_signal_backend TO"
    is_connected "$backend"
    pg_sql 'grant pg_read_all_stats, pg_signal_backend to watcher'
    # what could not be done is done by the next run
    expect 0 pgcert renew
    grep "the session of bob on postgres .* is ended" <<<"$output"
    not is_connected "$backend"
    all_is_well
    connect alice
    expect 0 pgcert client revoke alice
    not is_connected "$backend"
    pg_sql 'drop owned by watcher' && pg_sql 'drop role watcher'
}

@test "killed anywhere while a client is revoked: the server restarts, and the next run finishes" {
    have strace
    set_up
    cp -a "$STATE" "$WORLD/set-up" && cp "$CLIENTS" "$WORLD/clients"
    kills=0
    first=1
    for call in renameat2,rename,renameat fsync; do
        for n in $(seq "$first" 2 40); do
            rm -rf "$STATE" && cp -a "$WORLD/set-up" "$STATE" && cp "$WORLD/clients" "$CLIENTS"
            pg_sql 'select pg_reload_conf()' >/dev/null
            ended=0
            strace -f -qq -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$n" \
                "$PGCERT" -c "$CONF" client revoke bob >"$WORLD/killed" 2>&1 3>&- 4>&- </dev/null || ended=$?
            pg_restart
            [ "$(as alice 'select 1')" = 1 ]
            expect 0 pgcert client revoke bob
            not as bob 'select 1'
            [ "$(as alice 'select 1')" = 1 ]
            [ -z "$(find "$PGDATA" -maxdepth 1 -name 'pgcert-clients.pem.new-*')" ]
            [ "$ended" -ge 128 ] || break
            kills=$((kills + 1))
        done
        first=2
    done
    echo "# client revoke: $kills kills" >&3
    [ "$kills" -ge 8 ]
}

# By the bundle of before.
old_alice()
{
    psql "host=db.$ZONE dbname=postgres user=alice sslmode=verify-full sslcert=$WORLD/old-alice/postgresql.crt sslkey=$WORLD/old-alice/postgresql.key sslrootcert=$WORLD/old-alice/root.crt" \
        -XqAtc 'select current_user' 2>&1
}

@test "a rollover is gated by what servers trust and by who is connected, and ends with the old CA refused" {
    set_up
    cp -a "$CA/clients/alice" "$WORLD/old-alice"
    connect alice
    expect 0 pgcert ca rollover
    grep "^\[target main\] clients: deployed, proved$" <<<"$output"
    grep "the new CAs sign from now on" <<<"$output"
    grep "it waits until 1 sessions by certificates of the old CAs have ended" <<<"$output"
    # both are let in
    [ "$(as alice 'select current_user')" = alice ]
    [ "$(old_alice)" = alice ]
    not cmp "$CA/clients/alice/postgresql.crt" "$WORLD/old-alice/postgresql.crt"
    is_connected "$backend"
    # the old ones are revoked, sessions end with them, and the rollover goes on
    expect 0 pgcert --json ca show
    for serial in $(python3 -c 'import json, sys
for c in json.load(sys.stdin)["rollover"]["left"]["certificates"]:
    if c["kind"] == "client": print(c["serial"])' <<<"$output"); do
        expect 0 pgcert client revoke "$serial"
    done
    not is_connected "$backend"
    expect 0 pgcert ca rollover
    grep "the old CAs are gone" <<<"$output"
    grep "^\[target main\] clients: deployed, proved$" <<<"$output"
    [ "$(as alice 'select current_user')" = alice ]
    grep -qE "unknown ca|certificate unknown" <(old_alice)
    all_is_well
    pg_restart
    [ "$(as alice 'select current_user')" = alice ]
    expect 0 pgcert check main
}

@test "a server that cannot be told of the new CAs holds a rollover up" {
    set_up
    chmod 644 "$PGDATA/pgcert.pem" # a reload does not take
    expect 0 pgcert ca rollover
    grep "it waits until it is trusted on \[target main\]" <<<"$output"
    not grep "the new CAs sign" <<<"$output"
    [ "$(as alice 'select 1')" = 1 ]
    chmod 600 "$PGDATA/pgcert.pem"
    expect 0 pgcert ca rollover
    grep "the new CAs sign from now on" <<<"$output"
}

alice_is_there()
{
    [ "$(pg_sql "select count(*) from pg_stat_activity where usename = 'alice'")" = 1 ]
}

@test "force locks out who has an old certificate, connected or not" {
    set_up
    expect 64 pgcert ca rollover --force
    cp -a "$CA/clients/alice" "$WORLD/old-alice"
    expect 0 pgcert ca rollover
    psql "host=db.$ZONE dbname=postgres user=alice sslmode=verify-full sslcert=$WORLD/old-alice/postgresql.crt sslkey=$WORLD/old-alice/postgresql.key sslrootcert=$WORLD/old-alice/root.crt" \
        -XqAtc 'select pg_sleep(30)' >/dev/null 2>&1 3>&- 4>&- &
    await 5 "the session" alice_is_there
    expect 0 pgcert ca rollover --force
    grep "the old CAs are gone" <<<"$output"
    grep "the session of alice on postgres .* is ended" <<<"$output"
    not old_alice
    [ "$(as alice 'select current_user')" = alice ]
}
