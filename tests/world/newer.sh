#!/bin/bash
# Prints the path of a file that Debian 12 does not have, or has too old: the installed one, if it
# will do; else another suite's, which runs here unpacked.
#
#   pebble  one with ARI, profiles, dns-account-01 and dns-persist-01: Debian testing's
#   pkcs11  OpenSSL's provider for PKCS#11, which PKCS#11 tokens need: of Debian's backports, where it is Debian 12
#   postgres-13, postgres-17, postgres-18
#           the root of a PostgreSQL server of another version, with the libraries that it needs:
#           tests enter it by chroot. It comes from the Debian that has that version
#
# usage: tests/world/newer.sh [pebble|pkcs11|postgres-13|postgres-17|postgres-18]
#
# It is downloaded by apt-get with lists, sources and cache of its own (the host's are not touched),
# signed by the archive keys that Debian 12 has already, and kept in build/cache.
set -eu

cd "$(dirname "$0")/../.."
what=${1:-pebble}
modules=/usr/lib/$(gcc -print-multiarch 2>/dev/null || echo x86_64-linux-gnu)/ossl-modules
own=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
[ "$own" != bookworm ] || own='bookworm-backports trixie'
case $what in
pebble) package=pebble suites='forky sid' file=/usr/bin/pebble installed=$(command -v pebble || :) ;;
pkcs11) package=pkcs11-provider suites=$own file=$modules/pkcs11.so installed=$file ;;
postgres-13) suites=bullseye ;;
postgres-17) suites=trixie ;;
postgres-18) suites='forky sid' ;;
*)
    echo "usage: tests/world/newer.sh [pebble|pkcs11|postgres-13|postgres-17|postgres-18]" >&2
    exit 64
    ;;
esac
case $what in postgres-*) package=postgresql-${what#*-} file='' installed='' ;; esac
cache=$PWD/build/cache/newer
[ "$what" = pebble ] || cache=$cache-$what
program=$cache/root$file
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

die()
{
    echo "newer.sh: $*" >&2
    exit 1
}

# What the tests need it for is what it must have heard of, or it must load.
can()
{
    case $what in
    pebble) [ -x "$1" ] && grep -qaF dns-persist-01 "$1" && grep -qaF dns-account-01 "$1" ;;
    pkcs11) [ -r "$1" ] && openssl list -providers -provider-path "${1%/*}" -provider pkcs11 >/dev/null 2>&1 ;;
    postgres-*) [ -d "$1" ] && chroot "$1" "/usr/lib/postgresql/${what#*-}/bin/postgres" -V >/dev/null 2>&1 ;;
    esac
}

for candidate in "$program" "$installed"; do
    if can "$candidate"; then
        echo "$candidate"
        exit 0
    fi
done

for needed in apt-get dpkg flock; do
    command -v $needed >/dev/null || die "$package is got by $needed, which is not here"
done
[ -r $keyring ] || die "$keyring is missing; install: debian-archive-keyring"

# The host's own mirror first: it is the one that can be reached.
mirrors()
{
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
        grep -oE '^[^#]*https?://[^ ]+' | grep -oE 'https?://[^ ]+' | grep -E '/debian/?$' || :
    echo http://deb.debian.org/debian
}

apt()
{
    DEBIAN_FRONTEND=noninteractive apt-get -qq \
        -o Dir::Etc::SourceList="$cache/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$cache/lists" -o Dir::State::status="$cache/status" \
        -o Dir::Cache="$cache/apt" -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=3 \
        -o Acquire::Languages=none -o Acquire::GzipIndexes=false -o Acquire::http::Timeout=30 "$@" </dev/null >>"$cache/log" 2>&1
}

# What is downloaded: of a server also a shell, which initdb wants, and the libraries of both; not the
# compiler that a server can do without.
wanted()
{
    case $what in
    postgres-*) cat "$cache"/lists/*_Packages | libraries_of "$package" dash ;;
    *) echo "$package" ;;
    esac
}

# Reads a list of packages: those that are named, and the libraries that they depend on.
libraries_of()
{
    awk -v names="$*" '
        /^Package: / { name = $2 }
        /^(Pre-)?Depends: / { sub(/^[^ ]* /, ""); gsub(/ *\|[^,]*|\([^)]*\)|:any/, ""); needs[name] = needs[name] "," $0 }
        END {
            count = split(names, queue, " ")
            for (i = 1; i <= count; i++) {
                if (seen[queue[i]]++ || !(queue[i] in needs || i > 2)) continue
                print queue[i]
                left = split(needs[queue[i]], list, /, */)
                for (n = 1; n <= left; n++) {
                    gsub(/ /, "", list[n])
                    if (list[n] ~ /^z?lib/ && list[n] !~ /^lib(llvm|perl|tcl|python)/) queue[++count] = list[n]
                }
            }
        }'
}

# A root in which a server can be started: what the world has is mounted there.
make_root()
{
    local name
    for name in bin sbin lib lib64; do
        [ -e "$1/$name" ] || [ ! -d "$1/usr/$name" ] || ln -s "usr/$name" "$1/$name"
    done
    [ -e "$1/bin/sh" ] || ln -s dash "$1/bin/sh"
    mkdir -p "$1"/{proc,dev,run,tmp,etc,var/lib,usr/share/zoneinfo}
    rm -rf "$1"/usr/share/{doc,man,locale,lintian,bug} "$1"/var/run
    ln -s ../run "$1/var/run"
}

# get MIRROR SUITE
get()
{
    rm -rf "$cache/download" "$cache/root.part"
    mkdir -p "$cache"/{lists/partial,apt/archives/partial,download}
    : >"$cache/status"
    echo "deb [signed-by=$keyring] $1 $2 main" >"$cache/sources.list"
    # shellcheck disable=SC2046 # a list of words
    apt update && (cd "$cache/download" && apt download $(wanted)) || return
    mkdir "$cache/root.part"
    for deb in "$cache"/download/*.deb; do
        dpkg -x "$deb" "$cache/root.part" || return
    done
    case $what in postgres-*) make_root "$cache/root.part" ;; esac
    can "$cache/root.part$file"
}

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9 # one at a time; who waited finds it there
: >"$cache/log"
for mirror in $(mirrors | sort -u); do
    for suite in $suites; do
        ! can "$program" || break 2
        if get "$mirror" "$suite"; then
            rm -rf "$cache/root"
            mv "$cache/root.part" "$cache/root"
        fi
    done
done
rm -rf "$cache"/{lists,apt,download,root.part}
can "$program" || { tail -n 5 "$cache/log" >&2; die "no $package could be had from Debian"; }
echo "$program"
