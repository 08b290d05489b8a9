#!/usr/bin/env bats
# An issuer that is down, slow, refusing or lying. Whatever it does: the exit status of the manual,
# one clear sentence, and the database serves what it served before, also after a restart.
load ../e2e/world

setup_file()
{
    world_start
    hostile_start
}

# An old certificate is served and a renewal is due: the worst moment for a failure.
setup()
{
    fresh
    pg_serves_pgcert
    first=$(served)
    hostile
    hostile_conf
}

# The run fails as it should, and nothing is lost: refuses STATUS PATTERN
refuses()
{
    run --separate-stderr pgcert renew
    [ "$status" -eq "$1" ] || { echo "expected status $1"; return 1; }
    says "$2" && nothing_lost
}

nothing_lost()
{
    [ -z "$(newest_generation)" ] && unharmed "$first" && [ -z "$(dns_challenges "$ZONE")" ]
}

# After the trouble a run finishes the work.
recovers()
{
    hostile
    expect 0 pgcert renew --force
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
    [ "$(served)" != "$first" ]
    [ -z "$(dns_challenges "$ZONE")" ]
}

@test "an honest proxy is as good as Pebble itself" {
    expect 0 pgcert renew
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
}

# ---- not reachable, not trusted ----

@test "an issuer that is down is a temporary failure" {
    conf_add <<<$'[issuer pebble]\ndirectory = https://localhost:14999/dir'
    refuses 75 "localhost:14999"
}

@test "a host name that does not exist is a temporary failure and is named" {
    conf_add <<<$'[issuer pebble]\ndirectory = https://acme.nowhere.invalid/dir'
    refuses 75 "acme.nowhere.invalid"
}

@test "http instead of https is refused without a request" {
    conf_add <<<$'[issuer pebble]\ndirectory = http://localhost:14100/dir'
    refuses 78 "https"
    [ ! -s "$WORLD/hostile/log" ]
}

@test "an untrusted certificate of the issuer is told, with what to set" {
    conf_add <<<$'[issuer pebble]\nca_file = '"$WORLD/hostile/ca.pem"
    refuses 75 "certificate.*(trust|verif).*ca_file"
    [ ! -s "$WORLD/hostile/log" ]
}

@test "without ca_file only the system's roots are trusted" {
    sed -i '/^ca_file/d' "$CONF"
    refuses 75 "certificate.*(trust|verif)"
}

@test "a ca_file that is not there is a wrong setting" {
    conf_add <<<$'[issuer pebble]\nca_file = /nowhere/ca.pem'
    refuses 78 "/nowhere/ca.pem"
}

# ---- refusals ----

@test "status 500 is a temporary failure, and the next run succeeds" {
    hostile "new-order * status 500"
    refuses 75 "as told|500"
    recovers
}

@test "status 503 at any step is a temporary failure" {
    for step in directory nonce account new-order authz challenge finalize certificate; do
        fresh
        hostile_conf
        hostile "$step * status 503"
        refuses 75 "as told|503"
    done
    recovers
}

@test "429 with Retry-After in seconds is obeyed and its time is said" {
    hostile "new-order * status 429 rateLimited 7200"
    refuses 75 "before 20..-..-..T..:..:..Z"
    expect 0 pgcert --json status
    next=$(date -d "$(json "['certificates'][0]['last_attempt']['next_at']")" +%s)
    [ $((next - EPOCHSECONDS)) -gt 7100 ]
    [ $((next - EPOCHSECONDS)) -le 7200 ]
}

@test "429 with Retry-After as a date is obeyed" {
    hostile "new-order * status 429 rateLimited +7200"
    refuses 75 "before 20..-..-..T..:..:..Z"
    expect 0 pgcert --json status
    next=$(date -d "$(json "['certificates'][0]['last_attempt']['next_at']")" +%s)
    [ $((next - EPOCHSECONDS)) -gt 7100 ]
    [ $((next - EPOCHSECONDS)) -le 7200 ]
}

@test "before that time a run does not ask again, and still says why" {
    hostile "new-order * status 429 rateLimited 7200"
    refuses 75 "before 20"
    : >"$WORLD/hostile/log"
    expect 75 pgcert renew
    [ ! -s "$WORLD/hostile/log" ]
    [ -n "$stderr" ]
}

@test "a Retry-After of a hundred years does not stop renewals for ever" {
    hostile "new-order * status 429 rateLimited 3153600000"
    refuses 75 "rateLimited|as told"
    expect 0 pgcert --json status
    next=$(date -d "$(json "['certificates'][0]['last_attempt']['next_at']")" +%s)
    [ $((next - EPOCHSECONDS)) -le $((8 * 86400)) ]
}

# When the next try is, in seconds from now.
next_try()
{
    expect 0 pgcert --json status
    echo $(($(date -d "$(json "['certificates'][0]['last_attempt']['next_at']")" +%s) - EPOCHSECONDS))
}

# As if the last failure were so many minutes older.
later()
{
    python3 - "$STATE/certificates/db.$ZONE/state.json" "$1" <<'END'
import datetime, json, sys
state = json.load(open(sys.argv[1]))
last = state["last_attempt"]
for key in "at", "since", "next_at":
    then = datetime.datetime.strptime(last[key], "%Y-%m-%dT%H:%M:%SZ")
    then -= datetime.timedelta(minutes=int(sys.argv[2]))
    last[key] = then.strftime("%Y-%m-%dT%H:%M:%SZ")
json.dump(state, open(sys.argv[1], "w"))
END
}

@test "failures in a row are tried again after 1, 10, 100 minutes and a day" {
    hostile "new-order * status 500"
    count=0
    for step in 1 10 100 1440 1440; do
        refuses 75 "as told.*before 20..-..-..T..:..:..Z"
        count=$((count + 1))
        wait=$(next_try)
        echo "after $count failures: $wait s"
        [ "$wait" -ge $((step * 60 - 5)) ] && [ "$wait" -le $((step * 66)) ]
        expect 0 pgcert --json status
        [ "$(json "['certificates'][0]['last_attempt']['failures']")" = "$count" ]
        : >"$WORLD/hostile/log"
        expect 75 pgcert renew
        [ ! -s "$WORLD/hostile/log" ]
        later $((step * 66 / 60 + 1))
    done
    recovers
    expect 0 pgcert --json status
    [ "$(json "['certificates'][0]['last_attempt']['failures']")" = 0 ]
    [ "$(json "['certificates'][0]['last_attempt']['since']")" = null ]
}

@test "before its time a run says in one sentence since when it fails, why, and when it is tried" {
    hostile "new-order * status 403 rejectedIdentifier"
    refuses 69 "as told.*not tried again before 20"
    expect 75 pgcert renew
    says "^.*db.$ZONE: it fails since 20..-..-..T..:..:..Z: .*as told.*; not tried again before 20..-"
    [ "$(wc -l <<<"$stderr")" = 1 ]
    expect 0 pgcert status
    grep -qE "fails +since 20..-..-.. ..:.. UTC, 1 time at the issuer$" <<<"$output"
    grep -qE "next try +not before 20..-..-.. ..:.. UTC \(in [0-9]+ s\)" <<<"$output"
    # forced, it asks
    : >"$WORLD/hostile/log"
    expect 69 pgcert renew --force
    grep -q order-plz "$WORLD/hostile/log"
}

@test "an issuer that could not be reached may be tried again at once" {
    conf_add <<<$'[issuer pebble]\ndirectory = https://localhost:14999/dir'
    expect 75 pgcert renew
    expect 75 pgcert renew
    says "localhost:14999.*the next run tries again"
    hostile_conf
    expect 0 pgcert renew
}

@test "settings that were changed after a first failure are tried at once" {
    hostile "finalize * invalid"
    refuses 69 "CAA forbids"
    hostile
    expect 75 pgcert renew
    conf_add <<<"[certificate db.$ZONE]"$'\nkey_type = ecdsa-p384'
    expect 0 pgcert renew
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
}

@test "a refused identifier is the issuer's refusal" {
    hostile "new-order * status 403 rejectedIdentifier"
    refuses 69 "rejectedIdentifier|as told"
}

@test "an order that becomes invalid tells the reason for each name" {
    hostile "finalize * invalid"
    refuses 69 "db.$ZONE.*CAA forbids"
}

@test "an issuer that cannot see the record is a refusal that names the name" {
    conf_add <<<$'[dns world]\npropagation = wait\nwait = 0s'
    # The record goes to another name server than the one that Pebble asks.
    bind_start other 127.0.0.2
    cp "$WORLD/bind/zones.conf" "$WORLD/other/zones.conf"
    bind_write_zone "$WORLD/other/$ZONE.zone" "$ZONE" ns1
    sed -i "s|file \"$WORLD/bind/$ZONE.zone\"|file \"$WORLD/other/$ZONE.zone\"|" "$WORLD/other/zones.conf"
    bind_reload other 127.0.0.2
    conf_add <<<$'[dns world]\nserver = 127.0.0.2'
    run --separate-stderr pgcert renew
    bind_stop other
    [[ $status -eq 69 || $status -eq 75 ]]
    says "db.$ZONE"
    nothing_lost
}

# ---- answers that break the protocol ----

@test "garbage instead of JSON is a broken protocol" {
    for step in directory new-order authz; do
        fresh
        hostile_conf
        hostile "$step * garbage"
        refuses 76 "JSON|directory|order|authorization|answer"
    done
    recovers
}

@test "a body without end is cut off" {
    hostile "directory * endless"
    refuses 76 "larger|too large"
    hostile "certificate * endless"
    run --separate-stderr pgcert renew --force
    [ "$status" -eq 76 ]
    nothing_lost
}

@test "an answer that breaks off is a temporary failure" {
    for step in directory new-order certificate; do
        fresh
        hostile_conf
        hostile "$step * close"
        refuses 75 "localhost:14100"
    done
    recovers
}

@test "a redirect is not followed" {
    hostile "directory * redirect $DIRECTORY"
    mark=$(pebble_mark)
    run --separate-stderr pgcert renew
    [[ $status -eq 76 || $status -eq 75 ]]
    says "302|redirect"
    [ "$(requests "$mark" .)" = 0 ]
    nothing_lost
}

@test "http URLs inside of an answer are refused" {
    for step in directory new-order authz; do
        fresh
        hostile_conf
        hostile "$step * http-urls"
        run --separate-stderr pgcert renew
        [[ $status -eq 76 || $status -eq 78 ]]
        says "https"
        nothing_lost
    done
}

@test "a token that is no base64url never reaches a name or a path" {
    hostile "authz * token ../../etc/passwd"
    refuses 76 "token"
    hostile 'authz * token $(id)'
    run --separate-stderr pgcert renew --force
    [ "$status" -eq 76 ]
    nothing_lost
}

@test "a wrong content type of the certificate does no harm" {
    hostile "certificate * type text/html"
    run --separate-stderr pgcert renew
    [[ $status -eq 0 || $status -eq 76 ]]
    [ "$status" -eq 0 ] || nothing_lost
}

# ---- nonces ----

@test "a nonce that is refused is asked for again" {
    hostile "new-order 2 bad-nonce" "finalize 1 bad-nonce"
    expect 0 pgcert renew
    [ "$(grep -c bad-nonce "$WORLD/hostile/log")" = 3 ]
}

@test "nonces that are refused for ever end as a temporary failure" {
    hostile "new-order * bad-nonce"
    refuses 75 "nonce"
    [ "$(grep -c bad-nonce "$WORLD/hostile/log")" -le 20 ]
}

@test "half of all nonces refused: six runs go through" {
    pebble_stop
    pebble_start PEBBLE_WFE_NONCEREJECT=50
    world_conf
    for _ in 1 2 3 4 5 6; do
        expect 0 pgcert renew --force
    done
    [[ $(newest_generation) == */6 ]]
    pebble_stop
    pebble_start
}

# ---- slow orders ----

@test "an order that is processing is asked again after the time that the server said" {
    hostile "finalize 1 processing 1" "order 1 processing 2"
    start=${EPOCHREALTIME/./}
    expect 0 pgcert renew
    [ $((${EPOCHREALTIME/./} - start)) -ge 2500000 ]
    [ "$(grep -c processing "$WORLD/hostile/log")" = 2 ]
}

@test "the same with the time as an HTTP date" {
    hostile "finalize 1 processing +2"
    start=${EPOCHREALTIME/./}
    expect 0 pgcert renew
    [ $((${EPOCHREALTIME/./} - start)) -ge 1000000 ]
}

@test "validation that takes seconds, as Pebble does by default, is waited for" {
    pebble_stop
    pebble_start PEBBLE_VA_NOSLEEP=0 PEBBLE_VA_SLEEPTIME=3
    world_conf
    expect 0 pgcert renew
    pebble_stop
    pebble_start
}

# ---- certificates that are not what was ordered ----

@test "a certificate for another key is not stored and not deployed" {
    hostile "certificate * other-key"
    refuses 65 "key"
}

@test "a certificate for another name is not stored and not deployed" {
    hostile "certificate * other-name evil.test"
    refuses 65 "db.$ZONE"
}

@test "a certificate without any name is not stored and not deployed" {
    hostile "certificate * other-name -"
    refuses 65 "db.$ZONE"
}

@test "a certificate without its intermediate is not stored and not deployed" {
    hostile "certificate * leaf-only"
    refuses 65 "chain|issuer|intermediate|root"
}

@test "after a certificate that was no good the next run makes a new order" {
    hostile "certificate * other-key"
    refuses 65 "key"
    recovers
    [ "$(grep -c order-plz "$WORLD/hostile/log")" = 1 ]
}

@test "an order whose chain was not trusted is fetched again when trust_file is right" {
    conf_add <<<$'[issuer pebble]\ntrust_file = '"$WORLD/pebble/https-ca.pem"
    mark=$(pebble_mark)
    refuses 65 "trust"
    rm "$WORLD/conf/conf.d/50-test.conf"
    hostile_conf
    expect 0 pgcert renew
    [ "$(requests "$mark" order-plz)" = 1 ]
    [ "$(requests "$mark" finalize)" = 1 ]
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
}

# ---- the account ----

@test "an account that the server has forgotten is made anew" {
    expect 0 pgcert renew
    pebble_stop
    pebble_start # remembers nothing
    hostile_conf
    expect 0 pgcert renew --force
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
}

@test "terms of service that are not agreed to are named, and nothing is registered" {
    conf_add <<<$'[issuer pebble]\nagree_terms = no'
    refuses 78 "agree_terms"
    [ "$(grep -c sign-me-up "$WORLD/hostile/log")" = 0 ]
}
