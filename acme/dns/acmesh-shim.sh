#!/bin/sh
# acmesh-shim.sh: runs one DNS script of an installed acme.sh, and gives it the functions it uses.
#
# Everything comes by the environment: PGCERT_SCRIPT (path), PGCERT_NAME (dns_NAME), PGCERT_METHOD
# (add or rm), PGCERT_FQDN, PGCERT_VALUE, PGCERT_HOME (of acme.sh), PGCERT_STATE (a file for what the
# script saves; empty: forgotten at the end).
# shellcheck disable=SC2034,SC2120 # variables and functions for the script

set -u
umask 077
work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT
trap 'exit 143' TERM INT HUP
set +u # the scripts ask for variables that may not be set

VER=3.1.0
PROJECT_NAME=acme.sh
USER_AGENT=pgcert
LE_WORKING_DIR=$PGCERT_HOME
LE_CONFIG_HOME=$PGCERT_HOME
HTTP_HEADER=$work/header
DOMAIN_CONF=$work/domain.conf
: >"$HTTP_HEADER"

# ---- saying ----

_info() { printf '%s\n' "$*"; }
_err() { printf '%s\n' "$*" >&2; return 1; }
_usage() { _err "$@"; }
_debug() { :; }
_debug2() { :; }
_debug3() { :; }
_secure_debug() { :; }
_secure_debug2() { :; }
_secure_debug3() { :; }
_log() { :; }

# ---- remembering: lines "KEY BASE64" ----

remember() # KEY VALUE
{
    [ -n "$PGCERT_STATE" ] || PGCERT_STATE=$work/state
    forget "$1"
    printf '%s %s\n' "$1" "$(printf '%s' "$2" | _base64)" >>"$PGCERT_STATE"
}

forget() # KEY
{
    [ -e "${PGCERT_STATE:-$work/none}" ] || return 0
    grep -v "^$1 " "$PGCERT_STATE" >"$PGCERT_STATE.new"
    mv "$PGCERT_STATE.new" "$PGCERT_STATE"
}

recall() # KEY
{
    [ -e "${PGCERT_STATE:-$work/none}" ] || return 0
    sed -n "s|^$1 ||p" "$PGCERT_STATE" | _dbase64
}

# What acme.sh itself has saved, which is never changed.
recall_from_acmesh() # KEY
{
    [ -r "$PGCERT_HOME/account.conf" ] || return 0
    found=$(sed -n "s/^$1='\(.*\)'\$/\1/p" "$PGCERT_HOME/account.conf" | tail -n 1)
    case $found in
    __ACME_BASE64__START_*__ACME_BASE64__END_)
        found=${found#__ACME_BASE64__START_}
        printf '%s' "${found%__ACME_BASE64__END_}" | _dbase64
        ;;
    *) printf '%s' "$found" ;;
    esac
}

read_account() # KEY
{
    value=$(recall "$1")
    [ -n "$value" ] || value=$(recall_from_acmesh "$1")
    printf '%s' "$value"
}

_readaccountconf() { read_account "$1"; }
_saveaccountconf() { remember "$1" "$2"; }
_clearaccountconf() { forget "$1"; }
_readaccountconf_mutable() { read_account "SAVED_$1"; }
_saveaccountconf_mutable() { remember "SAVED_$1" "$2"; }
_clearaccountconf_mutable() { forget "SAVED_$1"; }
_readdomainconf() { recall "$PGCERT_FQDN/$1"; }
_savedomainconf() { remember "$PGCERT_FQDN/$1" "$2"; }
_cleardomainconf() { forget "$PGCERT_FQDN/$1"; }

# ---- text ----

_exists() { command -v "$1" >/dev/null 2>&1; }
_contains() { printf '%s\n' "$1" | grep -q -- "$2"; }
_startswith() { printf '%s\n' "$1" | grep -q -- "^$2"; }
_endswith() { printf '%s\n' "$1" | grep -q -- "$2\$"; }
_egrep_o() { grep -E -o -- "$1"; }
_head_n() { head -n "$1"; }
_tail_n() { tail -n "$1"; }
_lower_case() { tr '[:upper:]' '[:lower:]'; }
_upper_case() { tr '[:lower:]' '[:upper:]'; }
_math() { printf '%s' "$(($*))"; }
_sed_i() { sed -i "$@"; }
_json_decode() { sed 's,\\/,/,g'; }
_json_encode() { sed 's/"/\\"/g; s/\r/\\r/g' | awk '{ printf "%s\\n", $0 }'; }
_normalizeJson() { sed 's/" *: *\(["{[]\)/":\1/g; s/^ *\([^ ]\)/\1/' | tr -d '\r\n'; }
_url_replace() { tr '/+' '_-' | tr -d '= '; }

# The field, or the nearest one before it that is not empty.
_getfield() # TEXT NUMBER [SEPARATOR]
{
    field=$2
    while [ "$field" -gt 0 ]; do
        value=$(printf '%s\n' "$1" | cut -d "${3:-,}" -f "$field")
        [ -z "$value" ] || break
        field=$((field - 1))
    done
    printf '%s' "${value:-$1}"
}

_idn()
{
    if ! printf '%s' "$1" | LC_ALL=C grep -q '[^ -~]'; then
        printf '%s' "$1"
    elif _exists idn2; then
        idn2 --quiet "$1" | tr -d '\r\n'
    elif _exists idn; then
        idn --quiet "$1" | tr -d '\r\n'
    else
        _err "the name '$1' needs idn2 or idn; install one of them"
    fi
}

# ---- bytes ----

_base64() { if [ -n "${1:-}" ]; then openssl base64 -e; else openssl base64 -e | tr -d '\r\n'; fi; }
_dbase64() { if [ -n "${1:-}" ]; then openssl base64 -d; else openssl base64 -d -A; fi; }
_hex_dump() { od -A n -v -t x1 | tr -s ' ' | sed 's/ $//' | tr -d '\r\t\n'; }

_h2b()
{
    # shellcheck disable=SC2059 # the bytes, as a format
    for byte in $(tr -d ' \r\n' | sed 's/../& /g'); do
        printf "\\$(printf '%03o' "0x$byte")"
    done
}

_digest() # ALGORITHM [HEX]
{
    case $1 in
    sha3-256 | sha256 | sha1 | md5) ;;
    *) _err "the digest '$1' is not known" || return ;;
    esac
    if [ -n "${2:-}" ]; then
        openssl dgst "-$1" -hex | sed 's/.*= *//'
    else
        openssl dgst "-$1" -binary | _base64
    fi
}

_hmac() # ALGORITHM KEY-IN-HEX [HEX]
{
    case $1 in
    sha256 | sha1) ;;
    *) _err "the digest '$1' is not known" || return ;;
    esac
    if [ -n "${3:-}" ]; then
        openssl dgst "-$1" -mac HMAC -macopt "hexkey:$2" | sed 's/.*= *//'
    else
        openssl dgst "-$1" -mac HMAC -macopt "hexkey:$2" -binary
    fi
}

_isRSA() { openssl rsa -in "$1" -noout >/dev/null 2>&1; }
_sign() { openssl dgst -sign "$1" "-$2" | _base64; }

_url_encode() # [upper-hex]
{
    for byte in $(_hex_dump); do
        case $byte in
        3[0-9] | 4[1-9a-f] | 5[0-9a] | 6[1-9a-f] | 7[0-9a] | 2d | 2e | 5f | 7e)
            printf '%s' "$byte" | _h2b
            ;;
        *)
            [ -z "${1:-}" ] || byte=$(printf '%s' "$byte" | _upper_case)
            printf '%%%s' "$byte"
            ;;
        esac
    done
}

# ---- time and files ----

_sleep() { sleep "$1"; }
_time() { date -u +%s; }
_utc_date() { date -u '+%Y-%m-%d %H:%M:%S'; }
_mktemp() { mktemp "$work/XXXXXX"; }

# ---- https, by curl; what is secret goes through a file, not through its arguments ----

quoted() # TEXT
{
    printf '%s\n' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g; s/\t/\\t/g; s/\r/\\r/g' |
        awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }'
}

ask() # METHOD URL [BODY [TYPE]]
{
    _exists curl || _err "curl is not installed" || return
    {
        printf 'url = "%s"\n' "$(quoted "$2")"
        for header in "$_H1" "$_H2" "$_H3" "$_H4" "$_H5" "${4:+Content-Type: $4}"; do
            [ -z "$header" ] || printf 'header = "%s"\n' "$(quoted "$header")"
        done
        [ -z "${3:-}" ] || printf 'data-raw = "%s"\n' "$(quoted "$3")"
        [ -z "${CA_BUNDLE:-}" ] || printf 'cacert = "%s"\n' "$(quoted "$CA_BUNDLE")"
        [ -z "${HTTPS_INSECURE:-}" ] || echo insecure
        [ -n "${ACME_HTTP_NO_REDIRECTS:-}" ] || echo location
        if [ "$1" = HEAD ]; then echo head; else echo "request = \"$1\""; fi
    } >"$work/request"
    curl -q --silent --show-error --globoff --proto =https,http --proto-redir =https \
        --max-redirs 5 --max-time 100 --user-agent "$USER_AGENT" --dump-header "$HTTP_HEADER" \
        --config "$work/request"
}

_get() # URL [ONLY-HEADER [TIMEOUT]]
{
    if [ -n "${2:-}" ]; then ask HEAD "$1"; else ask GET "$1"; fi
}

_post() # BODY URL [BASE64 [METHOD [TYPE]]]
{
    response=$(ask "${4:-POST}" "$2" "$1" "${5:-}")
    _ret=$?
    [ -z "${3:-}" ] || response=$(printf '%s' "$response" | _base64)
    printf '%s' "$response"
    return $_ret
}

_resethttp() { ACME_HTTP_NO_REDIRECTS=; }

# ---- the script ----

# shellcheck source=/dev/null
. "$PGCERT_SCRIPT" || _err "'$PGCERT_SCRIPT' cannot be read" || exit
_exists "${PGCERT_NAME}_$PGCERT_METHOD" ||
    _err "'$PGCERT_SCRIPT' has no function ${PGCERT_NAME}_$PGCERT_METHOD" || exit
"${PGCERT_NAME}_$PGCERT_METHOD" "$PGCERT_FQDN" "$PGCERT_VALUE"
