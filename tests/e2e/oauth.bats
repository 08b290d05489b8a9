#!/usr/bin/env bats
# Azure DNS and Google Cloud DNS: what is theirs alone, tokens of OAuth 2.0 first of all.
load ../e2e/world
load ../e2e/clouds

setup_file()
{
    bind_zone_first
    bind_start && pebble_start
    clouds_start
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
