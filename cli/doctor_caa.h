/* doctor_caa.h: may an issuer sign for a name, by its CAA records (RFC 8659)? */
#ifndef PGCERT_CLI_DOCTOR_CAA_H
#define PGCERT_CLI_DOCTOR_CAA_H

#include "base/dns.h"

/*
 * Judges the CAA records at one name.
 *
 * Takes:  answer       to a question for CAA
 *         is_wildcard  the name that is to be signed is one
 *         identities   what the issuer calls itself there
 * Gives:  any          there are such records, so that those further up do not count
 * Source: RFC 8659 sections 3 and 4
 */
bool doctor_caa_allows(const struct dns_answer *answer, bool is_wildcard,
                       const struct list *identities, bool *any);

#endif
