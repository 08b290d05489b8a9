#!/usr/bin/env bats
# Root works where the server's user is an enemy, who swaps files and directories all the while:
# nothing of root's is ever touched, and what is the server's is right in the end.
#
# RACE_SECONDS  for each of the scenes (2)
load ../e2e/world

PGDATA=$WORLD/pg/mid/data # the directory above is the server's as well
VICTIM=$WORLD/victim
step=() # what root's steps run under

# Only PostgreSQL: the private CA issues.
setup_file()
{
    PGDATA=$WORLD/pg/data pg_make
    install -d -o postgres -g postgres -m 755 "$WORLD/pg/mid"
    mv "$WORLD/pg/data" "$PGDATA"
    pg_start && world_conf
    compile
    conf_private
    pg_sql 'create role alice login'
    pgcert ca init && pgcert setup --yes --mutual-tls "db.$ZONE" && pgcert client new alice --database postgres
    pgcert renew --force
    cp -p "$PGDATA/pg_hba.conf" "$WORLD/pg_hba.first"
    cp -p "$PGDATA/pg_ident.conf" "$WORLD/pg_ident.first"
    cp -p "$PGDATA/pg_hba.conf" "$PGDATA/race.conf"
    cp -p "$PGDATA/postgresql.conf" "$WORLD/postgresql.first"
    make_victim "$VICTIM" && make_victim "$VICTIM/data"
    look_at_victim >"$WORLD/victim.before"
}

setup()
{
    [ ! -e "$WORLD/spoilt" ] || skip "an earlier test has touched the victim"
    conf_private
}

conf_private()
{
    world_conf
    private_ca "deploy = main" "[target main]" "mutual_tls = yes" "prove_timeout = 1s"
}

# What root has of the same names, as good for it as it can be: make_victim DIRECTORY
make_victim()
{
    install -d -m 755 "$1" "$1/conf.d"
    cp "$PGDATA/pgcert.pem" "$PGDATA/pgcert-clients.pem" "$PGDATA"/*.conf "$1"
    for name in pgcert.pem.previous race.pem race.pem.previous; do
        cp "$PGDATA/pgcert.pem" "$1/$name"
    done
    cp "$PGDATA"/conf.d/*.conf "$1/conf.d"
    chown -R root:root "$1" && chmod 600 "$1"/*.pem* && chmod 644 "$1"/*.conf "$1"/conf.d/*
}

# All that a hit would change: names, owners, modes, times, contents.
look_at_victim()
{
    find "$VICTIM" -printf '%p %i %n %M %U %G %s %T@ %C@\n' | sort
    find "$VICTIM" -type f -exec sha256sum {} + | sort
}

untouched()
{
    diff "$WORLD/victim.before" <(look_at_victim) || { : >"$WORLD/spoilt"; return 1; }
}

# Both sides of the fight; root's is the tested program's own code.
compile()
{
    local tests=$PGCERT_ROOT/tests/fault library=$PGCERT_ROOT/build/${MODE:-plain}/libpgcert.a flags=()
    [ "${MODE:-plain}" != asan ] || flags=(-fsanitize=address -fsanitize=undefined)
    [ "${MODE:-plain}" != cov ] || flags=(--coverage)
    cc -O2 -std=c11 -D_GNU_SOURCE -o "$WORLD/bin/attacker" "$tests/attacker.c"
    # shellcheck disable=SC2046 # a list of words
    cc -O2 -std=c11 -D_GNU_SOURCE -I"$PGCERT_ROOT" "${flags[@]}" -o "$WORLD/bin/root" "$tests/root.c" \
        "$library" $(pkg-config --libs openssl jansson inih libidn2 ldns expat) -ldl
}

# Root's work while it is attacked, first its single steps, then whole runs; each may fail, and none
# may last long: attacked SCENE COMMAND...
attacked()
{
    local scene=$1 steps runs=0 good=0 attacker swaps
    shift
    as_postgres "$WORLD/bin/attacker" "$scene" "$PGDATA" "$VICTIM" "${RACE_SECONDS:-2}" >"$WORLD/swaps" 3>&- 4>&- &
    attacker=$!
    steps=$("${step[@]}" "$WORLD/bin/root" "$PGDATA" 1)
    while kill -0 "$attacker" 2>/dev/null; do
        for command in "$@"; do
            ! "$command" >"$WORLD/run.log" 2>&1 || good=$((good + 1))
            runs=$((runs + 1))
        done
    done
    wait "$attacker"
    swaps=$(cat "$WORLD/swaps")
    echo "# $scene: $swaps swaps, ${steps% *} steps of root's and $runs runs, of which ${steps#* } and $good succeeded" >&3
    echo "$swaps $steps $runs $good" >>"$WORLD/sum"
    untouched
}

# Afterwards all is as it should be.
well()
{
    find "$PGDATA" -maxdepth 1 -name 'race.*.new-*' -delete # the next write of these would do it
    rm -f "$PGDATA"/*.link "$PGDATA"/*.mine "$PGDATA"/race.pem*
    # what the attacker has made of his own files is his to mend
    find "$PGDATA" -maxdepth 1 \( -type l -o -type p \) -delete
    [ -e "$PGDATA/pg_hba.conf" ] || cp -p "$WORLD/pg_hba.first" "$PGDATA/pg_hba.conf"
    [ -e "$PGDATA/pg_ident.conf" ] || cp -p "$WORLD/pg_ident.first" "$PGDATA/pg_ident.conf"
    [ -d "$PGDATA" ] && [ ! -L "$PGDATA" ] && [ ! -L "$PGDATA/../../mid" ]
    expect 0 pgcert renew --force
    [ "$(served)" = "$(leaf_sha256 "$(newest_generation)/chain.pem")" ]
    [ "$(served)" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
    [ -z "$(find "$PGDATA" -name '*.new-*')" ]
    pg_restart
}

forth() { pgcert renew --force; }
back() { pgcert rollback "db.$ZONE"; }
settings()
{
    as_postgres cp "$WORLD/pg_hba.first" "$PGDATA/pg_hba.conf"
    pgcert setup --yes --mutual-tls "db.$ZONE"
}

@test "files that become links, hard links, pipes and directories" {
    attacked files forth back
    well
}

@test "temporary files that are replaced before they have their name" {
    attacked temporary forth back
    well
}

@test "a data directory that becomes a link into root's" {
    attacked directory forth back
    well
}

@test "a directory above it that becomes a link into root's" {
    attacked parent forth back
    well
}

@test "settings, pg_hba.conf and pg_ident.conf that become links" {
    attacked settings settings
    well
}

@test "all of it at once" {
    attacked all forth back settings
    well
}

# As in a container whose filter of system calls does not know openat2(2): without_openat2 COMMAND...
without_openat2()
{
    strace -f -qq --seccomp-bpf -o "$WORLD/trace" -e trace=openat2 -e inject=openat2:error=ENOSYS "$@" 3>&- 4>&- </dev/null
}

old_forth() { without_openat2 "$PGCERT" -c "$CONF" renew --force; }

@test "the same on a kernel without openat2" {
    have strace
    expect 0 old_forth
    grep -q 'openat2(.*RESOLVE_NO_MAGICLINKS|RESOLVE_NO_SYMLINKS|RESOLVE_BENEATH.*ENOSYS' "$WORLD/trace"
    step=(without_openat2)
    attacked directory old_forth
    attacked parent old_forth
    well
}

@test "it was many operations, and root got its work done in between" {
    read -r swaps steps good_steps runs good < <(awk '{ for (i = 1; i <= 5; i++) s[i] += $i }
        END { print s[1], s[2], s[3], s[4], s[5] }' "$WORLD/sum")
    echo "# altogether $swaps swaps, $steps steps and $runs runs, of which $good_steps and $good succeeded" >&3
    [ "$swaps" -ge 1000000 ]
    [ "$good_steps" -ge 100 ]
    [ "$good" -ge 5 ]
}

# ---- what a server says ----

# Settings that the server's user has written: server_says LINE...
server_says()
{
    printf '%s\n' "$@" >>"$PGDATA/postgresql.conf"
    pg_restart
}

@test "a server that says that its pg_hba.conf is a file of root's is not believed" {
    server_says "hba_file = '$VICTIM/pg_hba.conf'"
    cp -p "$WORLD/pg_hba.first" "$PGDATA/pg_hba.conf"
    expect 77 pgcert setup --yes --mutual-tls "db.$ZONE"
    says "the server says '$VICTIM/pg_hba.conf'.*root does not take its word.*chgrp"
    untouched
    cp -p "$WORLD/postgresql.first" "$PGDATA/postgresql.conf"
}

@test "nor one that says that its settings stand in a directory of root's" {
    pg_sql 'alter system reset all'
    rm "$PGDATA"/conf.d/*.conf
    server_says "include_dir = '$VICTIM/conf.d'" "ssl = off"
    expect 0 pgcert setup --yes "db.$ZONE"
    grep -q "ALTER SYSTEM" <<<"$output"
    untouched
    well
    cp -p "$WORLD/postgresql.first" "$PGDATA/postgresql.conf"
    pg_restart
}

# ---- an ordinary user ----

@test "the server's user does all of it without root" {
    chown -R postgres: "$STATE" "$WORLD/conf"
    for command in "renew --force" "rollback db.$ZONE" "status" "renew --force" "deploy" "check main" \
        "client new bob --database postgres" "ca crl --force" "renew" "setup --yes db.$ZONE"; do
        # shellcheck disable=SC2086 # a list of words
        expect 0 as_postgres "$PGCERT" -c "$CONF" $command
    done
    [ "$(served)" = "$(leaf_sha256 "$PGDATA/pgcert.pem")" ]
    [ -z "$(find "$PGDATA" "$STATE" ! -user postgres)" ]
}
