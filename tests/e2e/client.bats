#!/usr/bin/env bats
# client: certificates for clients, with which real clients log in to PostgreSQL.
load ../e2e/world

# Only PostgreSQL: neither name server nor ACME server is there.
setup_file()
{
    pg_start && world_conf
    pg_sql 'create database app' && pg_sql 'create role alice login' && pg_sql 'create role bob login'
}

setup()
{
    fresh
    private_ca
    expect 0 pgcert ca init
}

CA=$STATE/ca
BUNDLES=$CA/clients

# PostgreSQL serves the private CA's certificate, and wants one of each client; CRLs are checked.
mutual_tls()
{
    pg_serves_pgcert
    expect 0 pgcert renew
    trust_clients
}

# What the server trusts for clients, by hand.
trust_clients()
{
    export_clients
    printf '%s\n' 'local all postgres peer' 'hostssl app alice all cert' 'hostssl app bob all cert' >"$PGDATA/pg_hba.conf"
    pg_sql 'select pg_reload_conf()' >/dev/null
    await 5 "the new trust" bash -c "psql '$(psql_uri_of_nobody)' 2>&1 | grep -q 'certificate'"
}

psql_uri_of_nobody()
{
    echo "host=db.$ZONE user=alice dbname=app sslmode=require sslcert=/nonexistent sslkey=/nonexistent"
}

# Logs in by the URI of a bundle, and says as whom: login DIRECTORY
login()
{
    psql "$(head -n 1 "$1/urls")" -XqAtc "select current_user || ' ' || current_database() || ' ' || client_dn from pg_stat_ssl where pid = pg_backend_pid()"
}

@test "a bundle logs in by each of its files, with verify-full" {
    mutual_tls
    expect 0 pgcert client new alice --database app
    [[ $output == "alice: "*" made; the bundle is $BUNDLES/alice" ]]
    dir=$BUNDLES/alice
    [ "$(login "$dir")" = "alice app /CN=alice" ]
    [ "$(env PGSERVICEFILE="$dir/pg_service.conf" PGSERVICE=alice psql -XqAtc 'select current_user')" = alice ]
    [ "$(sh -c ". '$dir/environment' && psql -XqAtc 'select current_user'")" = alice ]
    # libpq and JDBC look there by themselves
    install -d -m 700 "$WORLD/home/.postgresql"
    cp "$dir"/postgresql.* "$dir/root.crt" "$WORLD/home/.postgresql"
    [ "$(env HOME="$WORLD/home" psql "host=db.$ZONE user=alice dbname=app sslmode=verify-full" -XqAtc 'select current_user')" = alice ]
    # not as another user, nor for another database
    not psql "host=db.$ZONE user=bob dbname=app sslmode=verify-full sslcert=$dir/postgresql.crt sslkey=$dir/postgresql.key sslrootcert=$dir/root.crt" -c 'select 1'
    not psql "host=db.$ZONE user=alice dbname=postgres sslmode=verify-full sslcert=$dir/postgresql.crt sslkey=$dir/postgresql.key sslrootcert=$dir/root.crt" -c 'select 1'
}

@test "the key has every form, and all of them are private" {
    expect 0 pgcert client new alice
    dir=$BUNDLES/alice
    [ "$(stat -c %a "$dir")" = 700 ]
    [ "$(stat -c %a "$dir"/* | sort -u)" = 600 ]
    openssl verify -x509_strict -purpose sslclient -crl_check_all -CAfile "$CA/root.crt" \
        -CRLfile "$CA/clients.crl" -untrusted "$dir/postgresql.crt" "$dir/postgresql.crt"
    certtool --verify --load-ca-certificate "$CA/root.crt" --infile "$dir/postgresql.crt" \
        --verify-purpose 1.3.6.1.5.5.7.3.2
    public=$(openssl x509 -in "$dir/postgresql.crt" -noout -pubkey)
    [ "$(openssl pkey -in "$dir/postgresql.key" -pubout)" = "$public" ]
    [ "$(openssl pkey -inform DER -in "$dir/postgresql.pk8" -pubout)" = "$public" ]
    openssl pkcs12 -in "$dir/postgresql.p12" -passin "file:$dir/postgresql.p12.password" -nodes -info >"$WORLD/p12" 2>&1
    grep -q 'PBES2, PBKDF2, AES-256-CBC' "$WORLD/p12"
    grep -q 'MAC: sha256' "$WORLD/p12"
    [ "$(grep -c 'BEGIN CERTIFICATE' "$WORLD/p12")" = 2 ]
    [ "$(openssl pkey -in "$WORLD/p12" -pubout)" = "$public" ]
    certtool --p12-info --inder --infile "$dir/postgresql.p12" --password "$(cat "$dir/postgresql.p12.password")" \
        >"$WORLD/p12" 2>&1
    [ "$(openssl pkey -in "$WORLD/p12" -passin "file:$dir/postgresql.p12.password" -pubout)" = "$public" ]
    not certtool --p12-info --inder --infile "$dir/postgresql.p12" --password wrong

    (umask 077 && echo 'a secret' >"$WORLD/password")
    expect 0 pgcert client new bob --legacy --password-file "$WORLD/password" --key-type rsa-2048 --lifetime 2d
    openssl pkcs12 -in "$BUNDLES/bob/postgresql.p12" -passin 'pass:a secret' -nodes -info >"$WORLD/p12" 2>&1
    grep -q 'pbeWithSHA1And3-KeyTripleDES-CBC' "$WORLD/p12"
    grep -q 'MAC: sha1' "$WORLD/p12"
    not grep -q 'a secret' <<<"$output$stderr"
    openssl x509 -in "$BUNDLES/bob/postgresql.crt" -noout -text | grep -q 'Public-Key: (2048 bit)'
    not openssl x509 -in "$BUNDLES/bob/postgresql.crt" -noout -checkend 172801
}

@test "what is asked for stands in the files" {
    expect 0 pgcert --json client new "O'Hara Zoë" --host 2001:db8::1 --port 5433 --database "a b" \
        --path "/home of/zoë" --out "$WORLD/out/"
    [ "$(json "['bundles'][0]['directory']")" = "$WORLD/out" ]
    [ "$(json "['bundles'][0]['serial']")" = "$(openssl x509 -in "$WORLD/out/postgresql.crt" -noout -serial | sed 's/.*=//' | tr A-F a-f)" ]
    head -n 1 "$WORLD/out/urls" | grep -qx "postgresql://O%27Hara%20Zo%C3%AB@\[2001:db8::1\]:5433/a%20b?sslmode=verify-full&sslcert=/home%20of/zo%C3%AB/postgresql.crt&sslkey=/home%20of/zo%C3%AB/postgresql.key&sslrootcert=/home%20of/zo%C3%AB/root.crt"
    tail -n 1 "$WORLD/out/urls" | grep -q '^jdbc:postgresql://\[2001:db8::1\]:5433/a%20b?user=O%27Hara%20Zo%C3%AB&sslmode=verify-full&.*postgresql.pk8'
    [ "$(sh -c ". '$WORLD/out/environment' && echo \"\$PGUSER|\$PGDATABASE|\$PGSSLKEY\"")" = "O'Hara Zoë|a b|/home of/zoë/postgresql.key" ]
    grep -qx "user=O'Hara Zoë" "$WORLD/out/pg_service.conf"
    grep -q "as the user 'O'Hara Zoë'" "$WORLD/out/README"
}

@test "a name that cannot be, or should not be, gets nothing" {
    local long
    long=$(printf 'x%.0s' {1..64})
    expect 65 pgcert client new "$long"
    says "has 64 bytes, and a role of PostgreSQL at most 63"
    expect 0 pgcert client new "${long:1}"
    expect 65 pgcert client new $'a\nb'
    expect 65 pgcert client new ""
    expect 77 pgcert client new postgres
    says "privileged role"
    expect 77 pgcert client new pg_monitor
    expect 0 pgcert client new postgres --privileged
    expect 0 pgcert client new ../../../etc/x
    [ -e "$BUNDLES/%2E.%2F..%2F..%2Fetc%2Fx/postgresql.key" ]
    expect 64 pgcert client new bob --lifetime soon
    expect 64 pgcert client new bob --port 65536
    expect 64 pgcert client new bob --key-type dsa
    expect 64 pgcert client new
    says "new USER... or: --from FILE"
    expect 64 pgcert client make bob
    expect 65 pgcert client new postgres --privileged
    says "is there already"
    [ "$(pgcert client list | grep -c valid)" = 3 ]
}

@test "several users, from a file as well, get a bundle each, and a bad one stops no other" {
    printf '%s\n' carol 'Zoë O'"'"'Hara' '' postgres carol dave >"$WORLD/names"
    expect 77 pgcert client new alice bob --from "$WORLD/names"
    [ "$(wc -l <<<"$output")" = 5 ]
    says "postgres: 'postgres' is the name of a privileged role"
    says "carol: '$BUNDLES/carol' is asked for twice"
    [ "$(find "$BUNDLES" -mindepth 1 -maxdepth 1 | wc -l)" = 5 ]
    [ "$(pgcert client list --state valid | grep -c 20)" = 5 ]
    openssl x509 -in "$BUNDLES/Zo%C3%AB%20O%27Hara/postgresql.crt" -noout -subject -nameopt utf8,sep_multiline | grep -q "CN=Zoë O'Hara"
    [ "$(cat "$BUNDLES"/*/postgresql.key | grep -c BEGIN)" = 5 ]
    [ "$(cat "$BUNDLES"/*/postgresql.key | sort -u | grep -vc '^-----')" = 15 ] # no key is there twice
    # again: those that are there are told, and the new ones made
    echo erin >>"$WORLD/names"
    expect 0 pgcert --json client new --from - # which is empty
    [ "$(json "['bundles'].__len__()")" = 0 ]
    run --separate-stderr timeout 60 "$PGCERT" -c "$CONF" --json client new --from - <"$WORLD/names" 3>&- 4>&-
    [ "$(json "['bundles'][0]['user']")" = erin ]
    [ "$(json "['bundles'].__len__()")" = 1 ]
    expect 64 pgcert client new alice bob --out "$WORLD/out"
    expect 74 pgcert client new --from "$WORLD/nothing"
}

@test "a renewal of all renews all but the revoked, in place" {
    mapfile -t users < <(seq -f 'user%.0f' 30)
    expect 0 pgcert client new "${users[@]}"
    expect 0 pgcert client revoke user7
    before=$(sha256sum "$BUNDLES"/*/postgresql.key | sort)
    expect 0 pgcert client renew
    [ "$(sha256sum "$BUNDLES"/*/postgresql.key | sort)" = "$before" ]
    expect 0 pgcert client renew --all
    [ "$(grep -c ' renewed;' <<<"$output")" = 29 ]
    [[ $output == *"user7: not renewed"* ]]
    after=$(sha256sum "$BUNDLES"/*/postgresql.key | sort)
    [ "$(comm -12 <(echo "$before") <(echo "$after") | wc -l)" = 1 ]
    [ "$(find "$BUNDLES" -mindepth 1 -maxdepth 1 | wc -l)" = 30 ]
    for user in "${users[@]}"; do
        openssl verify -x509_strict -CAfile "$CA/root.crt" -untrusted "$BUNDLES/$user/postgresql.crt" "$BUNDLES/$user/postgresql.crt"
        [ "$(openssl x509 -in "$BUNDLES/$user/postgresql.crt" -noout -pubkey)" = "$(openssl pkey -in "$BUNDLES/$user/postgresql.key" -pubout)" ]
    done >/dev/null
    # one that is damaged stops no other
    echo '{}' >"$BUNDLES/user9/about.json"
    expect 65 pgcert client renew --all
    says "user9"
    [ "$(grep -c ' renewed;' <<<"$output")" = 28 ]
    expect 64 pgcert client renew --all user1
}

# A kill of the parent ends the workers; a kill of a worker is told, and the others' bundles are made.
# A kill of the parent ends the workers; a kill of a worker is told, and the others' bundles are made.
@test "killed at system calls that change a file, many are made whole or not at all" {
    have strace
    local call n kills=0
    mapfile -t users < <(seq -f 'user%.0f' 9) # more than are synced one by one
    for call in mkdir write fsync syncfs rename openat; do
        for n in 1 2 3 4 5 6 7 8 9 20 34 48; do
            rm -rf "$BUNDLES"
            run strace -f -qq -o "$WORLD/trace" -e "trace=$call" -e "inject=$call:signal=KILL:when=$n" \
                "$PGCERT" -c "$CONF" client new "${users[@]}" 3>&- 4>&- </dev/null
            grep -q 'killed by SIGKILL' "$WORLD/trace" || break
            kills=$((kills + 1))
            each_is_whole
        done
    done
    [ "$kills" -gt 40 ]
    # what was left behind is not in the way
    run pgcert client new "${users[@]}" another
    expect 0 pgcert client renew "${users[@]}" another
    [ "$(find "$BUNDLES" -mindepth 1 -maxdepth 1 | wc -l)" = 10 ]
    each_is_whole
}

# Every file of the bundles that have their names is there, and the index has each.
each_is_whole()
{
    local dir files
    for dir in "$BUNDLES"/*; do
        case $dir in *'~new' | *'*') continue ;; esac
        files=("$dir"/*)
        [ ${#files[@]} = 11 ] && [ -s "$dir/postgresql.crt" ] && [ -s "$dir/about.json" ] || return 1
        grep -qF "$(sed -n 's/.*"serial": "\(.*\)".*/\1/p' "$dir/about.json")" "$CA/index" || return 1
    done
    [ -z "${files:-}" ] || [ "$(openssl x509 -in "${files[0]%/*}/postgresql.crt" -noout -pubkey)" = "$(openssl pkey -in "${files[0]%/*}/postgresql.key" -pubout)" ]
}

@test "of a request nothing is used but the public key" {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORLD/mine.key" \
        -subj /CN=postgres/O=evil -addext basicConstraints=critical,CA:TRUE \
        -addext "subjectAltName=DNS:db.$ZONE" -out "$WORLD/mine.csr" 2>/dev/null
    pgcert client sign alice "$WORLD/mine.csr" >"$WORLD/mine.crt"
    [ "$(openssl x509 -in "$WORLD/mine.crt" -noout -pubkey)" = "$(openssl pkey -in "$WORLD/mine.key" -pubout)" ]
    [ "$(subject_of "$WORLD/mine.crt")" = "CN=alice" ]
    openssl x509 -in "$WORLD/mine.crt" -noout -text >"$WORLD/text"
    grep -q 'CA:FALSE' "$WORLD/text"
    not grep -q "DNS:" "$WORLD/text"
    expect 65 pgcert client sign alice "$WORLD/mine.key"
    says "no certificate request"
    expect 77 pgcert client sign postgres "$WORLD/mine.csr"
    expect 74 pgcert client sign alice "$WORLD/nothing.csr"
    [ "$(pgcert client list alice | grep -c valid)" = 1 ]
}

@test "thousands are revoked with one look at the index and one write to it, or none of them" {
    have strace
    pgcert ca init >/dev/null 2>&1 || :
    seq -f 'many%g' 600 >"$WORLD/many"
    expect 0 pgcert --quiet client new --from "$WORLD/many" --host "x.$ZONE"
    (cat "$WORLD/many" && echo nobody) >"$WORLD/wrong"
    expect 65 pgcert client revoke --from "$WORLD/wrong"
    says "'nobody' that could be revoked"
    expect 0 pgcert client list --state revoked many1 many600
    [ -z "$output" ]
    expect 0 strace -f -qq -e trace=openat,fsync -o "$WORLD/calls" "$PGCERT" -q -c "$CONF" client revoke --from "$WORLD/many" many600
    [ "$(grep -c '/ca/index"' "$WORLD/calls")" -le 6 ]
    [ "$(grep -c 'fsync' "$WORLD/calls")" -le 30 ]
    expect 0 pgcert --json client list --state revoked
    [ "$(json "['clients'].__len__()")" -ge 600 ]
    [ "$(openssl crl -in "$STATE/ca/client-ca.crl" -noout -text | grep -c 'Serial Number')" -ge 600 ]
    expect 64 pgcert client revoke
    says "USER\|SERIAL... or: --from FILE"
}

@test "revoked, a client is refused once the server has the CRL; others are not" {
    mutual_tls
    expect 0 pgcert client new alice --database app
    expect 0 pgcert client new bob --database app
    expect 0 pgcert client new alice --database app --out "$WORLD/second"
    [ "$(login "$BUNDLES/alice")" = "alice app /CN=alice" ]
    serial=$(openssl x509 -in "$WORLD/second/postgresql.crt" -noout -serial | sed 's/.*=//' | tr A-F a-f)

    expect 0 pgcert client revoke "$serial" --reason superseded
    trust_clients
    not login "$WORLD/second"
    [ "$(login "$BUNDLES/alice")" = "alice app /CN=alice" ]

    expect 0 pgcert client revoke alice
    [[ $output == *"$serial was revoked already"*"is revoked"* || $output == *"is revoked"*"was revoked already"* ]]
    trust_clients
    not login "$BUNDLES/alice"
    [ "$(login "$BUNDLES/bob")" = "bob app /CN=bob" ]
    expect 65 pgcert client revoke alicia
    says "that could be revoked"
    expect 64 pgcert client revoke bob --reason boredom
    says "there are: unspecified keyCompromise"
    # who was locked out gets nothing by itself, but may be let in again
    expect 0 pgcert client renew
    expect 0 pgcert client renew alice
    [ "$(login "$BUNDLES/alice")" = "alice app /CN=alice" ]
}

@test "a bundle is copied, or brought up to date, with the same key and certificate" {
    have faketime
    mutual_tls
    expect 0 pgcert client new alice --database app
    before=$(pgcert --json client list)
    expect 0 pgcert client bundle alice --out "$WORLD/copy/alice"
    [[ $output == "alice: "*" copied; the bundle is $WORLD/copy/alice" ]]
    [ "$(stat -c %a "$WORLD/copy/alice")" = 700 ]
    [ "$(stat -c %a "$WORLD/copy/alice"/* | sort -u)" = 600 ]
    [ "$(ls -A "$WORLD/copy/alice")" = "$(ls -A "$BUNDLES/alice")" ]
    [ "$(ls -A "$WORLD/copy")" = alice ]
    for file in postgresql.crt postgresql.key postgresql.pk8 postgresql.p12.password root.crt; do
        cmp "$WORLD/copy/alice/$file" "$BUNDLES/alice/$file"
    done
    openssl pkcs12 -in "$WORLD/copy/alice/postgresql.p12" -passin "file:$BUNDLES/alice/postgresql.p12.password" -nodes |
        openssl pkey -pubout | cmp - <(openssl pkey -in "$BUNDLES/alice/postgresql.key" -pubout)
    # its files name the place where they are
    mv "$BUNDLES/alice" "$WORLD/elsewhere"
    [ "$(login "$WORLD/copy/alice")" = "alice app /CN=alice" ]
    mv "$WORLD/elsewhere" "$BUNDLES/alice"
    expect 65 pgcert client bundle alice --out "$WORLD/copy/alice"
    says "is there already"
    expect 65 pgcert client bundle bob --out "$WORLD/copy/bob"
    [ ! -e "$WORLD/copy/bob" ]

    # what has changed comes in, in its own place or in the copy
    expect 0 pgcert --json client bundle alice --port 5433 --path /srv/alice --legacy
    [ "$(json "['bundles'][0]['did']")" = updated ]
    grep -q 'port=5433' "$BUNDLES/alice/pg_service.conf"
    openssl pkcs12 -in "$BUNDLES/alice/postgresql.p12" -passin "file:$BUNDLES/alice/postgresql.p12.password" -nodes -info 2>&1 |
        grep -q TripleDES
    expect 0 pgcert client bundle alice --port 5432 --out "$WORLD/copy/second"
    grep -q 'sslkey=/srv/alice/postgresql.key' "$WORLD/copy/second/pg_service.conf"
    grep -q 'port=5432' "$WORLD/copy/second/pg_service.conf"
    cmp "$WORLD/copy/second/postgresql.key" "$WORLD/copy/alice/postgresql.key"
    expect 64 pgcert client bundle alice --host $'a\nb'
    expect 64 pgcert client bundle alice bob
    [ "$(pgcert --json client list)" = "$before" ] # nothing was signed

    expect 0 pgcert client revoke alice
    expect 65 pgcert client bundle alice --out "$WORLD/copy/third"
    says "is revoked.*pgcert client renew alice"
    expect 0 pgcert client new bob
    expect 65 later +300d client bundle bob
    says "has expired.*pgcert client renew bob"
}

@test "killed at any system call that changes a file, a bundle is copied whole or not at all" {
    have strace
    local call n kills=0
    expect 0 pgcert client new alice
    for call in openat write fsync mkdir rename unlink; do
        n=0
        while :; do
            n=$((n + 1))
            rm -rf "$WORLD/copies/alice"
            run strace -f -qq -o "$WORLD/trace" -e "trace=$call" -e "inject=$call:signal=KILL:when=$n" \
                "$PGCERT" -c "$CONF" client bundle alice --out "$WORLD/copies/alice" 3>&- 4>&- </dev/null
            grep -q 'killed by SIGKILL' "$WORLD/trace" || break
            kills=$((kills + 1))
            [ ! -e "$WORLD/copies/alice" ] || [ "$(ls -A "$WORLD/copies/alice")" = "$(ls -A "$BUNDLES/alice")" ]
            rm -rf "$WORLD/copies/alice"
            [ "$((kills % 8))" != 0 ] || {
                expect 0 pgcert client bundle alice --out "$WORLD/copies/alice"
                [ "$(ls -A "$WORLD/copies")" = alice ]
            }
        done
    done
    [ "$kills" -gt 40 ]
}

@test "clients are renewed when they are due, into the same place" {
    have faketime
    expect 0 pgcert client new alice --database app --host "db.$ZONE" --port 5433
    expect 0 pgcert client new bob --lifetime 300d
    before=$(cat "$BUNDLES/alice/postgresql.crt")
    password=$(cat "$BUNDLES/alice/postgresql.p12.password")
    expect 0 pgcert client renew
    [ "$(cat "$BUNDLES/alice/postgresql.crt")" = "$before" ]
    expect 0 later +61d --json client renew
    [ "$(json "['bundles'][0]['user']")" = alice ]
    [ "$(json ".get('bundles').__len__()")" = 1 ]
    [ "$(cat "$BUNDLES/alice/postgresql.crt")" != "$before" ]
    [ "$(openssl x509 -in "$BUNDLES/alice/postgresql.crt" -noout -pubkey)" != "$(openssl x509 -noout -pubkey <<<"$before")" ]
    [ "$(cat "$BUNDLES/alice/postgresql.p12.password")" = "$password" ]
    grep -q 'port=5433' "$BUNDLES/alice/pg_service.conf"
    [ "$(find "$BUNDLES" -mindepth 1 -maxdepth 1 | wc -l)" = 2 ]
    expect 0 later +61d client renew bob
    expect 65 pgcert client renew nobody
    # a renewal can wait until somebody is due: a revoked one is not renewed by itself
    expect 0 pgcert client revoke alice
    after=$(cat "$BUNDLES/alice/postgresql.crt")
    expect 0 later +130d client renew
    [[ $output == *"alice: not renewed, for the certificate is revoked"* ]]
    [ "$(cat "$BUNDLES/alice/postgresql.crt")" = "$after" ]
}

@test "killed at any system call that changes a file, a renewal leaves one whole bundle" {
    have strace
    local call n kills=0
    expect 0 pgcert client new alice
    for call in openat write fsync mkdir renameat2 rename unlink; do
        n=0
        while :; do
            n=$((n + 1))
            run strace -f -qq -o "$WORLD/trace" -e "trace=$call" -e "inject=$call:signal=KILL:when=$n" \
                "$PGCERT" -c "$CONF" client renew alice 3>&- 4>&- </dev/null
            grep -q 'killed by SIGKILL' "$WORLD/trace" || break
            kills=$((kills + 1))
            [ "$(openssl x509 -in "$BUNDLES/alice/postgresql.crt" -noout -pubkey)" = "$(openssl pkey -in "$BUNDLES/alice/postgresql.key" -pubout)" ]
            openssl verify -CAfile "$CA/root.crt" -untrusted "$BUNDLES/alice/postgresql.crt" "$BUNDLES/alice/postgresql.crt" >/dev/null
            # nothing was signed that the index does not have
            pgcert client list "$(openssl x509 -in "$BUNDLES/alice/postgresql.crt" -noout -serial | sed 's/.*=//' | tr A-F a-f)" | grep -q valid
        done
    done
    [ "$kills" -gt 40 ]
    expect 0 pgcert client renew alice
    [ "$(find "$BUNDLES" -mindepth 1 -maxdepth 1 | wc -l)" = 1 ]
}

# Whatever was told to nobody is made good by the next run, and the number never goes back.
@test "killed at any system call, a revocation is whole or not at all, and the next run ends it" {
    have strace
    local call n kills=0 serial number before=0
    for call in openat write fsync renameat; do
        n=0
        while :; do
            n=$((n + 1))
            rm -rf "$BUNDLES"
            pgcert -q client new alice
            serial=$(openssl x509 -in "$BUNDLES/alice/postgresql.crt" -noout -serial | sed 's/.*=//')
            run strace -f -qq -o "$WORLD/trace" -e "trace=$call" -e "inject=$call:signal=KILL:when=$n" \
                "$PGCERT" -c "$CONF" client revoke "${serial,,}" 3>&- 4>&- </dev/null
            grep -q 'killed by SIGKILL' "$WORLD/trace" || break
            kills=$((kills + 1))
            expect 0 pgcert ca crl
            openssl crl -in "$CA/clients.crl" -noout -text >"$WORLD/text"
            number=$((16#$(openssl crl -in "$CA/clients.crl" -noout -crlnumber | sed 's/.*=0x//')))
            [ "$number" -ge "$before" ]
            before=$number
            if pgcert client list --state revoked "${serial,,}" | grep -q "${serial,,}"; then
                grep -q "$serial" "$WORLD/text"
            else
                not grep -q "$serial" "$WORLD/text"
            fi
        done
    done
    [ "$kills" -gt 30 ]
}

@test "they are listed by user, expiry, state and serial, and shown" {
    expect 0 pgcert client new bob --lifetime 5d
    expect 0 pgcert client new alice --lifetime 9d
    expect 0 pgcert client new carol --lifetime 1d
    expect 0 pgcert client revoke carol
    expect 0 pgcert --json client list --sort user
    [ "$(python3 -c 'import json, sys; print([c["user"] for c in json.load(sys.stdin)["clients"]])' <<<"$output")" = "['alice', 'bob', 'carol']" ]
    expect 0 pgcert --json client list --sort expiry
    [ "$(python3 -c 'import json, sys; print([c["user"] for c in json.load(sys.stdin)["clients"]])' <<<"$output")" = "['carol', 'bob', 'alice']" ]
    expect 0 pgcert client list --state revoked
    [ "$(wc -l <<<"$output")" = 2 ]
    expect 0 pgcert --json client list alice
    serial=$(json "['clients'][0]['serial']")
    expect 0 pgcert client list "$serial"
    [[ $output == *alice* && $output != *bob* ]]
    expect 0 pgcert client show alice
    [[ $output == *"$serial"*"$BUNDLES/alice"* ]]
    expect 65 pgcert client show dave
    expect 64 pgcert client list --sort colour
    expect 64 pgcert client list --state lost
}
