/* doctor_hooktext.h: does a script, a crontab or another client's settings restart PostgreSQL? */
#ifndef PGCERT_CLI_DOCTOR_HOOKTEXT_H
#define PGCERT_CLI_DOCTOR_HOOKTEXT_H

#include "base/str.h"

enum hooktext_does { HOOKTEXT_NOTHING, HOOKTEXT_RELOADS, HOOKTEXT_RESTARTS };

/* What was seen in a text. */
struct doctor_hooktext {
    enum hooktext_does does; /* the worst of its lines */
    int line;                /* that one, from 1 */
    bool is_of_certificates; /* it speaks of certificates, or of a client that gets them */
    bool runs_pgcert;        /* it has `pgcert renew` in it */
};

/*
 * Reads a text line by line, without what is commented out or only printed; a line that ends in a
 * backslash goes on. Le_ReloadCmd of acme.sh, which may be in base64, counts as what it says.
 *
 * Takes:  text  any bytes
 */
struct doctor_hooktext doctor_hooktext_judge(const char *text, size_t size);

#endif
