/* install.c: the write protocol, as the owner of the directory. */
#include "reload/install.h"

#include "base/cert.h"
#include "base/child.h"
#include "base/confine.h"
#include "base/file.h"
#include "reload/change.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORK_MS 30000 /* a slow disk is slow */

/* ---- the tasks ---- */

/* Who works for a server's user sees these directories, and nothing else of his. */
static bool
confine(const struct list *directories, bool writes, struct err *e)
{
    own_list struct list read = {0};
    const struct confine c = {
        .files = {.read = writes ? &read : directories, .write = writes ? directories : NULL},
        .what = SYSCALLS_FILES};

    /* openssl.cnf, say, which is read when the first certificate is */
    return confine_add_system(&read) ? child_confine(&c, e) : err_memory(e);
}

static bool
begin(struct change *c, struct err *e)
{
    own_list struct list directories = {0};

    for (size_t i = 0; i < c->count; i++)
        if (!list_add(&directories, c->files[i].place.directory))
            return err_memory(e);
    return confine(&directories, true, e) && change_begin(c, e);
}

static bool
task_write(void *argument, struct str *answer, struct err *e)
{
    (void)answer;
    return begin(argument, e) && change_write(argument, e);
}

static bool
task_restore(void *argument, struct str *answer, struct err *e)
{
    (void)answer;
    return begin(argument, e) && change_restore(argument, e);
}

static bool
task_remove(void *argument, struct str *answer, struct err *e)
{
    (void)answer;
    return begin(argument, e) && change_remove(argument, e);
}

static bool
task_repair(void *argument, struct str *answer, struct err *e)
{
    (void)answer;
    return begin(argument, e);
}

/* A look at one file, as the child gets it. */
struct look {
    struct place *place;
    const char *ending; /* for reading */
};

static bool
open_place(const struct look *look, struct err *e)
{
    own_list struct list directories = {0};

    if (!list_add(&directories, look->place->directory))
        return err_memory(e);
    return confine(&directories, false, e) && place_open(look->place, e);
}

/* Answers nothing when there is no such file, else a line end and what is in it. */
static bool
task_read(void *argument, struct str *answer, struct err *e)
{
    const struct look *look = argument;
    struct place *p = look->place;
    own_mem char *name = str_format("%s%s", p->name, look->ending);
    bool there = false;

    if (name == NULL)
        return err_memory(e);
    if (!open_place(look, e) || !place_has(p, name, &there, e))
        return false;
    if (!there)
        return true;
    if (!str_add(answer, "\n", 1))
        return err_memory(e);
    return file_read(p->fd, name, INSTALL_READ_MAX, answer, e);
}

/* Answers what the link says; nothing when it is none. */
static bool
task_follow(void *argument, struct str *answer, struct err *e)
{
    const struct look *look = argument;
    struct place *p = look->place;
    char target[PATH_MAX];
    ssize_t size = 0;

    if (!open_place(look, e))
        return false;
    size = readlinkat(p->fd, p->name, target, sizeof(target));
    if (size < 0 && (errno == EINVAL || errno == ENOENT))
        return true;
    if (size <= 0 || (size_t)size >= sizeof(target))
        return err_errno(e, "read the link '%s/%s'", p->directory, p->name);
    return str_add(answer, target, (size_t)size) || err_memory(e);
}

static bool
task_changed(void *argument, struct str *answer, struct err *e)
{
    const struct look *look = argument;
    struct place *p = look->place;
    struct stat s = {0};

    if (!open_place(look, e))
        return false;
    if (fstatat(p->fd, p->name, &s, AT_SYMLINK_NOFOLLOW) < 0)
        return err_errno(e, "look at '%s/%s'", p->directory, p->name);
    return str_addf(answer, "%lld",
                    (long long)s.st_ctim.tv_sec * 1000000 + s.st_ctim.tv_nsec / 1000) ||
           err_memory(e);
}

/* ---- as the owner ---- */

/* They are changed by one child, so one user must own all the directories. */
static bool
find_places(struct change *c, const struct install *set, size_t count, struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        struct change_file *f = &c->files[i];

        f->install = &set[i];
        f->place.fd = -1;
        c->count = i + 1;
        if (!place_find(&f->place, set[i].path, e) ||
            !place_judge(&f->place, set[i].secret && set[i].mode == 0, set[i].reader, e))
            return err_wrap(e, "install '%s'", set[i].path);
        if (f->place.about.st_uid != c->files[0].place.about.st_uid)
            return err_set(e, ERR_CONFIG,
                           "'%s' and '%s' are in directories of different users, and nobody but "
                           "root could change both; put them into directories of one",
                           set[0].path, set[i].path);
    }
    return true;
}

static bool
run(child_task *task, const struct install *set, size_t count, struct change *c, struct err *e)
{
    own_str struct str nothing = {0};

    return find_places(c, set, count, e) &&
           (child_run_as(c->files[0].place.about.st_uid, task, c, WORK_MS, &nothing, e) ||
            err_wrap(e, "install '%s'", set[0].path));
}

bool
install_write_all(const struct install *set, size_t count, const struct str *bytes, bool keep,
                  struct err *e)
{
    own_change struct change c = {.keep = keep};

    for (size_t i = 0; i < count; i++)
        c.files[i].bytes = &bytes[i];
    return run(task_write, set, count, &c, e);
}

bool
install_restore_all(const struct install *set, size_t count, struct err *e)
{
    own_change struct change c = {0};

    return run(task_restore, set, count, &c, e);
}

bool
install_remove_all(const struct install *set, size_t count, struct err *e)
{
    own_change struct change c = {0};

    return run(task_remove, set, count, &c, e);
}

bool
install_repair_all(const struct install *set, size_t count, struct err *e)
{
    own_change struct change c = {0};

    return run(task_repair, set, count, &c, e);
}

bool
install_write(const struct install *i, const struct str *bytes, bool keep, struct err *e)
{
    return install_write_all(i, 1, bytes, keep, e);
}

bool
install_restore(const struct install *i, struct err *e)
{
    return install_restore_all(i, 1, e);
}

bool
install_remove(const struct install *i, struct err *e)
{
    return install_remove_all(i, 1, e);
}

/* Reading needs no owner: a member of the group may do. */
static bool
ask(child_task *task, struct look *look, struct str *answer, struct err *e)
{
    return child_may_switch()
               ? child_run_as(look->place->about.st_uid, task, look, WORK_MS, answer, e)
               : task(look, answer, e);
}

bool
install_read(const char *path, const char *ending, struct str *out, bool *found, struct err *e)
{
    own_place struct place place = {.fd = -1};
    own_str struct str answer = {0};
    struct look look = {.place = &place, .ending = ending};
    bool done = false;

    if (!place_find(&place, path, e))
        return false;
    done = ask(task_read, &look, &answer, e);
    if (!done)
        return err_wrap(e, "read '%s%s'", path, ending);
    *found = answer.size > 0;
    return !*found || str_add(out, answer.text + 1, answer.size - 1) || err_memory(e);
}

bool
install_peek(const char *path, size_t size_max, struct str *out)
{
    struct err e = {0};
    bool found = false;

    return file_read(AT_FDCWD, path, size_max, out, &e) ||
           (e.code == ERR_PERMISSION && child_may_switch() &&
            install_read(path, "", out, &found, &e) && found);
}

/* Who could change the link can have us write where it leads, so it must be where he may write, or
 * root's. */
static bool
may_lead(const struct place *from, const char *real, struct err *e)
{
    own_place struct place to = {.fd = -1};

    return place_judge(from, false, (uid_t)-1, e) && place_find(&to, real, e) &&
           (from->about.st_uid == 0 || from->about.st_uid == to.about.st_uid ||
            err_set(e, ERR_PERMISSION,
                    "'%s/%s' is a symbolic link of user %u to '%s', a directory of user %u",
                    from->directory, from->name, (unsigned)from->about.st_uid, to.directory,
                    (unsigned)to.about.st_uid));
}

bool
install_follow(const char *path, char **real, struct err *e)
{
    own_place struct place place = {.fd = -1};
    own_str struct str answer = {0};
    struct look look = {.place = &place};
    own_mem char *found = NULL;

    if (!place_find(&place, path, e) || !ask(task_follow, &look, &answer, e))
        return false;
    found = answer.size == 0        ? strdup(path)
            : answer.text[0] == '/' ? strdup(answer.text)
                                    : str_format("%s/%s", place.directory, answer.text);
    if (found == NULL)
        return err_memory(e);
    if (answer.size > 0 && !may_lead(&place, found, e))
        return false;
    *real = TAKE(found);
    return true;
}

bool
install_changed(const char *path, int64_t *at_us, struct err *e)
{
    own_place struct place place = {.fd = -1};
    own_str struct str answer = {0};
    struct look look = {.place = &place};

    if (!place_find(&place, path, e) || !ask(task_changed, &look, &answer, e))
        return false;
    *at_us = strtoll(answer.text, NULL, 10);
    return true;
}
