/* state.h: what is remembered of a certificate between runs: STATE/certificates/NAME/state.json. */
#ifndef PGCERT_CLI_STATE_H
#define PGCERT_CLI_STATE_H

#include "base/json.h"
#include "base/store.h"

/* The last proof of one target. */
struct proof {
    const char *file;   /* pgcert's file there; NULL: never deployed. Borrowed */
    const char *sha256; /* of the leaf that was proved; NULL: never proved. Borrowed */
    int64_t at_s;
};

struct state {
    char *directory;     /* of the certificate in the store */
    struct json_t *json; /* the file's content */
    bool is_changed;     /* since it was loaded or saved */
};

#define own_state __attribute__((cleanup(state_done)))

/* Loads. ERR_INPUT when the file is damaged. */
MUST_USE bool state_load(struct state *s, const char *state_dir, const char *name, struct err *e);

/* Saves, when something changed. */
MUST_USE bool state_save(struct state *s, struct err *e);

/* The wanted generation; 0: the newest. A rollback sets it. */
int64_t state_generation(const struct state *s);
void state_set_generation(struct state *s, int64_t number);

/* The last attempt at obtaining; `error` NULL: it succeeded. */
int64_t state_attempt_at(const struct state *s);
const char *state_attempt_error(const struct state *s);
int64_t state_attempt_next(const struct state *s);
void state_set_attempt(struct state *s, int64_t at_s, const char *error, int64_t next_s);

/* The last proof of a target; all empty when there is none. */
struct proof state_proof(const struct state *s, const char *target);

/* A file was put in place: whatever was proved before is not proved any more. */
void state_set_file(struct state *s, const char *target, const char *file);

/* What a target serves is proved. */
void state_set_proof(struct state *s, const char *target, const char *file, const char *sha256,
                     int64_t at_s);

/* Why a target could not be brought to the wanted certificate; NULL: it could. */
const char *state_target_error(const struct state *s, const char *target);
void state_set_target_error(struct state *s, const char *target, const char *error);

void state_done(struct state *s);

#endif
