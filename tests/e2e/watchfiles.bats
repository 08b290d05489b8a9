#!/usr/bin/env bats
# watch: files that another tool renews are taken over when both halves of the pair are there.
load world
load watch

LIVE=$WORLD/letsencrypt/live/db.$ZONE
ARCHIVE=$WORLD/letsencrypt/archive/db.$ZONE

setup_file()
{
    local ca=$WORLD/other
    mkdir -p "$ca"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=other root" \
        -keyout "$ca/root.key" -out "$ca/root.pem" -addext keyUsage=critical,keyCertSign 2>/dev/null
    pg_start
    hear_notifications
}

setup()
{
    rm -rf "$STATE" "$WORLD/letsencrypt"
    install -d -m 700 "$WORLD/letsencrypt" "$WORLD/letsencrypt/live" "$WORLD/letsencrypt/archive" "$LIVE" "$ARCHIVE"
    world_conf
    sed -i '/^\[issuer /,/^\[certificate/{/^\[certificate/!d}; s/^issuer = pebble/issuer = certbot/' "$CONF"
    conf_add <<END
[issuer certbot]
type = files
chain_file = $LIVE/fullchain.pem
key_file = $LIVE/privkey.pem
trust_file = $WORLD/other/root.pem
END
    pg_serves_pgcert
}

# A key and a chain as certbot writes them, the first time or the next: renewed NUMBER [DAYS [NAME]]
renewed()
{
    local dir=$ARCHIVE
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "${2:-90}" -subj "/CN=db.$ZONE" \
        -addext "subjectAltName=DNS:${3:-db.$ZONE}" -addext extendedKeyUsage=serverAuth \
        -addext basicConstraints=CA:FALSE -CA "$WORLD/other/root.pem" -CAkey "$WORLD/other/root.key" \
        -keyout "$dir/privkey$1.pem" -out "$dir/cert$1.pem" 2>/dev/null
    chmod 600 "$dir/privkey$1.pem"
    cp "$dir/cert$1.pem" "$dir/fullchain$1.pem"
    live "$1"
}

# Which of them the links lead to: live NUMBER [KEY-NUMBER]
live()
{
    ln -sfn "../../archive/db.$ZONE/fullchain$1.pem" "$LIVE/fullchain.pem"
    ln -sfn "../../archive/db.$ZONE/privkey${2:-$1}.pem" "$LIVE/privkey.pem"
}

# No complaint so far.
no_complaint()
{
    [ ! -s "$ERR" ]
}

@test "what another tool renews is taken over, deployed and proved" {
    renewed 1
    watch
    await 5 "the first" serves "$(leaf_sha256 "$LIVE/fullchain.pem")"
    renewed 2
    await 5 "the second" serves "$(leaf_sha256 "$LIVE/fullchain.pem")"
    at_rest
    no_complaint
    output=$(grep '"done"' "$OUT" | tail -n 1)
    [ "$(json "['certificate']['did']")" = "['renewed', 'deployed', 'proved']" ]
    watch_ends
}

@test "of a pair the other half is waited for; when it does not come, that is told once" {
    renewed 1
    watch
    await 5 "the first" serves "$(leaf_sha256 "$LIVE/fullchain.pem")"
    renewed 2
    live 2 1
    await 5 "the change" told 1 changed
    at_rest
    no_complaint
    live 2
    await 5 "the second" serves "$(leaf_sha256 "$LIVE/fullchain.pem")"
    no_complaint
    live 1 2
    await 10 "the complaint" grep -q "does not belong to the certificate" "$ERR"
    await 10 "another try" failed_again
    [ "$(wc -l <"$ERR")" = 1 ]
    renewed 3
    await 5 "the third" serves "$(leaf_sha256 "$LIVE/fullchain.pem")"
    watch_ends
}

@test "root's files, a state that is postgres's: what root takes over is deployed, and nothing older put back" {
    install -d -o postgres -g postgres -m 700 "$STATE"
    renewed 1
    watch
    await 5 "the first" serves "$(leaf_sha256 "$LIVE/fullchain.pem")"
    await 5 "the warning" grep -q "may not read its files.*renew as root" "$ERR"
    at_rest
    renewed 2
    expect 0 pgcert renew
    second=$(leaf_sha256 "$LIVE/fullchain.pem")
    [ "$(served)" = "$second" ]
    # it looks at all of that once more, with nothing but what is in the store
    rm "$PGDATA/pgcert.pem"
    await 5 "it is put back" serves_file "$PGDATA/pgcert.pem" "$second"
    at_rest
    run ! told 1 failed
    expect 0 pgcert --json status
    [ "$(json "['certificates'][0]['last_attempt']['error']")" = null ]
    watch_ends
}

# Is that certificate in the file? serves_file FILE SHA256
serves_file()
{
    [ -s "$1" ] && [ "$(leaf_sha256 "$1")" = "$2" ]
}

@test "what is remembered of one cannot be read: the others are watched" {
    renewed 1
    mkdir -p "$STATE/certificates/b.$ZONE"
    ln -s state.json "$STATE/certificates/b.$ZONE/state.json"
    conf_add <<<"[certificate b.$ZONE]"$'\n'"issuer = certbot"
    watch "1 of 2 certificates fail"
    await 5 "the first" serves "$(leaf_sha256 "$LIVE/fullchain.pem")"
    renewed 2
    await 5 "the second" serves "$(leaf_sha256 "$LIVE/fullchain.pem")"
    grep -q "b.$ZONE.*symbolic links" "$ERR"
    watch_ends
}
