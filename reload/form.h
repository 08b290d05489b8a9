/* form.h: the forms in which a key and its chain stand in files. */
#ifndef PGCERT_RELOAD_FORM_H
#define PGCERT_RELOAD_FORM_H

#include "reload/pair.h"

enum form {
    FORM_COMBINED,  /* PEM: the key, the leaf, its issuers */
    FORM_KEY,       /* PEM: the key alone, PKCS#8 */
    FORM_FULLCHAIN, /* PEM: the leaf, its issuers */
    FORM_LEAF,      /* PEM: the leaf alone */
    FORM_CHAIN,     /* PEM: the issuers alone, without the root */
    FORM_ROOT,      /* PEM: the root in which the chain ends */
    FORM_DER,       /* the leaf */
    FORM_PKCS12,    /* all of them, sealed by a password */
};

/* What the files are made from; all borrowed. */
struct form_source {
    const struct pair *pair;
    X509 *root;           /* for FORM_ROOT; else NULL */
    const char *password; /* for FORM_PKCS12; else NULL */
};

/* Has it the private key in it? */
bool form_is_secret(enum form form);

/* Appends the bytes of a file of that form. Errors: ERR_INTERNAL; ERR_INPUT  there is no such
 * thing, as issuers of a self-signed leaf */
MUST_USE bool form_write(enum form form, const struct form_source *from, struct str *bytes,
                         struct err *e);

/* Is that in the file? A PKCS#12 is sealed anew each time, so its bytes tell nothing. */
bool form_holds(enum form form, const struct form_source *from, const struct str *bytes);

/* Adds what is in a file, as PEM, key and certificates to a text each; what is neither stays out.
 * Errors: ERR_INPUT */
MUST_USE bool form_read(enum form form, const char *password, const struct str *bytes,
                        struct str *key_pem, struct str *chain_pem, struct err *e);

#endif
