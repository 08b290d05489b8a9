#!/usr/bin/env bats
# layout = pair: the two files that the server's settings name, changed as one.
load world

setup_file()
{
    world_start
    pg_serves_pgcert
    expect 0 pgcert renew
    cp -a "$STATE" "$WORLD/issued"
    rm "$WORLD/issued/certificates/db.$ZONE/state.json" # and nothing is known to be served
}

# The server has a pair of its own; one generation is issued.
setup()
{
    rm -rf "$STATE"
    cp -a "$WORLD/issued" "$STATE"
    world_conf
    conf_add <<END
[target main]
layout = pair
prove_timeout = 1s
END
    KEY=$PGDATA/server.key CERT=$PGDATA/server.crt
    names_pair
    issued=$(leaf_sha256 "$(newest_generation)/chain.pem")
    old=$(served)
}

# A self-signed pair, which the server serves.
names_pair()
{
    rm -f "$PGDATA"/pgcert.pem* "$KEY"* "$CERT"*
    make_pair
    printf '%s\n' "ssl = on" "ssl_cert_file = '$CERT'" "ssl_key_file = '$KEY'" \
        >"$PGDATA/conf.d/pgcert.conf"
    pg_sql "select pg_reload_conf()" >/dev/null
    await 5 "the pair" serves "$(leaf_sha256 "$CERT")"
}

make_pair()
{
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=old \
        -keyout "$KEY" -out "$CERT" 2>/dev/null
    chmod 600 "$KEY"
    [ "$(stat -c %U "$(dirname "$KEY")")" = root ] || chown postgres: "$KEY" "$CERT"
}

matches()
{
    cmp -s <(openssl pkey -in "$KEY" -pubout 2>/dev/null) \
        <(openssl x509 -in "$CERT" -noout -pubkey 2>/dev/null)
}

no_temporary_is_left()
{
    [ -z "$(find "$PGDATA" -maxdepth 1 -name '*.new-*')" ]
}

@test "both files are replaced, proved, and kept as they were" {
    expect 0 pgcert deploy
    [ "$(served)" = "$issued" ]
    cmp "$(newest_generation)/key.pem" "$KEY"
    cmp "$(newest_generation)/chain.pem" "$CERT"
    [ "$(stat -c '%U:%G %a' "$KEY" "$CERT" | paste -sd' ')" = "postgres:postgres 600 postgres:postgres 644" ]
    [ "$(leaf_sha256 "$CERT.previous")" = "$old" ]
    no_temporary_is_left
    unharmed "$issued"
    # nothing is asked again while both are as they were, and either of them tells
    expect 0 pgcert --json renew
    [ "$(json "['certificates'][0]['did']")" = "[]" ]
    echo "# somebody was here" >>"$CERT"
    expect 0 pgcert --json renew
    [ "$(json "['certificates'][0]['did']")" = "['deployed', 'proved']" ]
    cmp "$(newest_generation)/chain.pem" "$CERT"
}

@test "a reload that does not take puts both back" {
    printf '%s\n' "ssl_min_protocol_version = 'TLSv1.3'" "ssl_max_protocol_version = 'TLSv1.2'" \
        >>"$PGDATA/conf.d/pgcert.conf"
    expect 80 pgcert deploy
    says "put back"
    matches
    [ "$(leaf_sha256 "$CERT")" = "$old" ]
    no_temporary_is_left
    sed -i /protocol_version/d "$PGDATA/conf.d/pgcert.conf"
    unharmed "$old"
}

@test "killed at any rename, the next run ends with a pair that matches" {
    local between=0 n
    for n in 1 2 3 4 5; do
        names_pair
        rm -f "$STATE/certificates/db.$ZONE/state.json"
        # as the owner, so that it is this process which renames
        chown -R postgres: "$STATE" "$WORLD/conf"
        run as_postgres env ASAN_OPTIONS=detect_leaks=0 strace -f -o /dev/null -e trace=renameat \
            -e inject=renameat:signal=KILL:when=$n "$PGCERT" -c "$CONF" deploy
        matches || between=$((between + 1))
        expect 0 as_postgres "$PGCERT" -c "$CONF" deploy
        matches
        no_temporary_is_left
        [ "$(served)" = "$issued" ]
    done
    chown -R root: "$STATE" "$WORLD/conf"
    [ "$between" -ge 1 ] # one of them was between the two
    unharmed "$issued"
}

@test "what was interrupted between the two is finished, also where nothing new can be written" {
    local n
    chown -R postgres: "$STATE" "$WORLD/conf"
    for n in 1 2 3 4 5; do
        names_pair
        run as_postgres env ASAN_OPTIONS=detect_leaks=0 strace -f -o /dev/null -e trace=renameat \
            -e inject=renameat:signal=KILL:when=$n "$PGCERT" -c "$CONF" deploy
        matches || break
    done
    not matches
    expect 74 as_postgres env ASAN_OPTIONS=detect_leaks=0 strace -f -o /dev/null -e trace=fsync -e inject=fsync:error=ENOSPC \
        "$PGCERT" -c "$CONF" deploy
    chown -R root: "$STATE" "$WORLD/conf"
    matches
    no_temporary_is_left
    pg_restart
    [ "$(served)" = "$issued" ]
}

@test "a full disk leaves the pair as it was" {
    local n
    chown -R postgres: "$STATE" "$WORLD/conf"
    for n in 1 2; do # the key's temporary file, and the certificate's
        expect 74 as_postgres env ASAN_OPTIONS=detect_leaks=0 strace -f -o /dev/null -e trace=fsync \
            -e inject=fsync:error=ENOSPC:when=$n "$PGCERT" -c "$CONF" deploy
        matches
        [ "$(leaf_sha256 "$CERT")" = "$old" ]
        no_temporary_is_left
    done
    chown -R root: "$STATE" "$WORLD/conf"
    unharmed "$old"
}

@test "a file that cannot be renamed leaves the pair as it was" {
    mount --bind "$CERT" "$CERT"
    expect 74 pgcert deploy
    says "rename to 'server.crt'"
    umount "$CERT"
    matches
    [ "$(leaf_sha256 "$CERT")" = "$old" ]
    no_temporary_is_left
    unharmed "$old"
}

@test "in a directory of root's the server's group reads the key" {
    install -d -m 755 "$WORLD/tls"
    KEY=$WORLD/tls/k.pem CERT=$WORLD/tls/c.pem
    make_pair
    chgrp postgres "$KEY" && chmod 640 "$KEY"
    printf '%s\n' "ssl = on" "ssl_cert_file = '$CERT'" "ssl_key_file = '$KEY'" \
        >"$PGDATA/conf.d/pgcert.conf"
    pg_sql "select pg_reload_conf()" >/dev/null
    await 5 "the pair" serves "$(leaf_sha256 "$CERT")"
    # the server's user could name any file of root's there
    expect 77 pgcert deploy
    says "set 'cert_file' in the target"
    printf '%s\n' "[target main]" "cert_file = $CERT" "key_file = $KEY" | conf_add
    expect 0 pgcert deploy
    [ "$(served)" = "$issued" ]
    [ "$(stat -c '%U:%G %a' "$KEY" "$CERT" | paste -sd' ')" = "root:postgres 640 root:root 644" ]
    unharmed "$issued"
}

@test "settings that name no pair are told" {
    pg_serves_pgcert
    expect 78 pgcert deploy
    says "both name '.*pgcert.pem'.*layout = combined"
    printf '%s\n' "ssl = on" "ssl_cert_file = '/etc/ssl/certs/ssl-cert-snakeoil.pem'" \
        "ssl_key_file = '/etc/ssl/private/ssl-cert-snakeoil.key'" >"$PGDATA/conf.d/pgcert.conf"
    pg_sql "select pg_reload_conf()" >/dev/null
    expect 78 pgcert deploy
    says "snakeoil.*which other services use"
    names_pair
    echo "[target main]
file = x.pem" | conf_add
    expect 78 pgcert deploy
    says "file is for layout = combined"
}

@test "setup turns TLS on with the pair that is named" {
    rm -f "$PGDATA/conf.d/pgcert.conf" "$KEY" "$CERT"
    pg_restart
    [ -z "$(served)" ]
    # a key that waits for its certificate is somebody's
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$KEY" 2>/dev/null
    chown postgres: "$KEY"
    waiting=$(cat "$KEY")
    expect 0 pgcert setup "db.$ZONE" --yes
    [ "$(served)" = "$issued" ]
    [ "$(cat "$KEY.previous")" = "$waiting" ]
    cmp "$(newest_generation)/key.pem" "$KEY"
    unharmed "$issued"
}

@test "a key that only the server can open is kept and put back" {
    openssl pkey -in "$KEY" -aes128 -passout pass:open -out "$KEY.enc" 2>/dev/null
    cat "$KEY.enc" >"$KEY" && rm "$KEY.enc"
    printf '%s\n' "ssl_passphrase_command = 'echo open'" "ssl_passphrase_command_supports_reload = on" \
        >>"$PGDATA/conf.d/pgcert.conf"
    pg_restart
    [ "$(served)" = "$old" ]
    printf '%s\n' "ssl_min_protocol_version = 'TLSv1.3'" "ssl_max_protocol_version = 'TLSv1.2'" \
        >>"$PGDATA/conf.d/pgcert.conf"
    expect 80 pgcert deploy
    grep -q ENCRYPTED "$KEY"
    sed -i /protocol_version/d "$PGDATA/conf.d/pgcert.conf"
    unharmed "$old"
    expect 0 pgcert deploy
    grep -q ENCRYPTED "$KEY.previous"
    unharmed "$issued"
}
