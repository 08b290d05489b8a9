/* idn.h: DNS names as people write them, made those of the wire. The only door to libidn2. */
#ifndef PGCERT_BASE_IDN_H
#define PGCERT_BASE_IDN_H

#include "base/err.h"

/*
 * Makes a DNS name for a certificate: A-labels, lower case, without a final dot. "*." may stand in
 * front.
 *
 * Takes:  name  UTF-8
 * Gives:  ascii the caller's to free
 * Errors: ERR_CONFIG  a label that is empty, too long, or has other characters than letters, digits
 *                     and '-'; a wildcard elsewhere; an IP address; what IDNA forbids
 *         ERR_SYSTEM  out of memory
 * Source: RFC 5890 to 5893 and UTS 46 (non-transitional); RFC 1123 section 2.1; RFC 6125
 *         section 6.4.3
 */
MUST_USE bool idn_to_ascii(char **ascii, const char *name, struct err *e);

/* The version of libidn2 that runs. */
const char *idn_library(void);

#endif
