#!/usr/bin/env bats
# watch: whatever changes a certificate's files, what is issued is served soon after.
load world
load watch

# Served by the private CA, which needs no other server.
setup_file()
{
    pg_start && mkdir -p "$WORLD/bind" && bind_key pgcert-key
    hear_notifications
    fresh
    private_ca
    pg_serves_pgcert
    expect 0 pgcert ca init
    expect 0 pgcert renew
    cp -a "$STATE" "$WORLD/issued"
    cp -a "$PGDATA/pgcert.pem" "$WORLD/served.pem"
    # another process that has no target
    mkdir -p "$WORLD/elsewhere/conf.d"
    cat "$CONF" "$WORLD/conf/conf.d/50-test.conf" | sed '/^deploy/d' >"$WORLD/elsewhere/pgcert.conf"
}

# All as it was then.
setup()
{
    fresh
    private_ca
    cp -a "$WORLD/issued/." "$STATE"
    pg_is_up || pg_start
    first=$(leaf_sha256 "$WORLD/served.pem")
    cp -a "$WORLD/served.pem" "$PGDATA/pgcert.pem"
    pg_sql "select pg_reload_conf()"
    await 5 "the first one" serves "$first"
}

# Another process stores a new generation.
renew_elsewhere()
{
    expect 0 timeout 60 "$PGCERT" -c "$WORLD/elsewhere/pgcert.conf" renew --force
    issued=$(leaf_sha256 "$(newest_generation)/chain.pem")
}

reloads()
{
    grep -c SIGHUP "$PG_LOG"
}

@test "what another process has issued is deployed and proved" {
    watch
    renew_elsewhere
    [ "$issued" != "$first" ]
    await 5 "the new one" serves "$issued"
    await 5 "its report" told 1 "done"
    cmp <(cat "$(newest_generation)/key.pem" "$(newest_generation)/chain.pem") "$PGDATA/pgcert.pem"
    output=$(grep '"done"' "$OUT")
    [ "$(json "['certificate']['did']")" = "['deployed', 'proved']" ]
    [ "$(json "['certificate']['targets'][0]['served_sha256']")" = "$issued" ]
    at_rest
    expect 0 pgcert --json status
    [ "$(json "['certificates'][0]['targets'][0]['served_sha256']")" = "$issued" ]
    watch_ends
    [ "$(events | xargs)" = "watching changed done stopped" ]
    [ ! -s "$ERR" ]
}

@test "a deployed file that somebody overwrites, replaces or removes is put back" {
    watch
    self_signed "$PGDATA/other.pem"
    cat "$PGDATA/other.pem" >"$PGDATA/pgcert.pem"
    await 5 "ours again" told 1 "done"
    [ "$(leaf_sha256 "$PGDATA/pgcert.pem")" = "$first" ]
    mv "$PGDATA/other.pem" "$PGDATA/pgcert.pem"
    chown postgres: "$PGDATA/pgcert.pem"
    pg_sql "select pg_reload_conf()"
    await 5 "ours again" told 2 "done"
    await 5 "it to be served" serves "$first"
    rm "$PGDATA/pgcert.pem"
    await 5 "ours again" told 3 "done"
    unharmed "$first"
    [ "$(stat -c '%U:%G %a' "$PGDATA/pgcert.pem")" = "postgres:postgres 600" ]
    at_rest
    [ ! -s "$ERR" ]
    watch_ends
}

@test "the same bytes written again cause nothing" {
    watch
    before=$(reloads)
    cp -p "$PGDATA/pgcert.pem" "$PGDATA/copy" && mv "$PGDATA/copy" "$PGDATA/pgcert.pem"
    at_rest
    [ "$(events | xargs)" = watching ]
    [ "$(reloads)" = "$before" ]
    watch_ends
}

@test "settings are read again on SIGHUP; wrong ones are told, and the old ones stay" {
    watch
    conf_add <<<$'[target main]\nprove_timeot = 1s'
    kill -HUP "$pid"
    await 5 "the refusal" grep -q "the settings stay as they were.*prove_timeout" "$ERR"
    await 5 "the end of it" grep -q "RELOADING=1" "$NOTIFIED"
    renew_elsewhere
    await 5 "the new one" serves "$issued"
    await 5 "its report" told 1 "done"
    sed -i '/prove_timeot/d' "$WORLD/conf/conf.d/50-test.conf"
    printf '%s\n' "[certificate other.$ZONE]" "issuer = private" | conf_add
    kill -HUP "$pid"
    await 5 "the new settings" told 1 reloaded
    output=$(grep reloaded "$OUT")
    [ "$(json "['certificates']")" = 2 ]
    [ "$(grep -c READY=1 "$NOTIFIED")" = 3 ]
    grep -A 1 RELOADING=1 "$NOTIFIED" | grep -q "^MONOTONIC_USEC=[0-9]"
    renew_elsewhere
    await 5 "the new one" serves "$issued"
    watch_ends
}

@test "a server that is down is told once, and deployed to as soon as it starts" {
    watch
    pg_stop
    renew_elsewhere
    await 10 "the failure" told 1 failed
    grep -q "db.$ZONE: \[target main\]: .*tried again in 2 s" "$ERR"
    await 10 "STATUS" grep -q "1 of 1 certificates fail: db.$ZONE" "$NOTIFIED"
    await 10 "another try" failed_again
    told 1 failed
    [ "$(wc -l <"$ERR")" = 1 ]
    not told 2 failed
    pg_start
    await 3 "the new one, before it would be tried again after 4 s" serves "$issued"
    await 10 "its report" told 1 "done"
    watch_ends
}

@test "what is served is proved again after a while" {
    conf_add <<<$'[pgcert]\nprove_again = 1s'
    watch
    before=$(reloads)
    await 10 "two proofs" told 2 "done"
    output=$(grep '"done"' "$OUT" | tail -n 1)
    [ "$(json "['certificate']['did']")" = "['proved']" ]
    [ "$(reloads)" = "$before" ]
    watch_ends
}

@test "idle it holds no lock; another run's it waits for" {
    watch
    flock -n "$STATE/lock" true
    exec 8>"$STATE/lock"
    flock 8
    rm "$PGDATA/pgcert.pem"
    await 5 "the change" told 1 changed
    at_rest
    [ ! -e "$PGDATA/pgcert.pem" ]
    exec 8>&-
    await 5 "ours again" told 1 "done"
    [ "$(served)" = "$first" ]
    [ -e "$PGDATA/pgcert.pem" ]
    await 5 "the lock" flock -n "$STATE/lock" true
    watch_ends
}

@test "when what does the work is killed, that is told, and it is done again" {
    watch
    exec 8>"$STATE/lock"
    flock 8
    rm "$PGDATA/pgcert.pem"
    await 5 "the change" told 1 changed
    kill -KILL "$(pgrep -P "$pid")"
    await 5 "the sentence" grep -q "has ended too early" "$ERR"
    exec 8>&-
    await 10 "ours again" told 1 "done"
    [ "$(served)" = "$first" ]
    [ "$(wc -l <"$ERR")" = 1 ]
    watch_ends
}

@test "told to end, it first brings to its end what it does" {
    watch
    exec 8>"$STATE/lock"
    flock 8
    rm "$PGDATA/pgcert.pem"
    await 5 "the change" told 1 changed
    kill "$pid"
    await 5 "STOPPING=1" grep -q STOPPING=1 "$NOTIFIED"
    at_rest
    not process_is_gone "$pid"
    exec 8>&-
    await 5 "its end" told 1 stopped
    [ "$(leaf_sha256 "$PGDATA/pgcert.pem")" = "$first" ]
    wait "$pid"
    rm "$WORLD/watch.number"
}

@test "killed at its work, it goes on when it is started again" {
    watch
    exec 8>"$STATE/lock"
    flock 8
    rm "$PGDATA/pgcert.pem"
    await 5 "the change" told 1 changed
    end_process "$WORLD/watch.number" KILL
    exec 8>&-
    [ ! -e "$PGDATA/pgcert.pem" ]
    watch
    await 5 "ours again" told 1 "done"
    [ "$(leaf_sha256 "$PGDATA/pgcert.pem")" = "$first" ]
    watch_ends
}

@test "without inotify watches it says so and goes on" {
    unshare -U -r bash -c 'echo 2 >/proc/sys/user/max_inotify_watches
        NOTIFY_SOCKET=$1.socket exec "${@:2}"' - "$NOTIFIED" "$PGCERT" -c "$CONF" watch \
        >"$OUT" 2>"$ERR" 3>&- 4>&- </dev/null &
    echo $! >"$WORLD/watch.number"
    pid=$!
    await 5 "the sentence" grep -q "fs.inotify.max_user_watches" "$ERR"
    : >"$NOTIFIED"
    watch_ends
    [ "$(grep -c inotify "$ERR")" = 1 ]
}

@test "systemd's watchdog is answered by the loop itself" {
    WATCHDOG_USEC=400000 watch
    await 5 "WATCHDOG=1" grep -q WATCHDOG=1 "$NOTIFIED"
    kill -STOP "$pid"
    : >"$NOTIFIED"
    read -rt 0.5 <> <(:) || :
    [ ! -s "$NOTIFIED" ]
    kill -CONT "$pid"
    watch_ends
}

@test "a thousand certificates at rest: under 20 MB, no time, few watches" {
    python3 - "$STATE/certificates" "db.$ZONE" "$WORLD/conf/conf.d/60-many.conf" <<'END'
import json, os, shutil, sys
store, name, conf = sys.argv[1:]
with open(conf, "w") as f:
    for i in range(1000):
        one = f"c{i}.example.test"
        f.write(f"[certificate {one}]\nissuer = private\ndeploy = t{i}\n[target t{i}]\n"
                "connection = host=/var/run/postgresql user=postgres dbname=postgres\n")
        shutil.copytree(f"{store}/{name}", f"{store}/{one}")
        state = json.load(open(f"{store}/{name}/state.json"))
        state["targets"] = {f"t{i}": state["targets"]["main"]}
        json.dump(state, open(f"{store}/{one}/state.json", "w"))
END
    watch
    output=$(head -n 1 "$OUT")
    [ "$(json "['certificates']")" = 1001 ]
    [ "$(json "['directories']")" -lt 1020 ]
    kb=$(awk '/VmRSS/ {print $2}' "/proc/$pid/status")
    before=$(grep ctxt "/proc/$pid/status" && cut -d ' ' -f 14,15 "/proc/$pid/stat")
    read -rt 2 <> <(:) || :
    [ "$(grep ctxt "/proc/$pid/status" && cut -d ' ' -f 14,15 "/proc/$pid/stat")" = "$before" ]
    [ "$MODE" = asan ] || [ "$kb" -lt 20000 ] # a sanitizer's memory is not ours
    watch_ends
}
