/* renewal_info.h: when the issuer would like a certificate to be renewed (RFC 9773, "ARI"). */
#ifndef PGCERT_ACME_RENEWAL_INFO_H
#define PGCERT_ACME_RENEWAL_INFO_H

#include "acme/acme.h"
#include "base/cert.h"
#include "base/json.h"

/* The certificate's id, to be free()d: authority key identifier and serial number, each in
 * base64url, with a dot between. NULL and ERR_INPUT when it has no such identifier. Source: RFC
 * 9773 section 4.1 */
MUST_USE char *renewal_info_id(const X509 *cert, struct err *e);

/* Reads the answer. ERR_PROTOCOL: no window, or one that does not end after it began. Source: RFC
 * 9773 section 4.2 */
MUST_USE bool renewal_info_read(struct acme_window *w, const struct json_t *answer, struct err *e);

/* Reads "2026-01-02T04:00:00.5+01:00" as Unix seconds; fractions are cut off. Source: RFC 3339
 * section 5.6 */
MUST_USE bool renewal_info_time(int64_t *at_s, const char *text);

#endif
