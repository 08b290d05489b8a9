#!/usr/bin/env bats
# doctor: what will go wrong is found, and what it says to do makes it go away.
load ../e2e/world

# Runs a check, or all, and wants a finding of that kind whose text matches; `remedy` is what is to be
# done: finds KIND CHECK PATTERN
finds()
{
    run --separate-stderr pgcert --json doctor "$2"
    printf '%s' "$output" >"$WORLD/found.json"
    remedy=$(python3 - "$1" "$3" "$WORLD/found.json" <<'END'
import json, re, sys
for one in json.load(open(sys.argv[3]))["findings"]:
    if one["severity"] == sys.argv[1] and re.search(sys.argv[2], one["text"]):
        print(one["remedy"])
        sys.exit()
sys.exit("no finding: " + sys.argv[1] + ": " + sys.argv[2])
END
    ) || return
    [ "$1" != bad ] || [ "$status" -eq 82 ]
}

# Nothing but notes, of these checks or all: fine [CHECK...]
fine()
{
    expect 0 pgcert --json doctor "$@"
    [ "$(json "['findings'].__len__()")" = "$(json "['findings'].__str__().count(\"'severity': 'note'\")")" ] ||
        { echo "$output"; return 1; }
}

# /etc, crontabs and the home of root as on a host where nobody has set up anything.
bare_host()
{
    mkdir -p "$WORLD/over/etc" "$WORLD/over/work"
    cp "$WORLD/etc/"* "$WORLD/over/etc"
    mount -t overlay -o "lowerdir=/etc,upperdir=$WORLD/over/etc,workdir=$WORLD/over/work" over /etc
    rm -rf /etc/letsencrypt /etc/dehydrated /etc/cron* /etc/systemd
    [ ! -d /var/spool/cron ] || mount -t tmpfs over /var/spool/cron
    mount -t tmpfs -o mode=700 over /root
}

setup_file()
{
    bare_host
    # shellcheck disable=SC2119 # its arguments are for Pebble
    world_start
    fresh_and_served
}

# The settings, the server and what is issued stay from one test to the next: each mends what it breaks.
setup()
{
    :
}

@test "a host on which all is well has no finding, and nothing is changed by looking" {
    before=$(find "$STATE" "$PGDATA"/*.* "$WORLD/conf" -type f -exec sha256sum {} + | sort | sha256sum)
    fine
    expect 0 pgcert doctor
    [[ $output == "fine     "*"nothing was found"* || $output == "fine     "*"(shown by --notes)"* ]]
    [[ $output != *$'\e'* ]]
    [ "$(find "$STATE" "$PGDATA"/*.* "$WORLD/conf" -type f -exec sha256sum {} + | sort | sha256sum)" = "$before" ]
    expect 64 pgcert doctor restarts
    says "no check 'restarts'; did you mean 'restart'"
    expect 0 pgcert doctor --list
    [[ $output == "restart "* ]]
}

@test "a pair that does not match is found before the restart that it stops" {
    cp -p "$PGDATA/pgcert.pem" "$WORLD/kept.pem"
    self_signed "$WORLD/other.pem"
    { openssl pkey -in "$WORLD/other.pem"; openssl x509 -in "$WORLD/kept.pem"; } >"$PGDATA/pgcert.pem"
    [ "$(pg_sql "select pg_reload_conf()")" = t ] # PostgreSQL tells nothing
    [ "$(pg_sql "select count(*) from pg_file_settings where error is not null")" = 0 ]
    finds bad restart "ssl_key_file = '$PGDATA/pgcert.pem' does not load \(the key is not that of the certificate\)"
    [[ $remedy == "pgcert deploy "* ]]
    # it is not a false alarm
    pg_stop
    not pg_start
    cp -p "$WORLD/kept.pem" "$PGDATA/pgcert.pem"
    pg_start
    fine

    : >"$PGDATA/pgcert.pem"
    finds bad restart "ssl_cert_file = '$PGDATA/pgcert.pem' does not load"
    expect 0 pgcert deploy
    fine
}

@test "a key that PostgreSQL refuses for its mode is found, and the remedy mends it" {
    chmod 644 "$PGDATA/pgcert.pem"
    finds bad keys "belongs to postgres and has mode 0644, which PostgreSQL refuses"
    bash -c "$remedy"
    fine
    chown nobody "$PGDATA/pgcert.pem"
    finds bad restart "ssl_cert_file = '$PGDATA/pgcert.pem': Permission denied"
    finds bad keys "belongs to nobody and has mode 0600"
    bash -c "$remedy"
    fine
}

@test "settings that do not load, or wait, are found with file and line" {
    echo "nonsense = 1" >"$PGDATA/conf.d/zz.conf"
    finds bad restart "$PGDATA/conf.d/zz.conf:1: nonsense: unrecognized configuration parameter"
    rm "$PGDATA/conf.d/zz.conf"
    # what merely waits for a restart is none of its business
    pg_sql "alter system set shared_buffers = '20MB'"
    fine restart
    pg_sql "alter system set ssl_cert_file = 'server.crt'"
    finds warning restart "ssl_cert_file is 'pgcert.pem' in the running server, and will be 'server.crt'.*postgresql.auto.conf:"
    finds bad restart "ssl_cert_file = '$PGDATA/server.crt': No such file"
    finds warning restart "ssl_cert_file is"
    pg_sql "${remedy##*if not: }"
    fine restart
    pg_sql "alter system set ssl = 'off'"
    finds bad restart "ssl is 'on' in the running server, and will be 'off'"
    pg_sql "alter system reset all"
    echo "ssl_ciphers = 'NOSUCH'" >"$PGDATA/conf.d/zz.conf"
    finds bad restart "ssl_ciphers = 'NOSUCH' is not understood"
    rm "$PGDATA/conf.d/zz.conf"
    echo "hast all all all trust" >>"$PGDATA/pg_hba.conf"
    finds bad restart "$PGDATA/pg_hba.conf:5: invalid connection type"
    sed -i '$d' "$PGDATA/pg_hba.conf"
    echo "only_one" >"$PGDATA/pg_ident.conf"
    finds bad restart "$PGDATA/pg_ident.conf:1: .*whoever logs in by a map is refused"
    : >"$PGDATA/pg_ident.conf"
    fine
}

@test "a key with a passphrase is told where nobody could type it, or no reload asks" {
    cp -p "$PGDATA/pgcert.pem" "$WORLD/kept.pem"
    openssl pkey -in "$WORLD/kept.pem" -aes256 -passout pass:secret >"$PGDATA/locked.key"
    chown postgres: "$PGDATA/locked.key"
    chmod 600 "$PGDATA/locked.key"
    echo "ssl_key_file = 'locked.key'" >"$PGDATA/conf.d/zz.conf"
    finds bad restart "the key '$PGDATA/locked.key' wants a passphrase, and there is no ssl_passphrase_command"
    echo "ssl_passphrase_command = 'echo secret'" >>"$PGDATA/conf.d/zz.conf"
    finds warning restart "ssl_passphrase_command_supports_reload is off"
    [[ $remedy == "set ssl_passphrase_command_supports_reload = on"* ]]
    echo "ssl_passphrase_command_supports_reload = on" >>"$PGDATA/conf.d/zz.conf"
    finds warning restart "ssl_key_file is 'pgcert.pem' in the running server" # and no other word
    [ "$(json "['findings'].__str__().count('the key')")" = 0 ]
    rm "$PGDATA/conf.d/zz.conf" "$PGDATA/locked.key"
    fine
}

@test "issued, deployed and served are compared, and the remedy brings them together" {
    self_signed "$WORLD/foreign.pem"
    cat "$WORLD/foreign.pem" >"$PGDATA/pgcert.pem"
    finds bad served "'$PGDATA/pgcert.pem' holds the certificate .* a restart would serve it"
    pg_sql "select pg_reload_conf()"
    await 5 "the other one" serves "$(leaf_sha256 "$WORLD/foreign.pem")"
    finds bad served "127.0.0.1:5432 serves the certificate .* which is issued for db.$ZONE"
    [[ $remedy == "pgcert deploy db.$ZONE "* ]]
    expect 0 pgcert deploy "db.$ZONE"
    fine
    # the settings lead elsewhere
    cp -p "$PGDATA/pgcert.pem" "$PGDATA/server.pem"
    printf '%s\n' "ssl_cert_file = 'server.pem'" "ssl_key_file = 'server.pem'" >"$PGDATA/conf.d/zz.conf"
    pg_sql "select pg_reload_conf()" >/dev/null
    await 5 "the settings" test "$(pg_sql "show ssl_cert_file")" = server.pem
    finds bad served "the server's ssl_cert_file is 'server.pem' and not pgcert's file"
    [ "$remedy" = "pgcert setup db.$ZONE" ]
    rm "$PGDATA/conf.d/zz.conf" "$PGDATA/server.pem"
    pg_sql "select pg_reload_conf()" >/dev/null
    await 5 "the settings" fine
}

@test "a server that is down could not be looked at, which is no word on it" {
    pg_stop
    expect 75 pgcert --json doctor
    [ "$(grep -cE '"severity": "(bad|warning|unseen)"' <<<"$output")" = 1 ] # and notes on this host
    [ "$(json "['findings'][0]['severity']")" = unseen ]
    expect 75 pgcert doctor
    [[ $output == "unseen   main: there is no socket"* && $output != *fine*restart* ]]
    pg_start
    fine
}

@test "CRLs that end, or are missing, and CAs that end or sign for anybody are found" {
    have faketime
    expect 0 pgcert ca init
    export_clients
    pg_sql "select pg_reload_conf()" >/dev/null
    await 5 "the CRL" test "$(pg_sql "show ssl_crl_file")" = clients.crl
    fine
    expect 82 later +31d --json doctor expiry clients
    [[ $output == *"the CRL of 'CN=pgcert client CA"*" has ended at "*"every client that shows a certificate is refused"* ]]
    expect 0 later +24d --json doctor expiry
    [[ $output == *"warning"*"the CRL of "*" ends at "* ]]
    [[ $output == *"get the CA's new CRL into '$PGDATA/clients.crl'"* ]]
    expect 82 later +1100d --json doctor expiry
    [[ $output == *"the certificate '"*"has ended"*"the CA '"*"has ended at "*"all its clients are refused"* ]]

    # however long it is, it is read; or told not to be, and then it is not called bad
    cp -p "$PGDATA/clients.crl" "$WORLD/both.crl"
    yes '# of another CA' | head -c 1M >"$WORLD/long"
    { cat "$WORLD/long" "$WORLD/both.crl"; } >"$PGDATA/clients.crl"
    fine
    { cat "$WORLD/long" "$WORLD/long" "$WORLD/long" "$WORLD/both.crl"; } >"$PGDATA/clients.crl"
    expect 77 pgcert --json doctor restart expiry clients
    [ "$(json "['findings'].__len__()")" = 1 ]
    [[ $(json "['findings'][0]['text']") == "'$PGDATA/clients.crl' was not read: it has more than 3 MiB"* ]]

    # one CRL of two
    awk '/BEGIN/ {n++} n == 1' "$WORLD/both.crl" >"$PGDATA/clients.crl"
    finds bad clients "has none of the CA '.*' in '$PGDATA/clients.crt': every client in whose chain it is"
    # in a directory, under the name that OpenSSL asks for
    mkdir "$PGDATA/crls"
    awk '/BEGIN/ {n++} n == 2' "$WORLD/both.crl" >"$WORLD/second.crl"
    cp "$WORLD/second.crl" "$PGDATA/crls/$(openssl crl -in "$WORLD/second.crl" -noout -hash).r0"
    chown -R postgres: "$PGDATA/crls"
    echo "ssl_crl_dir = 'crls'" >>"$PGDATA/conf.d/ca.conf"
    pg_sql "select pg_reload_conf()" >/dev/null
    await 5 "the directory" test "$(pg_sql "show ssl_crl_dir")" = crls
    fine expiry clients
    cp -p "$WORLD/both.crl" "$PGDATA/clients.crl"

    # a public CA lets in whomever it signs for, once a rule asks for a certificate
    cp -L /etc/ssl/certs/ISRG_Root_X1.pem "$WORLD/public.crt" || skip "there are no public CAs here"
    cat "$WORLD/public.crt" >"$PGDATA/clients.crt"
    printf '%s\n' "ssl_ca_file = 'clients.crt'" >"$PGDATA/conf.d/ca.conf"
    sed -i "1i hostssl app all 0.0.0.0/0 scram-sha-256 clientcert=verify-ca" "$PGDATA/pg_hba.conf"
    pg_sql "select pg_reload_conf()" >/dev/null
    await 5 "no CRL" test "$(pg_sql "show ssl_crl_file")" = ""
    finds bad clients "trusts the CA '.*ISRG Root X1' for clients, .* passes $PGDATA/pg_hba.conf:1"
    sed -i 1d "$PGDATA/pg_hba.conf"
    fine clients
    rm -r "$PGDATA/conf.d/ca.conf" "$PGDATA/crls" "$PGDATA/clients.crt" "$PGDATA/clients.crl"
    pg_sql "select pg_reload_conf()" >/dev/null
    await 5 "no CA" test "$(pg_sql "show ssl_ca_file")" = ""
    fine
}

@test "rules that let clients in without TLS are found where clients can come from elsewhere" {
    ip address add 10.9.9.9/32 dev lo
    cp -p "$PGDATA/pg_hba.conf" "$WORLD/hba.conf"
    echo "host app all 10.0.0.0/8 scram-sha-256" >>"$PGDATA/pg_hba.conf"
    fine access # only 127.0.0.1 is listened on
    echo "listen_addresses = 'localhost,10.9.9.9'" >"$PGDATA/conf.d/listen.conf"
    pg_restart
    finds warning access "pg_hba.conf:5: 'host app all 10.0.0.0 255.0.0.0 scram-sha-256': clients get in without TLS"
    [[ $remedy == "write hostssl in place of host; "* ]]
    sed -i '$s/host /hostssl /' "$PGDATA/pg_hba.conf"
    fine
    echo "host all all 0.0.0.0/0 password" >>"$PGDATA/pg_hba.conf"
    echo "host all all ::/0 ldap ldapserver=x ldapprefix=cn=" >>"$PGDATA/pg_hba.conf"
    finds bad access "pg_hba.conf:6: .* \(and 1 more like it\): passwords cross the network in clear"
    sed -i '5i hostnossl all all all reject' "$PGDATA/pg_hba.conf" # the first that fits decides
    fine access
    echo "host replication all 10.0.0.0/8 scram-sha-256" >>"$PGDATA/pg_hba.conf" # all is not replication
    finds warning access "'host replication all 10"
    sed -i '$d' "$PGDATA/pg_hba.conf"
    echo "hostssl all all samenet trust" >>"$PGDATA/pg_hba.conf"
    finds bad access "pg_hba.conf:9: 'hostssl all all samenet trust': whoever comes from there is let in as whatever role"
    cp -p "$WORLD/hba.conf" "$PGDATA/pg_hba.conf"
    rm "$PGDATA/conf.d/listen.conf"
    pg_restart
    finds note access "whoever is on this machine is let in"
    fine
}

@test "a TLS that is broken, and what makes passwords weak, is found" {
    pg_sql "alter system set ssl_min_protocol_version = 'TLSv1'"
    pg_sql "alter system set password_encryption = 'md5'"
    pg_sql "select pg_reload_conf()" >/dev/null
    await 5 "the settings" test "$(pg_sql "show ssl_min_protocol_version")" = TLSv1
    finds warning tls "ssl_min_protocol_version = 'TLSv1' lets clients use a TLS that is broken"
    pg_sql "${remedy%%;*}"
    finds note tls "password_encryption = md5"
    pg_sql "alter system reset all"
    pg_sql "select pg_reload_conf()" >/dev/null
    await 5 "the settings" fine tls
    fine
}

@test "what breaks a base backup is found, and pg_basebackup agrees" {
    finds note backup "the key '$PGDATA/pgcert.pem' is in the data directory"
    install -m 600 /dev/null "$PGDATA/unreadable" # of root
    finds bad backup "the server cannot read '$PGDATA/unreadable'"
    printf 'local replication all trust\n' >>"$PGDATA/pg_hba.conf"
    pg_sql "select pg_reload_conf()" >/dev/null
    run as_postgres "$(pg_bin)/pg_basebackup" -D "$WORLD/pg/backup" -X none -c fast --no-sync
    [ "$status" -ne 0 ]
    [[ $output == *"unreadable"* ]]
    finds bad backup "cannot read"
    bash -c "${remedy#*or: }"
    fine backup
    rm "$PGDATA/unreadable"
    # a link is left out, and what is restored does not start
    mv "$PGDATA/pgcert.pem" "$WORLD/pg/pgcert.pem"
    ln -s "$WORLD/pg/pgcert.pem" "$PGDATA/pgcert.pem"
    finds warning backup "ssl_key_file = '$PGDATA/pgcert.pem' is a symbolic link in the data directory"
    as_postgres "$(pg_bin)/pg_basebackup" -D "$WORLD/pg/backup" -X none -c fast --no-sync
    [ ! -e "$WORLD/pg/backup/pgcert.pem" ]
    rm -r "$PGDATA/pgcert.pem" "$WORLD/pg/backup"
    mv "$WORLD/pg/pgcert.pem" "$PGDATA/pgcert.pem"
    # PostgreSQL takes a key of root's with 0640, and a standby's user gets it with that mode
    chown root:postgres "$PGDATA/pgcert.pem"
    chmod 640 "$PGDATA/pgcert.pem"
    fine keys restart
    finds warning backup "the key '$PGDATA/pgcert.pem' belongs to root: pg_rewind stops"
    bash -c "$remedy"
    sed -i '$d' "$PGDATA/pg_hba.conf"
    pg_sql "select pg_reload_conf()" >/dev/null
    fine
}

@test "leftovers of killed runs and forgotten copies of keys are found" {
    as_postgres cp "$PGDATA/pgcert.pem" "$PGDATA/pgcert.pem.new-0123456789abcdef"
    fine leftovers # somebody may be writing it just now
    touch -d -1hour "$PGDATA/pgcert.pem.new-0123456789abcdef"
    finds warning leftovers "'$PGDATA/pgcert.pem.new-0123456789abcdef' was left by a run of pgcert that was killed, and has a private key"
    bash -c "${remedy#*or: }"
    as_postgres cp "$PGDATA/pgcert.pem" "$PGDATA/conf.d/server.key.bak"
    as_postgres cp "$PGDATA/pg_hba.conf" "$PGDATA/pg_hba.conf.bak" # no key in it
    touch -d -1hour "$PGDATA/conf.d/server.key.bak" "$PGDATA/pg_hba.conf.bak"
    finds warning leftovers "'$PGDATA/conf.d/server.key.bak' has a private key in it and looks left over"
    bash -c "${remedy#*: }"
    rm "$PGDATA/pg_hba.conf.bak"
    # the server's user chooses names, and root pastes no such one
    as_postgres cp "$PGDATA/pgcert.pem" "$PGDATA/conf.d/x';.key.bak"
    touch -d -1hour "$PGDATA/conf.d/x';.key.bak"
    finds warning leftovers "x';.key.bak' has a private key in it"
    [ "$remedy" = "if nobody needs it: remove it as postgres" ]
    rm "$PGDATA/conf.d/x';.key.bak"
    fine
}

@test "secrets that others may read, or pgcert may not, are found, and the remedy mends it" {
    key=$WORLD/bind/pgcert-key.key
    chmod 644 "$key"
    finds bad secrets "\\[dns world\\] tsig_file names it, and others may read it \\(mode 0644\\)"
    bash -c "${remedy%%;*}"
    fine secrets
    mv "$key" "$key.away"
    finds bad secrets "\\[dns world\\] tsig_file names it, and it cannot be found"
    [[ $remedy == *"correct $CONF:"* ]]
    mv "$key.away" "$key"

    chmod 640 "$STATE/accounts/pebble/account.key"
    finds bad secrets "others may read this private key \\(mode 0640\\)"
    bash -c "${remedy%%;*}"
    chmod 644 "$(newest_generation)/key.pem"
    finds bad secrets "others may read this private key \\(mode 0644\\)"
    bash -c "${remedy%%;*}"
    chown nobody "$STATE/accounts/pebble/account.key"
    finds bad secrets "it does not belong to 'root', who owns the state directory"
    bash -c "$remedy"
    chmod 777 "$STATE"
    finds bad secrets "others may write there \\(mode 0777\\)"
    bash -c "$remedy"
    chmod 700 "$STATE"
    fine

    expect 0 pgcert client new alice --host "db.$ZONE"
    chmod 644 "$STATE/ca/clients/alice/postgresql.key"
    finds bad secrets "libpq refuses one like that"
    [[ $(json "['findings'][0]['subject']") == "$STATE/ca/clients/alice/postgresql.key" ]]
    bash -c "${remedy%%;*}"
    fine

    # a directory beside the state, of which the name begins the same
    mkdir -m 700 "$STATE-ca"
    install -m 644 /dev/null "$STATE-ca/client-ca.key"
    conf_add <<<"[ca]"$'\n'"directory = $STATE-ca"
    finds bad secrets "others may read this private key \\(mode 0644\\)"
    [ "$(json "['findings'][0]['subject']")" = "$STATE-ca/client-ca.key" ]
    rm -r "$STATE-ca" "$WORLD/conf/conf.d/50-test.conf"
    fine

    # the state is another user's: what root has left there, he cannot read
    chown -R nobody "$STATE"
    finds bad secrets "\\[dns world\\] tsig_file names it, and user 'nobody', as whom pgcert works, may not read it"
    chown root "$STATE/accounts/pebble/account.key"
    finds bad secrets "it does not belong to 'nobody'"
    chown -R root "$STATE"
    fine
}

@test "old hooks that restart PostgreSQL, and clients for the same names, are found" {
    hooks=/etc/letsencrypt/renewal-hooks/deploy
    mkdir -p $hooks /etc/letsencrypt/renewal /etc/cron.d /etc/cron.weekly /root/.acme.sh/x_ecc
    printf '#!/bin/sh\nchown postgres x\nsystemctl \\\n  restart postgresql\n' >$hooks/postgres
    finds bad hooks "line 3 restarts PostgreSQL when a certificate is renewed"
    [ "$(json "['findings'][0]['subject']")" = $hooks/postgres ]
    printf '#!/bin/sh\n# systemctl restart postgresql\nsystemctl reload postgresql\n' >$hooks/postgres
    finds note hooks "line 3 has PostgreSQL reload its files, and nothing proves"
    rm $hooks/postgres
    fine hooks
    printf '[renewalparams]\npost_hook = service postgresql restart\n' >"/etc/letsencrypt/renewal/db.$ZONE.conf"
    finds bad hooks "line 2 restarts PostgreSQL"
    finds warning hooks "certbot renews 'db.$ZONE' as well as pgcert"
    # what the server may still use stays, and neither hook nor certificate is certbot's any more
    mkdir -p "/etc/letsencrypt/live/db.$ZONE"
    bash -c "${remedy#*: }"
    [ -d "/etc/letsencrypt/live/db.$ZONE" ]
    fine hooks
    rm -r /etc/letsencrypt
    mkdir -p "/root/.acme.sh/db.${ZONE}_ecc" "/root/.acme.sh/db.$ZONE"
    : >"/root/.acme.sh/db.${ZONE}_ecc/db.$ZONE.conf"
    finds warning hooks "acme.sh renews 'db.$ZONE' as well as pgcert"
    [ "$remedy" = "let one of them do it: acme.sh --remove -d 'db.$ZONE' --ecc" ]
    mv "/root/.acme.sh/db.${ZONE}_ecc/db.$ZONE.conf" "/root/.acme.sh/db.$ZONE"
    finds warning hooks "acme.sh renews"
    [ "$remedy" = "let one of them do it: acme.sh --remove -d 'db.$ZONE'" ]
    rm -r "/root/.acme.sh/db.$ZONE" "/root/.acme.sh/db.${ZONE}_ecc"
    fine hooks
    # as acme.sh 3.1 writes it
    printf "Le_Domain='x'\nLe_ReloadCmd='__ACME_BASE64__START_%s__ACME_BASE64__END_'\n" \
        "$(printf 'systemctl restart postgresql' | base64)" >/root/.acme.sh/x_ecc/x.conf
    finds bad hooks "line 2 restarts PostgreSQL"
    rm -r /root/.acme.sh
    # a crontab may restart for reasons that are none of ours
    echo '0 4 * * 0 root systemctl restart postgresql' >/etc/cron.d/weekly
    fine hooks
    echo '0 4 * * 0 root certbot renew && pg_ctlcluster 15 main restart' >/etc/cron.d/weekly
    finds bad hooks "line 1 restarts PostgreSQL"
    rm /etc/cron.d/weekly
    fine
}

@test "a timer that is not enabled is found, unless a crontab does its work" {
    finds note timer "no systemd runs here"
    mkdir -p /run/systemd/system /etc/systemd/system/timers.target.wants /etc/cron.d
    finds bad timer "it is not enabled, and no crontab runs .pgcert renew.: nothing is renewed"
    [ "$remedy" = "systemctl enable --now pgcert-renew.timer" ]
    echo '17 3,15 * * * root /usr/bin/pgcert -q renew' >/etc/cron.d/pgcert
    fine
    sed -i 's/^/# /' /etc/cron.d/pgcert
    finds bad timer "it is not enabled"
    ln -s /lib/systemd/system/pgcert-renew.timer /etc/systemd/system/timers.target.wants # as enable does
    fine
    ln -s /dev/null /etc/systemd/system/pgcert-renew.timer
    finds bad timer "it is masked"
    [[ $remedy == "systemctl unmask "* ]]
    rm -r /etc/systemd /run/systemd /etc/cron.d
    fine
}

@test "an issuer that does not answer, and clocks that differ, are found" {
    have faketime
    fine issuer clock
    pebble_stop
    finds bad issuer "its directory cannot be asked, so nothing can be renewed there: .*14000"
    # shellcheck disable=SC2119 # its arguments are for another Pebble
    pebble_start
    fine issuer
    expect 0 later +2m --json doctor clock
    [[ $output == *'"warning"'*"its clock is 2 min behind this host's"* ]]
    [ "$(json "['findings'][0]['subject']")" = main ]
    [ "$(json "['findings'][1]['subject']")" = pebble ]
    expect 82 later -2d --json doctor clock
    [[ $output == *"ahead of this host's: a new certificate is not valid here yet, and TSIG is refused"* ]]
}

@test "name servers that do not answer, and CAA records that forbid, are found" {
    records=$WORLD/bind/$ZONE.zone
    cp "$records" "$WORLD/kept.zone"
    conf_add <<<"[certificate x.lame.$ZONE]"$'\nissuer = pebble'
    printf 'lame IN NS ns.lame\nns.lame IN A 127.0.0.77\n' >>"$records" # nobody is there
    bind_stop
    rm -f "$records.jnl"
    bind_start
    finds bad dns "'_acme-challenge.x.lame.$ZONE.' cannot be asked for: SERVFAIL"
    rm "$WORLD/conf/conf.d/50-test.conf"
    fine dns

    [ -x "${PEBBLE_NEWER:-}" ] || skip "there is no newer Pebble, which has caaIdentities"
    pebble_stop
    pebble_start "PROGRAM=$PEBBLE_NEWER"
    fine dns
    conf_add <<<"[certificate a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.$ZONE]"$'\nissuer = pebble'
    fine dns # more labels than are asked for
    rm "$WORLD/conf/conf.d/50-test.conf"
    printf 'db IN CAA 0 issue "other.test"\n' >>"$records"
    bind_stop
    bind_start
    finds bad dns "the CAA records of 'db.$ZONE.' do not let pebble sign for 'db.$ZONE'"
    [ "$remedy" = "add to the zone: db.$ZONE. CAA 0 issue \"pebble.test\"" ]
    sed -i '/lame/d' "$records"
    printf '%s\n' "${remedy#*: }" | sed 's/ CAA/ IN CAA/' >>"$records"
    bind_stop
    bind_start
    fine dns
    printf '[issuer pebble]\nprofile = nosuch\n' | conf_add
    finds bad issuer "it has no profile 'nosuch'"
    rm "$WORLD/conf/conf.d/50-test.conf"
    fine issuer
}
