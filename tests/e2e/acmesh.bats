#!/usr/bin/env bats
# Scripts written for acme.sh, run without it.
load ../e2e/world

setup()
{
    fresh
    pg_serves_pgcert
    HOME_DIR=$WORLD/acme.sh
    # in /tmp, beside the world's state directory, nothing new can be made
    export TMPDIR=$WORLD/tmp
    mkdir -p "$TMPDIR"
    rm -rf "$HOME_DIR"
    mkdir -p "$HOME_DIR/dnsapi"
    cp "$PGCERT_ROOT/acme/dns/acmesh-shim.sh" "$HOME_DIR/shim"
    chown -R root: "$HOME_DIR"
}

# Makes it the publisher: uses SCRIPT [SETTING...]
uses()
{
    conf_add <<END
[issuer pebble]
dns = script
[dns script]
provider = acme.sh
home = $HOME_DIR
script = $1
shim = $HOME_DIR/shim
$(printf '%s\n' "${@:2}")
END
}

environment()
{
    (umask 077 && printf '%s\n' "$@" >"$HOME_DIR/env")
}

# A script in the manner of acme.sh's own, which updates BIND; standard input ends it.
nsupdate_script()
{
    cat >"$HOME_DIR/dnsapi/dns_try.sh" <<'END'
dns_try_info='a script for tests'
dns_try_add() {
  fulldomain=$1
  txtvalue=$2
  _try_key || return 1
  _info "adding $fulldomain"
  _try_update "add $fulldomain. 60 TXT \"$txtvalue\""
}
dns_try_rm() {
  _try_key || return 1
  _try_update "delete $1. TXT \"$2\""
}
_try_key() {
  TRY_Key="${TRY_Key:-$(_readaccountconf_mutable TRY_Key)}"
  if [ -z "$TRY_Key" ]; then
    _clearaccountconf_mutable TRY_Key
    _err "You don't specify the key yet."
    return 1
  fi
  _saveaccountconf_mutable TRY_Key "$TRY_Key"
  _debug key "$TRY_Key"
}
_try_update() {
  printf 'server 127.0.0.1\nupdate %s\nsend\n' "$1" | nsupdate -k "$TRY_Key"
}
END
    cat >>"$HOME_DIR/dnsapi/dns_try.sh"
}

is_issued()
{
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ] &&
        [ -z "$(dns_challenges)" ]
}

@test "a script adds and removes, and what it saves serves the next run" {
    nsupdate_script </dev/null
    environment "TRY_Key=$WORLD/bind/pgcert-key.key"
    uses dns_try "environment_file = $HOME_DIR/env" "state_file = $HOME_DIR/state"
    conf_add <<<"[certificate db.$ZONE]"$'\nnames = '"db.$ZONE *.db.$ZONE"
    expect 0 pgcert renew
    is_issued
    [ "$(stat -c %a "$HOME_DIR/state")" = 600 ]
    environment "# nothing any more"
    expect 0 pgcert renew --force
    is_issued
}

@test "what acme.sh has saved is used" {
    nsupdate_script </dev/null
    echo "SAVED_TRY_Key='$WORLD/bind/pgcert-key.key'" >"$HOME_DIR/account.conf"
    uses dns_try
    expect 0 pgcert renew
    is_issued
}

@test "what a script complains of is told" {
    nsupdate_script </dev/null
    uses dns_try
    expect 75 pgcert renew
    says "dns_try_add '_acme-challenge.db.$ZONE': '/bin/sh' failed with status 1: You don't specify the key yet; the next run"
}

@test "scripts that are not there, or that others can change, are refused" {
    uses dns_none
    expect 78 pgcert renew
    says "'script' of \[dns script\]: there is no program '$HOME_DIR/dnsapi/dns_none.sh'"
    uses ../dns_try
    expect 78 pgcert renew
    says "'../dns_try' is no name of a script"
    nsupdate_script </dev/null
    uses dns_try
    chmod o+w "$HOME_DIR/dnsapi/dns_try.sh"
    expect 77 pgcert renew
    says "can change '$HOME_DIR/dnsapi/dns_try.sh'"
}

# Prints what some words of shell say inside of the shim: inside WORDS
inside()
{
    printf 'dns_x_add() {\n%s\n}\n' "$1" >"$HOME_DIR/dnsapi/dns_x.sh"
    env -i PATH="$PATH" PGCERT_SCRIPT="$HOME_DIR/dnsapi/dns_x.sh" PGCERT_NAME=dns_x \
        PGCERT_METHOD=add PGCERT_FQDN=a.b PGCERT_VALUE=v PGCERT_HOME="$HOME_DIR" \
        PGCERT_STATE="$HOME_DIR/state" CA_BUNDLE="$WORLD/pebble/https-ca.pem" \
        sh "$HOME_DIR/shim"
}

@test "the functions do what acme.sh's do" {
    # RFC 1321 appendix A.5, RFC 4231 test case 2, RFC 4648 section 10
    [ "$(inside 'printf abc | _digest md5 hex')" = 900150983cd24fb0d6963f7d28e17f72 ]
    [ "$(inside 'printf "what do ya want for nothing?" | _hmac sha256 4a656665 hex')" = \
        5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843 ]
    [ "$(inside 'printf "what do ya want for nothing?" | _hmac sha256 4a656665 | _hex_dump | tr -d " "')" = \
        5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843 ]
    [ "$(inside 'printf "a b/c~ü" | _url_encode')" = 'a%20b%2fc~%c3%bc' ]
    [ "$(inside 'printf "a b/c~ü" | _url_encode upper-hex')" = 'a%20b%2Fc~%C3%BC' ]
    [ "$(inside 'printf foobar | _base64')" = Zm9vYmFy ]
    [ "$(inside 'printf Zm9vYmFy | _dbase64')" = foobar ]
    [ "$(inside 'printf 666f6f | _h2b')" = foo ]
    [ "$(inside 'printf " foo" | _hex_dump')" = ' 20 66 6f 6f' ]
    [ "$(inside '_math 1 + 2')" = 3 ]
    [ "$(inside '_getfield a,b,c 2')" = b ]
    [ "$(inside '_getfield a.b 2 .')" = b ]
    [ "$(inside 'echo "id:12,id:3" | _egrep_o "id:[0-9]+" | _head_n 1')" = id:12 ]
    [ "$(inside '_contains abc b && _startswith abc a && _endswith abc c && echo yes')" = yes ]
    not inside '_contains abc d'
    not inside '_startswith abc b'
    not inside '_endswith abc b'
    [ "$(inside 'echo AbC | _lower_case')" = abc ]
    [ "$(inside 'printf "{ \"a\" : \"b\",\n \"c\" : [1] }" | _normalizeJson')" = '{ "a":"b","c":[1] }' ]
    [ "$(inside '_idn a.b')" = a.b ]
    [ "$(inside '_saveaccountconf A "x '\''y"; _saveaccountconf A 2; _saveaccountconf_mutable B "q w"
        _clearaccountconf C; _readaccountconf A; _readaccountconf_mutable B')" = '2q w' ]
    [ "$(inside '_savedomainconf D 5; _readdomainconf D; _cleardomainconf D; _readdomainconf D')" = 5 ]
}

@test "_get and _post speak https, with headers, and leave nothing in the arguments" {
    [ "$(inside '_get https://localhost:14000/dir | _egrep_o "newNonce"')" = newNonce ]
    [ "$(inside 'export _H1="X: \"y\""; _get https://localhost:14000/dir x | _head_n 1 | tr -d "\r"')" = \
        "HTTP/2 200 " ]
    [ "$(inside '_get https://localhost:14000/dir >/dev/null; grep -ci "^HTTP" "$HTTP_HEADER"')" = 1 ]
    inside '_post "{\"a\": 1}" https://localhost:14000/order-plz "" POST application/jose+json' |
        grep -q urn:ietf:params:acme:error
    inside '_post "" https://localhost:14000/order-plz "" PUT' | grep -qi 'not allowed'
    not inside '_get https://localhost:14001/'
}
