#!/usr/bin/env bats
# kill -9 in the middle of a renewal: nothing is lost, and the next run finishes the same order.
load ../e2e/world

setup_file()
{
    world_start
    hostile_start
}

setup()
{
    begin_again
}

# An old certificate is served, and nothing was issued yet.
begin_again()
{
    fresh
    pg_serves_pgcert
    hostile
    hostile_conf
    first=$(served)
    mark=$(pebble_mark)
}

# Runs renew in the background; its number is $renewing.
renew_begins()
{
    setsid "$PGCERT" -c "$CONF" renew >"$WORLD/killed" 2>&1 3>&- 4>&- </dev/null &
    renewing=$!
}

# With all that it may have started.
renew_is_killed()
{
    kill -KILL -- "-$renewing"
    wait "$renewing" || :
}

# Kills a run while it waits for the answer to a request; the server has done what was asked.
killed_while_asking()
{
    hostile "$1 1 stall"
    renew_begins
    await 20 "a request for $1" grep -q stall "$WORLD/hostile/log"
    await 20 "Pebble's part in it" pebble_has_answered "$1"
    renew_is_killed
    hostile
}

pebble_has_answered()
{
    case $1 in
    new-order) [ "$(requests "$mark" order-plz)" -ge 1 ] ;;
    finalize) tail -c "+$mark" "$PEBBLE_LOG" | grep -qi 'issued certificate' ;;
    certificate) [ "$(requests "$mark" certZ)" -ge 1 ] ;;
    authz) [ "$(requests "$mark" authZ)" -ge 1 ] ;;
    challenge) [ "$(requests "$mark" chalZ)" -ge 1 ] ;;
    esac
}

# Kills a run at its n-th call of some kind: killed_at CALLS N
killed_at()
{
    run --separate-stderr timeout 60 strace -f -qq -o "$WORLD/trace" -e "trace=$1" \
        -e "inject=$1:signal=KILL:when=$2" "$PGCERT" -c "$CONF" renew 3>&- 4>&- </dev/null
}

# PostgreSQL starts with what is there; the next run ends well, and leaves nothing behind.
finishes()
{
    pg_restart
    [ -n "$(served)" ]
    expect 0 pgcert renew
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
    [ "$(served)" != "$first" ]
    [ -z "$(dns_challenges "$ZONE")" ]
    unharmed "$(served)"
}

# What killed runs have left is gone after the next renewal.
leaves_nothing()
{
    expect 0 pgcert renew --force
    find "$STATE" "$PGDATA"/*pgcert*
    [ -z "$(find "$STATE" -path "*/orders/*" -o -name next.key -o -name '*.tmp' -o -name '*.part')" ]
    [ "$(find "$PGDATA" -maxdepth 1 -name '*pgcert*' ! -name '*.previous')" = "$PGDATA/pgcert.pem" ]
}

@test "killed at any rename, the next run finishes" {
    have strace
    for n in $(seq 1 20); do
        begin_again
        killed_at rename,renameat,renameat2 "$n"
        echo "rename $n: status $status"
        killed=$status
        finishes
        leaves_nothing
        [ "$killed" -ne 0 ] || break
    done
    [ "$n" -gt 4 ]
}

@test "killed at any fsync, the next run finishes" {
    have strace
    for n in $(seq 1 30); do
        begin_again
        killed_at fsync,fdatasync "$n"
        echo "fsync $n: status $status"
        killed=$status
        finishes
        leaves_nothing
        [ "$killed" -ne 0 ] || break
    done
    [ "$n" -gt 4 ]
}

@test "killed at any step after the order, the next run takes up the same order" {
    for step in authz challenge finalize certificate; do
        begin_again
        killed_while_asking "$step"
        echo "killed while asking for: $step"
        [ "$(requests "$mark" order-plz)" = 1 ]
        order=$STATE/orders/db.$ZONE.json
        url=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["url"])' "$order")
        finishes
        [ "$(requests "$mark" order-plz)" = 1 ]
        grep -qF "/my-order/${url##*/} " "$WORLD/hostile/log"
        [ "$(requests "$mark" sign-me-up)" = 1 ]
    done
}

@test "killed before the answer to its order came, the next run orders again and finishes" {
    killed_while_asking new-order
    finishes
    [ "$(requests "$mark" order-plz)" -le 2 ]
}

@test "the key of the order that is taken up is the one that was on disk" {
    killed_while_asking finalize
    key=$(openssl pkey -in "$STATE/certificates/db.$ZONE/next.key" -pubout)
    finishes
    [ "$(openssl pkey -in "$(newest_generation)/key.pem" -pubout)" = "$key" ]
}

@test "an order that expired or failed meanwhile is not taken up for ever" {
    killed_while_asking authz
    # Pebble forgets everything: neither the order nor the account exists any more.
    pebble_stop
    pebble_start
    hostile_conf
    mark=$(pebble_mark)
    finishes
    [ "$(requests "$mark" order-plz)" -le 2 ]
}

@test "records of a killed run are removed by the next one" {
    killed_with_records
    [ -n "$(dns_challenges "$ZONE")" ]
    finishes
}

@test "records of a killed run are removed even when the next one has nothing to renew" {
    expect 0 pgcert renew
    conf_add <<<"[certificate other.$ZONE]"$'\nissuer = pebble\nnames = other.'"$ZONE"
    killed_with_records
    [ -n "$(dns_challenges "$ZONE")" ]
    rm "$WORLD/conf/conf.d/50-test.conf"
    hostile_conf
    expect 0 pgcert renew
    [ -z "$(dns_challenges "$ZONE")" ]
}

@test "only its own record is removed, not another host's at the same name" {
    killed_with_records
    nsupdate -k "$WORLD/bind/pgcert-key.key" <<END
server 127.0.0.1
update add _acme-challenge.db.$ZONE 60 TXT "of-another-host"
send
END
    expect 0 pgcert renew
    [ "$(dns_txt "_acme-challenge.db.$ZONE")" = of-another-host ]
    nsupdate -k "$WORLD/bind/pgcert-key.key" <<END
server 127.0.0.1
update delete _acme-challenge.db.$ZONE TXT
send
END
}

@test "a killed run does not hold the lock" {
    killed_with_records
    start=$SECONDS
    expect 0 pgcert renew
    [ $((SECONDS - start)) -le 10 ]
}

# Kills a run while it waits with its record in the zone.
killed_with_records()
{
    cat >"$WORLD/conf/conf.d/60-slow.conf" <<<$'[dns world]\npropagation = wait\nwait = 20s'
    renew_begins
    await 10 "the record" has_records
    renew_is_killed
    rm "$WORLD/conf/conf.d/60-slow.conf"
}

has_records()
{
    [ -n "$(dns_challenges "$ZONE")" ]
}
