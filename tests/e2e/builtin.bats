#!/usr/bin/env bats
# The provider that is a name server itself: BIND delegates the zones of challenges to it, and Pebble
# finds the way by BIND.
load ../e2e/world

OURS=127.0.0.3 # where pgcert answers
NAME=_acme-challenge.db.$ZONE
HAS_V6=
[ ! -e /proc/net/if_inet6 ] || HAS_V6=yes

setup_file()
{
    mkdir -p "$WORLD/bind"
    bind_write_conf "$WORLD/bind" 127.0.0.1
    # nothing that an earlier test has asked for is remembered
    sed -i 's/recursion yes;/& max-cache-ttl 0; max-ncache-ttl 0; servfail-ttl 0; lame-ttl 0;/' \
        "$WORLD/bind/named.conf"
    bind_key pgcert-key
    bind_zone "$ZONE"
    cat >>"$WORLD/bind/$ZONE.zone" <<END
ours IN A $OURS
_acme-challenge.db IN NS ours
_acme-challenge.other IN NS ours
acme IN NS ns.acme
ns.acme IN A $OURS
_acme-challenge.cname IN CNAME db.acme
_acme-challenge.chain IN CNAME link
link IN CNAME chain.acme
_acme-challenge.astray IN CNAME somewhere
six IN AAAA ::1
_acme-challenge.six IN NS six
END
    # the address of BIND's own IPv6 is wanted
    sed -i 's/listen-on-v6 { ::1; }/listen-on-v6 { none; }/' "$WORLD/bind/named.conf"
    bind_start && pebble_start
}

# Settings of the provider in place of the world's: builtin LINE...
builtin()
{
    touch "$WORLD/conf/conf.d/50-test.conf"
    sed -i '/^\[dns world\]/,/^$/d' "$CONF" "$WORLD/conf/conf.d/50-test.conf"
    printf '%s\n' "[dns world]" "provider = builtin" "timeout = 10s" "$@" "" | conf_add
}

# One certificate without a target: order NAME[, NAME...]
order()
{
    conf_add <<END
[certificate db.$ZONE]
names = $1
deploy =
END
}

setup()
{
    fresh
    builtin "listen = $OURS" "nameserver = ours.$ZONE"
    order "db.$ZONE"
}

# A held run whose test failed ends with its test.
teardown()
{
    [ -n "${BATS_TEST_COMPLETED:-}" ] || tail -n 3 "$WORLD/held" || :
    [ -z "${run_number:-}" ] || kill -KILL "$run_number" 2>/dev/null || :
    [ -e "$WORLD/bind/number" ] || bind_start
}

issued()
{
    expect 0 pgcert renew --force
    [ -z "$stderr" ] && [ -n "$(newest_generation)" ] && nobody_listens
}

nobody_listens()
{
    not grep -F "$OURS:" <<<"$(listeners)"
}

nobody_listens_everywhere()
{
    not grep -F '*:' <<<"$(listeners)"
}

listeners()
{
    ss -Hlntup "( sport = :53 )"
}

# A run that stays in the middle of its challenge, until it is ended: the issuer looks elsewhere, and
# nobody has what it looks for. Its number is in $run.
held()
{
    conf_add <<END

[dns world]
propagation = wait
wait = 50s

END
    "$PGCERT" -c "$CONF" renew --force >"$WORLD/held" 2>&1 3>&- 4>&- </dev/null &
    run_number=$!
    await 10 "the name server" is_published "$@"
}

is_published()
{
    # dig tells on standard output, too, that nobody is there
    grep -q '^"' <<<"$(dig +short +tries=1 +time=1 "@${1:-$OURS}" TXT "${2:-$NAME}" "${@:3}")"
}

release()
{
    kill -KILL "$run_number"
    wait "$run_number" || :
    await 5 "the name server to end" "${1:-nobody_listens}"
}

# Asks it: asks ARGUMENT... ; the answer is in $answer
asks()
{
    answer=$(dig +tries=1 +time=2 "@$OURS" "$@")
}

# The answer says: told PATTERN...
told()
{
    local pattern
    for pattern in "$@"; do
        grep -qE -- "$pattern" <<<"$answer" || {
            printf 'no "%s" in:\n%s\n' "$pattern" "$answer"
            return 1
        }
    done
}

@test "a certificate is issued, and nobody listens afterwards" {
    issued
}

@test "a name and its wildcard are two values of one name" {
    order "db.$ZONE, *.db.$ZONE, other.$ZONE"
    issued
}

@test "several certificates come one after the other" {
    conf_add <<END
[certificate other.$ZONE]
issuer = pebble
deploy =
END
    issued
    [ -n "$(newest_generation "other.$ZONE")" ]
}

@test "CNAMEs lead into a zone that is delegated to a name inside of it" {
    builtin "listen = $OURS" "nameserver = ns.acme.$ZONE" "zone = acme.$ZONE"
    order "cname.$ZONE, *.cname.$ZONE, chain.$ZONE"
    issued
}

@test "a name that leads into no zone of ours is told with the record to be made" {
    builtin "listen = $OURS" "nameserver = ns.acme.$ZONE" "zone = acme.$ZONE"
    for n in astray nothing; do
        order "$n.$ZONE"
        expect 78 pgcert renew --force
        says "is in no zone.*_acme-challenge.$n.$ZONE. CNAME $n.$ZONE.acme.$ZONE."
        nobody_listens
    done
}

@test "IPv6 is as good" {
    [ -n "$HAS_V6" ] || skip "there is no IPv6"
    builtin "listen = [::1]:53" "nameserver = six.$ZONE"
    order "six.$ZONE"
    issued
}

@test "by default it is every address, and answers come from the one that was asked" {
    bind_stop
    builtin "nameserver = ours.$ZONE"
    held 127.0.0.77
    is_published 127.0.0.99
    is_published 127.0.0.99 "$NAME" +tcp
    [ -z "$HAS_V6" ] || is_published ::1
    release nobody_listens_everywhere
}

@test "it says what an authoritative server says" {
    held
    asks "$NAME" TXT
    told "status: NOERROR" "flags: qr aa rd; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 1" \
        "udp: 1232" "$NAME.[[:space:]]+60[[:space:]]+IN[[:space:]]+TXT"
    asks "$NAME" TXT +tcp +dnssec +norec
    told "status: NOERROR" "flags: qr aa;" "flags: do; udp: 1232" "ANSWER: 1"
    asks "$NAME" TXT +noedns
    told "status: NOERROR" "ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 0"
    asks "$NAME" TXT +edns=1 +noednsnegotiation
    told "status: BADVERS" "EDNS: version: 0"
    asks "$NAME" TXT +ednsopt=65001:00 +cookie +nsid
    told "status: NOERROR" "ANSWER: 1"
    asks "_acME-chALLenge.DB.$ZONE" TXT
    told "status: NOERROR" "^;_acME-chALLenge.DB.$ZONE. " "ANSWER: 1"
    asks "$NAME" SOA
    told "ANSWER: 1" "SOA[[:space:]]+ours.$ZONE. hostmaster.ours.$ZONE."
    asks "$NAME" NS
    told "ANSWER: 1" "NS[[:space:]]+ours.$ZONE."
    release
}

@test "it says what is not there, and refuses what is none of its business" {
    held
    for type in A AAAA CAA DS DNSKEY MX TYPE65 HTTPS; do
        asks "$NAME" $type
        told "status: NOERROR" "flags: qr aa" "ANSWER: 0, AUTHORITY: 1" \
            "$NAME.[[:space:]]+1[[:space:]]+IN[[:space:]]+SOA"
    done
    asks "nothing.$NAME" TXT
    told "status: NXDOMAIN" "flags: qr aa" "AUTHORITY: 1" "IN[[:space:]]+SOA"
    asks "db.$ZONE" TXT
    told "status: REFUSED" "flags: qr rd;" "ANSWER: 0, AUTHORITY: 0"
    asks . NS
    told "status: REFUSED"
    asks version.bind TXT CH
    told "status: REFUSED"
    asks "$NAME" AXFR +tcp
    told "Transfer failed"
    asks "$NAME" IXFR=1
    told "Transfer failed|status: REFUSED"
    asks "$NAME" TXT +opcode=notify
    told "status: NOTIMP"
    asks "$NAME" ANY +notcp
    told "ANSWER: 1" "IN[[:space:]]+TXT"
    [ "$(nsupdate 2>&1 <<<"server $OURS
zone $NAME
update add x.$NAME 60 TXT evil
send")" = "update failed: NOTIMP" ]
    release
}

@test "queries that come together by TCP are answered in turn, and nobody stays for long" {
    held
    python3 - "$OURS" "$NAME" <<'END'
import socket, struct, sys, time
name = b"".join(bytes([len(p)]) + p.encode() for p in sys.argv[2].split(".")) + b"\0"
def query(number):
    m = struct.pack("!6H", number, 0, 1, 0, 0, 0) + name + struct.pack("!2H", 16, 1)
    return struct.pack("!H", len(m)) + m
def read(s, n):
    got = b""
    while len(got) < n:
        part = s.recv(n - len(got))
        if not part:
            raise SystemExit("closed early")
        got += part
    return got
s = socket.create_connection((sys.argv[1], 53), 2)
s.sendall(query(1) + query(2) + query(3)[:7])
time.sleep(0.1)
s.sendall(query(3)[7:])
for number in 1, 2, 3:
    answer = read(s, struct.unpack("!H", read(s, 2))[0])
    assert struct.unpack("!H", answer[:2])[0] == number, answer
    assert struct.unpack("!H", answer[6:8])[0] == 1, answer
# one who says that much will come is not waited for
s = socket.create_connection((sys.argv[1], 53), 2)
s.sendall(b"\xff\xff" + b"x" * 100)
try:
    assert s.recv(1) == b""
except ConnectionResetError:
    pass
# more than there is room for, all idle: a new one is served, and all end by themselves
idle = [socket.create_connection((sys.argv[1], 53), 10) for _ in range(50)]
s = socket.create_connection((sys.argv[1], 53), 2)
s.sendall(query(4))
assert read(s, 2)
begin = time.monotonic()
for i in idle:
    try:
        assert i.recv(1) == b""
    except ConnectionResetError:
        pass
assert time.monotonic() - begin < 8
END
    release
}

@test "a flood of garbage does not stop an issue" {
    python3 - "$OURS" "$WORLD/flood" 3>&- 4>&- <<'END' &
import random, socket, sys, time
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.connect((sys.argv[1], 53))
end = time.monotonic() + 20
r = random.Random(7)
header = b"\0\1\0\0\0\1\0\0\0\0\0\0"
while time.monotonic() < end:
    for _ in range(50):
        junk = r.randbytes(r.randrange(0, 1300))
        try:
            u.send(junk if r.random() < 0.5 else header + junk)
        except OSError:
            pass
    try:
        t = socket.create_connection((sys.argv[1], 53), 0.2)
        t.sendall(r.randbytes(600))
        t.close()
    except OSError:
        pass
    time.sleep(0.005)
    open(sys.argv[2], "w").close()
END
    local flood=$!
    await 5 "the flood" test -e "$WORLD/flood"
    for _ in 1 2 3; do
        issued
    done
    kill $flood
}

@test "who asks too often by UDP is told to come by TCP, and strangers are told nothing" {
    held
    python3 - "$OURS" "$NAME" "db.$ZONE" <<'END'
import socket, struct, sys, time
def query(name, number):
    wire = b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0"
    return struct.pack("!6H", number, 0, 1, 0, 0, 0) + wire + struct.pack("!2H", 16, 1)
def ask(name, count):
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    u.connect((sys.argv[1], 53))
    u.settimeout(0.5)
    for number in range(count):
        u.send(query(name, number))
        if number % 50 == 0:
            time.sleep(0.005)
    whole = short = 0
    try:
        while True:
            m = u.recv(2000)
            assert len(m) <= 300
            if m[2] & 2:
                assert len(m) == len(query(name, 0)), "a short answer is no longer than its question"
                short += 1
            else:
                whole += 1
    except TimeoutError:
        return whole, short
whole, short = ask(sys.argv[2], 3000)
assert 400 < whole < 1500 and short > 500, (whole, short)
whole, short = ask(sys.argv[3], 3000)
assert 10 < whole < 300 and short == 0, (whole, short)
END
    asks "$NAME" TXT # again by TCP, by itself
    told "ANSWER: 1"
    release
}

@test "a killed run leaves nothing behind, and the next one goes on" {
    held
    [ "$(pgrep -xc pgcert)" = 3 ] # the third one speaks with the issuer
    kill -KILL "$run_number"
    wait "$run_number" || :
    await 2 "all processes to end" not pgrep -x pgcert
    nobody_listens
    fresh
    builtin "listen = $OURS" "nameserver = ours.$ZONE"
    order "db.$ZONE"
    issued
    not compgen -G "$STATE/journal/*.json"
}

@test "who answers strangers has no rights and no files of ours" {
    held
    local child number caps
    child=$(pgrep -xP "$(pgrep -xP "$run_number" pgcert)" pgcert)
    grep -qE "^Uid:([[:space:]]+$(id -u nobody)){4}$" "/proc/$child/status"
    grep -qE "^Groups:[[:space:]]*($(id -g nobody))?[[:space:]]*$" "/proc/$child/status"
    grep -q "^NoNewPrivs:[[:space:]]*1" "/proc/$child/status"
    for caps in CapPrm CapEff CapAmb; do
        grep -qE "^$caps:[[:space:]]*0+$" "/proc/$child/status"
    done
    # standard error, /dev/null, two sockets for others and one to its parent
    for number in "/proc/$child/fd"/*; do
        [[ ${number##*/} == 2 || $(readlink "$number") =~ ^(socket:|/dev/null) ]]
    done
    [ "$(find "/proc/$child/fd" -lname 'socket:*' | wc -l)" = 3 ]
    release
}

@test "without the right to the port it is told what to do, before anything is ordered" {
    local mark
    chown -R postgres: "$WORLD/conf"
    install -d -o postgres -g postgres -m 700 "$STATE"
    mark=$(pebble_mark)
    expect 77 as_postgres timeout 20 "$PGCERT" -c "$CONF" renew
    says "AmbientCapabilities=CAP_NET_BIND_SERVICE.*UDP of $OURS:53|UDP of $OURS:53.*AmbientCapabilities=CAP_NET_BIND_SERVICE"
    [ "$(requests "$mark" "order")" = 0 ]
    expect 0 setpriv --reuid=postgres --regid=postgres --init-groups \
        --inh-caps=+net_bind_service --ambient-caps=+net_bind_service \
        timeout 20 "$PGCERT" -c "$CONF" renew
    nobody_listens
}

@test "a port above 1024 needs no right" {
    builtin "listen = $OURS:5353" "nameserver = ours.$ZONE" "propagation = wait" "wait = 0s"
    chown -R postgres: "$WORLD/conf"
    install -d -o postgres -g postgres -m 700 "$STATE"
    # what a firewall would do: hand on to that port what comes to 53
    python3 - "$OURS" 3>&- 4>&- <<'END' &
import socket, sys
outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
outside.bind((sys.argv[1], 53))
while True:
    query, who = outside.recvfrom(2000)
    inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    inside.settimeout(2)
    inside.sendto(query, (sys.argv[1], 5353))
    outside.sendto(inside.recv(2000), who)
END
    local firewall=$!
    await 5 "the firewall" not nobody_listens
    expect 0 as_postgres timeout 20 "$PGCERT" -c "$CONF" renew
    kill $firewall
}

@test "a port that somebody has is told, and tried again later" {
    builtin "listen = 127.0.0.1" "nameserver = ours.$ZONE"
    expect 75 pgcert renew
    says "another program has UDP of 127.0.0.1:53"
    # by TCP alone
    python3 -c "import socket, time
s = socket.create_server(('$OURS', 53))
time.sleep(20)" 3>&- 4>&- &
    local somebody=$!
    await 5 "somebody" port_is_open $OURS 53
    builtin "listen = $OURS" "nameserver = ours.$ZONE"
    expect 75 pgcert renew --force
    says "another program has TCP of $OURS:53"
    kill $somebody
    wait $somebody || :
    issued
}

@test "settings that cannot be right are told" {
    builtin "listen = 192.0.2.53" "nameserver = ours.$ZONE"
    expect 78 pgcert renew
    says "192.0.2.53:53 is no address of this machine"
    builtin "listen = localhost" "nameserver = ours.$ZONE"
    expect 78 pgcert renew
    says "'localhost' is a name, but must be an address"
    builtin "listen = $OURS" "nameserver = not a name"
    expect 78 pgcert renew
    says "'nameserver' of \[dns world\]: 'not a name'"
    builtin "listen = $OURS" "nameserver = ours.$ZONE" "zone = a_b..c"
    expect 78 pgcert renew
    says "'zone' of \[dns world\]: 'a_b..c'"
    builtin "listen = 0.0.0.0:5399" "nameserver = ns.acme.$ZONE" "zone = acme.$ZONE"
    expect 78 pgcert renew
    says "'ns.acme.$ZONE.' is a name in the zone.*'listen'"
}

@test "a zone that is not delegated yet is told as what is not seen" {
    builtin "listen = $OURS" "nameserver = ours.$ZONE" "timeout = 2s"
    order "new.$ZONE"
    expect 75 pgcert renew
    says "the record at '_acme-challenge.new.$ZONE.' is not seen everywhere"
    nobody_listens
}
