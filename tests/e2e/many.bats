#!/usr/bin/env bats
# Many certificates in one run: at the same time, in few requests and few updates, and each of them
# stands for itself.
load ../e2e/world

pebble_variables=()

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

# Wants `renew` to end with that status; since then are $mark, in Pebble's log, and SECONDS. A Pebble that has
# locked itself up says nothing of pgcert: another one is asked, which does not know what was before:
# renews STATUS [OPTION...]
renews()
{
    rm -rf "$STATE.before"
    [ ! -e "$STATE" ] || cp -a "$STATE" "$STATE.before"
    renews_once "${@:2}"
    if [ "$status" -ne "$1" ] && pebble_is_locked_up; then
        echo "Pebble has locked itself up: once more" >&2
        pebble_stop && pebble_start "${pebble_variables[@]}"
        renews_once # it takes away the records that the one before has published
        rm -rf "$STATE"
        [ ! -e "$STATE.before" ] || mv "$STATE.before" "$STATE"
        renews_once "${@:2}"
    fi
    ended_with "$1" renew "${@:2}"
}

renews_once()
{
    mark=$(pebble_mark) SECONDS=0
    run --separate-stderr timeout 40 "$PGCERT" -c "$CONF" renew "$@" 3>&- 4>&- </dev/null
}

@test "forty certificates: one account, one connection, few requests, few updates" {
    # shellcheck disable=SC2046 # words are wanted
    several $(numbered 40)
    renews 0 -v
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
    renews 77
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
    renews 0 "a.$ZONE" "b.$ZONE" "a.$ZONE"
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
    renews 0
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
    renews 0
    [ "$(issued_count)" = 10 ]
    [ "$SECONDS" -lt 10 ]
}

@test "an issuer that wants its terms agreed to is asked once for all" {
    # shellcheck disable=SC2046
    several $(numbered 20)
    conf_add <<<$'[issuer pebble]\nagree_terms = no'
    renews 78
    grep -c "agree_terms" <<<"$stderr" | grep -x 20
    [ "$(requests "$mark" .)" -le 2 ]
}

@test "an account that is gone is registered anew once for all" {
    several "a.$ZONE"
    renews 0
    pebble_stop && pebble_start
    # shellcheck disable=SC2046
    several $(numbered 12)
    renews 0
    [ "$(requests "$mark" "POST /sign-me-up")" = 1 ]
    [ "$(issued_count)" = 13 ]
}

@test "rejected nonces, sleeps before checks and authorizations used again: all come through" {
    pebble_variables=(PEBBLE_WFE_NONCEREJECT=15 PEBBLE_VA_NOSLEEP= PEBBLE_VA_SLEEPTIME=1 PEBBLE_AUTHZREUSE=50)
    pebble_stop && pebble_start "${pebble_variables[@]}"
    # shellcheck disable=SC2046
    several $(numbered 30)
    renews 0
    renews 0 --force
    [ "$(find "$STATE/certificates" -name chain.pem | wc -l)" = 60 ] && none_left
    pebble_stop && pebble_start
}

@test "an issuer that fails in the middle: those that are done are done, the others come later" {
    hostile_conf
    # shellcheck disable=SC2046
    several $(numbered 16)
    hostile "finalize 5 status 503 serverInternal 1"
    renews 75
    [ "$(issued_count)" = 11 ] && none_left
    hostile
    renews 0 --force
    [ "$(grep -c ": renewed" <<<"$output")" = 16 ]
}

@test "a connection that breaks for all at once harms nothing, and the next run finishes" {
    hostile_conf
    # shellcheck disable=SC2046
    several $(numbered 16)
    hostile "challenge 3 close" "authz 2 close"
    renews 75
    none_left
    hostile
    renews 0 --force
    [ -z "$(dns_challenges "$ZONE")" ]
}

@test "killed anywhere: no record stays after the next run, and every certificate is there" {
    # shellcheck disable=SC2046
    several $(numbered 24)
    for pause in 0.05 0.12 0.2 0.3 0.45; do
        rm -rf "$STATE"
        timeout -s KILL "$pause" "$PGCERT" -c "$CONF" renew 3>&- 4>&- </dev/null >/dev/null 2>&1 || :
        [ ! -e "$STATE/lock" ] || flock "$STATE/lock" true # timeout does not wait for what it kills
        renews 0 --force
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
    renews 0
    [ "$(served)" = "$(leaf_sha256 "$STATE/certificates/db.$ZONE/1/chain.pem")" ]
    grep "^db.$ZONE: renewed, deployed, proved" <<<"$output"
}

@test "three hundred are more than go on at once" {
    # shellcheck disable=SC2046
    several $(numbered 300)
    prlimit --nofile=1024:1024 --pid $BASHPID
    renews 0
    [ "$(issued_count)" = 300 ] && none_left
}
