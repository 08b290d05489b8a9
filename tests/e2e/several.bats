#!/usr/bin/env bats
# One certificate, several targets: a primary, its standby, and another server beside them.
load world

STANDBY=$WORLD/pg/standby
TLS=$WORLD/haproxy

setup_file()
{
    world_start
    pg_serves_pgcert
    standby_start
    haproxy_start
    settings
    expect 0 pgcert renew
    cp -a "$STATE" "$WORLD/issued"
}

# A standby of the primary, on port 5433, with a file of its own.
standby_start()
{
    sed -i '1i local replication postgres peer' "$PGDATA/pg_hba.conf"
    pg_sql "select pg_reload_conf()" >/dev/null
    as_postgres pg_basebackup -D "$STANDBY" -h /var/run/postgresql -U postgres -R -c fast -X stream
    echo "port = 5433" | as_postgres tee -a "$STANDBY/postgresql.conf" >/dev/null
    standby_run
}

standby_run()
{
    as_postgres "$(pg_bin)/pg_ctl" -D "$STANDBY" -l "$PG_LOG" -w -t 20 -s start 3>&- 4>&-
}

# TLS for any protocol; it has a master process, which a signal makes read its files again.
haproxy_start()
{
    install -d -o haproxy -g haproxy -m 700 "$TLS"
    self_signed "$TLS/both.pem"
    chown haproxy: "$TLS/both.pem"
    cat >"$TLS/conf" <<END
global
    user haproxy
    group haproxy
defaults
    mode tcp
    timeout connect 1s
    timeout client 60s
    timeout server 60s
listen front
    bind 127.0.0.1:6433 ssl crt $TLS/both.pem
    server one 127.0.0.1:5432
END
    haproxy -W -D -f "$TLS/conf" -p "$WORLD/haproxy.pid" >"$TLS/log" 2>&1 3>&- 4>&- </dev/null
    await 5 HAProxy port_is_open 127.0.0.1 6433
}

settings()
{
    world_conf
    conf_add <<END
[certificate db.$ZONE]
deploy = beside, main, standby
[target main]
prove_timeout = 1s
[target standby]
type = postgres
connection = host=/var/run/postgresql port=5433 user=postgres dbname=postgres
prove_timeout = 1s
[target beside]
type = pidfile
pid_file = $WORLD/haproxy.pid
process = haproxy
signal = USR2
file = $TLS/both.pem
prove = localhost:6433
prove_timeout = 5s
END
}

# All three serve what was issued first; a newer one is issued and deployed nowhere.
setup()
{
    settings
    rm -rf "$STATE"
    cp -a "$WORLD/issued" "$STATE"
    sed -i /protocol_version/d "$PGDATA/conf.d/pgcert.conf" "$STANDBY/conf.d/pgcert.conf"
    expect 0 pgcert deploy
    first=$(served)
    [ "$(served localhost 5433)" = "$first" ]
    [ "$(beside)" = "$first" ]
}

# What the one beside serves.
beside()
{
    openssl s_client -connect localhost:6433 </dev/null 2>/dev/null |
        openssl x509 -noout -fingerprint -sha256 2>/dev/null | sha256_of_fingerprint
}

all_agree()
{
    [ "$(beside)" = "$(served)" ]
}

# From its next reload on that server keeps what it has: refuses DATA
refuses()
{
    printf '%s\n' "ssl_min_protocol_version = 'TLSv1.3'" "ssl_max_protocol_version = 'TLSv1.2'" \
        >>"$1/conf.d/pgcert.conf"
}

# The order in which files were replaced.
order()
{
    stat -c '%.9Z %n' "$PGDATA/pgcert.pem" "$STANDBY/pgcert.pem" "$TLS/both.pem" |
        sort | sed "s|.*$PGDATA.*|main|; s|.*$STANDBY.*|standby|; s|.*$TLS.*|beside|" | paste -sd' '
}

@test "the standby first, then the primary, then the one beside" {
    expect 0 pgcert renew --force
    new=$(served)
    [ "$new" != "$first" ]
    [ "$(served localhost 5433)" = "$new" ]
    [ "$(beside)" = "$new" ]
    [ "$(order)" = "standby main beside" ]
    [ "$(stat -c '%U %a' "$TLS/both.pem")" = "haproxy 600" ]
    expect 0 pgcert --json renew
    [ "$(json "['certificates'][0]['did']")" = "[]" ]
}

@test "where the primary refuses, the standby gets back what it had" {
    refuses "$PGDATA"
    expect 80 pgcert renew --force
    says "target main.: the new certificate was not served; the previous one was put back"
    says "target standby.: it took the new certificate, and got the previous one back, because .target main. refused"
    [ "$(served)" = "$first" ]
    [ "$(served localhost 5433)" = "$first" ]
    [ "$(beside)" = "$first" ]
    # who refused is asked first from now on, so that the others stay as they are
    before=$(stat -c %Z "$STANDBY/pgcert.pem")
    expect 80 pgcert renew
    not says "target standby.: it took"
    [ "$(stat -c %Z "$STANDBY/pgcert.pem")" = "$before" ]
    sed -i /protocol_version/d "$PGDATA/conf.d/pgcert.conf"
    expect 0 pgcert renew
    new=$(served)
    [ "$new" != "$first" ]
    [ "$(served localhost 5433)" = "$new" ]
    [ "$(beside)" = "$new" ]
    unharmed "$new"
}

@test "nobody goes back to a certificate that is revoked" {
    refuses "$PGDATA"
    expect 0 pgcert revoke "db.$ZONE"
    expect 80 pgcert renew
    [ "$(served)" = "$first" ]
    new=$(served localhost 5433)
    [ "$new" != "$first" ]
    [ "$(beside)" = "$new" ]
    sed -i /protocol_version/d "$PGDATA/conf.d/pgcert.conf"
    expect 0 pgcert renew
    [ "$(served)" = "$new" ]
}

@test "where the one beside cannot load it, both databases get back what they had" {
    # a server that is fixed to another file: it reads pgcert's, and serves its own
    self_signed "$TLS/other.pem"
    sed -i "s|crt $TLS/both.pem|crt $TLS/other.pem|" "$TLS/conf"
    # a file that is new does not keep the others from being put back
    printf '%s\n' "[target beside]" "der_file = $TLS/leaf.der" | conf_add
    expect 81 pgcert renew --force
    [ "$(served)" = "$first" ]
    [ "$(served localhost 5433)" = "$first" ]
    [ "$(leaf_sha256 "$TLS/both.pem")" = "$first" ]
    sed -i "s|crt $TLS/other.pem|crt $TLS/both.pem|" "$TLS/conf"
    expect 0 pgcert renew
    [ "$(beside)" = "$(served)" ]
    [ "$(served)" != "$first" ]
}

@test "a server that is down stops no other, and has it when it starts" {
    as_postgres "$(pg_bin)/pg_ctl" -D "$STANDBY" -m fast -w -s stop
    expect 75 pgcert renew --force
    says "target standby"
    new=$(served)
    [ "$new" != "$first" ]
    [ "$(beside)" = "$new" ]
    standby_run
    expect 0 pgcert renew
    [ "$(served localhost 5433)" = "$new" ]
}

@test "a process that is another, or none, gets no signal" {
    echo $$ >"$WORLD/other.pid"
    printf '%s\n' "[target beside]" "pid_file = $WORLD/other.pid" | conf_add
    expect 78 pgcert renew --force
    says "is 'bash' and not 'haproxy'"
    [ "$(leaf_sha256 "$TLS/both.pem")" = "$first" ]
    echo 4194300 >"$WORLD/other.pid"
    expect 75 pgcert renew
    says "does not run"
    echo rubbish >"$WORLD/other.pid"
    expect 78 pgcert renew
    says "has no process id in it"
    rm "$WORLD/other.pid"
    expect 75 pgcert renew
    says "writes its process id elsewhere: there is no '$WORLD/other.pid'"
}

# The master of HAProxy is root's.
@test "who can change the pid file, or the way to it, sends the signal by his own right" {
    install -d -o nobody "$WORLD/his"
    cp "$WORLD/haproxy.pid" "$WORLD/his/pid"
    printf '%s\n' "[target beside]" "pid_file = $WORLD/his/pid" | conf_add
    expect 77 pgcert renew --force
    says "send a signal to the process by the right of user $(id -u nobody)"
    ln -sf "$WORLD/haproxy.pid" "$WORLD/his/pid"
    expect 78 pgcert renew
    says "'$WORLD/his/pid' is a symbolic link"
    ln -s "$WORLD" "$WORLD/his/way"
    printf '%s\n' "[target beside]" "pid_file = $WORLD/his/way/haproxy.pid" | conf_add
    expect 77 pgcert renew
    says "somebody else can change '$WORLD/his'"
    [ "$(leaf_sha256 "$TLS/both.pem")" = "$first" ]
    printf '%s\n' "[target beside]" "pid_file = $WORLD/haproxy.pid" | conf_add
    expect 0 pgcert renew
}

@test "what cannot be proved is told as such" {
    printf '%s\n' "[target beside]" "prove =" | conf_add
    expect 0 pgcert renew --force
    await 5 "the reload" all_agree
    expect 0 pgcert status
    [[ $output == *"nothing can prove what it serves"* ]]
    expect 78 pgcert check beside
    says "target beside.: nobody can be asked what it serves; set prove"
    expect 0 pgcert --json status
    [ "$(json "['certificates'][0]['targets'][0]['proved_at']")" = null ]
    # and nothing is done again while its files are as they were
    expect 0 pgcert --json renew
    [ "$(json "['certificates'][0]['did']")" = "[]" ]
}

@test "a server gets its files in the forms that it wants" {
    install -d -o haproxy -g haproxy -m 700 "$TLS/forms"
    echo secret >"$WORLD/conf/password" && chmod 600 "$WORLD/conf/password"
    conf_add <<END
[target beside]
key_file = $TLS/forms/key.pem
cert_file = $TLS/forms/cert.pem
leaf_file = $TLS/forms/leaf.pem
chain_file = $TLS/forms/chain.pem
ca_file = $TLS/forms/root.pem
der_file = $TLS/forms/leaf.der
pkcs12_file = $TLS/forms/all.p12
pkcs12_password_file = $WORLD/conf/password
mode = 0640
END
    expect 0 pgcert renew --force
    cd "$TLS/forms"
    g=$(newest_generation)
    cmp key.pem "$g/key.pem"
    cmp cert.pem "$g/chain.pem"
    cat leaf.pem chain.pem | cmp - "$g/chain.pem"
    openssl verify -CAfile root.pem -untrusted chain.pem leaf.pem
    cmp <(openssl x509 -in leaf.pem -outform DER) leaf.der
    openssl pkcs12 -in all.p12 -passin pass:secret -nodes 2>/dev/null | openssl pkey | cmp - key.pem
    [ "$(stat -c %a key.pem all.p12 cert.pem "$TLS/both.pem" | paste -sd' ')" = "640 640 644 640" ]
    expect 0 pgcert --json renew
    [ "$(json "['certificates'][0]['did']")" = "[]" ]
    # a PKCS#12 is sealed anew each time, and still known as the same
    rm "$STATE/certificates/db.$ZONE/state.json"
    before=$(sha256sum all.p12)
    expect 0 pgcert deploy
    [ "$(sha256sum all.p12)" = "$before" ]
}
