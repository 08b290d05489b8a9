#!/bin/sh
# manual.sh: the tables of settings in pgcert.conf(5) are those of the code.
#
# usage: tests/lint/manual.sh [--write] PROGRAM
#
# The tables stand between two comments. Without --write it says whether they differ.
set -eu

cd "$(dirname "$0")/../.."
write=
[ "$1" != --write ] || { write=yes && shift; }
page=conf.d/pgcert.conf.5
begin='tables of the program begin'
end='tables of the program end'

new=$(mktemp)
trap 'rm -f "$new"' EXIT
[ -x "$1" ] || { echo "there is no '$1'; make it first" && exit 1; }
# the program's one-line helps become sentences
"$1" config manual | awk '
    told { $0 = toupper(substr($0, 1, 1)) substr($0, 2); sub(/\.\.\.\.$/, "...") }
    { told = /^\.It /; print }' >"$new.tables"
awk -v begin="$begin" -v end="$end" -v tables="$new.tables" '
    index($0, end) { inside = 0 }
    !inside { print }
    index($0, begin) {
        inside = 1
        while ((getline line <tables) > 0)
            print line
    }' "$page" >"$new"
rm -f "$new.tables"
if [ -n "$write" ]; then
    cat "$new" >"$page"
elif ! diff -u "$page" "$new"; then
    echo "pgcert.conf(5) is not what the program says; run: make manual"
    exit 1
fi
