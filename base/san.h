/* san.h: the names of a subjectAltName (RFC 5280 section 4.2.1.6). */
#ifndef PGCERT_BASE_SAN_H
#define PGCERT_BASE_SAN_H

#include "base/str.h"

#include <openssl/x509v3.h>

#define own_san __attribute__((cleanup(san_drop)))

/* The names as they stand in a request or certificate: what is an IPv4 or IPv6 address as
 * iPAddress, all others as dNSName. NULL: out of memory. */
MUST_USE GENERAL_NAMES *san_make(const struct list *names);

void san_drop(GENERAL_NAMES **names);

#endif
