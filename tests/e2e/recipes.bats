#!/usr/bin/env bats
# The README's five ways to begin, pasted as they stand into a machine with systemd, PostgreSQL by Debian's own
# units, and pgcert as make install leaves it; and what each promises. Of a recipe only the ACME server's address is
# rewritten. The domain is the README's: BIND has it, and the machine trusts Pebble's roots.
load ../e2e/world

# shellcheck source-path=SCRIPTDIR source=../world/systemd.bash
. "$PGCERT_ROOT/tests/world/systemd.bash"

ZONE=example.org
NAME=db.$ZONE
# of the machine, which shares the world's network

setup_file()
{
    bind_start && pebble_start
    machine_start
    host_install
    host_trust
    host_postgres
}

teardown_file()
{
    machine_stop
}

# A host where PostgreSQL was just installed.
setup()
{
    machine systemctl disable --now pgcert-renew.timer pgcert-watch.service 2>/dev/null
    machine systemctl stop "postgresql@$VERSION-main" 'pgcert-*' 2>/dev/null || :
    rm -rf "$MACHINE/root/etc/pgcert" "$MACHINE/root/var/lib/pgcert" "$MACHINE/root/var/cache/pgcert"
    host_configured
    rm -rf "$MACHINE/root/var/lib/postgresql" "$MACHINE/root/etc/postgresql/$VERSION/main"
    cp -a "$MACHINE/root/root/data" "$MACHINE/root/var/lib/postgresql"
    cp -a "$MACHINE/root/root/settings" "$MACHINE/root/etc/postgresql/$VERSION/main"
    machine systemctl start "postgresql@$VERSION-main"
    BEGAN=$(date +%s)
}

VERSION=$(pg_bin)
VERSION=${VERSION%/bin} VERSION=${VERSION##*/}

# ---- the host ----

# By make install in the machine itself: it also makes the users and directories.
host_install()
{
    local tree=$WORLD/tree made=$WORLD/made
    mkdir "$tree" "$made"
    cp -a "$PGCERT_ROOT"/{Makefile,acme,base,ca,cli,conf.d,inotify,reload,units} "$tree"
    : >"$made/flags.mk"
    cp "$PGCERT" "$made/pgcert"
    machine make -s -C "$tree" -o "$made/pgcert" -o "$made/flags.mk" install B="$made" PREFIX=/usr \
        >"$WORLD/install.log" 2>&1 || { cat "$WORLD/install.log"; return 1; }
    cp -a "$MACHINE/root/etc/pgcert" "$MACHINE/root/root/pgcert"
    # sudo asks nobody here, and most machines of tests do not have it
    cat >"$MACHINE/root/usr/local/bin/sudo" <<'SUDO'
#!/bin/sh
[ "$1" != -u ] || { user=$2; shift 2; cd / && exec setpriv --reuid="$user" --regid="$user" --init-groups "$@"; }
exec "$@"
SUDO
    chmod 755 "$MACHINE/root/usr/local/bin/sudo"
    printf '127.0.0.1 pg1.%s %s\n127.0.0.1 localhost\n127.0.0.2 pg2.%s\n' "$ZONE" "$NAME" "$ZONE" >"$MACHINE/root/etc/hosts"
    rm -f "$MACHINE/root/etc/resolv.conf"
    echo "nameserver 127.0.0.1" >"$MACHINE/root/etc/resolv.conf"
    machine hostname "pg1.$ZONE"
}

# As it is after make install, with the key of the name server in somebody's directory.
host_configured()
{
    cp -a "$MACHINE/root/root/pgcert" "$MACHINE/root/etc/pgcert"
    machine systemd-tmpfiles --create pgcert.conf pgcert-ca.conf
    cp "$WORLD/bind/pgcert-key.key" "$MACHINE/root/root/tsig.key"
}

# What real machines have: roots in which certificates end.
host_trust()
{
    local root certs=$MACHINE/root/etc/ssl/certs
    for root in "$WORLD/pebble/root.pem" "$WORLD/pebble/https-ca.pem"; do
        cat "$root" >>"$certs/ca-certificates.crt"
        cp "$root" "$certs/$(openssl x509 -in "$root" -noout -hash).0"
    done
}

host_postgres()
{
    rm -rf "$MACHINE/root/etc/postgresql/$VERSION" "$MACHINE/root/var/lib/postgresql"
    install -d -o postgres -g postgres "$MACHINE/root/var/lib/postgresql"
    machine pg_createcluster "$VERSION" main -- --no-sync -A trust >/dev/null
    printf '%s\n' "fsync = off" "shared_buffers = 16MB" >>"$MACHINE/root/etc/postgresql/$VERSION/main/postgresql.conf"
    cp -a "$MACHINE/root/var/lib/postgresql" "$MACHINE/root/root/data"
    cp -a "$MACHINE/root/etc/postgresql/$VERSION/main" "$MACHINE/root/root/settings"
}

# ---- recipes ----

# Pastes the block of a section of the README: recipe HEADING [COMMAND...]; the command is what it is given to.
recipe()
{
    local heading=$1
    shift
    # shellcheck disable=SC2016 # Markdown's fences
    awk -v heading="### $heading" '$0 == heading { on = 1; next } on && /^#/ { exit }
        on && /^```sh$/ { inside = 1; next } inside && /^```$/ { exit } inside' "$PGCERT_ROOT/README.md" |
        sed "s|--acme letsencrypt|--acme $DIRECTORY|" >"$MACHINE/root/root/recipe"
    [ -s "$MACHINE/root/root/recipe" ] && [ "$(wc -l <"$MACHINE/root/root/recipe")" -le 12 ]
    expect 0 machine "$@" bash -euc 'cd /root; PS4="\$ "; set -x; . ./recipe'
}

# The certificate that somebody shows who is asked in this way: shown PORT [WAY...]
shown()
{
    openssl s_client -connect "127.0.0.1:$1" "${@:2}" </dev/null 2>/dev/null
}

shown_sha256()
{
    shown "$@" | openssl x509 -noout -fingerprint -sha256 2>/dev/null | sha256_of_fingerprint
}

# What pgcert says that it has issued.
issued()
{
    machine pgcert --json status | python3 -c 'import json, sys
print(json.load(sys.stdin)["certificates"][0]["issued"]["sha256"])'
}

# A client's view of PostgreSQL: psql_as CONNINFO SQL
psql_as()
{
    machine setpriv --reuid=nobody --clear-groups env HOME=/nonexistent psql -XqAtw "$1" -c "$2"
}

# The run of the timer ends, and well: 75 would do for the unit.
timer_runs()
{
    machine systemctl start pgcert-renew.service || :
    [ "$(machine systemctl show -P ExecMainStatus pgcert-renew.service)" = 0 ] && return
    machine journalctl -u 'pgcert-*' -n 30 --no-pager -o cat
    return 1
}

# What the recipe has started stays, and as its own users: one renews, the other deploys and proves.
goes_on_by_itself()
{
    local before unit
    before=$(issued)
    for unit in pgcert-renew.timer pgcert-watch.service; do
        [ "$(machine systemctl is-enabled $unit)" = enabled ] && [ "$(machine systemctl is-active $unit)" = active ]
    done
    printf '[certificate %s]\nkey_type = ecdsa-p384\n' "$NAME" >"$MACHINE/root/etc/pgcert/conf.d/zz.conf" # so it is due
    timer_runs
    after=$(issued)
    [ "$after" = "$(shown_sha256 5432 -starttls postgres)" ] && [ "$after" != "$before" ]
    [ "$(machine find /var/lib/pgcert/certificates -name key.pem -printf '%u:%g\n' | sort -u)" = pgcert:pgcert ]
    not grep -E 'denied|fail' <<<"$(machine journalctl "--since=@$BEGAN" -u 'pgcert-*' --no-pager -o cat)"
    [ "$(machine ps -o user= -p "$(machine systemctl show -P MainPID pgcert-watch.service)")" = postgres ]
}

@test "a fresh machine and Let's Encrypt" {
    recipe "A fresh machine and Let's Encrypt"
    [ "$(issued)" = "$(shown_sha256 5432 -starttls postgres)" ]
    [ "$(psql_as "host=$NAME user=postgres dbname=postgres sslmode=verify-full sslrootcert=/etc/ssl/certs/ca-certificates.crt" 'select ssl from pg_stat_ssl where pid = pg_backend_pid()')" = t ]
    [ -z "$(dns_challenges)" ]
    goes_on_by_itself
}

@test "a private network with mutual TLS" {
    recipe "A private network with mutual TLS"
    bundle=$(machine pgcert --json client show alice | python3 -c 'import json, sys
print(json.load(sys.stdin)["bundle"]["directory"])' || :)
    [ -n "$bundle" ] || bundle=/var/lib/pgcert/ca/clients/alice
    rm -rf "$MACHINE/root/srv/alice" && cp -a "$MACHINE/root$bundle" "$MACHINE/root/srv/alice"
    machine chown -R nobody: /srv/alice

    conninfo="host=$NAME user=alice dbname=app sslmode=verify-full sslrootcert=/srv/alice/root.crt sslcert=/srv/alice/postgresql.crt sslkey=/srv/alice/postgresql.key"
    [ "$(psql_as "$conninfo" 'select current_user')" = alice ]
    not psql_as "${conninfo/dbname=app/dbname=postgres}" 'select 1'
    not psql_as "host=$NAME user=alice dbname=app sslmode=require" 'select 1'
    goes_on_by_itself
    # who signs is not who deploys: a CRL of the one is brought by the other
    machine setpriv --reuid=pgcert --regid=pgcert --clear-groups pgcert -q ca crl --force
    await 10 "the new CRL" same_crls
    expect 0 machine pgcert client revoke alice
    not psql_as "$conninfo" 'select 1'
}

# Does the server have the CRLs as they are?
same_crls()
{
    machine python3 -c 'import sys
crl = open("/var/lib/pgcert/ca/clients.crl").read()
sys.exit(crl.strip() not in open(sys.argv[1]).read())' "/var/lib/postgresql/$VERSION/main/pgcert-clients.pem"
}

# certbot by its plugin for dynamic updates: certbot ARGUMENT...
certbot()
{
    local key=$WORLD/bind/pgcert-key.key
    (umask 077 && printf 'dns_rfc2136_%s\n' "server = 127.0.0.1" "name = pgcert-key" "algorithm = HMAC-SHA256" \
        "secret = $(sed -n 's/.*secret "\(.*\)".*/\1/p' "$key")" >"$MACHINE/root/root/certbot.ini")
    machine env REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt certbot --non-interactive --server "$DIRECTORY" "$@" \
        >>"$WORLD/certbot.log" 2>&1 || { tail "$WORLD/certbot.log"; return 1; }
}

@test "keep certbot" {
    rm -rf "$MACHINE/root/etc/letsencrypt"
    certbot certonly --dns-rfc2136 --dns-rfc2136-credentials /root/certbot.ini --dns-rfc2136-propagation-seconds 0 \
        --agree-tos -m "dba@$ZONE" --no-eff-email -d "$NAME"
    live=$MACHINE/root/etc/letsencrypt/archive/$NAME
    recipe "Keep certbot"
    [ "$(shown_sha256 5432 -starttls postgres)" = "$(leaf_sha256 "$live/fullchain1.pem")" ]
    certbot renew --force-renewal --no-random-sleep-on-renew
    [ "$(shown_sha256 5432 -starttls postgres)" = "$(leaf_sha256 "$live/fullchain2.pem")" ]
    # certbot's files are root's alone: the timer has nothing to take over, and all is proved
    not machine setpriv --reuid=pgcert --regid=pgcert --clear-groups cat "/etc/letsencrypt/live/$NAME/privkey.pem"
    timer_runs
    not grep -q /etc/letsencrypt <<<"$(machine pgcert doctor)"
    [ "$(shown_sha256 5432 -starttls postgres)" = "$(leaf_sha256 "$live/fullchain2.pem")" ]
}

# ---- PgBouncer and pgBackRest ----

# Both by Debian's units, with TLS already, by a certificate that somebody made by hand.
beside_start()
{
    local tls=$MACHINE/root/var/lib/postgresql/tls name
    install -d -o postgres -g postgres -m 700 "$tls"
    for name in pgbouncer pgbackrest; do
        self_signed "$tls/$name.pem"
    done
    cp "$tls/pgbackrest.pem" "$tls/clients.crt"
    chown postgres: "$tls"/*
    printf '%s\n' '[databases]' '* = host=/var/run/postgresql' '[pgbouncer]' 'listen_addr = 127.0.0.1' 'listen_port = 6432' \
        'unix_socket_dir = /var/run/postgresql' 'auth_type = any' 'pidfile = /var/run/postgresql/pgbouncer.pid' \
        'logfile = /var/log/postgresql/pgbouncer.log' 'client_tls_sslmode = require' \
        'client_tls_cert_file = /var/lib/postgresql/tls/pgbouncer.pem' \
        'client_tls_key_file = /var/lib/postgresql/tls/pgbouncer.pem' >"$MACHINE/root/etc/pgbouncer/pgbouncer.ini"
    printf '%s\n' '[global]' repo1-path=/var/lib/pgbackrest tls-server-address=127.0.0.1 tls-server-auth=client=* \
        tls-server-cert-file=/var/lib/postgresql/tls/pgbackrest.pem tls-server-key-file=/var/lib/postgresql/tls/pgbackrest.pem \
        tls-server-ca-file=/var/lib/postgresql/tls/clients.crt >"$MACHINE/root/etc/pgbackrest.conf"
    machine systemctl restart pgbouncer pgbackrest
    await 10 PgBouncer port_is_open 127.0.0.1 6432
    await 10 pgBackRest port_is_open 127.0.0.1 8432
}

@test "PgBouncer and pgBackRest beside it" {
    beside_start
    started=$(machine systemctl show -P ExecMainPID pgbouncer pgbackrest)
    recipe "PgBouncer and pgBackRest beside it"
    new=$(issued)
    [ "$(shown_sha256 5432 -starttls postgres)" = "$new" ]
    [ "$(shown_sha256 6432 -starttls postgres)" = "$new" ]
    [ "$(shown_sha256 8432)" = "$new" ]
    [ "$(machine systemctl show -P ExecMainPID pgbouncer pgbackrest)" = "$started" ]
    # the next one comes to all three
    goes_on_by_itself
    [ "$(shown_sha256 6432 -starttls postgres)" = "$after" ]
    [ "$(shown_sha256 8432)" = "$after" ]
    [ "$(machine systemctl show -P ExecMainPID pgbouncer pgbackrest)" = "$started" ]
    machine systemctl stop pgbouncer pgbackrest
}

# ---- a failover cluster ----

# Another node: a standby in /var/lib/postgresql/two at 127.0.0.2, whose /run/postgresql, settings and state of
# pgcert nobody else sees.
standby_start()
{
    local here=$MACHINE/root/etc/postgresql/$VERSION/main
    printf '%s\n' "hostssl replication postgres 127.0.0.0/8 trust" | cat - "$here/pg_hba.conf" >"$WORLD/hba"
    cat "$WORLD/hba" >"$here/pg_hba.conf"
    machine systemctl reload "postgresql@$VERSION-main"
    cat >"$MACHINE/root/root/standby" <<END
set -eu
hostname pg2.$ZONE
setpriv --reuid=postgres --regid=postgres --init-groups $(pg_bin)/pg_basebackup -D /var/lib/postgresql/two -R -c fast -X stream \
    -d "host=pg1.$ZONE user=postgres sslmode=verify-full sslrootcert=/etc/ssl/certs/ca-certificates.crt"
printf '%s\n' "listen_addresses = '127.0.0.2'" "unix_socket_directories = '/var/run/postgresql'" "fsync = off" \
    "shared_buffers = 16MB" "ssl = on" "ssl_cert_file = 'pgcert.pem'" "ssl_key_file = 'pgcert.pem'" >/var/lib/postgresql/two/postgresql.conf
cp /etc/postgresql/$VERSION/main/pg_hba.conf /var/lib/postgresql/two/
chown postgres: /var/lib/postgresql/two/*.conf
mount -t tmpfs -o mode=2775 two /run/postgresql && chown postgres: /run/postgresql
mount -t tmpfs two /var/lib/pgcert
systemd-tmpfiles --create pgcert.conf
cp -a /root/pgcert /root/two && mount --bind /root/two /etc/pgcert
install -m 600 -o pgcert /root/tsig.key /etc/pgcert/tsig.key
setpriv --reuid=postgres --regid=postgres --init-groups $(pg_bin)/pg_ctl -D /var/lib/postgresql/two -l /var/lib/postgresql/two.log -w -s start
exec sleep 1000
END
    machine unshare -m -u bash /root/standby >"$WORLD/standby.log" 2>&1 &
    await 20 "the standby" port_is_open 127.0.0.2 5432 || { cat "$WORLD/standby.log"; return 1; }
    await 10 "its shell" machine pgrep -x -f 'sleep 1000'
    standby=$(machine pgrep -n -x -f 'sleep 1000')
}

on_standby()
{
    machine nsenter -t "$standby" -m -u "$@"
}

node_sha256()
{
    served "$1" 5432
}

@test "a failover cluster" {
    machine install -m 600 -o pgcert /root/tsig.key /etc/pgcert/tsig.key
    recipe "A failover cluster"
    one=$(node_sha256 127.0.0.1)
    standby_start
    [ "$(node_sha256 127.0.0.2)" = "$one" ] # as the base backup brought it
    recipe "A failover cluster" nsenter -t "$standby" -m -u
    two=$(node_sha256 127.0.0.2)
    [ "$(node_sha256 127.0.0.1)" = "$one" ] && [ "$two" != "$one" ]
    on_standby pgcert -q check
    for name in pg1 pg2; do
        [ "$(psql_as "host=$name.$ZONE user=postgres dbname=postgres sslmode=verify-full sslrootcert=/etc/ssl/certs/ca-certificates.crt" 'select pg_is_in_recovery()')" = "$([ $name = pg1 ] && echo f || echo t)" ]
    done
    # by the name of the cluster, to whichever is the primary
    [ "$(psql_as "host=$NAME,$NAME hostaddr=127.0.0.2,127.0.0.1 user=postgres dbname=postgres target_session_attrs=read-write sslmode=verify-full sslrootcert=/etc/ssl/certs/ca-certificates.crt" 'select inet_server_addr()')" = 127.0.0.1 ]
    [ "$(psql_as "host=pg1.$ZONE user=postgres dbname=postgres sslmode=require" "select ssl from pg_stat_replication join pg_stat_ssl using (pid)")" = t ]
    [ "$(machine systemctl is-active pgcert-watch.service)" = active ]
    # after a failover the new primary has its own certificate, and renews it
    on_standby setpriv --reuid=postgres --regid=postgres --init-groups psql -XqAt -c 'select pg_promote()'
    on_standby pgcert -q renew --force
    [ "$(node_sha256 127.0.0.2)" != "$two" ] && [ "$(node_sha256 127.0.0.1)" = "$one" ]
    [ "$(psql_as "host=$NAME hostaddr=127.0.0.2 user=postgres dbname=postgres sslmode=verify-full sslrootcert=/etc/ssl/certs/ca-certificates.crt" 'select pg_is_in_recovery()')" = f ]
    machine kill "$standby"
}
