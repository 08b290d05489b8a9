/* served.h: what a struct served (reload/reload.h) is made of, for those who fill it. */
#ifndef PGCERT_RELOAD_SERVED_H
#define PGCERT_RELOAD_SERVED_H

#include "reload/reload.h"

/* Frees the endpoints, and what they served is not known any more. */
void served_forget_endpoints(struct served *s);

/* Frees the files, of several. */
void served_forget_files(struct served *s);

/* The digest of a file's bytes, as struct served_file has it. Errors: ERR_INTERNAL */
MUST_USE bool served_digest(const struct str *bytes, char text[static CERT_SHA256_TEXT],
                            struct err *e);

#endif
