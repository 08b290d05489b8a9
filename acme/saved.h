/* saved.h: the order in flight, on disk, so that a later run can go on with it. */
#ifndef PGCERT_ACME_SAVED_H
#define PGCERT_ACME_SAVED_H

#include "acme/acme.h"

/* Writes it to job->order_path, fsynced: where it is, and what it is for. `csr_der` is the request
 * it will be finalized with. */
MUST_USE bool saved_write(const struct acme_job *job, const char *order_url,
                          const struct str *csr_der, struct err *e);

/*
 * Reads it, when it is for these names, this key, this account and this profile.
 *
 * Gives:  csr_der  appended: the request that it was made for
 * Returns its URL, to be free()d; NULL: there is none for this job
 */
MUST_USE char *saved_find(const struct acme_job *job, struct str *csr_der);

#endif
