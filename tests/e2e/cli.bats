#!/usr/bin/env bats
# What the command line says before it does anything.
load ../e2e/world

setup_file()
{
    world_conf
}

@test "an unknown command is a usage error and names itself" {
    expect 64 "$PGCERT" frobnicate
    [ "$output" = "" ]
    [ "$stderr" = "pgcert: no command 'frobnicate'; try: pgcert help" ]
}

@test "a command that is nearly one is suggested or at least explained" {
    expect 64 "$PGCERT" renw
    says "no command 'renw'"
}

@test "no command at all is a usage error that shows the way" {
    expect 64 "$PGCERT"
    says "pgcert help"
}

@test "an unknown option is a usage error and names itself" {
    expect 64 "$PGCERT" renew --frobnicate
    says "--frobnicate"
    [ "$output" = "" ]
}

@test "an option without its value is a usage error" {
    expect 64 "$PGCERT" -c
    says "-c"
}

@test "too many arguments are a usage error that says the usage" {
    expect 64 pgcert rollback one two
    says "usage: pgcert .*rollback"
}

@test "help lists every command, each once, within 80 columns" {
    expect 0 "$PGCERT" help
    [ "$stderr" = "" ]
    for command in renew deploy rollback setup import status check config help version; do
        [ "$(grep -cE "^ +$command( |$)" <<<"$output")" -ge 1 ]
    done
    [ "$(awk 'length > 80' <<<"$output")" = "" ]
}

@test "help explains each command that it lists" {
    for command in renew deploy rollback setup import status check config help version; do
        expect 0 "$PGCERT" help "$command"
        grep -q "pgcert.* $command" <<<"$output"
        [ "$(awk 'length > 80' <<<"$output")" = "" ]
    done
}

@test "--help and --version do what people expect" {
    expect 0 "$PGCERT" --help
    [ -n "$output" ]
    expect 0 "$PGCERT" --version
    [[ $output == pgcert\ * ]]
}

@test "help for an unknown command is a usage error" {
    expect 64 "$PGCERT" help frobnicate
    says "frobnicate"
}

@test "version says the program's name and a number" {
    expect 0 "$PGCERT" version
    [[ ${lines[0]} =~ ^pgcert\ [0-9]+\.[0-9]+ ]]
}

@test "version says what it was built with, and what it runs with" {
    expect 0 "$PGCERT" version
    [[ $output =~ compiler\ +(gcc|Clang|Debian).* ]]
    [[ $output == *"openssl     $(openssl version | cut -d ' ' -f 2), built with "[0-9]* ]]
    for package in jansson inih libidn2 ldns expat libcurl libpq libsystemd libseccomp; do
        grep -qE "^$package .*built with $(pkg-config --modversion $package)$" <<<"$output"
    done
    [[ $output == *"libsystemd  libsystemd.so.0."* ]]
    [[ $output == *"libpq       $(pkg-config --modversion libpq | cut -d . -f 1)."* ]]
    expect 0 "$PGCERT" --json version
    [ "$(json "['version']")" = "$("$PGCERT" -q version | cut -d ' ' -f 2)" ]
    [ "$(json "['openssl']")" = "$(openssl version | cut -d ' ' -f 2)" ]
    [ "$(json "['libraries'][6]['name']")" = libcurl ]
    [ "$(json "['libraries'][6]['running']")" = "$(curl --version | sed -n '1s/.*libcurl.\([0-9.]*\).*/\1/p')" ]
    [ "$(json "['seccomp']")" = true ]
}

@test "version says which library is missing, and goes on" {
    : >"$WORLD/empty"
    mount --bind "$WORLD/empty" "$(realpath "$(ldconfig -p | sed -n 's/.*libpq.so.5 .*=> //p' | head -n 1)")"
    expect 0 "$PGCERT" version
    [[ $output == *"libpq       cannot be loaded; built with "* ]]
}

@test "a settings file that is not there is named" {
    expect 78 "$PGCERT" -c /nowhere/pgcert.conf status
    says "/nowhere/pgcert.conf"
}

@test "a certificate that is not configured is named" {
    expect 64 pgcert renew nosuch.example.test
    says "nosuch.example.test"
    [ ! -e "$STATE/certificates" ]
}

@test "output that cannot be written is a failure" {
    run bash -c '"$PGCERT" help >/dev/full'
    [ "$status" -eq 74 ]
}

@test "no core dump and no trace of the inside when it is given nonsense" {
    for word in "" "-" "--" "'" '%s%n' "$(head -c 5000 /dev/zero | tr '\0' a)"; do
        run --separate-stderr timeout 10 "$PGCERT" "$word" </dev/null
        [ "$status" -eq 64 ]
        [ "$(wc -l <<<"$stderr")" -le 3 ]
    done
}
