#!/usr/bin/env bats
# What the processes of a run may, and what they hold: the one that speaks with issuers has no key of
# a certificate, and the one that has keys only the right to become others.
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

child_of()
{
    ps -o pid= --ppid "$1" | tr -d ' ' | grep .
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

@test "the process that waits for the issuer has no key, and no right" {
    expect 0 pgcert renew
    renew_waits_at finalize --force
    [ "$(field "$renewing" CapPrm)" = 00000000000000c0 ] # CAP_SETGID and CAP_SETUID
    [ "$(field "$renewing" CapEff)" = 0000000000000000 ]
    [ "$(field "$renewing" CapBnd)" = 00000000000000c0 ]
    [ "$(field "$renewing" NoNewPrivs)" = 1 ]
    [ "$(field "$renewing" Uid)" = "$(id -u postgres)" ]
    [ "$(field "$carrier" CapPrm)" = 0000000000000000 ]
    [ "$(field "$carrier" CapEff)" = 0000000000000000 ]
    [ "$(field "$carrier" NoNewPrivs)" = 1 ]
    [ "$(field "$carrier" Seccomp)" = 2 ]
    [ "$(field "$carrier" Uid)" = "$(id -u postgres)" ]
    # who has made it has it: the search finds what is there
    has_key "$renewing" "$STATE/certificates/db.$ZONE/next.key"
    not has_key "$carrier" "$STATE/certificates/db.$ZONE/next.key"
    not has_key "$carrier" "$(newest_generation)/key.pem"
    # and who has keys speaks with nobody outside
    ss -Htnp | grep -q "pid=$carrier,"
    not grep -q "pid=$renewing," <<<"$(ss -Htnap)"
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
    says 'is not confined: restrict files by Landlock'
    [ "$(requests "$mark" .)" = 0 ]
}

@test "nothing due: no other process is started" {
    have strace
    expect 0 pgcert renew
    without_ari
    expect 0 strace -f -qq -o "$WORLD/trace" -e trace=clone,clone3,fork,vfork,socket,socketpair \
        "$PGCERT" -c "$CONF" renew
    cat "$WORLD/trace"
    [ ! -s "$WORLD/trace" ]
}
