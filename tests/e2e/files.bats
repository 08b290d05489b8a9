#!/usr/bin/env bats
# An issuer whose files another tool renews: taken over when they change, and never half.
load world
load files

setup_file()
{
    other_ca
    pg_start
}

# The number of generations in the store.
generations()
{
    find "$STATE/certificates/db.$ZONE" -maxdepth 1 -type d -name '[0-9]*' | wc -l
}

is_past()
{
    [ "$(date +%s)" -gt "$1" ]
}

@test "what another tool has renewed is taken over, deployed, proved; and once only" {
    renewed 1
    expect 0 pgcert --json renew
    [ "$(json "['certificates'][0]['did']")" = "['renewed', 'deployed', 'proved']" ]
    [ "$(json "['certificates'][0]['issuer_type']")" = files ]
    [ "$(json "['certificates'][0]['renew_reason']")" = files ]
    first=$(leaf_sha256 "$LIVE/fullchain.pem")
    [ "$(served)" = "$first" ]
    expect 0 pgcert --json renew
    [ "$(json "['certificates'][0]['did']")" = "[]" ]
    expect 0 pgcert renew --force
    [ "$(generations)" = 1 ]
    renewed 2
    expect 0 pgcert renew --dry-run
    [[ $output == *"would be taken over from the files of [issuer certbot]: its files have changed"* ]]
    expect 0 pgcert status
    [[ $output == *"certbot (files of another tool), generation 1"* ]]
    [[ $output == *"at the next run: its files have changed"* ]]
    expect 0 pgcert renew
    [ "$(served)" = "$(leaf_sha256 "$LIVE/fullchain.pem")" ]
    [ "$(generations)" = 2 ]
    unharmed "$(leaf_sha256 "$LIVE/fullchain.pem")"
}

@test "a certificate of the same key, an RSA key, a combined file: all are taken over" {
    renewed 1
    expect 0 pgcert renew
    # with text, the traditional form of the key, and both in one file
    openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj "/CN=db.$ZONE" -addext "subjectAltName=DNS:db.$ZONE" \
        -addext extendedKeyUsage=serverAuth -addext basicConstraints=CA:FALSE -CA "$WORLD/other/root.pem" \
        -CAkey "$WORLD/other/root.key" -keyout "$ARCHIVE/key.pem" -out "$ARCHIVE/crt.pem" 2>/dev/null
    (umask 077 && { openssl x509 -in "$ARCHIVE/crt.pem" -text && openssl rsa -in "$ARCHIVE/key.pem" -traditional; } \
        >"$ARCHIVE/both.pem" 2>/dev/null)
    printf '[issuer certbot]\nchain_file = %s\nkey_file = %s\n' "$ARCHIVE/both.pem" "$ARCHIVE/both.pem" | conf_add
    expect 0 pgcert renew
    [ "$(served)" = "$(leaf_sha256 "$ARCHIVE/crt.pem")" ]
    expect 0 pgcert --json renew
    [ "$(json "['certificates'][0]['did']")" = "[]" ]
}

@test "a pair that is written in two halves is left alone until it is whole" {
    renewed 1
    expect 0 pgcert renew
    old=$(served)
    renewed 2
    live 2 1
    expect 75 pgcert renew
    says "does not belong to the certificate in .*fullchain.pem"
    [ "$(generations)" = 1 ]
    unharmed "$old"
    expect 0 pgcert --json status
    [[ $(json "['certificates'][0]['last_attempt']['error']") == *"does not belong"* ]]
    live 1 # never mind, after all: then nothing is wrong any more
    expect 0 pgcert renew
    expect 0 pgcert --json status
    [ "$(json "['certificates'][0]['last_attempt']['error']")" = null ]
    live 2
    expect 0 pgcert renew
    [ "$(served)" = "$(leaf_sha256 "$LIVE/fullchain.pem")" ]
}

@test "files that are damaged, missing, encrypted, or for another name are refused, and it is said" {
    renewed 1
    expect 0 pgcert renew
    old=$(served)
    renewed 2
    cp "$ARCHIVE/fullchain2.pem" "$ARCHIVE/good.pem"
    head -c 300 "$ARCHIVE/good.pem" >"$ARCHIVE/fullchain2.pem"
    expect 65 pgcert renew
    says "\[issuer certbot\]: chain_file '.*fullchain.pem'"
    rm "$ARCHIVE/fullchain2.pem"
    expect 74 pgcert renew
    says "fullchain2.pem'.*No such file"
    mkfifo "$ARCHIVE/fullchain2.pem"
    expect 65 pgcert renew
    says "not a regular file"
    rm "$ARCHIVE/fullchain2.pem"
    head -c 300000 /dev/zero >"$ARCHIVE/fullchain2.pem"
    expect 65 pgcert renew
    says "larger than"
    cp "$ARCHIVE/good.pem" "$ARCHIVE/fullchain2.pem"
    openssl ec -in "$ARCHIVE/privkey2.pem" -aes256 -passout pass:secret -out "$ARCHIVE/privkey2.enc" 2>/dev/null
    mv "$ARCHIVE/privkey2.enc" "$ARCHIVE/privkey2.pem"
    expect 65 pgcert renew
    says "key_file '.*privkey.pem'.*encrypted"
    renewed 3 90 "other.$ZONE"
    expect 65 pgcert renew
    says "not acceptable.*db.$ZONE"
    [ "$(generations)" = 1 ]
    unharmed "$old"
}

@test "an older certificate is taken only by force; after a rollback the newest is not taken again" {
    renewed 1
    await 3 "another second, for notBefore counts those" is_past "$(stat -c %Y "$ARCHIVE/cert1.pem")"
    renewed 2
    expect 0 pgcert renew
    newer=$(served)
    live 1
    expect 65 pgcert renew
    says "older one than generation 1.*renew --force"
    [ "$(served)" = "$newer" ]
    expect 0 pgcert renew --force
    older=$(leaf_sha256 "$LIVE/fullchain.pem")
    [ "$(served)" = "$older" ]
    expect 0 pgcert rollback "db.$ZONE"
    [ "$(served)" = "$newer" ]
    expect 0 pgcert renew
    [ "$(served)" = "$newer" ]
    expect 0 pgcert renew --force
    [ "$(served)" = "$older" ]
    [ "$(generations)" = 2 ]
}

@test "another tool that is late is warned of, and what has ended is a failure" {
    renewed 1 30
    expect 0 pgcert renew
    expect 0 later +19d renew
    not says "nothing newer"
    expect 0 later +22d renew
    says "nothing newer came from \[issuer certbot\].*see to the tool that renews"
    expect 0 later +22d status
    [[ $output == *"renewal late"* ]]
    [[ $output == *"renews"*"by another tool, expected before"* ]]
    expect 65 later +31d renew
    says "ended at .*nothing newer came from"
}

@test "another tool's files stand in for an ACME server that cannot be reached" {
    renewed 1
    conf_add <<END
[issuer pebble]
directory = $DIRECTORY
agree_terms = yes
dns = world
fallback = certbot
[dns world]
provider = rfc2136
tsig_file = $WORLD/none
[certificate db.$ZONE]
issuer = pebble
END
    expect 0 pgcert renew
    says "\[issuer pebble\] fails, and \[issuer certbot\] is tried instead"
    [ "$(served)" = "$(leaf_sha256 "$LIVE/fullchain.pem")" ]
    expect 0 pgcert --json renew
    [ "$(json "['certificates'][0]['did']")" = "[]" ]
    [ "$(json "['certificates'][0]['issuer']")" = certbot ]
    [ "$(json "['certificates'][0]['issuer_type']")" = files ]
}

@test "root's key comes to a state that is postgres's, who renews and deploys without seeing the files" {
    renewed 1
    install -d -o postgres -g postgres -m 700 "$STATE"
    chown postgres: "$CONF" && chmod 755 "$WORLD/conf" "$WORLD/conf/conf.d" && chmod 644 "$WORLD/conf/conf.d"/*
    expect 77 as_postgres "$PGCERT" -c "$CONF" renew
    says "fullchain.pem.*Permission denied"
    expect 0 pgcert renew
    first=$(served)
    [ "$first" = "$(leaf_sha256 "$LIVE/fullchain.pem")" ]
    [ "$(stat -c %U "$(newest_generation)/key.pem")" = postgres ]
    renewed 2
    expect 0 as_postgres "$PGCERT" -c "$CONF" renew # who cannot know
    [ "$(served)" = "$first" ]
    expect 0 pgcert renew
    [ "$(served)" = "$(leaf_sha256 "$LIVE/fullchain.pem")" ]
    # what root could not take over is not forgotten by who cannot know
    renewed 3 90 "other.$ZONE"
    expect 65 pgcert renew
    expect 0 as_postgres "$PGCERT" -c "$CONF" renew
    expect 0 pgcert --json status
    [[ $(json "['certificates'][0]['last_attempt']['error']") == *"other.$ZONE"* ]]
    live 2
    expect 0 pgcert renew
    expect 0 pgcert --json status
    [ "$(json "['certificates'][0]['last_attempt']['error']")" = null ]
}

@test "root reads no key for somebody who could not read it himself" {
    renewed 1
    install -d -o postgres -g postgres -m 700 "$STATE"
    # his settings name the key only
    printf '[issuer certbot]\nkey_file = %s\n' "$LIVE/privkey.pem" >"$WORLD/conf/conf.d/70-his.conf"
    chown postgres: "$WORLD/conf/conf.d/70-his.conf"
    expect 77 pgcert renew
    says "as user [0-9]+.*70-his.conf.*Permission denied"
    rm "$WORLD/conf/conf.d/70-his.conf"
    # the way there is postgres's, who lets it lead to root's key
    install -d -o postgres -g postgres "$WORLD/theirs"
    as_postgres ln -s "$LIVE/fullchain.pem" "$LIVE/privkey.pem" "$WORLD/theirs/"
    printf '[issuer certbot]\nchain_file = %s\nkey_file = %s\n' "$WORLD/theirs/fullchain.pem" "$WORLD/theirs/privkey.pem" |
        conf_add
    expect 77 pgcert renew
    says "as user [0-9]+.*Permission denied"
    # everybody could change it
    install -d -m 777 "$WORLD/everybodys"
    cp "$ARCHIVE/fullchain1.pem" "$ARCHIVE/privkey1.pem" "$WORLD/everybodys"
    printf '[issuer certbot]\nchain_file = %s\nkey_file = %s\n' "$WORLD/everybodys/fullchain1.pem" "$WORLD/everybodys/privkey1.pem" |
        conf_add
    expect 77 pgcert renew
    says "others than root can change what is in .*try: chmod go-w"
    # his own files are read as he would
    install -o postgres -m 600 "$ARCHIVE/fullchain1.pem" "$ARCHIVE/privkey1.pem" "$WORLD/theirs"
    printf '[issuer certbot]\nchain_file = %s\nkey_file = %s\n' "$WORLD/theirs/fullchain1.pem" "$WORLD/theirs/privkey1.pem" |
        conf_add
    expect 0 pgcert renew
    [ "$(served)" = "$(leaf_sha256 "$ARCHIVE/fullchain1.pem")" ]
    # and so are files that are named by settings of his
    rm -rf "$STATE"
    install -d -o postgres -g postgres -m 700 "$STATE"
    printf '[issuer certbot]\nchain_file = %s\nkey_file = %s\n' "$LIVE/fullchain.pem" "$LIVE/privkey.pem" | conf_add
    chown -R postgres: "$WORLD/conf"
    expect 77 pgcert renew
    says "as user [0-9]+.*50-test.conf.*Permission denied"
}

@test "settings: both files are wanted, absolute, and nothing of other issuers" {
    local setting
    for setting in "chain_file =" "chain_file = x.pem" "key_file = credential:key" "directory = https://a/b"; do
        printf '[issuer certbot]\n%s\n' "$setting" | conf_add
        expect 78 pgcert config check
        sed -i '$d' "$WORLD/conf/conf.d/50-test.conf"
    done
    printf '[certificate db.%s]\naddresses = 127.0.0.1\nkey_type = ed25519\n' "$ZONE" | conf_add
    expect 0 pgcert config check
    expect 64 pgcert account show certbot
    says "files of another tool"
}
