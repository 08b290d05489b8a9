/* sigv4.h: requests signed as Amazon's services want it: AWS Signature Version 4. */
#ifndef PGCERT_ACME_SIGV4_H
#define PGCERT_ACME_SIGV4_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

#define SIGV4_TIME_SIZE 17 /* "20150830T123600Z" */

/* Who signs, and for what. All is borrowed. */
struct sigv4_key {
    const char *id;     /* "AKIDEXAMPLE" */
    const char *secret; /* never to be told */
    const char *token;  /* of a session, a secret too; NULL: none */
    const char *region;
    const char *service; /* "route53" */
};

/* What is signed. All is borrowed. */
struct sigv4_request {
    const char *method;
    const char *url;            /* "https://HOST[:PORT]/PATH[?QUERY]", as it is sent */
    const char *const *headers; /* "Name: value" lines to be signed besides the host and what
                                 * sigv4_sign() adds, NULL-ended; NULL: none */
    const char *body;           /* NULL: none */
    size_t body_size;
    int64_t at_s;
};

/*
 * Signs.
 *
 * Gives:  headers  the lines to be sent with the request are added: X-Amz-Date,
 *                  X-Amz-Security-Token where there is a token, Authorization
 * Errors: ERR_INTERNAL  the URL has no host; OpenSSL failed
 * Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
MUST_USE bool sigv4_sign(const struct sigv4_key *key, const struct sigv4_request *request,
                         struct list *headers, struct err *e);

/* The first step of it, step 1 there: adds the canonical request to `out`, and to `names` the names
 * of the signed headers, separated by ';'. Errors as sigv4_sign(). */
MUST_USE bool sigv4_canonical(const struct sigv4_key *key, const struct sigv4_request *request,
                              struct str *out, struct str *names, struct err *e);

/* Step 3 there: adds the text that is signed. Errors as sigv4_sign(). */
MUST_USE bool sigv4_string_to_sign(const struct sigv4_key *key, const struct str *canonical,
                                   int64_t at_s, struct str *out, struct err *e);

/* "20150830T123600Z". */
void sigv4_time(char text[static SIGV4_TIME_SIZE], int64_t at_s);

#endif
