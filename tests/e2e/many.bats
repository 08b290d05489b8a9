#!/usr/bin/env bats
# Many certificates in one run: at the same time, in few requests and few updates, and each of them
# stands for itself.
load ../e2e/world

setup_file()
{
    bind_zones
    pebble_start
    hostile_start
}

# Besides the world's zone one that refuses our key.
bind_zones()
{
    mkdir -p "$WORLD/bind"
    bind_write_conf "$WORLD/bind" 127.0.0.1
    bind_key pgcert-key
    bind_zone "$ZONE"
    bind_zone refusing.test ""
    bind_start
}

# Certificates without a target, one for each name: several NAME...
several()
{
    local name
    sed -i '/^\[certificate /,/^$/d' "$CONF"
    for name in "$@"; do
        printf '[certificate %s]\nissuer = pebble\nnames = %s\n\n' "$name" "$name"
    done | conf_add
}

# c1.example.test ... cN.example.test: numbered N
numbered()
{
    seq -f "c%g.$ZONE" "$1"
}

# How many of them there are.
issued_count()
{
    find "$STATE/certificates" -name chain.pem | wc -l
}

none_left()
{
    [ -z "$(dns_challenges "$ZONE")" ] && [ -z "$(ls -A "$STATE/records")" ]
}

# How often the name server was asked to change something in the last run: updates published|removed
updates()
{
    grep -cE "[0-9]+ records? of [0-9]+ orders? $1" <<<"$stderr" || :
}

@test "forty certificates: one account, one connection, few requests, few updates" {
    # shellcheck disable=SC2046 # words are wanted
    several $(numbered 40)
    mark=$(pebble_mark)
    expect 0 pgcert -v renew
    [ "$(issued_count)" = 40 ] && none_left
    [ "$(requests "$mark" "POST /sign-me-up")" = 1 ]
    [ "$(requests "$mark" "/dir")" = 1 ]
    [ "$(requests "$mark" "HEAD")" -le 16 ]
    [ "$(requests "$mark" .)" -le $((40 * 9 + 20)) ]
    [ "$(updates published)" -le 4 ]
    [ "$(updates removed)" -le 8 ]
    [ "$(grep -c "renewed" <<<"$output")" = 40 ]
}

@test "their report is in the order of the settings" {
    several "z.$ZONE" "a.$ZONE" "m.$ZONE"
    expect 0 pgcert --json renew
    [ "$(python3 -c 'import json, sys
print("".join(c["name"][0] for c in json.load(sys.stdin)["certificates"]))' <<<"$output")" = zam ]
}

@test "one whose records are refused fails alone" {
    several "a.$ZONE" "b.refusing.test" "c.$ZONE" "d.$ZONE"
    expect 77 pgcert renew
    says "^pgcert: b.refusing.test: .*REFUSED"
    [ "$(wc -l <<<"$stderr")" = 1 ]
    [ "$(issued_count)" = 3 ]
    [ -z "$(dns_challenges "$ZONE")" ]
}

@test "one whose zone has no server that answers fails alone" {
    several "a.$ZONE" "b.nowhere.test" "c.$ZONE"
    sed -i '/^server = /d' "$CONF"
    conf_add <<<$'[dns world]\ntimeout = 4s'
    run --separate-stderr pgcert renew
    [ "$status" -ne 0 ]
    says "^pgcert: b.nowhere.test: "
    [ "$(wc -l <<<"$stderr")" = 1 ]
    [ "$(issued_count)" = 2 ]
}

@test "a name that is given twice is renewed once" {
    several "a.$ZONE" "b.$ZONE"
    mark=$(pebble_mark)
    expect 0 pgcert renew "a.$ZONE" "b.$ZONE" "a.$ZONE"
    [ "$(issued_count)" = 2 ]
    [ "$(requests "$mark" "POST /order-plz")" = 2 ]
}

@test "one that waits holds up no other" {
    several "slow.$ZONE" "a.$ZONE" "b.$ZONE"
    conf_add <<END
[issuer slow]
directory = $DIRECTORY
contact = mailto:dba@$ZONE
agree_terms = yes
dns = slow
ca_file = $WORLD/pebble/https-ca.pem
trust_file = $WORLD/pebble/root.pem

[dns slow]
provider = rfc2136
server = 127.0.0.1
tsig_file = $WORLD/bind/pgcert-key.key
propagation = wait
wait = 4s

[certificate slow.$ZONE]
issuer = slow
END
    expect 0 pgcert renew
    [ "$(issued_count)" = 3 ]
    [[ $(tail -n 1 <<<"$output") == "slow.$ZONE: renewed"* ]]
    slow=$(stat -c %Y "$STATE/certificates/slow.$ZONE"/1/chain.pem)
    for name in a b; do
        [ $((slow - $(stat -c %Y "$STATE/certificates/$name.$ZONE"/1/chain.pem))) -ge 3 ]
    done
}

@test "waits of several overlap" {
    # shellcheck disable=SC2046
    several $(numbered 10)
    conf_add <<<$'[dns world]\npropagation = wait\nwait = 3s'
    SECONDS=0
    expect 0 pgcert renew
    [ "$(issued_count)" = 10 ]
    [ "$SECONDS" -lt 10 ]
}

@test "an issuer that wants its terms agreed to is asked once for all" {
    # shellcheck disable=SC2046
    several $(numbered 20)
    conf_add <<<$'[issuer pebble]\nagree_terms = no'
    mark=$(pebble_mark)
    expect 78 pgcert renew
    grep -c "agree_terms" <<<"$stderr" | grep -x 20
    [ "$(requests "$mark" .)" -le 2 ]
}

@test "an account that is gone is registered anew once for all" {
    several "a.$ZONE"
    expect 0 pgcert renew
    pebble_stop && pebble_start
    # shellcheck disable=SC2046
    several $(numbered 12)
    mark=$(pebble_mark)
    expect 0 pgcert renew
    [ "$(requests "$mark" "POST /sign-me-up")" = 1 ]
    [ "$(issued_count)" = 13 ]
}

@test "rejected nonces, sleeps before checks and authorizations used again: all come through" {
    pebble_stop && pebble_start PEBBLE_WFE_NONCEREJECT=15 PEBBLE_VA_NOSLEEP= PEBBLE_VA_SLEEPTIME=1 \
        PEBBLE_AUTHZREUSE=50
    # shellcheck disable=SC2046
    several $(numbered 30)
    expect 0 pgcert renew
    expect 0 pgcert renew --force
    [ "$(find "$STATE/certificates" -name chain.pem | wc -l)" = 60 ] && none_left
    pebble_stop && pebble_start
}

@test "an issuer that fails in the middle: those that are done are done, the others come later" {
    hostile_conf
    # shellcheck disable=SC2046
    several $(numbered 16)
    hostile "finalize 5 status 503 serverInternal 1"
    expect 75 pgcert renew
    [ "$(issued_count)" = 11 ] && none_left
    hostile
    expect 0 pgcert renew --force
    [ "$(grep -c ": renewed" <<<"$output")" = 16 ]
}

@test "a connection that breaks for all at once harms nothing, and the next run finishes" {
    hostile_conf
    # shellcheck disable=SC2046
    several $(numbered 16)
    hostile "challenge 3 close" "authz 2 close"
    expect 75 pgcert renew
    none_left
    hostile
    expect 0 pgcert renew --force
    [ -z "$(dns_challenges "$ZONE")" ]
}

# Pebble locks itself up now and then when there are many requests (a read lock that it takes twice:
# letsencrypt/pebble#554): then another one is asked, which does not know the orders of before.
#
# Renews all, in at most SECONDS: finishes SECONDS [OPTION...]
finishes()
{
    local seconds=$1
    run --separate-stderr timeout "$seconds" "$PGCERT" -c "$CONF" renew "${@:2}"
    [ "$status" -ne 124 ] || { pebble_stop && pebble_start && run --separate-stderr pgcert renew "${@:2}"; }
    [ "$status" -eq 0 ] || { printf '%s\n' "$status: $stderr"; return 1; }
}

@test "killed anywhere: no record stays after the next run, and every certificate is there" {
    # shellcheck disable=SC2046
    several $(numbered 24)
    for pause in 0.05 0.12 0.2 0.3 0.45; do
        rm -rf "$STATE"
        timeout -s KILL "$pause" "$PGCERT" -c "$CONF" renew 3>&- 4>&- </dev/null >/dev/null 2>&1 || :
        [ ! -e "$STATE/lock" ] || flock "$STATE/lock" true # timeout does not wait for what it kills
        finishes 20 --force
        none_left
        [ "$(find "$STATE/certificates" -maxdepth 1 -mindepth 1 | wc -l)" = 24 ]
        expect 0 pgcert renew
        [ "$(grep -c "nothing to do" <<<"$output")" = 24 ]
    done
    pebble_stop && pebble_start
}

@test "several targets are deployed and proved in one run" {
    pg_serves_pgcert
    several "a.$ZONE" "db.$ZONE" "b.$ZONE"
    conf_add <<<"[certificate db.$ZONE]
deploy = main"
    expect 0 pgcert renew
    [ "$(served)" = "$(leaf_sha256 "$STATE/certificates/db.$ZONE/1/chain.pem")" ]
    grep "^db.$ZONE: renewed, deployed, proved" <<<"$output"
}

@test "three hundred are more than go on at once" {
    # shellcheck disable=SC2046
    several $(numbered 300)
    prlimit --nofile=1024:1024 --pid $BASHPID
    finishes 40
    [ "$(issued_count)" = 300 ] && none_left
}
