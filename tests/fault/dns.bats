#!/usr/bin/env bats
# A name server that is slow, broken or false. Whatever it answers: the exit status of the manual and
# one clear sentence; only what is signed with our key is believed to be a success.
load ../e2e/world

setup_file()
{
    bind_start && pebble_start
    echo right >"$WORLD/deed"
    "$PGCERT_ROOT/tests/fault/hostile_dns.py" "$WORLD/deed" >"$WORLD/hostile.log" 2>&1 3>&- 4>&- &
    await 5 "the false name server" port_is_open 127.0.0.1 5300
}

setup()
{
    fresh
    conf_add <<END
[dns world]
server = 127.0.0.1:5300
[certificate db.$ZONE]
deploy =
END
}

teardown()
{
    [ -n "${BATS_TEST_COMPLETED:-}" ] || tail "$WORLD/hostile.log"
}

deed()
{
    echo "$1" >"$WORLD/deed"
}

# It does that, and all goes well nevertheless: survives DEED
survives()
{
    deed "$1"
    expect 0 pgcert renew
    [ -z "$(dns_challenges)" ]
}

# It does that, and the run fails so: fails DEED STATUS PATTERN
fails()
{
    deed "$1"
    expect "$2" pgcert renew
    says "$3" && [ -z "$(newest_generation)" ]
    deed right
}

@test "through an honest proxy all is well" {
    survives right
}

@test "datagrams that are lost are sent again" {
    survives lost
}

@test "truncated answers are fetched by TCP" {
    survives truncated
}

@test "false answers before the right one are passed over" {
    for deed in wrong-id wrong-name garbage wrong-mac unsigned; do
        fresh
        setup
        survives "$deed-then-right"
    done
}

@test "a server that never answers is a temporary failure" {
    fails silent 75 "127.0.0.1:5300: it hung up"
}

@test "answers to other questions are a broken protocol" {
    fails wrong-id 76 "damaged or not ours"
    fresh && setup
    fails wrong-name 76 "damaged or not ours"
}

@test "garbage is a broken protocol" {
    fails garbage 76 "damaged or not ours"
}

@test "a success with a false signature is none" {
    fails wrong-mac 76 "not signed with the TSIG key 'pgcert-key'"
}

@test "a success without a signature is none" {
    fails unsigned 76 "not signed with the TSIG key 'pgcert-key'"
}

@test "each refusal has its status, and says what to do" {
    fails rcode-1 76 "FORMERR"
    fresh && setup
    fails rcode-2 75 "SERVFAIL.*log"
    fresh && setup
    fails rcode-4 77 "NOTIMP.*set 'server'"
    fresh && setup
    fails rcode-5 77 "REFUSED.*update-policy"
    fresh && setup
    fails rcode-9 77 "NOTAUTH.*set 'server'"
    fresh && setup
    fails rcode-10 77 "NOTZONE.*correct 'zone'"
}

@test "a value that could not be removed is removed by the next run" {
    deed right
    expect 0 pgcert renew
    deed rcode-2
    run --separate-stderr pgcert renew --force
    deed right
    expect 0 pgcert renew --force
    [ -z "$(dns_challenges)" ]
}
