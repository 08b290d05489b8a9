/* acme.h: the face of the ACME client (RFC 8555), DNS-01 only.
 *
 * acme_issue() carries one order from its creation to the downloaded chain, or resumes the one that
 * an earlier run has left in job->order_path. It never sees the private key of the certificate: the
 * caller brings the signing request. What it publishes in the DNS is in a journal first
 * (job->journal_path) and is removed at the end; acme_sweep() removes what a killed run has left.
 */
#ifndef PGCERT_ACME_ACME_H
#define PGCERT_ACME_ACME_H

#include "acme/dns.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/http.h"
#include "base/option.h"
#include "base/progress.h"
#include "base/str.h"

/* An [issuer NAME] section of type acme. */
struct acme_issuer {
    int type;            /* index in acme_issuer_types: 0 */
    char *directory;     /* URL */
    struct list contact; /* "mailto:..." */
    bool agree_terms;
    char *dns;        /* the name of the [dns NAME] section */
    char *ca_file;    /* extra trust for the server's https; NULL: the system's roots alone */
    char *trust_file; /* extra root in which issued chains may end; NULL: the system's alone */
};

extern const struct option acme_options[];

/* One certificate to be obtained. Everything is borrowed. */
struct acme_job {
    const struct acme_issuer *issuer;
    struct dns *dns;
    struct http *http; /* one connection for a whole run */
    struct clock *clock;
    struct progress *progress; /* may be NULL */
    const char *account_dir;   /* account.key, account.json, session.json */
    const char *order_path;    /* the order in flight, JSON */
    const char *journal_path;  /* the published records, JSON */
    const struct list *names;  /* A-labels, "*." allowed in front */
    const struct str *csr_der;
};

/*
 * Obtains a chain.
 *
 * Gives:  chain_pem  as the server gave it, bounded but not judged, appended
 *         warning    what went wrong beside it (records that could not be removed), else unchanged
 * Errors: ERR_REFUSED, ERR_BUSY (retry_at_s), ERR_NETWORK, ERR_TIMEOUT, ERR_PROTOCOL, ERR_CONFIG,
 *         ERR_PERMISSION (by the name server), ERR_SYSTEM, ERR_CREATE
 * The order stays in order_path until acme_forget(), so that a crash right after loses nothing.
 */
MUST_USE bool acme_issue(const struct acme_job *job, struct str *chain_pem, struct err *warning,
                         struct err *e);

/* Forgets the order in flight: its chain is stored, or was not acceptable. */
MUST_USE bool acme_forget(const struct acme_job *job, struct err *e);

/* Finds the [dns NAME] section of that name; NULL when there is none. */
typedef struct dns *acme_find_dns(void *user, const char *name);

/*
 * Removes the records of every journal in a directory; journals that are done are removed.
 *
 * Errors: the last failure; the journals which failed are still there
 */
MUST_USE bool acme_sweep(const char *journal_dir, acme_find_dns *find, void *user, struct err *e);

#endif
