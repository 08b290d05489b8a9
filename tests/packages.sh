#!/bin/sh
# Installs the Debian packages which one kind of work needs, and of those only the missing ones.
#
# usage: tests/packages.sh build|try|main|test|suite|bench
#
# Asks apt nothing when nothing is missing. What is installed here starts no service, makes no
# PostgreSQL cluster, and is not started at the next boot: the tests start their own servers.
set -eu

build="gcc libc6-dev make pkg-config libssl-dev libcurl4-openssl-dev libjansson-dev libpq-dev
       libldns-dev libinih-dev libidn2-dev libexpat1-dev libsystemd-dev libseccomp-dev"
try="ca-certificates pebble bind9 bind9-utils bind9-dnsutils openssl iproute2 util-linux"
# The unit tests, and those of what pgcert is for; then all others.
main="curl bats gnutls-bin procps libcmocka-dev perl python3 strace faketime time"
test="systemd clang clang-format clang-tidy
      libclang-rt-14-dev shellcheck mandoc git pdns-server pdns-backend-sqlite3 sqlite3
      python3-asyncpg libpostgresql-jdbc-java default-jdk-headless node-pg softhsm2 opensc
      certbot python3-certbot-dns-rfc2136 lego dehydrated uacme pgbouncer pgbackrest haproxy patroni
      python3-pysyncobj systemd-container nftables
      zsh fish build-essential debhelper lintian dpkg-dev fakeroot rpm elfutils
      prometheus prometheus-node-exporter chromium fonts-dejavu-core"
# What makes the root of another Debian, in which all the others are then installed.
suite="debootstrap debian-archive-keyring util-linux"
bench="python3 lego certbot python3-certbot-dns-rfc2136 easy-rsa gnutls-bin"

policy=/usr/sbin/policy-rc.d
no_cluster=/etc/postgresql-common/createcluster.d/pgcert-tests.conf
made_policy='' made_no_cluster='' made_directory=''

die()
{
    echo "packages.sh: $*" >&2
    exit 1
}

installed()
{
    case "$there" in
    *" $1 "*) return 0 ;;
    esac
    return 1
}

# The packages which are not installed. Any version of clang's runtime will do, and any JDK; where npm
# is, it gets node-postgres for node as it is there, which need not be Debian's.
missing()
{
    for package in "$@"; do
        installed "$package" && continue
        case $package in
        libclang-rt-*)
            case $there in *" libclang-rt-"*) continue ;; esac
            apt-cache show "$package" >/dev/null 2>&1 || package=libclang-rt-dev
            ;;
        pkg-config) installed pkgconf && continue ;;
        default-jdk-headless) ! command -v javac >/dev/null || continue ;;
        node-pg) ! command -v npm >/dev/null || continue ;;
        esac
        echo "$package"
    done
}

has_postgres()
{
    for program in /usr/lib/postgresql/*/bin/postgres; do
        [ -x "$program" ] && return 0
    done
    return 1
}

# Debian starts what it installs, and makes a cluster for a new PostgreSQL. Both are told not to,
# by the files that Debian has for it, unless the administrator has such a file already.
hold_services()
{
    trap release_services EXIT
    trap 'exit 130' INT TERM HUP
    if [ ! -e $policy ] && [ ! -L $policy ]; then
        made_policy=yes
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
    fi
    if ! has_postgres && [ ! -e $no_cluster ]; then
        [ -d "${no_cluster%/*}" ] || made_directory=yes
        made_no_cluster=yes
        mkdir -p "${no_cluster%/*}"
        echo 'create_main_cluster = false' >$no_cluster
    fi
}

release_services()
{
    [ -z "$made_policy" ] || rm -f $policy
    [ -z "$made_no_cluster" ] || rm -f $no_cluster
    # Debian's package owns the directory once it is there; then it is not empty or not ours.
    [ -z "$made_directory" ] || has_postgres || rmdir -p "${no_cluster%/*}" 2>/dev/null || true
}

apt()
{
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" \
        </dev/null >"$log" 2>&1
}

# Lists of packages may be absent, or so old that their files are gone from the mirror.
install()
{
    if apt install -s --no-install-recommends "$@" && apt install -y --no-install-recommends "$@"; then
        return 0
    fi
    apt update || { cat "$log" >&2; die "cannot read Debian's package lists; is the network up?"; }
    apt install -y --no-install-recommends "$@" || { cat "$log" >&2; die "cannot install: $*"; }
}

# Only units that came with this call, and only where systemd is running or will be.
do_not_start_at_boot()
{
    command -v systemctl >/dev/null || return 0
    for pair in bind9:named.service certbot:certbot.timer pdns-server:pdns.service \
        pgbouncer:pgbouncer.service haproxy:haproxy.service prometheus:prometheus.service \
        prometheus-node-exporter:prometheus-node-exporter.service; do
        case " $* " in
        *" ${pair%%:*} "*) systemctl disable --quiet "${pair#*:}" >/dev/null 2>&1 || true ;;
        esac
    done
}

case ${1:-} in
build) wanted="$build" ;;
try) wanted="$build $try" ;;
main) wanted="$build $try $main" ;;
test) wanted="$build $try $main $test" ;;
suite) wanted="$suite" ;;
bench) wanted="$build $try $bench" ;;
*) die "usage: tests/packages.sh build|try|main|test|suite|bench" ;;
esac

# shellcheck disable=SC2086 # a list of words
there=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 'libclang-rt-*' pkgconf 2>/dev/null |
    sed -n 's/^installed //p' | tr '\n' ' ') "
# shellcheck disable=SC2046,SC2086
set -- $(missing $wanted)
case $wanted in
*pebble*) has_postgres || set -- "$@" postgresql ;;
esac
[ $# -gt 0 ] || exit 0

[ "$(id -u)" -eq 0 ] || die "these packages are missing: $*; run this as root, or install them"
command -v apt-get >/dev/null || die "no apt-get here; install by hand: $*"
echo "installing: $*"
log=$(mktemp)
hold_services
install "$@"
do_not_start_at_boot "$@"
rm -f "$log"
