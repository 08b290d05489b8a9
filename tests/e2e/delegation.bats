#!/usr/bin/env bats
# Challenges that are delegated, by CNAME, by NS, by an alias, and zones whose servers are unusual:
# where the record goes, and who must see it.
load ../e2e/world
load ../e2e/dns

# BIND on 127.0.0.1 with most zones, others on 127.0.0.2 to 4.
setup_file()
{
    bind_start && pebble_start
    bind_zone elsewhere.test && bind_zone wild.test && bind_zone hidden.test && bind_zone silent.test
    zone_of_two stale.test ns2=127.0.0.1
    echo "ns2 IN A 127.0.0.2" >>"$WORLD/bind/stale.test.zone"
    sed -i 's/SOA ns1/SOA hidden.nowhere.invalid./' "$WORLD/bind/hidden.test.zone"
    sed -i 's/SOA ns1/SOA silent/; $ a silent IN A 127.0.0.9' "$WORLD/bind/silent.test.zone"
    wildcards >>"$WORLD/bind/wild.test.zone"
    delegations >>"$WORLD/bind/$ZONE.zone"
    zone_signed signed.test
    zone_without_glue glue.test
    bind_stop && bind_start
    second_start
    refusing_start
    inside_start
}

wildcards()
{
    cat <<END
* IN CNAME web.elsewhere.test.
host IN A 127.0.0.1
*.host IN CNAME web.elsewhere.test.
*.made IN CNAME web.elsewhere.test.
_acme-challenge.made IN CNAME made.elsewhere.test.
END
}

delegations()
{
    cat <<END
sub IN NS ns1.sub
ns1.sub IN A 127.0.0.2
ns2 IN A 127.0.0.2
ns3 IN A 127.0.0.3
ns4 IN A 127.0.0.4
ns9 IN A 127.0.0.9
_acme-challenge.far IN CNAME far.sub
_acme-challenge.lost IN CNAME lost.nowhere.invalid.
_acme-challenge.chain IN CNAME one.chain
one.chain IN CNAME two.elsewhere.test.
moved IN DNAME moved.elsewhere.test.
_acme-challenge.into IN CNAME nobody.wild.test.
_acme-challenge.child IN NS ns2
_acme-challenge.half IN NS ns2
_acme-challenge.half IN NS ns3
_acme-challenge.lame IN NS ns3
_acme-challenge.copy IN NS ns4
_acme-challenge.dead IN NS ns9
_acme-challenge.nobody IN NS ns.nowhere.invalid.
_acme-challenge.one IN CNAME all.elsewhere.test.
_acme-challenge.other IN CNAME one.other
one.other IN CNAME all.elsewhere.test.
_acme-challenge.program IN CNAME _acme-challenge.all.elsewhere.test.
_acme-challenge.astray IN CNAME astray.elsewhere.test.
END
}

zone_signed()
{
    bind_write_zone "$WORLD/bind/$1.zone" "$1" ns1
    cat >>"$WORLD/bind/zones.conf" <<END
zone "$1" {
    type primary; file "$WORLD/bind/$1.zone"; dnssec-policy default;
    update-policy { grant pgcert-key zonesub TXT; };
};
END
}

zone_without_glue()
{
    bind_write_zone "$WORLD/bind/$1.zone" "$1" ns1
    echo "_acme-challenge.db IN NS ns._acme-challenge.db" >>"$WORLD/bind/$1.zone"
    cat >>"$WORLD/bind/zones.conf" <<END
zone "$1" { type primary; file "$WORLD/bind/$1.zone"; check-integrity no; check-names ignore; };
END
}

# The primary of what is delegated to it; it has an old copy of stale.test.
second_start()
{
    local dir=$WORLD/second name
    mkdir -p "$dir"
    bind_write_conf "$dir" 127.0.0.2
    echo "include \"$WORLD/bind/pgcert-key.key\";" >>"$dir/zones.conf"
    bind_write_zone "$dir/sub.$ZONE.zone" "sub.$ZONE" ns1=127.0.0.2
    bind_write_zone "$dir/_acme-challenge.child.$ZONE.zone" "_acme-challenge.child.$ZONE" \
        "ns2.$ZONE.=127.0.0.2"
    bind_write_zone "$dir/_acme-challenge.half.$ZONE.zone" "_acme-challenge.half.$ZONE" \
        "ns2.$ZONE.=127.0.0.2" "ns3.$ZONE.=127.0.0.3"
    bind_write_zone "$dir/stale.test.zone" stale.test ns1
    for name in "sub.$ZONE" "_acme-challenge.child.$ZONE" "_acme-challenge.half.$ZONE" stale.test; do
        cat >>"$dir/zones.conf" <<END
zone "$name" {
    type primary; file "$dir/$name.zone"; update-policy { grant pgcert-key zonesub TXT; };
    check-names ignore;
};
END
    done
    bind_start second 127.0.0.2
}

# It has nothing.
refusing_start()
{
    mkdir -p "$WORLD/refusing"
    bind_write_conf "$WORLD/refusing" 127.0.0.3
    sed -i 's/recursion yes/recursion no/' "$WORLD/refusing/named.conf"
    bind_start refusing 127.0.0.3
}

# Inside of a firm: its own copy of the zone, without any CNAME or delegation.
inside_start()
{
    local dir=$WORLD/inside
    mkdir -p "$dir"
    bind_write_conf "$dir" 127.0.0.4
    bind_write_zone "$dir/$ZONE.zone" "$ZONE" ns1
    echo "zone \"$ZONE\" { type primary; file \"$dir/$ZONE.zone\"; };" >>"$dir/zones.conf"
    bind_start inside 127.0.0.4
}

setup()
{
    fresh
    mark=$(($(stat -c %s "$BIND_LOG") + 1))
}

# A program that publishes, for zones whose server no setting names.
uses_program()
{
    local shell='#!/bin/sh'
    cat >"$WORLD/hook" <<END
$shell
[ \$# -gt 0 ] || set -- "\${CERTBOT_AUTH_OUTPUT-present}" "_acme-challenge.\$CERTBOT_DOMAIN" \
    "\$CERTBOT_VALIDATION"
[ "\$1" = present ] && what="add" || what=delete
printf 'server 127.0.0.1\nupdate %s %s 60 TXT "%s"\nsend\n' "\$what" "\$2" "\$3" |
    nsupdate -k '$WORLD/bind/pgcert-key.key'
END
    chmod 755 "$WORLD/hook"
    conf_add <<END
[issuer pebble]
dns = program
[dns program]
provider = exec
program = $WORLD/hook
$(printf '%s\n' "$@")
END
}

# ---- CNAMEs ----

@test "a wildcard CNAME delegates nothing: the record stands at its own name" {
    order "host.wild.test, *.host.wild.test"
    issued wild.test
    went_to _acme-challenge.host.wild.test wild.test "$mark"
}

@test "so does one of the zone itself, with and without a server that is set" {
    order "wild.test, *.wild.test"
    issued wild.test
    went_to _acme-challenge.wild.test wild.test "$mark"
    dns "server ="
    mark=$(($(stat -c %s "$BIND_LOG") + 1))
    issued wild.test
    went_to _acme-challenge.wild.test wild.test "$mark"
}

@test "so does one at a higher level" {
    order "a.b.wild.test"
    issued wild.test
    went_to _acme-challenge.a.b.wild.test wild.test "$mark"
    dns "server ="
    mark=$(($(stat -c %s "$BIND_LOG") + 1))
    issued wild.test
    went_to _acme-challenge.a.b.wild.test wild.test "$mark"
}

@test "a CNAME of its own beside a wildcard is followed" {
    order "made.wild.test"
    issued elsewhere.test
    went_to made.elsewhere.test elsewhere.test "$mark"
}

@test "CNAMEs are followed one after the other" {
    order "chain.$ZONE"
    issued
    went_to two.elsewhere.test elsewhere.test "$mark" && [ -z "$(dns_txt two.elsewhere.test)" ]
}

@test "a CNAME to a name that only a wildcard knows ends there" {
    order "into.$ZONE"
    issued
    went_to nobody.wild.test wild.test "$mark"
}

@test "a DNAME is followed: no name can stand below it" {
    order "db.moved.$ZONE"
    issued
    went_to _acme-challenge.db.moved.elsewhere.test elsewhere.test "$mark"
    dns "server ="
    mark=$(($(stat -c %s "$BIND_LOG") + 1))
    issued elsewhere.test
    went_to _acme-challenge.db.moved.elsewhere.test elsewhere.test "$mark"
}

@test "a CNAME leads to the zone of another server" {
    local mark2
    mark2=$(($(stat -c %s "$WORLD/second/log") + 1))
    order "far.$ZONE"
    dns "server ="
    issued
    went_to "far.sub.$ZONE" "sub.$ZONE" "$mark2" "$WORLD/second/log"
}

@test "a CNAME to a zone that the server does not have is told as such" {
    order "far.$ZONE"
    refused 77 "_acme-challenge.far.$ZONE.' is a CNAME for 'far.sub.$ZONE.': the name server 127.0.0.1 does not have the zone 'sub.$ZONE.', but says that 'ns1.sub.$ZONE.' has; set 'server'"
}

@test "a CNAME to where there is no zone is told as such" {
    order "lost.$ZONE"
    refused 77 "'_acme-challenge.lost.$ZONE.' is a CNAME for 'lost.nowhere.invalid.': the name server 127.0.0.1"
    dns "server ="
    refused 75 "'_acme-challenge.lost.$ZONE.' is a CNAME for 'lost.nowhere.invalid.': "
}

# ---- an alias ----

@test "all records go to the alias, and none is left there" {
    order "one.$ZONE, *.one.$ZONE, other.$ZONE"
    dns "alias = all.elsewhere.test"
    issued
    [ "$(tail -c +"$mark" "$BIND_LOG" | grep -c "adding an RR at 'all.elsewhere.test' TXT")" = 3 ]
    [ -z "$(dns_txt all.elsewhere.test)" ]
}

@test "the CNAME that does not lead to the alias is told, and the issuer is not asked to look" {
    local pebble
    dns "alias = all.elsewhere.test"
    order "one.$ZONE, db.$ZONE"
    pebble=$(pebble_mark)
    refused 78 "no record '_acme-challenge.db.$ZONE. CNAME all.elsewhere.test.'; add it"
    [ "$(requests "$pebble" chalZ)" = 0 ]
    fresh
    dns "alias = all.elsewhere.test"
    order "astray.$ZONE"
    refused 78 "'_acme-challenge.astray.$ZONE. CNAME all.elsewhere.test.' \(it leads to 'astray.elsewhere.test.'\)"
}

@test "where the resolvers see another DNS than the issuer, others can be set, or none be asked" {
    order "one.$ZONE"
    dns "alias = all.elsewhere.test" "resolvers = 127.0.0.4"
    refused 78 "set 'resolvers' to some that see the public DNS, which 127.0.0.4 may not"
    dns "resolvers = 127.0.0.1"
    issued && [ -z "$(dns_txt all.elsewhere.test)" ]
    dns "resolvers = 127.0.0.4" "propagation = wait" "wait = 0"
    issued && [ -z "$(dns_txt all.elsewhere.test)" ]
}

@test "records of a run that was killed are removed from the alias, also when it is set no more" {
    order "one.$ZONE"
    uses_program "alias = all.elsewhere.test" "timeout = 20s" "propagation = wait" "wait = 20s"
    pgcert renew >/dev/null 2>&1 &
    await 10 "the record" has_txt all.elsewhere.test
    kill -KILL "$(pgrep -nx pgcert)"
    wait "$!" || :
    has_txt all.elsewhere.test
    conf_add <<<$'[dns program]\nalias =\nwait = 0'
    expect 0 pgcert renew
    not has_txt all.elsewhere.test
}

has_txt()
{
    [ -n "$(dns_txt "$1")" ]
}

@test "programs that build the name themselves are given the alias, which must begin as they do" {
    order "one.$ZONE"
    uses_program "contract = certbot" "alias = all.elsewhere.test"
    refused 78 "must begin with that"
    order "program.$ZONE"
    conf_add <<<$'[dns program]\nalias = _acme-challenge.all.elsewhere.test'
    issued elsewhere.test
    went_to _acme-challenge.all.elsewhere.test elsewhere.test "$mark"
}

# ---- a zone of its own for the challenge ----

# The value of a moment ago, for one: Pebble would get it again.
resolver_forgets()
{
    rndc -s 127.0.0.1 -p 953 -k "$WORLD/bind/rndc.key" flush
}

@test "a challenge that is a zone of its own is published and looked for at its own server" {
    order "child.$ZONE"
    dns "server ="
    issued "_acme-challenge.child.$ZONE" 127.0.0.2
    resolver_forgets
    dns "server = 127.0.0.2"
    issued "_acme-challenge.child.$ZONE" 127.0.0.2
    resolver_forgets
    dns "zone = _acme-challenge.child.$ZONE"
    issued "_acme-challenge.child.$ZONE" 127.0.0.2
}

@test "the server of the zone above cannot take it, and says who can" {
    order "child.$ZONE"
    refused 77 "127.0.0.1 does not have the zone '_acme-challenge.child.$ZONE.', but says that 'ns2.$ZONE.' has; set 'server'"
}

@test "a delegation to a server that refuses is told with zone and server" {
    order "lame.$ZONE"
    dns "server ="
    refused 75 "zone '_acme-challenge.lame.$ZONE.' is delegated to .*'ns3.$ZONE.' does not have it \(127.0.0.3: REFUSED\); add the zone there, or correct its NS"
}

@test "a delegation to a server that knows the zone above alone is told with zone and server" {
    order "copy.$ZONE"
    dns "server ="
    refused 75 "zone '_acme-challenge.copy.$ZONE.' is delegated to .*'ns4.$ZONE.' \(127.0.0.4\) does not have it;"
}

@test "a delegation to a server that is dead is told with zone and server" {
    order "dead.$ZONE"
    dns "server ="
    refused 75 "zone '_acme-challenge.dead.$ZONE.' is delegated to .*'ns9.$ZONE.' does not have it \(127.0.0.9: Connection refused\)"
}

@test "a delegation to a server without an address is told with zone and server" {
    order "nobody.$ZONE"
    dns "server ="
    refused 75 "zone '_acme-challenge.nobody.$ZONE.' is delegated to .*'ns.nowhere.invalid.' has no address;"
    fresh
    order "db.glue.test"
    dns "server ="
    refused 75 "zone '_acme-challenge.db.glue.test.' .*'ns._acme-challenge.db.glue.test.' has no address, as the zone above has no glue for it;" glue.test
}

@test "one server of two that does not have the zone is named when the time is over" {
    order "half.$ZONE"
    dns "server = 127.0.0.2" "timeout = 1s"
    refused 75 "ns3.$ZONE. \(127.0.0.3\): does not have the zone '_acme-challenge.half.$ZONE.' \(it refuses\)"
}

# ---- unusual servers and zones ----

@test "a primary that nobody can find is no matter when it is set, or does not publish" {
    order "db.hidden.test"
    issued hidden.test
    fresh
    order "db.hidden.test"
    dns "server ="
    refused 75 "primary 'hidden.nowhere.invalid.' of the zone 'hidden.test.' has no address .*set 'server'" hidden.test
    uses_program
    issued hidden.test
}

@test "a primary that does not answer is no matter to those who only look" {
    order "db.silent.test"
    uses_program
    issued silent.test
    fresh
    order "db.silent.test"
    dns "server ="
    refused 75 "127.0.0.9" silent.test
}

@test "an address of a server that stays behind is named, though another one has the record" {
    order "db.stale.test"
    dns "timeout = 1s"
    refused 75 "ns2.stale.test. \(127.0.0.2\): (has no TXT record|answers NXDOMAIN)" stale.test
}

@test "a signed zone is like any other" {
    [ "$(dig +short +dnssec SOA signed.test | grep -c SOA)" = 1 ]
    order "db.signed.test, *.db.signed.test"
    issued signed.test
}

@test "the zone may be far above the name" {
    order "a.b.c.d.e.$ZONE"
    issued
    dns "server ="
    issued
}

@test "names may be as long as they can be with the challenge before them, but no longer" {
    local label long
    label=$(printf 'a%.0s' {1..63})
    long=$label.$label.$label.${label:31}.$ZONE
    [ ${#long} = 237 ]
    order "$long"
    issued
    fresh
    order "*.$label.$label.$label.${label:30}.$ZONE"
    refused 78 "238 characters; at most 237 leave room"
}

@test "names may have letters of any language" {
    order "bücher.$ZONE, *.bücher.$ZONE"
    issued
    went_to "_acme-challenge.xn--bcher-kva.$ZONE" "$ZONE" "$mark"
}
