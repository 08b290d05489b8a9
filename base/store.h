/* store.h: the generations of certificates on disk. Knows files, not where they come from.
 *
 * STATE/certificates/NAME/N/key.pem      0600, or 0640 for a group (store_share()), PKCS#8
 *                          chain.pem    leaf first
 *                          about.json
 * {"issuer","created_at","sha256","serial","key_type","not_before","not_after","names"}
 *                    NAME/next.key      the key of the generation that is being obtained
 *                    NAME/state.json    {"generation": wanted, "last_attempt": {...}, "targets":
 * {...}}
 * STATE/orders/NAME.json                 the order in flight (acme/): beside no key, for who orders
 *                                        cannot read keys
 */
#ifndef PGCERT_BASE_STORE_H
#define PGCERT_BASE_STORE_H

#include "base/err.h"
#include "base/file.h"
#include "base/key.h"
#include "base/str.h"

/* What is known of a generation without parsing it. All strings owned. */
struct generation {
    int64_t number; /* from 1; 0: there is none */
    char *issuer;
    char *sha256;
    char *serial;
    char *key_type; /* a word of key_type_words; "" when it is none of them */
    struct list names;
    int64_t created_at_s, not_before_s, not_after_s;
};

#define own_generation __attribute__((cleanup(generation_done)))

/*
 * From now on what is stored in this process can be read by the members of a group, and by nobody
 * else: directories get 0750, a generation's files and state.json 0640. What is in flight
 * (next.key, order.json) stays private.
 *
 * Takes:  group  (gid_t)-1: it is for nobody else, as at first
 */
void store_share(gid_t group);

/* That group; (gid_t)-1: there is none. */
gid_t store_group(void);

/* What a stored file or directory gets. */
struct file_access store_access(bool is_directory);

/* Makes STATE/certificates/NAME, or what leads there, when it is missing, and has it shared. */
MUST_USE bool store_make_directory(const char *directory, struct err *e);

/* STATE/certificates/NAME, with '_' for '*' and '/'; free() it. NULL: out of memory. */
MUST_USE char *store_directory(const char *state, const char *name);

/* STATE/orders/NAMEKIND.json of STATE/certificates/NAME, where an earlier version had it in that
 * directory itself; free() it. NULL: out of memory. */
MUST_USE char *store_order(const char *directory, const char *kind);

/* Brings an order of an earlier version to where it is looked for, if there is one. */
void store_take_order(const char *directory, const char *order);

/*
 * Finds the newest complete generation, or number `wanted` when not 0. Where about.json is damaged,
 * it is made up from key and chain (the issuer is "" then); where those are, too, or the directory
 * is not there, the generation before it counts.
 *
 * Gives:  g  number 0 when there is none
 */
void store_find(const char *directory, int64_t wanted, struct generation *g);

/* The largest complete number below `below`; 0 when there is none. */
int64_t store_before(const char *directory, int64_t below);

/* Reads the private key and the chain as PEM, both appended. ERR_INPUT, ERR_SYSTEM. */
MUST_USE bool store_read(const char *directory, int64_t number, struct str *key_pem,
                         struct str *chain_pem, struct err *e);

/* The chain alone: who needs no key has none in memory. ERR_INPUT, ERR_SYSTEM. */
MUST_USE bool store_read_chain(const char *directory, int64_t number, struct str *chain_pem,
                               struct err *e);

/* The key for the next generation: the one on disk from an interrupted run if it is of that type,
 * else a new one, fsynced before this returns. NULL and `e` on failure. */
MUST_USE EVP_PKEY *store_next_key(const char *directory, enum key_type type, struct err *e);

/*
 * Adds a generation: complete and fsynced under a temporary name, then renamed to its number; then
 * next.key is removed.
 *
 * Takes:  names   that were asked for; NULL: those in the certificate
 * Gives:  number  of the new one
 */
MUST_USE bool store_add(const char *directory, const char *issuer, const struct list *names,
                        const struct str *key_pem, const struct str *chain_pem, int64_t now_s,
                        int64_t *number, struct err *e);

/* Removes all but the newest `keep` generations and number `protect`. */
MUST_USE bool store_prune(const char *directory, int64_t keep, int64_t protect, struct err *e);

/* Removes what killed runs have left: incomplete generations and files; when nothing is being
 * obtained any more, the key and the order of it, too. */
void store_tidy(const char *directory, bool is_obtaining);

void generation_done(struct generation *g);

#endif
