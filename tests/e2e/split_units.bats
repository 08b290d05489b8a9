#!/usr/bin/env bats
# The units of two users under a real systemd, sandboxed as they are installed: pgcert-renew.service obtains as
# user pgcert, with its secret as a credential; pgcert-watch.service deploys as postgres.
load world

# shellcheck source-path=SCRIPTDIR source=../world/systemd.bash
. "$PGCERT_ROOT/tests/world/systemd.bash"

DATA=/var/lib/postgresql/split

setup_file()
{
    # shellcheck disable=SC2119 # the first name server has no arguments
    bind_start
    pebble_start
    machine_make
    install_units
    settings
    cluster
    machine_boot basic.target
    machine systemd-sysusers /usr/lib/sysusers.d/pgcert.conf
    machine systemd-tmpfiles --create /usr/lib/tmpfiles.d/pgcert.conf
    server_start
}

teardown_file()
{
    machine_stop
}

# They go on with what the one before has left.
setup()
{
    :
}

teardown()
{
    [ -n "${BATS_TEST_COMPLETED:-}" ] || machine journalctl -q --no-pager -n 40 -u 'pgcert-*' | cut -c 1-240
}

install_units()
{
    local root=$MACHINE/root
    install -D -m 755 "$PGCERT" "$root/usr/bin/pgcert"
    install -D -m 644 -t "$root/etc/systemd/system" "$PGCERT_ROOT"/units/pgcert-*.{service,socket,timer}
    install -D -m 644 "$PGCERT_ROOT/units/pgcert.sysusers" "$root/usr/lib/sysusers.d/pgcert.conf"
    install -D -m 644 "$PGCERT_ROOT/units/pgcert.tmpfiles" "$root/usr/lib/tmpfiles.d/pgcert.conf"
    install -D -m 644 -t "$root/etc/pgcert/conf.d" "$PGCERT_ROOT/units/10-users.conf"
    install -D -m 600 "$WORLD/bind/pgcert-key.key" "$root/etc/pgcert/tsig.key"
    # as the comment in the unit has it
    mkdir -p "$root/etc/systemd/system/pgcert-renew.service.d"
    { echo "[Service]" && sed -n 's/^#\(LoadCredential=tsig\)/\1/p' "$PGCERT_ROOT/units/pgcert-renew.service"; } \
        >"$root/etc/systemd/system/pgcert-renew.service.d/secret.conf"
    cp "$WORLD"/etc/{resolv.conf,nsswitch.conf} "$root/etc"
    cp /etc/hosts "$root/etc/hosts"
}

settings()
{
    local etc=$MACHINE/root/etc/pgcert
    CONF=$etc/pgcert.conf
    install -m 644 "$WORLD/pebble"/{https-ca,root}.pem "$etc"
    cat >"$CONF" <<END
[issuer pebble]
directory = $DIRECTORY
agree_terms = yes
dns = world
ca_file = /etc/pgcert/https-ca.pem
trust_file = /etc/pgcert/root.pem

[dns world]
provider = rfc2136
server = 127.0.0.1
tsig_file = credential:tsig.key

[certificate db.$ZONE]
issuer = pebble
deploy = main

[target main]
type = postgres
connection = host=/var/run/postgresql port=5432 user=postgres dbname=postgres
END
    chmod 644 "$CONF"
}

# The server of the machine, with the first certificate.
cluster()
{
    local data=$MACHINE/root$DATA
    pg_make
    printf '%s\n' "ssl = on" "ssl_cert_file = 'pgcert.pem'" "ssl_key_file = 'pgcert.pem'" >"$PGDATA/conf.d/tls.conf"
    self_signed "$PGDATA/pgcert.pem"
    chown postgres: "$PGDATA/pgcert.pem" "$PGDATA/conf.d/tls.conf"
    rm -rf "$data"
    install -d -o postgres -g postgres "${data%/*}"
    cp -a "$PGDATA" "$data"
}

server_start()
{
    machine install -d -o postgres -g postgres -m 2775 /run/postgresql
    machine systemd-run -q --unit=server -p User=postgres -p Type=notify "$(pg_bin)/postgres" -D "$DATA"
}

newest()
{
    machine sh -c "ls -d /var/lib/pgcert/certificates/db.$ZONE/[0-9]* | sort -V | tail -n 1"
}

issued()
{
    leaf_sha256 "$MACHINE/root$(newest)/chain.pem"
}

serves_issued()
{
    [ "$(served)" = "$(issued)" ]
}

property()
{
    machine systemctl show -P "$1" "$2"
}

# What the kernel says of a unit's process: field PID NAME
field()
{
    machine sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

@test "the unit that watches runs as postgres in the group, without any right, without a network" {
    machine systemctl start pgcert-watch.service
    pid=$(property MainPID pgcert-watch.service)
    [ "$(field "$pid" Uid | cut -f 1)" = "$(id -u postgres)" ]
    for set in CapPrm CapEff CapBnd CapAmb; do
        [ "$(field "$pid" $set)" = 0000000000000000 ]
    done
    [ "$(field "$pid" NoNewPrivs)" = 1 ]
    [ "$(machine sh -c "tail -n +3 /proc/$pid/net/dev" | cut -d : -f 1 | tr -d ' ')" = lo ]
    [ "$(machine readlink "/proc/$pid/ns/net")" != "$(machine readlink /proc/1/ns/net)" ]
    [ "$(machine stat -c '%a %U:%G' /var/lib/pgcert/targets)" = "2770 pgcert:pgcert" ]
}

@test "the unit that renews obtains as pgcert, and the other one deploys what is new" {
    for round in 1 2; do
        before=$(served)
        [ $round = 1 ] || machine setpriv --reuid=pgcert --regid=pgcert --clear-groups rm -rf "$(newest)"
        machine systemctl start pgcert-renew.service
        [ "$(property Result pgcert-renew.service)" = success ]
        await 10 "what is new" serves_issued
        [ "$(served)" != "$before" ]
    done
    [ "$(machine stat -c '%a %U:%G' "$(newest)/key.pem")" = "640 pgcert:pgcert" ]
    [ "$(machine stat -c '%a %U' "$DATA/pgcert.pem")" = "600 postgres" ]
    await 5 "the proof" machine test -e "/var/lib/pgcert/targets/db.$ZONE.json"
    [ "$(machine stat -c '%a %U:%G' "/var/lib/pgcert/targets/db.$ZONE.json")" = "660 postgres:pgcert" ]
    [ "$(machine stat -c '%a %U:%G' /var/lib/pgcert/accounts)" = "700 pgcert:pgcert" ]
    # root sees all three facts, and both units as well
    run --separate-stderr machine pgcert status --json
    [ "$(json "['certificates'][0]['targets'][0]['served_sha256']")" = "$(issued)" ]
    # root's own run, while the other one watches, leaves it as it is
    expect 0 machine pgcert deploy
    [ "$(machine stat -c '%a %U:%G' "/var/lib/pgcert/targets/db.$ZONE.json" | cut -d ' ' -f 1)" = 660 ]
    # a file that was broken by mistake is mended, in the sandbox
    machine sh -c "echo broken >$DATA/pgcert.pem"
    await 10 "the file" serves_on_disk
    [ "$(property ActiveState pgcert-watch.service)" = active ]
    # nobody is left who makes connections, of whom the journal says nothing
    await 10 "the end of the last one" dials_nobody
    [ -z "$(machine journalctl -q --no-pager -o cat -u 'pgcert-dial@*')" ]
}

dials_nobody()
{
    [ -z "$(machine systemctl list-units --plain --no-legend 'pgcert-dial@*.service')" ]
}

@test "a server that is reached over the network alone: that is told, and the drop-in gives it" {
    local extra=$MACHINE/root/etc/pgcert/conf.d/99-tcp.conf wanted=$MACHINE/root/etc/systemd/system/pgcert-watch.service.d
    machine sh -c "echo 'host all all 127.0.0.1/32 trust' >>$DATA/pg_hba.conf"
    machine setpriv --reuid=postgres --clear-groups psql -qXc 'select pg_reload_conf()' >/dev/null
    printf '[target main]\nconnection = host=127.0.0.1 user=postgres dbname=postgres\n' >"$extra"
    chmod 644 "$extra"
    machine systemctl restart pgcert-watch.service
    await 5 "the warning" watcher_said '\[target main\] needs the network'
    machine sh -c "echo broken >$DATA/pgcert.pem"
    await 10 "the failure" watcher_said '\[target main\]: .*; tried again in'
    install -D -m 644 "$PGCERT_ROOT/units/network.drop-in" "$wanted/network.conf"
    machine systemctl daemon-reload
    machine systemctl restart pgcert-watch.service
    await 10 "the file" serves_on_disk
    rm -r "$extra" "$wanted"
    machine systemctl daemon-reload
    machine systemctl restart pgcert-watch.service
}

watcher_said()
{
    machine journalctl -q --no-pager -o cat -u pgcert-watch.service | grep -q "$1"
}

serves_on_disk()
{
    [ "$(leaf_sha256 "$MACHINE/root$DATA/pgcert.pem" 2>/dev/null)" = "$(issued)" ]
}

@test "a unit that fails for good is told at priority crit, for once" {
    machine sh -c 'echo "[pgcrt]" >/etc/pgcert/conf.d/99-wrong.conf'
    not machine systemctl start pgcert-renew.service
    await 5 "the line" told_failure 1
    machine rm /etc/pgcert/conf.d/99-wrong.conf
    machine systemctl start pgcert-renew.service
    told_failure 1
}

# told_failure TIMES
told_failure()
{
    [ "$(machine journalctl -q --no-pager -p crit..crit -o cat | grep -c "pgcert-renew.service has failed")" = "$1" ]
}

@test "nobody deploys: that is a warning, and after a day a failure" {
    local about
    printf '[pgcert]\nlock_wait = 0s\n' >"$MACHINE/root/etc/pgcert/conf.d/99-soon.conf"
    machine systemctl stop pgcert-watch.service
    machine rm -rf "$(newest)"
    machine systemctl start pgcert-renew.service
    machine journalctl -q -o cat -u pgcert-renew.service -p warning..warning | grep -q "is not proved to be served"
    told_failure 1
    about=$MACHINE/root$(newest)/about.json
    sed -i "s/\"created_at\": *[0-9]*/\"created_at\": $(date -d '2 days ago' +%s)/" "$about"
    not machine systemctl start pgcert-renew.service
    [ "$(property ExecMainStatus pgcert-renew.service)" = 81 ]
    await 5 "the line" told_failure 2
    machine systemctl start pgcert-watch.service
    await 10 "what is new" serves_issued
    machine systemctl start pgcert-renew.service
    [ "$(property Result pgcert-renew.service)" = success ]
}
