/* own.c: what happens when the scope of an owning local ends. */
#include "base/own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
own_mem_drop(void *pointer)
{
    void *owned = NULL;

    /* memcpy, because reading a T * through a void ** would break the aliasing rules */
    memcpy(&owned, pointer, sizeof(owned));
    free(owned);
}

void
own_fd_drop(int *fd)
{
    int kept = errno;

    if (*fd >= 0)
        (void)close(*fd);
    errno = kept;
}

int
own_fd_take(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}
