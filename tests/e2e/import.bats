#!/usr/bin/env bats
# import: what certbot, lego, dehydrated and uacme have got from a real server becomes pgcert's.
# acme.sh is no package; its files are written as its own functions write them.
load ../e2e/world

setup_file()
{
    world_start
    secret=$(sed -n 's/.*secret "\(.*\)".*/\1/p' "$WORLD/bind/pgcert-key.key")
    https=$WORLD/pebble/https-ca.pem
    export secret https
    # uacme asks the system alone whom to trust
    mount --bind "$https" /etc/ssl/certs/ca-certificates.crt
    write_hook
    # each waits for the server most of the time
    for client in certbot lego dehydrated uacme; do
        "run_$client" >"$WORLD/$client.log" 2>&1 3>&- 4>&- &
        clients+=($!)
    done
    for client in "${clients[@]}"; do
        wait "$client" || { tail "$WORLD"/*.log; return 1; }
    done
    cp -a "$WORLD/certbot" "$WORLD/kept"
}

# Publishes for dehydrated (EVENT DOMAIN TOKEN VALUE) and for uacme (EVENT TYPE DOMAIN TOKEN VALUE).
write_hook()
{
    cat >"$WORLD/hook" <<END
#!/bin/sh
case \$1 in
deploy_challenge | clean_challenge) name=\$2 value=\$4 ;;
begin | done | failed) [ "\$2" = dns-01 ] || exit 1; name=\$3 value=\$5 ;;
*) exit 0 ;;
esac
case \$1 in deploy_challenge | begin) what=add ;; *) what=delete ;; esac
printf 'server 127.0.0.1\nupdate %s _acme-challenge.%s. 1 TXT "%s"\nsend\n' "\$what" "\$name" "\$value" |
    nsupdate -k $WORLD/bind/pgcert-key.key
END
    chmod 755 "$WORLD/hook"
}

run_certbot()
{
    (umask 077 && printf 'dns_rfc2136_%s\n' "server = 127.0.0.1" "name = pgcert-key." "secret = $secret" \
        "algorithm = HMAC-SHA256" >"$WORLD/credentials.ini")
    for name in a b; do
        REQUESTS_CA_BUNDLE=$https certbot certonly -n --dns-rfc2136 --dns-rfc2136-propagation-seconds 0 \
            --dns-rfc2136-credentials "$WORLD/credentials.ini" --key-type ecdsa --elliptic-curve secp256r1 \
            --server "$DIRECTORY" --agree-tos -m "dba@$ZONE" --no-eff-email --config-dir "$WORLD/certbot" \
            --work-dir "$WORLD/certbot.work" --logs-dir "$WORLD/certbot.log.d" --max-log-backups 0 \
            -d "$name.$ZONE" -d "*.$name.$ZONE" || return
    done
}

run_lego()
{
    LEGO_CA_CERTIFICATES=$https RFC2136_NAMESERVER=127.0.0.1:53 RFC2136_TSIG_ALGORITHM=hmac-sha256. \
        RFC2136_TSIG_KEY=pgcert-key RFC2136_TSIG_SECRET=$secret RFC2136_POLLING_INTERVAL=0 \
        RFC2136_SEQUENCE_INTERVAL=0 RFC2136_TTL=1 lego --path "$WORLD/lego/.lego" --accept-tos \
        --email "dba@$ZONE" --server "$DIRECTORY" --key-type ec384 --dns rfc2136 --dns.disable-cp \
        --dns.resolvers 127.0.0.1:53 --domains "*.lego.$ZONE" run
}

run_dehydrated()
{
    mkdir -p "$WORLD/dehydrated/conf.d"
    cat >"$WORLD/dehydrated/config" <<END
# as /etc/dehydrated/config
CONFIG_D=$WORLD/dehydrated/conf.d
BASEDIR=$WORLD/dehydrated.data
DOMAINS_TXT="$WORLD/dehydrated/domains.txt"
END
    cat >"$WORLD/dehydrated/conf.d/ours.sh" <<END
CA="$DIRECTORY"   # our own
export HOOK='$WORLD/'"hook"
CHALLENGETYPE="dns-01"
CONTACT_EMAIL=dba@$ZONE
KEY_ALGO=rsa
KEYSIZE=2048
RENEW_DAYS="20"
CURL_OPTS="--cacert $https"
END
    mkdir "$WORLD/dehydrated.data"
    echo "deh.$ZONE *.deh.$ZONE > deh" >"$WORLD/dehydrated/domains.txt"
    dehydrated -f "$WORLD/dehydrated/config" --register --accept-terms &&
        dehydrated -f "$WORLD/dehydrated/config" -c
}

run_uacme()
{
    uacme -a "$DIRECTORY" -c "$WORLD/uacme" -y new "dba@$ZONE" &&
        uacme -a "$DIRECTORY" -c "$WORLD/uacme" -h "$WORLD/hook" -t EC issue "uacme.$ZONE"
}

# Settings without a certificate.
setup()
{
    fresh
    sed -i '/^\[certificate/,/^$/d' "$CONF"
}

# The path of the account at the server, of an issuer of ours: account ISSUER
account()
{
    expect 0 pgcert --json account show "$1"
    json "['url']"
}

# Everything that was made, but when: state
state()
{
    (cd "$WORLD" && find state conf -type f ! -name session.json -exec sha256sum {} + | sort)
}

# Is that certificate ours, not due, and what is served and renewed? is_ours NAME FILE ACCOUNT
is_ours()
{
    expect 0 pgcert config check
    expect 0 pgcert renew --dry-run
    not grep -q "would be obtained" <<<"$output"
    expect 0 pgcert --json status "$1"
    [ "$(json "['certificates'][0]['issued']['sha256']")" = "$(leaf_sha256 "$2")" ]
    issuer=$(json "['certificates'][0]['issuer']")
    [ "$(account "$issuer")" = "$3" ]
    pg_serves_pgcert
    expect 0 pgcert deploy "$1"
    serves "$(leaf_sha256 "$2")"
    mark=$(pebble_mark)
    expect 0 pgcert renew --force "$1"
    [ -z "$stderr" ]
    not serves "$(leaf_sha256 "$2")"
    serves "$(leaf_sha256 "$(newest_generation "${1/\*/_}")/chain.pem")"
    [ "$(requests "$mark" sign-me-up)" = 0 ]
    [ "$(account "$issuer")" = "$3" ]
}

@test "certbot: settings, account and certificates, and nothing is issued" {
    url=$(sed 's/.*"uri": "\([^"]*\)".*/\1/' "$WORLD"/certbot/accounts/*/dir/*/regr.json)
    expect 0 pgcert import certbot "$WORLD/certbot" --dry-run
    [[ $output == *"[certificate a.$ZONE]"*"[certificate b.$ZONE]"* ]]
    [ ! -e "$STATE" ]
    [ -z "$(ls "$WORLD/conf/conf.d")" ]
    told=$(sed -n '/^\[certificate a/,/^$/p' <<<"$output")
    mark=$(pebble_mark)
    expect 0 pgcert import certbot "$WORLD/certbot"
    [ -z "$stderr" ]
    [ "$(requests "$mark" order-plz)" = 0 ]
    [[ $output == *"[issuer localhost]: the account $url"* ]]
    [[ $output == *"read elsewhere: $WORLD/credentials.ini"* ]]
    # Debian's package starts it by a timer
    [[ $output == *"end that by:"*"systemctl disable --now certbot.timer" ]]
    not grep -qF "$secret" <<<"$output"
    [ "$(grep -c '^\[dns\|^\[issuer' "$WORLD/conf/conf.d/"*)" = "$WORLD/conf/conf.d/a.$ZONE.conf:2
$WORLD/conf/conf.d/b.$ZONE.conf:0" ]
    grep -qF "$told" "$WORLD/conf/conf.d/a.$ZONE.conf"
    [ "$(stat -c %a "$STATE"/imported/*)" = 600 ]
    # the key for the name server is the same, in another dress
    grep -qF "$secret" "$STATE"/imported/*
    before=$(state)
    expect 0 pgcert import certbot "$WORLD/certbot"
    [ "$(state)" = "$before" ]
    expect 0 pgcert --json import certbot "$WORLD/certbot"
    [ "$(json "['certificates'][1]['did']")" = "[]" ]
    [ "$(json "['accounts'][0]['url']")" = "$url" ]
    conf_add <<<"[certificate a.$ZONE]"$'\ndeploy = main'
    is_ours "a.$ZONE" "$WORLD/certbot/live/a.$ZONE/cert.pem" "$url"
}

@test "lego: the account and the certificate; who proves is said by us" {
    url=$(sed -n 's/.*"uri": "\([^"]*\)".*/\1/p' "$WORLD"/lego/.lego/accounts/*/*/account.json)
    expect 0 pgcert import lego "$WORLD/lego" --dns world --deploy main
    [[ $output == *"grep -rlw lego"* ]]
    [ "$(stat -c %a "$WORLD/conf/conf.d/wildcard.lego.$ZONE.conf")" = 644 ]
    grep -q '^key_type = ecdsa-p384' "$WORLD/conf/conf.d/wildcard.lego.$ZONE.conf"
    # the issuer that is there for that server and that dns is used as it is
    not grep -q '^\[issuer' "$WORLD/conf/conf.d/wildcard.lego.$ZONE.conf"
    is_ours "*.lego.$ZONE" "$WORLD/lego/.lego/certificates/_.lego.$ZONE.crt" "$url"

    # the server is known by an issuer of ours alone
    setup
    sed -i '/^\[issuer/,/^$/d' "$CONF"
    expect 64 pgcert import lego "$WORLD/lego" --dns world
    says "lego does not keep the URL of the directory at 'localhost_14000'; add: --server"
    [ ! -e "$STATE" ]
    expect 65 pgcert import lego "$WORLD/lego" --dns world --server "$DIRECTORY" --dry-run
    says "its root is not trusted"
    grep -qx "contact = mailto:dba@$ZONE" <<<"$output"
}

@test "dehydrated: its script of settings is read and not run, its hook goes on publishing" {
    url=$(sed 's/.*"url":"\([^"]*\)".*/\1/' "$WORLD"/dehydrated.data/accounts/*/account_id.json)
    # shellcheck disable=SC2016 # for a shell that must not come
    printf '%s\n' 'X=$(touch '"$WORLD/ran"')' "touch $WORLD/ran" 'Y=`touch '"$WORLD/ran"'`' \
        >"$WORLD/dehydrated/conf.d/more.sh"
    expect 0 pgcert import dehydrated "$WORLD/dehydrated" --deploy main
    rm "$WORLD/dehydrated/conf.d/more.sh"
    [ ! -e "$WORLD/ran" ]
    [[ $output == *"more than an assignment, and it is not run"* ]]
    [[ $output == *"read elsewhere: $WORLD/dehydrated.data/certs"* ]]
    for line in "provider = exec" "program = $WORLD/hook" "contract = dehydrated" "renew_before = 20d" \
        "key_type = rsa-2048" "names = deh.$ZONE \*.deh.$ZONE" "contact = mailto:dba@$ZONE"; do
        grep -qx "$line" "$WORLD/conf/conf.d/deh.conf"
    done
    is_ours deh "$WORLD/dehydrated.data/certs/deh/cert.pem" "$url"
}

@test "uacme: the account and the certificate, of the server that is said" {
    expect 0 pgcert import uacme "$WORLD/uacme" --server "$DIRECTORY" --deploy main
    # uacme keeps the URL of its account nowhere: the server tells by the key
    url=$(account pebble)
    cmp <(openssl pkey -in "$WORLD/uacme/private/key.pem" -pubout) \
        <(openssl pkey -in "$STATE/accounts/pebble/account.key" -pubout)
    is_ours "uacme.$ZONE" "$WORLD/uacme/uacme.$ZONE/cert.pem" "$url"
}

# What acme.sh would have: acmesh_home DIRECTORY SCRIPT. The account and the certificate are lego's.
acmesh_home()
{
    local lego=$WORLD/lego/.lego name="*.lego.$ZONE" wrapped
    local dir="$1/${name}_ecc"
    mkdir -p "$dir" "$1/ca/localhost/dir" "$1/dnsapi"
    cp "$lego"/accounts/*/*/keys/*.key "$1/ca/localhost/dir/account.key"
    printf "%s\n" "ACCOUNT_URL='https://localhost/1'" "CA_EMAIL='dba@$ZONE'" >"$1/ca/localhost/dir/ca.conf"
    cp "$lego/certificates/_.lego.$ZONE.crt" "$dir/fullchain.cer"
    cp "$lego/certificates/_.lego.$ZONE.key" "$dir/$name.key"
    wrapped="__ACME_BASE64__START_$(printf 'systemctl reload "x"' | base64 -w 0)__ACME_BASE64__END_"
    printf "%s\n" "LOG_FILE=\"$1/acme.sh.log\"" "SAVED_NSUPDATE_SERVER='127.0.0.1'" \
        "SAVED_NSUPDATE_KEY='$WORLD/bind/pgcert-key.key'" "SAVED_TRY_Key='a;b'" "USER_PATH='/usr/bin'" >"$1/account.conf"
    printf "%s\n" "Le_Domain='$name'" "Le_Alt='no'" "Le_Webroot='$2'" "Le_PreHook=''" "Le_PostHook=''" \
        "Le_RenewHook=''" "Le_API='$DIRECTORY'" "Le_Keylength='ec-384'" "Le_ReloadCmd='$wrapped'" \
        "Le_ChallengeAlias='alias.$ZONE,'" >"$dir/$name.conf"
}

@test "acme.sh: settings, account and certificate" {
    acmesh_home "$WORLD/acmesh" dns_nsupdate
    sed -i '/ChallengeAlias/d' "$WORLD/acmesh/"*_ecc/*.conf
    url=$(sed -n 's/.*"uri": "\([^"]*\)".*/\1/p' "$WORLD"/lego/.lego/accounts/*/*/account.json)
    expect 0 pgcert import acme.sh "$WORLD/acmesh" --deploy main
    [[ $output == *"not taken over: Le_ReloadCmd of *.lego.$ZONE.conf: a server is told"* ]]
    [[ $output == *"'$WORLD/acmesh/acme.sh' --home '$WORLD/acmesh' --uninstall-cronjob"* ]]
    grep -qx "server = 127.0.0.1:53" "$WORLD/conf/conf.d/wildcard.lego.$ZONE.conf"
    cmp "$STATE"/imported/* "$WORLD/bind/pgcert-key.key"
    is_ours "*.lego.$ZONE" "$WORLD/lego/.lego/certificates/_.lego.$ZONE.crt" "$url"

    # a script without a provider of ours is run by one, with what was saved for it and no more
    setup
    acmesh_home "$WORLD/acmesh" dns_try
    expect 0 pgcert import acme.sh "$WORLD/acmesh"
    for line in "provider = acme.sh" "home = $WORLD/acmesh" "script = dns_try" \
        "alias = _acme-challenge.alias.$ZONE"; do
        grep -qx "$line" "$WORLD/conf/conf.d/wildcard.lego.$ZONE.conf"
    done
    [ "$(sort "$STATE"/imported/*)" = "NSUPDATE_KEY=$WORLD/bind/pgcert-key.key
NSUPDATE_SERVER=127.0.0.1
TRY_Key=a;b" ]
    expect 0 pgcert config check
}

@test "what cannot be taken over is said in a sentence, and the rest goes on" {
    cp -a "$WORLD/kept" "$WORLD/broken"
    cd "$WORLD/broken"
    # proved by another way, and nobody in sight who would do it by DNS
    sed -i 's/^authenticator = .*/authenticator = nginx\ninstaller = nginx/' "renewal/a.$ZONE.conf"
    conf_add <<<$'[dns another]\nprovider = none'
    sed -i '/^\[issuer/,/^$/d' "$CONF"
    expect 78 pgcert import certbot "$WORLD/broken"
    says "a.$ZONE: how its names are proved cannot be taken over: its authenticator is 'nginx'.*--dns NAME"
    [ "$(ls "$WORLD/conf/conf.d")" = $'50-test.conf\n'"b.$ZONE.conf" ]
    # then certbot goes on with what is still its own
    [[ $output == *"mv '$WORLD/broken/renewal/b.$ZONE.conf' '$WORLD/broken/renewal/b.$ZONE.conf.off'"* ]]
    [[ $output != *"certbot.timer"* ]]

    setup
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 >"archive/a.$ZONE/privkey1.pem" 2>/dev/null
    expect 65 pgcert import certbot "$WORLD/broken" --dns world --only "a.$ZONE"
    says "a.$ZONE: key and certificate are not taken over: .*key"
    [[ $output == *"not taken over: installer of renewal/a.$ZONE.conf"* ]]
    [ -e "$WORLD/conf/conf.d/a.$ZONE.conf" ]
    [ -z "$(newest_generation "a.$ZONE")" ]
    expect 0 pgcert renew --dry-run
    grep -q "would be obtained.*there is none yet" <<<"$output"

    # one that has ended; its settings and the account are good for another
    setup
    expect 65 later +100d import certbot "$WORLD/kept" --only "b.$ZONE" --dry-run
    says "b.$ZONE: key and certificate are not taken over: .*(expired|ended|not valid)"

    # damaged in other ways
    for damage in ":archive/b.$ZONE/fullchain1.pem:65:b.$ZONE: .*(truncated|no certificate|PEM)" \
        "x:renewal/b.$ZONE.conf:78:renewal/b.$ZONE.conf:1: 'x' is not a setting" \
        "[renewalparams]:renewal/b.$ZONE.conf:65:does not say by an https URL" \
        "{}:accounts/localhost:65:JSON Web Key"; do
        IFS=: read -r text file wanted sentence <<<"$damage"
        setup
        rm -rf "$WORLD/broken" && cp -a "$WORLD/kept" "$WORLD/broken"
        [ -f "$WORLD/broken/$file" ] || file=$(cd "$WORLD/broken" && echo accounts/*/dir/*/private_key.json)
        echo "$text" >"$WORLD/broken/$file"
        expect "$wanted" pgcert import certbot "$WORLD/broken" --dns world --only "b.$ZONE"
        says "$sentence"
    done
    cd "$WORLD"
}

@test "no line of a client's file becomes a line of the settings, and no path leads elsewhere" {
    cp -a "$WORLD/lego" "$WORLD/evil"
    about=$(echo "$WORLD"/evil/.lego/accounts/*/*/account.json)
    sed -i 's/"mailto:[^"]*"/"x\\n[target evil]\\ntype = postgres"/' "$about"
    expect 64 pgcert import lego "$WORLD/evil" --server "$DIRECTORY" --dns another
    says "there is no section \[dns another\]"
    sed -i '/^\[issuer/,/^$/d' "$CONF"
    expect 65 pgcert import lego "$WORLD/evil" --server "$DIRECTORY" --dns world
    says "cannot be the setting contact"
    [ -z "$(ls "$WORLD/conf/conf.d")" ]
    [ ! -e "$STATE" ]

    rm -rf "$WORLD/evil" && cp -a "$WORLD/kept" "$WORLD/evil"
    sed -i "s|^account = .*|account = ../../../../x|" "$WORLD/evil/renewal/b.$ZONE.conf"
    mv "$WORLD/evil/renewal/a.$ZONE.conf" "$WORLD/evil/renewal/-a.conf"
    expect 65 pgcert import certbot "$WORLD/evil" --dns world
    says "its root is not trusted"
    [[ $output == *"-a.conf': that is no name of a certificate"* ]]
    [[ $output == *"its account: renewal/b.$ZONE.conf does not name one"* ]]
    [ ! -e "$STATE/accounts" ]

    # who wrote it may not read what he names
    setup
    chown -R postgres: "$WORLD/evil"
    expect 77 pgcert import certbot "$WORLD/evil"
    says "leads to '$WORLD/credentials.ini', and belongs to another user"
    [ ! -e "$STATE" ]
}

@test "what is there is not touched" {
    echo "# mine" >"$WORLD/conf/conf.d/b.$ZONE.conf"
    expect 78 pgcert import certbot "$WORLD/certbot" --only "b.$ZONE"
    says "b.$ZONE: '$WORLD/conf/conf.d/b.$ZONE.conf' is there already, and is not touched"
    [ "$(cat "$WORLD/conf/conf.d/b.$ZONE.conf")" = "# mine" ]
    [ ! -e "$STATE" ]

    # an account of our own
    rm "$WORLD/conf/conf.d/b.$ZONE.conf"
    expect 0 pgcert account register pebble
    before=$(account pebble)
    expect 65 pgcert import certbot "$WORLD/certbot" --only "b.$ZONE" --dns world
    says "\[issuer pebble\] the account in .*: there is another account here already"
    [ "$(account pebble)" = "$before" ]
    [ -n "$(newest_generation "b.$ZONE")" ]
    expect 0 pgcert import certbot "$WORLD/certbot" --only "b.$ZONE" --dns world --force
    [ "$(account pebble)" != "$before" ]

    # a certificate of the settings that is another server's
    setup
    conf_add <<<"[certificate b.$ZONE]"$'\nissuer = far\n[issuer far]\ndirectory = https://far.test/\ndns = world'
    expect 78 pgcert import certbot "$WORLD/certbot" --only "b.$ZONE"
    says "have a \[certificate b.$ZONE\] already, of \[issuer far\]"
}

@test "settings that are not there are made; the state directory is another user's" {
    rm -rf "$WORLD/new" "$STATE"
    mkdir -m 755 "$WORLD/new" "$WORLD/new/conf.d"
    printf '[pgcert]\nstate = %s\n' "$STATE" >"$WORLD/new/conf.d/state.conf"
    install -d -o postgres -g postgres -m 700 "$STATE"
    sed -n '/^\[issuer/,/^$/p; /^\[dns/,/^$/p' "$CONF" >>"$WORLD/new/conf.d/state.conf"
    expect 0 timeout 60 "$PGCERT" -c "$WORLD/new/pgcert.conf" import certbot "$WORLD/certbot" 3>&- 4>&-
    [ "$(stat -c '%U %a' "$WORLD/new/pgcert.conf")" = "root 644" ]
    [ "$(stat -c %U "$WORLD/new/conf.d/b.$ZONE.conf")" = root ]
    [ "$(find "$STATE" ! -user postgres)" = "" ]
    [ "$(find "$STATE" -name key.pem -o -name account.key -o -path '*/imported/*' | wc -l)" = 4 ]
    [ "$(find "$STATE" -type f -perm /077)" = "" ]
}

@test "while another run goes on nothing is active, or it is said what is missing" {
    conf_add <<<$'[pgcert]\nlock_wait = 0s'
    install -d -m 700 "$STATE"
    exec 8>"$STATE/lock"
    flock 8
    expect 75 pgcert import certbot "$WORLD/certbot" --only "b.$ZONE"
    says "another run of pgcert holds"
    [ ! -e "$WORLD/conf/conf.d/b.$ZONE.conf" ]
    # another user's state directory is only for him, who could not write the settings
    chown -R postgres: "$STATE"
    expect 75 pgcert import certbot "$WORLD/certbot" --only "b.$ZONE"
    says "the settings are written, .*the same import again does what is missing: another run of pgcert holds"
    [[ $output == *"b.$ZONE.conf"* ]]
    [ -e "$WORLD/conf/conf.d/b.$ZONE.conf" ]
    exec 8>&-
    expect 0 pgcert import certbot "$WORLD/certbot" --only "b.$ZONE"
    [ -n "$(newest_generation "b.$ZONE")" ]
}

@test "words that are none, and places where nothing is" {
    expect 64 pgcert import certbt
    says "no client 'certbt' is known; did you mean 'certbot'"
    expect 64 pgcert import wget
    says "there are: acme.sh certbot dehydrated lego uacme"
    expect 65 pgcert import certbot "$WORLD/nowhere"
    says "there is no directory '$WORLD/nowhere'"
    for client in certbot lego acme.sh dehydrated uacme; do
        expect 65 pgcert import "$client" "$WORLD/pebble"
        says "there is no certificate of $client"
    done
    expect 64 pgcert import certbot "$WORLD/certbot" --only nobody
    says "no certificate of that name"
    expect 64 pgcert import certbot "$WORLD/certbot" --deploy main
    says "a target serves one certificate, and there are 2; say which: --only NAME"
    expect 64 pgcert import certbot "$WORLD/certbot" --deploy nobody
    says "there is no section \[target nobody\]"
    expect 64 pgcert import uacme "$WORLD/uacme" --server http://x
    says "must begin with https"
    [ ! -e "$STATE" ]
}

@test "without a server, or without an account there, the rest is taken over" {
    pebble_stop
    expect 75 pgcert import uacme "$WORLD/uacme" --server "$DIRECTORY"
    says "the account in '$WORLD/uacme/private/key.pem'.*the next run tries again"
    [ -n "$(newest_generation "uacme.$ZONE")" ]
    [ ! -e "$STATE/accounts/pebble/account.key" ]
    pebble_start
    # it has forgotten everything: no account is made in the place of the one that was
    expect 69 pgcert import uacme "$WORLD/uacme" --server "$DIRECTORY"
    says "the key belongs to no account at '$DIRECTORY'"
    [ ! -e "$STATE/accounts/pebble/account.key" ]
}
