#!/usr/bin/env bats
# Two users: pgcert obtains, postgres deploys, and root does both. Which of them may do what, and what each
# of them leaves behind.
load world

PGCERT_ID=964 # a number that Debian gives to no user of its own

setup_file()
{
    world_start
    add_users
}

# The host's users, and pgcert with a group of its own, as units/pgcert.sysusers has it.
add_users()
{
    local file
    for file in passwd group; do
        cp "/etc/$file" "$WORLD/etc/$file"
    done
    sed -i '/^pgcert:/d' "$WORLD/etc/passwd" "$WORLD/etc/group"
    echo "pgcert:x:$PGCERT_ID:$PGCERT_ID::$STATE:/usr/sbin/nologin" >>"$WORLD/etc/passwd"
    echo "pgcert:x:$PGCERT_ID:" >>"$WORLD/etc/group"
    for file in passwd group; do
        mount --bind "$WORLD/etc/$file" "/etc/$file"
    done
}

setup()
{
    fresh
    pg_serves_pgcert
    first=$(served)
    two_users
}

# The settings of the packages; what each user needs to read is readable.
two_users()
{
    conf_add <<<$'[pgcert]\ndeploy_group = pgcert\nlock_wait = 0s'
    chmod -R go+rX "$WORLD/conf"
    install -o pgcert -m 600 "$WORLD/bind/pgcert-key.key" "$WORLD/conf/tsig.key"
    conf_add_tsig
    install -d -o pgcert -g pgcert -m 750 "$STATE"
}

conf_add_tsig()
{
    printf '[dns world]\ntsig_file = %s\n' "$WORLD/conf/tsig.key" >"$WORLD/conf/conf.d/60-tsig.conf"
    chmod 644 "$WORLD"/conf/conf.d/*
}

# The program as one of the two: as_obtainer ARGUMENT...; as_deployer ARGUMENT...
as_obtainer()
{
    setpriv --reuid=pgcert --regid=pgcert --clear-groups --inh-caps=-all \
        timeout 60 "$PGCERT" -c "$CONF" "$@" 3>&- 4>&- </dev/null
}

as_deployer()
{
    setpriv --reuid=postgres --regid=postgres --groups="$(id -g postgres),$PGCERT_ID" --inh-caps=-all \
        timeout 60 "$PGCERT" -c "$CONF" "$@" 3>&- 4>&- </dev/null
}

# Mode, owner and group of each of them are as they must be: modes_are STATE_OF_TARGETS_FILE_OWNER
modes_are()
{
    local dir=$STATE/certificates/db.$ZONE newest
    newest=$(newest_generation)
    diff <(stat -c '%a %U:%G %n' "$STATE" "$STATE/certificates" "$dir" "$newest" "$newest"/{key,chain}.pem \
        "$newest/about.json" "$dir/state.json" "$STATE"/{targets,accounts,records,orders,lock} |
        sed "s|$newest|N|; s|$dir|D|; s|$STATE|S|") - <<END
750 pgcert:pgcert S
750 pgcert:pgcert S/certificates
750 pgcert:pgcert D
750 pgcert:pgcert N
640 pgcert:pgcert N/key.pem
640 pgcert:pgcert N/chain.pem
640 pgcert:pgcert N/about.json
640 pgcert:pgcert D/state.json
2770 pgcert:pgcert S/targets
700 pgcert:pgcert S/accounts
700 pgcert:pgcert S/records
700 pgcert:pgcert S/orders
600 pgcert:pgcert S/lock
END
    [ $# -eq 0 ] || [ "$(stat -c '%a %U:%G' "$STATE/targets/db.$ZONE.json")" = "660 $1:pgcert" ]
    [ -z "$(find "$STATE" -name '*.tmp' -o -name 'new.*')" ]
}

# May that user read it? reads USER FILE [GROUP]
reads()
{
    setpriv --reuid="$1" --regid="$1" --groups="$(id -g "$1")${3:+,$3}" --inh-caps=-all cat "$2" >/dev/null 2>&1
}

@test "pgcert obtains and cannot deploy; postgres in its group deploys and cannot renew" {
    expect 75 as_obtainer -v renew
    [[ $output == *"renewed; until"* && $output != *deployed* ]]
    [[ $stderr == *"is not proved to be served by who deploys, a member of group 'pgcert' (pgcert-watch.service does it)"* ]]
    [[ $stderr == *"what is obtained is deployed by the members of group 'pgcert'"* ]]
    [ "$(served)" = "$first" ]
    modes_are
    not reads postgres "$STATE/accounts/pebble/account.json" "$PGCERT_ID"
    not reads nobody "$(newest_generation)/key.pem"
    not reads postgres "$(newest_generation)/key.pem"
    reads postgres "$(newest_generation)/key.pem" "$PGCERT_ID"
    issued=$(leaf_sha256 "$(newest_generation)/chain.pem")
    # who may what, and what to call instead
    expect 77 as_obtainer deploy
    says "deploy_group = pgcert: this is done by the members of that group, or by root; as this user, try: pgcert renew"
    expect 77 as_obtainer watch
    expect 77 as_obtainer rollback "db.$ZONE"
    says "this is done by root; as this user"
    expect 77 as_deployer renew
    says "this is done by the owner of the state directory, user 'pgcert', or by root; as this user, try: pgcert deploy"
    expect 77 as_deployer account show pebble
    expect 77 setpriv --reuid=nobody --regid=nogroup --clear-groups "$PGCERT" -c "$CONF" status
    says "run pgcert as that user, in group 'pgcert', or as root"
    # nothing is known of what is served yet
    expect 0 as_obtainer status
    [[ $output == *"not proved yet by who deploys"* ]]
    expect 0 as_deployer deploy
    [[ $output == *"deployed, proved"* ]]
    [ "$(served)" = "$issued" ]
    modes_are postgres
    [ "$(stat -c '%a %U:%G' "$PGDATA/pgcert.pem")" = "600 postgres:postgres" ]
    # both of them know all three facts
    for who in as_obtainer as_deployer pgcert; do
        expect 0 $who status --json
        [ "$(json "['certificates'][0]['issued']['sha256']")" = "$issued" ]
        [ "$(json "['certificates'][0]['targets'][0]['deployed_sha256']")" = "$issued" ]
        [ "$(json "['certificates'][0]['targets'][0]['served_sha256']")" = "$issued" ]
        expect 0 $who status
        [[ $output == *served* ]]
    done
    expect 0 as_deployer check main --trust "$WORLD/pebble/root.pem"
    expect 0 as_obtainer renew
    [[ $output != *renewed* ]]
    modes_are postgres
    # the server's files are the server's: what cannot be read is as it was proved
    install -d -o pgcert -m 755 "$WORLD/shown"
    printf '[pgcert]\nstatus_page = %s\nmetrics_file = %s\n' "$WORLD"/shown/{page.html,metrics} >"$WORLD/conf/conf.d/80-told.conf"
    chmod 644 "$WORLD/conf/conf.d/80-told.conf"
    not reads pgcert "$PGDATA/pgcert.pem"
    for who in as_obtainer pgcert; do
        rm -f "$WORLD"/shown/*
        expect 0 $who renew
        grep -q "All is well" "$WORLD/shown/page.html"
        grep -q '^pgcert_target_deployed{.*} 1$' "$WORLD/shown/metrics"
    done
    expect 0 as_obtainer status --html "$WORLD/shown/asked.html"
    grep -q "All is well" "$WORLD/shown/asked.html"
    # what is newer than the proof is not said to be there
    expect 75 as_obtainer renew --force
    grep -q "does not have the issued certificate" "$WORLD/shown/page.html"
    grep -q '^pgcert_target_deployed{.*} 0$' "$WORLD/shown/metrics"
    expect 0 as_deployer deploy
    issued=$(served)
    rm "$WORLD/conf/conf.d/80-told.conf"
    unharmed "$issued"
}

@test "root does both, as whoever it belongs to, and leaves all as the two need it" {
    rm -rf "$STATE"
    expect 0 pgcert renew
    [[ $output == *"renewed, deployed, proved"* ]]
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
    modes_are pgcert
    [ "$(stat -c '%a %U:%G' "$PGDATA/pgcert.pem")" = "600 postgres:postgres" ]
    old=$(served)
    expect 75 as_obtainer renew --force
    expect 0 as_deployer deploy
    [ "$(served)" != "$old" ]
    modes_are postgres
    expect 0 pgcert rollback "db.$ZONE"
    [ "$(served)" = "$old" ]
    modes_are pgcert
    # both go on from there: it stays the wanted one
    expect 0 as_obtainer renew
    expect 0 as_deployer deploy
    [ "$(served)" = "$old" ]
    expect 0 pgcert status
    expect 0 pgcert revoke "db.$ZONE"
    expect 75 as_obtainer renew
    [[ $output == *renewed* ]]
    expect 0 as_deployer deploy
    [ "$(served)" != "$old" ]
    expect 0 pgcert renew --force
    expect 0 pgcert deploy
    modes_are pgcert
    unharmed "$(leaf_sha256 "$(newest_generation)/chain.pem")"
}

@test "root sets up a server, and who renews afterwards finds it his" {
    pg_reset
    rm -rf "$STATE"
    expect 0 pgcert setup --yes "db.$ZONE"
    modes_are pgcert
    expect 0 as_obtainer renew
    expect 0 as_deployer deploy
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
}

@test "who renews waits for the proof of who deploys, and is told why there is none" {
    patience 20s
    as_obtainer --json renew >"$WORLD/renewed" 2>"$WORLD/complaint" &
    renewing=$!
    await 10 "a certificate" is_issued
    expect 0 as_deployer deploy
    wait $renewing
    output=$(cat "$WORLD/renewed")
    [ "$(json "['certificates'][0]['targets'][0]['served_sha256']")" = "$(served)" ]
    not grep "^pgcert:" "$WORLD/complaint"
    # what is proved is not waited for; a failure is told with its reason
    patience 0s 0s
    expect 0 as_obtainer renew
    pg_stop
    expect 75 as_deployer deploy
    expect 75 as_obtainer renew
    says "who deploys has failed: "
    pg_start
}

# patience LOCK_WAIT [PROVE_AGAIN]
patience()
{
    printf '[pgcert]\nlock_wait = %s\nprove_again = %s\n' "$1" "${2:-6h}" >"$WORLD/conf/conf.d/70-patience.conf"
    chmod 644 "$WORLD/conf/conf.d/70-patience.conf"
}

is_issued()
{
    [ -e "$(newest_generation)/chain.pem" ]
}

@test "what one of the two plants where both write does no harm" {
    expect 75 as_obtainer renew
    expect 0 as_deployer deploy
    issued=$(served)
    file=$STATE/targets/db.$ZONE.json
    echo private >"$WORLD/private"
    chmod 600 "$WORLD/private"
    before=$(stat -c '%a %U %s %Y %i' "$WORLD/private")
    # shellcheck disable=SC2086 # commands with their arguments
    for plant in "ln -sf $WORLD/private $file" "ln -sf $STATE/accounts/pebble/account.json $file" \
        "mkfifo $file" "cp /bin/true $file" "ln -sf /nowhere/at/all $file"; do
        rm -rf "$file"
        setpriv --reuid=postgres --regid=postgres --groups="$PGCERT_ID" $plant
        for who in "as_deployer deploy" "pgcert deploy"; do
            expect 0 $who
            says "what is served is proved anew"
            [[ $stderr != *private\ * && $stderr != *BEGIN* ]]
            [ -f "$file" ] && [ ! -L "$file" ]
            rm -rf "$file"
            setpriv --reuid=postgres --regid=postgres --groups="$PGCERT_ID" $plant
        done
        expect 75 as_obtainer renew
        [ "$(stat -c '%a %U %s %Y %i' "$WORLD/private")" = "$before" ]
    done
    # a directory there cannot be replaced, which is told; the other way round as well
    rm -f "$file"
    mkdir "$file"
    expect 75 as_obtainer renew
    expect 74 as_deployer deploy
    rmdir "$file"
    # what is said there leads nobody to write: root as the owner does not touch the file that it names
    python3 - "$file" "$WORLD/private" "$issued" <<'END'
import json, sys
json.dump({"targets": {"main": {"file": sys.argv[2], "files": [{"path": sys.argv[2], "sha256": "0" * 64}],
           "sha256": sys.argv[3], "proved_at": "2026-11-22T03:00:00Z", "error": "a\x1b[31mb\n"}}}, open(sys.argv[1], "w"))
END
    expect 0 pgcert status
    [[ $output != *$'\e'* ]]
    expect 0 pgcert renew
    [ "$(stat -c '%a %U %s %Y %i' "$WORLD/private")" = "$before" ]
    [ "$(served)" = "$issued" ]
    modes_are pgcert
}

@test "a state directory of one user is taken over with all that is known, and back" {
    rm -rf "$STATE" "$WORLD/conf/conf.d/50-test.conf"
    install -d -o postgres -g postgres -m 700 "$STATE"
    chown postgres "$WORLD/conf/tsig.key"
    expect 0 as_postgres timeout 60 "$PGCERT" -c "$CONF" renew
    issued=$(served)
    [ "$(stat -c '%a %U' "$(newest_generation)/key.pem")" = "600 postgres" ]
    [ ! -e "$STATE/targets" ]
    # over: the owner changes, and the setting
    chown -R pgcert: "$STATE"
    two_users
    expect 75 as_deployer deploy
    says "is not shared with group 'pgcert' yet; who renews does that: pgcert renew"
    expect 0 as_obtainer renew
    modes_are
    before=$(stat -c %Y%i "$PGDATA/pgcert.pem")
    expect 0 as_deployer deploy
    [[ $output != *deployed* && $output != *proved* ]] # its last proof was taken along
    [ "$(stat -c %Y%i "$PGDATA/pgcert.pem")" = "$before" ]
    [ "$(served)" = "$issued" ]
    expect 0 pgcert renew --force
    modes_are pgcert
    [ "$(python3 -c 'import json, sys; print("targets" in json.load(open(sys.argv[1])))' "$STATE/certificates/db.$ZONE/state.json")" = False ]
    # and back
    rm "$WORLD/conf/conf.d/50-test.conf"
    chown -R postgres: "$STATE"
    chown postgres "$WORLD/conf/tsig.key"
    expect 0 as_postgres timeout 60 "$PGCERT" -c "$CONF" renew
    [[ $output != *deployed* && $output != *proved* ]]
    [ ! -e "$STATE/targets" ]
    [ -z "$(find "$STATE" -perm /077)" ]
    # over once more, where tmpfiles.d has made what is above: all below is brought to it as well
    chown -R pgcert: "$STATE"
    chmod 750 "$STATE" "$STATE/certificates"
    install -d -o pgcert -g pgcert -m 2770 "$STATE/targets"
    two_users
    expect 0 as_obtainer renew
    modes_are
    expect 0 as_deployer deploy
    unharmed "$(leaf_sha256 "$(newest_generation)/chain.pem")"
}

# A private CA of pgcert's, of before its directory was for the group, and a server that is to trust its clients.
mutual_tls()
{
    pg_sql 'create role carol login'
    private_ca
    conf_add <<<$'[certificate db.'"$ZONE"$']\ndeploy = main\n[target main]\nmutual_tls = yes\nprove_timeout = 2s'
    two_users
    expect 0 pgcert ca init
    [ "$(stat -c '%a %U:%G' "$STATE/ca")" = "2755 pgcert:pgcert" ]
    printf '%s\n' 'local all postgres peer' 'hostssl all all all cert' >"$PGDATA/pg_hba.conf"
    rm -f "$PGDATA"/conf.d/pgcert.conf
    expect 0 pgcert setup --yes "db.$ZONE"
}

@test "who cannot sign brings the CRL of the owner's private CA, and ends sessions, as root does" {
    mutual_tls
    # as a CA of before is
    rm -f "$STATE"/ca/canary*.pem
    chmod g-s "$STATE/ca" && [ "$(stat -c %a "$STATE/ca")" = 755 ]
    expect 0 as_obtainer ca crl --force
    [ "$(stat -c '%a %U:%G' "$STATE/ca" "$STATE/ca/canary.pem" | tr '\n' ' ')" = "2755 pgcert:pgcert 640 pgcert:pgcert " ]
    not reads postgres "$STATE/ca/client-ca.key" "$PGCERT_ID"
    not reads nobody "$STATE/ca/canary.pem"
    expect 0 as_deployer deploy
    grep "^\[target main\] clients: deployed, proved" <<<"$output"
    cmp "$STATE/ca/clients.crl" <(tail -c "$(stat -c %s "$STATE/ca/clients.crl")" "$PGDATA/pgcert-clients.pem")
    # whose session ends is heard by root as well, and again when the CA counts from the first
    expect 0 pgcert client new carol --database postgres
    python3 -c 'import json, sys
path = sys.argv[1]
known = json.load(open(path))
known["[ended]"] = 10
json.dump(known, open(path, "w"))' "$STATE/targets/clients"
    psql "$(head -n 1 "$STATE/ca/clients/carol/urls")" -Xqc 'select pg_sleep(60)' >"$WORLD/carol" 2>&1 3>&- 4>&- &
    await 5 "the session of carol" carol_is_connected
    expect 0 as_obtainer client revoke carol
    grep "pgcert watch brings it to the servers now, or pgcert deploy" <<<"$output"
    carol_is_connected
    expect 0 pgcert deploy
    grep "the session of carol on postgres from .* is ended" <<<"$output"
    not carol_is_connected
    wait
    # what is remembered goes along when two users become one, and back
    one=$WORLD/conf/conf.d/90-one.conf
    printf '[pgcert]\ndeploy_group =\n' >"$one"
    expect 0 pgcert deploy
    remembers_clients "$STATE/clients.json"
    [ ! -e "$STATE/targets/clients" ]
    rm "$one"
    expect 0 pgcert deploy
    remembers_clients "$STATE/targets/clients"
    [ ! -e "$STATE/clients.json" ]
}

remembers_clients()
{
    grep -q '"\[ended\]"' "$1" && grep -q pgcert-clients.pem "$1"
}

carol_is_connected()
{
    [ "$(pg_sql "select count(*) from pg_stat_activity where usename = 'carol'")" = 1 ]
}
