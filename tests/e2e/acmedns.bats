#!/usr/bin/env bats
# The provider for acme-dns, for which tests/fake/cloud/acmedns.py stands.
load ../e2e/world

URL=https://localhost:14443/acmedns
ACCOUNTS=$WORLD/conf/accounts.json

setup_file()
{
    mkdir -p "$WORLD/bind" "$WORLD/clouds"
    bind_write_conf "$WORLD/bind" 127.0.0.1
    # nothing that an earlier test has asked for is remembered
    sed -i 's/recursion yes;/& max-cache-ttl 0; max-ncache-ttl 0;/' "$WORLD/bind/named.conf"
    bind_key pgcert-key
    bind_zone "$ZONE" "grant pgcert-key zonesub ANY;"
    bind_start && pebble_start
    cp "$WORLD/pebble/cert.pem" "$WORLD/pebble/key.pem" "$WORLD/clouds"
    : >"$WORLD/clouds/rules"
    python3 "$PGCERT_ROOT/tests/fake/clouds.py" "$WORLD/clouds" "$ZONE" "$WORLD/bind/pgcert-key.key" \
        >>"$WORLD/clouds/errors" 2>&1 3>&- 4>&- </dev/null &
    await 10 "the services" port_is_open 127.0.0.1 14443
}

# Settings of the provider in place of the world's: acmedns LINE...
acmedns()
{
    touch "$WORLD/conf/conf.d/50-test.conf"
    sed -i '/^\[dns world\]/,/^$/d' "$CONF" "$WORLD/conf/conf.d/50-test.conf"
    printf '%s\n' "[dns world]" "provider = acme-dns" "accounts_file = $ACCOUNTS" "timeout = 10s" \
        "ca_file = $WORLD/pebble/https-ca.pem" "$@" "" | conf_add
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

# What goes wrong from now on: rules RULE...
rules()
{
    printf '%s\n' "$@" >"$WORLD/clouds/rules"
    : >"$WORLD/clouds/log"
}

# Requests with such a line in the log: asked PATTERN
asked()
{
    grep -cE -- "$1" "$WORLD/clouds/log" || :
}

setup()
{
    fresh
    rules
    printf '%s\n' "server 127.0.0.1" "update delete _acme-challenge.db.$ZONE" \
        "update delete _acme-challenge.other.$ZONE" "update delete link.$ZONE" send |
        nsupdate -k "$WORLD/bind/pgcert-key.key"
    acmedns "endpoint = $URL"
    order "db.$ZONE"
}

teardown_file()
{
    [ ! -s "$WORLD/clouds/errors" ] || cat "$WORLD/clouds/errors"
}

# Registers as the manual tells, and writes the file of accounts: by_hand DOMAIN...
by_hand()
{
    local domain account between=
    account=$(curl -sS --cacert "$WORLD/pebble/https-ca.pem" -X POST "$URL/register")
    (
        umask 077
        {
            printf '{'
            for domain in "$@"; do
                printf '%s"%s": %s' "$between" "$domain" "$account"
                between=", "
            done
            printf '}\n'
        } >"$ACCOUNTS"
    )
    : >"$WORLD/clouds/log"
}

# What the account of a domain says: account DOMAIN MEMBER
account()
{
    python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))[sys.argv[2]][sys.argv[3]])' "$ACCOUNTS" "$1" "$2"
}

# cname NAME TARGET
cname()
{
    printf '%s\n' "server 127.0.0.1" "update delete $1 CNAME" "update add $1 60 CNAME $2" send |
        nsupdate -k "$WORLD/bind/pgcert-key.key"
}

# Changes a member of the account of db: spoil MEMBER VALUE
spoil()
{
    python3 - "$ACCOUNTS" "db.$ZONE" "$1" "$2" <<'END'
import json, sys
path, domain, member, value = sys.argv[1:]
accounts = json.load(open(path))
accounts[domain][member] = value
json.dump(accounts, open(path, "w"))
END
}

ready()
{
    by_hand "db.$ZONE"
    cname "_acme-challenge.db.$ZONE" "$(account "db.$ZONE" fulldomain)"
}

issued()
{
    fails 0
    [ -z "$stderr" ] && [ -n "$(newest_generation)" ]
    not compgen -G "$STATE/journal/*.json"
}

# The next run fails with that status. It has a new account of the issuer: nothing that was proved
# before counts.
fails()
{
    rm -rf "$STATE"
    expect "$1" pgcert renew
}

@test "an account that was registered by hand serves" {
    ready
    issued
    [ "$(asked "POST /acmedns/update 200$")" = 1 ]
    [ "$(asked register)" = 0 ]
}

@test "a name and its wildcard are the two values of one account, again and again" {
    ready
    order "db.$ZONE, *.db.$ZONE"
    issued
    issued
    [ "$(dns_txt "$(account "db.$ZONE" fulldomain)" | sort -u | wc -l)" = 2 ]
}

@test "more than two values for one account are told" {
    by_hand "db.$ZONE" "other.$ZONE"
    order "db.$ZONE, *.db.$ZONE, other.$ZONE"
    expect 78 pgcert renew
    says "acme-dns keeps 2 values.*$(account "db.$ZONE" fulldomain)"
    [ "$(asked update)" = 0 ]
}

@test "two domains may share an account, and CNAMEs may lead by others" {
    by_hand "DB.$ZONE." "other.$ZONE"
    cname "_acme-challenge.db.$ZONE" "link.$ZONE"
    cname "link.$ZONE" "$(account "other.$ZONE" fulldomain)"
    cname "_acme-challenge.other.$ZONE" "$(account "other.$ZONE" fulldomain)"
    for p in authoritative recursive; do
        acmedns "endpoint = $URL" "propagation = $p"
        order "db.$ZONE, other.$ZONE"
        issued
    done
}

@test "the CNAME that is missing is told, and so is one that leads elsewhere" {
    local full p
    by_hand "db.$ZONE"
    full=$(account "db.$ZONE" fulldomain)
    for p in authoritative recursive; do
        acmedns "endpoint = $URL" "propagation = $p"
        fails 78
        says "add to the DNS, once: '_acme-challenge.db.$ZONE. CNAME $full.'"
    done
    cname "_acme-challenge.db.$ZONE" "elsewhere.$ZONE"
    for p in authoritative recursive; do
        acmedns "endpoint = $URL" "propagation = $p"
        fails 78
        says "leads to 'elsewhere.$ZONE.'.*correct in the DNS, once: '_acme-challenge.db.$ZONE. CNAME $full.'"
    done
    [ "$(asked update)" = 0 ]
}

@test "where nobody is to be asked no CNAME is looked for" {
    by_hand "db.$ZONE"
    acmedns "endpoint = $URL" "propagation = wait" "wait = 0s"
    expect 69 pgcert renew # the issuer finds nothing
    [ "$(asked "update 200$")" = 1 ]
}

@test "a domain without an account is told" {
    by_hand "other.$ZONE"
    expect 78 pgcert renew
    says "has no account of 'db.$ZONE'; set 'register = yes'"
    rm "$ACCOUNTS"
    fails 74
    says "'accounts_file' of \[dns world\].*$ACCOUNTS"
}

@test "accounts are registered, kept by themselves, and the CNAMEs told" {
    local full
    acmedns "endpoint = $URL/" "register = yes" "allow_from = 127.0.0.0/8, ::1/128"
    order "db.$ZONE, *.db.$ZONE, other.$ZONE"
    expect 78 pgcert renew
    full=$(account "db.$ZONE" fulldomain)
    says "2 accounts are registered at '$URL' .*'_acme-challenge.db.$ZONE. CNAME $full.'"
    says "'_acme-challenge.other.$ZONE. CNAME $(account "other.$ZONE" fulldomain).'"
    not grep -F "$(account "db.$ZONE" password)" <<<"$stderr"
    [ "$(stat -c %a "$ACCOUNTS")" = 600 ]
    [ "$(account "db.$ZONE" server_url)" = "$URL" ]
    [ "$(account "db.$ZONE" allowfrom)" = "['127.0.0.0/8', '::1/128']" ]
    [ "$(asked "register 201$")" = 2 ]
    [ "$(asked update)" = 0 ]
    # again: the same accounts
    fails 78
    says "add to the DNS, once: .*'_acme-challenge.db.$ZONE. CNAME $full.'"
    says "'_acme-challenge.other.$ZONE. CNAME $(account "other.$ZONE" fulldomain).'"
    [ "$(asked "register 201$")" = 2 ]
    cname "_acme-challenge.db.$ZONE" "$full"
    cname "_acme-challenge.other.$ZONE" "$(account "other.$ZONE" fulldomain)"
    issued
    # an account more leaves the others as they are
    order "db.$ZONE, third.$ZONE"
    fails 78
    says "1 account is registered.*'_acme-challenge.third.$ZONE. CNAME $(account "third.$ZONE" fulldomain).'"
    [ "$(account "db.$ZONE" fulldomain)" = "$full" ]
}

@test "a service that registers nobody is told" {
    acmedns "endpoint = https://localhost:14443/acmedns/closed" "register = yes"
    expect 77 pgcert renew
    says "registers nobody \(404\)"
    [ ! -e "$ACCOUNTS" ]
    acmedns "endpoint = $URL" "register = yes" "allow_from = everywhere"
    fails 77
    says "refuses to register an account \(400: invalid_allowfrom_cidr\)"
    [ ! -e "$ACCOUNTS" ]
}

@test "a wrong password is told with its account, and told nowhere" {
    ready
    spoil password wrong-secret
    expect 77 pgcert -v renew
    grep -F "does not let the account of 'db.$ZONE' in '$ACCOUNTS' set its value (401)" <<<"$stderr"
    not grep "wrong-secret" <<<"$stderr"
    not grep -r "wrong-secret" "$STATE"
    ready
    spoil subdomain 0d5c6f2e-6cb8-4c7c-9e0c-1d6f3c1d0a11
    fails 77
    says "401"
}

@test "what the service says reaches the sentence, but no password does" {
    ready
    rules "echo $(account "db.$ZONE" password)"
    expect 77 pgcert -v renew
    grep "refuses to set the value of an account (400)$" <<<"$stderr"
    not grep -F "$(account "db.$ZONE" password)" <<<"$stderr"
}

@test "a service that is busy, fails, or is none" {
    ready
    rules "busy 2 1"
    issued
    [ "$(asked " 429$")" = 2 ]
    rules "busy 9 3600"
    fails 75
    says "too many requests"
    rules "fails"
    fails 75
    says "failed to set the value of an account \(500: internal error\)"
    rules "lost"
    fails 75
    rules
    issued
    rules "garbage"
    fails 76
    says "not JSON.*'endpoint' of \[dns world\]"
    rules "empty"
    fails 76
    says "no usable answer"
    rules "redirect"
    fails 77
    says "302"
}

@test "an account says which server it is of" {
    ready
    spoil server_url "$URL/"
    acmedns "endpoint = https://nowhere.test"
    issued
    acmedns "endpoint ="
    issued
    for url in "http://192.0.2.1" "ftp://127.0.0.1" "http://localhost" "https://a b"; do
        spoil server_url "$url"
        fails 78
        says "has the server_url '$url', which must be https"
    done
    spoil server_url ""
    fails 78
    says "has the server_url ''.*'endpoint' of \[dns world\]"
}

@test "files of accounts that cannot be right are told" {
    ready
    chmod 644 "$ACCOUNTS"
    expect 77 pgcert renew
    says "'accounts_file' of \[dns world\].*chmod"
    chmod 600 "$ACCOUNTS"
    spoil username "two words"
    fails 78
    says "the account of 'db.$ZONE' in '$ACCOUNTS' is damaged"
    echo "no JSON" >"$ACCOUNTS"
    fails 78
    says "'accounts_file' of \[dns world\]: '$ACCOUNTS'"
    acmedns "endpoint = http://192.0.2.1"
    fails 78
    says "'endpoint' of \[dns world\] is 'http://192.0.2.1', but must be https"
    acmedns "register = yes" "endpoint ="
    fails 78
    says "'endpoint' of \[dns world\] is ''"
    acmedns "register = yes" "endpoint = $URL" "accounts_file = credential:accounts"
    fails 78
    says "into which no account can be written"
}

@test "somebody else's damaged account is not ours to judge" {
    ready
    python3 - "$ACCOUNTS" <<'END'
import json, sys
accounts = json.load(open(sys.argv[1]))
accounts["third.test"] = {"fulldomain": 7}
json.dump(accounts, open(sys.argv[1], "w"))
END
    issued
}
