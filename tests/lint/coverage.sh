#!/bin/bash
# coverage.sh: which share of each file's lines the tests reach, by gcov.
#
# usage: tests/lint/coverage.sh [TEST...]    without TEST: the unit tests
set -u

cd "$(dirname "$0")/../.." || exit
[ $# -gt 0 ] || set -- tests/unit/test_*.c
find build/cov -name '*.gcda' -delete 2>/dev/null
CC=gcc MODE=cov tests/run.sh "$@" || echo "(some tests failed)" >&2

for notes in $(cd build/cov && find base acme ca reload inotify cli -name '*.gcno' 2>/dev/null | sort); do
    gcov -n -o "build/cov/${notes%.gcno}.o" "${notes%.gcno}.c" 2>/dev/null |
        awk -v wanted="${notes%.gcno}.c" -F"'" '
            /^File / { file = $2 }
            /^Lines executed:/ && file == wanted {
                split($0, part, /[:% ]+/)
                printf "%s %s %s\n", wanted, part[3], part[5]
                found = 1
                exit
            }
            /^No executable/ && file == wanted { found = 1; exit }
            END { if (!found) print wanted, 0, 0 }'
done | awk '
    { printf "%-28s %6.1f %%  of %4d lines\n", $1, $2, $3; reached += $2 * $3 / 100; lines += $3 }
    END { if (lines) printf "%-28s %6.1f %%  of %4d lines\n", "all", 100 * reached / lines, lines }'
