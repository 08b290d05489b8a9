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
