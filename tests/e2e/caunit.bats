#!/usr/bin/env bats
# The private CA as a user of its own, by the units that are installed: asked over a socket, without any
# network; its CRLs are made by a timer, and brought to PostgreSQL by who cannot sign.
load world

# shellcheck source-path=SCRIPTDIR source=../world/systemd.bash
. "$PGCERT_ROOT/tests/world/systemd.bash"

CA=/var/lib/pgcert-ca
SOCKET=/run/pgcert-ca/socket
CONF=$MACHINE/root/etc/pgcert/pgcert.conf

# A machine with PostgreSQL, which root gives its CA and its users; the watcher is postgres.
setup_file()
{
    [ "$MODE" != asan ] || return 0
    machine_start
    install_units
    conf
    pg_start
    pg_sql 'create role alice login' && pg_sql 'create role bob login'
    machine systemctl start pgcert-ca.socket
    machine /usr/bin/pgcert ca init
    as_watcher /usr/bin/pgcert setup --yes "db.$ZONE" || { tell_journal && return 1; }
    machine /usr/bin/pgcert client new alice --database postgres
    machine /usr/bin/pgcert client new bob --database postgres
}

teardown_file()
{
    [ "$MODE" = asan ] || machine_stop
}

# Each goes on where the one before has ended.
setup()
{
    [ "$MODE" != asan ] || skip "a sanitizer needs what these units do not allow"
    conf
}

teardown()
{
    [ -n "${BATS_TEST_COMPLETED:-}" ] || [ "$MODE" = asan ] || tell_journal
}

tell_journal()
{
    machine journalctl --no-pager -o short-monotonic -u 'pgcert-*' -u watcher | tail -n 60
}

# The project's own units, users and directories.
install_units()
{
    local root=$MACHINE/root
    cp "$PGCERT" "$root/usr/bin/pgcert"
    cp "$PGCERT_ROOT"/units/pgcert-ca*.{service,socket,timer} "$root/etc/systemd/system"
    mkdir -p "$root/etc/sysusers.d" "$root/etc/tmpfiles.d" "$root/etc/pgcert"
    cp "$PGCERT_ROOT/units/pgcert-ca.sysusers" "$root/etc/sysusers.d/pgcert-ca.conf"
    cp "$PGCERT_ROOT/units/pgcert-ca.tmpfiles" "$root/etc/tmpfiles.d/pgcert-ca.conf"
    machine systemd-sysusers /etc/sysusers.d/pgcert-ca.conf
    machine systemd-tmpfiles --create /etc/tmpfiles.d/pgcert-ca.conf
    machine systemctl daemon-reload
    echo "127.0.0.1 db.$ZONE localhost" >"$root/etc/hosts"
}

# The settings, which everybody may read.
conf()
{
    cat >"$CONF" <<CONF
[pgcert]
state = $STATE

[ca]
directory = $CA
socket = $SOCKET

[issuer private]
type = ca

[issuer elsewhere]
type = files
chain_file = $WORLD/none.pem
key_file = $WORLD/none.key

[certificate db.$ZONE]
issuer = private
names = db.$ZONE
deploy = main

[certificate other.$ZONE]
issuer = elsewhere
names = other.$ZONE

[target main]
type = postgres
connection = host=/var/run/postgresql port=5432 user=postgres dbname=postgres
mutual_tls = yes
prove_timeout = 5s
CONF
    chmod 644 "$CONF"
    install -d -o postgres -g postgres -m 700 "$STATE"
}

# PostgreSQL lives in the machine.
as_postgres()
{
    machine setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/var/lib/postgresql "$@"
}

# As pgcert-watch.service would be with SupplementaryGroups=pgcert.
as_watcher()
{
    machine setpriv --reuid=postgres --regid=postgres --groups=pgcert timeout 60 "$@"
}

pgcert()
{
    as_watcher /usr/bin/pgcert "$@"
}

# As somebody who is in no group of ours.
as_stranger()
{
    machine setpriv --reuid=postgres --regid=postgres --clear-groups timeout 60 "$@"
}

# Says something at the socket, and prints the answer: ask PYTHON; `say` takes bytes, `request` makes one.
ask()
{
    as_watcher python3 -c '
import base64, json, socket, subprocess, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect("'$SOCKET'")
say = s.sendall
def request(name, key="ec -pkeyopt ec_paramgen_curve:P-256", damage=False):
    command = "openssl req -new -nodes -subj /CN=evil.test -addext subjectAltName=DNS:evil.test " \
        "-keyout /dev/null -outform DER -newkey " + key
    der = bytearray(subprocess.run(command.split(), check=True, capture_output=True).stdout)
    if damage:
        der[-1] ^= 1
    text = base64.urlsafe_b64encode(der).rstrip(b"=").decode()
    say(json.dumps({"version": 1, "certificate": name, "request": text}).encode() + b"\n")
'"$1"'
answer = b""
try:
    while piece := s.recv(65536):
        answer += piece
except ConnectionResetError:
    pass
print(answer.decode())'
}

# The answer is an error of that kind with that sentence, and so ended the unit: refused CODE SENTENCE STATUS
refused()
{
    [ "$(json "['error']['code']")" = "$1" ]
    [[ $(json "['error']['text']") == *"$2"* ]]
    await 5 "status $3 in the journal" journal_has "code=exited, status=$3/"
    await 5 "the sentence in the journal" journal_has "$2"
}

journal_has()
{
    machine journalctl --no-pager -o cat -u 'pgcert-ca@*' | grep -F -- "$1"
}

# A statement as that user, by the URI of the bundle: as USER STATEMENT
as()
{
    machine env PGCONNECT_TIMEOUT=5 psql "$(machine head -n 1 "$CA/clients/$1/urls")" -XqAtc "$2" 2>&1
}

crl_number()
{
    openssl crl -in "$MACHINE/root$CA/clients.crl" -noout -crlnumber
}

crl_is_not()
{
    [ "$(crl_number)" != "$1" ]
}

# Does PostgreSQL's file end in the CRLs as they are?
has_crl()
{
    cmp "$MACHINE/root$CA/clients.crl" \
        <(tail -c "$(stat -c %s "$MACHINE/root$CA/clients.crl")" "$PGDATA/pgcert-clients.pem")
}

# What the last event of watch about clients says: clients_event KEY
clients_event()
{
    machine journalctl --no-pager -o cat -u watcher | grep '"event":"clients"' | tail -n 1 |
        python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

clients_event_is()
{
    [ "$(clients_event "$1")" = "$2" ]
}

@test "the keys are the CA's own, what is public is readable, and canaries by the group" {
    [ "$(machine stat -c '%a %U:%G' $CA)" = "2755 pgcert-ca:pgcert" ]
    [ "$(machine stat -c '%a %U' $CA/root.key $CA/server-ca.key $CA/client-ca.key $CA/index | sort -u)" = "600 pgcert-ca" ]
    [ "$(machine stat -c %a $CA/root.crt $CA/server-ca.crt $CA/client-ca.crt $CA/clients.crl $CA/crl.json | sort -u)" = 644 ]
    [ "$(machine stat -c '%a %G' $CA/canary.pem $CA/canary-revoked.pem | sort -u)" = "640 pgcert" ]
    [ "$(machine stat -c %A $CA/clients)" = drwx--S--- ]
    for file in root.key server-ca.key client-ca.key index clients/alice/postgresql.key; do
        not as_watcher cat $CA/$file
    done
    as_watcher cat $CA/canary.pem >/dev/null
    not as_stranger cat $CA/canary.pem
    [ "$(machine id -nG pgcert-ca)" = pgcert-ca ]
    # the certificate that setup got came from there
    as_stranger cat $CA/root.crt >"$WORLD/root.crt" && as_stranger cat $CA/server-ca.crt >"$WORLD/server-ca.crt"
    openssl verify -CAfile "$WORLD/root.crt" -untrusted "$WORLD/server-ca.crt" "$PGDATA/pgcert.pem"
    expect 0 pgcert status
    grep -E "trusts this" <<<"$output"
    # a page has the CAs, and does not ask for their clients
    expect 0 pgcert status --html -
    [[ $output == *"CRL of clients"* && $output != *"Permission denied"* && $output != *"</span> <bdi>private CA"* ]]
    expect 77 pgcert ca show
    says "the CA's directory '$CA' belongs to another user"
    expect 77 pgcert client new mallory
}

@test "who is in the group obtains through the socket; others cannot connect" {
    before=$(leaf_sha256 "$PGDATA/pgcert.pem")
    expect 0 pgcert renew --force "db.$ZONE"
    [[ $output == *"renewed, deployed, proved"* ]]
    [ "$(leaf_sha256 "$PGDATA/pgcert.pem")" != "$before" ]
    expect 77 as_stranger /usr/bin/pgcert renew --force "db.$ZONE"
    says "db.$ZONE: the private CA: ask at '$SOCKET': Permission denied"
    not machine journalctl -q --no-pager -o cat -t pgcert -u 'pgcert-ca@*' -g 'denied|not permitted|Read-only'
    machine systemctl stop pgcert-ca.socket
    expect 78 pgcert renew --force "db.$ZONE"
    says "nobody listens at '$SOCKET' .*try: systemctl start pgcert-ca.socket"
    machine systemctl start pgcert-ca.socket
    sed -i "/^socket/d" "$CONF"
    expect 77 pgcert renew --force "db.$ZONE"
    says "the private CA in '$CA' belongs to another user, and \[ca\] socket does not say"
    conf
}

answering()
{
    pid=$(machine pgrep -u pgcert-ca -f 'pgcert ca answer')
}

@test "its process has no network, no capability, and a filter for system calls" {
    # one that waits for its question
    ask pass 3>&- 4>&- &
    await 5 "the process" answering
    [ "$(machine cat "/proc/$pid/status" | sed -n 's/^\(CapEff\|CapPrm\|CapBnd\|NoNewPrivs\|Seccomp\):\s*//p' | tr '\n' ' ')" = \
        "0000000000000000 0000000000000000 0000000000000000 1 2 " ]
    [ "$(machine stat -c %U "/proc/$pid")" = pgcert-ca ]
    [ "$(machine readlink "/proc/$pid/ns/net")" != "$(machine readlink /proc/1/ns/net)" ]
    [ "$(machine cat "/proc/$pid/net/dev" | sed -n 's/^ *\([a-z0-9]*\):.*/\1/p')" = lo ]
    machine kill "$pid"
    wait # nothing of ours is in the machine when that ends: it would be stopped, and stay so
}

@test "what is no question, too long or too slow, or not of the settings, is refused with a sentence" {
    # a byte now and then, beside all of the others
    ask '
try:
    for i in range(60):
        say(b" ")
        time.sleep(0.5)
except OSError:
    pass' >"$WORLD/slow" 3>&- 4>&- &
    slow=$!
    expect 0 ask "request('db.$ZONE')"
    python3 -c 'import base64, json, sys
first = json.loads(sys.argv[1])["chain"][0]
sys.stdout.buffer.write(base64.urlsafe_b64decode(first + "=="))' "$output" >"$WORLD/leaf.der"
    # the names are those of the settings, whatever the request says
    [ "$(openssl x509 -inform DER -in "$WORLD/leaf.der" -noout -ext subjectAltName | tail -n 1 | tr -d ' ')" = "DNS:db.$ZONE" ]
    expect 0 ask 'say(b"\x16\x03\x01 nonsense\n")'
    refused protocol "that is no question" 76
    expect 0 ask 'say(b"{}\n")'
    refused protocol "its version is not 1" 76
    expect 0 ask "say(b'{\"version\":1,\"certificate\":\"db.$ZONE\",\"request\":\"%%%\"}\n')"
    refused protocol "its request is not base64url" 76
    expect 0 ask 'say(b"{\"version\":1}\n{\"version\":1}\n")'
    refused protocol "more than one line" 76
    expect 0 ask '
try:
    for i in range(64):
        say(b"x" * 65536)
except OSError:
    pass'
    refused protocol "more than 131072 bytes" 76
    expect 0 ask 'request("../root")'
    refused refused "there is no certificate '../root' in the settings" 69
    expect 0 ask "request('other.$ZONE')"
    refused refused "the certificate 'other.$ZONE' of the settings is not to be issued by the private CA" 69
    expect 0 ask "request('db.$ZONE', 'rsa:1024')"
    refused input "the key of the request is too weak: 1024 bits" 65
    expect 0 ask "request('db.$ZONE', damage=True)"
    refused input "the request is not signed by its own key" 65
    wait "$slow"
    output=$(cat "$WORLD/slow")
    refused timeout "the other end took too long" 75
    # none of them is left as a unit that has failed
    [ "$(machine systemctl list-units --failed --plain --no-legend 'pgcert-ca@*')" = "" ]
}

# More than half of their life is over, and the timer comes at once.
crls_are_due()
{
    python3 - "$MACHINE/root$CA/crl.json" <<'END'
import json, sys
crls = json.load(open(sys.argv[1]))
for one in crls.values():
    if isinstance(one, dict) and "next_update" in one:
        one["this_update"] -= 20 * 86400
        one["next_update"] -= 20 * 86400
with open(sys.argv[1], "r+") as f:
    f.truncate()
    json.dump(crls, f)
END
    mkdir -p "$MACHINE/root/etc/systemd/system/pgcert-ca.timer.d"
    printf '%s\n' "[Timer]" "OnCalendar=" "OnActiveSec=0" "RandomizedDelaySec=0" "AccuracySec=1ms" \
        >"$MACHINE/root/etc/systemd/system/pgcert-ca.timer.d/now.conf"
    machine systemctl daemon-reload
    machine systemctl restart pgcert-ca.timer
}

bob_is_refused()
{
    [[ $(as bob 'select 1') == *"certificate revoked"* ]]
}

bob_is_connected()
{
    [ "$(pg_sql "select count(*) from pg_stat_activity where usename = 'bob'")" = 1 ]
}

@test "the timer makes CRLs that are due; the watcher brings them to PostgreSQL, proves them, ends sessions" {
    printf '%s\n' 'local all postgres peer' 'hostssl postgres alice all cert' 'hostssl postgres bob all cert' \
        'host all all all reject' >"$PGDATA/pg_hba.conf"
    pg_sql "select pg_reload_conf()"
    machine systemd-run -q --unit=watcher --uid=postgres -p SupplementaryGroups=pgcert -p Type=notify \
        /usr/bin/pgcert --json watch
    before=$(crl_number)
    crls_are_due
    await 10 "a new CRL" crl_is_not "$before"
    await 10 "it in PostgreSQL" has_crl
    await 10 "the proof" clients_event_is proved True
    [ "$(clients_event deployed)" = True ]
    await 5 "the event of the CRLs" has_event crls pgcert-ca.service
    await 5 "the event of the watcher" has_event clients watcher
    [ "$(as alice 'select current_user')" = alice ]
    [ "$(machine systemctl show -P ExecMainStatus pgcert-ca.service)" = 0 ]
    not machine journalctl -q --no-pager -o cat -t pgcert -u pgcert-ca.service -g 'denied|not permitted|Read-only'
    # nothing is due: nothing happens
    before=$(crl_number)
    machine systemctl start pgcert-ca.service
    [ "$(crl_number)" = "$before" ]

    as bob 'select pg_sleep(60)' >"$WORLD/bob.out" 3>&- 4>&- &
    await 5 "the session of bob" bob_is_connected
    expect 0 machine /usr/bin/pgcert client revoke bob
    grep "^bob: [0-9a-f]* is revoked$" <<<"$output"
    grep "the CRL is $CA/clients.crl; pgcert watch brings it to the servers now, or pgcert deploy" <<<"$output"
    await 5 "bob to be refused" bob_is_refused
    await 5 "the session of bob to end" not bob_is_connected
    wait
    [ "$(as alice 'select current_user')" = alice ]
    # what cannot be signed is no success
    before=$(crl_number)
    machine mv $CA/client-ca.key $CA/away.key
    expect 74 machine /usr/bin/pgcert client revoke alice
    grep "^alice: [0-9a-f]* is revoked$" <<<"$output"
    not grep "the CRL is" <<<"$output"
    says "it is revoked, but no CRL says so yet: .*client-ca.key"
    [ "$(crl_number)" = "$before" ]
    machine mv $CA/away.key $CA/client-ca.key
    expect 0 machine /usr/bin/pgcert client revoke alice
    [ "$(crl_number)" != "$before" ]
    machine systemctl stop watcher
}

# Is there an event of that word in the journal of that unit? has_event WORD UNIT
has_event()
{
    machine journalctl -q --no-pager -o cat -u "$2" "PGCERT_EVENT=$1" | grep -q .
}

@test "three users: one obtains and one deploys, and neither can sign" {
    machine systemd-sysusers --inline 'u pgcert -'
    mkdir -p "$MACHINE/root/etc/pgcert/conf.d"
    printf '%s\n' '[pgcert]' 'deploy_group = pgcert' 'lock_wait = 0s' >"$MACHINE/root/etc/pgcert/conf.d/users.conf"
    rm -rf "$STATE"
    machine /usr/bin/pgcert -q ca crl --force
    machine install -d -o pgcert -g pgcert -m 2750 "$STATE"
    # nobody deploys
    expect 75 machine setpriv --reuid=pgcert --regid=pgcert --clear-groups timeout 60 /usr/bin/pgcert renew "db.$ZONE"
    [[ $output == *"renewed"* && $output != *"deployed"* ]]
    expect 0 pgcert deploy "db.$ZONE"
    grep "deployed, proved" <<<"$output"
    grep "^\[target main\] clients: deployed, proved" <<<"$output"
    has_crl
    [ "$(machine stat -c '%a %U:%G' "$STATE/targets/clients")" = "660 postgres:pgcert" ]
    expect 0 pgcert deploy "db.$ZONE"
    not grep clients <<<"$output"
    # root becomes one after the other
    expect 0 machine timeout 60 /usr/bin/pgcert renew --force "db.$ZONE"
    [[ $output == *"renewed, deployed, proved"* ]]
    rm "$MACHINE/root/etc/pgcert/conf.d/users.conf"
}
