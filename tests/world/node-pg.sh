#!/bin/bash
# Prints the folder in which node finds node-postgres (NODE_PATH): Debian's, if it is installed (node-pg);
# else that of the npm registry, which npm puts into build/cache.
#
# usage: tests/world/node-pg.sh
set -eu

version=8.16.3 # of the registry's
cd "$(dirname "$0")/../.."
cache=$PWD/build/cache/node-pg

die()
{
    echo "node-pg.sh: $*" >&2
    exit 1
}

can()
{
    NODE_PATH=$1 node -e 'require("pg").Client' >/dev/null 2>&1
}

command -v node >/dev/null || die "node is not installed"
for folder in /usr/share/nodejs "$cache/$version/node_modules"; do
    if can "$folder"; then
        echo "$folder"
        exit 0
    fi
done

command -v npm >/dev/null || die "neither Debian's node-pg nor npm is installed"
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9 # another run may be getting it
if ! can "$cache/$version/node_modules"; then
    rm -rf "$cache/part" "${cache:?}/$version"
    mkdir "$cache/part"
    npm install --prefix "$cache/part" --no-save --no-audit --no-fund --ignore-scripts --loglevel=error \
        "pg@$version" </dev/null >"$cache/log" 2>&1 || { cat "$cache/log" >&2; die "npm cannot get pg"; }
    mv "$cache/part" "$cache/$version"
    can "$cache/$version/node_modules" || die "what npm has got is not node-postgres"
fi
echo "$cache/$version/node_modules"
