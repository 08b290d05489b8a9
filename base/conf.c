/* conf.c: the files that hold settings, and what was read of them. */
#include "base/conf.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_SIZE_MAX (1024 * 1024)
#define FILE_COUNT_MAX 1000

static bool
read_file(struct conf *c, const char *path, struct err *e)
{
    own_str struct str text = {0};

    if (!file_read(AT_FDCWD, path, FILE_SIZE_MAX, &text, e)) {
        if (e->code == ERR_INPUT) /* not a regular file, or too large */
            e->code = ERR_CONFIG;
        return false;
    }
    return conf_read_text(c, path, text.text, text.size, e);
}

static int
by_bytes(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;

    return strcmp(*x, *y);
}

static bool
is_wanted(DIR *d, const char *name)
{
    size_t size = strlen(name);
    struct stat s = {0};

    if (name[0] == '.' || size < 6 || strcmp(name + size - 5, ".conf") != 0)
        return false;
    /* one that cannot be looked at is wanted too: reading it says why not */
    return fstatat(dirfd(d), name, &s, 0) < 0 || S_ISREG(s.st_mode);
}

static bool
list_directory(const char *path, struct list *names, struct err *e)
{
    DIR *d = opendir(path);
    bool ok = true;

    if (d == NULL)
        return errno == ENOENT || err_errno(e, "read the directory '%s'", path);
    for (struct dirent *entry = readdir(d); ok && entry != NULL; entry = readdir(d)) {
        if (!is_wanted(d, entry->d_name))
            continue;
        ok = list_add(names, entry->d_name) || err_memory(e);
        if (names->count > FILE_COUNT_MAX)
            ok = err_set(e, ERR_CONFIG, "'%s' has more than %d files", path, FILE_COUNT_MAX);
    }
    (void)closedir(d);
    if (names->count > 0)
        qsort(names->items, names->count, sizeof(*names->items), by_bytes);
    return ok;
}

bool
conf_read_beside(struct conf *c, const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    int before = slash == NULL ? 0 : (int)(slash - path) + 1;
    own_mem char *directory = str_format("%.*sconf.d", before, path);
    own_list struct list names = {0};

    if (directory == NULL)
        return err_memory(e);
    if (!list_directory(directory, &names, e))
        return false;
    for (size_t i = 0; i < names.count; i++) {
        own_mem char *file = str_format("%s/%s", directory, names.items[i]);

        if (file == NULL)
            return err_memory(e);
        if (!read_file(c, file, e))
            return false;
    }
    return true;
}

bool
conf_read(struct conf *c, const char *path, struct err *e)
{
    if (access(path, F_OK) < 0 && errno == ENOENT)
        return err_set(e, ERR_CONFIG,
                       "there is no '%s'; make one: pgcert setup, or by hand from the sample in "
                       "pgcert.conf(5)",
                       path);
    return read_file(c, path, e) && conf_read_beside(c, path, e);
}

const struct conf_section *
conf_find(const struct conf *c, const char *kind, const char *name)
{
    for (size_t i = 0; i < c->section_count; i++)
        if (strcmp(c->sections[i].kind, kind) == 0 && strcmp(c->sections[i].name, name) == 0)
            return &c->sections[i];
    return NULL;
}

const struct conf_value *
conf_value_find(const struct conf_section *s, const char *name)
{
    for (size_t i = 0; i < s->value_count; i++)
        if (strcmp(s->values[i].name, name) == 0)
            return &s->values[i];
    return NULL;
}

static void
section_done(struct conf_section *s)
{
    for (size_t i = 0; i < s->value_count; i++) {
        free(s->values[i].name);
        free(s->values[i].text);
        free(s->values[i].file);
    }
    free(s->values);
    free(s->kind);
    free(s->name);
    free(s->file);
}

void
conf_done(struct conf *c)
{
    for (size_t i = 0; i < c->section_count; i++)
        section_done(&c->sections[i]);
    free(c->sections);
    list_done(&c->files);
    *c = (struct conf){0};
}
