# watch, running beside a test: started, heard, ended. After: load world
# shellcheck shell=bash disable=SC2034,SC2154 # variables of the test and of the world

OUT=$WORLD/watch.out
ERR=$WORLD/watch.err
NOTIFIED=$WORLD/notified

# Nothing of it outlives a test.
teardown()
{
    [ ! -e "$WORLD/watch.number" ] || end_process "$WORLD/watch.number" KILL
    [ -n "${BATS_TEST_COMPLETED:-}" ] || cat "$OUT" "$ERR"
}

# What systemd would hear: each datagram is appended to a file.
hear_notifications()
{
    python3 -c 'import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1] + ".socket")
while True:
    said = s.recv(4096).decode()
    with open(sys.argv[1], "a") as f:
        f.write(said + "\n")' "$NOTIFIED" 3>&- 4>&- &
    await 5 "the socket" test -S "$NOTIFIED.socket"
    chmod 666 "$NOTIFIED.socket" # as systemd's own
}

# Starts it; what it writes goes to files: watch [PATTERN OF ITS FIRST STATUS]
watch()
{
    : >"$NOTIFIED"
    : >"$OUT"
    NOTIFY_SOCKET=$NOTIFIED.socket "$PGCERT" -c "$CONF" --json watch >"$OUT" 2>"$ERR" 3>&- 4>&- </dev/null &
    echo $! >"$WORLD/watch.number"
    await 10 "READY=1" grep -q READY=1 "$NOTIFIED"
    await 10 "its first pass" grep -q "${1:-all.is.well}" "$NOTIFIED"
    pid=$(cat "$WORLD/watch.number")
}

# Ends it, and wants that it ends well.
watch_ends()
{
    kill "$pid"
    local status=0
    wait "$pid" || status=$?
    rm "$WORLD/watch.number"
    [ "$status" = 0 ] || return
    await 5 "STOPPING=1" grep -q STOPPING=1 "$NOTIFIED"
}

# The events so far, one word each.
events()
{
    python3 -c 'import json, sys
for line in open(sys.argv[1]):
    print(json.loads(line)["event"])' "$OUT"
}

# Has it told of that so often? told TIMES EVENT
told()
{
    [ "$(events | grep -cx "$2")" -ge "$1" ]
}

# Nothing happens any more, though there was time for it.
at_rest()
{
    local before
    before=$(stat -c %s "$OUT" "$ERR")
    read -rt 0.3 <> <(:) || :
    [ "$(stat -c %s "$OUT" "$ERR")" = "$before" ]
}

# Has a second try failed, too?
failed_again()
{
    [ "$(grep -c 'certificates fail' "$NOTIFIED")" -ge 2 ]
}
