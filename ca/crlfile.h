/* crlfile.h: CRLs as they are found in files. For the room's own use. */
#ifndef PGCERT_CA_CRLFILE_H
#define PGCERT_CA_CRLFILE_H

#include "ca/ca.h"

/* See ca_crls_read(); from memory. */
MUST_USE bool crlfile_parse(const char *text, size_t size, struct ca_crls *crls, struct err *e);

#endif
