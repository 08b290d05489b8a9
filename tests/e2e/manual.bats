#!/usr/bin/env bats
# What pgcert-postgresql(7) says of PostgreSQL is what this PostgreSQL does.
load ../e2e/world

PAGE=$PGCERT_ROOT/reload/pgcert-postgresql.7

setup_file()
{
    pg_start
    cd "$WORLD/conf" || return
    # a root with an intermediate CA for the server; a CA for clients, and one that nobody knows
    ca root
    ca middle root
    ca clients
    ca below clients
    ca strangers
    leaf server middle serverAuth localhost
    leaf alice clients clientAuth
    leaf bob clients clientAuth
    leaf carol below clientAuth alice
    leaf mallory strangers clientAuth alice
    openssl req -x509 -newkey rsa:1024 -nodes -subj /CN=weak -keyout weak.key -out weak.crt 2>/dev/null
    openssl pkey -in server.key -aes256 -passout pass:secret -out locked.key
    cat server.key server.crt middle.crt >good.pem
    cat alice.key server.crt >mixed.pem
    cat weak.key weak.crt >weak.pem
    cat locked.key server.crt >locked.pem
    cat carol.crt below.crt >carol-chain.crt
    : >empty.pem
    chmod 755 "$WORLD/conf"
    chmod 644 ./*.crt
    chown postgres: ./*.key
    pg_sql 'create role alice login; create role bob login'
    pg_sql "set password_encryption = 'scram-sha-256'; create role word login password 'secret'"
    pg_sql 'create role repl login replication'
}

setup()
{
    SAID=$WORLD/said
    cd "$WORLD/conf" || return
    : >"$SAID"
    good
}

# A server that serves good.pem, and lets everybody in.
good()
{
    rm -f "$PGDATA"/conf.d/*
    put good.pem server.pem
    setting "ssl = on" "ssl_cert_file = 'server.pem'" "ssl_key_file = 'server.pem'"
    hba 'host all all all trust'
    if pg_is_up; then reload; else pg_start; fi
    await 5 "TLS" serves "$(leaf_sha256 good.pem)"
}

# A CA, self-signed or of another: ca NAME [ISSUER]
ca()
{
    certificate "$1" "${2:-}" "/CN=$1" -addext keyUsage=critical,keyCertSign,cRLSign
    mkdir "$1"
    : >"$1/index"
    echo 01 >"$1/number"
    printf '%s\n' '[ca]' 'default_ca = it' '[it]' "database = $1/index" "crlnumber = $1/number" \
        "certificate = $1.crt" "private_key = $1.key" 'default_md = sha256' >"$1/conf"
}

# leaf NAME ISSUER PURPOSE [COMMON-NAME]
leaf()
{
    certificate "$1" "$2" "/CN=${4:-$1}" -addext "extendedKeyUsage=$3" -addext "subjectAltName=DNS:${4:-$1}"
}

# A P-256 key, and a certificate: certificate NAME ISSUER SUBJECT ARGUMENT...
certificate()
{
    local name=$1 issuer=$2 subject=$3 by=()
    [ -z "$issuer" ] || by=(-CA "$issuer.crt" -CAkey "$issuer.key")
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 -subj "$subject" \
        -keyout "$name.key" -out "$name.crt" "${by[@]}" "${@:4}" 2>/dev/null
}

# Makes CA.crl: crl CA [-crlsec 1]
crl()
{
    openssl ca -config "$1/conf" -gencrl "${@:2}" -out "$1.crl" 2>/dev/null
}

# Into the data directory: put FILE NAME [MODE [OWNER]]
put()
{
    install -o "${4:-postgres}" -g postgres -m "${3:-600}" "$1" "$PGDATA/$2"
}

setting()
{
    printf '%s\n' "$@" >>"$PGDATA/conf.d/manual.conf"
}

# The rules for all that is not postgres himself by the socket.
hba()
{
    printf '%s\n' 'local all,replication postgres peer' "$@" >"$PGDATA/pg_hba.conf"
}

# Where the log ends now, for log_has and told.
mark()
{
    mark=$(stat -c %s "$PG_LOG")
}

log_has()
{
    tail -c +$((mark + 1)) "$PG_LOG" | grep -qF -- "$1"
}

# Waits for a line in the log since the mark, and keeps it: told LINE
told()
{
    await 5 "the log to say: $1" log_has "$1"
    tail -c +$((mark + 1)) "$PG_LOG" >>"$SAID"
}

reload()
{
    mark
    pg_sql 'select pg_reload_conf()' >/dev/null
    await 5 "a reload" log_has 'received SIGHUP'
}

# The reload is void, for that reason; what is served stays.
void()
{
    reload
    told "$1"
    await 5 "the end of it" log_has 'SSL configuration was not reloaded'
}

# A client of the server's own name: client CONNECTION [STATEMENT]; what it says is kept.
client()
{
    as_postgres timeout 10 psql -XAt "host=localhost dbname=postgres $1" -c "${2:-select 1}" >"$WORLD/client" 2>&1 ||
        { tee -a "$SAID" <"$WORLD/client"
        return 1; }
    cat "$WORLD/client"
}

# The certificate of a user, for client.
of()
{
    echo "sslmode=require sslcert=$WORLD/conf/${2:-$1}.crt sslkey=$WORLD/conf/$1.key"
}

files_that_cannot_be_loaded()
{
    local pair
    for pair in 'mixed.pem:key values mismatch' 'empty.pem:no start line' 'weak.pem:ee key too small' \
        'locked.pem:cannot be reloaded because it requires a passphrase'; do
        put "${pair%%:*}" server.pem
        void "${pair#*:}"
    done
    setting "ssl_passphrase_command = 'echo wrong'" 'ssl_passphrase_command_supports_reload = on'
    void 'bad decrypt'
    put good.pem server.pem 644
    void 'has group or world access'
    put good.pem server.pem 600 nobody
    setting "ssl_cert_file = 'other.pem'"
    put good.pem other.pem
    void 'must be owned by the database user or root'
    put good.pem other.pem 600 root
    void 'Permission denied'
    rm "$PGDATA/other.pem"
    void 'could not load server certificate file "other.pem": No such file'
    put good.pem other.pem
    rm "$PGDATA/server.pem"
    void 'could not access private key file'
    mkdir "$PGDATA/server.pem"
    void 'is not a regular file'
    rmdir "$PGDATA/server.pem"
    put good.pem server.pem
}

settings_that_cannot_be()
{
    setting "ssl_crl_file = 'none.crl'"
    void 'revocation list file'
    setting "ssl_crl_file = ''" "ssl_ca_file = 'empty.crt'"
    put empty.pem empty.crt
    void 'no certificate or crl found'
    setting "ssl_ca_file = ''" "ssl_ciphers = 'nonsense'"
    void 'no valid ciphers available'
    setting "ssl_ciphers = 'HIGH'" "ssl_min_protocol_version = 'TLSv1.3'" "ssl_max_protocol_version = 'TLSv1.2'"
    void 'could not set SSL protocol version range'
    setting "ssl_max_protocol_version = ''" 'ssl = off'
    hba 'hostssl all all all trust'
    reload
    told 'because SSL is disabled'
    not client 'user=alice sslmode=require'
    setting 'ssl = on'
    hba 'hostssl all all all trust clientcert=1'
    reload
    told 'invalid value for clientcert'
}

clients_that_are_refused()
{
    hba 'hostssl all all all cert'
    reload
    mark
    not client "user=alice $(of alice)"
    told 'root certificate store'
    put clients.crt ca.crt
    setting "ssl_ca_file = 'ca.crt'"
    reload
    mark
    not client "user=alice $(of mallory)"
    told 'could not accept SSL connection: certificate verify failed'
    mark
    not client "user=alice sslmode=require"
    told 'requires a valid client certificate'
    mark
    not client "user=bob $(of alice)"
    told 'do not match'
    mark
    not client "user=alice sslmode=disable"
    told 'no encryption'
    hba 'hostssl all all all trust clientcert=verify-full'
    reload
    mark
    not client "user=bob $(of alice)"
    told 'CN mismatch'
    hba 'hostssl all all all cert map=m clientname=DN'
    reload
    mark
    not client "user=alice $(of alice)"
    told 'no match in usermap'
    # and their own files
    chmod 644 bob.key
    mark
    not client "user=bob $(of bob)"
    told 'EOF detected'
    chmod 600 bob.key
    not client "user=bob $(of bob alice)"
    not client "user=bob $(of none bob)"
}

servers_that_are_refused()
{
    mark
    not client "user=alice sslmode=verify-ca sslrootcert=$WORLD/conf/strangers.crt"
    told 'tlsv1 alert unknown ca'
    not client "user=alice sslmode=verify-full hostaddr=127.0.0.1 host=other sslrootcert=$WORLD/conf/root.crt"
    not client "user=alice sslmode=verify-full sslrootcert=$WORLD/conf/none"
}

# Revoked, and expired; and what SCRAM cannot bind to.
others_of_the_page()
{
    put strangers.crt ca.crt
    setting "ssl_ca_file = 'ca.crt'" "ssl_crl_file = 'crls.pem'"
    openssl ca -config strangers/conf -revoke mallory.crt 2>/dev/null
    crls strangers
    reload
    not client "user=alice $(of mallory)"
    openssl ca -config strangers/conf -gencrl -crl_lastupdate 20200101000000Z -crl_nextupdate 20200102000000Z \
        -out crls.pem 2>/dev/null
    put crls.pem crls.pem
    reload
    not client "user=alice $(of mallory)"
    hba 'hostssl all word all scram-sha-256'
    edpem
    put ed.pem server.pem
    reload
    await 5 "it" serves "$(leaf_sha256 ed.pem)"
    not client "user=word password=secret"
}

# A self-signed certificate with an Ed25519 key, or one by the root: edpem [-CA root.crt -CAkey root.key]
edpem()
{
    openssl req -x509 -newkey ed25519 -nodes -days 3 -subj /CN=localhost -keyout ed.key -out ed.crt "$@" 2>/dev/null
    cat ed.key ed.crt >ed.pem
}

# Makes crls.pem, with a new CRL of each: crls CA...
crls()
{
    local name
    : >crls.pem
    for name in "$@"; do
        crl "$name" -crldays 3
        cat "$name.crl" >>crls.pem
    done
    put crls.pem crls.pem
}

# The regular expression for a message of the page, in which ... stands for anything.
pattern_of()
{
    sed 's/[][().*^$+?{}|\\]/\\&/g; s/\\\.\\\.\\\./.*/g' <<<"$1"
}

@test "each message in the manual occurs" {
    local message count=0
    files_that_cannot_be_loaded
    good
    settings_that_cannot_be
    good
    clients_that_are_refused
    good
    servers_that_are_refused
    others_of_the_page
    while read -r message; do
        count=$((count + 1))
        grep -qE -- "$(pattern_of "$message")" "$SAID" || { echo "nobody said: $message" && return 1; }
    done < <(sed -n '/^\.Sh SYMPTOMS/,/^\.Sh WHAT/s/^\.It Qq //p' "$PAGE" |
        sed 's/\\(dq/"/g; s/\\&//g')
    [ "$count" -gt 30 ]
}

@test "a reload that failed is seen by nothing but a handshake, and ends the next start" {
    local before
    before=$(pg_sql 'select pg_conf_load_time()')
    setting "ssl_min_protocol_version = 'TLSv1.3'" "ssl_ciphers = 'nonsense'"
    void 'no valid ciphers'
    [ "$(pg_sql 'show ssl_min_protocol_version')" = TLSv1.3 ]
    openssl s_client -starttls postgres -tls1_2 -connect localhost:5432 </dev/null | grep -q 'New, TLSv1.2'
    [ "$(pg_sql 'select count(error) from pg_file_settings')" = 0 ]
    [ "$(pg_sql "select pg_conf_load_time() > '$before'")" = t ]
    mark
    not pg_restart
    log_has 'FATAL:  could not set the cipher list'
}

@test "what nobody checks is loaded without a word" {
    local word
    cat server.key server.crt >leaf.pem
    certificate purpose root /CN=localhost -addext extendedKeyUsage=clientAuth
    cat purpose.key purpose.crt >purpose.pem
    sed 's/$/\r/' good.pem >crlf.pem
    for word in leaf purpose crlf; do
        put $word.pem server.pem
        reload
        await 5 "$word.pem" serves "$(leaf_sha256 $word.pem)"
        not log_has 'not reloaded'
    done
    client "user=alice sslmode=verify-full sslrootcert=$WORLD/conf/root.crt" # what has its CA in it
    put leaf.pem server.pem
    reload
    await 5 "leaf.pem" serves "$(leaf_sha256 leaf.pem)"
    not client "user=alice sslmode=verify-full sslrootcert=$WORLD/conf/root.crt"
    grep -q 'certificate verify failed' "$SAID"
}

@test "a CRL is needed of each CA, and an expired one refuses on trust lines as well" {
    local session
    cat clients.crt below.crt >both.crt
    put both.crt ca.crt
    setting "ssl_ca_file = 'ca.crt'" "ssl_crl_file = 'crls.pem'"
    crls below
    reload
    not client "user=alice $(of carol)"
    not client "user=alice $(of alice)"
    crls below clients
    reload
    client "user=alice $(of carol)"
    client "user=alice $(of alice)"
    # a session lives on when its certificate is revoked
    mkfifo statements
    as_postgres psql -XAt "host=localhost dbname=postgres user=alice $(of alice)" <statements >"$WORLD/session" 2>&1 3>&- &
    session=$!
    exec 7>statements
    echo "select 'begun';" >&7
    await 5 "a session" grep -q begun "$WORLD/session"
    openssl ca -config clients/conf -revoke alice.crt 2>/dev/null
    crls below clients
    reload
    not client "user=alice $(of alice)"
    grep -q 'certificate revoked' "$SAID"
    echo "select 'lives';" >&7
    exec 7>&-
    wait $session
    grep -q lives "$WORLD/session"
    crl clients -crlsec 1
    cat clients.crl below.crl >crls.pem
    put crls.pem crls.pem
    reload
    await 5 "the CRL to end" crl_has_ended
    client "user=bob sslmode=require" # who presents none is not concerned
}

crl_has_ended()
{
    ! client "user=bob $(of bob)" >/dev/null && grep -q 'certificate expired' "$SAID"
}

@test "CRLs in a directory need no reload" {
    local name
    put clients.crt ca.crt
    install -d -o postgres "$PGDATA/crls"
    setting "ssl_ca_file = 'ca.crt'" "ssl_crl_dir = 'crls'"
    reload
    not client "user=bob $(of bob)"
    crl clients -crldays 3
    name=crls/$(openssl crl -in clients.crl -noout -hash).r0
    put clients.crl "$name" 644
    client "user=bob $(of bob)"
    openssl ca -config clients/conf -revoke bob.crt 2>/dev/null
    crl clients -crldays 3
    put clients.crl "$name" 644
    not client "user=bob $(of bob)"
    grep -q 'certificate revoked' "$SAID"
}

@test "what an Ed25519 key has signed ends every login by password" {
    hba 'hostssl all word all scram-sha-256'
    reload
    client "user=word password=secret channel_binding=require"
    edpem
    put ed.pem server.pem
    reload
    await 5 "it" serves "$(leaf_sha256 ed.pem)"
    not client "user=word password=secret"
    grep -q 'could not find digest for NID UNDEF' "$SAID"
    client "user=word password=secret channel_binding=disable"
    # the key alone does not matter
    edpem -CA root.crt -CAkey root.key
    put ed.pem server.pem
    reload
    await 5 "it" serves "$(leaf_sha256 ed.pem)"
    client "user=word password=secret channel_binding=require"
}

@test "a base backup stops at what it cannot read, leaves out links, and spoils root's key" {
    local backup=("$(pg_bin)/pg_basebackup" -h /var/run/postgresql -c fast -D "$WORLD/pg/copy")
    put good.pem secret.pem 600 root
    expect 1 as_postgres "${backup[@]}"
    says 'could not open file "./secret.pem": Permission denied'
    rm "$PGDATA/secret.pem"
    put good.pem roots.pem 640 root
    setting "ssl_cert_file = 'link.pem'" "ssl_key_file = 'roots.pem'"
    ln -s "$PGDATA/server.pem" "$PGDATA/link.pem"
    reload
    not log_has 'not reloaded'
    expect 0 as_postgres "${backup[@]}"
    [[ $stderr == *'skipping special file "./link.pem"'* ]]
    not test -e "$WORLD/pg/copy/link.pem"
    cp -p "$WORLD/pg/copy/server.pem" "$WORLD/pg/copy/link.pem"
    expect 1 as_postgres "$(pg_bin)/postgres" -D "$WORLD/pg/copy" -p 5433
    says 'FATAL: +private key file "roots.pem" has group or world access'
}
