#!/bin/bash
# Measures pgcert beside lego and certbot, a deployment beside the ways people reload by hand, and the
# private CA beside openssl, easy-rsa and certtool.
#
# usage: sudo make bench     RUNS=5 runs of each; medians are shown
#        sudo tests/bench/run.sh ca     only the private CA
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

if [ "${1:-}" != --inside ]; then
    "$root/tests/packages.sh" bench
    [ -n "${PGCERT:-}" ] || env -u MAKEFLAGS -u MAKELEVEL make -s -C "$root" -j"$(nproc)" build/plain/pgcert
    mkdir -p "$root/build/bench"
    ${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -static -o "$root/build/bench/runstat" "$here/runstat.c"
    ${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -o "$root/build/bench/bare" "$here/bare.c" -lcrypto
    [ -z "${SUDO_UID:-}" ] || chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$root/build"
    exec "$root/tests/world/enter" "$here/run.sh" --inside "$@"
fi

# shellcheck source-path=SCRIPTDIR source=../world/inside.bash
. "$root/tests/world/inside.bash"
export BENCH="$root/build/bench" BARE="$root/build/bench/bare"
[ "${2:-}" != ca ] || exec python3 "$here/ca.py" "${RUNS:-5}"
cp "$root/build/bench/runstat" "$WORLD/bin/runstat"
# shellcheck disable=SC2119 # its arguments are for Pebble
world_start
PG_BIN=$(pg_bin)
export PG_BIN
python3 "$here/bench.py" "${RUNS:-5}"
exec python3 "$here/ca.py" "${RUNS:-5}"
