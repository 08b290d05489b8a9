#!/usr/bin/env bats
# Providers that publish through an HTTP API: PowerDNS itself, and the services of others, for which
# tests/fake/clouds.py stands and puts what it accepts into the world's BIND.
load ../e2e/world

PDNS=pdns.test # the zone that PowerDNS has
PDNS_URL=http://127.0.0.1:8081/api/v1/servers/localhost/zones

setup_file()
{
    bind_zone_first
    bind_start && pebble_start
    powerdns_start && powerdns_zone $PDNS
    clouds_start
}

# BIND delegates what PowerDNS has, so that Pebble and pgcert find their way.
bind_zone_first()
{
    mkdir -p "$WORLD/bind"
    bind_write_conf "$WORLD/bind" 127.0.0.1
    # nothing that an earlier test has asked for is remembered
    sed -i 's/recursion yes;/& max-cache-ttl 0; max-ncache-ttl 0;/' "$WORLD/bind/named.conf"
    bind_key pgcert-key
    bind_zone "$ZONE"
    bind_zone test ""
    printf '%s. IN NS ns1.%s.\nns1.%s. IN A 127.0.0.2\n' $PDNS $PDNS $PDNS >>"$WORLD/bind/test.zone"
    printf '%s. IN NS ns1.%s.\n' "$ZONE" "$ZONE" >>"$WORLD/bind/test.zone"
    echo "_acme-challenge.cname IN CNAME elsewhere.$PDNS." >>"$WORLD/bind/$ZONE.zone"
}

# ---- PowerDNS ----

powerdns_start()
{
    local dir=$WORLD/pdns schema=/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql
    command -v pdns_server >/dev/null || return 0
    mkdir -p "$dir"
    [ -s "$dir/db" ] || sqlite3 "$dir/db" <$schema
    (umask 077 && echo secret-of-powerdns >"$dir/token")
    cat >"$dir/pdns.conf" <<END
launch=gsqlite3
gsqlite3-database=$dir/db
gsqlite3-pragma-synchronous=0
local-address=127.0.0.2
local-port=53
socket-dir=$dir
api=yes
api-key=secret-of-powerdns
webserver=yes
webserver-address=127.0.0.1
webserver-port=8081
webserver-allow-from=127.0.0.1
setuid=
setgid=
guardian=no
daemon=no
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
security-poll-suffix=
END
    pdns_server --config-dir="$dir" >>"$dir/log" 2>&1 3>&- 4>&- </dev/null &
    await 10 "PowerDNS" port_is_open 127.0.0.2 53 && await 10 "its API" port_is_open 127.0.0.1 8081
}

# Asks PowerDNS as others would: powerdns METHOD PATH [JSON]
powerdns()
{
    curl -sS --noproxy '*' -X "$1" -H "X-API-Key: secret-of-powerdns" "$PDNS_URL$2" ${3:+-d "$3"}
}

powerdns_zone()
{
    command -v pdns_server >/dev/null || return 0
    powerdns POST "" '{"name": "'"$1"'.", "kind": "Native", "nameservers": ["ns1.'"$1"'."],
        "rrsets": [{"name": "ns1.'"$1"'.", "type": "A", "ttl": 60,
            "records": [{"content": "127.0.0.2", "disabled": false}]}]}' >/dev/null
}

# Somebody else's values at a name, in place of all that is there: theirs NAME [VALUE...]
theirs()
{
    local name=$1 records="" value
    shift
    for value in "$@"; do
        records="$records${records:+, }{\"content\": \"\\\"$value\\\"\", \"disabled\": false}"
    done
    powerdns PATCH "/$PDNS." '{"rrsets": [{"name": "'"$name"'.", "type": "TXT", "ttl": 77,
        "changetype": "REPLACE", "records": ['"$records"']}]}'
}

# All TXT records that PowerDNS has at challenges.
powerdns_challenges()
{
    powerdns GET "/$PDNS." | grep -o '"_acme-challenge[^"]*"' || :
}

# Settings of a provider in place of the world's: provider NAME LINE...
provider()
{
    sed -i '/^\[dns world\]/,/^$/d' "$CONF"
    printf '%s\n' "[dns world]" "provider = $1" "${@:2}" "" | conf_add
}

powerdns_conf()
{
    have pdns_server
    provider powerdns "token_file = $WORLD/pdns/token" "$@"
}

# ---- the services of others ----

clouds_start()
{
    local dir=$WORLD/clouds
    mkdir -p "$dir"
    cp "$WORLD/pebble/cert.pem" "$WORLD/pebble/key.pem" "$dir"
    : >"$dir/rules"
    python3 "$PGCERT_ROOT/tests/fake/clouds.py" "$dir" "$ZONE" "$WORLD/bind/pgcert-key.key" \
        >>"$dir/errors" 2>&1 3>&- 4>&- </dev/null &
    echo $! >"$dir/number"
    await 10 "the services" port_is_open 127.0.0.1 14443
}

clouds_stop()
{
    kill "$(cat "$WORLD/clouds/number")"
    await 5 "the services to end" not port_is_open 127.0.0.1 14443
}

# The settings that say who we are, a line each: secrets SERVICE. A service with other proofs than a
# token in a file has a function secrets_SERVICE, which gets the name of a file to be written.
secrets()
{
    if declare -F "secrets_$1" >/dev/null; then
        (umask 077 && "secrets_$1" "$WORLD/clouds/token-$1")
    else
        (umask 077 && echo "token-of-$1" >"$WORLD/clouds/token-$1")
        echo "token_file = $WORLD/clouds/token-$1"
    fi
}

# Settings of one of them, and what goes wrong from now on: cloud SERVICE [RULE...]
cloud()
{
    local lines
    mapfile -t lines < <(secrets "$1")
    printf '%s\n' "${@:2}" >"$WORLD/clouds/rules"
    : >"$WORLD/clouds/log"
    provider "$1" "${lines[@]}" "endpoint = https://localhost:14443/$1" \
        "ca_file = $WORLD/pebble/https-ca.pem" "timeout = 10s"
    order "db.$ZONE, *.db.$ZONE, other.$ZONE"
}

# Requests with such a line in the log: asked PATTERN
asked()
{
    grep -cE -- "$1" "$WORLD/clouds/log" || :
}

# Issues, and no record of ours stays, neither with the service nor in the zone.
issued_by_cloud()
{
    issued && not grep -w TXT <<<"$(dns_challenges)" && [ ! -s "$WORLD/clouds/errors" ]
}

# A key of a service account, and of it what the service knows.
secrets_google()
{
    local key=$WORLD/clouds/google.key
    [ -s "$key" ] || openssl genpkey -quiet -algorithm RSA -out "$key"
    openssl pkey -in "$key" -pubout -out "$WORLD/clouds/google.pub"
    google_key "$key" service_account https://localhost:14443/google/token >"$1"
    echo "credentials_file = $1"
}

# The file that Google gives: google_key KEY TYPE TOKEN-URI
google_key()
{
    cat <<END
{
  "type": "$2",
  "project_id": "project-one",
  "private_key_id": "key-1",
  "private_key": "$(awk '{printf "%s\\n", $0}' "$1")",
  "client_email": "pgcert@project-one.iam.gserviceaccount.com",
  "client_id": "100000000000000000001",
  "auth_uri": "https://accounts.google.com/o/oauth2/auth",
  "token_uri": "$3",
  "universe_domain": "googleapis.com"
}
END
}

secrets_azure()
{
    echo "8Q~value.of-the_secret" >"$1"
    cat <<END
client_secret_file = $1
tenant_id = 72f988bf-86f1-41af-91ab-2d7cd011db47
client_id = 0f2c1a4e-1111-4222-8333-444455556666
subscription_id = 11111111-2222-3333-4444-555555555555
resource_group = group (one)
authority = https://localhost:14443/azure/
END
}

CLOUDS="azure cloudflare desec digitalocean gandi google linode"
SETS="azure desec gandi google" # which replace all values of a name at once
OAUTH="azure google"            # where a secret has to be changed for a token first

# Is it one of those? is_oauth SERVICE
is_oauth()
{
    [[ " $OAUTH " == *" $1 "* ]]
}

# One certificate without a target: order NAME[, NAME...]
order()
{
    conf_add <<END
[certificate db.$ZONE]
names = $1
deploy =
END
}

issued()
{
    expect 0 pgcert renew --force
    [ -z "$stderr" ] || [[ $stderr != *remove* ]]
    [ -n "$(newest_generation)" ]
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
    [ $status -eq 0 ] && [ -z "$(powerdns_challenges)" ]
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
    [ "$(asked "GET .*/zones\\?")" = 1 ] && [ "$(asked "POST")" = 3 ] && [ "$(asked "DELETE")" = 3 ]
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
        rm -f "$WORLD/clouds/token-$c"
        (umask 077 && echo "wrong-secret" >"$WORLD/clouds/token-$c")
        expect 77 pgcert -v renew
        grep "does not let the token of '$WORLD/clouds/token-$c' .*(40[13]: " <<<"$stderr"
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
        [ "$SECONDS" -ge 2 ] && [ "$(asked " (429|403)$")" = 2 ]
    done
}

@test "every service: that it stays busy is told with the time when to come back" {
    for c in $CLOUDS; do
        fresh
        cloud "$c" "busy 9 3600"
        SECONDS=0
        expect 75 pgcert renew
        says "too many requests \((429|403): .* (1 h|60 min)"
        [ "$SECONDS" -lt 5 ]
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
        says "failed to .*\(500: internal error\)"
        cloud "$c"
        issued_by_cloud
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
        says "not JSON .*'endpoint' of \[dns world\]"
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

# ---- services with OAuth 2.0 ----

@test "oauth: one token does for a run, and another one is asked for when it ends" {
    for c in $OAUTH; do
        fresh
        cloud "$c"
        issued_by_cloud
        [ "$(asked "POST .*/token")" = 1 ]
        fresh
        cloud "$c" "token-life 1" "busy 1 2"
        issued_by_cloud
        [ "$(asked "POST .*/token")" -ge 2 ] && [ "$(asked " 401$")" = 0 ]
    done
}

@test "oauth: a token endpoint that is busy is asked again, and is told when it stays so" {
    for c in $OAUTH; do
        fresh
        cloud "$c" "token-busy 1 2"
        SECONDS=0
        issued_by_cloud
        [ "$SECONDS" -ge 2 ] && [ "$(asked "POST .*/token 429$")" = 1 ]
        fresh
        cloud "$c" "token-busy 9 3600"
        expect 75 pgcert renew
        says "/token' is busy .* (1 h|60 min)"
    done
}

@test "oauth: what a token endpoint says reaches the sentence, the secret does not" {
    for c in $OAUTH; do
        fresh
        cloud "$c" "token-says 500 nothing"
        expect 75 pgcert renew
        says "/token' failed to give an access token \(500\)"
        cloud "$c" "token-says 200 hello"
        expect 76 pgcert renew --force
        says "not JSON"
        cloud "$c" 'token-says 200 {"expires_in": 3599}'
        expect 76 pgcert renew --force
        says "without an access token"
        cloud "$c" 'token-says 200 {"access_token": "one\r\nX-Other: two"}'
        expect 76 pgcert renew --force
        says "without an access token"
        cloud "$c" 'token-says 302 {}'
        expect 77 pgcert renew --force
        says "no access token for '$WORLD/clouds/token-$c' \(302\)"
    done
    fresh
    cloud azure 'token-says 401 {"error": "invalid_client", "error_description": "not 8Q~value.of-the_secret"}'
    expect 77 pgcert renew
    says "\(401: invalid_client\)"
    expect 77 pgcert -v renew --force
    not grep -F "8Q~value" <<<"$stderr"
    not grep -rF "8Q~value" "$STATE"
}

@test "oauth: a set which somebody else has changed since it was read is read again" {
    for c in $OAUTH; do
        fresh
        cloud "$c" "overtaken _acme-challenge.db.$ZONE theirs"
        order "db.$ZONE"
        issued
        [ ! -s "$WORLD/clouds/errors" ]
        [ "$(asked " (409|412)$")" -ge 1 ]
        [ "$(dns_txt "_acme-challenge.db.$ZONE")" = theirs ]
        # and once more, when it has values already
        cloud "$c" "overtaken _acme-challenge.db.$ZONE more"
        order "db.$ZONE"
        issued
        [ "$(asked " 412$")" -ge 1 ]
        [ "$(dns_txt "_acme-challenge.db.$ZONE" | sort | paste -sd ' ')" = "more theirs" ]
        printf '%s\n' "server 127.0.0.1" "update delete _acme-challenge.db.$ZONE TXT" send |
            nsupdate -k "$WORLD/bind/pgcert-key.key"
    done
    # the services know nothing of that deletion
    clouds_stop && clouds_start
}

@test "oauth: hosts that publish at one name at the same time do not lose each other's values" {
    local i c status pids
    for c in $OAUTH; do
        fresh
        cloud "$c"
        order "db.$ZONE"
        status=0 pids=()
        for i in {1..4}; do
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
        [ $status -eq 0 ] && not grep -w TXT <<<"$(dns_challenges)" && [ ! -s "$WORLD/clouds/errors" ]
    done
}

@test "azure: what the directory says of a wrong secret is told with what to do" {
    cloud azure
    rm "$WORLD/clouds/token-azure"
    (umask 077 && echo "wrong-secret" >"$WORLD/clouds/token-azure")
    expect 77 pgcert renew
    says "no access token for '$WORLD/clouds/token-azure' \(401: invalid_client: AADSTS7000215: Invalid client secret provided\); .*its value, not its id"
    not grep "Trace ID" <<<"$stderr"
    [ "$(asked "POST")" = 2 ] # to publish, and to remove; not once for each label
    expect 77 pgcert -v renew --force
    not grep "wrong-secret" <<<"$stderr"
    not grep -r "wrong-secret" "$STATE"
    cloud azure 'token-says 401 {"error": "invalid_client", "error_description": "AADSTS7000222: The provided client secret keys are expired.\r\nTrace ID: 1"}'
    expect 77 pgcert renew --force
    says "AADSTS7000222: The provided client secret keys are expired\); the secret has expired: make another"
    cloud azure
    conf_add <<<"[dns world]
client_id = 00000000-1111-4222-8333-444455556666"
    expect 77 pgcert renew --force
    says "AADSTS700016: .*; is there an application"
    cloud azure
    conf_add <<<"[dns world]
tenant_id = other.example"
    expect 77 pgcert renew --force
    says "AADSTS90002: .*; is 'tenant_id' right"
}

@test "azure: a secret file with more than a secret is a wrong setting" {
    cloud azure
    printf 'one\ntwo\n' >"$WORLD/clouds/token-azure"
    expect 78 pgcert renew
    says "the secret and nothing else"
}

@test "azure: a resource group that is not there is told" {
    cloud azure
    conf_add <<<"[dns world]
resource_group = other"
    expect 78 pgcert renew
    says "'resource_group' of \[dns world\].*404: Resource group 'other' could not be found"
}

@test "azure: zones that it may not see are passed over, and told when there is no other" {
    cloud azure "hidden"
    conf_add <<<"[dns world]
resolvers = 127.0.0.9:1
propagation = wait
wait = 1s"
    issued_by_cloud
    [ "$(asked " 403$")" -ge 1 ]
    order "db.elsewhere.test"
    expect 77 pgcert renew --force
    says "does not let the token of '$WORLD/clouds/token-azure' .*\(403: The client does not have authorization.*DNS Zone Contributor"
}

@test "azure: the notes of others on a set stay, and so do values of several strings" {
    cloud azure "overtaken _acme-challenge.db.$ZONE one~two"
    order "db.$ZONE"
    issued
    [ ! -s "$WORLD/clouds/errors" ]
    [ "$(dig +short @127.0.0.1 TXT "_acme-challenge.db.$ZONE")" = '"one" "two"' ]
    grep '"_acme-challenge.db.[^"]*": {"owner": "others"}' "$WORLD/clouds/azure-metadata"
    printf '%s\n' "server 127.0.0.1" "update delete _acme-challenge.db.$ZONE TXT" send |
        nsupdate -k "$WORLD/bind/pgcert-key.key"
    clouds_stop && clouds_start
}

@test "google: it is waited until a change is done" {
    cloud google
    issued_by_cloud
    [ "$(asked "GET .*/changes/")" = 1 ] # for what was added; nobody waits for what is only deleted
}

@test "google: the key of somebody else is refused, with what to do" {
    cloud google
    openssl genpkey -quiet -algorithm RSA -out "$WORLD/clouds/other.key"
    google_key "$WORLD/clouds/other.key" service_account https://localhost:14443/google/token \
        >"$WORLD/clouds/token-google"
    expect 77 pgcert renew
    says "no access token for '$WORLD/clouds/token-google' \(400: invalid_grant: Invalid JWT Signature\); the key was deleted"
    expect 77 pgcert -v renew --force
    not grep "assertion\|eyJ" <<<"$stderr"
}

@test "google: credentials of another kind are told" {
    local key=$WORLD/clouds/google.key
    cloud google
    google_key "$key" authorized_user https://localhost:14443/google/token >"$WORLD/clouds/token-google"
    expect 78 pgcert renew
    says "type 'authorized_user', but must be the key file of a service account"
    google_key "$key" service_account http://localhost:14443/google/token >"$WORLD/clouds/token-google"
    expect 78 pgcert renew
    says "'token_uri' is 'http://localhost:14443/google/token', but must be an https URL"
    echo "$key" >"$WORLD/clouds/token-google"
    expect 78 pgcert renew
    says "it is not JSON"
    not grep "$key" <<<"$stderr"
}

@test "google: the project and the zone may be set" {
    cloud google
    conf_add <<<"[dns world]
managed_zone = outside-1"
    issued_by_cloud
    [ "$(asked "dnsName=")" = 0 ]
    cloud google
    conf_add <<<"[dns world]
project = example.com:other"
    expect 77 pgcert renew --force
    asked "projects/example.com%3Aother/managedZones"
    says "404: .*does not exist"
}
