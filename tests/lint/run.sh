#!/bin/bash
# run.sh: every check of the text itself, one line each; what a check has to say follows its line.
#
# usage: tests/lint/run.sh [CHECK...]
#
# A check is the function check_NAME; it prints complaints, and its status is the result.
# shellcheck disable=SC2317 # the checks are called by their names
set -u

cd "$(dirname "$0")/../.." || exit
unset MAKEFLAGS MAKELEVEL MFLAGS
jobs=$(nproc)

c_files()
{
    find base acme ca reload inotify cli tests -name '*.[ch]' 2>/dev/null | sort
}

scripts()
{
    grep -rlE --exclude-dir=build --exclude-dir=.git '^#!/bin/(ba)?sh' . | sort
    find tests -name '*.bash' | sort
}

check_layers() { tests/lint/layers.sh; }
check_docstrings() { tests/lint/docstrings.sh; }

# Each release of clang-format lays a few lines out otherwise; Debian 12's is the measure.
check_layout()
{
    clang-format --version | grep -q 'version 14\.' || return 0
    c_files | xargs -P "$jobs" -n 16 clang-format --dry-run -Werror 2>&1 |
        sed -n 's/^\([^:]*:[0-9]*\):.*error: .*/\1: not laid out; run: make format/p' |
        sort -t: -k 1,1 -u | grep . && return 1
    return 0
}

# Stamps in build/ tell which files were good; only changed ones are looked at again.
check_tidy()
{
    make -s -k -j"$jobs" MODE="${MODE:-plain}" tidy 2>&1 | grep -v '^make: ' | sort -u | grep . && return 1
    return 0
}

check_shellcheck()
{
    # bats runs each test in a subshell, and sets $output and $stderr
    scripts | xargs shellcheck -x -e SC1091 &&
        find tests -name '*.bats' -exec shellcheck -s bats -e SC1091,SC2016,SC2030,SC2031,SC2154 {} +
}

check_manuals()
{
    # a page of one .so line is another name of the page in it
    find . -path ./build -prune -o -name '*.[1-8]' -exec grep -LZ '^\.so ' {} + | xargs -0 mandoc -Tlint -W warning &&
        tests/lint/manual.sh "build/${MODE:-plain}/pgcert" &&
        tests/lint/manual-names.sh "build/${MODE:-plain}/pgcert" &&
        "build/${MODE:-plain}/pgcert" -q -c conf.d/pgcert.conf config check &&
        "build/${MODE:-plain}/pgcert" -q -c units/10-users.conf config check
}

# How open each unit may be, in tenths of what systemd-analyze(1) says.
threshold()
{
    case ${1##*/} in
    pgcert-ca.service | pgcert-ca@.service) echo 5 ;;
    pgcert-renew.service | pgcert-dial@.service) echo 11 ;;
    *) echo 10 ;;
    esac
}

# Verified as they will be installed, with a program in place; needs no running systemd.
check_units()
{
    local dir status=0
    dir=$(mktemp -d)
    cp units/pgcert-* "$dir"
    sed -i 's|/usr/bin/pgcert|/bin/true|' "$dir"/*.service
    systemd-analyze verify --man=no "$dir"/*.service "$dir"/*.timer "$dir"/*.socket 2>&1 |
        grep -E "pgcert" && status=1
    for unit in "$dir"/*.service; do
        systemd-analyze security --offline=true --threshold="$(threshold "$unit")" --no-pager \
            "$unit" >"$dir/out" 2>&1 || { tail -n 1 "$dir/out" && status=1; }
    done
    rm -rf "$dir"
    return "$status"
}

# The program is needed by what compares the manual with it.
check_build()
{
    make -s -j"$jobs" MODE="${MODE:-plain}" all
}

check_words() { tests/lint/words.sh; }

# Files of which git knows nothing good: too large, or not text.
check_sizes()
{
    local status=0 lines
    for f in $(find base acme ca reload inotify cli -name '*.[ch]' 2>/dev/null | sort); do
        lines=$(wc -l <"$f")
        [ "$lines" -le 700 ] || { echo "$f: $lines lines; it holds two things" && status=1; }
    done
    return "$status"
}

[ $# -gt 0 ] || set -- layers docstrings words sizes layout shellcheck units build manuals tidy
status=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT
for check in "$@"; do
    start=${EPOCHREALTIME/./}
    word=ok
    "check_$check" >"$out" 2>&1 || { word=FAIL && status=1; }
    took=$(((${EPOCHREALTIME/./} - start) / 10000))
    printf '%-5s %-12s %3d.%02d s\n' "$word" "$check" $((took / 100)) $((took % 100))
    [ $word = ok ] || sed 's/^/      /' "$out"
done
exit "$status"
