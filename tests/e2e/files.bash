# Files of a certificate that another tool renews, as certbot has them. Loaded after world.bash.
# shellcheck shell=bash

LIVE=$WORLD/letsencrypt/live/db.$ZONE
ARCHIVE=$WORLD/letsencrypt/archive/db.$ZONE

# The CA that signs them.
other_ca()
{
    local ca=$WORLD/other
    mkdir -p "$ca"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=other root" \
        -keyout "$ca/root.key" -out "$ca/root.pem" -addext keyUsage=critical,keyCertSign 2>/dev/null
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
    made "$@"
    live "$1"
}

# Before the links lead to them.
made()
{
    local dir=$ARCHIVE
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "${2:-90}" -subj "/CN=db.$ZONE" \
        -addext "subjectAltName=DNS:${3:-db.$ZONE}" -addext extendedKeyUsage=serverAuth \
        -addext basicConstraints=CA:FALSE -CA "$WORLD/other/root.pem" -CAkey "$WORLD/other/root.key" \
        -keyout "$dir/privkey$1.pem" -out "$dir/cert$1.pem" 2>/dev/null
    chmod 600 "$dir/privkey$1.pem"
    cp "$dir/cert$1.pem" "$dir/fullchain$1.pem"
}

# Which of them the links lead to: live NUMBER [KEY-NUMBER]
live()
{
    ln -sfn "../../archive/db.$ZONE/fullchain$1.pem" "$LIVE/fullchain.pem"
    ln -sfn "../../archive/db.$ZONE/privkey${2:-$1}.pem" "$LIVE/privkey.pem"
}
