/* scratch.c: a directory for one test, gone afterwards. */
#include "tests/fake/scratch.h"

#include "base/own.h"

#include <dirent.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct scratch
scratch_new(void)
{
    struct scratch s = {.path = "/tmp/pgcert-unit.XXXXXX"};
    const char *made = mkdtemp(s.path);

    if (made == NULL)
        abort();
    return s;
}

const char *
scratch_path(struct scratch *s, const char *name)
{
    char path[SCRATCH_PATH_MAX];
    int size = snprintf(path, sizeof(path), "%s/%s", s->path, name);

    if (size < 0 || size >= SCRATCH_PATH_MAX)
        abort();
    return memcpy(s->paths[s->next++ % COUNT(s->paths)], path, sizeof(path));
}

void
scratch_write(struct scratch *s, const char *name, const char *text)
{
    FILE *f = fopen(scratch_path(s, name), "we");
    bool good = f != NULL && fputs(text, f) >= 0 && fclose(f) == 0;

    if (!good)
        abort();
}

const char *
scratch_read(struct scratch *s, const char *name)
{
    static char text[65536];
    FILE *f = fopen(scratch_path(s, name), "re");
    size_t size = 0;

    if (f == NULL)
        return "(none)";
    size = fread(text, 1, sizeof(text) - 1, f);
    text[size] = '\0';
    (void)fclose(f);
    return text;
}

bool
scratch_has(struct scratch *s, const char *name)
{
    return access(scratch_path(s, name), F_OK) == 0;
}

size_t
scratch_count(struct scratch *s, const char *name)
{
    DIR *d = opendir(scratch_path(s, name));
    size_t count = 0;

    if (d == NULL)
        return 0;
    for (const struct dirent *entry = readdir(d); entry != NULL; entry = readdir(d))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            count++;
    (void)closedir(d);
    return count;
}

static int
drop(const char *path, const struct stat *s, int type, struct FTW *at)
{
    (void)s;
    (void)type;
    (void)at;
    return remove(path);
}

void
scratch_done(struct scratch *s)
{
    (void)nftw(s->path, drop, 16, FTW_DEPTH | FTW_PHYS);
}

void
scratch_fill_disk(off_t size)
{
    struct rlimit limit = {0};
    int kept = getrlimit(RLIMIT_FSIZE, &limit);

    limit.rlim_cur = size < 0 ? limit.rlim_max : (rlim_t)size;
    (void)signal(SIGXFSZ, size < 0 ? SIG_DFL : SIG_IGN);
    if (kept != 0 || setrlimit(RLIMIT_FSIZE, &limit) != 0)
        abort();
}
