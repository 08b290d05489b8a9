#!/usr/bin/env bats
# status: three facts about each certificate, for people and for programs.
load ../e2e/world

@test "before anything is issued, status says so" {
    expect 0 pgcert status
    grep -q "db.$ZONE" <<<"$output"
    expect 0 pgcert --json status
    [ "$(json "['certificates'][0]['issued']")" = null ]
    [ "$(json "['certificates'][0]['generation']")" = 0 ] ||
        [ "$(json "['certificates'][0]['generation']")" = null ]
}

@test "status names what is issued, deployed and served" {
    fresh_and_served
    expect 0 pgcert --json status
    [ "$(json "['certificates'][0]['name']")" = "db.$ZONE" ]
    [ "$(json "['certificates'][0]['names']")" = "['db.$ZONE']" ]
    [ "$(json "['certificates'][0]['issuer']")" = pebble ]
    [ "$(json "['certificates'][0]['generation']")" = 1 ]
    [ "$(json "['certificates'][0]['issued']['sha256']")" = "$first" ]
    [ "$(json "['certificates'][0]['targets'][0]['deployed_sha256']")" = "$first" ]
    [ "$(json "['certificates'][0]['targets'][0]['served_sha256']")" = "$first" ]
    [ "$(json "['certificates'][0]['targets'][0]['endpoints'][0]['error']")" = null ]
    [ "$(json "['certificates'][0]['last_attempt']['error']")" = null ]
}

@test "the facts about the certificate are openssl's" {
    fresh_and_served
    expect 0 pgcert --json status
    chain=$(newest_generation)/chain.pem
    serial=$(openssl x509 -in "$chain" -noout -serial | sed 's/.*=//' | tr 'A-F' 'a-f')
    [ "$(json "['certificates'][0]['issued']['serial']")" = "$serial" ]
    until=$(date -u -d "$(openssl x509 -in "$chain" -noout -enddate | sed 's/.*=//')" +%FT%TZ)
    [ "$(json "['certificates'][0]['issued']['not_after']")" = "$until" ]
}

@test "status fits into 80 columns, and has no escape sequences in a pipe" {
    fresh_and_served
    expect 0 pgcert status
    [ "$(awk 'length > 80' <<<"$output")" = "" ]
    [[ $output != *$'\e'* ]]
}

@test "status tells of a server that is down, and is no failure itself" {
    fresh_and_served
    pg_stop
    run --separate-stderr pgcert --json status
    pg_start
    [ "$status" -eq 0 ]
    [ "$(json "['certificates'][0]['targets'][0]['served_sha256']")" = null ] ||
        [ "$(json "['certificates'][0]['targets'][0]['served_sha256']")" = "" ]
    [ "$(json "['certificates'][0]['issued']['sha256']")" = "$first" ]
}

@test "status tells the last failure and when it is tried again" {
    pg_serves_pgcert
    pebble_stop
    run --separate-stderr pgcert renew
    pebble_start
    [ "$status" -eq 75 ]
    expect 0 pgcert --json status
    [[ $(json "['certificates'][0]['last_attempt']['error']") == *14000* ]]
    [[ $(json "['certificates'][0]['last_attempt']['next_at']") == 20*Z ]]
    expect 0 pgcert status
    grep -q "14000" <<<"$output"
}

@test "status of one certificate only" {
    conf_add <<<"[certificate other.$ZONE]"$'\nissuer = pebble\nnames = other.'"$ZONE"
    expect 0 pgcert --json status "other.$ZONE"
    [ "$(json "['certificates'].__len__()")" = 1 ]
    [ "$(json "['certificates'][0]['name']")" = "other.$ZONE" ]
}

@test "status asks the issuer nothing and changes nothing" {
    fresh_and_served
    mark=$(pebble_mark)
    before=$(find "$STATE" -type f -exec sha256sum {} + | sort | sha256sum)
    expect 0 pgcert status
    [ "$(requests "$mark" .)" = 0 ]
    [ "$(find "$STATE" -type f -exec sha256sum {} + | sort | sha256sum)" = "$before" ]
}

# ---- the private CA ----

CA=$STATE/ca

@test "without a private CA status is silent about it" {
    expect 0 pgcert status
    [[ $output != *"private CA"* ]]
    expect 0 pgcert --json status
    [ "$(json ".get('private_ca', 'none')")" = none ]
}

@test "status shows until when the private CA and its CRLs hold, in 80 columns" {
    expect 0 pgcert ca init
    expect 0 pgcert client new alice
    expect 0 pgcert status
    [[ $output == *"private CA"*"good"* ]]
    [ "$(awk 'length > 80' <<<"$output")" = "" ]
    [[ $output != *"attention"* ]]
    grep -qE "^  clients +until $(date -u -d "$(openssl x509 -in "$CA/client-ca.crt" -noout -enddate | sed 's/.*=//')" +%F) \(in [0-9]+ days\), CRL until $(date -u -d "$(openssl crl -in "$CA/clients.crl" -noout -nextupdate | sed 's/.*=//')" +%F) " <<<"$output"
    grep -qE "bundles +1, of which 0 due and 0 expired" <<<"$output"
    expect 0 pgcert --json status
    [ "$(json "['private_ca']['authorities'][0]['not_after']")" = "$(date -u -d "$(openssl x509 -in "$CA/root.crt" -noout -enddate | sed 's/.*=//')" +%FT%TZ)" ]
    [ "$(json "['private_ca']['authorities'][2]['crl']['next_update']")" = "$(date -u -d "$(openssl crl -in "$CA/clients.crl" -noout -nextupdate | sed 's/.*=//')" +%FT%TZ)" ]
    [ "$(json "['private_ca']['authorities'][1]['state']")" = good ]
    [ "$(json "['private_ca']['error']")" = null ]
    expect 0 pgcert status "db.$ZONE"
    [[ $output != *"private CA"* ]]
}

@test "status warns long before a CRL ends, and tells that everybody is locked out when it has" {
    have faketime
    expect 0 pgcert ca init
    expect 0 pgcert client new alice --lifetime 20d
    expect 0 later +16d --json status # a run would have made new ones: not yet a reason to worry
    [ "$(json "['private_ca']['authorities'][2]['state']")" = good ]
    expect 0 later +19d --json status
    [ "$(json "['private_ca']['authorities'][2]['state']")" = "ends soon" ]
    [[ $(json "['private_ca']['authorities'][2]['problems'][0]") == *"ends in 1"*" days, and then servers that check it let no client in; make it now by: pgcert ca crl"*"is the timer running?" ]]
    [ "$(json "['private_ca']['bundles']")" = "{'count': 1, 'due': 1, 'expired': 0}" ]
    expect 0 later +31d status
    [[ $output == *"private CA"*"ended"* ]]
    [[ $(tr -s '\n ' ' ' <<<"$output") == *"the CRL of the CA 'clients' has ended"*"servers that check it let no client in"* ]]
    [[ $output == *"bundles   1, of which 0 due and 1 expired; renewed by: pgcert client renew"* ]]
    [ "$(awk 'length > 80' <<<"$output")" = "" ]
    expect 0 pgcert client revoke alice
    expect 0 later +31d --json status
    [ "$(json "['private_ca']['bundles']['count']")" = 0 ]
    rm "$CA/servers.crl"
    expect 0 pgcert --json status
    [ "$(json "['private_ca']['authorities'][1]['state']")" = ended ]
    [[ $(json "['private_ca']['authorities'][1]['problems'][0]") == "the CRL of the CA 'servers' is missing"* ]]
    # what it tells to do is what helps
    expect 0 pgcert ca crl
    expect 0 pgcert --json status
    [ "$(json "['private_ca']['authorities'][1]['state']")" = good ]
}

@test "a CRL of the root whose key is elsewhere is told with what to do, which helps" {
    have faketime
    expect 0 pgcert ca init
    mv "$CA/root.key" "$WORLD/safe.key" # not by pgcert: its CRL holds 30 days
    expect 0 pgcert --json status
    [ "$(json "['private_ca']['authorities'][0]['state']")" = "ends soon" ]
    [[ $(json "['private_ca']['authorities'][0]['problems'][0]") == *"its key is kept elsewhere: bring it back by: pgcert ca import --root-key FILE, and take it out again by: pgcert ca export --root-key FILE"* ]]
    cp -p "$WORLD/safe.key" "$CA/root.key"
    expect 0 pgcert ca export --root-key "$WORLD/safe.key"
    expect 0 pgcert --json status
    [ "$(json "['private_ca']['authorities'][0]['state']")" = good ]
    expect 0 pgcert ca crl --force
    expect 0 later +1000d --json status
    [ "$(json "['private_ca']['authorities'][0]['state']")" = good ]
}

@test "status warns half a year before a CA ends, in which all it has signed is replaced" {
    have faketime
    expect 0 pgcert ca init
    expect 0 later +900d --json status
    [[ $(json "['private_ca']['authorities'][2]['problems']") != *"the CA 'clients' ends"* ]]
    expect 0 later +930d --json status
    [[ $(json "['private_ca']['authorities'][2]['problems'][0]") == "the CA 'clients' ends in 16"*" days, and all that it signs with it"* ]]
    [[ $(json "['private_ca']['authorities'][0]['problems']") != *"the CA 'root' ends"* ]]
    expect 0 later +1100d --json status
    [[ $(json "['private_ca']['authorities'][1]['problems'][0]") == "the CA 'servers' has ended "*" ago"* ]]
    [ "$(json "['private_ca']['authorities'][1]['state']")" = ended ]
}

@test "status has a row for the CA of each tenant, and tells whom its CRL locks out" {
    have faketime
    local tenant="The Long Name of a Tenant That Fills Nearly the Whole of a Line"
    expect 0 pgcert ca init
    expect 0 pgcert ca tenant acme
    expect 0 pgcert ca tenant "$tenant"
    expect 0 pgcert client new alice --host db.example.org
    expect 0 pgcert client new alice --host db.example.org --tenant acme
    expect 0 pgcert status
    [[ $output == *"private CA"*"good"* ]]
    [ "$(awk 'length > 80' <<<"$output")" = "" ]
    [ "$(grep -c 'until .*, CRL until ' <<<"$output")" = 5 ]
    grep -qx "  tenant $tenant" <<<"$output"
    grep -qE "bundles +2, of which 0 due" <<<"$output"
    rm "$CA/tenants/acme.key"
    expect 0 later +40d --json status
    [ "$(json "['private_ca']['authorities'].__len__()")" = 5 ]
    local row
    for row in 3 4; do
        [ "$(json "['private_ca']['authorities'][$row]['tenant']")" = acme ] || continue
        [ "$(json "['private_ca']['authorities'][$row]['name']")" = "tenant acme" ]
        [ "$(json "['private_ca']['authorities'][$row]['state']")" = ended ]
        [[ $(json "['private_ca']['authorities'][$row]['problems'][0]") == *"servers that check it let no client of that tenant in; its key '$CA/tenants/acme.key' is missing: put it back" ]]
        return 0
    done
    false
}

@test "status waits for nobody who holds the private CA, and tells what is wrong with it" {
    expect 0 pgcert ca init
    flock "$CA/lock" sleep 20 3>&- 4>&- &
    holder=$!
    await 5 "the lock" bash -c "! flock -n '$CA/lock' true"
    before=$SECONDS
    expect 0 pgcert --json status
    [ $((SECONDS - before)) -lt 5 ]
    [ "$(json "['private_ca']['authorities'][0]['state']")" = good ]
    kill "$holder"
    echo damaged >"$CA/client-ca.crt"
    expect 0 pgcert --json status
    [[ $(json "['private_ca']['error']") == *"$CA/client-ca.crt"* ]]
    [ "$(json "['certificates'].__len__()")" = 1 ]
    expect 0 pgcert status
    [[ $output == *"private CA"*"not readable"* ]]
    touch "$CA/unfinished"
    expect 0 pgcert --json status
    [[ $(json "['private_ca']['error']") == *"is not complete"* ]]
}
