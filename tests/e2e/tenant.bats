#!/usr/bin/env bats
# tenant: a CA of its own for each tenant, which PostgreSQL trusts for that organization alone.
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

# PostgreSQL trusts what the CA exports for clients, with the CRLs; the whole name of a client is
# mapped: tenant acme's alice is the role alice, tenant other's is nobody.
mutual_tls()
{
    pg_serves_pgcert
    expect 0 pgcert renew
    printf '%s\n' 'acme "CN=alice,O=acme" alice' 'acme "CN=alice" alice' >"$PGDATA/pg_ident.conf"
    printf '%s\n' 'local all postgres peer' 'hostssl app alice all cert clientname=DN map=acme' \
        'hostssl app bob all cert' >"$PGDATA/pg_hba.conf"
    trust_clients
}

trust_clients()
{
    export_clients
    chown postgres: "$PGDATA/pg_ident.conf"
    pg_restart
}

# Logs in with a bundle: login DIRECTORY
login()
{
    psql "$(head -n 1 "$1/urls")" -XqAtc "select current_user || ' ' || client_dn from pg_stat_ssl where pid = pg_backend_pid()"
}

# What openssl says of a client's chain, with what PostgreSQL trusts: strict FILE
strict()
{
    pgcert ca export clients >"$WORLD/clients.pem"
    openssl verify -x509_strict -purpose sslclient -crl_check_all -CAfile "$WORLD/clients.pem" \
        -CRLfile "$CA/clients.crl" "$1"
}

# Signs with the key of acme's CA what that CA should not: forge SUBJECT
forge()
{
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORLD/forged.key" \
        -subj "$1" -out "$WORLD/forged.csr" 2>/dev/null
    printf '%s\n' 'basicConstraints=critical,CA:FALSE' 'keyUsage=critical,digitalSignature' \
        'extendedKeyUsage=clientAuth' 'subjectKeyIdentifier=hash' 'authorityKeyIdentifier=keyid' >"$WORLD/forged.ext"
    openssl x509 -req -in "$WORLD/forged.csr" -CA "$CA/tenants/acme.crt" -CAkey "$CA/tenants/acme.key" \
        -set_serial 0x4a01 -days 2 -extfile "$WORLD/forged.ext" -out "$WORLD/forged.crt" 2>/dev/null
    cat "$CA/tenants/acme.crt" >>"$WORLD/forged.crt"
}

login_forged()
{
    psql "host=db.$ZONE user=$1 dbname=app sslmode=verify-full sslcert=$WORLD/forged.crt sslkey=$WORLD/forged.key sslrootcert=$CA/root.crt" -XqAtc 'select current_user'
}

@test "a tenant's client logs in, and its CA can sign for no other organization" {
    expect 0 pgcert ca tenant acme
    [[ $output == *"the tenant 'acme' has a CA"*"tenant acme CN=pgcert tenant CA "*", O=acme"* ]]
    expect 0 pgcert ca tenant other
    mutual_tls
    expect 0 pgcert client new --tenant acme alice --database app
    expect 0 pgcert client new --tenant other alice --database app
    expect 0 pgcert client new alice --database app
    [ "$(login "$BUNDLES/alice@acme")" = "alice /O=acme/CN=alice" ]
    [ "$(login "$BUNDLES/alice")" = "alice /CN=alice" ]
    not login "$BUNDLES/alice@other"
    strict "$BUNDLES/alice@acme/postgresql.crt"
    certtool --verify --load-ca-certificate "$CA/root.crt" --infile "$BUNDLES/alice@acme/postgresql.crt" \
        --verify-purpose 1.3.6.1.5.5.7.3.2

    # its key in wrong hands: good for O=acme, and for nothing else
    forge /O=acme/CN=bob
    strict "$WORLD/forged.crt"
    [ "$(login_forged bob)" = bob ] # by the common name alone: pg_hba.conf must map the whole name
    for subject in /O=other/CN=bob /CN=bob /O=acme2/CN=bob /CN=bob/O=acme; do
        forge "$subject"
        not strict "$WORLD/forged.crt"
        not login_forged bob
    done
    grep -q 'certificate verify failed' "$PG_LOG"
}

@test "what PostgreSQL trusts stays as it is where there is no tenant" {
    cat "$CA/client-ca.crt" "$CA/root.crt" >"$WORLD/wanted"
    pgcert ca export clients | cmp - "$WORLD/wanted"
    cat "$CA/client-ca.crl" "$CA/root.crl" | cmp - "$CA/clients.crl"
    expect 0 pgcert ca tenant acme
    cat "$CA/client-ca.crt" "$CA/tenants/acme.crt" "$CA/root.crt" >"$WORLD/wanted"
    pgcert ca export clients | cmp - "$WORLD/wanted"
    cat "$CA/client-ca.crl" "$CA/tenants/acme.crl" "$CA/root.crl" | cmp - "$CA/clients.crl"
    cat "$CA/server-ca.crl" "$CA/root.crl" | cmp - "$CA/servers.crl"
    [ "$(stat -c %a "$CA/tenants" "$CA/tenants/acme.key" | tr '\n' ' ')" = "755 600 " ]
    expect 0 pgcert --json ca show
    [ "$(json "['authorities'][3]['tenant']")" = acme ]
    [ "$(json "['authorities'][3]['crl']['file']")" = "$CA/clients.crl" ]
}

@test "users of a tenant are renewed, listed, shown and revoked by --tenant" {
    expect 0 pgcert ca tenant acme
    expect 0 pgcert client new alice
    expect 0 pgcert client new --tenant acme alice
    expect 0 pgcert client list alice
    [ "$(grep -c valid <<<"$output")" = 2 ]
    [[ $output == *"alice of tenant acme"* ]]
    expect 0 pgcert --json client list --tenant acme
    [ "$(json "['clients'][0]['tenant']")" = acme ]
    [ "$(json ".get('clients').__len__()")" = 1 ]
    before=$(cat "$BUNDLES/alice@acme/postgresql.crt")
    expect 0 pgcert client renew --tenant acme alice
    [ "$(cat "$BUNDLES/alice@acme/postgresql.crt")" != "$before" ]
    strict "$BUNDLES/alice@acme/postgresql.crt"
    [ "$(subject_of "$BUNDLES/alice@acme/postgresql.crt")" = "O=acme, CN=alice" ]
    expect 0 later +61d --json client renew
    [ "$(json "['bundles'][1]['tenant']")" = acme ]
    expect 0 pgcert client renew --tenant acme alice
    expect 0 pgcert client renew alice
    [ "$(subject_of "$BUNDLES/alice@acme/postgresql.crt")" = "O=acme, CN=alice" ]
    expect 0 pgcert client show --tenant acme alice
    [[ $output == *"$BUNDLES/alice@acme"* ]]

    expect 0 pgcert client revoke alice
    strict "$BUNDLES/alice@acme/postgresql.crt"
    not strict "$BUNDLES/alice/postgresql.crt"
    expect 0 pgcert client revoke --tenant acme alice
    not strict "$BUNDLES/alice@acme/postgresql.crt"
    expect 65 pgcert client revoke --tenant other alice

    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORLD/mine.key" \
        -subj /CN=x -out "$WORLD/mine.csr" 2>/dev/null
    pgcert client sign --tenant acme carol "$WORLD/mine.csr" >"$WORLD/mine.crt"
    strict "$WORLD/mine.crt"
    [ "$(subject_of "$WORLD/mine.crt")" = "O=acme, CN=carol" ]
    pgcert ca export index --format openssl --of 'tenant acme' | grep -q '/O=acme/CN=carol$'
    pgcert ca export index | grep -q ',"acme".$'
    expect 65 pgcert ca export index --format openssl --of 'tenant x'
    says "there are: 'root', 'servers', 'clients', 'tenant acme'"
}

@test "what is wrong is told with what to do" {
    expect 65 pgcert client new --tenant acme alice
    says "there is no tenant 'acme'; try: pgcert ca tenant 'acme'"
    expect 0 pgcert ca tenant acme
    expect 0 pgcert ca tenant acme
    [[ $output == *"has a CA already; nothing was changed"* ]]
    expect 65 pgcert ca tenant ACME
    says "name constraints do not tell them apart"
    expect 65 pgcert ca tenant "$(printf 'x%.0s' {1..65})"
    says "has 65 characters; RFC 5280 allows 64"
    expect 64 pgcert ca tenant
    expect 77 pgcert client new --tenant acme postgres
    expect 0 pgcert ca tenant "$(printf 'ë%.0s' {1..64})"
    expect 0 pgcert ca export --root-key "$WORLD/stick"
    expect 78 pgcert ca tenant third
    says "the root's key is kept elsewhere; bring it back first: pgcert ca import --root-key FILE"
    # those that are there go on
    expect 0 pgcert client new --tenant acme alice
    expect 0 pgcert ca crl --force
    strict "$BUNDLES/alice@acme/postgresql.crt"
}

@test "killed at any system call that changes a file, the next call makes one whole tenant" {
    have strace
    local call n kills=0
    cp -a "$STATE" "$WORLD/before"
    for call in mkdir write fsync renameat unlinkat; do
        n=0
        while :; do
            n=$((n + 1))
            rm -rf "$STATE" && cp -a "$WORLD/before" "$STATE"
            run strace -f -qq -o "$WORLD/trace" -e "trace=$call" \
                -e "inject=$call:signal=KILL:when=$n" "$PGCERT" -c "$CONF" ca tenant acme 3>&- 4>&- </dev/null
            grep -q 'killed by SIGKILL' "$WORLD/trace" || break
            kills=$((kills + 1))
            # whoever is trusted has a CRL
            pgcert ca export clients >"$WORLD/clients.pem"
            [ "$(grep -c 'BEGIN CERT' "$WORLD/clients.pem")" -le "$(grep -c 'BEGIN X509 CRL' "$CA/clients.crl")" ]
            expect 0 pgcert ca tenant acme
            expect 0 pgcert ca crl
            expect 0 pgcert client new --tenant acme alice
            strict "$BUNDLES/alice@acme/postgresql.crt" >/dev/null
            [ "$(grep -c 'BEGIN X509 CRL' "$CA/clients.crl")" = 3 ]
            [ "$(find "$CA/tenants" -type f | wc -l)" = 3 ] # nothing is left behind
        done
    done
    [ "$kills" -gt 25 ]
}
