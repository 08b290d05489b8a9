/* client.h: signed requests to one ACME server: directory, nonces, errors (RFC 8555 section 6). */
#ifndef PGCERT_ACME_CLIENT_H
#define PGCERT_ACME_CLIENT_H

#include "base/clock.h"
#include "base/err.h"
#include "base/fiber.h"
#include "base/http.h"
#include "base/json.h"

#include <openssl/evp.h>

#define CLIENT_NONCES_MAX 16  /* at hand and in requests under way */
#define CLIENT_SILENCES_MAX 3 /* after which a run asks the server no more */

/* One server and one account; the orders of a run share it. Directory and a nonce are remembered
 * between runs in a file. */
struct client {
    struct http *http;   /* borrowed */
    struct clock *clock; /* borrowed */
    EVP_PKEY *key;       /* the account's */
    char *kid;           /* its URL; NULL: not registered yet */
    char *directory_url;
    char *session_path;
    struct json_t *directory; /* NULL: not read yet */
    int64_t directory_at_s;   /* when it was read */
    bool directory_is_fresh;  /* read in this run, not remembered */
    struct list nonces;       /* at hand */
    size_t under_way;         /* requests with a nonce, or for one */
    struct fiber_queue poor;  /* those without a nonce */
    int silences;             /* requests in a row that were not answered in time */
    bool account_is_gone;     /* the server said accountDoesNotExist to the last request */

    struct fiber_lock reading; /* the directory */
    struct fiber_lock lock;    /* to look at the account, to register */
    bool is_open;              /* the account was looked at in this run */
    struct err refusal;        /* what came of it, if that was no good */
};

#define own_client __attribute__((cleanup(client_done)))

/* What a signed request brought. */
struct answer {
    int status;
    struct json_t *json;    /* NULL when the body is not a JSON object */
    char *location;         /* an https URL; NULL: none */
    int64_t retry_at_s;     /* 0: none */
    struct list alternates; /* URLs of Link: ...;rel="alternate" */
    struct list next;       /* ...;rel="next" */
    struct list help;       /* of rel="help" */
    struct list terms;      /* of rel="terms-of-service" */
    struct str body;
};

#define own_answer __attribute__((cleanup(answer_done)))

/*
 * Prepares a client; asks nothing yet. A remembered session that is damaged or of another server is
 * forgotten.
 *
 * Takes:  session_path  where directory and nonce are remembered
 */
MUST_USE bool client_init(struct client *c, struct http *http, struct clock *clock,
                          const char *directory_url, const char *session_path, struct err *e);

/*
 * Signs and posts, again with a new nonce as long as the server says badNonce (RFC 8555
 * section 6.5), at most 16 times.
 *
 * Takes:  payload  JSON text; "" is POST-as-GET
 * Gives:  a        empty before; also half filled after a failure
 * Errors: what http has, and every refusal as problem_tell() says it; is_answer where there was one
 */
MUST_USE bool client_post(struct client *c, const char *url, const char *payload, struct answer *a,
                          struct err *e);

/* The same to a resource of the directory ("newOrder"); "newAccount" is signed with the key itself
 * (RFC 8555 section 6.2). When the directory is a remembered one and
 * the server does not know the URL any more, the directory is read again. */
MUST_USE bool client_call(struct client *c, const char *resource, const char *payload,
                          struct answer *a, struct err *e);

/* The directory's "meta", reading the directory when needed; NULL and `e` when it cannot be read;
 * the directory itself where it has none. Borrowed. */
const struct json_t *client_meta(struct client *c, struct err *e);

/* Reads the directory anew, unless that was done in this run. */
MUST_USE bool client_refresh(struct client *c, struct err *e);

/* The URL of a resource ("keyChange"), to be free()d; NULL and `e` when the directory cannot be
 * read or has none. */
MUST_USE char *client_url(struct client *c, const char *resource, struct err *e);

/* Remembers directory and nonce. */
MUST_USE bool client_save(const struct client *c, struct err *e);

void client_done(struct client *c);
void answer_done(struct answer *a);

#endif
