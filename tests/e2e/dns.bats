#!/usr/bin/env bats
# The challenge's record on real name servers: who may write it, where it goes, who must see it.
load ../e2e/world
load ../e2e/dns

# BIND on 127.0.0.1 with the zone of the world and some more, and a second one on 127.0.0.2.
setup_file()
{
    bind_start && pebble_start
    bind_key other-key && bind_key key384 hmac-sha384 && bind_key key512 hmac-sha512
    bind_zone strict.test "grant pgcert-key name _acme-challenge.db.strict.test. TXT;"
    bind_zone algorithms.test "grant key384 zonesub TXT; grant key512 zonesub TXT;"
    bind_zone elsewhere.test
    zone_of_two two.test ns2=127.0.0.2
    zone_of_two dead.test ns2=127.0.0.9
    zone_of_two route.test # its name server has an IPv6 address that leads nowhere
    echo "ns1 IN AAAA fd00::53" >>"$WORLD/bind/route.test.zone"
    cat >>"$WORLD/bind/$ZONE.zone" <<END
_acme-challenge.cname IN CNAME cname.elsewhere.test.
_acme-challenge.circle IN CNAME _acme-challenge.back
_acme-challenge.back IN CNAME _acme-challenge.circle
sub IN NS ns1.sub
ns1.sub IN A 127.0.0.2
END
    bind_stop && bind_start
    second_start
}

# The secondary of two.test, which hears of changes only when told; the primary of sub.$ZONE.
second_start()
{
    local dir=$WORLD/second
    mkdir -p "$dir"
    bind_write_conf "$dir" 127.0.0.2
    bind_write_zone "$dir/sub.zone" "sub.$ZONE" ns1=127.0.0.2
    cat >>"$dir/zones.conf" <<END
include "$WORLD/bind/pgcert-key.key";
zone "two.test" { type secondary; file "$dir/two.zone"; primaries { 127.0.0.1; }; };
zone "sub.$ZONE" {
    type primary; file "$dir/sub.zone"; update-policy { grant pgcert-key zonesub TXT; };
};
END
    bind_start second 127.0.0.2
}

second_transfers()
{
    rndc -s 127.0.0.2 -p 953 -k "$WORLD/second/rndc.key" retransfer two.test
}

second_catches_up()
{
    second_transfers && await 5 "the transfer" second_is_equal
}

second_is_equal()
{
    [ "$(dig +short +norecurse @127.0.0.2 SOA two.test)" = "$(dig +short @127.0.0.1 SOA two.test)" ]
}

# A copy of the key file, changed by sed: changed_key EXPRESSION
changed_key()
{
    rm -f "$WORLD/changed.key"
    (umask 077 && sed "$1" "$WORLD/bind/pgcert-key.key" >"$WORLD/changed.key")
    dns "tsig_file = $WORLD/changed.key"
}

# ---- where the record goes ----

@test "the server is found by the zone's SOA record" {
    order "db.$ZONE"
    dns "server ="
    issued
}

@test "with server and zone set nothing is looked up" {
    order "db.$ZONE"
    dns "zone = $ZONE"
    issued
}

@test "the server is reached by IPv6" {
    order "db.$ZONE"
    dns "server = [::1]:53"
    issued
}

@test "names of several zones come in one order" {
    order "db.$ZONE, db.two.test, *.elsewhere.test, elsewhere.test"
    dns "propagation = wait" "wait = 0"
    issued && issued two.test && issued elsewhere.test
}

@test "a delegated zone is updated at its own primary" {
    order "db.sub.$ZONE"
    dns "server ="
    issued "sub.$ZONE" 127.0.0.2
}

@test "a CNAME at the challenge leads to where the record goes" {
    order "cname.$ZONE"
    issued elsewhere.test
}

@test "CNAMEs in a circle are an error that ends" {
    order "circle.$ZONE"
    expect 75 pgcert renew
    says "_acme-challenge.circle.$ZONE"
}

@test "a record of somebody else at the same name stays" {
    printf '%s\n' "server 127.0.0.1" "update add _acme-challenge.db.$ZONE 60 TXT theirs" send |
        nsupdate -k "$WORLD/bind/pgcert-key.key"
    order "db.$ZONE, *.db.$ZONE"
    expect 0 pgcert renew
    [ "$(dns_txt "_acme-challenge.db.$ZONE")" = theirs ]
    printf '%s\n' "server 127.0.0.1" "update delete _acme-challenge.db.$ZONE TXT" send |
        nsupdate -k "$WORLD/bind/pgcert-key.key"
}

@test "forty names go out in one update, by TCP" {
    local names
    names=$(printf "h%d.$ZONE, " {1..39})
    order "$names db.$ZONE"
    mark=$(stat -c %s "$BIND_LOG")
    issued
    [ "$(tail -c +"$mark" "$BIND_LOG" | grep -c "adding an RR")" = 40 ]
}

# ---- who may write it ----

@test "hmac-sha384 and hmac-sha512 are understood" {
    order "db.algorithms.test"
    for key in key384 key512; do
        dns "tsig_file = $WORLD/bind/$key.key"
        issued algorithms.test
    done
}

@test "a wrong secret is told as such" {
    changed_key 's/secret "..../secret "AAAA/'
    refused 77 "key 'pgcert-key' has another secret .*BADSIG"
}

@test "a key that the server does not know is told as such" {
    changed_key 's/pgcert-key/unknown-key/'
    refused 77 "does not know the TSIG key 'unknown-key' .*BADKEY"
}

@test "a key of another algorithm is told as such" {
    changed_key 's/hmac-sha256/hmac-sha512/'
    refused 77 "does not know the TSIG key 'pgcert-key' with hmac-sha512"
}

@test "a key without permission is told what to grant" {
    dns "tsig_file = $WORLD/bind/other-key.key"
    refused 77 "update-policy \{ grant other-key name _acme-challenge.db.$ZONE. TXT; \}"
}

@test "the grant that is told is enough" {
    order "db.strict.test"
    issued strict.test
}

@test "an unsigned update that is refused asks for a key" {
    dns "tsig_file ="
    refused 77 "unsigned .*tsig_file"
}

@test "a clock that differs is told by how much" {
    have faketime
    ASAN_OPTIONS=verify_asan_link_order=0 FAKETIME_DONT_FAKE_MONOTONIC=1 \
        expect 77 faketime -f +3600s "$PGCERT" -c "$CONF" renew
    says "BADTIME"
    says "360[01] s"
}

@test "a key file that others may read is refused" {
    changed_key ''
    chmod 644 "$WORLD/changed.key"
    refused 77 "changed.key.*chmod"
}

@test "a key file that is none is a wrong setting, told with its line" {
    rm -f "$WORLD/changed.key"
    (umask 077 && printf '# a comment\nkey "x" {\n  color blue;\n};\n' >"$WORLD/changed.key")
    dns "tsig_file = $WORLD/changed.key"
    refused 78 "changed.key, line 3"
    dns "tsig_file = $WORLD/no-such.key"
    refused 78 "no-such.key"
}

# ---- which server takes it ----

@test "a secondary is told from the primary, which is named" {
    second_catches_up
    order "db.two.test"
    dns "server = 127.0.0.2"
    refused 77 "127.0.0.2 is not the primary .*ns1.two.test" two.test
}

@test "a server that does not have the zone is told as such" {
    order "db.nowhere.test"
    refused 77 "127.0.0.1 .*zone .*_acme-challenge.db.nowhere.test"
}

@test "a zone that does not hold the name is a wrong setting" {
    dns "zone = elsewhere.test"
    refused 78 "not in the zone 'elsewhere.test.'"
}

@test "a server that is down is a temporary failure" {
    dns "server = 127.0.0.9"
    refused 75 "127.0.0.9"
}

# ---- who must see it ----

@test "it waits for a secondary that is late" {
    order "db.two.test"
    (sleep 0.7 && second_transfers) 3>&- 4>&- &
    expect 0 pgcert renew
    wait
}

@test "a secondary that stays behind is named when the time is over" {
    second_catches_up
    order "db.two.test"
    dns "timeout = 1s"
    refused 75 "ns2.two.test. \(127.0.0.2\): (answers NXDOMAIN|has no TXT record)" two.test
}

@test "a name server that is dead is named when the time is over" {
    order "db.dead.test"
    dns "timeout = 1s"
    refused 75 "ns2.dead.test. \(127.0.0.9\): Connection refused" dead.test
}

@test "an address that cannot be reached is no matter beside one that can" {
    order "db.route.test"
    dns "timeout = 5s"
    issued route.test
}

@test "only the resolvers are asked when that is set" {
    order "db.dead.test"
    dns "propagation = recursive" "resolvers = 127.0.0.1:53"
    issued dead.test
}

@test "a fixed wait waits so long" {
    dns "propagation = wait" "wait = 1s"
    order "db.dead.test"
    SECONDS=0
    issued dead.test
    [ "$SECONDS" -ge 1 ]
}

@test "a resolver that is dead does not matter beside one that lives" {
    order "db.$ZONE"
    dns "server =" "resolvers = 127.0.0.9 127.0.0.1"
    issued
}
