# What the tests of name servers share: zones, orders, and what must be left of them. A file loads it
# after world.
# shellcheck shell=bash disable=SC2154 # bats sets status, output and stderr

# A zone whose second name server is another machine: zone_of_two ZONE [NS=ADDRESS]
zone_of_two()
{
    bind_zone "$1"
    bind_write_zone "$WORLD/bind/$1.zone" "$1" ns1 "${@:2}"
}

# The values at challenges in a zone; empty when everything was cleaned up: challenges ZONE [SERVER]
challenges()
{
    dns_challenges "$@" | grep -w TXT
}

# One certificate without a target; only its names matter here: order NAME[, NAME...]
order()
{
    conf_add <<END
[certificate db.$ZONE]
names = $1
deploy =
END
}

# Settings of the provider: dns LINE...
dns()
{
    printf '%s\n' "[dns world]" "$@" | conf_add
}

# Issues, and leaves no record in the zone: issued [ZONE [SERVER]]. By a new account each time: one
# in a hundred authorizations is used again by Pebble whatever PEBBLE_AUTHZREUSE is, without a record.
issued()
{
    rm -rf "$STATE"
    expect 0 pgcert renew
    [ -n "$(newest_generation)" ] && [ -z "$(challenges "${1:-$ZONE}" "${2:-127.0.0.1}")" ]
}

# Fails so, with that sentence, and leaves nothing: refused STATUS PATTERN [ZONE]
refused()
{
    expect "$1" pgcert renew
    says "$2" && [ -z "$(newest_generation)" ] && [ -z "$(challenges "${3:-$ZONE}")" ]
}

# Where a record went since a mark, of the log of BIND or of another server: went_to NAME ZONE MARK [LOG]
went_to()
{
    tail -c +"$3" "${4:-$BIND_LOG}" |
        grep -qF "updating zone '$2/IN': adding an RR at '$1' TXT"
}
