#!/usr/bin/env bats
# type = command: a server is told by a program of the administrator's.
load world

# PostgreSQL stands for any server: files and proof are said, and a program has it read them again.
setup_file()
{
    pg_start
    conf
    pgcert ca init
    cp -a "$STATE" "$WORLD/made"
}

setup()
{
    rm -rf "$STATE"
    cp -a "$WORLD/made" "$STATE"
    pg_serves_pgcert
    rm -f "$PGDATA"/*.previous
    : >"$WORLD/told"
    chmod 666 "$WORLD/told"
    install -d -m 755 "$WORLD/hooks"
    program "as_postgres $(pg_bin)/pg_ctl -D $PGDATA -s reload"
    conf
    old=$(served)
}

# The program, and what it does after it has written down what it was told.
program()
{
    cat >"$WORLD/hooks/tell" <<END
#!/bin/bash
{ printf 'argument %s\n' "\$@"; env | sort; id -un; pwd; } >>$WORLD/told
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "\$@"; }
$1
END
    chmod 755 "$WORLD/hooks/tell"
}

# More lines of the target: conf [LINE...]
conf()
{
    local arguments='"one argument" two ""'
    world_conf
    cat >"$CONF" <<END
[pgcert]
state = $STATE

[issuer private]
type = ca

[certificate db.$ZONE]
issuer = private
names = db.$ZONE, www.$ZONE
deploy = app

[target app]
type = command
command = $WORLD/hooks/tell ${arguments}
file = $PGDATA/pgcert.pem
prove = localhost:5432
prove_as = postgres
prove_timeout = 2s
END
    [ $# -eq 0 ] || printf '%s\n' "$@" >>"$CONF"
}

# Lines that the program has written down: told LINE...
told()
{
    local line
    for line in "$@"; do
        grep -qxF -- "$line" "$WORLD/told" || { printf 'it was not told: %s\n' "$line"; cat "$WORLD/told"; return 1; }
    done
}

@test "the program is told, in the words of three other clients, and what it did is proved" {
    export SECRET_OF_OURS=1
    expect 0 pgcert renew
    [ "$(served)" != "$old" ]
    [ "$(served)" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
    told "argument one argument" "argument two" "argument "
    told "PGCERT_TARGET=app" "PGCERT_CERTIFICATE=db.$ZONE" "PGCERT_SHA256=$(served)"
    told "RENEWED_LINEAGE=$PGDATA" "RENEWED_DOMAINS=db.$ZONE www.$ZONE"
    told "LEGO_CERT_DOMAIN=db.$ZONE" "LEGO_CERT_PATH=$PGDATA/pgcert.pem"
    told "LEGO_HOOK_CERT_DOMAINS=db.$ZONE,www.$ZONE" "LEGO_HOOK_CERT_KEY_PATH=$PGDATA/pgcert.pem"
    told "Le_Domain=db.$ZONE" "CERT_FULLCHAIN_PATH=$PGDATA/pgcert.pem"
    told root /
    not grep -q SECRET_OF_OURS "$WORLD/told"
    not grep -q "PRIVATE KEY" "$WORLD/told"
}

@test "each file has its own variable; the program runs as the user who reads the key" {
    sed -i "s|^file = .*|key_file = $WORLD/tls/privkey.pem\ncert_file = $WORLD/tls/fullchain.pem\nleaf_file = $WORLD/tls/cert.pem\nchain_file = $WORLD/tls/chain.pem\nrun_as = postgres|" "$CONF"
    install -d -o postgres -m 700 "$WORLD/tls"
    printf '%s\n' "ssl = on" "ssl_cert_file = '$WORLD/tls/fullchain.pem'" \
        "ssl_key_file = '$WORLD/tls/privkey.pem'" >"$PGDATA/conf.d/pgcert.conf"
    program "$(pg_bin)/pg_ctl -D $PGDATA -s reload"
    expect 0 pgcert renew
    [ "$(served)" = "$(leaf_sha256 "$WORLD/tls/cert.pem")" ]
    told postgres "RENEWED_LINEAGE=$WORLD/tls"
    told "CERT_PATH=$WORLD/tls/cert.pem" "CERT_KEY_PATH=$WORLD/tls/privkey.pem"
    told "CA_CERT_PATH=$WORLD/tls/chain.pem" "CERT_FULLCHAIN_PATH=$WORLD/tls/fullchain.pem"
    told "LEGO_CERT_PATH=$WORLD/tls/fullchain.pem" "LEGO_ISSUER_CERT_PATH=$WORLD/tls/chain.pem"
    # and as another, where it is said
    echo "command_as = nobody" >>"$CONF"
    program "exit 0"
    expect 80 pgcert renew --force
    told nobody
}

@test "a program that fails: the previous certificate is put back, and it is run again for it" {
    program "as_postgres $(pg_bin)/pg_ctl -D $PGDATA -s reload; [ \"\$PGCERT_SHA256\" = $old ] || { echo 'the other node is gone' >&2; exit 3; }"
    expect 80 pgcert renew
    says "tell' failed with status 3: the other node is gone"
    [ "$(served)" = "$old" ]
    [ "$(leaf_sha256 "$PGDATA/pgcert.pem")" = "$old" ]
    [ "$(grep -c ^PGCERT_TARGET= "$WORLD/told")" -eq 2 ]
    expect 0 pgcert status --json
    [[ $output == *"failed with status 3: the other node is gone"* ]]
}

@test "a program that does nothing is found out by the proof" {
    program "exit 0"
    conf "prove_timeout = 1s"
    expect 80 pgcert renew
    [ "$(served)" = "$old" ]
    [ "$(leaf_sha256 "$PGDATA/pgcert.pem")" = "$old" ]
}

@test "a program that does not end is killed, with all that it started" {
    program "sleep 1000 & sleep 1000"
    conf "timeout = 1s"
    expect 80 pgcert renew
    says "the previous one was put back, and is served: .*did not end within 1 s and was killed"
    [ -z "$(pgrep -x sleep)" ]
}

@test "a program that others can change is not run, and nothing is touched" {
    chmod 777 "$WORLD/hooks/tell"
    expect 77 pgcert renew
    says "others than root and user 0 can change .*, so that it is not run; try: chown root"
    chmod 755 "$WORLD/hooks/tell"
    chown nobody "$WORLD/hooks"
    expect 77 pgcert renew
    chown root "$WORLD/hooks"
    ln -sf "$WORLD/hooks/tell" /tmp/link && chown -h nobody /tmp/link
    sed -i "s|^command = .*|command = /tmp/link|" "$CONF"
    expect 77 pgcert renew
    says "the symbolic link '/tmp/link' belongs to user $(id -u nobody)"
    rm /tmp/link
    conf
    rm "$WORLD/hooks/tell"
    expect 78 pgcert renew
    says "there is no program"
    [ ! -s "$WORLD/told" ]
    [ "$(leaf_sha256 "$PGDATA/pgcert.pem")" = "$old" ]
}

@test "a target without prove is told, and status says that nobody can be asked" {
    sed -i /^prove/d "$CONF"
    expect 0 pgcert renew
    [ "$(served)" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
    expect 0 pgcert status
    [[ $output == *told* ]]
    # what was told is not told again
    expect 0 pgcert renew
    [ "$(grep -c ^PGCERT_TARGET= "$WORLD/told")" -eq 1 ]
    program "exit 1"
    expect 81 pgcert renew --force
    program "[ -e $WORLD/again ] || { touch $WORLD/again; exit 1; }"
    expect 80 pgcert renew --force
    says "the previous certificate was put back, and told"
}

@test "check shows what such a target serves" {
    expect 0 pgcert renew
    expect 0 pgcert check app
    [[ $output == *"db.$ZONE"* ]]
}

@test "settings that cannot be a command are told with file and line" {
    for wrong in 'tell' '/bin/true "a' '""'; do
        sed -i "s|^command = .*|command = $wrong|" "$CONF"
        expect 78 pgcert config check
        says "pgcert.conf:1[0-9]: \[target app\]: command: "
    done
    conf "command_as = nobody-here"
    expect 78 pgcert renew
    says "there is no user 'nobody-here' here"
}
