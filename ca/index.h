/* index.h: what the CA has issued and revoked: a file that only grows, a line an event.
 *
 *   # pgcert index 1
 *   issued  AT SERIAL ISSUER KIND NOT_AFTER NAME [TENANT]
 *   revoked AT SERIAL REASON
 *
 * Tabs separate. Times are RFC 3339; SERIAL is hexadecimal; ISSUER is the key id of the CA; NAME is
 * the user, the first name of a server, or the common name of a CA; TENANT whose CA or client it
 * is. An event counts when its line
 * is whole; it is on disk before what it is about is signed.
 */
#ifndef PGCERT_CA_INDEX_H
#define PGCERT_CA_INDEX_H

#include "base/err.h"
#include "ca/issue.h"

#define INDEX_SERIAL_MAX 40 /* hexadecimal digits: 20 octets, RFC 5280 section 4.1.2.2 */

/* Why one was revoked: the code of a CRL's entry (RFC 5280 section 5.3.1) and its word. */
struct index_reason {
    int code;
    const char *word;
};

/* Ended by a row without word; the first one is unspecified. */
extern const struct index_reason index_reasons[];

/* One certificate. All strings are borrowed, of the index or of the caller. */
struct index_entry {
    const char *serial;
    const char *issuer;
    const char *name;
    const char *tenant; /* NULL: none */
    int64_t at_s, not_after_s;
    int64_t revoked_at_s; /* 0: it is not */
    enum kind_id kind;
    const struct index_reason *reason; /* of the revocation */
};

struct index {
    struct index_entry *entries; /* in the order in which they were issued */
    size_t count, room;
    size_t revoked_count;
    uint32_t *slots; /* by serial: 1 + number of the entry; 0: free */
    size_t slot_count;
    char *text; /* what the entries point into */
    size_t size;
};

#define own_index __attribute__((cleanup(index_done)))

/*
 * Reads the whole file; one that is not there is empty. A last line that a killed run has not
 * finished does not count.
 *
 * Gives:  index  empty before
 * Errors: ERR_INPUT   a line is damaged; the file is not to be trusted then
 *         ERR_SYSTEM, ERR_PERMISSION
 */
MUST_USE bool index_read(const char *path, struct index *index, struct err *e);

/* The same from memory; takes `text` (malloc'ed, with room for one byte more), also when it fails.
 */
MUST_USE bool index_parse(struct index *index, char *text, size_t size, struct err *e);

/* The certificate with that serial (lower case); NULL: there is none. */
struct index_entry *index_find(const struct index *index, const char *serial);

/* The reason of that word; NULL: there is none. */
const struct index_reason *index_reason_find(const char *word);

/*
 * Adds a line, fsynced when this returns; the file is made when missing, and what a killed run has
 * left of a last line is cut off first. Only who holds the CA's lock may.
 *
 * Errors: ERR_CREATE, ERR_SYSTEM, ERR_PERMISSION; ERR_INPUT  the end of the file is damaged
 */
MUST_USE bool index_add_issued(const char *path, const struct index_entry *entry, struct err *e);

/* The same for many, with one write and one fsync. A kill leaves the first of them, all that fails
 * leaves none. */
MUST_USE bool index_add_all_issued(const char *path, const struct index_entry *entries,
                                   size_t count, struct err *e);

/* See index_add_issued(). */
MUST_USE bool index_add_revoked(const char *path, const char *serial,
                                const struct index_reason *reason, int64_t at_s, struct err *e);

/* The same for many, as index_add_all_issued(). */
MUST_USE bool index_add_all_revoked(const char *path, const struct list *serials,
                                    const struct index_reason *reason, int64_t at_s, struct err *e);

void index_done(struct index *index);

#endif
