/* ca.h: the face of the private CA (RFC 5280).
 *
 * A root signs two issuing CAs: one for servers, one for clients, so that what PostgreSQL trusts
 * for clients cannot be used to fake a server, nor the other way round. All that is signed stands
 * in an append-only index first. On disk, in [ca] directory (0700):
 *
 *   root.crt server-ca.crt client-ca.crt    the three certificates, PEM
 *   root.key server-ca.key client-ca.key    their keys, 0600; root.key may be kept elsewhere
 *   index                                   what was issued and revoked, a line an event
 *   root.crl clients.crl servers.crl        the root's CRL; and with it that of an issuing CA
 *   crl.json                                numbers and times of the CRLs
 *   clients/USER/                           bundles for clients
 */
#ifndef PGCERT_CA_CA_H
#define PGCERT_CA_CA_H

#include "base/cert.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/key.h"
#include "base/option.h"
#include "base/str.h"

/* ---- settings ---- */

/* The section [ca]. */
struct ca_config {
    char *directory;    /* NULL: the caller fills in STATE/ca */
    char *organization; /* NULL: none */
    int key_type;       /* enum key_type, of the CAs */
    int64_t root_lifetime_s, issuing_lifetime_s, server_lifetime_s, client_lifetime_s;
    int64_t crl_lifetime_s;
    struct list privileged; /* names of roles that nobody gets by mistake */
};

extern const struct option ca_options[];

/* What a single value cannot say: lifetimes that contradict each other. ERR_CONFIG. */
MUST_USE bool ca_check_config(const struct ca_config *config, struct err *e);

#endif
