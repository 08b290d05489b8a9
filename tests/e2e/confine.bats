#!/usr/bin/env bats
# What the processes of a run may, and what they hold: the one that speaks with issuers has no key of
# a certificate, and the one that has keys has no network, and only the right to become others.
load ../e2e/world

setup_file()
{
    world_start
    hostile_start
}

setup()
{
    chown root: "$WORLD/bind/pgcert-key.key"
    fresh
    hostile
    pg_serves_pgcert
}

teardown()
{
    [ -z "${renewing:-}" ] || kill -KILL -- "-$renewing" 2>/dev/null || :
    rm -rf "$WORLD/probe"
    [ -n "${BATS_TEST_COMPLETED:-}" ] || cat "$WORLD/told" 2>/dev/null || :
}

# Root works for a state directory of another user, who also owns the server.
state_of_postgres()
{
    mkdir -p "$STATE"
    chown -R postgres: "$STATE" "$WORLD/conf" "$WORLD/bind/pgcert-key.key"
}

# Runs renew in the background; its number is $renewing, that of its child $carrier. It has asked for
# what matters when STEP of the issuer stalls: renew_waits_at STEP [ARGUMENT...]
renew_waits_at()
{
    hostile_conf
    state_of_postgres
    stalls_at "$@"
}

stalls_at()
{
    hostile "$1 1 stall"
    renew_begins "${@:2}"
    await 20 "a request for $1" grep -q stall "$WORLD/hostile/log"
    carrier=$(child_of "$renewing")
}

renew_begins()
{
    setsid "$PGCERT" -c "$CONF" renew "$@" >"$WORLD/told" 2>&1 3>&- 4>&- </dev/null &
    renewing=$!
}

# The one that speaks with issuers; `dialler_of` is the one that makes connections.
child_of()
{
    ps -o pid=,args= --ppid "$1" | awk '$3 != "dial" { print $1 }' | grep .
}

dialler_of()
{
    ps -o pid=,args= --ppid "$1" | awk '$3 == "dial" { print $1 }' | grep .
}

# A field of a process: field PID NAME
field()
{
    awk -v name="$2:" '$1 == name { print $2 }' "/proc/$1/status"
}

is_gone()
{
    [ ! -e "/proc/$1" ] || [ "$(field "$1" State)" = Z ]
}

# Is the secret number of the key in FILE in the memory of that process, in whatever order its bytes
# are, or its PEM text? has_key PID FILE
has_key()
{
    python3 - "$@" <<'END'
import base64, re, subprocess, sys
pem = open(sys.argv[2]).read()
text = subprocess.run(["openssl", "pkey", "-in", sys.argv[2], "-noout", "-text"],
                      capture_output=True, text=True, check=True).stdout
scalar = bytes.fromhex(re.search(r"priv:\s*([0-9a-f:\s]+?)\s*pub:", text).group(1)
                       .replace(":", "").replace(" ", "").replace("\n", ""))[-32:]
wanted = [scalar, scalar[::-1], pem.splitlines()[1].encode()]
found = False
with open(f"/proc/{sys.argv[1]}/mem", "rb") as memory:
    for line in open(f"/proc/{sys.argv[1]}/maps"):
        span, rights = line.split()[:2]
        start, end = (int(n, 16) for n in span.split("-"))
        # what is so large is the shadow of a sanitizer
        if "r" not in rights or "[v" in line or end - start > 1 << 30:
            continue
        memory.seek(start)
        try:
            part = memory.read(end - start)
        except OSError:
            continue
        found = found or any(w in part for w in wanted)
sys.exit(0 if found else 1)
END
}

# Neither can gain any right: has_no_right PID
has_no_right()
{
    [ "$(field "$1" CapPrm)" = 0000000000000000 ] && [ "$(field "$1" CapEff)" = 0000000000000000 ] &&
        [ "$(field "$1" NoNewPrivs)" = 1 ] && [ "$(field "$1" Seccomp)" = 2 ]
}

@test "the process that waits for the issuer has no key and no right, and who has keys no network" {
    for owner in postgres root; do
        chown root: "$WORLD/bind/pgcert-key.key"
        fresh_and_served
        hostile_conf
        [ "$owner" = root ] || state_of_postgres
        stalls_at finalize --force
        dialler=$(dialler_of "$renewing")
        [ "$(field "$renewing" CapPrm)" = 00000000000000c0 ] # CAP_SETGID and CAP_SETUID
        [ "$(field "$renewing" CapEff)" = 0000000000000000 ]
        [ "$(field "$renewing" CapBnd)" = 00000000000000c0 ]
        [ "$(field "$renewing" NoNewPrivs)" = 1 ]
        [ "$(field "$renewing" Seccomp)" = 2 ]
        for one in "$renewing" "$carrier" "$dialler"; do
            [ "$(field "$one" Uid)" = "$(id -u "$owner")" ]
        done
        has_no_right "$carrier"
        has_no_right "$dialler"
        # who has made it has it: the search finds what is there
        has_key "$renewing" "$STATE/certificates/db.$ZONE/next.key"
        for one in "$carrier" "$dialler"; do
            not has_key "$one" "$STATE/certificates/db.$ZONE/next.key"
            not has_key "$one" "$(newest_generation)/key.pem"
        done
        # and who has keys speaks with nobody outside
        ss -Htnp | grep -q "pid=$carrier,"
        not grep -q "pid=$renewing," <<<"$(ss -Htnap)"
        kill -KILL -- "-$renewing"
        wait "$renewing" || :
        hostile
    done
}

@test "proofs go over connections that another process makes, to this host alone" {
    have strace
    fresh_and_served
    expect 0 strace -f -qq -o "$WORLD/trace" -e trace=socket,connect,execve,clone \
        "$PGCERT" -c "$CONF" renew --force
    # who connects to the server is a child of the one that was started anew
    dialler=$(awk '/execve\("\/proc\/self\/exe", \["pgcert", "dial"/ { print $1 }' "$WORLD/trace")
    awk -v dialler="$dialler" '$1 == dialler && /clone/ && $NF ~ /^[0-9]+$/ { print $NF }' "$WORLD/trace" >"$WORLD/its"
    awk '/ connect\(.*htons\(5432\)/ { print $1 }' "$WORLD/trace" >"$WORLD/who"
    grep -q . "$WORLD/who"
    not grep -vxFf "$WORLD/its" "$WORLD/who"
    # and the process that has keys made no socket of IP: its number is the first
    not grep -E "^$(awk 'NR == 1 { print $1 }' "$WORLD/trace") .*socket\(AF_INET" "$WORLD/trace"
}

# Where the last run looked: "10.99.0.11:5432 127.0.0.1:5432 "
asked()
{
    json "['certificates'][0]['targets'][0]['endpoints']" | grep -oE "[0-9.]+:5432" | tr '\n' ' '
}

@test "every address of this host is one, what is none is left out, and others must be named" {
    fresh_and_served
    # the second of a network is an alias, which answers from the first
    ip address add 10.99.0.10/24 dev lo
    ip address add 10.99.0.11/24 dev lo
    echo "listen_addresses = '10.99.0.11'" >"$PGDATA/conf.d/listen.conf"
    pg_restart
    expect 0 pgcert renew --force
    expect 0 pgcert --json renew --force
    [ "$(asked)" = "10.99.0.11:5432 " ]
    # one that has gone elsewhere, as a floating one does
    echo "listen_addresses = '10.99.0.11,localhost'" >"$PGDATA/conf.d/listen.conf"
    pg_restart
    ip address del 10.99.0.11/24 dev lo
    expect 0 pgcert --json renew --force
    [ "$(asked)" = "127.0.0.1:5432 " ]
    ip address del 10.99.0.10/24 dev lo
    rm "$PGDATA/conf.d/listen.conf"
    pg_restart
    # it is dialled, in vain: nobody is there
    set_target main "prove = 198.51.100.7:5432" "prove_timeout = 1s"
    expect 81 pgcert renew --force
    not grep -q 'may be dialled' <<<"$stderr"
    rm -f "$WORLD"/conf/conf.d/*
}

@test "when the one who makes connections is gone, the server is left as it is" {
    fresh_and_served
    hostile_conf
    first=$(served)
    stalls_at finalize --force
    kill -KILL "$(dialler_of "$renewing")"
    hostile
    kill -CONT "$renewing"
    status=0
    wait "$renewing" || status=$?
    renewing=
    cat "$WORLD/told"
    [ "$status" -ne 0 ]
    [ "$(served)" = "$first" ]
    [ "$(leaf_sha256 "$PGDATA/pgcert.pem")" = "$first" ]
    hostile
    expect 0 pgcert renew
}

# Other settings of a target: set_target NAME LINE...
set_target()
{
    { echo "[target $1]" && printf '%s\n' "${@:2}"; } | conf_add
}

@test "what the settings need the network for, or root's rights, is left to them" {
    set_target main "connection = host=127.0.0.1 port=5432 user=postgres dbname=postgres"
    run --separate-stderr pgcert -v renew --force
    grep -q "the network is kept, which 'main' needs" <<<"$stderr"
    [ "$status" = 0 ]
    world_conf
    self_signed "$WORLD/told.pem"
    set_target told "type = command" "command = /bin/true" "file = $WORLD/told.pem"
    run --separate-stderr pgcert -v renew --force
    grep -q "the network is kept, which 'told' needs" <<<"$stderr"
    not grep -q "going on as that user" <<<"$stderr"
    [ "$status" = 0 ]
    set_target told "command_as = postgres"
    run --separate-stderr pgcert -v renew --force
    grep -q "belongs to 'root': going on as that user" <<<"$stderr"
    [ "$status" = 0 ]
}

# Certificates that another tool keeps for root alone, and their keys: others COUNT
others()
{
    local i
    install -d -m 700 "$WORLD/other"
    for i in $(seq "$1"); do
        self_signed "$WORLD/other/$i.pem" "other$i.$ZONE"
        cat <<END
[issuer other$i]
type = files
chain_file = $WORLD/other/$i.pem
key_file = $WORLD/other/$i.pem
trust_file = $WORLD/other/$i.pem
[certificate other$i.$ZONE]
issuer = other$i
END
    done | conf_add
}

@test "keys of another tool, which root reads before it becomes the owner, are not in its memory" {
    others 8
    hostile_conf
    state_of_postgres
    chown -R root: "$WORLD/conf"
    stalls_at new-order
    for i in $(seq 8); do
        openssl pkey -in "$WORLD/other/$i.pem" -out "$WORLD/other/$i.key"
        not has_key "$carrier" "$WORLD/other/$i.key"
    done
    # who takes them over has them: the search finds what is there
    has_key "$renewing" "$WORLD/other/8.key"
}

@test "it dies with the process that started it" {
    for step in new-order authz finalize certificate; do
        fresh
        renew_waits_at "$step"
        kill -KILL "$renewing" # not its group
        await 5 "the end of the other one" is_gone "$carrier"
        wait "$renewing" || :
    done
    hostile
    expect 0 pgcert renew
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
}

@test "when it is killed, the run says so, and the next one finishes the same order" {
    mark=$(pebble_mark)
    renew_waits_at finalize
    kill -KILL "$carrier"
    status=0
    wait "$renewing" || status=$?
    renewing=
    [ "$status" -eq 70 ]
    grep -q 'the process that speaks with issuers: .* is gone' "$WORLD/told"
    hostile
    expect 0 pgcert renew
    [ "$(requests "$mark" order-plz)" = 1 ]
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
}

# ---- a program that publishes the records is as confined as the one that runs it ----

# It tries what it may not, and what it may; each line of $WORLD/probe/log is a word and a status.
probe()
{
    local shell='#!/bin/bash'
    mkdir -m 1777 "$WORLD/probe"
    cat >"$WORLD/probe/hook" <<END
$shell
exec 2>>"$WORLD/probe/errors"
try()
{
    local word=\$1
    shift
    "\$@" >/dev/null
    echo "\$word \$?" >>"$WORLD/probe/log"
}
into() { echo x >"\$1"; }
if [ "\$1" = present ] && [ ! -e "$WORLD/probe/log" ]; then
    root=\$(awk '\$1 == "PPid:" { print \$2 }' /proc/\$PPID/status)
    try key cat "$(newest_generation)/key.pem"
    try next cat "$STATE/certificates/db.$ZONE/next.key"
    try next-is-there test -e "$STATE/certificates/db.$ZONE/next.key"
    try state into "$STATE/certificates/db.$ZONE/state.json"
    try new-generation mkdir "$STATE/certificates/db.$ZONE/99"
    try deployed cat "$PGDATA/pgcert.pem"
    try data into "$PGDATA/postgresql.auto.conf"
    try new-data into "$PGDATA/new"
    try memory dd if=/proc/\$root/mem bs=1 count=1
    try signal kill -0 \$root
    try root setpriv --reuid 0 --clear-groups true
    try namespace unshare --user --map-root-user true
    try mount mount -t tmpfs none /mnt
    try etc into /etc/pgcert-was-here
    try account test -r "$STATE/accounts/pebble/account.json"
    try hosts cat /etc/hosts
    try temporary into "$WORLD/probe/mine"
    try wanted into "$WORLD/pg/wanted/file"
    grep -E '^(Cap|NoNew|Seccomp:|Uid)' /proc/self/status >"$WORLD/probe/status"
fi
case \$1 in
present) printf 'server 127.0.0.1\nupdate add %s 60 TXT "%s"\nsend\n' "\$2" "\$3" ;;
cleanup) printf 'server 127.0.0.1\nupdate delete %s TXT "%s"\nsend\n' "\$2" "\$3" ;;
esac | nsupdate -k '$WORLD/bind/pgcert-key.key'
END
    chmod 755 "$WORLD/probe/hook"
    chown root: "$WORLD/probe/hook"
    mkdir -p "$WORLD/pg/wanted"
    chmod 1777 "$WORLD/pg/wanted"
    conf_add <<END
[issuer pebble]
dns = program
[dns program]
provider = exec
program = $WORLD/probe/hook
program_writes = $WORLD/pg/wanted
END
}

# Those that failed, and those that did not, in order.
refused()
{
    awk '$2 != 0 { printf "%s ", $1 }' "$WORLD/probe/log"
}

@test "a program gets no key, no server's file, no other process and no right, whoever's the state is" {
    for owner in postgres root; do
        rm -rf "$WORLD/probe" "$WORLD/pg/wanted"
        chown root: "$WORLD/bind/pgcert-key.key"
        fresh_and_served
        probe
        [ "$owner" = root ] || state_of_postgres
        chown "$owner" "$WORLD/probe/hook"
        expect 0 pgcert renew --force
        [ "$(served)" != "$first" ]
        cat "$WORLD/probe/log" "$WORLD/probe/errors"
        [ "$(refused)" = "key next state new-generation deployed data new-data memory signal root namespace mount etc " ]
        grep -q '^next-is-there 0' "$WORLD/probe/log"
        [ "$(grep -c '^Cap\(Prm\|Eff\|Amb\).*0000000000000000$' "$WORLD/probe/status")" -eq 3 ]
        grep -q '^NoNewPrivs:.1$' "$WORLD/probe/status"
        grep -q '^Seccomp:.2$' "$WORLD/probe/status"
        grep -q "^Uid:.$(id -u "$owner")" "$WORLD/probe/status"
        [ ! -e /etc/pgcert-was-here ] && [ ! -e "$PGDATA/new" ]
    done
}

# ---- who writes for a server ----

@test "who puts a file in place for a server became its owner, and can do nothing else" {
    have strace
    expect 0 strace -f -qq -o "$WORLD/trace" \
        -e trace=setresuid,landlock_restrict_self,seccomp,rename,renameat,renameat2,socket,execve \
        "$PGCERT" -c "$CONF" renew
    # what each process did until it renamed to pgcert.pem, by its number
    awk -v user="$(id -u postgres)" '
        $2 ~ "^setresuid\\(" user { did[$1] = "owner" }
        /landlock_restrict_self.* = 0/ { did[$1] = did[$1] " files" }
        /SECCOMP_SET_MODE_FILTER, 0, .* = 0/ { did[$1] = did[$1] " calls" }
        / (socket|execve)\(/ { did[$1] = did[$1] " more" }
        /rename.*"pgcert\.pem"/ { print did[$1] }' "$WORLD/trace" >"$WORLD/did"
    cat "$WORLD/did"
    [ "$(sort -u "$WORLD/did")" = "owner files calls" ]
}

# ---- what the kernel has, or has not ----

@test "a kernel without Landlock or filters is borne, and one that fails is not" {
    have strace
    strace -f -qq -o "$WORLD/trace" -e trace=seccomp,landlock_create_ruleset \
        -e inject=landlock_create_ruleset,seccomp:error=ENOSYS \
        "$PGCERT" -c "$CONF" -v renew 2>"$WORLD/told"
    grep -q 'no Landlock' "$WORLD/told"
    grep -q 'not filtered' "$WORLD/told"
    expect 0 strace -f -qq -o "$WORLD/trace" -e trace=seccomp,landlock_create_ruleset \
        -e inject=landlock_create_ruleset,seccomp:error=ENOSYS "$PGCERT" -c "$CONF" --json doctor secrets
    grep -q 'it has no Landlock' <<<"$output"
    grep -q 'it has no filters of system calls' <<<"$output"
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
    mark=$(pebble_mark)
    expect 74 strace -f -qq -o "$WORLD/trace" -e trace=landlock_restrict_self \
        -e inject=landlock_restrict_self:error=E2BIG "$PGCERT" -c "$CONF" renew --force
    grep -q 'is not confined' <<<"$stderr"
    grep -q 'restrict files by Landlock' <<<"$stderr"
    [ "$(requests "$mark" .)" = 0 ]
}

@test "nothing due: no other process is started, but by root the one that reads the server's file" {
    have strace
    expect 0 pgcert renew
    without_ari
    expect 0 strace -f -qq -o "$WORLD/trace" -e trace=clone,clone3,fork,vfork,socket,setresuid \
        "$PGCERT" -c "$CONF" renew
    cat "$WORLD/trace"
    [ "$(grep -cE ' (clone|clone3|fork|vfork)\(' "$WORLD/trace")" = 1 ]
    grep -q "setresuid($(id -u postgres)" "$WORLD/trace"
    not grep -q 'socket(AF_INET' "$WORLD/trace"
    state_of_postgres
    expect 0 as_postgres env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o "$PGDATA/trace" -e trace=clone,clone3,fork,vfork,socket,socketpair \
        "$PGCERT" -c "$CONF" renew
    cat "$PGDATA/trace"
    [ ! -s "$PGDATA/trace" ]
}
