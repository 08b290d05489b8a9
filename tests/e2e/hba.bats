#!/usr/bin/env bats
# pg_hba.conf and pg_ident.conf: one key is good for one user and one database.
load ../e2e/world

RULES=$PGDATA/pg_hba.conf
IDENT=$PGDATA/pg_ident.conf
BUNDLES=$STATE/ca/clients
BEGIN='# begin: pgcert client certificates'

# Only PostgreSQL: neither name server nor ACME server is there.
setup_file()
{
    pg_start && world_conf
    pg_sql 'create database app' && pg_sql 'create database other'
    for role in alice bob '"Zoë, \"the\" #1"' '"all"' revoked; do
        pg_sql "create role ${role//\\\"/\"\"} login"
    done
    cp -p "$RULES" "$WORLD/pg_hba.first"
    cp -p "$IDENT" "$WORLD/pg_ident.first"
}

# A fresh private CA; files of the administrator's as PostgreSQL
# made them, but that nobody else gets in by TCP.
setup()
{
    fresh
    private_ca
    cp -p "$WORLD/pg_hba.first" "$RULES"
    cp -p "$WORLD/pg_ident.first" "$IDENT"
    chmod 600 "$RULES" "$IDENT"
    expect 0 pgcert ca init
    pg_serves_pgcert
    expect 0 pgcert renew
}

# Whoever connects afterwards meets what is loaded then.
load_settings()
{
    local before
    before=$(pg_sql 'select pg_conf_load_time()')
    pg_sql 'select pg_reload_conf()' >/dev/null
    await 5 "the reload" bash -c "[ \"\$(psql -U postgres -XqAtc 'select pg_conf_load_time()' postgres)\" != '$before' ]"
}

mutual_tls()
{
    expect 0 pgcert setup --mutual-tls --yes "$@" "db.$ZONE"
}

# Logs in by a bundle, with more of a conninfo: login USER [KEYWORD=VALUE...]
login()
{
    psql "host=db.$ZONE dbname=app user='$1' sslmode=verify-full sslcert=$BUNDLES/$1/postgresql.crt sslkey=$BUNDLES/$1/postgresql.key sslrootcert=$BUNDLES/$1/root.crt ${*:2}" \
        -XqAtc "select current_user || ' ' || current_database()" 2>&1
}

# What the server says when it does not let in: refused PATTERN USER [KEYWORD=VALUE...]
refused()
{
    local said
    said=$(not login "${@:2}") || return
    grep -qE "$1" <<<"$said" || { echo "it says: $said" && return 1; }
}

no_block()
{
    cmp "$RULES" "$WORLD/pg_hba.first" && cmp "$IDENT" "$WORLD/pg_ident.first"
}

@test "a bundle is good for its user and its database, and for nothing else" {
    # the administrator lets everybody in who is not in the block
    expect 0 pgcert client new alice --database app
    says "setup --mutual-tls"
    expect 0 pgcert client new bob --database app
    mutual_tls
    [ "$(head -n 1 "$RULES")" = "$BEGIN" ]
    grep -qx 'hostssl app alice all cert clientname=DN map=pgcert' "$RULES"
    grep -qx 'host all,replication alice all reject' "$RULES"
    grep -qx 'pgcert "CN=alice" alice' "$IDENT"
    [ "$(login alice)" = "alice app" ]
    [ "$(login bob)" = "bob app" ]
    # another user, another database, replication, no certificate, no TLS
    refused 'certificate authentication failed for user "bob"' alice user=bob
    refused 'pg_hba.conf rejects' alice dbname=other
    refused 'pg_hba.conf rejects' alice dbname=postgres
    refused 'pg_hba.conf rejects' alice replication=yes
    refused 'requires a valid client certificate' alice sslcert=/nonexistent sslkey=/nonexistent
    refused 'pg_hba.conf rejects' alice sslmode=disable
    # the others are let in as before
    psql "host=127.0.0.1 user=postgres dbname=postgres sslmode=disable" -XqAtc 'select 1'
}

@test "a certificate of another CA, or of another whole name, does not log in" {
    expect 0 pgcert client new alice --database app
    mutual_tls
    dir=$WORLD/other
    mkdir -p "$dir"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=alice \
        -keyout "$dir/key" -out "$dir/crt" 2>/dev/null
    refused 'unknown ca|tlsv1 alert|certificate' alice sslcert="$dir/crt" sslkey="$dir/key"
    # a tenant's CA, which the server trusts as well, signs for alice of another organization
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=any" \
        -keyout "$dir/key" -out "$dir/csr" 2>/dev/null
    expect 0 pgcert ca tenant other
    pgcert client sign --tenant other alice "$dir/csr" >"$dir/crt"
    expect 0 pgcert renew
    refused 'certificate authentication failed for user "alice"' alice sslcert="$dir/crt" sslkey="$dir/key"
    grep -q 'provided user name (alice) and authenticated user name (CN=alice,O=other) do not match\|no match in usermap "pgcert" for user "alice" authenticated as "CN=alice,O=other"' "$PG_LOG"
    [ "$(login alice)" = "alice app" ]
}

@test "names of every kind are quoted" {
    odd='Zoë, "the" #1'
    expect 0 pgcert client new "$odd" --database app
    expect 0 pgcert client new all --database app
    mutual_tls
    grep -qxF 'hostssl app "Zoë, ""the"" #1" all cert clientname=DN map=pgcert' "$RULES"
    grep -qxF 'host all,replication "all" all reject' "$RULES"
    for user in "$odd" all; do
        dir=$(pgcert --json client show "$user" | python3 -c 'import json, sys; print(json.load(sys.stdin)["bundle"]["directory"])')
        [ "$(psql "host=db.$ZONE dbname=app user='$user' sslmode=verify-full sslcert=$dir/postgresql.crt sslkey=$dir/postgresql.key sslrootcert=$dir/root.crt" -XqAtc 'select current_user')" = "$user" ]
        not psql "host=db.$ZONE dbname=other user='$user' sslmode=verify-full sslcert=$dir/postgresql.crt sslkey=$dir/postgresql.key sslrootcert=$dir/root.crt" -XqAtc 'select 1'
    done
    # the word all in quotes is that user alone
    psql "host=127.0.0.1 user=bob dbname=app sslmode=disable" -XqAtc 'select 1'
}

@test "a client of the database replication may replicate, and no other" {
    pg_sql "drop role if exists standby" && pg_sql "create role standby login replication"
    expect 0 pgcert client new standby --privileged --database replication
    mutual_tls
    dir=$BUNDLES/standby
    "$(pg_bin)/pg_basebackup" -d "$(head -n 1 "$dir/urls")" -D "$WORLD/copy" --no-sync -c fast -X stream
    [ -s "$WORLD/copy/PG_VERSION" ]
    refused 'pg_hba.conf rejects' standby dbname=postgres
    not "$(pg_bin)/pg_basebackup" -d "host=db.$ZONE user=standby sslmode=disable" -D "$WORLD/again"
    rm -rf "$WORLD/copy"
}

@test "the same block is neither written nor loaded again" {
    expect 0 pgcert client new alice --database app
    mutual_tls
    before=$(stat -c '%i %Z' "$RULES" "$IDENT") loaded=$(pg_sql 'select pg_conf_load_time()')
    mutual_tls
    grep -q 'is as it should be' <<<"$output"
    [ "$(stat -c '%i %Z' "$RULES" "$IDENT")" = "$before" ]
    [ "$(pg_sql 'select pg_conf_load_time()')" = "$loaded" ]
    # what was written and not loaded is loaded
    touch "$RULES"
    mutual_tls
    [ "$(stat -c '%i' "$RULES" "$IDENT")" = "$(cut -d ' ' -f 1 <<<"$before")" ]
    [ "$(pg_sql 'select pg_conf_load_time()')" != "$loaded" ]
}

@test "owner, group and mode stay, and every byte that is not in the block" {
    group=$(id -nG postgres | tr ' ' '\n' | grep -vx -m 1 postgres) || skip "postgres is in one group only"
    printf 'host all bob all trust\n\n  # mine, without a line end' >>"$RULES"
    cp -p "$RULES" "$WORLD/mine"
    chown postgres:"$group" "$RULES" && chmod 644 "$RULES"
    expect 0 pgcert client new alice --database app
    mutual_tls
    [ "$(stat -c '%U:%G %a' "$RULES")" = "postgres:$group 644" ]
    [ "$(stat -c '%U:%G %a' "$IDENT")" = "postgres:postgres 600" ]
    tail -c "$(stat -c %s "$WORLD/mine")" "$RULES" | cmp - "$WORLD/mine"
    [ -z "$(find "$PGDATA" -name '*.new-*')" ]
    # the last bundle is gone, and so is the block
    expect 0 pgcert client revoke alice
    says "setup --mutual-tls"
    rm -r "$BUNDLES/alice"
    mutual_tls
    cmp "$RULES" "$WORLD/mine"
    cmp "$IDENT" "$WORLD/pg_ident.first"
}

@test "who is revoked is refused whatever he asks for, and the others stay" {
    expect 0 pgcert client new alice --database app
    expect 0 pgcert client new revoked --database app
    mutual_tls
    grep -q revoked "$RULES"
    expect 0 pgcert client revoke revoked
    mutual_tls
    not grep -qE "^hostssl.* revoked " "$RULES"
    not grep -q revoked "$IDENT"
    grep -qx 'host all,replication revoked all reject' "$RULES"
    [ "$(login alice)" = "alice app" ]
}

@test "one role may have several keys, each for a database of its own" {
    expect 0 pgcert ca tenant other
    expect 0 pgcert client new alice --database app
    expect 0 pgcert client new alice --tenant other --database other
    mutual_tls
    [ "$(login alice)" = "alice app" ]
    tenants="sslcert=$BUNDLES/alice@other/postgresql.crt sslkey=$BUNDLES/alice@other/postgresql.key"
    # shellcheck disable=SC2086 # several settings
    [ "$(login alice dbname=other $tenants)" = "alice other" ]
    # neither opens the other's
    refused 'certificate authentication failed' alice dbname=other
    # shellcheck disable=SC2086
    refused 'certificate authentication failed' alice $tenants
    refused 'pg_hba.conf rejects' alice dbname=postgres
}

@test "clients come from where they may, and it is remembered" {
    expect 0 pgcert client new alice --database app
    mutual_tls --hba-source 192.0.2.7,2001:db8::/32
    grep -qx 'hostssl app alice 192.0.2.7/32 cert clientname=DN map=pgcert' "$RULES"
    grep -qx 'hostssl app alice 2001:db8::/32 cert clientname=DN map=pgcert' "$RULES"
    refused 'pg_hba.conf rejects' alice
    expect 0 pgcert client new bob --database app
    mutual_tls
    grep -qx 'hostssl app bob 192.0.2.7/32 cert clientname=DN map=pgcert' "$RULES"
    mutual_tls --hba-source samehost
    [ "$(login alice)" = "alice app" ]
    expect 64 pgcert setup --mutual-tls --yes --hba-source db.example.org "db.$ZONE"
    says "neither|not an address"
    expect 64 pgcert setup --yes --hba-source all "db.$ZONE"
}

@test "a dry run shows the lines and touches nothing; without a terminal nothing is done" {
    expect 0 pgcert client new alice --database app
    expect 0 pgcert setup --mutual-tls --dry-run "db.$ZONE"
    grep -q "$RULES would get at its top:" <<<"$output"
    grep -q 'hostssl app alice all cert' <<<"$output"
    grep -q 'pgcert "CN=alice" alice' <<<"$output"
    no_block
    expect 0 pgcert setup --mutual-tls --dry-run --issuer private "new.$ZONE"
    grep -q 'hostssl app alice all cert' <<<"$output"
    expect 64 pgcert setup --mutual-tls "db.$ZONE"
    no_block
}

# A setup at a terminal, with these answers: at_a_terminal ANSWER...
at_a_terminal()
{
    printf '%s\n' "$@" | timeout 60 script -qec "$PGCERT -c $CONF setup --mutual-tls db.$ZONE" /dev/null 3>&- 4>&-
}

@test "at a terminal the lines are shown before it is asked, and a no changes nothing" {
    expect 0 pgcert client new alice --database app
    expect 64 at_a_terminal y n
    grep -q 'hostssl app alice all cert' <<<"$output"
    grep -q 'Write these lines, and reload?' <<<"$output"
    grep -q 'pg_hba.conf: nothing was changed' <<<"$output"
    no_block
    expect 0 at_a_terminal y y
    [ "$(login alice)" = "alice app" ]
}

@test "client show --hba prints the lines" {
    expect 0 pgcert client new alice --database app
    expect 0 pgcert client show --hba alice
    grep -qx 'hostssl app alice all cert clientname=DN map=pgcert' <<<"$output"
    grep -qx 'host all,replication alice all reject' <<<"$output"
    grep -qx 'pgcert "CN=alice" alice' <<<"$output"
    expect 0 pgcert client show --hba --database replication --source 10.0.0.0/8,samenet alice
    grep -qx 'hostssl "replication",replication alice 10.0.0.0/8 cert clientname=DN map=pgcert' <<<"$output"
    grep -qx 'hostssl "replication",replication alice samenet cert clientname=DN map=pgcert' <<<"$output"
    expect 0 pgcert --json client show --hba alice
    [ "$(json "['pg_ident'][0]")" = 'pgcert "CN=alice" alice' ]
    expect 65 pgcert client show --hba nobody
    says "issued nothing"
    # a key that never was here has no bundle
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -keyout "$WORLD/k" -out "$WORLD/r" 2>/dev/null
    pgcert client sign bob "$WORLD/r" >/dev/null
    expect 64 pgcert client show --hba bob
    says "database"
    expect 0 pgcert client show --hba --database app bob
    grep -qx 'pgcert "CN=bob" bob' <<<"$output"
    # who is revoked is not let in, by no flag
    pgcert --quiet client revoke alice bob
    expect 0 pgcert client show --hba alice
    [ "$(grep -v '^#' <<<"$output")" = 'host all,replication alice all reject' ]
    expect 0 pgcert client show --hba --database app alice bob
    [ "$(grep -v '^#' <<<"$output")" = $'host all,replication alice all reject\nhost all,replication bob all reject' ]
    expect 0 pgcert --json client show --hba alice
    [ "$(json "['pg_ident']")" = '[]' ]
    # one that was signed later does, for a database that is named
    pgcert client sign alice "$WORLD/r" >/dev/null
    expect 0 pgcert client show --hba alice
    not grep -q hostssl <<<"$output"
    expect 0 pgcert client show --hba --database app alice
    grep -qx 'pgcert "CN=alice" alice' <<<"$output"
}

@test "an error in the administrator's own lines is told, and nothing is touched" {
    expect 0 pgcert client new alice --database app
    echo 'host all all nonsense' >>"$RULES"
    cp "$RULES" "$WORLD/bad"
    line=$(wc -l <"$RULES")
    expect 78 pgcert setup --mutual-tls --yes "db.$ZONE"
    says "pg_hba.conf:$line: .*there before.*nothing was changed"
    cmp "$RULES" "$WORLD/bad"
    cmp "$IDENT" "$WORLD/pg_ident.first"
    cp -p "$WORLD/pg_hba.first" "$RULES"
    echo 'onlyone' >>"$IDENT"
    expect 78 pgcert setup --mutual-tls --yes "db.$ZONE"
    says "pg_ident.conf:$(wc -l <"$IDENT"): .*there before"
    cmp "$RULES" "$WORLD/pg_hba.first"
}

@test "damaged markers are told, and nothing is touched" {
    expect 0 pgcert client new alice --database app
    mutual_tls
    cp "$RULES" "$WORLD/good"
    for damage in '/^# end: pgcert/d' '/^# begin: pgcert/d' '1{p;p}' '$a# begin: pgcert client certificates'; do
        sed "$damage" "$WORLD/good" >"$WORLD/damaged"
        cat "$WORLD/damaged" >"$RULES"
        expect 78 pgcert setup --mutual-tls --yes "db.$ZONE"
        says "pg_hba.conf': line [0-9]+: .*by hand"
        cmp "$RULES" "$WORLD/damaged"
    done
}

@test "lines that lock pgcert itself out are put back, and what was before is loaded" {
    pg_sql "alter role postgres password 'secret'"
    conf_add <<END
[target main]
connection = host=127.0.0.1 user=postgres dbname=postgres sslmode=disable
END
    expect 0 pgcert client new postgres --privileged --database app
    expect 80 pgcert setup --mutual-tls --yes "db.$ZONE"
    says "put back as they were, because.*rejects"
    no_block
    psql "host=127.0.0.1 user=postgres dbname=postgres sslmode=disable" -XqAtc 'select 1'
}

@test "a link of the server's user leads to the real file, and stays; one to elsewhere does not" {
    install -d -o postgres -g postgres -m 755 "$WORLD/etc"
    for name in pg_hba.conf pg_ident.conf; do
        mv "$PGDATA/$name" "$WORLD/etc/$name"
        ln -s "$WORLD/etc/$name" "$PGDATA/$name"
        chmod 640 "$WORLD/etc/$name"
    done
    expect 0 pgcert client new alice --database app
    mutual_tls
    [ -L "$RULES" ]
    [ -L "$IDENT" ]
    [ "$(stat -c '%U:%G %a' "$WORLD/etc/pg_hba.conf")" = "postgres:postgres 640" ]
    [ "$(login alice)" = "alice app" ]
    # into a directory of root's: the server's user must not have root write there
    install -d -m 755 "$WORLD/roots"
    cp -p "$WORLD/pg_hba.first" "$WORLD/roots/pg_hba.conf"
    ln -sf "$WORLD/roots/pg_hba.conf" "$RULES"
    expect 77 pgcert setup --mutual-tls --yes "db.$ZONE"
    says "symbolic link"
    cmp "$WORLD/roots/pg_hba.conf" "$WORLD/pg_hba.first"
    rm "$RULES" "$IDENT"
}

@test "a file in a directory of root's keeps its owner" {
    install -d -m 755 "$WORLD/rootdir"
    cp -p "$WORLD/pg_hba.first" "$WORLD/rootdir/pg_hba.conf"
    chown root:postgres "$WORLD/rootdir/pg_hba.conf" && chmod 640 "$WORLD/rootdir/pg_hba.conf"
    echo "hba_file = '$WORLD/rootdir/pg_hba.conf'" >"$PGDATA/conf.d/hba.conf"
    pg_restart
    expect 0 pgcert client new alice --database app
    mutual_tls
    [ "$(stat -c '%U:%G %a' "$WORLD/rootdir/pg_hba.conf")" = "root:postgres 640" ]
    [ "$(login alice)" = "alice app" ]
    # a file that its directory's owner could not give back
    rm "$PGDATA/conf.d/hba.conf"
    cp -p "$WORLD/pg_hba.first" "$RULES"
    chown root:postgres "$RULES" && chmod 640 "$RULES"
    cp -p "$WORLD/pg_ident.first" "$IDENT"
    pg_restart
    expect 77 pgcert setup --mutual-tls --yes "db.$ZONE"
    says "belongs to user 0"
    [ "$(stat -c '%U:%G %a' "$RULES")" = "root:postgres 640" ]
    no_block
}

@test "a directory that cannot be written leaves all as it was" {
    expect 0 pgcert client new alice --database app
    install -d -o postgres -g postgres -m 755 "$WORLD/ro"
    cp -p "$WORLD/pg_hba.first" "$WORLD/ro/pg_hba.conf"
    mount --bind "$WORLD/ro" "$WORLD/ro" && mount -o remount,bind,ro "$WORLD/ro"
    echo "hba_file = '$WORLD/ro/pg_hba.conf'" >"$PGDATA/conf.d/hba.conf"
    pg_restart
    expect 73 pgcert setup --mutual-tls --yes "db.$ZONE"
    says "pg_hba.conf.*read-only"
    cmp "$WORLD/ro/pg_hba.conf" "$WORLD/pg_hba.first"
    cmp "$IDENT" "$WORLD/pg_ident.first"
    rm "$PGDATA/conf.d/hba.conf"
    pg_restart
    umount "$WORLD/ro"
}
