/* awskey.h: what Amazon's services are asked with: the keys of a file, or of this machine's role.
 */
#ifndef PGCERT_ACME_AWSKEY_H
#define PGCERT_ACME_AWSKEY_H

#include "base/http.h"

#include <stdint.h>

/* All of it but the id is secret. `{0}` is none. */
struct awskey {
    struct str id;
    struct str secret;
    struct str token;     /* of a session; empty: none */
    int64_t expires_at_s; /* 0: not before it is replaced */
};

/*
 * Reads a profile of a credentials file, as `aws configure` writes it.
 *
 * Takes:  profile  the name of a section: "default"
 * Errors: ERR_CONFIG  there is no such profile, it has no key, or what it has cannot be one
 *         as file_read_secret()
 * Source: docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 */
MUST_USE bool awskey_read(struct awskey *k, const char *path, const char *profile, struct err *e);

/* The same from memory; `label` stands for the file. ERR_CONFIG. */
MUST_USE bool awskey_read_text(struct awskey *k, const char *label, const char *profile,
                               const char *text, struct err *e);

/*
 * Asks the metadata service of an EC2 machine for the keys of the role that it has (version 2 of
 * the service: with a token).
 *
 * Takes:  endpoint  "http://169.254.169.254", without a final '/'
 * Gives:  k         what was in it before is replaced; with expires_at_s
 * Errors: ERR_PERMISSION  the machine has no role, or the service is turned off
 *         ERR_PROTOCOL    what is answered is not what that service answers
 *         as http's send()
 * Source: docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
 */
MUST_USE bool awskey_fetch(struct awskey *k, struct http *http, const char *endpoint,
                           struct err *e);

/* Wipes. */
void awskey_done(struct awskey *k);

#endif
