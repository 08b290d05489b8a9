#!/usr/bin/env bats
# When the issuer would like a certificate to be renewed (RFC 9773): asked twice a day, obeyed within
# reason, and never a reason for a failure. Debian's Pebble has no renewalInfo; the proxy before it has.
load ../e2e/world

setup_file()
{
    world_start
    hostile_start
}

# A certificate is issued and served, by an issuer that has renewalInfo.
setup()
{
    fresh
    hostile_conf
    pg_serves_pgcert
    hostile "directory * renewal-info"
    expect 0 pgcert renew
    first=$(served)
    id=$(ari_id "$(newest_generation)/chain.pem")
    grow_older 1
}

# The certificate's id as a person would make it, by openssl alone.
ari_id()
{
    local key serial
    key=$(openssl x509 -in "$1" -noout -ext authorityKeyIdentifier | sed -n 2p | tr -d ' :')
    serial=$(openssl x509 -in "$1" -noout -serial | cut -d= -f2)
    case $serial in [89A-F]*) serial=00$serial ;; esac
    echo "$(base64url_of_hex "${key#keyid}").$(base64url_of_hex "$serial")"
}

base64url_of_hex()
{
    python3 -c 'import base64, sys
print(base64.urlsafe_b64encode(bytes.fromhex(sys.argv[1])).decode().rstrip("="))' "$1"
}

# The certificate was issued so many days earlier, as far as is remembered.
grow_older()
{
    python3 - "$(newest_generation)/about.json" "$1" <<'PY'
import json, sys
about = json.load(open(sys.argv[1]))
for date in "not_before", "not_after", "created_at":
    about[date] -= int(sys.argv[2]) * 86400
json.dump(about, open(sys.argv[1], "w"))
PY
}

# What is remembered of the advice: advice KEY [NEW VALUE]
advice()
{
    python3 - "$STATE/certificates/db.$ZONE/state.json" "$@" <<'PY'
import json, sys
path, key, *value = sys.argv[1:]
state = json.load(open(path))
if value:
    state["renewal_info"][key] = value[0]
    json.dump(state, open(path, "w"))
print(state["renewal_info"][key])
PY
}

# The window from now on: window START END [RETRY-AFTER]
window()
{
    hostile "directory * renewal-info" "renewal * window $id $*"
}

asked()
{
    grep -c "^GET /renewal-info/" "$WORLD/hostile/log" || :
}

seconds_until()
{
    echo $(($(date -d "$1" +%s) - EPOCHSECONDS))
}

@test "the issuer is asked for this very certificate, and not again before its time" {
    window 864000 950400
    expect 0 pgcert renew
    [ "$(grep -c "^GET /renewal-info/$id window" "$WORLD/hostile/log")" = 1 ]
    [ "$(wc -l <"$WORLD/hostile/log")" = 1 ]
    expect 0 strace -f -qq -e trace=connect -o "$WORLD/trace" "$PGCERT" -c "$CONF" renew
    [ "$(wc -l <"$WORLD/hostile/log")" = 1 ]
    not grep -E 'sin6?_port' "$WORLD/trace"
    wait=$(seconds_until "$(advice ask_at)")
    [ "$wait" -gt 21500 ]
    [ "$wait" -le 21600 ]
    [ "$(served)" = "$first" ]
}

@test "the moment is in the window, stays, and is chosen anew only when the window changed" {
    start=$((EPOCHSECONDS + 864000)) end=$((EPOCHSECONDS + 950400))
    window "@$start" "@$end"
    expect 0 pgcert --json renew
    [ "$(json "['certificates'][0]['renew_reason']")" = ari ]
    moment=$(advice moment)
    [ "$(json "['certificates'][0]['renew_at']")" = "$moment" ]
    [ "$(json "['certificates'][0]['renewal_info']['explanation']")" = https://example.test/why ]
    wait=$(seconds_until "$moment")
    [ "$wait" -ge 863900 ]
    [ "$wait" -le 950400 ]
    expect 0 pgcert status
    grep -q "advised" <<<"$output"
    grep -q "https://example.test/why" <<<"$output"
    # the same window again
    for _ in 1 2 3; do
        window "@$start" "@$end"
        advice ask_at 2020-01-01T00:00:00Z
        expect 0 pgcert renew
        [ "$(asked)" = 1 ]
        [ "$(advice moment)" = "$moment" ]
    done
    advice ask_at 2020-01-01T00:00:00Z
    window 86400 86402
    expect 0 pgcert renew
    [ "$(seconds_until "$(advice moment)")" -le 86402 ]
}

@test "a window in the past renews at once, and the order says what it replaces" {
    window -7200 -3600
    expect 0 pgcert --json renew
    [ "$(json "['certificates'][0]['did']")" = "['renewed', 'deployed', 'proved']" ]
    [ "$(served)" != "$first" ]
    grep -q "order-plz - replaces $id\$" "$WORLD/hostile/log"
}

@test "an issuer that always says at once is obeyed once an hour at most" {
    window -7200 -3600
    expect 0 pgcert renew
    second=$(served)
    [ "$second" != "$first" ]
    id=$(ari_id "$(newest_generation)/chain.pem")
    window -7200 -3600
    expect 0 pgcert --json renew
    [ "$(asked)" = 1 ]
    [ "$(json "['certificates'][0]['renew_reason']")" = renew_at_most_every ]
    [ "$(served)" = "$second" ]
    expect 0 pgcert status
    grep -q "renews .*renew_at_most_every" <<<"$output"
    # another setting, or force, and it goes on
    expect 0 pgcert renew --force
    third=$(served)
    [ "$third" != "$second" ]
    id=$(ari_id "$(newest_generation)/chain.pem")
    window -7200 -3600
    conf_add <<<"[certificate db.$ZONE]"$'\nrenew_at_most_every = 0s'
    expect 0 pgcert renew
    [ "$(served)" != "$third" ]
}

@test "the lifetime is a backstop, whatever the issuer advises" {
    window 8640000 8650000
    expect 0 pgcert --json renew
    [ "$(json "['certificates'][0]['renew_reason']")" = lifetime ]
    grow_older 73 # with the one of setup: a day before half of the last third is over
    expect 0 pgcert renew
    [ "$(served)" = "$first" ]
    grow_older 2
    expect 0 pgcert renew
    [ "$(served)" != "$first" ]
}

@test "whatever is wrong with the advice is no failure, and is not asked for again at once" {
    for deed in "status 500" "status 429 rateLimited 7200" "status 404 malformed" garbage endless close \
        "redirect https://localhost:14000/dir" "window $id 3600 3600" "window $id 7200 3600" \
        "window another-id -7200 -3600" "endless-headers" "cut answer" "raw HTTP/0" "body x 0" \
        'answer 200 {}' 'answer 200 {"suggestedWindow":7}' 'answer 200 {"suggestedWindow":[[],{}]}' \
        'answer 200 {"suggestedWindow":{"start":7,"end":null}}' \
        'answer 200 {"suggestedWindow":{"start":"yesterday","end":"tomorrow"}}' \
        'answer 200 {"suggestedWindow":{"start":"2026-02-30T00:00:00Z","end":"2026-03-01T00:00:00Z"}}' \
        'answer 200 {"suggestedWindow":{"start":"0001-01-01T00:00:00Z","end":"0001-01-02T00:00:00Z"}}' \
        'answer 200 {"suggestedWindow":{"start":"9999-12-31T00:00:00Z","end":"9999-12-31T23:59:59Z"}}' \
        'answer 200 {"suggestedWindow":{"start":"99999999999-01-01T00:00:00Z","end":"Z"}}'; do
        rm -rf "$WORLD/kept"
        cp -a "$STATE" "$WORLD/kept"
        hostile "directory * renewal-info" "renewal * $deed"
        echo "$deed"
        expect 0 pgcert renew
        [ -z "$stderr" ]
        [ "$(asked)" = 1 ]
        expect 0 pgcert renew
        [ "$(asked)" = 1 ]
        [ "$(served)" = "$first" ]
        rm -rf "$STATE"
        mv "$WORLD/kept" "$STATE"
    done
}

@test "the time to ask again is bounded, whatever the server says" {
    window 864000 950400 1
    expect 0 pgcert renew
    wait=$(seconds_until "$(advice ask_at)")
    [ "$wait" -gt 50 ]
    [ "$wait" -le 60 ]
    advice ask_at 2020-01-01T00:00:00Z
    window 864000 950400 3153600000
    expect 0 pgcert renew
    wait=$(seconds_until "$(advice ask_at)")
    [ "$wait" -gt 86300 ]
    [ "$wait" -le 86400 ]
}

@test "an order that the server refuses for what it replaces is made once more without" {
    for kind in alreadyReplaced malformed serverInternal; do
        hostile "directory * renewal-info" "new-order 1 status 409 $kind"
        expect 0 pgcert renew --force
        [ "$(grep -c "order-plz" "$WORLD/hostile/log")" = 2 ]
        [ "$(grep -c "order-plz .*replaces" "$WORLD/hostile/log")" = 1 ]
    done
    # once, and only for that
    hostile "directory * renewal-info" "new-order * status 409 alreadyReplaced"
    expect 69 pgcert renew --force
    [ "$(grep -c "order-plz" "$WORLD/hostile/log")" = 2 ]
    hostile "directory * renewal-info" "new-order * status 403 rejectedIdentifier"
    expect 69 pgcert renew --force
    [ "$(grep -c "order-plz" "$WORLD/hostile/log")" = 1 ]
}

@test "an issuer without renewalInfo is never asked, nor told what is replaced" {
    rm -rf "$STATE"
    hostile "directory * edit renewalInfo none"
    expect 0 pgcert renew
    : >"$WORLD/hostile/log"
    grow_older 2
    expect 0 pgcert renew
    [ ! -s "$WORLD/hostile/log" ]
    expect 0 pgcert renew --force
    not grep -q replaces "$WORLD/hostile/log"
}
