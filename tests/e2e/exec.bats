#!/usr/bin/env bats
# Programs that publish the records: the hooks of other ACME clients, by their own rules.
load ../e2e/world

setup()
{
    fresh
    pg_serves_pgcert
    HOOKS=$WORLD/hooks
    rm -rf "$HOOKS"
    mkdir "$HOOKS"
}

# Makes $HOOKS/hook of standard input; it can say: change add|delete NAME VALUE, and told WORD...
hook()
{
    local shell='#!/bin/sh'
    cat >"$HOOKS/hook.new" <<END
$shell
set -eu
HOOKS='$HOOKS'
change()
{
    printf 'server 127.0.0.1\nupdate %s %s %s TXT "%s"\nsend\n' "\$1" "\$2" \
        "\$([ "\$1" = delete ] || echo 60)" "\$3" | nsupdate -k '$WORLD/bind/pgcert-key.key'
}
told()
{
    echo "\$*" >>"\$HOOKS/log"
}
END
    cat "$HOOKS/hook.new" - >"$HOOKS/hook"
    chmod 755 "$HOOKS/hook"
}

# Makes the program the publisher: uses CONTRACT [SETTING...]
uses()
{
    conf_add <<END
[issuer pebble]
dns = program
[dns program]
provider = exec
program = $HOOKS/hook
contract = $1
$(printf '%s\n' "${@:2}")
END
}

names()
{
    conf_add <<<"[certificate db.$ZONE]"$'\nnames = '"$*"
}

# A new certificate is served, and no record is left.
is_issued()
{
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ] &&
        [ -z "$(dns_challenges)" ]
}

# The lines of the log that match: calls PATTERN
calls()
{
    grep -cE -- "$1" "$HOOKS/log" || :
}

lego_hook()
{
    hook <<'END'
told "$*"
case $1 in
present) change add "$2" "$3" ;;
cleanup) change delete "$2" "$3" ;;
esac
END
}

# ---- the contracts ----

@test "lego: present and cleanup, with the name and the value" {
    lego_hook
    uses lego
    names "db.$ZONE *.db.$ZONE"
    expect 0 pgcert renew
    is_issued
    [ "$(calls "^present _acme-challenge\.db\.$ZONE\. [A-Za-z0-9_-]{43}$")" -eq 2 ]
    [ "$(calls "^cleanup _acme-challenge\.db\.$ZONE\. [A-Za-z0-9_-]{43}$")" -eq 2 ]
    [ "$(wc -l <"$HOOKS/log")" -eq 4 ]
    # first in, first out, the same values
    [ "$(sed -n '1s/.* //p' "$HOOKS/log")" = "$(sed -n '3s/.* //p' "$HOOKS/log")" ]
}

@test "lego: the program gets the name at the end of the CNAMEs" {
    bind_zone delegated.test
    bind_zone aliases.test
    echo "_acme-challenge.db IN CNAME there.delegated.test." >>"$WORLD/bind/aliases.test.zone"
    bind_reload
    await 5 "the zones" dig +short @127.0.0.1 SOA aliases.test
    lego_hook
    uses lego
    names "db.aliases.test"
    expect 0 pgcert renew
    [ "$(calls "^present there\.delegated\.test\. ")" -eq 1 ]
    [ -z "$(dns_txt there.delegated.test)" ]
}

@test "lego-raw: the value is made of the key authorization" {
    hook <<'END'
told "$*"
[ "$2" = -- ] && [ $# -eq 5 ] && [ "${5%.*}" = "$4" ]
value=$(printf '%s' "$5" | openssl dgst -sha256 -binary | openssl base64 | tr '+/' '-_' | tr -d =)
case $1 in
present) change add "_acme-challenge.$3." "$value" ;;
cleanup) change delete "_acme-challenge.$3." "$value" ;;
esac
END
    uses lego-raw
    names "db.$ZONE *.db.$ZONE"
    expect 0 pgcert renew
    is_issued
    [ "$(calls "^present -- db\.$ZONE ")" -eq 2 ]
    [ "$(calls "^cleanup -- db\.$ZONE ")" -eq 2 ]
}

@test "certbot: everything is in the environment, and the cleanup has what the first call said" {
    hook <<'END'
told "$# $CERTBOT_DOMAIN $CERTBOT_IDENTIFIER $CERTBOT_REMAINING_CHALLENGES $CERTBOT_ALL_DOMAINS" \
    "${CERTBOT_TOKEN-none} [${CERTBOT_AUTH_OUTPUT-none}]"
if [ -z "${CERTBOT_AUTH_OUTPUT+set}" ]; then
    change add "_acme-challenge.$CERTBOT_DOMAIN." "$CERTBOT_VALIDATION"
    printf '\n  id=%s \n\n' "$CERTBOT_VALIDATION"
else
    change delete "_acme-challenge.$CERTBOT_DOMAIN." "${CERTBOT_AUTH_OUTPUT#id=}"
fi
END
    uses certbot
    names "db.$ZONE *.db.$ZONE"
    expect 0 pgcert renew
    is_issued
    local all="db.$ZONE,db.$ZONE"
    [ "$(calls "^0 db\.$ZONE db\.$ZONE 1 $all none \[none\]$")" -eq 1 ]
    [ "$(calls "^0 db\.$ZONE db\.$ZONE 0 $all none \[none\]$")" -eq 1 ]
    [ "$(calls "^0 db\.$ZONE db\.$ZONE [01] $all none \[id=[A-Za-z0-9_-]{43}\]$")" -eq 2 ]
}

@test "dehydrated: deploy_challenge and clean_challenge" {
    hook <<'END'
told "$*"
[ $# -eq 4 ]
case $1 in
deploy_challenge) change add "_acme-challenge.$2." "$4" ;;
clean_challenge) change delete "_acme-challenge.$2." "$4" ;;
esac
END
    uses dehydrated
    expect 0 pgcert renew
    is_issued
    [ "$(calls "^deploy_challenge db\.$ZONE [A-Za-z0-9_-]+ [A-Za-z0-9_-]{43}$")" -eq 1 ]
    [ "$(calls "^clean_challenge db\.$ZONE [A-Za-z0-9_-]+ [A-Za-z0-9_-]{43}$")" -eq 1 ]
}

@test "uacme: begin and done, in arguments and environment" {
    hook <<'END'
told "$*"
[ $# -eq 5 ] && [ "$UACME_METHOD $UACME_TYPE $UACME_IDENT $UACME_TOKEN $UACME_AUTH" = "$*" ]
[ "$UACME_CONFDIR $UACME_VERBOSE" = "/etc/ssl/uacme 2" ]
case $1 in
begin) change add "_acme-challenge.$3." "$5" ;;
done | failed) change delete "_acme-challenge.$3." "$5" ;;
esac
END
    (umask 077 && echo UACME_VERBOSE=2 >"$HOOKS/env")
    uses uacme "environment_file = $HOOKS/env"
    expect 0 pgcert renew
    is_issued
    [ "$(calls "^begin dns-01 db\.$ZONE [A-Za-z0-9_-]+ [A-Za-z0-9_-]{43}$")" -eq 1 ]
    [ "$(calls "^done dns-01 db\.$ZONE ")" -eq 1 ]
}

@test "mod_md: setup and teardown, with the value" {
    hook <<'END'
told "$*"
[ $# -eq 3 ]
case $1 in
setup) change add "_acme-challenge.$2." "$3" ;;
teardown) change delete "_acme-challenge.$2." "$3" ;;
esac
END
    uses mod_md
    expect 0 pgcert renew
    is_issued
    [ "$(calls "^setup db\.$ZONE [A-Za-z0-9_-]{43}$")" -eq 1 ]
    [ "$(calls "^teardown db\.$ZONE [A-Za-z0-9_-]{43}$")" -eq 1 ]
}

# ---- what the program is given ----

@test "its environment is PATH, HOME, LANG and the lines of the file, nothing of ours" {
    hook <<'END'
tr '\0' '\n' </proc/$$/environ | sort >"$HOOKS/environment"
pwd >"$HOOKS/directory"
exit 1
END
    (umask 077 && printf 'API_KEY="a $b `c`"\n# x\nTZ=UTC\n' >"$HOOKS/env")
    uses lego "environment_file = $HOOKS/env"
    HOME=/root LANG=C.UTF-8 OUR_SECRET=no expect 75 pgcert renew
    [ "$(cat "$HOOKS/environment")" = "API_KEY=a \$b \`c\`
HOME=/root
LANG=C.UTF-8
PATH=$PATH
TZ=UTC" ]
    [ "$(cat "$HOOKS/directory")" = / ]
}

@test "a program that others can change is not run" {
    lego_hook
    uses lego
    chmod 777 "$HOOKS/hook"
    mark=$(pebble_mark)
    expect 77 pgcert renew
    says "'program' of \[dns program\]: others than root and user 0 can change '$HOOKS/hook'"
    [ ! -e "$HOOKS/log" ]
    [ "$(requests "$mark" order-plz)" -eq 0 ] # told before the issuer is troubled
    chmod 755 "$HOOKS/hook"
    chmod 777 "$HOOKS"
    expect 77 pgcert renew
    says "can change '$HOOKS'"
    [ ! -e "$HOOKS/log" ]
}

@test "a program that is not there, and settings that others can read, are told" {
    uses lego
    expect 78 pgcert renew
    says "'program' of \[dns program\]: there is no program '$HOOKS/hook'"
    lego_hook
    echo A=1 >"$HOOKS/env"
    chmod 644 "$HOOKS/env"
    uses lego "environment_file = $HOOKS/env"
    expect 77 pgcert renew
    says "'environment_file' of \[dns program\]: .*$HOOKS/env"
    [ ! -e "$HOOKS/log" ]
}

# ---- programs that do harm ----

@test "a program that fails is told with what it complained, without secrets" {
    hook <<'END'
echo "begin" >&2
echo "zone not found with key $API_KEY." >&2
exit 3
END
    (umask 077 && echo 'API_KEY=s3cret-of-mine' >"$HOOKS/env")
    uses lego "environment_file = $HOOKS/env"
    expect 75 pgcert renew
    says "publish the records by \[dns program\]: '_acme-challenge\.db\.$ZONE': '$HOOKS/hook' failed with status 3: begin; zone not found with key \*\*\*; the next run"
    expect 75 pgcert -v renew
    [[ $stderr == *"with key ***"* && $output$stderr != *s3cret* ]]
    not grep -rq s3cret-of-mine "$STATE"
}

@test "a program that hangs is killed, and what it published is removed" {
    hook <<'END'
told "$*"
case $1 in
present)
    change add "$2" "$3"
    sleep 60
    ;;
cleanup) change delete "$2" "$3" ;;
esac
END
    uses lego "program_timeout = 1s"
    SECONDS=0
    expect 75 pgcert renew
    [ "$SECONDS" -lt 10 ]
    says "'$HOOKS/hook' did not end within 1(000 m| )s and was killed"
    [ "$(calls '^cleanup ')" -eq 1 ]
    [ -z "$(dns_challenges)" ]
    [ -z "$(find "$STATE/records" -name '*.json')" ]
}

@test "a program that says too much is bounded, and works" {
    hook <<'END'
head -c 20000000 /dev/zero | tr '\0' 'x'
head -c 20000000 /dev/zero | tr '\0' 'y' >&2
case $1 in
present) change add "$2" "$3" ;;
cleanup) change delete "$2" "$3" ;;
esac
END
    uses lego
    expect 0 pgcert renew
    is_issued
    [ "${#stderr}" -lt 2000 ]
}

@test "after one failure no more is published, and only what was tried is removed" {
    hook <<'END'
told "$*"
case $1 in
present)
    change add "$2" "$3"
    [ "$(grep -c present "$HOOKS/log")" -lt 2 ] || exit 1
    ;;
cleanup) change delete "$2" "$3" ;;
esac
END
    uses lego
    names "a.$ZONE b.$ZONE c.$ZONE"
    expect 75 pgcert renew
    [ "$(calls '^present ')" -eq 2 ]
    [ "$(calls '^cleanup ')" -eq 2 ]
    [ "$(sed -n 's/present //p' "$HOOKS/log")" = "$(sed -n 's/cleanup //p' "$HOOKS/log")" ]
    [ -z "$(dns_challenges)" ]
}

@test "a cleanup that fails is a warning, and the next run does it" {
    hook <<'END'
told "$*"
case $1 in
present) change add "$2" "$3" ;;
cleanup) [ ! -e "$HOOKS/broken" ] || { echo "not today" >&2 && exit 1; }
    change delete "$2" "$3" ;;
esac
END
    uses lego
    : >"$HOOKS/broken"
    expect 0 pgcert renew
    says "not today"
    [ -n "$(dns_challenges)" ]
    rm "$HOOKS/broken"
    expect 0 pgcert renew
    is_issued
}

# Publishes, then waits in the program; kill -9; the next run removes by the journal alone.
killed_in_the_program()
{
    : >"$HOOKS/hang"
    setsid "$PGCERT" -c "$CONF" renew >"$WORLD/killed" 2>&1 3>&- 4>&- </dev/null &
    local renewing=$!
    await 20 "the program" test -e "$HOOKS/pid"
    [ -n "$(dns_challenges)" ]
    kill -KILL -- "-$renewing"
    wait "$renewing" || :
    await 10 "the end of the program" process_is_gone "$(cat "$HOOKS/pid")"
    rm "$HOOKS/hang"
    expect 0 pgcert renew
    is_issued
}

@test "kill -9 while the program runs: it ends too, and the next run removes the record" {
    hook <<'END'
told "$*"
case $1 in
present)
    change add "$2" "$3"
    if [ -e "$HOOKS/hang" ]; then
        echo $$ >"$HOOKS/pid.new" && mv "$HOOKS/pid.new" "$HOOKS/pid"
        exec sleep 60
    fi ;;
cleanup) change delete "$2" "$3" ;;
esac
END
    uses lego
    killed_in_the_program
}

@test "kill -9 with lego-raw: the journal knows the key authorization" {
    hook <<'END'
value=$(printf '%s' "$5" | openssl dgst -sha256 -binary | openssl base64 | tr '+/' '-_' | tr -d =)
case $1 in
present)
    change add "_acme-challenge.$3." "$value"
    if [ -e "$HOOKS/hang" ]; then
        echo $$ >"$HOOKS/pid.new" && mv "$HOOKS/pid.new" "$HOOKS/pid"
        exec sleep 60
    fi ;;
cleanup) change delete "_acme-challenge.$3." "$value" ;;
esac
END
    uses lego-raw
    killed_in_the_program
}
