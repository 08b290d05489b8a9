# A machine inside of a world: a real systemd as its first process, over the host's own files, of which
# nothing is changed. Sourced after inside.bash.
# shellcheck shell=bash

MACHINE=$WORLD/machine
export MACHINE

# Starts it, as far as basic.target: with D-Bus, the journal, and no service of the host's.
machine_start()
{
    machine_make
    machine_boot basic.target
}

# Its file system, $MACHINE/root, which nothing runs in yet: what is to be there when it starts is
# written now. It sees $WORLD under the same name, and the servers of the world at their addresses.
machine_make()
{
    mkdir -p "$MACHINE"
    mount -t tmpfs -o mode=755,size=1g machine "$MACHINE"
    mkdir "$MACHINE"/{above,work,root}
    mount -t overlay machine -o "lowerdir=/,upperdir=$MACHINE/above,workdir=$MACHINE/work" "$MACHINE/root"
    rm -f "$MACHINE/root/usr/sbin/policy-rc.d"
    : >"$MACHINE/root/etc/machine-id"
}

# machine_boot TARGET
machine_boot()
{
    machine_groups mkdir
    # in groups of its own, and as if it were started by nobody: systemd of the host need not know it
    # shellcheck disable=SC2016 # expands inside
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 setsid bash -c '
        for group in $1; do echo $$ >"$group/cgroup.procs"; done
        exec systemd-nspawn -q -b --capability=CAP_NET_ADMIN -D "$2/root" --bind="$3:$3:norbind" --register=no --keep-unit \
            --resolv-conf=off --console=pipe -M pgcert-machine systemd.unit="$4"' \
        machine "$(machine_group_names | tr '\n' ' ')" "$MACHINE" "$WORLD" "$1" \
        <>/dev/null >"$MACHINE/log" 2>&1 3>&- 4>&- &
    echo $! >"$MACHINE/number"
    await 60 "systemd to start" machine_is_up || { cat "$MACHINE/log" >&2; return 1; }
}

# Of the children of systemd-nspawn(1) the first ones are passing.
machine_is_up()
{
    pgrep -n -P "$(cat "$MACHINE/number")" >"$MACHINE/first" || return
    [[ $(machine systemctl is-system-running) =~ running|degraded ]]
}

# Runs a command in it, as root: machine COMMAND...
machine()
{
    nsenter -t "$(cat "$MACHINE/first")" -m -u -i -n -p -C -- \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        ASAN_OPTIONS="${ASAN_OPTIONS-}" "$@" 3>&- 4>&- </dev/null
}

machine_stop()
{
    machine_halt
    machine_groups rmdir
    umount "$MACHINE/root"
    umount "$MACHINE"
}

machine_halt()
{
    machine systemctl poweroff --no-wall || :
    await 20 "systemd to end" process_is_gone "$(cat "$MACHINE/number")" ||
        kill -KILL "$(cat "$MACHINE/number")"
    # what a test that failed has left inside was stopped before it was killed, and nsenter(1) stops with it
    pkill -CONT -x nsenter || :
}

# Control groups do not end with a world: they are named after it, and those of worlds that were killed are
# removed by the next.
machine_group_names()
{
    local top
    for top in /sys/fs/cgroup/unified /sys/fs/cgroup/systemd /sys/fs/cgroup; do
        [ ! -e "$top/cgroup.procs" ] || echo "$top/${WORLD##*/}"
    done
}

machine_groups()
{
    local group old
    for group in $(machine_group_names); do
        for old in "${group%/*}"/pgcert-world.*; do
            [ ! -d "$old" ] || [ -d "/tmp/${old##*/}" ] || machine_remove_group "$old"
        done
        if [ "$1" = mkdir ]; then
            mkdir -p "$group"
        else
            machine_remove_group "$group"
        fi
    done
}

machine_remove_group()
{
    find "$1" -depth -type d -exec rmdir {} + 2>/dev/null || :
}
