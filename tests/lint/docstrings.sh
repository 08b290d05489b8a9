#!/bin/sh
# docstrings.sh: every file begins by saying what it is, and in headers a comment stands before each
# function, or before the first of a group without blank lines.
#
# usage: tests/lint/docstrings.sh [DIRECTORY]
set -u

cd "${1:-$(dirname "$0")/../..}" || exit
status=0

for f in $(find base acme ca reload inotify cli tests -name '*.[ch]' 2>/dev/null | sort); do
    case $(head -n 1 "$f") in
    "/* ${f##*/}: "*) ;;
    *)
        echo "$f:1: must begin with: /* ${f##*/}: what it is for"
        status=1
        ;;
    esac
done

for f in $(find base acme ca reload inotify cli -name '*.h' 2>/dev/null | sort); do
    awk -v file="$f" '
        # A declaration of a function stands at column 0 and has a "(" after a name of ours.
        function is_function(line) {
            return line ~ /^[A-Za-z_][A-Za-z0-9_ *]*[ *][a-z][a-z0-9_]*\(/ && line !~ /^(typedef|#|own_)/
        }
        /^[ ]?\*\/|\*\/[ ]*$/ { told = 1; next }  # a comment ends here
        /^$/ { told = 0; grouped = 0 }
        is_function($0) {
            if (!told && !grouped && $0 !~ /\/\*/ && $0 !~ /_(done|free|drop|close)\(/) {
                printf "%s:%d: no comment says what this does: %s\n", file, NR, $0
                bad = 1
            }
            grouped = 1
        }
        /^[a-z].*[{]$/ { told = 0 }
        END { exit bad }
    ' "$f" || status=1
done
exit $status
