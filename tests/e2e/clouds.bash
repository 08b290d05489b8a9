# What the tests of DNS services lean on: PowerDNS itself, and clouds.py, which stands for those that
# are elsewhere and puts what it accepts into the world's BIND. After: load world
# shellcheck shell=bash disable=SC2034,SC2154 # bats and the files that load it use them

PDNS=pdns.test # the zone that PowerDNS has
PDNS_URL=http://127.0.0.1:8081/api/v1/servers/localhost/zones

# BIND delegates what PowerDNS has, so that Pebble and pgcert find their way.
bind_zone_first()
{
    mkdir -p "$WORLD/bind"
    bind_write_conf "$WORLD/bind" 127.0.0.1
    # nothing that an earlier test has asked for is remembered
    sed -i 's/recursion yes;/& max-cache-ttl 0; max-ncache-ttl 0;/' "$WORLD/bind/named.conf"
    bind_key pgcert-key
    bind_zone "$ZONE"
    bind_zone test ""
    printf '%s. IN NS ns1.%s.\nns1.%s. IN A 127.0.0.2\n' $PDNS $PDNS $PDNS >>"$WORLD/bind/test.zone"
    printf '%s. IN NS ns1.%s.\n' "$ZONE" "$ZONE" >>"$WORLD/bind/test.zone"
    echo "_acme-challenge.cname IN CNAME elsewhere.$PDNS." >>"$WORLD/bind/$ZONE.zone"
}

# ---- PowerDNS ----

powerdns_start()
{
    local dir=$WORLD/pdns schema=/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql
    command -v pdns_server >/dev/null || return 0
    mkdir -p "$dir"
    [ -s "$dir/db" ] || sqlite3 "$dir/db" <$schema
    (umask 077 && echo secret-of-powerdns >"$dir/token")
    cat >"$dir/pdns.conf" <<END
launch=gsqlite3
gsqlite3-database=$dir/db
gsqlite3-pragma-synchronous=0
local-address=127.0.0.2
local-port=53
socket-dir=$dir
api=yes
api-key=secret-of-powerdns
webserver=yes
webserver-address=127.0.0.1
webserver-port=8081
webserver-allow-from=127.0.0.1
setuid=
setgid=
guardian=no
daemon=no
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
security-poll-suffix=
END
    pdns_server --config-dir="$dir" >>"$dir/log" 2>&1 3>&- 4>&- </dev/null &
    await 10 "PowerDNS" port_is_open 127.0.0.2 53 && await 10 "its API" port_is_open 127.0.0.1 8081
}

# Asks PowerDNS as others would: powerdns METHOD PATH [JSON]
powerdns()
{
    curl -sS --noproxy '*' -X "$1" -H "X-API-Key: secret-of-powerdns" "$PDNS_URL$2" ${3:+-d "$3"}
}

powerdns_zone()
{
    command -v pdns_server >/dev/null || return 0
    powerdns POST "" '{"name": "'"$1"'.", "kind": "Native", "nameservers": ["ns1.'"$1"'."],
        "rrsets": [{"name": "ns1.'"$1"'.", "type": "A", "ttl": 60,
            "records": [{"content": "127.0.0.2", "disabled": false}]}]}' >/dev/null
}

# Somebody else's values at a name, in place of all that is there: theirs NAME [VALUE...]
theirs()
{
    local name=$1 records="" value
    shift
    for value in "$@"; do
        records="$records${records:+, }{\"content\": \"\\\"$value\\\"\", \"disabled\": false}"
    done
    powerdns PATCH "/$PDNS." '{"rrsets": [{"name": "'"$name"'.", "type": "TXT", "ttl": 77,
        "changetype": "REPLACE", "records": ['"$records"']}]}'
}

# All TXT records that PowerDNS has at challenges.
powerdns_challenges()
{
    powerdns GET "/$PDNS." | grep -o '"_acme-challenge[^"]*"' || :
}

# Settings of a provider in place of the world's: provider NAME LINE...
provider()
{
    sed -i '/^\[dns world\]/,/^$/d' "$CONF"
    printf '%s\n' "[dns world]" "provider = $1" "${@:2}" "" | conf_add
}

powerdns_conf()
{
    have pdns_server
    provider powerdns "token_file = $WORLD/pdns/token" "$@"
}

# ---- the services of others ----

clouds_start()
{
    local dir=$WORLD/clouds
    mkdir -p "$dir"
    cp "$WORLD/pebble/cert.pem" "$WORLD/pebble/key.pem" "$dir"
    : >"$dir/rules"
    python3 "$PGCERT_ROOT/tests/fake/clouds.py" "$dir" "$ZONE" "$WORLD/bind/pgcert-key.key" \
        >>"$dir/errors" 2>&1 3>&- 4>&- </dev/null &
    echo $! >"$dir/number"
    await 10 "the services" port_is_open 127.0.0.1 14443
}

clouds_stop()
{
    kill "$(cat "$WORLD/clouds/number")"
    await 5 "the services to end" not port_is_open 127.0.0.1 14443
}

# The settings that say who we are, a line each: secrets SERVICE. A service with other proofs than a
# token in a file has a function secrets_SERVICE, which gets the name of a file to be written.
secrets()
{
    if declare -F "secrets_$1" >/dev/null; then
        (umask 077 && "secrets_$1" "$WORLD/clouds/token-$1")
    else
        (umask 077 && echo "token-of-$1" >"$WORLD/clouds/token-$1")
        echo "token_file = $WORLD/clouds/token-$1"
    fi
}

# Settings of one of them, and what goes wrong from now on: cloud SERVICE [RULE...]
cloud()
{
    local lines
    mapfile -t lines < <(secrets "$1")
    printf '%s\n' "${@:2}" >"$WORLD/clouds/rules"
    : >"$WORLD/clouds/log"
    provider "$1" "${lines[@]}" "endpoint = https://localhost:14443/$1" \
        "ca_file = $WORLD/pebble/https-ca.pem" "timeout = 10s"
    order "db.$ZONE, *.db.$ZONE, other.$ZONE"
}

# Requests with such a line in the log: asked PATTERN
asked()
{
    grep -cE -- "$1" "$WORLD/clouds/log" || :
}

# Issues, and no record of ours stays, neither with the service nor in the zone.
issued_by_cloud()
{
    issued && not grep -w TXT <<<"$(dns_challenges)" && [ ! -s "$WORLD/clouds/errors" ]
}

# A key of a service account, and of it what the service knows.
secrets_google()
{
    local key=$WORLD/clouds/google.key
    [ -s "$key" ] || openssl genpkey -quiet -algorithm RSA -out "$key"
    openssl pkey -in "$key" -pubout -out "$WORLD/clouds/google.pub"
    google_key "$key" service_account https://localhost:14443/google/token >"$1"
    echo "credentials_file = $1"
}

# The file that Google gives: google_key KEY TYPE TOKEN-URI
google_key()
{
    cat <<END
{
  "type": "$2",
  "project_id": "project-one",
  "private_key_id": "key-1",
  "private_key": "$(awk '{printf "%s\\n", $0}' "$1")",
  "client_email": "pgcert@project-one.iam.gserviceaccount.com",
  "client_id": "100000000000000000001",
  "auth_uri": "https://accounts.google.com/o/oauth2/auth",
  "token_uri": "$3",
  "universe_domain": "googleapis.com"
}
END
}

secrets_azure()
{
    echo "8Q~value.of-the_secret" >"$1"
    cat <<END
client_secret_file = $1
tenant_id = 72f988bf-86f1-41af-91ab-2d7cd011db47
client_id = 0f2c1a4e-1111-4222-8333-444455556666
subscription_id = 11111111-2222-3333-4444-555555555555
resource_group = group (one)
authority = https://localhost:14443/azure/
END
}

# Two keys.
secrets_porkbun()
{
    echo token-of-porkbun >"$1"
    echo secret-of-porkbun >"$1.secret"
    printf '%s\n' "token_file = $1" "secret_file = $1.secret"
}

# ovh.conf; the keys are those of tests/fake/cloud/ovh.py.
secrets_ovh()
{
    ovh_conf "${2:-ApplicationSecretOf32Characters0}" >"$1"
    echo "token_file = $1"
}

ovh_conf()
{
    printf '%s\n' "[default]" "; which one" "endpoint=ovh-ca" "" "[ovh-eu]" "application_key=of-another" \
        "[ovh-ca]" "application_key=ApplicationKey16" "application_secret=$1" \
        "consumer_key = ConsumerKeyOf32Characters0000000"
}

wrong_ovh()
{
    ovh_conf "wrong-secret" >"$1"
}

# Writes a file that proves nothing: wrong SERVICE. See secrets().
wrong()
{
    local file=$WORLD/clouds/token-$1
    rm -f "$file"
    if declare -F "wrong_$1" >/dev/null; then
        (umask 077 && "wrong_$1" "$file")
    else
        (umask 077 && echo "wrong-secret" >"$file")
    fi
}

secrets_namecheap()
{
    echo "token-of-namecheap" >"$1"
    printf '%s\n' "token_file = $1" "api_user = pgcert" "user_name = owner" "client_ip = 192.0.2.77"
}

secrets_route53()
{
    cat >"$1" <<END
# as \`aws configure\` writes it
[default]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY

[session]
aws_access_key_id=ASIASESSIONEXAMPLE12
aws_secret_access_key=session+secret/of/route53
aws_session_token=session//token==

[ended]
aws_access_key_id = ASIAENDEDEXAMPLE1234
aws_secret_access_key = session+secret/of/route53
aws_session_token = ended//token==

[Some-one.else]
aws_access_key_id = AKIDUNKNOWN
aws_secret_access_key = unknown
END
    echo "access_key_file = $1"
}

wrong_route53()
{
    secrets_route53 "$1" >/dev/null
    sed -i '0,/aws_secret/s|aws_secret_access_key.*|aws_secret_access_key = wrong-secret|' "$1"
}

# CLOUDS="one two" tests/run.sh tests/e2e/providers.bats: those alone
CLOUDS=${CLOUDS:-"azure cloudflare desec digitalocean gandi google hetzner linode namecheap ovh porkbun route53 vultr"}
# Those of them that are to be tested: among SERVICE...
among()
{
    local c all=""
    for c in "$@"; do
        [[ " $CLOUDS " != *" $c "* ]] || all+="$c "
    done
    echo "$all"
}

SETS=$(among azure desec gandi google namecheap route53) # which replace all values of a name at once
RECORDS=$(among cloudflare digitalocean hetzner linode ovh porkbun vultr) # which change single values
OAUTH=$(among azure google)       # where a secret has to be changed for a token first
SILENT=$(among namecheap route53) # which do not say when to come back

# Is it one of those? is_oauth SERVICE
is_oauth()
{
    [[ " $OAUTH " == *" $1 "* ]]
}

# One certificate without a target: order NAME[, NAME...]
order()
{
    conf_add <<END
[certificate db.$ZONE]
names = $1
deploy =
END
}

issued()
{
    expect 0 pgcert renew --force
    [ -z "$stderr" ] || [[ $stderr != *remove* ]]
    [ -n "$(newest_generation)" ]
}
