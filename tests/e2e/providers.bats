#!/usr/bin/env bats
# Providers that publish through an HTTP API: PowerDNS itself, and the services of others, for which
# tests/fake/clouds.py stands and puts what it accepts into the world's BIND.
load ../e2e/world
load ../e2e/clouds

setup_file()
{
    bind_zone_first
    bind_start && pebble_start
    powerdns_start && powerdns_zone "$PDNS"
    clouds_start
}

@test "powerdns: a certificate is issued, and no record stays" {
    powerdns_conf
    order "db.$PDNS"
    issued
    [ -z "$(powerdns_challenges)" ]
}

@test "powerdns: two values at one name stand beside each other" {
    powerdns_conf
    order "db.$PDNS, *.db.$PDNS, other.$PDNS"
    issued
    [ -z "$(powerdns_challenges)" ]
}

@test "powerdns: what others have at the same name stays, and keeps its lifetime" {
    powerdns_conf
    order "db.$PDNS"
    theirs "_acme-challenge.db.$PDNS" one two
    issued
    [ "$(dns_txt "_acme-challenge.db.$PDNS" 127.0.0.2 | sort | paste -sd ' ')" = "one two" ]
    [[ $(dig +noall +answer @127.0.0.2 TXT "_acme-challenge.db.$PDNS") == *[[:space:]]77[[:space:]]* ]]
    theirs "_acme-challenge.db.$PDNS"
}

@test "powerdns: hosts that publish at one name at the same time do not lose each other's values" {
    powerdns_conf
    order "db.$PDNS"
    local i status=0 pids=()
    for i in {1..6}; do
        sed "s|^state = .*|state = $WORLD/state$i|" "$CONF" >"$WORLD/conf/$i.conf"
        cat "$WORLD/conf/conf.d/50-test.conf" >>"$WORLD/conf/$i.conf"
        timeout 60 "$PGCERT" -c "$WORLD/conf/$i.conf" renew 3>&- 4>&- </dev/null \
            2>"$WORLD/conf/$i.err" &
        pids+=($!)
    done
    for i in "${pids[@]}"; do
        wait "$i" || status=$?
    done
    cat "$WORLD"/conf/*.err
    rm -rf "$WORLD"/state[0-9]
    [ $status -eq 0 ]
    # its API writes all values of a name: what one host has removed, another one may bring back
    theirs "_acme-challenge.db.$PDNS"
}

@test "powerdns: a CNAME leads into its zone" {
    powerdns_conf
    order "cname.$ZONE"
    issued
    not grep -o '"elsewhere[^"]*"' <<<"$(powerdns GET "/$PDNS.")"
}

@test "powerdns: a zone that it does not have is told with the name" {
    powerdns_conf
    expect 78 pgcert renew
    says "no zone for '_acme-challenge.db.$ZONE'"
}

@test "powerdns: a wrong key is told with its file" {
    have pdns_server
    (umask 077 && echo wrong >"$WORLD/wrong-token")
    provider powerdns "token_file = $WORLD/wrong-token"
    order "db.$PDNS"
    expect 77 pgcert renew
    says "wrong-token.*401"
    not grep -r "X-API-Key" "$STATE"
}

@test "powerdns: another server_id is not found" {
    powerdns_conf "server_id = other"
    order "db.$PDNS"
    expect 77 pgcert renew
    says "404"
}

@test "powerdns: plain http goes to this machine only, and not by a proxy" {
    powerdns_conf
    order "db.$PDNS"
    http_proxy=http://127.0.0.1:9 issued
    for url in http://192.0.2.1:8081 http://localhost:8081 http://127.0.0.1:8081@192.0.2.1/ ftp://127.0.0.1; do
        powerdns_conf "endpoint = $url"
        expect 78 pgcert renew --force
        says "must be https"
    done
}

@test "powerdns: forty names come in one change" {
    local names
    powerdns_conf
    names=$(printf "h%d.$PDNS, " {1..39})
    order "$names db.$PDNS"
    expect 0 pgcert -v renew
    [ "$(grep -c "PATCH" <<<"$stderr")" = 2 ]
    [ -z "$(powerdns_challenges)" ]
}

@test "every service: a certificate is issued, and no record stays" {
    for c in $CLOUDS; do
        fresh
        cloud "$c"
        issued_by_cloud
        [ "$(asked "$c")" -gt 3 ]
    done
}

@test "every service: the changes of one zone come in few requests" {
    fresh
    cloud cloudflare
    issued_by_cloud
    [ "$(asked "GET .*/zones\\?")" = 1 ]
    [ "$(asked "POST")" = 3 ]
    [ "$(asked "DELETE")" = 3 ]
    fresh
    cloud desec
    issued_by_cloud
    [ "$(asked "PATCH")" = 2 ]
}

@test "every service: a wrong token is told with its file, and is told nowhere" {
    for c in $CLOUDS; do
        ! is_oauth "$c" || continue # their secrets are no tokens: see below
        fresh
        cloud "$c"
        wrong "$c"
        expect 77 pgcert -v renew
        grep -E "does not let the (token|key) of '$WORLD/clouds/token-$c' .*\((40[013]|101[0-9]+): " <<<"$stderr"
        not grep -r "wrong-secret" "$STATE"
        not grep "wrong-secret" <<<"$stderr"
    done
}

@test "every service: a zone that it does not have is told with the name" {
    for c in $CLOUDS; do
        fresh
        cloud "$c"
        order "db.elsewhere.test"
        expect 78 pgcert renew
        says "no zone for '_acme-challenge.db.elsewhere.test'"
    done
}

@test "every service: it is waited when the service has had too many requests" {
    for c in $CLOUDS; do
        fresh
        cloud "$c" "busy 2 1"
        SECONDS=0
        issued_by_cloud
        [ "$SECONDS" -ge 2 ] && [ "$(asked " (429|403|400|405)$")" = 2 ]
    done
}

@test "every service: that it stays busy is told with the time when to come back" {
    for c in $CLOUDS; do
        [[ " $SILENT " != *" $c "* ]] || continue
        fresh
        cloud "$c" "busy 9 3600"
        SECONDS=0
        expect 75 pgcert renew
        says "too many requests \((429|403): .* (1 h|60 min)"
        [ "$SECONDS" -lt 5 ]
    done
}

@test "every service: that it stays busy is a temporary failure" {
    for c in $SILENT; do
        fresh
        cloud "$c" "busy 99 0"
        conf_add <<<"[dns world]
timeout = 4s"
        expect 75 pgcert renew
        says "too many requests \(40[05]\)"
    done
}

@test "a service that is not available for a moment is asked again" {
    cloud cloudflare "unavailable 1"
    issued_by_cloud
    [ "$(asked " 503$")" = 1 ]
}

@test "every service: that it fails is a temporary failure, and nothing stays" {
    for c in $CLOUDS; do
        fresh
        cloud "$c" "fails"
        expect 75 pgcert renew
        says "failed to .*\((500|[35][0-9]{6}): (.*: )?internal error\)"
        cloud "$c"
        issued_by_cloud
    done
}

# Publishes, and is killed while it waits for the records to spread; they are there then.
killed_after_publishing()
{
    conf_add <<<$'[dns world]\npropagation = wait\nwait = 50s'
    setsid "$PGCERT" -c "$CONF" renew >"$WORLD/killed" 2>&1 3>&- 4>&- </dev/null &
    local renewing=$!
    await 20 "three values" three_values
    kill -KILL -- "-$renewing"
    wait "$renewing" || :
    three_values
}

three_values()
{
    [ "$(dns_challenges | grep -cw TXT)" -ge 3 ]
}

@test "every service: what a killed run has left is gone after the next" {
    for c in $CLOUDS; do
        fresh
        cloud "$c"
        killed_after_publishing
        conf_add <<<$'[dns world]\npropagation = authoritative'
        issued_by_cloud
        [ -z "$(ls -A "$STATE/records")" ]
    done
}

@test "every service: an answer that is lost does no harm" {
    for c in $CLOUDS; do
        fresh
        cloud "$c" "lost"
        issued_by_cloud
        [ "$(asked " 502$")" = 1 ]
    done
}

@test "every service: what is gone already needs no deletion" {
    for c in $CLOUDS; do
        fresh
        cloud "$c" "gone"
        issued_by_cloud
    done
}

@test "services that change single values: what others have at the same name stays" {
    local c host ttl name
    for c in $RECORDS; do
        # 4000: for Hetzner's stand-in, a set without a lifetime of its own
        for host in db777 other4000; do
            fresh
            ttl=${host//[a-z]/} name=_acme-challenge.$host.$ZONE
            cloud "$c" "others $name theirs $ttl"
            order "$host.$ZONE, *.$host.$ZONE"
            issued
            [ "$(dns_txt "$name")" = theirs ]
            printf '%s\n' "server 127.0.0.1" "update delete $name TXT" send |
                nsupdate -k "$WORLD/bind/pgcert-key.key"
        done
    done
    clouds_stop && clouds_start
}

@test "services that replace sets: what another host writes in between stays, and so do our values" {
    for c in $SETS; do
        fresh
        cloud "$c" "race"
        order "db.$ZONE"
        issued
        [ "$(dns_txt "_acme-challenge.db.$ZONE")" = theirs ]
        printf '%s\n' "server 127.0.0.1" "update delete _acme-challenge.db.$ZONE TXT" send |
            nsupdate -k "$WORLD/bind/pgcert-key.key"
    done
    # the services know nothing of that deletion
    clouds_stop && clouds_start
}

@test "every service: what is no answer is told as such" {
    for c in $CLOUDS; do
        fresh
        cloud "$c" "garbage"
        expect 76 pgcert renew
        says "not (JSON|XML).*'endpoint' of \[dns world\]"
        cloud "$c" "empty"
        expect 76 pgcert renew --force
        says "no usable answer"
        cloud "$c" "redirect"
        expect 77 pgcert renew --force
        says "302"
    done
}

@test "a service that repeats the token does not make it known" {
    cloud cloudflare "echo token-of-cloudflare"
    expect 77 pgcert -v renew
    not grep "token-of-cloudflare" <<<"$stderr"
}

@test "a token file with more than a token is a wrong setting" {
    cloud cloudflare
    printf 'one\nX-Other: two\n' >"$WORLD/clouds/token-cloudflare"
    expect 78 pgcert renew
    says "the token and nothing else"
    printf '\n' >"$WORLD/clouds/token-cloudflare"
    expect 78 pgcert renew
    says "the token and nothing else"
    chmod 644 "$WORLD/clouds/token-cloudflare"
    expect 77 pgcert renew
    says "chmod"
}

@test "a service's http URL is refused" {
    cloud cloudflare
    conf_add <<<"[dns world]
endpoint = http://127.0.0.1:14443/cloudflare"
    expect 78 pgcert renew
    says "https"
}

@test "services with several keys: none of them is told, whatever goes wrong" {
    local c key keys
    for c in porkbun ovh; do
        keys="token-of-porkbun secret-of-porkbun"
        [ $c = porkbun ] || keys="ApplicationSecretOf32Characters0 ConsumerKeyOf32Characters0000000"
        for key in $keys; do
            fresh
            cloud "$c" "echo $key"
            expect 77 pgcert -v renew
            not grep "$key" <<<"$stderr"
        done
        fresh
        cloud "$c"
        expect 0 pgcert -v renew --force
        for key in $keys; do
            not grep -e "$key" <<<"$stderr"
            not grep -r -e "$key" "$STATE"
        done
    done
}

@test "hetzner: an action is waited for, and one of somebody else" {
    cloud hetzner
    issued_by_cloud
    [ "$(asked "GET /hetzner/actions/")" -ge 6 ]
    [ "$(asked " 423$")" = 0 ]
    fresh
    cloud hetzner "lost" # so it is still running when we try again
    order "db.$ZONE"
    issued_by_cloud
    [ "$(asked " 423$")" = 1 ]
}

@test "hetzner: an action that fails is told with its reason" {
    cloud hetzner "action_fails 99"
    expect 75 pgcert renew
    says "failed to add a record to the zone: Action failed"
}

@test "porkbun: a domain without API access is told with the way out" {
    cloud porkbun
    order "db.closed.test"
    expect 77 pgcert renew
    says "not opted in to API access\); switch on 'API access'"
}

@test "porkbun: what it was not able to do is tried again" {
    cloud porkbun "unable 2"
    issued_by_cloud
    [ "$(asked " 400$")" = 2 ]
}

@test "ovh: the clock of this machine does not matter, and the time is asked for once" {
    cloud ovh
    issued_by_cloud
    [ "$(asked "/auth/time")" = 1 ]
    # all of a name's numbers, then each record; all changes are served together
    [ "$(asked "POST .*/refresh")" = 2 ]
}

@test "ovh: a zone that could not be refreshed is refreshed with nothing more to add" {
    cloud ovh "no_refresh 1"
    issued_by_cloud
    [ "$(asked "POST .*/refresh")" = 3 ]
}

@test "ovh: keys that will not do are told with what is wrong" {
    local file=$WORLD/clouds/token-ovh
    cloud ovh
    sed -i 's/^consumer_key.*/consumer_key = wrong/' "$file"
    expect 77 pgcert renew
    says "\(403: This credential does not exist\); consumer_key is not right"
    sed -i 's/ApplicationKey16/wrong/' "$file"
    expect 77 pgcert renew --force
    says "\(403: Invalid ApplicationKey\); application_key is not right"
    sed -i 's/^consumer_key.*/client_id = 7/' "$file"
    expect 78 pgcert renew --force
    says "no consumer_key in \[ovh-ca\]; what is there, client_id"
    echo "endpoint = elsewhere" >"$file"
    provider ovh "token_file = $file" "endpoint ="
    expect 78 pgcert renew --force
    says "no application_key in \[ovh-eu\]"
    sed -i '1i [default]' "$file"
    expect 78 pgcert renew --force
    says "endpoint 'elsewhere' is not known"
}
