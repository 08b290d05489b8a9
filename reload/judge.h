/* judge.h: what is wrong with a chain, one sentence at a time. */
#ifndef PGCERT_RELOAD_JUDGE_H
#define PGCERT_RELOAD_JUDGE_H

#include "base/cert.h"
#include "base/err.h"

/* Each of them: ERR_INPUT and a sentence which says what to do. */

/* Every certificate is valid now, and the leaf for `least_s` more seconds. */
MUST_USE bool judge_dates(const struct chain *chain, int64_t now_s, int64_t least_s, struct err *e);

/* The leaf may be used by a server (RFC 5280 section 4.2.1.12). */
MUST_USE bool judge_purpose(const struct chain *chain, struct err *e);

/* The leaf covers every name. */
MUST_USE bool judge_names(const struct chain *chain, const struct list *names, struct err *e);

/* Each certificate is signed by the next one. */
MUST_USE bool judge_order(const struct chain *chain, struct err *e);

/* The chain ends in a trusted root, and OpenSSL finds nothing else to object to. */
MUST_USE bool judge_trust(const struct chain *chain, X509_STORE *trust, int64_t now_s, X509 **root,
                          struct err *e);

#endif
