/* trust_memory.h: what is remembered of each target's clients: the file, when it was proved last,
 * what went wrong, and the certificates whose sessions are still to end. It is in
 * STATE/clients.json, or, where who deploys is another user, in STATE/targets/clients (proofs.h).
 */
#ifndef PGCERT_CLI_TRUST_MEMORY_H
#define PGCERT_CLI_TRUST_MEMORY_H

#include "cli/app.h"

struct trust_memory {
    const struct app *app; /* borrowed */
    char *path;
    struct json_t *json;
};

#define own_trust_memory __attribute__((cleanup(trust_memory_done)))

/* Empty where nothing is remembered, or nothing that can be read: all is proved again then. Errors:
 * ERR_SYSTEM  out of memory */
MUST_USE bool trust_memory_open(struct trust_memory *m, const struct app *app, struct err *e);
void trust_memory_done(struct trust_memory *m);

/* What is to be known of a target; strings are borrowed. */
struct trust_entry {
    const char *file;          /* NULL: not known; where it is put: as it was */
    int64_t proved_at_s;       /* 0: it is not */
    const char *error;         /* NULL: none */
    const struct list *ending; /* hexadecimal; where it is put, NULL: as it was */
    int64_t refused_at_s;      /* since when those of `ending` are refused; 0: not yet */
};

/* All but `ending`; what is borrowed lives until something is put. */
struct trust_entry trust_memory_find(const struct trust_memory *m, const char *target);

/* Appends. False when memory ran out. */
MUST_USE bool trust_memory_ending(const struct trust_memory *m, const char *target,
                                  struct list *ending);

/* Remembers. Errors as file_replace_for(). */
MUST_USE bool trust_memory_put(struct trust_memory *m, const char *target,
                               const struct trust_entry *entry, struct err *e);

/* Remembers that the sessions opened with these certificates are to end there, too. Errors as
 * trust_memory_put(). */
MUST_USE bool trust_memory_add_ending(struct trust_memory *m, const char *target,
                                      const struct list *serials, struct err *e);

/* What was given last to whoever wanted it, as SHA-256; NULL: nothing. Borrowed. */
const char *trust_memory_offered(const struct trust_memory *m);
MUST_USE bool trust_memory_set_offered(struct trust_memory *m, const char *sha256, struct err *e);

/* How far we have heard whose sessions are to end (ca_ending_read()). */
int64_t trust_memory_heard(const struct trust_memory *m);
MUST_USE bool trust_memory_set_heard(struct trust_memory *m, int64_t last, struct err *e);

#endif
