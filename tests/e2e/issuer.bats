#!/usr/bin/env bats
# More than one issuer: one that stands in when the usual one fails, and one to rehearse at.
load ../e2e/world

setup_file()
{
    world_start
    hostile_start
}

setup()
{
    fresh
    hostile
}

# The usual issuer is the hostile one, and Pebble itself stands in for it.
with_fallback()
{
    hostile_conf
    conf_add <<END
[issuer pebble]
fallback = other

[issuer other]
directory = $DIRECTORY
contact = mailto:dba@$ZONE
agree_terms = yes
dns = world
ca_file = $WORLD/pebble/https-ca.pem
trust_file = $WORLD/pebble/root.pem

[certificate db.$ZONE]
deploy =
END
}

# Who gave the newest generation.
issuer_of_newest()
{
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["issuer"])' \
        "$(newest_generation)/about.json"
}

# Moves what is remembered: as_if_days_passed DAYS, and no failure holds back the next try.
as_if_days_passed()
{
    without_ari
    python3 - "$(newest_generation)/about.json" "$STATE/certificates/db.$ZONE/state.json" "$1" <<'END'
import json, sys
about, state = (json.load(open(path)) for path in sys.argv[1:3])
for date in "not_before", "not_after", "created_at":
    about[date] -= int(sys.argv[3]) * 86400
state.get("last_attempt", {}).pop("next_at", None)
state.pop("renewal_info", None) # what was advised before
json.dump(about, open(sys.argv[1], "w"))
json.dump(state, open(sys.argv[2], "w"))
END
}

# ---- fallback ----

@test "without any certificate the other issuer is asked at once" {
    with_fallback
    hostile "new-order * status 500 serverInternal"
    expect 0 pgcert renew
    says "\[issuer pebble\] fails, and \[issuer other\] is tried instead: .*500|serverInternal"
    [ "$(issuer_of_newest)" = other ]
    [ -z "$(dns_challenges "$ZONE")" ]
}

@test "what the other issuer gave stays until its time, and then the usual one is asked first" {
    with_fallback
    hostile "new-order * status 500 serverInternal"
    expect 0 pgcert renew
    hostile
    expect 0 pgcert renew
    [[ $output == *"nothing to do"* ]]
    [ ! -s "$WORLD/hostile/log" ]
    as_if_days_passed 70
    expect 0 pgcert renew
    [ "$(issuer_of_newest)" = pebble ]
}

@test "with time left the usual issuer is given up after three failures in a row" {
    with_fallback
    expect 0 pgcert renew
    as_if_days_passed 61
    hostile "new-order * status 403 rejectedIdentifier"
    for _ in 1 2; do
        expect 69 pgcert renew --force
        [ "$(issuer_of_newest)" = pebble ]
    done
    expect 0 pgcert renew --force
    [ "$(issuer_of_newest)" = other ]
}

@test "when half of the time to renew is over the other issuer is asked at the first failure" {
    with_fallback
    expect 0 pgcert renew
    as_if_days_passed 77
    hostile "new-order * status 500 serverInternal"
    expect 0 pgcert renew
    [ "$(issuer_of_newest)" = other ]
}

@test "an issuer that cannot be reached is replaced, too, and both are told when both fail" {
    with_fallback
    conf_add <<<$'[issuer pebble]\ndirectory = https://localhost:14999/dir'
    expect 0 pgcert renew
    [ "$(issuer_of_newest)" = other ]
    rm -rf "$STATE"
    conf_add <<<$'[issuer other]\ndirectory = https://localhost:14998/dir'
    expect 75 pgcert renew
    says "is tried instead: .*14999"
    says "\[issuer other\] fails, too: .*14998"
}

@test "our own name server's refusal is no reason to ask another issuer" {
    with_fallback
    conf_add <<<"[certificate db.$ZONE]
names = db.elsewhere.test"
    run pgcert renew
    [ "$status" -ne 0 ]
    [[ $output != *"tried instead"* ]]
}

@test "a name server that is not there is no reason to ask another issuer" {
    with_fallback
    conf_add <<<$'[dns world]\nserver = 127.0.0.9\ntimeout = 3s'
    expect 75 pgcert renew
    [[ $stderr != *"tried instead"* ]]
}

@test "what the other issuer gave is judged by the roots of that one, and served" {
    with_fallback
    pg_serves_pgcert
    conf_add <<END
[issuer pebble]
trust_file = $WORLD/hostile/ca.pem

[certificate db.$ZONE]
deploy = main
END
    hostile "new-order * status 500 serverInternal"
    expect 0 pgcert renew
    [ "$(issuer_of_newest)" = other ]
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
    expect 0 pgcert --json status
    [ "$(json "['certificates'][0]['issuer']")" = other ]
    expect 0 pgcert deploy
}

@test "while the usual issuer wants to be left alone, the other one is asked when the time gets short" {
    with_fallback
    expect 0 pgcert renew
    as_if_days_passed 61
    hostile "new-order * status 429 rateLimited 500000"
    expect 75 pgcert renew
    [ "$(issuer_of_newest)" = pebble ]
    expect 75 pgcert renew
    python3 - "$(newest_generation)/about.json" <<'END'
import json, sys
about = json.load(open(sys.argv[1]))
for date in "not_before", "not_after", "created_at":
    about[date] -= 16 * 86400
json.dump(about, open(sys.argv[1], "w"))
END
    : >"$WORLD/hostile/log"
    expect 0 pgcert renew
    [ "$(issuer_of_newest)" = other ]
    [ ! -s "$WORLD/hostile/log" ]
}

@test "a fallback that is not there, or is the issuer itself, is a wrong setting" {
    conf_add <<<$'[issuer pebble]\nfallback = nowhere'
    expect 78 pgcert config check
    says "nowhere"
    conf_add <<<$'[issuer pebble]\nfallback = pebble'
    expect 78 pgcert config check
    says "'fallback' must be another issuer"
}

# ---- rehearse ----

with_rehearsal()
{
    conf_add <<END
[issuer pebble]
rehearsal = https://localhost:14100/dir
END
}

@test "a rehearsal runs a whole order and changes nothing" {
    fresh_and_served
    with_rehearsal
    mark=$(newest_generation)
    expect 0 pgcert renew --rehearse
    [[ $output == "db.$ZONE: rehearsed; "* ]]
    [ "$(grep -c "finalize-order" "$WORLD/hostile/log")" = 1 ]
    [ "$(newest_generation)" = "$mark" ]
    [ "$(served)" = "$first" ]
    [ -z "$(dns_challenges "$ZONE")" ]
    [ -z "$(find "$STATE/certificates" "$STATE/records" -name '*rehearsal*')" ]
    expect 0 pgcert renew
    [[ $output == *"nothing to do"* ]]
}

@test "a rehearsal needs no certificate yet, and what it gives need not be trusted" {
    with_rehearsal
    conf_add <<<$'[issuer pebble]\ntrust_file ='
    expect 0 pgcert --json renew --rehearse
    [ "$(json "['certificates'][0]['did']")" = "['rehearsed']" ]
    [ -z "$(newest_generation)" ]
    # its account is another one
    [ -s "$STATE/accounts/pebble/rehearsal/account.key" ]
    [ ! -e "$STATE/accounts/pebble/account.key" ]
}

@test "a rehearsal that fails says why, and costs the real order nothing" {
    with_rehearsal
    hostile "finalize 1 status 403 badCSR"
    expect 69 pgcert renew --rehearse
    says "badCSR"
    expect 0 pgcert renew
    with_rehearsal
    hostile "certificate 1 other-key"
    expect 65 pgcert renew --rehearse
    says "does not (match|belong)|another key|not acceptable"
}

@test "without a rehearsal directory it is a wrong setting" {
    expect 78 pgcert renew --rehearse
    says "has no 'rehearsal'"
    expect 64 pgcert renew --rehearse --force
}
