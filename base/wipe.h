/* wipe.h: memory that may have held a secret is given back empty. */
#ifndef PGCERT_BASE_WIPE_H
#define PGCERT_BASE_WIPE_H

#include <stddef.h>

/* free(3) of memory of malloc(3), of which nothing stays. NULL is nothing to free. */
void wipe_free(void *memory);

/*
 * From now on OpenSSL gives back nothing that holds something: its own parsers leave pieces of keys
 * in what they free, and a process that is forked later would have them. To be called before
 * OpenSSL is used; later it does nothing.
 *
 * Source: CRYPTO_set_mem_functions(3)
 */
void wipe_openssl(void);

#endif
