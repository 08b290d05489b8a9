/* none.c: the provider that publishes nothing: for records that are published once, by hand. */
#include "acme/dns.h"

static const struct option options[] = {{0}};

/* Only a journal of when this section had another provider leads here. */
static bool
withdraw(struct dns *d, const struct dns_txt *records, size_t count, struct err *e)
{
    return count == 0 ||
           err_set(e, ERR_CONFIG,
                   "[dns %s] has provider = none now, which cannot remove '%s', published earlier",
                   d->name, records[0].fqdn);
}

extern const struct dns_provider dns_none;

const struct dns_provider dns_none = {
    .name = "none",
    .options = options,
    .config_size = 1, /* byte, since there are no settings */
    .remove = withdraw,
};
