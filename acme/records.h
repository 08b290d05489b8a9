/* records.h: the journal of published TXT records: written before, removed after. */
#ifndef PGCERT_ACME_RECORDS_H
#define PGCERT_ACME_RECORDS_H

#include "acme/acme.h"

/* Records to be published, owned. */
struct records {
    struct dns_txt *items; /* the texts of each are owned here */
    size_t count;
};

#define own_records __attribute__((cleanup(records_done)))

/* Adds copies; the same record twice is one. False when memory ran out. */
MUST_USE bool records_add(struct records *all, const char *fqdn, const char *value);

/* The same, with what else is known of the record. */
MUST_USE bool records_add_txt(struct records *all, const struct dns_txt *record);

/* Gives all of them another name. False when memory ran out; some may have it then. */
MUST_USE bool records_rename(struct records *all, const char *fqdn);

/* Writes the journal, fsynced, then publishes. */
MUST_USE bool records_publish(const struct records *all, struct dns *dns, const char *journal_path,
                              struct err *e);

/* Removes the records, then the journal. After a failure the journal is still there. */
MUST_USE bool records_remove(const struct records *all, struct dns *dns, const char *journal_path,
                             struct err *e);

/* Reads a journal: the records, and the name of the [dns] section, the caller's to free. ERR_INPUT.
 */
MUST_USE bool records_load(struct records *all, char **dns_name, const char *journal_path,
                           struct err *e);

void records_done(struct records *all);

#endif
