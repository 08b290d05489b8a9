/* wipe.c: the size of what is freed is the C library's to tell. */
#include "base/wipe.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

void
wipe_free(void *memory)
{
    if (memory != NULL)
        explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

static void *
get(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(size);
}

static void
give_back(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    wipe_free(memory);
}

/* realloc(3) would leave behind what was there when it moves. */
static void *
get_more(void *memory, size_t size, const char *file, int line)
{
    size_t before = memory == NULL ? 0 : malloc_usable_size(memory);
    void *more = size == 0 ? NULL : malloc(size);

    (void)file;
    (void)line;
    if (more != NULL && before > 0)
        memcpy(more, memory, before < size ? before : size);
    if (more != NULL || size == 0)
        wipe_free(memory);
    return more;
}

void
wipe_openssl(void)
{
    (void)CRYPTO_set_mem_functions(get, get_more, give_back);
}
