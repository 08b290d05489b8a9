#!/usr/bin/env bats
# type = systemd: a server that is a unit is reloaded by systemd itself, which is asked over D-Bus.
load world

# shellcheck source-path=SCRIPTDIR source=../world/systemd.bash
. "$PGCERT_ROOT/tests/world/systemd.bash"

# HAProxy by Debian's own unit, which reloads; and a server that can only be restarted.
setup_file()
{
    machine_start
    conf haproxy
    pgcert ca init
    mkdir "$WORLD/first"
    for name in haproxy plain; do
        self_signed "$WORLD/first/$name.pem"
    done
    cp -a "$STATE" "$WORLD/made"
    mkdir -p "$MACHINE/root/etc/haproxy" "$MACHINE/root/etc/systemd/system/haproxy.service.d"
    cat >"$MACHINE/root/etc/haproxy/haproxy.cfg" <<END
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend tls
    bind 127.0.0.1:8443 ssl crt $WORLD/tls/haproxy.pem
    http-request return status 200
END
    cat >"$WORLD/plain.py" <<'END'
import http.server, ssl, sys
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(sys.argv[1])
server = http.server.HTTPServer(("127.0.0.1", 9443), http.server.SimpleHTTPRequestHandler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
END
    cat >"$MACHINE/root/etc/systemd/system/plain.service" <<END
[Service]
ExecStart=/usr/bin/python3 $WORLD/plain.py $WORLD/tls/plain.pem
Restart=no
END
    first_files
    machine systemctl start haproxy plain
}

teardown_file()
{
    machine_stop
}

setup()
{
    rm -rf "$STATE"
    cp -a "$WORLD/made" "$STATE"
    first_files
    rm -f "$MACHINE/root/etc/systemd/system/haproxy.service.d"/*
    machine systemctl daemon-reload
    machine systemctl reload-or-restart haproxy
    conf haproxy
    old=$(leaf_sha256 "$WORLD/first/haproxy.pem")
    await 5 "HAProxy" serves_tls 8443 "$old"
}

first_files()
{
    rm -rf "$WORLD/tls"
    cp -a "$WORLD/first" "$WORLD/tls"
}

# The settings: conf UNIT [LINE...]; more lines are the target's.
conf()
{
    local port=8443
    [ "$1" != plain ] || port=9443
    mkdir -p "$WORLD/conf"
    cat >"$CONF" <<END
[pgcert]
state = $STATE

[issuer private]
type = ca

[certificate db.$ZONE]
issuer = private
deploy = front

[target front]
type = systemd
unit = $1
file = $WORLD/tls/$1.pem
run_as = root
prove = 127.0.0.1:$port
prove_timeout = 4s
END
    shift
    [ $# -eq 0 ] || printf '%s\n' "$@" >>"$CONF"
}

# It lives in the machine, as the servers do.
pgcert()
{
    machine timeout 60 "$PGCERT" -c "$CONF" "$@"
}

served_tls()
{
    machine openssl s_client -connect "127.0.0.1:$1" 2>/dev/null |
        openssl x509 -noout -fingerprint -sha256 2>/dev/null | sha256_of_fingerprint
}

serves_tls()
{
    [ "$(served_tls "$1")" = "$2" ]
}

# More lines of the unit's [Service].
unit_says()
{
    printf '%s\n' "[Service]" "$@" >"$MACHINE/root/etc/systemd/system/haproxy.service.d/test.conf"
    machine systemctl daemon-reload
}

main_process()
{
    machine systemctl show -P MainPID "$1"
}

@test "a unit is reloaded, not restarted, and what it serves then is proved" {
    before=$(main_process haproxy)
    expect 0 pgcert renew
    [[ $output == *"renewed, deployed, proved"* ]]
    new=$(served_tls 8443)
    [ "$new" != "$old" ]
    [ "$new" = "$(leaf_sha256 "$WORLD/tls/haproxy.pem")" ]
    [ "$(main_process haproxy)" = "$before" ]
    expect 0 pgcert status --json
    [ "$(json "['certificates'][0]['targets'][0]['served_sha256']")" = "$new" ]
    expect 0 pgcert check front
    [[ $output == *"db.$ZONE"* ]]
    # by the bus that everybody can reach, with the whole name of the unit
    conf haproxy.service "bus = /run/dbus/system_bus_socket" "file = $WORLD/tls/haproxy.pem"
    expect 0 pgcert renew --force
    [ "$(served_tls 8443)" != "$new" ]
}

@test "a unit whose reload fails: the previous certificate is put back, and is served" {
    unit_says "ExecReload=" "ExecReload=/bin/false"
    expect 80 pgcert renew
    says "systemd's ReloadUnit of 'haproxy.service' ended as 'failed'; why is told by: journalctl -u haproxy.service"
    [ "$(leaf_sha256 "$WORLD/tls/haproxy.pem")" = "$old" ]
    [ "$(served_tls 8443)" = "$old" ]
}

@test "a reload that changes nothing is found out by the proof" {
    unit_says "ExecReload=" "ExecReload=/bin/true"
    conf haproxy "prove_timeout = 1s"
    expect 80 pgcert renew
    [ "$(leaf_sha256 "$WORLD/tls/haproxy.pem")" = "$old" ]
    [ "$(served_tls 8443)" = "$old" ]
}

@test "a reload that does not end is waited for no longer than prove_timeout" {
    unit_says "ExecReload=" "ExecReload=/bin/sleep 600"
    conf haproxy "prove_timeout = 1s"
    start=$EPOCHSECONDS
    expect 80 pgcert renew
    [ $((EPOCHSECONDS - start)) -le 8 ]
    says "systemd's ReloadUnit of 'haproxy.service' has not ended within 1 s"
    machine systemctl restart haproxy # or that reload would be waited for
    [ "$(leaf_sha256 "$WORLD/tls/haproxy.pem")" = "$old" ]
}

@test "a unit that does not run gets its file, and is not started" {
    machine systemctl stop haproxy
    expect 75 pgcert renew
    says "unit 'haproxy.service' does not run \(it is 'inactive'\)"
    says "is in place for when the server starts"
    [ "$(leaf_sha256 "$WORLD/tls/haproxy.pem")" != "$old" ]
    [ "$(machine systemctl is-active haproxy)" = inactive ]
    machine systemctl start haproxy
    expect 0 pgcert renew
    [ "$(served_tls 8443)" = "$(leaf_sha256 "$WORLD/tls/haproxy.pem")" ]
}

@test "a unit without ExecReload is told what to do; it is restarted only where that is said" {
    conf plain
    first=$(leaf_sha256 "$WORLD/first/plain.pem")
    await 5 "the plain server" serves_tls 9443 "$first"
    before=$(main_process plain)
    expect 78 pgcert renew
    says "unit 'plain.service' cannot be reloaded: it has no ExecReload="
    says "systemctl edit plain.service; or, if it may be restarted, set restart = yes"
    [ "$(main_process plain)" = "$before" ]
    [ "$(leaf_sha256 "$WORLD/tls/plain.pem")" = "$first" ]
    conf plain "restart = yes"
    expect 0 pgcert renew
    [ "$(main_process plain)" != "$before" ]
    [ "$(served_tls 9443)" = "$(leaf_sha256 "$WORLD/tls/plain.pem")" ]
    [ "$(served_tls 9443)" != "$first" ]
}

@test "a unit that there is not is told, and nothing is touched" {
    for unit in nothing-here.service masked.service; do
        [ $unit != masked.service ] || machine systemctl mask -q masked.service
        conf $unit "file = $WORLD/tls/haproxy.pem"
        expect 78 pgcert renew
        says "systemd has no unit '$unit' that it could reload \(it is '(not-found|masked)'\)"
    done
    [ "$(leaf_sha256 "$WORLD/tls/haproxy.pem")" = "$old" ]
    conf "../escape"
    expect 78 pgcert config check
    says "unit: '../escape' is not the name of a unit"
}

@test "another user is told by systemd that he may not, and the old certificate stays" {
    sed -i /run_as/d "$CONF"
    chown -R postgres: "$STATE" "$WORLD/conf" "$WORLD/tls"
    expect 80 machine setpriv --reuid=postgres --regid=postgres --init-groups timeout 60 "$PGCERT" -c "$CONF" renew
    says "allow org.freedesktop.systemd1.manage-units by a rule of polkit"
    [ "$(leaf_sha256 "$WORLD/tls/haproxy.pem")" = "$old" ]
    [ "$(served_tls 8443)" = "$old" ]
}

@test "a machine without systemd is told" {
    expect 75 timeout 60 "$PGCERT" -c "$CONF" renew
    says "systemd is not to be reached at '/run/systemd/private'; is it what runs this machine\?"
}
