#!/bin/bash
# The main job, on servers which this script makes for itself and removes again, in two acts. By the
# private CA, with no server but PostgreSQL: a first certificate and TLS on, a client certificate, a
# renewal while the database is busy. Then by ACME, with a name server: another issuer, and a renewal
# under load. Ends with a summary; the exit status is 0 only when everything is as it says.
#
# usage: sudo make try      KEEP=1: the servers stay, to look around
#
# The servers run in namespaces of their own (tests/world/enter), not on free ports of this
# machine: so BIND answers on port 53 as in real life, no port can be taken, pgcert finds the zone
# by the resolver as it would anywhere, and nothing can be left behind.
set -u

here=$(cd "$(dirname "$0")" && pwd)

# ---- outside: packages, the program, the world ----

outside()
{
    [ "$(id -u)" -eq 0 ] || { echo "this makes servers and namespaces; try: sudo make try" >&2; exit 77; }
    "$here/packages.sh" try || exit
    if [ -z "${PGCERT:-}" ]; then
        env -u MAKEFLAGS -u MAKELEVEL make -s -C "$here/.." -j"$(nproc)" build/plain/pgcert || exit
        [ -z "${SUDO_UID:-}" ] || chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$here/../build"
    fi
    if [ "${KEEP:-}" = 1 ]; then
        stay
    else
        exec "$here/world/enter" "$here/try.sh" --inside
    fi
}

# The world goes on in the background when this script has ended.
stay()
{
    local answer pid inside status=1
    answer=$(mktemp -u /tmp/pgcert-try.XXXXXX)
    mkfifo -m 600 "$answer"
    ANSWER=1 setsid "$here/world/enter" "$here/try.sh" --inside 9>"$answer" </dev/null &
    pid=$!
    trap 'kill $pid; rm -f "$answer"; exit 130' INT TERM HUP
    read -r status <"$answer" || status=1
    rm -f "$answer"
    # enter -> unshare -> the first process inside, whose namespaces are the world's
    inside=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null) || exit "$status"
    inside=$(cat "/proc/${inside%% *}/task/${inside%% *}/children" 2>/dev/null)
    cat <<END
  The servers are still there. A shell among them, as root:

      nsenter -t ${inside% } -a /run/look

  There try: pgcert status, pgcert renew --force, pgcert check localhost,
  served, pg_sql 'select ...', dns_challenges, pebble_requests. To end it all:

      kill $pid

END
    exit "$status"
}

# ---- inside: what is shown ----

bold='' dim='' red='' green='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
fi
started=${EPOCHREALTIME/./}
claims=0 broken=0 rows=()

title()
{
    printf '\n%s%s%s\n\n' "$bold" "$*" "$plain"
}

seconds_since()
{
    local ms=$(((${EPOCHREALTIME/./} - $1) / 1000))
    printf '%d.%02d s' $((ms / 1000)) $((ms % 1000 / 10))
}

# Shows a command and what it prints, and keeps that in $shown: show TEXT COMMAND...
show()
{
    local status=0
    printf '  %s$ %s%s\n' "$bold" "$1" "$plain"
    shift
    "$@" >"$WORLD/shown" 2>&1 || status=$?
    shown=$(<"$WORLD/shown")
    [ -z "$shown" ] || sed 's/^/    /' "$WORLD/shown"
    [ $status -eq 0 ] || printf '    %s(exit status %d)%s\n' "$red" $status "$plain"
    return $status
}

# One claim of the summary: claim TEXT VALUE COMMAND...; it holds when the command succeeds.
claim()
{
    local mark=" ok " colour=$green
    claims=$((claims + 1))
    if ! "${@:3}" >/dev/null 2>&1; then
        mark=FAIL colour=$red
        broken=$((broken + 1))
    fi
    rows+=("$(printf '%s%s%s  %-23s %s' "$colour" "$mark" "$plain" "$1" "$2")")
}

# A line between the claims of two acts.
act()
{
    rows+=("$bold$1$plain")
}

summary()
{
    title "Summary"
    printf '  %s\n' "${rows[@]}"
    printf '\n  '
    if [ $broken -eq 0 ]; then
        printf '%sAll %d claims hold%s, after %s.' "$green" $claims "$plain" "$(seconds_since "$started")"
    else
        printf '%s%d of %d claims do not hold%s; the logs:' "$red" $broken $claims "$plain"
    fi
    if [ "${KEEP:-}" = 1 ]; then
        printf '\n'
    elif [ $broken -eq 0 ]; then
        printf ' Servers and files are gone again.\n\n'
    else
        printf '\n'
        for log in "$PG_LOG" "$PEBBLE_LOG" "$BIND_LOG"; do
            [ -e "$log" ] || continue
            printf '\n  %s\n' "${log#"$WORLD"/}"
            tail -n 8 "$log" | cut -c 1-120 | sed 's/^/    /'
        done
    fi
}

fail_early()
{
    printf '\n  %s%s%s\n' "$red" "$*" "$plain"
    claim "the tour" "$*" false
    finish
}

# ---- inside: what is done ----

pgcert()
{
    "$PGCERT" -c "$CONF" "$@" </dev/null
}

clients="host=db.example.test dbname=bench user=bench"

# What the act trusts: the root that certificates end in, and how that is called on the screen.
root='' root_name=''

# A person's own check, by openssl(1) alone: chain, name and dates, up to that root.
look()
{
    openssl s_client -starttls postgres -connect db.example.test:5432 \
        -CAfile "$root" -verify_return_error -verify_hostname db.example.test \
        </dev/null >"$WORLD/s_client" 2>"$WORLD/s_client.err" || { cat "$WORLD/s_client.err"; return 1; }
    openssl x509 -in "$WORLD/s_client" -noout -subject -issuer -enddate -ext subjectAltName |
        grep -v 'Subject Alternative Name'
    openssl x509 -in "$WORLD/s_client" -noout -fingerprint -sha256 | cut -c 1-60 | sed 's/$/.../'
    grep -m 1 'Verify return code' "$WORLD/s_client" | sed 's/^ *//'
}

show_look()
{
    show "openssl s_client -starttls postgres -connect db.example.test:5432 \\
        -CAfile $root_name -verify_return_error -verify_hostname db.example.test" look
}

look_is_good()
{
    grep -q 'Verify return code: 0' <<<"$shown"
}

make_bench()
{
    pg_sql "create role bench login" && pg_sql "create role alice login; create role bob login" &&
        pg_sql "create database bench owner bench" &&
        "$(pg_bin)/pgbench" -i -q -s 1 -h /var/run/postgresql -U bench bench >/dev/null 2>&1
}

# Sessions that stay, and a new connection for each transaction, both verifying the certificate.
load_start()
{
    export PGSSLMODE=verify-full PGSSLROOTCERT=$root
    "$(pg_bin)/pgbench" -n -c 4 -j 2 -T "$1" "$clients" >"$WORLD/load" 2>&1 &
    load=$!
    "$(pg_bin)/pgbench" -n -S -C -c 2 -T "$1" "$clients" >"$WORLD/load-new" 2>&1 &
    load_new=$!
    coproc OPEN { psql -XqAt -d "$clients"; }
    open=$OPEN_PID open_to=${OPEN[1]} open_from=${OPEN[0]} # gone from OPEN when the session is
    ask before
}

# A session that has ended is a claim that does not hold, and not the end of this script.
tell()
{
    trap '' PIPE
    # shellcheck disable=SC2059 # the first argument is the format
    { printf "$@" >&"$open_to"; } 2>/dev/null
    trap - PIPE
}

# Asks the one open session who it is: its backend, over TLS, since when the server runs.
ask()
{
    tell 'select pid, version, %s from pg_stat_ssl where ssl and pid = pg_backend_pid();\n' \
        "to_char(pg_postmaster_start_time(), 'HH24:MI:SS')" &&
        read -rt 5 "${1?}" <&"$open_from"
}

load_end()
{
    load_status=0 load_new_status=0
    wait "$load" || load_status=$?
    wait "$load_new" || load_new_status=$?
    ask after
    tell '\\q\n'
    wait "$open"
}

# A number in pgbench's report: number FILE WORDS
number()
{
    sed -n "s/^$2[^0-9]*\([0-9]*\).*/\1/p" "$1"
}

sound()
{
    [ "$1" -eq 0 ] && [ "$(number "$2" "number of failed transactions:")" = 0 ] &&
        [ "$(number "$2" "number of transactions actually processed:")" -gt 0 ] &&
        ! grep -qiE 'aborted|error|fatal' "$2"
}

# A renewal while pgbench runs, with what is claimed of it: renewal_under_load SECONDS
renewal_under_load()
{
    local before='' after='' first second took backend version since during=no
    first=$(served db.example.test)
    load_start "$1" || fail_early "pgbench did not start"
    printf '  %s$ PGSSLMODE=verify-full pgbench -c 4 -T %d &       (sessions that stay)\n' "$bold" "$1"
    printf '  $ PGSSLMODE=verify-full pgbench -S -C -c 2 -T %d &  (a connection each)%s\n' "$1" "$plain"
    await 5 "load" busy || fail_early "pgbench does nothing: $(tail -n 1 "$WORLD/load")"
    took=${EPOCHREALTIME/./}
    show "pgcert renew --force" pgcert renew --force || fail_early "pgcert renew failed"
    took=$(seconds_since "$took")
    show_look
    second=$(served db.example.test)
    kill -0 "$load" "$load_new" 2>/dev/null && during=yes
    load_end
    printf '  %s$ wait%s\n' "$bold" "$plain"
    grep -hE '^number of (transactions|failed)' "$WORLD/load" "$WORLD/load-new" | sed 's/^/    /'

    claim "renewed" "issued, deployed, served and proved in $took" look_is_good
    claim "the database" "was busy before, during and after the renewal" [ $during = yes ]
    claim "served before" "${first:0:32}..." [ -n "$first" ]
    claim "served after" "${second:0:32}..." [ -n "$second" ]
    claim "it changed" "and the file on disk is what is served" changed "$first" "$second"
    claim "transactions" "$(number "$WORLD/load" "number of transactions actually processed:") processed, \
$(number "$WORLD/load" "number of failed transactions:") failed, in 4 sessions" \
        sound $load_status "$WORLD/load"
    claim "new connections" "$(number "$WORLD/load-new" "number of transactions actually processed:") made, \
none refused" \
        sound $load_new_status "$WORLD/load-new"
    IFS='|' read -r backend version since <<<"$after"
    claim "an open session" "went on in the same backend ($backend), over $version" \
        same "$before" "$after"
    claim "the server" "was not restarted; it runs since $since" \
        same "$since" "${before##*|}" "$started_at"
}

tls_is_on()
{
    [[ $shown == *"renewed, deployed, proved"* ]] && [ "$(pg_sql "show ssl")" = on ]
}

# Does nothing listen here but PostgreSQL, and is there no way out?
alone()
{
    [ "$(ss -Htuln | awk '{ sub(/.*:/, "", $5); print $1, $5 }' | sort -u)" = "tcp 5432" ] &&
        [ -z "$(ip route show default; ip -6 route show default)" ]
}

# By the bundle alone, as another user or without it: as_alice [SETTING...]
as_alice()
{
    env -i PATH="$PATH" LC_ALL=C.UTF-8 psql "$(head -n 1 "$STATE/ca/clients/alice/urls")$*" \
        -XqAtc "select current_user, ssl, client_dn from pg_stat_ssl where pid = pg_backend_pid()"
}

# By PostgreSQL, for that reason: refused WHY SETTING
refused()
{
    ! as_alice "$2" >"$WORLD/refused" 2>&1 && grep -q "FATAL: *$1" "$WORLD/refused"
}

by_private_ca()
{
    local took first
    title "1. A database without TLS, and no other server"
    pg_start || fail_early "PostgreSQL did not start"
    # who else would know that name? The name server comes in the second act
    cp /etc/hosts "$WORLD/hosts" && echo "127.0.0.1 db.example.test" >>/etc/hosts
    make_bench || fail_early "the database for pgbench was not made"
    mkdir -p "$WORLD/conf" && printf '[pgcert]\nstate = %s\n' "$STATE" >"$CONF"
    started_at=$(pg_sql "select to_char(pg_postmaster_start_time(), 'HH24:MI:SS')")
    show "psql -c 'show server_version' -c 'show ssl'" \
        as_postgres psql -XqAt -c "show server_version" -c "show ssl"
    [ "$(tail -n 1 <<<"$shown")" = off ] || fail_early "TLS is on already"

    title "2. The first certificate, by a private CA"
    act "By a private CA"
    claim "nobody else" "listens in this world, and no route leads out of it" alone
    took=${EPOCHREALTIME/./}
    show "pgcert setup db.example.test --yes" pgcert setup db.example.test --yes ||
        fail_early "pgcert setup failed"
    claim "first certificate" "signed here, TLS turned on, in $(seconds_since "$took")" \
        tls_is_on
    root=$STATE/ca/root.crt root_name=root.crt
    show_look
    first=$(served db.example.test)
    claim "openssl(1) agrees" "${first:0:32}... verifies" look_is_good

    title "3. A client that logs in by certificate"
    show "pgcert client new alice bob --database bench" pgcert client new alice bob --database bench ||
        fail_early "pgcert client new failed"
    show "pgcert setup --mutual-tls --yes db.example.test" pgcert setup --mutual-tls --yes db.example.test ||
        fail_early "pgcert setup --mutual-tls failed"
    show "psql \"\$(head -n 1 alice/urls)\" -c 'select current_user, ssl, client_dn ...'" as_alice
    claim "client certificate" "alice logs in by it, with verify-full" [ "$shown" = "alice|t|/CN=alice" ]
    claim "without it" "alice is refused" \
        refused "connection requires a valid client certificate" "&sslcert=/none&sslkey=/none"
    claim "as another" "her certificate is refused for the role bob" \
        refused 'certificate authentication failed for user "bob"' "&user=bob"

    title "4. A renewal, while pgbench is running"
    renewal_under_load 3

    title "5. Her certificate is revoked while she is connected"
    as_alice_waiting || fail_early "alice could not connect"
    show "pgcert client revoke alice" pgcert client revoke alice || fail_early "pgcert client revoke failed"
    claim "her session" "is ended" grep -q "the session of alice on bench .* is ended" <<<"$shown"
    claim "her certificate" "is refused from now on" revoked
    claim "nobody else" "listens in this world still" alone
}

# A session that stays until it is ended.
as_alice_waiting()
{
    env -i PATH="$PATH" LC_ALL=C.UTF-8 psql "$(head -n 1 "$STATE/ca/clients/alice/urls")" -Xqc \
        'select pg_sleep(60)' >/dev/null 2>&1 </dev/null &
    await 5 "alice" alice_sleeps
}

alice_sleeps()
{
    [ "$(pg_sql "select count(*) from pg_stat_activity where usename = 'alice'")" = 1 ]
}

# By TLS itself, for that reason.
revoked()
{
    ! as_alice >"$WORLD/refused" 2>&1 && grep -q "certificate revoked" "$WORLD/refused"
}

# Settings of an ACME server beside what setup has written, and the name from the name server.
add_issuer()
{
    cp "$WORLD/hosts" /etc/hosts # in place: it is mounted
    cp "$written" "$WORLD/written"
    world_conf
    sed -i '/^\[certificate/,/^$/d; /^\[target/,/^$/d' "$CONF"
    cp "$WORLD/written" "$written"
}

change_issuer()
{
    sed -i 's/^issuer = ca/issuer = pebble/' "$written" && pgcert renew
}

by_acme()
{
    local took first written=$WORLD/conf/conf.d/db.example.test.conf
    title "6. The same certificate by ACME: a name server and an ACME server are there now"
    took=${EPOCHREALTIME/./}
    # shellcheck disable=SC2119 # their arguments are for other servers
    { bind_start && pebble_start; } || fail_early "the servers did not start"
    printf '    %sPebble and BIND with a TSIG key are up after %s%s\n' \
        "$dim" "$(seconds_since "$took")" "$plain"
    add_issuer || fail_early "the settings were not written"
    root=$WORLD/pebble/root.pem root_name=root.pem
    act "By ACME"
    took=${EPOCHREALTIME/./}
    show "sed -i 's/^issuer = ca/issuer = pebble/' conf.d/db.example.test.conf && pgcert renew" change_issuer ||
        fail_early "pgcert renew failed"
    claim "first certificate" "issued by ACME DNS-01, in $(seconds_since "$took")" \
        grep -q 'renewed, deployed, proved' <<<"$shown"
    show_look
    first=$(served db.example.test)
    claim "openssl(1) agrees" "${first:0:32}... verifies" look_is_good
    claim "TXT records" "removed from the zone" [ -z "$(dns_challenges "$ZONE")" ]

    title "7. A renewal by ACME, while pgbench is running"
    renewal_under_load 3
    show "pgcert status" pgcert status
}

inside()
{
    # shellcheck source-path=SCRIPTDIR source=world/inside.bash
    . "$here/world/inside.bash"
    printf '%spgcert, tried on a throw-away installation%s\n' "$bold" "$plain"
    by_private_ca
    by_acme
    finish
}

# Has the load begun? Its sessions are there.
busy()
{
    [ "$(pg_sql "select count(*) > 4 from pg_stat_activity where usename = 'bench'")" = t ]
}

# Are they all the same, and something?
same()
{
    local other
    for other; do
        [ -n "$1" ] && [ "$1" = "$other" ] || return
    done
}

changed()
{
    [ -n "$2" ] && [ "$1" != "$2" ] && [ "$2" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
}

# The end; with KEEP=1 only of this script, not of the world.
finish()
{
    local status=0
    summary
    [ $broken -eq 0 ] || status=1
    [ "${KEEP:-}" = 1 ] || exit $status
    keep
    echo $status >&9
    exec sleep infinity 9>&-
}

# A shell which knows the words of world/inside.bash.
keep()
{
    cat >"$WORLD/rc" <<END
. $here/world/inside.bash
pgcert() { "$PGCERT" -c "$CONF" "\$@"; }
cd "$WORLD"
PS1='world# '
END
    cat >/run/look <<END
#!/bin/bash
export WORLD=$WORLD PGCERT=$PGCERT PGCERT_WORLD=1 PATH=$PATH
export PGSSLROOTCERT=$WORLD/pebble/root.pem
exec bash --rcfile "$WORLD/rc" -i
END
    chmod +x /run/look
}

if [ "${1:-}" = --inside ]; then
    inside
else
    outside
fi
