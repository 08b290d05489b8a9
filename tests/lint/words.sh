#!/bin/bash
# words.sh: words that nothing in the tree may hold, each with the reason.
set -u

cd "$(dirname "$0")/../.." || exit
status=0

ban() # PATTERN WHY [WHERE...]
{
    local pattern=$1 why=$2
    shift 2
    [ $# -gt 0 ] || set -- .
    grep -rnIE --exclude-dir=.git --exclude-dir=build --exclude=words.sh --exclude-dir=corpus \
        "$pattern" "$@" | sed "s|\$|   <- $why|" | cut -c 1-200 | grep . && status=1
}

ban '\b(TODO|FIXME|XXX|HACK)\b'      'do it, or write an issue'
ban '[[:space:]]+$'                  'white space at the end of a line'
ban '(^|[^A-Za-z0-9_.-])/(work|home|Users)/' 'a path of one machine'
ban '^(<<<<<<<|>>>>>>>) '            'a conflict'
ban 'BEGIN (RSA |EC )?PRIVATE KEY'   'a private key; tests make their own' base acme reload cli conf.d units
ban '(https?://)(www\.)?localhost.*password|secret *= *[A-Za-z0-9+/]{16}' 'a secret' conf.d units
exit $status
