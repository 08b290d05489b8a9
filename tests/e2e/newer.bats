#!/usr/bin/env bats
# What Debian 12's Pebble cannot: ARI, profiles, dns-account-01, dns-persist-01, names that are never
# signed, Retry-After. By a newer Pebble (tests/world/newer.sh).
load ../e2e/world

setup_file()
{
    [ -x "${PEBBLE_NEWER:-}" ] || return 0 # setup says why the tests are skipped
    # the second zone is for the records of dns-persist-01, which a person writes
    world_start PROGRAM="$PEBBLE_NEWER"
}

setup()
{
    [ -x "${PEBBLE_NEWER:-}" ] || skip "no newer Pebble could be got: tests/world/newer.sh"
    fresh
}

# Starts the newer issuer again, with other settings; it has forgotten everything then.
newer_anew()
{
    pebble_stop
    pebble_start PROGRAM="$PEBBLE_NEWER" "$@"
}

challenge()
{
    conf_add <<<"[issuer pebble]"$'\n'"challenge = $1"
}

# The same, and a [dns] section that needs no key.
persistent()
{
    printf '[dns nobody]\nprovider = none\n' | conf_add
    printf '[issuer pebble]\nchallenge = dns-persist-01\ndns = nobody\n' | conf_add
}

# What a person does with the line that they are given: publish LINE...
publish()
{
    local line
    for line in "$@"; do
        printf 'server 127.0.0.1\nzone %s\nupdate add %s\nsend\n' "$ZONE" "$line"
    done | nsupdate -k "$WORLD/bind/pgcert-key.key"
}

# Removes all that is at the name.
unpublish()
{
    printf 'server 127.0.0.1\nzone %s\nupdate delete _validation-persist.db.%s. TXT\nsend\n' \
        "$ZONE" "$ZONE" | nsupdate -k "$WORLD/bind/pgcert-key.key"
}

served_is_newest()
{
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
}

account_url()
{
    sed -n 's|.*"url": *"\(https://[^"]*\)".*|\1|p' "$STATE/accounts/pebble/account.json"
}

# What the issuer shall say of the newest certificate's renewal: advise_text TEXT
advise_text()
{
    python3 -c 'import json, sys
print(json.dumps({"Certificate": open(sys.argv[1]).read(), "ARIResponse": sys.argv[2]}))' \
        "$(newest_generation)/chain.pem" "$1" >"$WORLD/advice"
    curl -sSf --cacert "$WORLD/pebble/https-ca.pem" --data-binary "@$WORLD/advice" \
        https://localhost:15000/set-renewal-info/
}

# A window, in seconds from now: advise START END
advise()
{
    advise_text "{\"suggestedWindow\":{\"start\":\"$(rfc3339 "$1")\",\"end\":\"$(rfc3339 "$2")\"}}"
}

rfc3339()
{
    date -u -d "@$((EPOCHSECONDS + $1))" +%FT%TZ
}

# The certificate is a day old, as far as is remembered, and the issuer was not asked yet.
ask_again()
{
    python3 - "$STATE/certificates/db.$ZONE/state.json" "$(newest_generation)/about.json" <<'PY'
import json, sys
state = json.load(open(sys.argv[1]))
state.pop("renewal_info", None)
state["last_attempt"]["at"] = "2026-01-01T00:00:00Z"
json.dump(state, open(sys.argv[1], "w"))
about = json.load(open(sys.argv[2]))
about["created_at"] -= 86400
json.dump(about, open(sys.argv[2], "w"))
PY
}

# ---- dns-account-01 ----

@test "dns-account-01: the record is at a name of the account's own, and is removed" {
    challenge dns-account-01
    pg_serves_pgcert
    : >"$BIND_LOG"
    expect 0 pgcert renew
    served_is_newest
    label=$(printf %s "$(account_url)" | openssl dgst -sha256 -binary | head -c 10 | base32 |
        tr '[:upper:]' '[:lower:]')
    grep -q "adding an RR at '_$label._acme-challenge.db.$ZONE' TXT" "$BIND_LOG"
    not grep -q "at '_acme-challenge.db.$ZONE'" "$BIND_LOG"
    [ -z "$(dns_challenges)" ]
}

@test "dns-account-01: a wildcard and its own name in one order" {
    challenge dns-account-01
    conf_add <<<"[certificate db.$ZONE]"$'\nnames = db.example.test *.example.test example.test'
    pg_serves_pgcert
    expect 0 pgcert renew
    served_is_newest
    openssl x509 -in "$(newest_generation)/chain.pem" -noout -ext subjectAltName | grep -q "DNS:\*.$ZONE"
}

@test "dns-account-01: two hosts with accounts of their own do not meet" {
    challenge dns-account-01
    pg_serves_pgcert
    sed "s|^state = .*|state = $WORLD/elsewhere|" "$CONF" >"$WORLD/conf/elsewhere.conf"
    rm -rf "$WORLD/elsewhere"
    expect 0 pgcert account register pebble
    expect 0 pgcert -c "$WORLD/conf/elsewhere.conf" account register pebble
    expect 0 pgcert account dns-record "db.$ZONE"
    one=$output
    expect 0 pgcert -c "$WORLD/conf/elsewhere.conf" account dns-record "db.$ZONE"
    [ "$one" != "$output" ]
    expect 0 pgcert renew
    expect 0 pgcert -c "$WORLD/conf/elsewhere.conf" renew
    [ -z "$(dns_challenges)" ]
}

@test "dns-account-01: a program that is not told the record's name is not called" {
    challenge dns-account-01
    printf '#!/bin/sh\necho called >>%s\n' "$WORLD/called" >"$WORLD/bin/hook"
    chmod 755 "$WORLD/bin/hook"
    printf '[dns program]\nprovider = exec\nprogram = %s\ncontract = certbot\n' "$WORLD/bin/hook" | conf_add
    printf '[issuer pebble]\ndns = program\n' | conf_add
    expect 78 pgcert renew
    says "a program of contract = certbot is not told the record's name"
    [ ! -e "$WORLD/called" ]
}

# ---- dns-persist-01 ----

@test "dns-persist-01: without its record a run fails with the very line to publish, and with it goes on" {
    persistent
    pg_serves_pgcert
    expect 78 pgcert renew
    says "publish this record once, and keep it: _validation-persist.db.$ZONE. 3600 IN TXT \"pebble.test; accounturi=https://localhost:14000/my-account/"
    says "there is no good record at '_validation-persist.db.$ZONE.': ns1.$ZONE"
    line=$(grep -oE "_validation-persist[^ ]* [0-9]+ IN TXT \"[^\"]*\"" <<<"$stderr")
    # nothing was spent: no wait before the next run
    expect 78 pgcert renew

    expect 0 pgcert account dns-record "db.$ZONE"
    [ "$output" = "$line" ]
    publish "$output"
    mark=$(pebble_mark)
    expect 0 pgcert renew
    [ "$(requests "$mark" order-plz)" = 0 ] # the order of the first run
    served_is_newest
    expect 0 pgcert renew --force
    served_is_newest
    [ -z "$(dns_challenges)" ]
    [ "$(dns_txt "_validation-persist.db.$ZONE" | wc -l)" = 1 ] # still there
    unpublish
}

@test "dns-persist-01: a record that is not good is told with what is wrong" {
    persistent
    expect 0 pgcert account register pebble
    url=$(account_url)
    record="_validation-persist.db.$ZONE. 60 IN TXT"
    while IFS='|' read -r value wrong; do
        publish "$record \"$value\""
        expect 78 pgcert renew
        says "$wrong"
        unpublish
    done <<END
pebble.test; accounturi=${url}9|has one for the account '${url}9'
pebble.test; accounturi=$url; persistUntil=1700000000|has one that was good until 2023-11-14T22:13:20Z
pebble.test; accounturi=$url; persistUntil=soon|has a persistUntil that is no time: 'soon'
pebble.test; policy=wildcard|has one without accounturi for 'pebble.test'
pebble.test; accounturi=$url;|has a part that is not tag=value
other.test; accounturi=$url|has other values
END
    # beside others, and with more than we would write
    publish "$record \"other.test; accounturi=https://other.test/1\"" "$record \"v=spf1 -all\"" \
        "$record \"pebble.test;accounturi=$url ; PERSISTUNTIL=4102444800; policy=WildCard; new=1\""
    pg_serves_pgcert
    expect 0 pgcert renew
    served_is_newest
    unpublish
}

@test "dns-persist-01: a wildcard wants policy=wildcard, and one record does for both" {
    persistent
    conf_add <<<"[certificate db.$ZONE]"$'\nnames = db.example.test *.db.example.test'
    expect 0 pgcert account register pebble
    expect 0 pgcert account dns-record "db.$ZONE"
    [ "$(wc -l <<<"$output")" = 1 ]
    [[ $output == *'; policy=wildcard"' ]]
    good=$output
    publish "${good/; policy=wildcard/}"
    expect 78 pgcert renew
    says "has one without policy=wildcard for 'pebble.test'"
    publish "$good"
    pg_serves_pgcert
    expect 0 pgcert renew
    served_is_newest
    openssl x509 -in "$(newest_generation)/chain.pem" -noout -ext subjectAltName |
        grep -qF "DNS:*.db.$ZONE"
    unpublish
}

@test "dns-persist-01: a record that only some servers have is waited for by the next run" {
    persistent
    expect 0 pgcert account register pebble
    expect 0 pgcert account dns-record "db.$ZONE"
    line=$output
    bind_start second 127.0.0.2
    bind_write_zone "$WORLD/bind/two.test.zone" two.test ns1=127.0.0.1 ns2=127.0.0.2
    bind_write_zone "$WORLD/second/two.test.zone" two.test ns1=127.0.0.1 ns2=127.0.0.2
    for server in bind second; do
        echo "zone \"two.test\" { type primary; file \"$WORLD/$server/two.test.zone\"; };" \
            >>"$WORLD/$server/zones.conf"
    done
    echo "${line//db.$ZONE/db.two.test}" >>"$WORLD/bind/two.test.zone"
    bind_reload
    bind_reload second 127.0.0.2
    conf_add <<<"[certificate db.$ZONE]"$'\nnames = db.two.test'
    expect 75 pgcert renew
    says "not every server has the record at '_validation-persist.db.two.test.' yet: ns2.two.test"
    bind_stop second
    pg_serves_pgcert
    # a server that is silent is no proof that there is none, and no go either
    expect 75 pgcert renew
    says "ns2.two.test"
}

@test "account dns-record says for each challenge what there is to publish" {
    expect 0 pgcert account dns-record "db.$ZONE"
    [[ $output == ";"*"dns-01"*"nothing to publish"*"_acme-challenge.db.$ZONE."* ]]
    challenge dns-account-01
    expect 65 pgcert account dns-record "db.$ZONE"
    says "no account yet.*pgcert account register pebble"
    expect 0 pgcert account register pebble
    expect 0 pgcert account dns-record "db.$ZONE"
    [[ $output == ";"*"dns-account-01"*"._acme-challenge.db.$ZONE."* ]]
    persistent
    expect 0 pgcert --json account dns-record "db.$ZONE"
    [ "$(json "['challenge']")" = dns-persist-01 ]
    [ "$(json "['records'][0]['name']")" = "_validation-persist.db.$ZONE." ]
    [ "$(json "['records'][0]['type']")" = TXT ]
    [ "$(json "['records'][0]['value']")" = "pebble.test; accounturi=$(account_url)" ]
    expect 64 pgcert account dns-record nobody
    says "no certificate 'nobody'"
}

# ---- the rest ----

@test "ARI: the issuer's own advice is read, and an order says what it replaces" {
    pg_serves_pgcert
    expect 0 pgcert renew
    first=$(served)
    mark=$(pebble_mark)
    expect 0 pgcert renew
    [ "$(requests "$mark" "GET .*renewalInfo")" = 1 ]
    [ "$(served)" = "$first" ]
    expect 0 pgcert --json status
    # Pebble's window is around the time by the lifetime: which one comes first is chance
    [[ $(json "['certificates'][0]['renewal_info']['moment']") == 20*Z ]]
    advise -120 -60 # certificates must be replaced in a hurry
    ask_again
    expect 0 pgcert renew
    [ -z "$stderr" ]
    second=$(served)
    [ "$second" != "$first" ]
    # the order said what it replaces, and Pebble found that
    tail -c +$((mark + 1)) "$PEBBLE_LOG" | grep -qE 'ARI: order "[^"]+" is a replacement of'
    tail -c +$((mark + 1)) "$PEBBLE_LOG" | grep -q 'has been marked as replaced'
    expect 0 pgcert renew
    [ "$(served)" = "$second" ]
}

@test "ARI: advice that makes no sense does not stop anything" {
    pg_serves_pgcert
    expect 0 pgcert renew
    first=$(served)
    for advice in '{' '{}' '{"suggestedWindow":{"start":"soon","end":"later"}}'; do
        advise_text "$advice"
        ask_again
        expect 0 pgcert renew
        [ "$(served)" = "$first" ]
    done
}

@test "a profile is ordered, and one that is not there is told with those that are" {
    conf_add <<<$'[issuer pebble]\nprofile = shortlived'
    pg_serves_pgcert
    expect 0 pgcert renew
    served_is_newest
    openssl x509 -in "$(newest_generation)/chain.pem" -noout -checkend $((5 * 86400))
    not openssl x509 -in "$(newest_generation)/chain.pem" -noout -checkend $((7 * 86400))
    conf_add <<<$'[issuer pebble]\nprofile = shortlife'
    mark=$(pebble_mark)
    expect 78 pgcert renew --force
    says "profile = shortlife: this issuer has no such profile; there are: .*shortlived.*did you mean 'shortlived'"
    [ "$(requests "$mark" order-plz)" = 0 ]
}

@test "a name that the issuer never signs is its refusal, and named" {
    conf_add <<<"[certificate db.$ZONE]"$'\nnames = db.blocked.test'
    expect 69 pgcert renew
    says "rejectedIdentifier.*db.blocked.test"
}

@test "Retry-After is obeyed while the issuer is at work" {
    newer_anew RETRY_AFTER=2
    pg_serves_pgcert
    mark=$(pebble_mark)
    start=${EPOCHREALTIME/./}
    expect 0 pgcert renew
    took=$(((${EPOCHREALTIME/./} - start) / 1000))
    served_is_newest
    [ "$took" -ge 2000 ]
    # once it has said so, it is not asked in between
    [ "$(requests "$mark" my-order)" -le $((took / 1000 + 1)) ]
    newer_anew
}

# last: it leaves another issuer behind
@test "an issuer without the wanted challenge is told with what it offers" {
    pebble_stop
    rm "$WORLD/pebble/root.pem"
    pebble_start
    persistent
    expect 69 pgcert renew
    says "db.$ZONE: the issuer offers no dns-persist-01 challenge, but: .*dns-01.*; set challenge"
    rm "$WORLD/conf/conf.d/50-test.conf"
    challenge dns-account-01
    pebble_stop
    pebble_start PROGRAM="$PEBBLE_NEWER"
    printf '[dns nobody]\nprovider = none\n[issuer pebble]\ndns = nobody\n' | conf_add
    expect 78 pgcert config check
    says "provider = none, which publishes nothing: set another provider, or challenge = dns-persist-01"
}
