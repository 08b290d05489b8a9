#!/usr/bin/env bats
# A cluster that Patroni keeps: PostgreSQL's certificate, and that of Patroni's own REST interface.
load world

# One node, whose consensus is its own (raft), so that nothing else is needed.
setup_file()
{
    conf
    pgcert ca init
    install -d -o postgres -g postgres -m 700 "$WORLD/pg" "$WORLD/patroni"
    # its first certificate, from the same CA
    pgcert renew "rest.$ZONE" 2>/dev/null || :
    cat "$STATE/certificates/rest.$ZONE/"*/key.pem "$STATE/certificates/rest.$ZONE/"*/chain.pem >"$WORLD/patroni/rest.pem"
    cp "$STATE/ca/root.crt" "$WORLD/root.pem"
    echo secret >"$WORLD/password"
    chmod 600 "$WORLD/password"
    patroni_conf
    chown -R postgres: "$WORLD/patroni"
    as_postgres env PATH="$PATH" patroni "$WORLD/patroni/patroni.yml" >"$WORLD/patroni/log" 2>&1 3>&- 4>&- </dev/null &
    echo $! >"$WORLD/patroni/number"
    await 60 "Patroni to lead" leads || { tail -n 20 "$WORLD/patroni/log"; return 1; }
}

# Bats waits for what it has started.
teardown_file()
{
    end_process "$WORLD/patroni/number"
}

setup()
{
    first=$(served_rest)
}

patroni_conf()
{
    cat >"$WORLD/patroni/patroni.yml" <<END
scope: world
name: one
restapi:
  listen: 127.0.0.1:8008
  connect_address: 127.0.0.1:8008
  certfile: $WORLD/patroni/rest.pem
  authentication: {username: admin, password: secret}
ctl: {insecure: true}
raft: {data_dir: $WORLD/patroni/raft, self_addr: "127.0.0.1:2222"}
bootstrap:
  dcs:
    loop_wait: 1
    postgresql: {parameters: {fsync: "off"}}
  initdb: [{encoding: UTF8}, {locale: C.UTF-8}, no-sync]
postgresql:
  listen: 127.0.0.1:5432
  connect_address: 127.0.0.1:5432
  data_dir: $PGDATA
  bin_dir: $(pg_bin)
  authentication:
    superuser: {username: postgres}
    replication: {username: replicator}
  pg_hba: ["local all all trust", "host all all 127.0.0.1/32 trust"]
  parameters: {unix_socket_directories: /var/run/postgresql, shared_buffers: 16MB}
END
}

leads()
{
    curl -ksS https://127.0.0.1:8008/leader | grep -q '"state": "running"'
}

conf()
{
    mkdir -p "$WORLD/conf"
    grep -q "rest.$ZONE" /etc/hosts || echo "127.0.0.1 rest.$ZONE db.$ZONE" >>/etc/hosts
    cat >"$CONF" <<END
[pgcert]
state = $STATE

[issuer private]
type = ca

[certificate db.$ZONE]
issuer = private
deploy = main

[certificate rest.$ZONE]
issuer = private
deploy = rest

[target main]
type = postgres

[target rest]
type = patroni
url = https://rest.$ZONE:8008
url_ca_file = $WORLD/root.pem
user = admin
password_file = $WORLD/password
file = $WORLD/patroni/rest.pem
prove_timeout = 5s
END
}

served_rest()
{
    openssl s_client -connect 127.0.0.1:8008 </dev/null 2>/dev/null |
        openssl x509 -noout -fingerprint -sha256 2>/dev/null | sha256_of_fingerprint
}

@test "the REST interface reads its certificate again, and that is proved" {
    expect 0 pgcert renew --force "rest.$ZONE"
    [ "$(served_rest)" != "$first" ]
    [ "$(served_rest)" = "$(leaf_sha256 "$WORLD/patroni/rest.pem")" ]
    [ "$(stat -c %U "$WORLD/patroni/rest.pem")" = postgres ]
    expect 0 pgcert status "rest.$ZONE"
    expect 0 pgcert check rest
}

@test "whoever does not know the password is told, and the old certificate stays" {
    echo wrong >"$WORLD/password"
    expect 80 pgcert renew --force "rest.$ZONE"
    echo secret >"$WORLD/password"
    says "Patroni does not let us reload it \(401: not authenticated"
    [ "$(served_rest)" = "$first" ]
    [ "$(leaf_sha256 "$WORLD/patroni/rest.pem")" = "$first" ]
}

@test "setup does not write what Patroni would overwrite, and says what to tell it" {
    before=$(cat "$PGDATA/postgresql.conf" "$PGDATA/postgresql.auto.conf" "$PGDATA/postgresql.base.conf" | sha256sum)
    expect 78 pgcert setup --yes "db.$ZONE"
    says "patronictl -c FILE edit-config --pg ssl_cert_file=pgcert.pem --pg ssl_key_file=pgcert.pem --pg ssl=on"
    [ "$(cat "$PGDATA/postgresql.conf" "$PGDATA/postgresql.auto.conf" "$PGDATA/postgresql.base.conf" | sha256sum)" = "$before" ]
    [ -s "$PGDATA/pgcert.pem" ] # so that no restart finds less than the settings name
    expect 78 pgcert setup --dry-run "db.$ZONE"
    told=$(grep -oE "edit-config( --pg [a-z_]+=[a-z.]+)+" <<<"$stderr")
    # shellcheck disable=SC2086 # words
    as_postgres patronictl -c "$WORLD/patroni/patroni.yml" $told --force
    await 20 "Patroni to turn TLS on" serves "$(leaf_sha256 "$PGDATA/pgcert.pem")" 127.0.0.1
    expect 0 pgcert setup --yes "db.$ZONE"
    first_pg=$(served 127.0.0.1)
    expect 0 pgcert renew --force "db.$ZONE"
    [ "$(served 127.0.0.1)" != "$first_pg" ]
    [ "$(served 127.0.0.1)" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
    leads
}

@test "a Patroni whose certificate is not trusted runs, so that nothing is replaced" {
    sed -i /url_ca_file/d "$CONF"
    expect 78 pgcert renew --force "rest.$ZONE"
    says "certificate at 'https://rest.$ZONE:8008/config' is not trusted .*set url_ca_file"
    sed -i "s|^url = .*|&\nurl_ca_file = $WORLD/root.pem|; s|^url = .*|url = https://127.0.0.1:8008|" "$CONF"
    expect 78 pgcert renew "rest.$ZONE"
    says "is not trusted"
    [ "$(leaf_sha256 "$WORLD/patroni/rest.pem")" = "$first" ]
    conf
}

@test "a Patroni that does not run: its file is in place for when it starts" {
    sed -i 's|^url = .*|url = https://127.0.0.1:8009|' "$CONF"
    expect 75 pgcert renew --force "rest.$ZONE"
    says "is in place for when the server starts"
    conf
}
