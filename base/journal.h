/* journal.h: what happens, told to systemd's journal with fields by which it can be selected. */
#ifndef PGCERT_BASE_JOURNAL_H
#define PGCERT_BASE_JOURNAL_H

#include "base/own.h"

#include <stdbool.h>

#define JOURNAL_FIELDS_MAX 16
#define JOURNAL_SIZE 8192 /* of all fields together; a value that does not fit is cut */

/* "PGCERT_TARGET" and its value. A table ends with a row without name. */
struct journal_field {
    const char *name;
    const char *value; /* NULL: the field is left out */
};

/* Is it the journal that reads what is written there? By $JOURNAL_STREAM, "DEVICE:INODE".
 * Source: systemd.exec(5), sd-journal(3) */
bool journal_has(int descriptor);

/* Sends one entry; where it comes from is added by the journal. False: it could not be sent, and
 * has to be told in another way. Never a key, token or password. Source: sd_journal_sendv(3) */
MUST_USE bool journal_send(const struct journal_field *fields);

/* For a forked process that is about to end, and sent something: the journal finds out which unit
 * it is of when it reads that, and of a process that is gone by then it cannot. */
void journal_linger(void);

#endif
