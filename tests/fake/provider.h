/* provider.h: a DNS provider which publishes nothing and remembers everything. */
#ifndef PGCERT_FAKE_PROVIDER_H
#define PGCERT_FAKE_PROVIDER_H

#include "acme/dns.h"
#include "base/str.h"

struct fake_provider {
    struct dns dns;      /* first, so that a struct dns * is one of these */
    const char *journal; /* looked for at each call; NULL: not */
    bool fails;          /* both calls fail with ERR_PERMISSION */

    /* "publish FQDN VALUE, FQDN VALUE" or "remove ..." a line; "+" before it when the journal was
     * there. */
    struct str said;
};

#define own_fake_provider __attribute__((cleanup(fake_provider_done)))

/* The section [dns NAME]; `name` is borrowed. */
struct fake_provider fake_provider_named(char *name);

/* What it was told; "" when nothing. */
const char *fake_provider_said(const struct fake_provider *f);

void fake_provider_done(struct fake_provider *f);

#endif
