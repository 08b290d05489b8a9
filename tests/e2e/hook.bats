#!/usr/bin/env bats
# Other ACME clients go on renewing, and call pgcert as their hook: the real certbot, lego, dehydrated
# and uacme, against Pebble. acme.sh is not in Debian: its contract is followed word by word.
# shellcheck disable=SC2030,SC2031 # each test has its own $old
load world

CLIENTS=$WORLD/clients
NAME=db.$ZONE

setup_file()
{
    world_start
    mkdir -p "$CLIENTS"
    # each client has its own way to be told of a CA; all of them trust the system's
    cat /etc/ssl/certs/ca-certificates.crt "$WORLD/pebble/https-ca.pem" >"$WORLD/etc/ca.crt"
    mount --bind "$WORLD/etc/ca.crt" "$(readlink -f /etc/ssl/certs/ca-certificates.crt)"
    script dns <<END
printf 'server 127.0.0.1\nupdate %s %s 60 TXT "%s"\nsend\n' "\$1" "\$2" "\$3" |
    sed '/^update delete/s/ 60 TXT/ TXT/' | nsupdate -k $WORLD/bind/pgcert-key.key
END
    script certbot-auth <<<"exec $CLIENTS/dns add _acme-challenge.\$CERTBOT_DOMAIN \$CERTBOT_VALIDATION"
    script certbot-cleanup <<<"exec $CLIENTS/dns delete _acme-challenge.\$CERTBOT_DOMAIN \$CERTBOT_VALIDATION"
    certbot certonly --manual --preferred-challenges dns --manual-auth-hook "$CLIENTS/certbot-auth" \
        --manual-cleanup-hook "$CLIENTS/certbot-cleanup" --agree-tos -m "dba@$ZONE" --no-eff-email \
        --key-type ecdsa -d "$NAME" >"$CLIENTS/log" 2>&1
}

# No certificate is pgcert's yet; the server serves another one by pgcert's file.
setup()
{
    rm -rf "$STATE"
    world_conf
    sed -i '/^\[issuer /,/^\[target/{/^\[target/!d}' "$CONF"
    pg_serves_pgcert
    old=$(served)
}

# A shell script from standard input: script NAME
script()
{
    { echo '#!/bin/sh' && cat; } >"$CLIENTS/$1"
    chmod 755 "$CLIENTS/$1"
}

# The real one, without the host's own files.
certbot()
{
    command certbot --non-interactive --server "$DIRECTORY" --config-dir "$CLIENTS/certbot" \
        --work-dir "$CLIENTS/work" --logs-dir "$CLIENTS/logs" "$@" 3>&- 4>&- </dev/null
}

# The issuer of the certificate has these files: follows CHAIN KEY
follows()
{
    conf_add <<END
[issuer other]
type = files
chain_file = $1
key_file = $2
trust_file = $WORLD/pebble/root.pem
[certificate $NAME]
issuer = other
deploy = main
END
}

# A session that must not end: hold; and: is_held
hold()
{
    rm -f "$WORLD"/held.{in,out} && mkfifo "$WORLD/held.in"
    psql "host=localhost user=postgres dbname=postgres sslmode=require" -XqAt <"$WORLD/held.in" \
        >"$WORLD/held.out" 2>&1 3>&- 4>&- &
    exec {feed}>"$WORLD/held.in"
    echo 'select pg_backend_pid();' >&"$feed"
    await 5 "a session" test -s "$WORLD/held.out"
}

is_held()
{
    [ "$(pg_sql "select ssl from pg_stat_ssl where pid = $(cat "$WORLD/held.out")")" = t ]
    exec {feed}>&-
}

# What is in the file is served, and was not before; and that is proved: is_new FILE
is_new()
{
    [ "$(served)" = "$(leaf_sha256 "$1")" ] && [ "$(served)" != "$old" ] || return
    expect 0 pgcert --json status
    [ "$(json "['certificates'][0]['targets'][0]['served_sha256']")" = "$(served)" ] &&
        [ "$(json "['certificates'][0]['targets'][0]['proved_at']")" != null ]
}

@test "certbot: sections to paste, a hook that setup writes, and each renewal is served" {
    lineage=$CLIENTS/certbot/live/$NAME
    # not known yet: it says what to add, and that is enough
    expect 78 pgcert hook certbot "$lineage"
    says "no certificate in the settings has the file '$lineage/fullchain.pem'; add the sections above"
    conf_add <<<"$output"
    conf_add <<<"[issuer certbot-$NAME]"$'\n'"trust_file = $WORLD/pebble/root.pem"
    expect 0 pgcert config check
    expect 0 pgcert renew
    is_new "$lineage/fullchain.pem"
    old=$(served)
    # the hook
    expect 0 pgcert setup --certbot-hook --certbot-directory "$CLIENTS/certbot" --yes
    hook=$CLIENTS/certbot/renewal-hooks/deploy/pgcert
    [ "$(stat -c '%U %a' "$hook")" = "root 755" ]
    before=$(stat -c '%i' "$hook")
    expect 0 pgcert setup --certbot-hook --certbot-directory "$CLIENTS/certbot"  --yes
    [ "$(stat -c '%i' "$hook")" = "$before" ]
    hold
    certbot renew --force-renewal --no-random-sleep-on-renew >>"$CLIENTS/log" 2>&1
    is_new "$lineage/fullchain.pem"
    is_held
    old=$(served)
    # the server does not take it: put back, told, and made up for by the next renew
    printf '%s\n' "ssl_min_protocol_version = 'TLSv1.3'" "ssl_max_protocol_version = 'TLSv1.2'" \
        >>"$PGDATA/conf.d/pgcert.conf"
    run certbot renew --force-renewal --no-random-sleep-on-renew
    [ "$status" -eq 0 ] # certbot hides it
    [[ $output == *"error code 80"* ]]
    [ "$(served)" = "$old" ]
    [ "$(leaf_sha256 "$PGDATA/pgcert.pem")" = "$old" ]
    expect 0 pgcert --json status
    [[ $(json "['certificates'][0]['targets'][0]['error']") == *"put back"* ]]
    sed -i '/protocol_version/d' "$PGDATA/conf.d/pgcert.conf"
    expect 0 pgcert renew
    is_new "$lineage/fullchain.pem"
}

@test "setup's hook: shown, asked for, nothing of others is overwritten, nowhere that others can change" {
    certbot=$WORLD/le
    rm -rf "$certbot"
    expect 78 pgcert setup --certbot-hook --certbot-directory "$certbot" --yes
    says "there is no '$certbot'.*--certbot-directory"
    mkdir "$certbot"
    expect 64 pgcert setup --certbot-hook --certbot-directory "$certbot"
    expect 0 pgcert setup --certbot-hook --certbot-directory "$certbot" --dry-run
    [[ $output == *"exec '$PGCERT' -c '$CONF' hook certbot"* ]]
    [ -z "$(ls "$certbot")" ]
    mkdir -p "$certbot/renewal-hooks/deploy"
    hook=$certbot/renewal-hooks/deploy/pgcert
    echo "systemctl restart postgresql" >"$hook"
    expect 78 pgcert setup --certbot-hook --certbot-directory "$certbot" --yes
    says "there already, and not of pgcert's making"
    [ "$(cat "$hook")" = "systemctl restart postgresql" ]
    ln -sf /bin/true "$hook"
    expect 78 pgcert setup --certbot-hook --certbot-directory "$certbot" --yes
    rm "$hook"
    rmdir "$certbot/renewal-hooks/deploy"
    chown postgres "$certbot/renewal-hooks"
    expect 77 pgcert setup --certbot-hook --certbot-directory "$certbot" --yes
    [ ! -e "$certbot/renewal-hooks/deploy" ]
    says "changed by others"
    chown root "$certbot/renewal-hooks"
    mkdir -m 777 "$certbot/renewal-hooks/deploy"
    chmod 777 "$certbot/renewal-hooks/deploy"
    expect 77 pgcert setup --certbot-hook --certbot-directory "$certbot" --yes
    chmod 755 "$certbot/renewal-hooks/deploy"
    # root would run what postgres can change
    install -d -o postgres "$WORLD/his" && cp "$PGCERT" "$WORLD/his/pgcert"
    expect 77 "$WORLD/his/pgcert" -c "$CONF" setup --certbot-hook --certbot-directory "$certbot" --yes
    says "can change '$WORLD/his'"
    [ ! -e "$hook" ]
    expect 0 pgcert setup --certbot-hook --certbot-directory "$certbot" --yes
    expect 64 pgcert setup
}

@test "lego: run and renew" {
    lego=(lego --path "$CLIENTS/lego" --accept-tos --email "dba@$ZONE" --server "$DIRECTORY" --key-type ec256
        --dns rfc2136 --dns.resolvers 127.0.0.1:53 --dns.disable-cp --domains "$NAME")
    export RFC2136_NAMESERVER=127.0.0.1:53 RFC2136_TSIG_ALGORITHM=hmac-sha256. RFC2136_TSIG_KEY=pgcert-key
    export RFC2136_POLLING_INTERVAL=0 RFC2136_SEQUENCE_INTERVAL=0
    RFC2136_TSIG_SECRET=$(sed -n 's/.*secret "\(.*\)".*/\1/p' "$WORLD/bind/pgcert-key.key")
    export RFC2136_TSIG_SECRET
    chain=$CLIENTS/lego/certificates/$NAME.crt
    follows "$chain" "${chain%.crt}.key"
    "${lego[@]}" run --run-hook "$PGCERT -c $CONF hook lego" >>"$CLIENTS/log" 2>&1 3>&- 4>&-
    is_new "$chain"
    old=$(served)
    hold
    "${lego[@]}" renew --days 100 --no-random-sleep --renew-hook "$PGCERT -c $CONF hook lego" \
        >>"$CLIENTS/log" 2>&1 3>&- 4>&-
    is_new "$chain"
    is_held
}

@test "dehydrated: issued, renewed, and what is unchanged is looked at again" {
    script dehydrated-hook <<END
case \$1 in
deploy_challenge) $CLIENTS/dns add "_acme-challenge.\$2" "\$4" ;;
clean_challenge) $CLIENTS/dns delete "_acme-challenge.\$2" "\$4" ;;
esac
exec $PGCERT -c $CONF hook dehydrated "\$@"
END
    mkdir -p "$CLIENTS/dehydrated"
    printf '%s\n' "CA=$DIRECTORY" "BASEDIR=$CLIENTS/dehydrated" CHALLENGETYPE=dns-01 "HOOK=$CLIENTS/dehydrated-hook" \
        KEY_ALGO=prime256v1 "CONTACT_EMAIL=dba@$ZONE" >"$CLIENTS/dehydrated/config"
    echo "$NAME" >"$CLIENTS/dehydrated/domains.txt"
    chain=$CLIENTS/dehydrated/certs/$NAME/fullchain.pem
    follows "$chain" "${chain%/*}/privkey.pem"
    dehydrated=(dehydrated -f "$CLIENTS/dehydrated/config")
    "${dehydrated[@]}" --register --accept-terms >>"$CLIENTS/log" 2>&1 3>&- 4>&-
    "${dehydrated[@]}" -c >>"$CLIENTS/log" 2>&1 3>&- 4>&-
    is_new "$chain"
    old=$(served)
    hold
    "${dehydrated[@]}" -c -x >>"$CLIENTS/log" 2>&1 3>&- 4>&-
    is_new "$chain"
    is_held
    # somebody has put something else there; unchanged_cert mends it
    rm -rf "$STATE"
    pg_serves_pgcert
    old=$(served)
    "${dehydrated[@]}" -c >>"$CLIENTS/log" 2>&1 3>&- 4>&-
    is_new "$chain"
}

@test "uacme: challenges are declined, and what it has renewed is taken over after it" {
    # shellcheck disable=SC2016 # the hook's words
    script uacme-hook <<END
"$PGCERT" hook uacme "\$@"
declined=\$?
[ "\$2" = dns-01 ] || exit \$declined
case \$1 in
begin) [ \$declined = 78 ] && exec $CLIENTS/dns add "_acme-challenge.\$3" "\$5" ;;
*) [ \$declined = 0 ] && exec $CLIENTS/dns delete "_acme-challenge.\$3" "\$5" ;;
esac
exit 1
END
    uacme=(uacme -a "$DIRECTORY" -c "$CLIENTS/uacme" -t EC -b 256 -o)
    chain=$CLIENTS/uacme/$NAME/cert.pem
    follows "$chain" "$CLIENTS/uacme/private/$NAME/key.pem"
    "${uacme[@]}" -y new "dba@$ZONE" >>"$CLIENTS/log" 2>&1
    "${uacme[@]}" -h "$CLIENTS/uacme-hook" issue "$NAME" >>"$CLIENTS/log" 2>&1
    expect 78 pgcert hook uacme # it is not in the usual place
    says "below '/etc/ssl/uacme'"
    expect 0 pgcert hook uacme "$CLIENTS/uacme"
    is_new "$chain"
    old=$(served)
    hold
    "${uacme[@]}" -f -h "$CLIENTS/uacme-hook" issue "$NAME" >>"$CLIENTS/log" 2>&1
    UACME_CONFDIR=$CLIENTS/uacme/ expect 0 pgcert hook uacme
    is_new "$chain"
    is_held
}

# What acme.sh does after it has installed a certificate, in its function _installcert():
# acme_sh COMMAND DIRECTORY
acme_sh()
{
    # shellcheck disable=SC2016 # in acme.sh
    reloadcmd=$1 DOMAIN_PATH=$2 sh -c 'export CERT_PATH="$DOMAIN_PATH/'"$NAME"'.cer"
export CERT_KEY_PATH="$DOMAIN_PATH/'"$NAME"'.key"
export CA_CERT_PATH="$DOMAIN_PATH/ca.cer"
export CERT_FULLCHAIN_PATH="$DOMAIN_PATH/fullchain.cer"
export Le_Domain='"$NAME"'
export Le_ForceNewDomainKey= Le_Next_Domain_Key=
cd "$DOMAIN_PATH" && eval "$reloadcmd"'
}

@test "acme.sh: reloadcmd, also with copies of its files, and a deploy function" {
    live=$CLIENTS/certbot/live/$NAME home=$CLIENTS/acme.sh/${NAME}_ecc
    rm -rf "$CLIENTS/acme.sh" && mkdir -p "$home"
    cp "$live/fullchain.pem" "$home/fullchain.cer"
    cp "$live/privkey.pem" "$home/$NAME.key"
    chmod 700 "$home"
    follows "$home/fullchain.cer" "$home/$NAME.key"
    expect 0 acme_sh "$PGCERT -c $CONF hook acme.sh" "$home"
    is_new "$home/fullchain.cer"
    # --install-cert has copied them to where the settings say
    rm -rf "$STATE" && pg_serves_pgcert
    old=$(served)
    install -m 600 -D "$home/fullchain.cer" "$CLIENTS/acme.sh/installed/chain.pem"
    install -m 600 -D "$home/$NAME.key" "$CLIENTS/acme.sh/installed/key.pem"
    follows "$CLIENTS/acme.sh/installed/chain.pem" "$CLIENTS/acme.sh/installed/key.pem"
    expect 0 acme_sh "$PGCERT -c $CONF hook acme.sh" "$home"
    is_new "$home/fullchain.cer"
    rm -rf "$STATE" && pg_serves_pgcert
    old=$(served)
    expect 0 pgcert hook acme.sh pgcert_deploy "$NAME" "$home/$NAME.key" "$home/$NAME.cer" "$home/ca.cer" \
        "$home/fullchain.cer" ""
    is_new "$home/fullchain.cer"
}

@test "a lean environment, closed descriptors and a directory that is gone do not matter" {
    live=$CLIENTS/certbot/live/$NAME
    follows "$live/fullchain.pem" "$live/privkey.pem"
    mkdir "$WORLD/gone"
    (cd "$WORLD/gone" && rmdir "$WORLD/gone" &&
        exec env -i RENEWED_LINEAGE="$live" RENEWED_DOMAINS="$NAME" "$PGCERT" -c "$CONF" hook certbot \
            <&- >&- 2>&- 3>&- 4>&-)
    is_new "$live/fullchain.pem"
    # what is said goes nowhere, not into the first file that is opened
    rm -rf "$STATE"
    RENEWED_LINEAGE=$live "$PGCERT" -c "$CONF" hook certbot >&- 3>&- 4>&-
    [ -e "$STATE/lock" ]
    [ ! -s "$STATE/lock" ]
}

@test "a server that is down, a run that is at work: the hook waits, and the next renew makes up for it" {
    live=$CLIENTS/certbot/live/$NAME
    follows "$live/fullchain.pem" "$live/privkey.pem"
    conf_add <<<$'[pgcert]\nlock_wait = 0s'
    mkdir -m 700 "$STATE"
    pg_stop
    flock "$STATE/lock" sleep 1 3>&- 4>&- &
    await 5 "the other run" not flock -n "$STATE/lock" true
    RENEWED_LINEAGE=$live expect 75 pgcert hook certbot
    [ "$(leaf_sha256 "$(newest_generation)/chain.pem")" = "$(leaf_sha256 "$live/fullchain.pem")" ]
    pg_start
    [ "$(served)" = "$old" ]
    expect 0 pgcert renew
    is_new "$live/fullchain.pem"
}

@test "what is not ours to answer succeeds or is refused as each contract wants it, and nothing is touched" {
    follows "$CLIENTS/none.pem" "$CLIENTS/none.key"
    expect 0 pgcert hook dehydrated this_hookscript_is_broken
    expect 0 pgcert hook dehydrated deploy_challenge "$NAME" -token- --value
    expect 0 pgcert hook dehydrated sync_cert a b c d e
    expect 0 pgcert hook dehydrated unchanged_cert web.test /a/key /a/cert /a/fullchain /a/chain
    expect 78 pgcert hook dehydrated deploy_cert web.test /a/key /a/cert /a/fullchain /a/chain 1
    expect 0 pgcert hook --only-ours dehydrated deploy_cert web.test /a/key /a/cert /a/fullchain /a/chain 1
    LEGO_HOOK_ACCOUNT_SERVER=x expect 0 pgcert hook lego
    expect 0 pgcert hook uacme "done" dns-01 "$NAME" token auth
    expect 78 pgcert hook uacme begin http-01 "$NAME" token auth
    says "answers no challenges"
    local client
    for client in certbot lego dehydrated acme.sh nginx; do
        expect 64 pgcert hook "$client"
    done
    expect 65 pgcert hook certbot relative/path
    says "absolute path"
    # what is shown to be pasted has no line that somebody else has written
    expect 78 pgcert hook certbot $'/tmp/x\n[pgcert]\nstate = '
    [ "$(grep -c pgcert <<<"$output")" = "$(grep -c '?\[pgcert\]?' <<<"$output")" ]
    [ ! -e "$STATE/certificates" ]
    [ "$(served)" = "$old" ]
}
