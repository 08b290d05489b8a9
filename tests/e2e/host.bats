#!/usr/bin/env bats
# A host as it is run: systemd is its first process, the units are those that `make install` puts there,
# PostgreSQL is Debian's own unit, and nobody calls pgcert. The tests are one story, in this order:
# the host boots, its network comes, and from then on certificates that live half a minute are renewed.
load world

# shellcheck source-path=SCRIPTDIR source=../world/systemd.bash
. "$PGCERT_ROOT/tests/world/systemd.bash"

# Who obtains, and who deploys.
RENEW=pgcert-renew.service
WATCH=pgcert-watch.service

setup_file()
{
    echo "127.0.0.1 db.$ZONE sealed.$ZONE" >>/etc/hosts
    # shellcheck disable=SC2119 # the first name server has no arguments
    bind_start
    pebble_start VALIDITY=30
    machine_make
    host_install
    host_cluster
    host_settings
    host_secrets
    network_is late
    # it was off for days: the run that the timer would have made is made up for
    host_was_off
    machine_boot multi-user.target
}

teardown_file()
{
    : >"$WORLD/stop"
    network_is there
    [ ! -e "$MACHINE/number" ] || machine_stop
}

# They go on with what the one before has left.
setup()
{
    :
}

teardown()
{
    [ -n "${BATS_TEST_COMPLETED:-}" ] || machine journalctl -q --no-pager -n 60 -u 'pgcert-*' | cut -c 1-240
}

# ---- the host ----

host_install()
{
    local made=$WORLD/made
    mkdir "$made"
    : >"$made/flags.mk"
    cp "$PGCERT" "$made/pgcert"
    # what is built is installed, and nothing is built: others may be building in the same tree
    make -s -C "$PGCERT_ROOT" -o "$made/pgcert" -o "$made/flags.mk" install B="$made" \
        DESTDIR="$MACHINE/root" PREFIX=/usr
    # no service of the host's own
    rm -rf "$MACHINE/root"/etc/systemd/system/*.wants
    cp "$WORLD"/etc/{resolv.conf,nsswitch.conf} "$MACHINE/root/etc"
    cp /etc/hosts "$MACHINE/root/etc/hosts"
    systemctl -q --root="$MACHINE/root" enable "${RENEW%.*}.timer" $WATCH postgresql.service
    one_user
    # a sanitized program may not look for leaks: there is nobody whom it may trace
    drop_in $WATCH "[Service]" "RestartSec=1s" "WatchdogSec=3s" "Environment=ASAN_OPTIONS=detect_leaks=0"
    every_so_often "00/12:00:00"
}

# The server's user does both, as on a host without the user pgcert.
one_user()
{
    local unit
    printf '%s\n' "[pgcert]" "deploy_group =" >"$MACHINE/root/etc/pgcert/conf.d/10-users.conf"
    rm "$MACHINE/root/usr/lib"/{sysusers,tmpfiles}.d/pgcert*.conf
    for unit in $RENEW $WATCH; do
        install -D -m 644 "$PGCERT_ROOT/units/one-user.drop-in" \
            "$MACHINE/root/etc/systemd/system/$unit.d/10-one-user.conf"
    done
}

# A cluster as pg_createcluster(1) makes it, served with a certificate of the first day.
host_cluster()
{
    local version cluster etc data
    version=$(pg_bin) version=${version%/bin} version=${version##*/}
    cluster=$version/main etc=$MACHINE/root/etc/postgresql/$version/main
    data=$MACHINE/root/var/lib/postgresql/$version/main
    rm -rf "$MACHINE/root"/{etc,var/lib}/postgresql/*
    install -d -o postgres -g postgres "$etc/conf.d" "${data%/*}"
    pg_make
    mv "$PGDATA" "$data"
    mv "$data"/{postgresql,pg_hba,pg_ident}.conf "$etc"
    echo auto >"$etc/start.conf"
    cat >>"$etc/postgresql.conf" <<END
data_directory = '/var/lib/postgresql/$cluster'
hba_file = '/etc/postgresql/$cluster/pg_hba.conf'
ident_file = '/etc/postgresql/$cluster/pg_ident.conf'
external_pid_file = '/var/run/postgresql/$version-main.pid'
ssl = on
ssl_cert_file = 'pgcert.pem'
ssl_key_file = 'pgcert.pem'
END
    self_signed "$data/pgcert.pem"
    chown -R postgres: "$etc" "$data/pgcert.pem"
    PGDATA=$data
    echo "$data" >"$WORLD/data"
    echo "$cluster" >"$WORLD/cluster"
    echo "postgresql@$version-main.service" >"$WORLD/postgresql"
}

# Two certificates, for the second is obtained by a sealed secret.
host_settings()
{
    local name etc=$MACHINE/root/etc/pgcert
    cp "$WORLD/pebble"/{https-ca,root}.pem "$etc"
    chmod 644 "$etc"/*.pem
    for name in plain sealed; do
        cat <<END
[issuer $name]
type = acme
directory = $DIRECTORY
agree_terms = yes
dns = $name
ca_file = /etc/pgcert/https-ca.pem
trust_file = /etc/pgcert/root.pem

[dns $name]
provider = rfc2136
server = 127.0.0.1
tsig_file = credential:$name
propagation = authoritative

END
    done >"$etc/pgcert.conf"
    cat >>"$etc/pgcert.conf" <<END
[certificate db.$ZONE]
issuer = plain
deploy = main

[certificate sealed.$ZONE]
issuer = sealed

[target main]
type = postgres
connection = host=/var/run/postgresql port=5432 user=postgres dbname=postgres
prove_timeout = 2s
END
    chmod 644 "$etc/pgcert.conf"
}

# As an administrator would have them: in /etc/credstore, root's, and on this host the one is sealed.
host_secrets()
{
    local key store=$MACHINE/root/etc/credstore
    install -d -m 700 "$store" "$store.encrypted"
    install -m 600 "$WORLD/bind/pgcert-key.key" "$store/plain"
    # by a key that everybody has (two names of it), until the host has made its own
    for key in tpm2-absent null; do
        systemd-creds --with-key=$key --name=sealed encrypt "$store/plain" "$store.encrypted/sealed" && break
    done 2>/dev/null
    drop_in $RENEW "[Service]" "Environment=ASAN_OPTIONS=detect_leaks=0" \
        "LoadCredential=plain:/etc/credstore/plain" \
        "LoadCredentialEncrypted=sealed:/etc/credstore.encrypted/sealed"
}

# The lines of a unit's drop-in: drop_in UNIT LINE...
drop_in()
{
    local dir=$MACHINE/root/etc/systemd/system/$1.d
    mkdir -p "$dir"
    printf '%s\n' "${@:2}" >"$dir/test.conf"
}

# The timer as it is, but for when: every_so_often CALENDAR
every_so_often()
{
    drop_in "${RENEW%.*}.timer" "[Timer]" "OnCalendar=" "OnCalendar=$1" "RandomizedDelaySec=0" "AccuracySec=100ms"
}

# When its timer has fired last: three days ago.
host_was_off()
{
    mkdir -p "$MACHINE/root/var/lib/systemd/timers"
    touch -d "3 days ago" "$MACHINE/root/var/lib/systemd/timers/stamp-${RENEW%.*}.timer"
}

# Is there a way to the issuer and the name server? network_is late|there
network_is()
{
    nft delete table inet late 2>/dev/null || :
    [ "$1" != late ] || nft -f - <<'END'
table inet late {
    chain output {
        type filter hook output priority 0;
        meta nfproto ipv4 tcp dport { 53, 14000 } reject with icmp type net-unreachable
        meta nfproto ipv6 tcp dport { 53, 14000 } reject with icmpv6 type no-route
        udp dport 53 drop
    }
}
END
}

# ---- what is known of it ----

# The messages with these fields: told FIELD=VALUE...
told()
{
    machine journalctl -q --no-pager -o cat "$@"
}

is_told()
{
    [ -n "$(told "$@")" ]
}

# How often: times NUMBER FIELD=VALUE...
times()
{
    [ "$(told "${@:2}" | wc -l)" -ge "$1" ]
}

property()
{
    machine systemctl show -P "$2" "$1"
}

has_property()
{
    [ "$(property "$1" "$2")" = "$3" ]
}

# The SHA-256 that is issued last.
issued()
{
    told -n 1 PGCERT_EVENT=renewed "PGCERT_CERTIFICATE=db.$ZONE" --output-fields=PGCERT_SHA256 -o json |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["PGCERT_SHA256"])'
}

serves_issued()
{
    serves "$(issued)"
}

# A client that looks all the time, as a careful one does, and notes what it was shown.
observe()
{
    python3 -B "$PGCERT_ROOT/tests/e2e/observer.py" watch "db.$ZONE" 5432 "$WORLD/pebble/root.pem" \
        "$WORLD/stop" >"$WORLD/seen" 2>&1 3>&- 4>&- </dev/null &
}

# How many certificates it was shown; a line may be written while it is read.
seen()
{
    cut -d ' ' -f 3 "$WORLD/seen" | grep -xE '[0-9a-f]{64}' | sort -u | wc -l
}

has_seen()
{
    [ "$(seen)" -ge "$1" ]
}

# More settings of the server, or none.
server_says()
{
    printf '%s\n' "$@" >"$MACHINE/root/etc/postgresql/$(cat "$WORLD/cluster")/conf.d/test.conf"
    machine systemctl reload "$(cat "$WORLD/postgresql")"
}

# Only the watcher can do something now, and how often it has deployed is known.
quiet()
{
    machine systemctl stop "${RENEW%.*}.timer"
    await 10 "the run to end" has_property $RENEW SubState dead
    deployed=$(deployed_by_watch | wc -l)
}

# The timer as this story needs it.
goes_on()
{
    every_so_often "*:*:0/3"
    machine systemctl daemon-reload
    machine systemctl restart "${RENEW%.*}.timer"
}

# Somebody removes the file that is served: the next start of the server would fail.
meddle()
{
    rm "$(cat "$WORLD/data")/pgcert.pem"
}

is_mended()
{
    [ "$(leaf_sha256 "$(cat "$WORLD/data")/pgcert.pem")" = "$(issued)" ] && serves_issued &&
        [ "$(deployed_by_watch | wc -l)" -gt "$deployed" ]
}

deployed_by_watch()
{
    told _SYSTEMD_UNIT=$WATCH PGCERT_EVENT=deployed PGCERT_TARGET=main
}

# ---- the story ----

@test "a host that boots before its network: a warning, no failed unit, and it works when it is there" {
    await 60 "the run of the timer" is_told PGCERT_EVENT=failed "PGCERT_CERTIFICATE=db.$ZONE" _SYSTEMD_UNIT=$RENEW
    await 60 "its end" has_property $RENEW SubState dead
    [ "$(property $RENEW ExecMainStatus)" = 75 ]
    [ "$(property $RENEW Result)" = success ]
    [ -z "$(machine systemctl --failed --plain --no-legend)" ]
    [ "$(property $WATCH SubState)" = running ]
    [ "$(property "${RENEW%.*}.timer" ActiveState)" = active ]
    [ -z "$(machine journalctl -q -p err -u 'pgcert-*')" ]
    told -p warning PGCERT_ERROR=network | grep -q "the next run tries again"
    network_is there
    goes_on
    await 60 "the first certificate" is_told PGCERT_EVENT=proved
    serves_issued
    observe
}

@test "the journal selects by kind, certificate, target, generation and class of error" {
    local sha256 number
    sha256=$(issued)
    number=$(told PGCERT_SHA256="$sha256" PGCERT_EVENT=renewed --output-fields=PGCERT_GENERATION | tail -n 1)
    [[ $(told PGCERT_GENERATION="$number" "PGCERT_CERTIFICATE=sealed.$ZONE" PGCERT_EVENT=renewed) == \
        "sealed.$ZONE: renewed by [issuer sealed], generation $number, until"* ]]
    # the ids are for ever
    [[ $(told MESSAGE_ID=472d8d9ab65f480db1ae04baf50a5052 PGCERT_SHA256="$sha256" PGCERT_TARGET=main) == \
        "db.$ZONE: [target main] deployed, in /var/lib/postgresql/"*/main/pgcert.pem ]]
    [[ $(told MESSAGE_ID=795f9b59e52e4b11b5946ef3e45d7281 PGCERT_SHA256="$sha256" | head -n 1) == \
        "db.$ZONE: [target main] proved, served until"*"127.0.0.1:5432"* ]]
    [ -z "$(told PGCERT_EVENT=renewed "PGCERT_CERTIFICATE=other.$ZONE")" ]
}

@test "each kind of event has an explanation, of which a failure's says what to do" {
    local id
    machine journalctl --update-catalog
    grep -oE '"[0-9a-f]{32}"' "$PGCERT_ROOT/cli/event.c" | tr -d '"' >"$WORLD/ids"
    [ "$(wc -l <"$WORLD/ids")" -ge 9 ]
    while read -r id; do
        machine journalctl --dump-catalog "$id" | grep -q "Defined-By: pgcert"
    done <"$WORLD/ids"
    # the entry's own fields are in it
    machine journalctl -q -x -n 1 PGCERT_EVENT=renewed | grep -q "The certificate .*\.$ZONE was renewed"
    machine journalctl -q -x PGCERT_EVENT=failed PGCERT_ERROR=network | grep -q "class of the error is network"
}

@test "a secret that is sealed with the key of this host is read as credential:NAME" {
    local store=/etc/credstore count
    count=$(told PGCERT_EVENT=renewed "PGCERT_CERTIFICATE=sealed.$ZONE" | wc -l)
    machine systemd-creds --with-key=host --name=sealed encrypt $store/plain $store.encrypted/sealed
    await 40 "another one" times $((count + 1)) PGCERT_EVENT=renewed "PGCERT_CERTIFICATE=sealed.$ZONE"
}

@test "a watcher that is killed comes back, and puts right what happened in between" {
    quiet
    machine systemctl kill -s KILL $WATCH
    meddle
    await 15 "the watcher" has_property $WATCH NRestarts 1
    await 15 "what is issued" is_mended
    goes_on
}

@test "a watcher that hangs is found out by its watchdog, and what happened in between is put right" {
    quiet
    machine systemctl kill -s STOP $WATCH
    meddle
    await 20 "the watcher" has_property $WATCH NRestarts 2
    await 15 "what is issued" is_mended
    machine journalctl -q -o cat -u $WATCH | grep -q "Watchdog timeout"
    goes_on
}

@test "a host that was suspended when its timer was due makes up for it" {
    local runs
    quiet
    every_so_often "00/12:00:00"
    machine systemctl daemon-reload
    runs=$(property $RENEW ExecMainStartTimestampMonotonic)
    host_was_off
    machine systemctl start "${RENEW%.*}.timer"
    await 10 "a run" not has_property $RENEW ExecMainStartTimestampMonotonic "$runs"
    await 10 "its end" has_property $RENEW SubState dead
    [ "$(property $RENEW ExecMainStatus)" = 0 ]
    goes_on
}

@test "a server that does not take the new certificate gets the old one back; the journal says what to do" {
    # it goes on with what it has loaded, for these are no ciphers
    server_says "ssl_ciphers = 'NONSENSE'"
    await 40 "that it is put back" is_told PGCERT_EVENT=put-back PGCERT_TARGET=main "PGCERT_CERTIFICATE=db.$ZONE"
    server_says
    machine journalctl -q -x -p err -n 1 PGCERT_EVENT=put-back PGCERT_ERROR=put-back |
        grep -q "the next run deploys it; at once by: pgcert deploy db.$ZONE"
    is_told -p err MESSAGE_ID=0bab8ce8bd7d4eeaab941e7c704f64b8
    await 15 "the new one" serves_issued
}

@test "certificates that live half a minute are renewed, deployed and proved by nobody, again and again" {
    await 60 "four certificates" has_seen 4
    times 4 PGCERT_EVENT=renewed "PGCERT_CERTIFICATE=db.$ZONE"
    # the other one began later
    await 40 "four of the other one" times 4 PGCERT_EVENT=renewed "PGCERT_CERTIFICATE=sealed.$ZONE"
    [ -z "$(machine systemctl --failed --plain --no-legend)" ]
}

@test "an event is in the journal once, as of its unit; where nothing was to do there is none" {
    # of all that is said of a generation, on whichever way, one entry says that it is renewed
    machine journalctl -q --no-pager -o cat -u $RENEW >"$WORLD/said"
    [ "$(grep -c "^db.*renewed" "$WORLD/said")" = "$(told PGCERT_EVENT=renewed "PGCERT_CERTIFICATE=db.$ZONE" | wc -l)" ]
    not grep -q "nothing to do" "$WORLD/said"
    machine journalctl -q -o json SYSLOG_IDENTIFIER=pgcert >"$WORLD/entries"
    python3 - "$WORLD/entries" <<'END'
import collections, json, sys
entries = [json.loads(line) for line in open(sys.argv[1])]
lost = [e for e in entries if not e.get("_SYSTEMD_UNIT", "").startswith("pgcert-")]
assert not lost, lost
events = [e for e in entries if "PGCERT_EVENT" in e]
assert all(len(e["MESSAGE_ID"]) == 32 and e["_TRANSPORT"] == "journal" for e in events)
often = collections.Counter((e["PGCERT_EVENT"], e["PGCERT_SHA256"]) for e in events
                            if e["PGCERT_EVENT"] == "renewed")
assert len(often) >= 8 and set(often.values()) == {1}, often
END
}

@test "nobody was ever shown a certificate that had expired, and no sandbox was in the way" {
    : >"$WORLD/stop"
    echo "# observer: $(wc -l <"$WORLD/seen") connections, $(seen) certificates" >&3
    not grep failed "$WORLD/seen"
    [ "$(wc -l <"$WORLD/seen")" -gt 100 ]
    machine journalctl -q --no-pager -o cat -u 'pgcert-*' >"$WORLD/said"
    [ -s "$WORLD/said" ]
    not grep -iE "not permitted|permission denied|read-only file system|SECCOMP|not allowed" "$WORLD/said"
}
