/* tsigkey.h: a shared secret for TSIG, read from a file as tsig-keygen(8) writes it. */
#ifndef PGCERT_BASE_TSIGKEY_H
#define PGCERT_BASE_TSIGKEY_H

#include "base/dns.h"

#define TSIG_KEY_FILE_MAX 8192 /* bytes; tsig-keygen writes about 150 */

enum tsig_algorithm { TSIG_SHA256, TSIG_SHA384, TSIG_SHA512 };

struct tsig_key {
    char name[DNS_NAME_SIZE]; /* lower case, with the final dot */
    enum tsig_algorithm algorithm;
    struct str secret; /* wiped when given back */
};

/* "hmac-sha256." */
const char *tsig_algorithm_name(enum tsig_algorithm algorithm);

/*
 * Reads a key: key "name" { algorithm hmac-sha256; secret "base64"; }; with #, // and C comments.
 *
 * Takes:  path  a secret in the sense of file_read_secret()
 * Gives:  key   zeroed before; tsig_key_done() it in any case
 * Errors: ERR_CONFIG      file, line and what is wrong there; there is no such file
 *         ERR_PERMISSION  others may read it, or we may not
 */
MUST_USE bool tsig_key_read(struct tsig_key *key, const char *path, struct err *e);

/* The same from memory; `label` stands for the file name. */
MUST_USE bool tsig_key_parse(struct tsig_key *key, const char *label, const char *text, size_t size,
                             struct err *e);

void tsig_key_done(struct tsig_key *key);

#endif
