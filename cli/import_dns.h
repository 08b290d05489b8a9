/* import_dns.h: how other clients publish records, as a provider of ours. */
#ifndef PGCERT_CLI_IMPORT_DNS_H
#define PGCERT_CLI_IMPORT_DNS_H

#include "cli/import.h"

/*
 * Makes settings of what a client calls its DNS plugin.
 *
 * Takes:  client  whose word it is
 *         plugin  "dns-cloudflare", "dns_cf"
 *         pool    what was read of its settings, by the client's names; "KEY.text" is what is in
 * the file KEY origin  where it was read Gives:  d       empty before; `why` when it is not known,
 * or a value is missing Errors: ERR_SYSTEM
 */
MUST_USE bool import_dns_map(struct import_dns *d, const char *client, const char *plugin,
                             const struct assigns *pool, const char *origin, struct err *e);

/* No provider, and why, as in "it is proved by http-01"; false when memory ran out. */
MUST_USE bool import_dns_unknown(struct import_dns *d, const char *format, ...) PRINTF(2, 3);

void import_dns_done(struct import_dns *d);

#endif
