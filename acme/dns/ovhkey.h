/* ovhkey.h: the keys for OVHcloud's API, from a file as its own tools have it, and what they sign.
 */
#ifndef PGCERT_ACME_DNS_OVHKEY_H
#define PGCERT_ACME_DNS_OVHKEY_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

#define OVH_KEY_FILE_MAX 16384    /* bytes */
#define OVH_KEY_SIGNATURE_SIZE 44 /* "$1$", SHA-1 in hexadecimal, the NUL */

struct ovh_key {
    char *url; /* of the API, as the file says, or as the setting did */
    struct str application_key;
    struct str application_secret;
    struct str consumer_key;
};

#define own_ovh_key __attribute__((cleanup(ovh_key_done)))

/*
 * Reads ovh.conf: [default] names an endpoint (else it is ovh-eu), and the section of that name has
 * application_key, application_secret and consumer_key.
 *
 * Takes:  path  a secret in the sense of file_read_secret()
 *         url   of the API, if that was said elsewhere: where it is that of a known endpoint, the
 *               keys are those of its section; NULL: the file says it
 * Gives:  key   zeroed before; ovh_key_done() it in any case
 * Errors: ERR_CONFIG      file, line and what is wrong there; a key is missing; an endpoint of that
 *                         name is not known
 *         ERR_PERMISSION  others may read it, or we may not
 * Source: github.com/ovh/python-ovh, "Configuration"
 */
MUST_USE bool ovh_key_read(struct ovh_key *key, const char *path, const char *url, struct err *e);

/* The same from memory; `label` stands for the file name. */
MUST_USE bool ovh_key_parse(struct ovh_key *key, const char *label, const char *text, size_t size,
                            const char *url, struct err *e);

/*
 * Signs a request.
 *
 * Takes:  url   whole, with its query
 *         body  NULL: none
 *         at_s  the service's time
 * Errors: ERR_INTERNAL  OpenSSL fails; ERR_SYSTEM  out of memory
 * Source: help.ovhcloud.com, "First steps with the OVHcloud APIs", "Sign your requests"
 */
MUST_USE bool ovh_key_sign(const struct ovh_key *key, const char *method, const char *url,
                           const char *body, int64_t at_s,
                           char signature[static OVH_KEY_SIGNATURE_SIZE], struct err *e);

/* Wipes the keys. */
void ovh_key_done(struct ovh_key *key);

#endif
