#!/usr/bin/env bats
# setup: from a server without TLS to one that serves a certificate, without a restart.
load ../e2e/world

setup()
{
    pg_reset
    fresh
}

running_since()
{
    pg_sql "select pg_postmaster_start_time()"
}

@test "setup gets a certificate, turns TLS on by reload, and proves it" {
    since=$(running_since)
    expect 0 pgcert setup "db.$ZONE" --yes
    [ "$(served)" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
    [ "$(pg_sql 'show ssl')" = on ]
    [ "$(running_since)" = "$since" ]
}

@test "what setup wrote is shown, and stands in the cluster's own conf.d" {
    expect 0 pgcert setup "db.$ZONE" --yes
    file=$(grep -l ssl_cert_file "$PGDATA"/conf.d/*.conf)
    grep -qF "${file##*/}" <<<"$output"
    grep -q "ssl_cert_file" <<<"$output"
    not grep -q ssl "$PGDATA/postgresql.auto.conf"
}

@test "without a conf.d setup uses ALTER SYSTEM, and says so" {
    sed -i '/include_dir/d' "$PGDATA/postgresql.conf"
    pg_restart
    expect 0 pgcert setup "db.$ZONE" --yes
    grep -qi "alter system" <<<"$output"
    grep -q "ssl_cert_file" "$PGDATA/postgresql.auto.conf"
    unharmed "$(leaf_sha256 "$PGDATA/pgcert.pem")"
}

@test "the file is the server's alone, and survives a restart" {
    expect 0 pgcert setup "db.$ZONE" --yes
    [ "$(stat -c '%U:%G %a' "$PGDATA/pgcert.pem")" = "postgres:postgres 600" ]
    unharmed "$(leaf_sha256 "$PGDATA/pgcert.pem")"
}

@test "a client with verify-full is content" {
    expect 0 pgcert setup "db.$ZONE" --yes
    PGSSLMODE=verify-full PGSSLROOTCERT=$WORLD/pebble/root.pem run --separate-stderr \
        psql -XqAt "host=db.$ZONE user=someone dbname=postgres" -c "select 1"
    [[ $stderr == *'role "someone" does not exist'* ]] # past TLS
}

@test "a second setup changes nothing" {
    expect 0 pgcert setup "db.$ZONE" --yes
    before=$(served)
    mark=$(pebble_mark)
    files=$(cat "$PGDATA"/conf.d/* "$PGDATA/postgresql.auto.conf" | sha256sum)
    expect 0 pgcert setup "db.$ZONE" --yes
    [ "$(served)" = "$before" ]
    [ "$(requests "$mark" .)" = 0 ]
    [ "$(cat "$PGDATA"/conf.d/* "$PGDATA/postgresql.auto.conf" | sha256sum)" = "$files" ]
}

@test "setup replaces a pair of the administrator's, and keeps it" {
    self_signed "$PGDATA/server.pem"
    chown postgres: "$PGDATA/server.pem"
    printf '%s\n' "ssl = on" "ssl_cert_file = 'server.pem'" "ssl_key_file = 'server.pem'" \
        >>"$PGDATA/postgresql.conf"
    pg_restart
    old=$(leaf_sha256 "$PGDATA/server.pem")
    serves "$old"
    expect 0 pgcert setup "db.$ZONE" --yes
    [ "$(served)" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
    [ "$(leaf_sha256 "$PGDATA/server.pem")" = "$old" ]
}

@test "renew on a server that does not use pgcert's file says so, and what to do" {
    expect 78 pgcert renew
    says "pgcert setup"
    [ "$(pg_sql 'show ssl')" = off ]
}

@test "renew after that does not order again, and goes on from what is issued" {
    expect 78 pgcert renew
    mark=$(pebble_mark)
    expect 0 pgcert setup "db.$ZONE" --yes
    [ "$(requests "$mark" order-plz)" = 0 ]
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
}

@test "setup that cannot get a certificate leaves the server as it was" {
    pebble_stop
    run --separate-stderr pgcert setup "db.$ZONE" --yes
    pebble_start
    [ "$status" -eq 75 ]
    says "localhost:14000"
    [ "$(pg_sql 'show ssl')" = off ]
    [ ! -e "$PGDATA/pgcert.pem" ]
    [ -z "$(ls "$PGDATA/conf.d")" ]
    pg_restart
}

@test "setup without --yes and without a terminal asks nothing and changes nothing" {
    run --separate-stderr pgcert setup "db.$ZONE"
    [ "$status" -eq 64 ]
    says "yes"
    [ "$(pg_sql 'show ssl')" = off ]
}

@test "setup works beside a setting that is broken by hand elsewhere" {
    # PostgreSQL applies all the others at a reload.
    echo "work_mem = 'nonsense'" >>"$PGDATA/postgresql.conf"
    run --separate-stderr pgcert setup "db.$ZONE" --yes
    sed -i '/nonsense/d' "$PGDATA/postgresql.conf"
    [ "$status" -eq 0 ]
    unharmed "$(leaf_sha256 "$PGDATA/pgcert.pem")"
}

@test "setup writes the settings that are missing, and what exists is not touched" {
    sed -i '/^\[certificate/,/^$/d; /^\[target/,/^$/d' "$CONF"
    expect 0 pgcert setup "db.$ZONE" --yes
    file=$WORLD/conf/conf.d/db.$ZONE.conf
    grep -q "\[certificate db.$ZONE\]" "$file"
    grep -q "\[target main\]" "$file"
    [ "$(stat -c '%a' "$file")" = 644 ]
    [ "$(served)" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
    # the same name again, where somebody has his own file
    printf '[pgcert]\nkeep_generations = 9\n' >"$WORLD/conf/conf.d/other.$ZONE.conf"
    expect 78 pgcert setup "other.$ZONE" --yes
    says "other.$ZONE.conf.*exists"
    [ "$(cat "$WORLD/conf/conf.d/other.$ZONE.conf")" = $'[pgcert]\nkeep_generations = 9' ]
}

@test "setup for a wildcard name works" {
    sed -i '/^\[certificate/,/^$/d' "$CONF"
    expect 0 pgcert setup "*.db.$ZONE" --yes
    [ -e "$WORLD/conf/conf.d/wildcard.db.$ZONE.conf" ]
    [ "$(served)" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
}

@test "root writes no settings where somebody else could put another file" {
    sed -i '/^\[certificate/,/^$/d' "$CONF"
    rm -rf "$WORLD/conf/conf.d" "$WORLD/elsewhere"
    mkdir "$WORLD/elsewhere"
    ln -s "$WORLD/elsewhere" "$WORLD/conf/conf.d"
    run --separate-stderr pgcert setup "db.$ZONE" --yes
    rm "$WORLD/conf/conf.d"
    mkdir "$WORLD/conf/conf.d"
    [ "$status" -ne 0 ]
    [ -z "$(ls "$WORLD/elsewhere")" ]
    chown postgres: "$WORLD/conf/conf.d"
    expect 77 pgcert setup "db.$ZONE" --yes
    [ -z "$(ls "$WORLD/conf/conf.d")" ]
    rm -rf "$WORLD/conf/conf.d"
}

@test "setup --dry-run says what would be written, and touches nothing" {
    sed -i '/^\[certificate/,/^$/d' "$CONF"
    expect 0 pgcert setup "db.$ZONE" --dry-run
    grep -q "\[certificate db.$ZONE\]" <<<"$output"
    [ ! -e "$STATE" ]
    [ -z "$(ls "$WORLD/conf/conf.d")" ]
    [ "$(pg_sql 'show ssl')" = off ]
}

# ---- the private CA ----

# Settings which have no issuer, and nothing else but where the state is.
only_state()
{
    rm -f "$CONF" "$WORLD"/conf/conf.d/*
    printf '[pgcert]\nstate = %s\n' "$STATE" >"$CONF"
}

# Logs in as a client does who was told what setup says at its end; the arguments go to psql.
as_told()
{
    local line
    line=$(sed -n 's/^ *psql "\(.*\)"$/\1/p' <<<"$told")
    [ -n "$line" ] || return
    psql "$line user=postgres dbname=postgres $1" -XqAtc 'select ssl from pg_stat_ssl where pid = pg_backend_pid()'
}

@test "without any issuer the private CA signs, and nobody on the network is asked" {
    only_state
    expect 0 strace -f -qq -e trace=connect -o "$WORLD/trace" "$PGCERT" -c "$CONF" setup "db.$ZONE" --yes
    told=$output
    grep 'connect(' "$WORLD/trace" >"$WORLD/connects"
    not grep -vE 'AF_UNIX|htons\(5432\)' "$WORLD/connects"
    file=$WORLD/conf/conf.d/db.$ZONE.conf
    [ "$(head -n 2 "$file")" = $'[issuer ca]\ntype = ca' ]
    grep -qF "$(cat "$file")" <<<"$told"
    [[ $told == *"There is no private CA in '$STATE/ca'; one will be made."* ]]
    [[ $told == *"root's certificate, $STATE/ca/root.crt"* ]]
    unharmed "$(leaf_sha256 "$PGDATA/pgcert.pem")"
    openssl verify -x509_strict -purpose sslserver -CAfile "$STATE/ca/root.crt" \
        -untrusted "$PGDATA/pgcert.pem" "$PGDATA/pgcert.pem"
    [ "$(as_told "")" = t ]
    not as_told "sslrootcert=$WORLD/pebble/root.pem"
    # the timer's run, and setup again, find nothing to do
    before=$(served) root=$(sha256sum "$STATE/ca/root.crt")
    expect 0 pgcert renew
    expect 0 pgcert setup "db.$ZONE" --yes
    [[ $output != *"no private CA"* && $output == *"$STATE/ca/root.crt"* ]]
    [ "$(served)" = "$before" ]
    [ "$(sha256sum "$STATE/ca/root.crt")" = "$root" ]
}

@test "setup writes an ACME server and who publishes for it, and says what is missing" {
    only_state
    mkdir -p "$WORLD/conf/conf.d"
    for wrong in "--acme $DIRECTORY" "--contact dba@$ZONE" "--dns none" "--acme $DIRECTORY --issuer ca" \
        "--acme $DIRECTORY --dns tsig_file=x" "--acme $DIRECTORY --dns nobody" "--acme http://$ZONE/ --dns none"; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr pgcert setup $wrong --yes "db.$ZONE"
        [ "$status" = 64 ] || [ "$status" = 78 ]
        [ ! -e "$WORLD/conf/conf.d/db.$ZONE.conf" ]
    done
    expect 64 pgcert setup --acme "$DIRECTORY" --dns $'none\n[pgcert]' --yes "db.$ZONE"
    expect 64 pgcert setup --names $'a\nb' --yes "db.$ZONE"
    expect 0 pgcert setup --acme letsencrypt --contact "dba@$ZONE" --dns "rfc2136 server=127.0.0.1 tsig_file=$WORLD/bind/pgcert-key.key" \
        --names "www.$ZONE" --dry-run "db.$ZONE"
    [[ $output == *$'[issuer letsencrypt]\ndirectory = https://acme-v02.api.letsencrypt.org/directory\nrehearsal = https://acme-staging-v02.api.letsencrypt.org/directory\nagree_terms = yes\ndns = letsencrypt\ncontact = mailto:dba@'"$ZONE"$'\n\n[dns letsencrypt]\nprovider = rfc2136\nserver = 127.0.0.1\n'* ]]
    [[ $output == *"names = db.$ZONE, www.$ZONE"* ]]
    # what nobody trusts is not asked for; an [issuer] that is there is never taken for another server
    expect 64 pgcert setup --acme letsencrypt-staging --dns "exec program=/bin/true" --yes "db.$ZONE"
    says "try it with that one first by: pgcert renew --rehearse"
    conf_add <<<$'[issuer acme]\ndirectory = https://one.example/\nagree_terms = yes\ndns = one\n[dns one]\nprovider = exec\nprogram = /bin/true'
    for more in "--acme https://two.example/" "--acme https://one.example/ --contact dba@$ZONE" \
        "--acme https://one.example/ --dns none"; do
        # shellcheck disable=SC2086 # words
        expect 64 pgcert setup $more --yes "db.$ZONE"
        says "issuer acme] already, and setup changes none"
    done
    expect 0 pgcert setup --acme https://one.example/ --dry-run "db.$ZONE"
    [[ $output == *"issuer = acme"* && $output != *"[issuer "* ]]
}

@test "where there is no settings file setup makes it, readable by who renews" {
    rm -rf "$WORLD/new" "$STATE"
    mkdir -m 755 "$WORLD/new"
    expect 78 timeout 60 "$PGCERT" -c "$WORLD/new/pgcert.conf" status
    says "make one: pgcert setup"
    mkdir "$WORLD/new/conf.d"
    printf '[pgcert]\nstate = %s\n' "$STATE" >"$WORLD/new/conf.d/state.conf"
    expect 0 timeout 60 "$PGCERT" -c "$WORLD/new/pgcert.conf" setup "db.$ZONE" --dry-run 3>&- 4>&-
    [ ! -e "$WORLD/new/pgcert.conf" ]
    [ ! -e "$STATE" ]
    expect 0 timeout 60 "$PGCERT" -c "$WORLD/new/pgcert.conf" setup "db.$ZONE" --yes 3>&- 4>&-
    [ "$(stat -c %a "$WORLD/new/pgcert.conf")" = 644 ]
    [ "$(ls -A "$WORLD/new")" = $'conf.d\npgcert.conf' ]
    serves "$(leaf_sha256 "$PGDATA/pgcert.pem")"
    expect 0 timeout 60 "$PGCERT" -c "$WORLD/new/pgcert.conf" renew 3>&- 4>&-
    # an issuer that stands beside it counts
    rm "$WORLD/new/pgcert.conf"
    sed '/^\[certificate/,/^$/d; /^\[target/,/^$/d' <(world_conf && cat "$CONF") >"$WORLD/new/conf.d/state.conf"
    expect 0 timeout 60 "$PGCERT" -c "$WORLD/new/pgcert.conf" setup "db.$ZONE" --dry-run 3>&- 4>&-
    [[ $output == *"issuer = pebble"* && $output != *"type = ca"* ]]
}

@test "an address and a bare host name are served by the private CA" {
    only_state
    hostname=$(uname -n)
    for name in 127.0.0.1 ::1 "${hostname%%.*}" localhost; do
        pg_reset
        echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
        pg_restart
        rm -f "$WORLD"/conf/conf.d/*
        expect 0 pgcert setup "$name" --yes
        told=$output
        unharmed "$(leaf_sha256 "$PGDATA/pgcert.pem")"
        openssl verify -x509_strict -CAfile "$STATE/ca/root.crt" -untrusted "$PGDATA/pgcert.pem" \
            "$(case $name in *[.:]*[0-9]) echo -verify_ip ;; *) echo -verify_hostname ;; esac)" "$name" \
            "$PGDATA/pgcert.pem"
        [ "$name" = "${hostname%%.*}" ] || [ "$(as_told "")" = t ]
    done
    # no ACME server signs those by DNS, and nothing is left of the attempt
    pg_reset
    world_conf
    sed -i '/^\[certificate/,/^$/d' "$CONF"
    expect 78 pgcert setup 127.0.0.1 --yes
    says "is not the private CA"
    [ -z "$(ls -A "$WORLD/conf/conf.d")" ]
}

@test "--issuer ca is the private CA, also beside others; another name must be there" {
    sed -i '/^\[certificate/,/^$/d' "$CONF"
    expect 64 pgcert setup "db.$ZONE" --yes --issuer cax
    says "there is no section \[issuer cax\]"
    mark=$(pebble_mark)
    expect 0 pgcert setup "db.$ZONE" --yes --issuer ca
    [ "$(requests "$mark" .)" = 0 ]
    expect 0 pgcert --json status
    [ "$(json "['certificates'][0]['issuer']")" = ca ]
    # the one issuer that is there is taken as it is
    rm "$WORLD/conf/conf.d/"* && rm -rf "$STATE"
    pg_reset
    expect 0 pgcert setup "db.$ZONE" --yes
    [[ $output != *"private CA"* ]]
    [ ! -e "$STATE/ca" ]
    [ "$(requests "$mark" order-plz)" = 1 ]
}

@test "setup --dry-run says that it would make the CA, and makes nothing" {
    only_state
    expect 0 pgcert setup "db.$ZONE" --dry-run
    [[ $output == *"[issuer ca]"* && $output == *"one would be made"* ]]
    [ ! -e "$STATE" ]
    [ -z "$(ls -A "$WORLD/conf/conf.d")" ]
    [ "$(pg_sql 'show ssl')" = off ]
    # the same where the settings are there already
    conf_add <<<"[issuer mine]"$'\ntype = ca\n'"[certificate db.$ZONE]"$'\nissuer = mine\ndeploy = main\n[target main]\ntype = postgres'
    expect 0 pgcert setup "db.$ZONE" --dry-run
    [[ $output == *"one would be made"*"would be obtained from [issuer mine]"* ]]
    [ ! -e "$STATE/ca" ]
    expect 0 pgcert setup "db.$ZONE" --yes
    [ -e "$STATE/ca/root.crt" ]
}
