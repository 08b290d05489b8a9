#!/usr/bin/env bats
# Reading the settings: what is wrong is named with file, line and the nearest known word.
load ../e2e/world

@test "config check accepts the world's settings and touches nothing" {
    expect 0 pgcert config check
    [ "$stderr" = "" ]
    [ ! -e "$STATE" ]
}

@test "config show says each value and where it came from" {
    expect 0 pgcert config show
    grep -qE "directory += +$DIRECTORY" <<<"$output"
    grep -q "pgcert.conf:" <<<"$output"
    grep -qiE "key_type +=? *ecdsa-p256.*default" <<<"$output"
}

@test "config show never shows a secret" {
    expect 0 pgcert config show
    secret=$(sed -n 's/.*secret "\(.*\)";/\1/p' "$WORLD/bind/pgcert-key.key")
    [ -n "$secret" ]
    not grep -qF "$secret" <<<"$output$stderr"
}

@test "a later file in conf.d wins" {
    printf '[certificate db.%s]\nkey_type = ecdsa-p384\n' "$ZONE" >"$WORLD/conf/conf.d/10.conf"
    printf '[certificate db.%s]\nkey_type = rsa-2048\n' "$ZONE" >"$WORLD/conf/conf.d/20.conf"
    expect 0 pgcert config show
    grep -E 'key_type' <<<"$output" | grep -q 'rsa-2048.*20.conf:2'
}

@test "an unknown setting is named with file and line, and the nearest known one" {
    conf_add <<<$'[pgcert]\nstaet = /tmp'
    expect 78 pgcert config check
    says "50-test.conf:2.*staet.*'state'"
}

@test "an unknown section is named with file and line" {
    conf_add <<<$'[certifcate x]\nnames = x.test'
    expect 78 pgcert config check
    says "50-test.conf:1.*certifcate.*certificate"
}

@test "a line that is no setting is named with file and line" {
    conf_add <<<$'[pgcert]\nstate /var/lib/pgcert'
    expect 78 pgcert config check
    says "50-test.conf:2"
}

@test "a value of the wrong kind says what would be right" {
    while IFS='|' read -r section line; do
        printf '%s\n%s\n' "$section" "$line" >"$WORLD/conf/conf.d/50-test.conf"
        expect 78 pgcert config check
        says "50-test.conf:2.*${line%% *}"
    done <<END
[pgcert]|keep_generations = many
[certificate db.$ZONE]|key_type = dsa-1024
[certificate db.$ZONE]|renew_before = soon
[certificate db.$ZONE]|renew_before = 3/2
[certificate db.$ZONE]|names = not_a_name
[certificate db.$ZONE]|names = db..example.test
[issuer pebble]|agree_terms = maybe
[dns world]|timeout = -1s
[dns world]|propagation = never
END
}

@test "what refers to a missing section is named" {
    while IFS='|' read -r section line word; do
        printf '%s\n%s\n' "$section" "$line" >"$WORLD/conf/conf.d/50-test.conf"
        expect 78 pgcert config check
        says "50-test.conf:2.*$word"
    done <<END
[certificate db.$ZONE]|issuer = nosuch|nosuch
[certificate db.$ZONE]|deploy = nowhere|nowhere
[issuer pebble]|dns = nobody|nobody
END
}

@test "an unknown DNS provider names those that exist" {
    conf_add <<<$'[dns world]\nprovider = route67'
    expect 78 pgcert config check
    says "route67.*rfc2136"
}

@test "a directory that is not https is refused before anything is asked" {
    conf_add <<<$'[issuer pebble]\ndirectory = http://localhost:14000/dir'
    expect 78 pgcert config check
    says "https"
}

@test "a secret that others can read is refused, and the remedy is said" {
    chmod 644 "$WORLD/bind/pgcert-key.key"
    run --separate-stderr pgcert renew
    chmod 600 "$WORLD/bind/pgcert-key.key"
    [[ $status -eq 78 || $status -eq 77 ]]
    says "pgcert-key.key.*(chmod|0600)"
}

@test "a missing key file is named" {
    conf_add <<<$'[dns world]\ntsig_file = /nowhere/tsig.key'
    expect 78 pgcert renew
    says "/nowhere/tsig.key"
    [ "$(wc -l <<<"$stderr")" = 1 ]
}

@test "a secret may be a credential of systemd's" {
    conf_add <<<$'[dns world]\ntsig_file = credential:tsig'
    expect 78 pgcert renew
    says "credential:tsig.*LoadCredential"
    mkdir -m 700 "$WORLD/credentials"
    export CREDENTIALS_DIRECTORY=$WORLD/credentials
    expect 78 pgcert renew
    says "credentials/tsig"
}

@test "settings that are not UTF-8, too long or have NUL bytes do no harm" {
    printf '[pgcert]\nstate = \xff\xfe\n' >"$WORLD/conf/conf.d/50-test.conf"
    run --separate-stderr pgcert config check
    [[ $status -eq 0 || $status -eq 78 ]]
    printf '[pgcert]\nstate = /a\0b\n' >"$WORLD/conf/conf.d/50-test.conf"
    run --separate-stderr pgcert config check
    [[ $status -eq 0 || $status -eq 78 ]]
    { printf '[pgcert]\nstate = /'; head -c 100000 /dev/zero | tr '\0' x; echo; } \
        >"$WORLD/conf/conf.d/50-test.conf"
    expect 78 pgcert config check
}

@test "the samples in conf.d/ are accepted" {
    dir=$WORLD/samples
    rm -rf "$dir"
    mkdir -m 700 "$dir"
    cp -r "$PGCERT_ROOT"/conf.d "$dir/"
    main=$(find "$dir/conf.d" -name 'pgcert.conf*' ! -name '*.5' | head -n 1)
    if [ -n "$main" ]; then mv "$main" "$dir/pgcert.conf"; else : >"$dir/pgcert.conf"; fi
    expect 0 "$PGCERT" -c "$dir/pgcert.conf" config check
}

@test "two certificates cannot share a target" {
    conf_add <<<"[certificate other.$ZONE]"$'\nissuer = pebble\ndeploy = main'
    expect 78 pgcert config check
    says "db.$ZONE.*other.$ZONE.*main"
}

@test "a password in the connection is refused, and not shown" {
    for connection in "host=127.0.0.1 password=s3cret" "postgresql://me:s3cret@127.0.0.1/postgres"; do
        conf_add <<<$'[target main]\nconnection = '"$connection"
        expect 78 pgcert config check
        says "passfile"
        not grep -qF s3cret <<<"$output$stderr"
    done
}
