#!/usr/bin/env bats
# Route 53 and Namecheap, which answer in XML: what is theirs alone.
load ../e2e/world
load ../e2e/clouds

setup_file()
{
    bind_zone_first
    bind_start && pebble_start
    clouds_start
}

# ---- Namecheap ----

# Namecheap with further settings, one name: namecheap RULE LINE...
namecheap()
{
    fresh
    cloud namecheap "$1"
    order "db.$ZONE"
    [ $# -lt 2 ] || printf '%s\n' "[dns world]" "${@:2}" | conf_add
}

@test "namecheap: the sets of a zone are read at once, and written at once" {
    local names
    names=$(printf "h%d.$ZONE, " {1..29})
    namecheap "" "timeout = 60s"
    order "$names db.$ZONE"
    expect 0 pgcert renew
    [ "$(asked "^command .*getList")" = 2 ] # 132 domains
    [ "$(asked "^command .*setHosts")" = 2 ]
    [ "$(asked "^command .*getHosts")" = 4 ]
}

@test "namecheap: what others have at the same name stays, and keeps its lifetime" {
    namecheap
    order "kept.$ZONE"
    issued
    [ "$(dns_txt "_acme-challenge.kept.$ZONE" | sort | paste -sd ' ')" = "one two" ]
    [ ! -s "$WORLD/clouds/errors" ]
    printf '%s\n' "server 127.0.0.1" "update delete _acme-challenge.kept.$ZONE TXT" send |
        nsupdate -k "$WORLD/bind/pgcert-key.key"
    clouds_stop && clouds_start
}

@test "namecheap: what the service wants otherwise is told with what to do" {
    namecheap "" "client_ip = 192.0.2.78"
    expect 77 pgcert renew
    says "1011150: Invalid request IP: 192.0.2.76\); put the address of this machine into the whitelist"
    namecheap "" "user_name = nobody"
    expect 77 pgcert renew
    says "1019103: .*correct 'user_name'"
    namecheap "" "api_user = nobody"
    expect 77 pgcert renew
    says "1011102: .*is the API turned on"
    namecheap "error 2019166 Domain not found"
    expect 78 pgcert renew
    says "2019166: Domain not found.*belong to this user"
    namecheap "error 4022337 Error in Parameters"
    expect 77 pgcert renew
    says "refuses to list the domains \(4022337: Error in Parameters\)"
    namecheap "error 500000 Too many requests" "timeout = 3s"
    expect 75 pgcert renew
    says "too many requests \(200\)"
    namecheap "error 1010105 echo token-of-namecheap"
    expect 77 pgcert renew
    not grep "token-of-namecheap" <<<"$stderr"
    namecheap "" "client_ip = ::1"
    expect 78 pgcert renew
    says "'client_ip' of \[dns world\] .*must be the IPv4 address"
}

@test "namecheap: nothing is changed where something could not be sent back as it is" {
    for rule in inactive nopref nomail unknown elsewhere; do
        namecheap $rule
        rm -f "$WORLD/last"
        pgcert renew >"$WORLD/last" 2>&1 && return 1
        case $rule in
        inactive) grep "'www' (CNAME) of '$ZONE' is not active" "$WORLD/last" ;;
        nopref) grep "without its MXPref: nothing is changed" "$WORLD/last" ;;
        nomail) grep "EmailType): nothing is changed" "$WORLD/last" ;;
        unknown) grep "'forward' of '$ZONE', which is unknown here: nothing is changed" "$WORLD/last" ;;
        elsewhere) grep "name servers of '$ZONE' are not Namecheap's" "$WORLD/last" ;;
        esac
        [ "$(asked "^command .*setHosts")" = 0 ]
    done
}

@test "namecheap: a record that is lost by a change is told" {
    namecheap drops
    expect 76 pgcert renew
    says "the record 'www' \(CNAME\) of '$ZONE' is no longer there .*'$ZONE.'"
    not grep -w TXT <<<"$(dns_challenges)"
    clouds_stop && clouds_start
    namecheap remails
    expect 76 pgcert renew
    says "gets its mail was 'MX', and is 'FWD'"
    clouds_stop && clouds_start
}

@test "namecheap: hosts that publish at the same time do not lose each other's values" {
    local i status=0 pids=()
    namecheap
    for i in {1..3}; do
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
    not grep -w TXT <<<"$(dns_challenges)"
    [ ! -s "$WORLD/clouds/errors" ]
}

# ---- Route 53 ----

# Route 53 with further settings, one name: route53 RULE LINE...
route53()
{
    fresh
    cloud route53 "$1"
    order "db.$ZONE"
    printf '%s\n' "[dns world]" "${@:2}" | conf_add
}

# The same with the keys of this machine's role
route53_role()
{
    route53 "$1" "access_key_file =" "metadata = http://127.0.0.1:14480/"
}

@test "route53: the keys of a session are used, of the profile that is named" {
    route53 "" "profile = session"
    issued_by_cloud
}

@test "route53: keys that are no good are told with what to do" {
    route53 "" "profile = ended"
    expect 77 pgcert renew
    says "token-route53' list the hosted zones \(403: ExpiredToken: .*session has ended"
    not grep "ended//token" <<<"$stderr"
    route53 "" "profile = Some-one.else"
    expect 77 pgcert renew
    says "403: InvalidClientTokenId: .*make another one"
    route53 "" "profile = nobody"
    expect 78 pgcert renew
    says "token-route53' has no profile \[nobody\]"
    route53 "" "region = eu-central-1"
    expect 77 pgcert renew
    says "correct 'region'"
    route53 "code 403 AccessDenied User: x is not authorized to perform: route53:ListHostedZonesByName"
    expect 77 pgcert renew
    says "403: AccessDenied: User: x is not authorized .*policy of the key"
}

@test "route53: a clock that is wrong is told with both times" {
    route53 "late"
    expect 77 pgcert renew
    says "Signature expired.*the clock of this machine is wrong; .*here it is 20.*, there .* GMT"
}

@test "route53: the keys of this machine's role are asked for once" {
    route53_role
    http_proxy=http://127.0.0.1:9 issued_by_cloud
    [ "$(asked "^metadata PUT /latest/api/token 200")" = 1 ]
    [ "$(asked "^metadata GET .*/pgcert-role 200")" = 1 ]
    not grep -r "role//token\|role+secret" "$STATE"
}

@test "route53: keys of a role that end soon are asked for anew" {
    route53_role "short"
    issued_by_cloud
    [ "$(asked "^metadata GET .*/pgcert-role 200")" -gt 5 ]
}

@test "route53: that a machine has no role, or no metadata, is told" {
    route53_role "norole"
    expect 77 pgcert renew
    says "'access_key_file' is empty: ask for the keys of this machine's role: .*no role is attached"
    route53_role "off"
    expect 77 pgcert renew
    says "the metadata service at 'http://127.0.0.1:14480' is turned off"
    route53 "" "access_key_file =" "metadata = http://127.0.0.1:9"
    expect 75 pgcert renew
    says "'access_key_file' is empty: ask for the keys of this machine's role"
    for url in http://192.0.2.1 http://169.254.169.254.elsewhere.test http://localhost:14480 \
        http://169.254.169.254:81; do
        route53 "" "access_key_file =" "metadata = $url"
        expect 78 pgcert renew
        says "'metadata' of \[dns world\] must be"
    done
}

@test "route53: a zone that is named is not looked for in the list" {
    for id in Z1PUBLIC /hostedzone/Z1PUBLIC; do
        route53 "" "zone_id = $id"
        issued_by_cloud
        [ "$(asked "hostedzonesbyname")" = 0 ] && [ "$(asked "GET .*/hostedzone/Z1PUBLIC ")" = 1 ]
    done
    route53 "" "zone_id = Z0PRIVATE000"
    expect 78 pgcert renew
    says "'Z0PRIVATE000' is a private hosted zone"
    route53 "" "zone_id = Z9"
    expect 77 pgcert renew
    says "404: NoSuchHostedZone.*'zone_id'"
    route53 "" "zone_id = ../x y"
    expect 78 pgcert renew
    says "must look like"
    route53 "" "zone_id = Z2OTHER000"
    expect 78 pgcert renew
    says "no zone for '_acme-challenge.db.$ZONE'"
}

@test "route53: the zone is found behind a page of private ones, and twins are told" {
    route53
    issued_by_cloud
    [ "$(asked "hostedzonesbyname")" = 2 ]
    route53
    order "db.twin.test"
    expect 78 pgcert renew
    says "2 public hosted zones 'twin.test'.*'zone_id'"
}

@test "route53: what somebody writes between our reading and our writing is not lost" {
    route53 "between _acme-challenge.db.$ZONE"
    issued
    [ "$(asked "POST .* 400")" = 1 ]
    [ "$(dns_txt "_acme-challenge.db.$ZONE")" = theirs ]
    printf '%s\n' "server 127.0.0.1" "update delete _acme-challenge.db.$ZONE TXT" send |
        nsupdate -k "$WORLD/bind/pgcert-key.key"
    clouds_stop && clouds_start
}

@test "route53: other values stay as they are, whatever they are made of" {
    route53
    order "odd.$ZONE"
    issued
    [ "$(dig +short @127.0.0.1 TXT "_acme-challenge.odd.$ZONE" | sort | paste -sd '|')" = \
        '"1" "2"|"a<b>&'"'"'c'"'"'"|"a\"b"|"x4y"' ] # BIND reads \052 in decimal
    printf '%s\n' "server 127.0.0.1" "update delete _acme-challenge.odd.$ZONE TXT" send |
        nsupdate -k "$WORLD/bind/pgcert-key.key"
    clouds_stop && clouds_start
}

@test "route53: it is waited until all name servers show the records" {
    route53
    issued_by_cloud
    [ "$(asked "GET .*/change/C[0-9]+ 200")" = 2 ]
    route53 "pending" "timeout = 3s"
    expect 75 pgcert renew
    says "PENDING.*'timeout' of \[dns world\]"
    not grep -w TXT <<<"$(dns_challenges)"
}

@test "route53: records that a routing policy chooses are left alone" {
    route53 "weighted"
    order "odd.$ZONE"
    expect 78 pgcert renew
    says "'_acme-challenge.odd.$ZONE' .*routing policy"
    [ "$(asked "POST")" = 0 ]
}

@test "route53: a request that comes too early after another is sent again" {
    route53
    echo "code 400 PriorRequestNotComplete The request was rejected" >"$WORLD/clouds/rules"
    echo "timeout = 4s" | sed "s/^/[dns world]\n/" | conf_add
    expect 75 pgcert renew
    says "too many requests \(400\)"
    [ "$(asked " 400$")" -ge 2 ]
}

@test "route53: many names come in few requests" {
    local names
    names=$(printf "h%d.$ZONE, " {1..29})
    route53 "" "timeout = 60s"
    order "$names db.$ZONE"
    expect 0 pgcert renew
    [ "$(asked "POST")" = 2 ]
}
