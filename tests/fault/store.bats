#!/usr/bin/env bats
# What pgcert itself keeps: a full disk at every step of storing, and damaged files.
load ../e2e/world
: "${STATE:?}"

teardown()
{
    umount "$STATE" 2>/dev/null || :
}

# An old certificate is served, nothing is issued, and the state has so many pages of 4 KiB left.
begin_with_pages()
{
    umount "$STATE" 2>/dev/null || :
    fresh
    pg_serves_pgcert
    first=$(served)
    mkdir -m 700 "$STATE"
    mount -t tmpfs -o "size=$((4096 * (pages_used + $1))),mode=700" small "$STATE"
    head -c $((4096 * pages_used)) /dev/zero >"$STATE/filling"
}

@test "a disk that is full at any step of storing loses nothing, and the next run finishes" {
    pages_used=4
    ended=
    for free in $(seq 0 25); do
        begin_with_pages "$free"
        run --separate-stderr pgcert renew
        echo "$free pages free: status $status: $stderr"
        if [ "$status" -eq 0 ]; then
            ended=yes
            break
        fi
        [[ $status -eq 73 || $status -eq 74 ]]
        says "No space left"
        [ "$(served)" = "$first" ]
        [ -z "$(dns_challenges "$ZONE")" ] || [ -n "$(ls "$STATE/records")" ]
        mount -o "remount,size=1m" "$STATE"
        rm "$STATE/filling"
        expect 0 pgcert renew
        [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
        [ -z "$(find "$STATE" -name '*.tmp' -o -name 'new.*')" ]
        [ -z "$(dns_challenges "$ZONE")" ]
    done
    [ "$ended" = yes ]
    [ "$free" -gt 4 ]
}

@test "a damaged memory of a certificate is named, and nothing is done to the server" {
    fresh_and_served
    path=$STATE/certificates/db.$ZONE/state.json
    cp "$path" "$WORLD/kept"
    echo '{"generation": ' >"$path"
    expect 65 pgcert renew
    says "state.json"
    cp "$WORLD/kept" "$path"
    expect 0 pgcert renew
    unharmed "$first"
}

grow_older()
{
    python3 - "$(newest_generation)/about.json" "$1" <<'END'
import json, sys
about = json.load(open(sys.argv[1]))
for date in "not_before", "not_after":
    about[date] -= int(sys.argv[2]) * 86400
about["created_at"] -= int(sys.argv[2]) * 86400
json.dump(about, open(sys.argv[1], "w"))
END
}

@test "a damaged generation gives way to a new one" {
    fresh_and_served
    echo nonsense >"$(newest_generation)/about.json"
    expect 0 pgcert renew
    second=$(served)
    [ "$second" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
    [ "$second" != "$first" ]
    # key and chain alone: told at once, and replaced when its time comes
    echo nonsense >"$(newest_generation)/chain.pem"
    expect 65 pgcert renew
    says "PEM"
    [ "$(served)" = "$second" ]
    grow_older 61
    expect 0 pgcert renew
    [ "$(served)" != "$second" ]
}

@test "a run that was killed after it had stored a generation has not stored it in vain" {
    fresh_and_served
    state=$STATE/certificates/db.$ZONE/state.json
    cp "$state" "$WORLD/kept"
    expect 0 pgcert renew --force
    second=$(served)
    cp "$WORLD/kept" "$state" # as if state.json had not been written any more
    mark=$(pebble_mark)
    expect 0 pgcert renew
    [ "$(requests "$mark" order-plz)" = 0 ]
    [ "$(served)" = "$second" ]
}

@test "a damaged order or session of an earlier run is no obstacle" {
    fresh_and_served
    echo nonsense >"$STATE/orders/db.$ZONE.json"
    echo nonsense >"$STATE/accounts/pebble/session.json"
    expect 0 pgcert renew --force
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
    [ "$(served)" != "$first" ]
}

@test "a state directory that others may read or write is not a place for keys" {
    fresh_and_served
    [ "$(stat -c %a "$STATE")" = 700 ]
    [ -z "$(find "$STATE" -perm /077)" ]
}

@test "as root in a state directory of another user, pgcert becomes that user" {
    fresh
    pg_serves_pgcert
    install -d -o postgres -g postgres -m 700 "$STATE"
    chown postgres: "$WORLD/bind/pgcert-key.key" && chown -R postgres: "$WORLD/conf"
    run --separate-stderr pgcert renew
    chown root: "$WORLD/bind/pgcert-key.key" && chown -R root: "$WORLD/conf"
    [ "$status" -eq 0 ]
    [ -z "$(find "$STATE" ! -user postgres)" ]
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
}

@test "a state directory of another user is refused to who is not root" {
    fresh_and_served
    chmod -R a+rX "$WORLD/conf"
    run --separate-stderr as_postgres "$PGCERT" -c "$CONF" renew
    chmod -R go-rwx "$WORLD/conf"
    [ "$status" -eq 77 ]
    says "$STATE"
}
