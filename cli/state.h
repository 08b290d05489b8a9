/* state.h: what is remembered of a certificate between runs: STATE/certificates/NAME/state.json,
 * and what deploying remembers, which may be apart (proofs.h). What was elsewhere before the
 * settings said so is taken along. */
#ifndef PGCERT_CLI_STATE_H
#define PGCERT_CLI_STATE_H

#include "base/json.h"
#include "base/store.h"
#include "reload/reload.h"

/* The last proof of one target. */
struct proof {
    const char *file;           /* pgcert's file there; NULL: never deployed. Borrowed */
    const struct json_t *files; /* of several: each, with a digest; NULL: it is one. Borrowed */
    bool is_unprovable;         /* nobody could be asked: at_s is when it was reloaded */
    const char *sha256;         /* of the leaf that was proved; NULL: never proved. Borrowed */
    int64_t at_s;
};

/* The last attempt at obtaining a certificate. Strings are borrowed. */
struct attempt {
    int64_t at_s;
    const char *error;     /* NULL: it succeeded, and all below is empty */
    int64_t since_s;       /* the first failure in a row */
    int64_t failures;      /* in a row, of those that cost something at the issuer */
    int64_t next_s;        /* when the next try is; 0: nobody knows */
    int64_t advice_s;      /* until when the issuer wants to be left alone; 0: it did not say */
    const char *directory; /* of the issuer */
    const char *settings;  /* a digest of those that were in force */
};

/* What the issuer said of the time to renew, and what we made of it. */
struct advice {
    int64_t start_s, end_s;  /* its window; 0: it did not say */
    int64_t moment_s;        /* chosen in the window; 0: none */
    const char *explanation; /* a URL; NULL: none. Borrowed */
    int64_t ask_at_s;        /* when to ask again; 0: now */
};

struct state {
    char *directory;     /* of the certificate in the store */
    struct json_t *json; /* the file's content */
    bool is_changed;     /* since it was loaded or saved */

    char *proofs_path;     /* where what deploying remembers is, or was, apart */
    struct json_t *proofs; /* of each target; NULL: it is in `json` */
    bool are_proofs_kept;  /* they are on disk, apart */
    bool are_proofs_moved; /* they are to be, and are in `json` on disk yet */
    bool are_proofs_changed;
};

#define own_state __attribute__((cleanup(state_done)))

/* Loads. ERR_INPUT when the file is damaged. */
MUST_USE bool state_load(struct state *s, const char *state_dir, const char *name, struct err *e);

/* Reads again what another user has written down of the targets, unless we have. ERR_SYSTEM. */
MUST_USE bool state_read_proofs(struct state *s, struct err *e);

/* Saves, when something changed, or was taken along. */
MUST_USE bool state_save(struct state *s, struct err *e);

/* The wanted generation; 0: the newest. What was wanted is void as soon as there is a newer
 * generation than then, so that a run which was killed right after it had stored one has not stored
 * it in vain. */
int64_t state_generation(const struct state *s);
void state_set_generation(struct state *s, int64_t number);

/* The last attempt; all empty when there was none. */
struct attempt state_attempt(const struct state *s);
void state_set_attempt(struct state *s, const struct attempt *a);

/* The issuer's advice on a certificate; all empty when it is another one's. */
struct advice state_advice(const struct state *s, const char *sha256);
void state_set_advice(struct state *s, const char *sha256, const struct advice *a);

/* The last proof of a target; all empty when there is none. */
struct proof state_proof(const struct state *s, const char *target);

/* Files were put in place: whatever was proved before is not proved any more. */
void state_set_file(struct state *s, const char *target, const struct served *served);

/* What a target serves is proved, or, where nobody can be asked, it was told to read it. */
void state_set_proof(struct state *s, const char *target, const struct served *served,
                     int64_t at_s);

/* Are they as they were when they were proved? */
bool state_is_unchanged(const struct proof *p, const struct material *m);

/* May one of them not be read by us, as in a server's directory by who only obtains? Then it is not
 * to be said whether they are unchanged. */
bool state_is_withheld(const struct proof *p);

/* Why a target could not be brought to the wanted certificate; NULL: it could. */
const char *state_target_error(const struct state *s, const char *target);
void state_set_target_error(struct state *s, const char *target, const char *error);

/* When the generation with that fingerprint was revoked; 0: it was not. */
int64_t state_revoked_at(const struct state *s, const char *sha256);
void state_set_revoked(struct state *s, const char *sha256, int64_t at_s);

void state_done(struct state *s);

#endif
