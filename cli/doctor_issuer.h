/* doctor_issuer.h: an issuer's directory, asked once for several checks. */
#ifndef PGCERT_CLI_DOCTOR_ISSUER_H
#define PGCERT_CLI_DOCTOR_ISSUER_H

#include "base/json.h"
#include "cli/doctor.h"

/* What came of asking one that has certificates here. */
struct doctor_issuer {
    const struct issuer *issuer; /* borrowed */
    struct json_t *directory;    /* NULL: see why */
    struct err why;
    int64_t ahead_s; /* its clock before ours; 0 also where it did not say */
};

/* Asks those that are needed, when that is first wanted. */
const struct doctor_issuer *doctor_issuers(struct doctor *d, size_t *count);

/* Frees them. */
void doctor_issuers_done(struct doctor *d);

#endif
