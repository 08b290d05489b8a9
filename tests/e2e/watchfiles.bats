#!/usr/bin/env bats
# watch: files that another tool renews are taken over when both halves of the pair are there.
load world
load watch
load files

setup_file()
{
    other_ca
    pg_start
    hear_notifications
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
    made 2
    live 2 1
    await 5 "the change" grep -q '"changed"' "$OUT"
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
