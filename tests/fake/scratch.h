/* scratch.h: a directory for one test, gone afterwards. */
#ifndef PGCERT_FAKE_SCRATCH_H
#define PGCERT_FAKE_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SCRATCH_PATH_MAX 512

/* A directory under /tmp, 0700. */
struct scratch {
    char path[64];
    char paths[8][SCRATCH_PATH_MAX]; /* of the last calls of scratch_path() */
    size_t next;
};

#define own_scratch __attribute__((cleanup(scratch_done)))

/* Makes one; a failure ends the test program. */
struct scratch scratch_new(void);

/* "DIRECTORY/NAME", valid until eight more were asked for. */
const char *scratch_path(struct scratch *s, const char *name);

/* Writes a file of that name. */
void scratch_write(struct scratch *s, const char *name, const char *text);

/* What the file holds; "(none)" when it is not there. Valid until the next call. */
const char *scratch_read(struct scratch *s, const char *name);

bool scratch_has(struct scratch *s, const char *name);

/* How many entries a directory in it has; "": the directory itself. */
size_t scratch_count(struct scratch *s, const char *name);

void scratch_done(struct scratch *s);

/* No file of this process may grow beyond `size` bytes, as on a full disk (EFBIG for ENOSPC); -1:
 * as large as they like again. */
void scratch_fill_disk(off_t size);

#endif
