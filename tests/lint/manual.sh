#!/bin/sh
# manual.sh: what the manuals say of settings, commands and options is what the program has.
#
# usage: tests/lint/manual.sh [--write] PROGRAM
#
# In the pages it stands between two comments, '.\" from the code: NAME' and '.\" from the code: end';
# NAME is one of the blocks of `pgcert config manual`, each of which must be in a page. Without
# --write it says where they differ.
set -eu

cd "$(dirname "$0")/../.."
write=
[ "$1" != --write ] || { write=yes && shift; }
[ -x "$1" ] || { echo "there is no '$1'; make it first" && exit 1; }

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$1" config manual >"$dir/blocks"
status=0
for page in ./*/*.[1-8] ./*/*/*.[1-8]; do
    [ -f "$page" ] || continue
    # what is used of the blocks is noted in "used"
    awk -v used="$dir/used" -v page="$page" '
        FNR == NR {
            if (sub(/^\.\\" block: /, "")) { name = $0; has[name] = 1 } else { text[name] = text[name] $0 "\n" }
            next
        }
        /^\.\\" from the code: end$/ { inside = 0 }
        !inside { print }
        /^\.\\" from the code: / && !/: end$/ {
            sub(/^\.\\" from the code: /, "")
            if (!($0 in has)) { print page ": the program has no block " $0 >"/dev/stderr"; exit 1 }
            printf "%s", text[$0]
            print $0 >>used
            inside = 1
        }' "$dir/blocks" "$page" >"$dir/new" || { status=1 && continue; }
    if [ -n "$write" ]; then
        cmp -s "$page" "$dir/new" || cat "$dir/new" >"$page"
    elif ! diff -u "$page" "$dir/new"; then
        echo "$page is not what the program says; run: make manual"
        status=1
    fi
done
sed -n 's/^\.\\" block: //p' "$dir/blocks" | sort >"$dir/all"
sort -u "$dir/used" | comm -23 "$dir/all" - | sed 's/$/: in no manual/' >"$dir/missing"
[ ! -s "$dir/missing" ] || { cat "$dir/missing" && status=1; }
exit "$status"
