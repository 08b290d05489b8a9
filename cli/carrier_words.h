/* carrier_words.h: how the two processes put errands and answers into words: JSON, and a chain as
 * it came. */
#ifndef PGCERT_CLI_CARRIER_WORDS_H
#define PGCERT_CLI_CARRIER_WORDS_H

#include "cli/errand.h"

#define CARRIER_WORDS_MAX ((size_t)1024 * 1024)     /* of a JSON text */
#define CARRIER_CHAIN_MAX ((size_t)2 * 1024 * 1024) /* more than acme/ takes from an issuer */

/* What an answer begins with; the other fields are those of errands. */
struct carrier_answer {
    bool done;
    struct err e;       /* why not */
    struct err warning; /* ERR_NONE: nothing */
    struct acme_window window;
};

/* An error that the less trusted end has made up, as a fresh one. NULL: none. */
void carrier_words_take_err(const struct json_t *object, struct err *e);

/* For JSON. NULL: out of memory. */
MUST_USE struct json_t *carrier_words_put_err(const struct err *e);

/* An order in words. NULL and ERR_SYSTEM. */
MUST_USE struct json_t *carrier_words_put_errand(const struct errand *errand, struct err *e);

/*
 * Reads an answer.
 *
 * Gives:  a  empty before; a->window as far as it makes sense
 * Errors: ERR_PROTOCOL
 */
MUST_USE bool carrier_words_take_answer(const struct json_t *object, struct carrier_answer *a,
                                        struct err *e);

/* An answer in words. NULL: out of memory. */
MUST_USE struct json_t *carrier_words_put_answer(const struct carrier_answer *a);

#endif
