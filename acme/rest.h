/* rest.h: JSON over https to a service which keeps zones: its token, its limits, its errors. */
#ifndef PGCERT_ACME_REST_H
#define PGCERT_ACME_REST_H

#include "acme/dns.h"
#include "base/http.h"
#include "base/json.h"

#define REST_ID_SIZE 200

struct rest;

/* Adds the header lines that prove who sends this request. Called before every try. */
typedef bool rest_authorize(struct rest *r, const struct http_request *request,
                            struct list *headers, struct err *e);

/* Is it busy, or have there been too many requests, though the status is neither 429 nor 503? */
typedef bool rest_is_busy(const struct http_response *response);

/* What a service is asked by. */
struct rest {
    struct dns *d; /* borrowed; its section is named in errors */
    struct http *http;
    struct str header;         /* which proves who we are, unless authorize() adds its own */
    const char *token;         /* in the header: never to be told; NULL: no header */
    rest_authorize *authorize; /* NULL: the header is all */
    void *proof;               /* what authorize() needs; whoever set it frees it */
    rest_is_busy *is_busy;     /* NULL: nothing but the status tells */
    const char *remedy;        /* for who is known, but may not: "make a token ..."; NULL: that */
    struct list secrets;       /* what else is never to be told; authorize() may use it */
    const char *token_file;    /* borrowed, as all that follows */
    const char *endpoint;      /* URL, without a final '/' */
    bool plain_loopback;       /* http to this machine is allowed */
    int64_t deadline_ms;       /* of what is being done; rest_begin() sets it */
};

/* How to reach a service. All is borrowed: token_file and endpoint for as long as struct rest is in
 * use, the others for the call. */
struct rest_access {
    const char *header;     /* "Authorization: Bearer ", the token follows; NULL: authorize() */
    const char *token_file; /* without a header it is only named in errors */
    rest_authorize *authorize;
    const char *endpoint;
    const char *ca_file; /* trusted besides the system's roots; NULL: nothing more */
    bool plain_loopback;
};

struct rest_answer {
    int status;
    struct json_t *json; /* NULL: no body, or with an error not JSON */
};

#define own_rest_answer __attribute__((cleanup(rest_answer_done)))

/* A request of which the body is not JSON, or the answer, or which needs a header of its own. */
struct rest_message {
    const char *method;
    const char *path;         /* with '/' in front and all that follows the endpoint */
    const char *url;          /* instead of endpoint and path: elsewhere, where nothing proves who
                               * we are; NULL: none */
    const char *header;       /* "Name: value"; NULL: none */
    const char *content_type; /* NULL: no body */
    const char *accept;       /* NULL: anything */
    const char *body;         /* NUL-ended; NULL: none */
};

/*
 * Reads the token. Nobody is asked.
 *
 * Takes:  r  zeroed
 * Errors: ERR_CONFIG  the file is empty, or what it holds is not a token; the endpoint is neither
 *                     https nor, where that is allowed, http to this machine
 *         as file_read_secret()
 */
MUST_USE bool rest_start(struct rest *r, struct dns *d, const struct rest_access *access,
                         struct err *e);

/*
 * Reads one more secret, for authorize(): adds it to r->secrets.
 *
 * Takes:  setting  the name of the one that holds `path`, which may be NULL: it is empty
 * Errors: ERR_CONFIG  the file is empty, or has more than one line of printable characters
 *         as file_read_secret()
 */
MUST_USE bool rest_read_secret(struct rest *r, const char *setting, const char *path,
                               struct err *e);

/* From now on it may take `timeout` of [dns NAME]. */
void rest_begin(struct rest *r);

/*
 * Asks. When the service is busy (429, 503, is_busy()), it is asked again, when it says so by
 * Retry-After, else after 1, 2, 4 ... s.
 *
 * Takes:  path  with '/' in front and all that follows the endpoint
 *         body  NULL: none
 * Gives:  answer  whatever its status, 429 and 503 excepted; an array is the member "items" of an
 *                 object, a number, a word or null the member "value". What was in it before is
 *                 dropped.
 * Errors: ERR_BUSY (retry_at_s)  it stays busy for too long
 *         ERR_PROTOCOL           success was answered, with what is not JSON
 *         as http's send()
 */
MUST_USE bool rest_call(struct rest *r, const char *method, const char *path,
                        const struct json_t *body, struct rest_answer *answer, struct err *e);

/*
 * Asks by GET, and takes no answer but success.
 *
 * Takes:  path  as for rest_call(); NULL: out of memory, as str_format() tells it
 *         what  is to be done: "list the records of the zone"
 * Errors: as rest_call(), and what rest_refused() says of other answers
 */
MUST_USE bool rest_get(struct rest *r, const char *path, const char *what,
                       struct rest_answer *answer, struct err *e);

/* The same for what may not be there: answer->status is 404 then. */
MUST_USE bool rest_look(struct rest *r, const char *path, const char *what,
                        struct rest_answer *answer, struct err *e);

/* The same by POST, PUT or PATCH, when nothing is wanted of the answer. body NULL: out of memory.
 */
MUST_USE bool rest_change(struct rest *r, const char *method, const char *path,
                          const struct json_t *body, const char *what, struct err *e);

/* The same by DELETE; that there is nothing (404) is no failure. */
MUST_USE bool rest_delete(struct rest *r, const char *path, const char *what, struct err *e);

/* The same with a message that says all about the request; the answer is JSON. */
MUST_USE bool rest_send(struct rest *r, const struct rest_message *m, struct rest_answer *answer,
                        struct err *e);

/* The same with any answer: whatever its status, busy ones excepted. `response` is empty before.
 * Errors as rest_call(), ERR_PROTOCOL excepted. */
MUST_USE bool rest_exchange(struct rest *r, const struct rest_message *m,
                            struct http_response *response, struct err *e);

/* 200 to 299? */
bool rest_is_good(const struct rest_answer *answer);

/*
 * The sentence for an answer which is not good. Always false.
 *
 * Takes:  what  was to be done: "add a record to the zone 'example.org'"
 * Errors: ERR_PERMISSION  the token is refused, or what was asked for is
 *         ERR_NETWORK     the service fails (5xx)
 */
bool rest_refused(const struct rest *r, const struct rest_answer *answer, const char *what,
                  struct err *e);

/* The same for an answer that says, by whatever status, that we may not: ERR_PERMISSION. `remedy`
 * is what to do about it: "make a token ..."; NULL: that. Always false. */
bool rest_denied(const struct rest *r, const struct rest_answer *answer, const char *what,
                 const char *remedy, struct err *e);

/* The same for what the service has tried in vain after its answer; `why` has its reason, where the
 * services have it. Always false, ERR_NETWORK. */
bool rest_failed(const struct rest *r, const struct json_t *why, const char *what, struct err *e);

/* The sentence for an answer without what it must have. Always false, ERR_PROTOCOL. */
bool rest_misunderstood(const struct rest *r, const char *what, struct err *e);

/* Reads an id, text or number, that will be part of a path: false when it is missing, or has
 * characters that do not belong there. */
MUST_USE bool rest_id(char id[static REST_ID_SIZE], const struct json_t *object, const char *key);

/* Appends text as part of a path, a query or a form: what is not a letter, a digit or one of "-._~"
 * becomes %XX (RFC 3986 section 2.1). False: out of memory. */
MUST_USE bool rest_encode(struct str *out, const char *text);

void rest_answer_done(struct rest_answer *answer);

/* Wipes the token and the secrets. */
void rest_done(struct rest *r);

#endif
