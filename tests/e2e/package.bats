#!/usr/bin/env bats
# What is packed and installed: the tarball, the Debian package on a real systemd, the RPM.
load world

# shellcheck source-path=SCRIPTDIR source=../world/systemd.bash
. "$PGCERT_ROOT/tests/world/systemd.bash"

# One build, from the tarball, serves all tests.
setup_file()
{
    # also where the checkout belongs to another user than root
    export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
    version=$(sed -n 's/^.define PGCERT_VERSION "\(.*\)"/\1/p' "$PGCERT_ROOT/base/version.h")
    tree=$WORLD/packages/pgcert-$version
    export version tree
    mkdir -p "$tree"
    if git -C "$PGCERT_ROOT" rev-parse -q --verify HEAD >/dev/null 2>&1; then
        make -s -C "$PGCERT_ROOT" dist >"$WORLD/dist"
        tar -C "$WORLD/packages" -xf "$PGCERT_ROOT/$(cat "$WORLD/dist")"
    else
        tar -C "$PGCERT_ROOT" --exclude=./build --exclude=./.git -cf - . | tar -C "$tree" -xf -
    fi
    cd "$tree" || return
    DEB_BUILD_OPTIONS="nocheck parallel=2" dpkg-buildpackage -b -us -uc >"$WORLD/deb.log" 2>&1 ||
        { tail -n 20 "$WORLD/deb.log" >&2; return 1; }
    deb=$(ls "$WORLD"/packages/pgcert_*.deb)
    export deb
}

setup() { :; }

# The flags of the Debian build, so that what was built is used again.
same_flags()
{
    eval "$(DEB_BUILD_MAINT_OPTIONS=hardening=+all dpkg-buildflags --export=sh)"
}

# Units that can be enabled; all units that are no templates.
lasting() { (cd "$tree/units" && grep -l '^\[Install\]' ./*.service ./*.timer ./*.socket 2>/dev/null) | cut -c 3-; }
units() { (cd "$tree/units" && ls ./*.service ./*.timer ./*.socket 2>/dev/null) | grep -v @ | cut -c 3-; }
users() { cat "$tree"/units/*.sysusers 2>/dev/null | sed -n 's/^u \([^ ]*\).*/\1/p'; }

@test "the tarball is the same bytes from another directory, at another time, for another user" {
    [ -s "$WORLD/dist" ] || skip "this is no checkout of git"
    git clone -q "$PGCERT_ROOT" "$WORLD/clone"
    library=$(printf '%s\n' /usr/lib/*/faketime/libfaketime.so.1 | head -n 1)
    (
        umask 077
        printf '[tar]\numask = 0077\n[core]\nautocrlf = true\n' >"$WORLD/gitconfig"
        GIT_CONFIG_GLOBAL=$WORLD/gitconfig TZ=Asia/Tokyo FAKETIME_DISABLE_SHM=1 FAKETIME=+3d \
            LD_PRELOAD=$library make -s -C "$WORLD/clone" dist
    )
    cmp "$PGCERT_ROOT/$(cat "$WORLD/dist")" "$WORLD/clone/$(cat "$WORLD/dist")"
}

@test "all packages have the version of the program" {
    [ "$(dpkg-deb -f "$deb" Version)" = "$version" ]
    grep -qx "Version: *$version" "$tree/pgcert.spec"
    grep -q "^\* .* - $version-1$" "$tree/pgcert.spec"
}

@test "lintian has no error and no warning" {
    lintian --allow-root --fail-on error,warning "$WORLD"/packages/pgcert_*.changes
}

@test "the Debian package: what is in it, whose it is, and with which mode" {
    dpkg-deb -c "$deb" >"$WORLD/contents"
    [ "$(awk '$2 != "root/root"' "$WORLD/contents")" = "" ]
    # modes: directories, programs, files, links
    [ "$(grep -vE '^(drwxr-xr-x|-rw-r--r--|lrwxrwxrwx) ' "$WORLD/contents" | awk '{print $1, $6}')" = \
        "$(printf '%s\n' "-rwxr-xr-x ./usr/bin/pgcert" "-rwxr-xr-x ./usr/lib/pgcert/acmesh-shim.sh")" ]
    for file in $(units); do
        grep -q "/lib/systemd/system/$file$" "$WORLD/contents"
    done
    for file in "$tree"/*/*.[1-8] "$tree"/acme/*/*.[1-8]; do
        grep -q "/usr/share/man/man${file##*.}/${file##*/}.gz" "$WORLD/contents"
    done
    for file in bash-completion/completions/pgcert zsh/vendor-completions/_pgcert \
        fish/vendor_completions.d/pgcert.fish doc/pgcert/examples/pgcert.conf; do
        grep -q " ./usr/share/$file$" "$WORLD/contents"
    done
    for file in "$tree"/units/*.sysusers "$tree"/units/*.tmpfiles; do
        [ ! -e "$file" ] || grep -q "/usr/lib/${file##*.}.d/$(basename "${file%.*}").conf$" "$WORLD/contents"
    done
    # what is loaded late is needed as well
    for package in libcurl4 libpq5 libseccomp2 libsystemd0; do
        [[ $(dpkg-deb -f "$deb" Depends) == *"$package"* ]]
    done
}

# Are all of them as systemctl says? all_are is-active inactive
all_are()
{
    local unit
    for unit in $(if [ "$1" = is-enabled ]; then lasting; else units; fi); do
        [ "$(machine systemctl "$1" "$unit")" = "$2" ] || { echo "$unit: $1"; return 1; }
    done
}

# dpkg says a line for each thing: more than says would bear.
told()
{
    grep -qE -- "$1" <<<"$stderr"
}

machine_dpkg()
{
    machine dpkg --force-unsafe-io "$@"
}

@test "installed, it enables and starts nothing; removed, it keeps; purged, it says what it deletes" {
    machine_start
    machine rm -rf /etc/pgcert /var/lib/pgcert /var/lib/pgcert-ca
    expect 0 machine_dpkg -i "$deb"
    all_are is-enabled disabled
    all_are is-active inactive
    for user in $(users); do
        machine id "$user"
    done
    expect 0 machine pgcert -q version
    [ "$output" = "pgcert $version" ]
    # without settings nothing is run, and that is no failure
    expect 0 machine systemctl start pgcert-renew.service
    [ "$(machine systemctl show -P ConditionResult pgcert-renew.service)" = no ]
    [ ! -e "$MACHINE/root/var/lib/pgcert/accounts" ]

    # the administrator's: an upgrade goes on with it
    machine mkdir -p /var/lib/pgcert/accounts /var/lib/pgcert/ca /var/lib/pgcert-ca
    machine touch /etc/pgcert/pgcert.conf /var/lib/pgcert/accounts/one /var/lib/pgcert/ca/root.key \
        /var/lib/pgcert-ca/root.key
    machine systemctl enable -q --now pgcert-renew.timer
    expect 0 machine_dpkg -i "$deb"
    [ "$(machine systemctl is-active pgcert-renew.timer)" = active ]
    [ "$(machine systemctl is-enabled pgcert-renew.timer)" = enabled ]

    expect 0 machine_dpkg -r pgcert
    [ "$(machine systemctl is-active pgcert-renew.timer)" != active ]
    for file in /etc/pgcert/pgcert.conf /var/lib/pgcert/accounts/one /var/lib/pgcert/ca/root.key \
        /var/lib/pgcert-ca/root.key; do
        [ -e "$MACHINE/root$file" ]
    done
    [ ! -e "$MACHINE/root/usr/bin/pgcert" ]

    expect 0 machine_dpkg -P pgcert
    told "deleting settings, with the secrets of DNS providers: /etc/pgcert$"
    told "deleting what pgcert has obtained and remembered: /var/lib/pgcert/accounts$"
    told "the private CA in /var/lib/pgcert/ca is kept, with its keys"
    told "the private CA in /var/lib/pgcert-ca is kept, with its keys"
    [ ! -e "$MACHINE/root/etc/pgcert" ] && [ ! -e "$MACHINE/root/var/lib/pgcert/accounts" ]
    [ -e "$MACHINE/root/var/lib/pgcert/ca/root.key" ] && [ -e "$MACHINE/root/var/lib/pgcert-ca/root.key" ]
    machine_stop
}

@test "make install and uninstall: the same list, and settings are neither overwritten nor removed" {
    cd "$tree" || return
    same_flags
    echo "# ours" >units/10-test.conf
    expect 0 make -s install DESTDIR="$WORLD/dest" PREFIX=/usr/local
    grep -q /usr/local/bin/pgcert "$WORLD/dest/lib/systemd/system/pgcert-renew.service"
    echo "# changed" >"$WORLD/dest/etc/pgcert/conf.d/10-test.conf"
    expect 0 make -s install DESTDIR="$WORLD/dest" PREFIX=/usr/local
    expect 0 make -s uninstall DESTDIR="$WORLD/dest" PREFIX=/usr/local
    rm units/10-test.conf
    [ "$(cat "$WORLD/dest/etc/pgcert/conf.d/10-test.conf")" = "# changed" ]
    [ "$(find "$WORLD/dest" -type f -not -path "$WORLD/dest/etc/*")" = "" ]
}

@test "the RPM: what is in it, whose it is, and what it needs" {
    cd "$tree" || return
    same_flags
    expect 0 rpmbuild -bb --nodeps --build-in-place --define "_topdir $WORLD/rpm" pgcert.spec
    rpm=$(find "$WORLD/rpm/RPMS" -name "pgcert-$version-*.rpm")
    rpm -qp --qf '[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILENAMES}\n]' "$rpm" >"$WORLD/contents"
    cat "$WORLD/contents"
    [ "$(awk '$2 != "root/root"' "$WORLD/contents")" = "" ]
    [ "$(grep -vE '^(drwxr-xr-x|-rw-r--r--|lrwxrwxrwx) |/.build-id' "$WORLD/contents" | awk '{print $1, $3}')" = \
        "$(printf '%s\n' "-rwxr-xr-x /usr/bin/pgcert" "-rwxr-xr-x /usr/lib/pgcert/acmesh-shim.sh")" ]
    for file in $(units | sed 's|^|/usr/lib/systemd/system/|') /usr/share/zsh/site-functions/_pgcert \
        /usr/share/bash-completion/completions/pgcert /usr/share/fish/vendor_completions.d/pgcert.fish \
        /etc/pgcert/conf.d; do
        grep -q " $file$" "$WORLD/contents"
    done
    for file in */*.[1-8] acme/*/*.[1-8]; do
        grep -q "/man${file##*.}/${file##*/}" "$WORLD/contents"
    done
    for library in libcurl.so.4 libpq.so.5 libseccomp.so.2 libsystemd.so.0 libldns.so.3 libssl.so.3; do
        rpm -qp --requires "$rpm" | grep -qF "$library"
    done
    [ "$(sed -n 's/^%global lasting //p' pgcert.spec | tr ' ' '\n' | sort)" = "$(lasting | sort)" ]
}

# Is there somebody dead whom nobody has asked for?
no_zombie()
{
    nsenter -t "$first" -p -m sh -c 'not=$(grep -l "^State:.Z" /proc/[0-9]*/status 2>/dev/null); [ -z "$not" ]'
}

@test "as the first process of a container it reaps, hands signals on, and ends as its work did" {
    world_conf
    unshare --pid --fork --mount-proc "$PGCERT" -c "$CONF" watch >"$WORLD/watch.log" 2>&1 3>&- 4>&- &
    container=$!
    await 10 "watch" grep -q watching "$WORLD/watch.log"
    first=$(pgrep -P $container)
    # one whose parent ends before him
    nsenter -t "$first" -p -m sh -c 'sh -c "read -r x </proc/self/stat; echo ended >$0" & ' "$WORLD/orphan"
    await 5 "the orphan" test -s "$WORLD/orphan"
    await 5 "it to be reaped" no_zombie
    kill -TERM "$first"
    wait $container
    expect 64 unshare --pid --fork --mount-proc "$PGCERT" frobnicate
}

# One Ctrl-C on the terminal of a container; the second one would end what is under way at once.
@test "as the first process of a container it does not tell again what the terminal told its work" {
    world_conf
    python3 - strace -f -qq -e trace=kill -e signal=none -o "$WORLD/kills" \
        unshare --pid --fork --mount-proc "$PGCERT" -c "$CONF" watch <<'END'
import os, pty, signal, sys
signal.alarm(30)
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
said = b""
while b"watching" not in said:
    said += os.read(terminal, 4096)
os.write(terminal, b"\x03")
try:
    while os.read(terminal, 4096):
        pass
except OSError:
    pass # it is closed
assert os.waitpid(pid, 0)[1] == 0
END
    not grep -q SIGINT "$WORLD/kills"
}
