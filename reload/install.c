/* install.c: the write protocol, as the owner of the directory. */
#include "reload/install.h"

#include "base/cert.h"
#include "base/child.h"
#include "base/file.h"
#include "reload/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORK_MS 30000 /* a slow disk is slow */
#define READ_MAX (CHILD_ANSWER_MAX - 1)

/* One task, as the child gets it. */
struct job {
    const struct install *install;
    struct place *place;
    const struct str *bytes;
    bool keep;
    const char *ending; /* for reading */
    struct stat before; /* of the file that is there, where `over` is not NULL */
};

/* ---- one file ---- */

static bool
set_owner_and_mode(const struct job *j, int fd)
{
    const struct install *i = j->install;

    if (i->over != NULL) /* the group first: the new one's must not read more than it could */
        return fchown(fd, j->before.st_uid, j->before.st_gid) == 0 &&
               fchmod(fd, j->before.st_mode & 07777) == 0;
    if (!i->secret)
        return fchmod(fd, 0644) == 0;
    if (j->place->about.st_uid != 0 || i->reader == 0)
        return fchmod(fd, 0600) == 0;
    /* of root and 0640 is the other form which PostgreSQL accepts; the group first, so that no
     * other group ever may read it */
    return fchown(fd, 0, i->group) == 0 && fchmod(fd, 0640) == 0;
}

static bool
reads_back(int fd, const struct str *bytes)
{
    char part[4096];
    size_t at = 0;

    while (at < bytes->size) {
        ssize_t got = pread(fd, part, sizeof(part), (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || (size_t)got > bytes->size - at ||
            memcmp(part, bytes->text + at, (size_t)got) != 0)
            break;
        at += (size_t)got;
    }
    explicit_bzero(part, sizeof(part));
    return at == bytes->size;
}

/* Makes and fills a file under a temporary name, which the caller removes when it fails. */
static bool
write_temporary(const struct job *j, const char *temp, const struct str *bytes, struct err *e)
{
    const struct place *p = j->place;
    own_fd int fd = openat(p->fd, temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0) {
        (void)err_errno(e, "create a file in '%s'", p->directory);
        if (e->code == ERR_SYSTEM)
            e->code = ERR_CREATE;
        return false;
    }
    if (!file_write_all(fd, bytes->text, bytes->size))
        return err_errno(e, "write '%s' in '%s'", p->name, p->directory);
    if (!set_owner_and_mode(j, fd))
        return err_errno(e, "set owner and mode of '%s' in '%s'", p->name, p->directory);
    if (fsync(fd) < 0)
        return err_errno(e, "write '%s' in '%s' to the disk", p->name, p->directory);
    return reads_back(fd, bytes) ||
           err_set(e, ERR_SYSTEM, "'%s' in '%s' does not read back as it was written", p->name,
                   p->directory);
}

/* ---- the previous one ---- */

static bool
previous_name(char name[static NAME_MAX + 1], const struct place *p, struct err *e)
{
    int size = snprintf(name, NAME_MAX + 1, "%s%s", p->name, INSTALL_PREVIOUS);

    return (size > 0 && size <= NAME_MAX) ||
           err_set(e, ERR_CONFIG, "the file name '%s' is too long", p->name);
}

/* One more name for a file, in one step, whatever had that name before. Needs no space. */
static bool
link_over(const struct place *p, const char *from, const char *to, struct err *e)
{
    char temp[NAME_MAX + 1];
    bool renamed = false;
    int why = 0;

    if (!place_temporary(temp, p, e))
        return false;
    if (linkat(p->fd, from, p->fd, temp, 0) == 0) {
        renamed = renameat(p->fd, temp, p->fd, to) == 0;
        why = errno;
        /* rename(2) does nothing where both are one file already, and leaves both names */
        (void)unlinkat(p->fd, temp, 0);
        errno = why;
    }
    return renamed || err_errno(e, "keep '%s' as '%s' in '%s'", from, to, p->directory);
}

static bool
copy_over(const struct job *j, const char *from, const char *to, struct err *e)
{
    const struct place *p = j->place;
    char temp[NAME_MAX + 1];
    own_str struct str bytes = {0};
    bool done = false;

    if (!place_temporary(temp, p, e) || !file_read(p->fd, from, CERT_PEM_MAX, &bytes, e))
        return false;
    done = write_temporary(j, temp, &bytes, e);
    if (done && renameat(p->fd, temp, p->fd, to) < 0)
        done = err_errno(e, "rename to '%s' in '%s'", to, p->directory);
    if (!done)
        (void)unlinkat(p->fd, temp, 0);
    return done;
}

/* The file system may know no hard links, or the file be somebody else's (protected_hardlinks):
 * then a copy is kept. */
static bool
keep_previous(const struct job *j, struct err *e)
{
    char previous[NAME_MAX + 1];
    struct err ignored = {0};

    return previous_name(previous, j->place, e) &&
           (link_over(j->place, j->place->name, previous, &ignored) ||
            copy_over(j, j->place->name, previous, e));
}

/* ---- somebody's file ---- */

/* Is it as it was when the change was made up, and can we leave it his? */
static bool
see_before(struct job *j, struct err *e)
{
    const struct place *p = j->place;
    const struct str *over = j->install->over;
    own_str struct str now = {0};
    bool there = false;

    if (!place_has(p, p->name, &there, e))
        return false;
    if (!there)
        return err_set(e, ERR_BUSY, "'%s' in '%s' is gone", p->name, p->directory);
    if (!file_read(p->fd, p->name, READ_MAX, &now, e))
        return false;
    if (now.size != over->size || (now.size > 0 && memcmp(now.text, over->text, now.size) != 0))
        return err_set(e, ERR_BUSY, "'%s' in '%s' is being changed by somebody", p->name,
                       p->directory);
    if (fstatat(p->fd, p->name, &j->before, AT_SYMLINK_NOFOLLOW) < 0)
        return err_errno(e, "look at '%s' in '%s'", p->name, p->directory);
    return geteuid() == 0 || j->before.st_uid == geteuid() ||
           err_set(
               e, ERR_PERMISSION,
               "'%s' belongs to user %u and its directory '%s' to user %u, who could not give it "
               "back; try: chown",
               p->name, (unsigned)j->before.st_uid, p->directory, (unsigned)p->about.st_uid);
}

/* ---- the tasks ---- */

static bool
replace(const struct job *j, struct err *e)
{
    const struct place *p = j->place;
    char temp[NAME_MAX + 1];
    bool there = false;
    bool done = false;

    if (!place_has(p, p->name, &there, e) || !place_temporary(temp, p, e))
        return false;
    done = write_temporary(j, temp, j->bytes, e) && (!there || !j->keep || keep_previous(j, e));
    if (done && renameat(p->fd, temp, p->fd, p->name) < 0)
        done = err_errno(e, "rename to '%s' in '%s'", p->name, p->directory);
    if (!done)
        (void)unlinkat(p->fd, temp, 0);
    return done && place_sync(p, e);
}

static bool
task_write(void *argument, struct str *answer, struct err *e)
{
    struct job *j = argument;

    (void)answer;
    return place_open(j->place, e) && place_claim(j->place, e) &&
           (j->install->over == NULL || see_before(j, e)) && replace(j, e);
}

static bool
task_restore(void *argument, struct str *answer, struct err *e)
{
    struct job *j = argument;
    struct place *p = j->place;
    char previous[NAME_MAX + 1];
    bool there = false;

    (void)answer;
    if (!place_open(p, e) || !place_claim(p, e) || !previous_name(previous, p, e) ||
        !place_has(p, previous, &there, e))
        return false;
    if (!there)
        return err_set(e, ERR_SYSTEM, "there is no '%s' in '%s'", previous, p->directory);
    return link_over(p, previous, p->name, e) && place_sync(p, e);
}

static bool
task_remove(void *argument, struct str *answer, struct err *e)
{
    struct job *j = argument;
    struct place *p = j->place;

    (void)answer;
    if (!place_open(p, e) || !place_claim(p, e))
        return false;
    if (unlinkat(p->fd, p->name, 0) < 0 && errno != ENOENT)
        return err_errno(e, "remove '%s' in '%s'", p->name, p->directory);
    return place_sync(p, e);
}

/* Answers nothing when there is no such file, else a line end and what is in it. */
static bool
task_read(void *argument, struct str *answer, struct err *e)
{
    struct job *j = argument;
    struct place *p = j->place;
    own_mem char *name = str_format("%s%s", p->name, j->ending);
    bool there = false;

    if (name == NULL)
        return err_memory(e);
    if (!place_open(p, e) || !place_has(p, name, &there, e))
        return false;
    if (!there)
        return true;
    if (!str_add(answer, "\n", 1))
        return err_memory(e);
    return file_read(p->fd, name, READ_MAX, answer, e);
}

/* Answers what the link says; nothing when it is none. */
static bool
task_follow(void *argument, struct str *answer, struct err *e)
{
    struct job *j = argument;
    struct place *p = j->place;
    char target[PATH_MAX];
    ssize_t size = 0;

    if (!place_open(p, e))
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
    struct job *j = argument;
    struct place *p = j->place;
    struct stat s = {0};

    if (!place_open(p, e))
        return false;
    if (fstatat(p->fd, p->name, &s, AT_SYMLINK_NOFOLLOW) < 0)
        return err_errno(e, "look at '%s/%s'", p->directory, p->name);
    return str_addf(answer, "%lld",
                    (long long)s.st_ctim.tv_sec * 1000000 + s.st_ctim.tv_nsec / 1000) ||
           err_memory(e);
}

/* ---- as the owner ---- */

static bool
run(const struct install *i, child_task *task, const struct str *bytes, bool keep, struct err *e)
{
    own_place struct place place = {.fd = -1};
    own_str struct str nothing = {0};
    struct job job = {.install = i, .place = &place, .bytes = bytes, .keep = keep};

    return (place_find(&place, i->path, e) && place_judge(&place, i->secret, i->reader, e) &&
            child_run_as(place.about.st_uid, task, &job, WORK_MS, &nothing, e)) ||
           err_wrap(e, "install '%s'", i->path);
}

bool
install_write(const struct install *i, const struct str *bytes, bool keep, struct err *e)
{
    return run(i, task_write, bytes, keep, e);
}

bool
install_restore(const struct install *i, struct err *e)
{
    return run(i, task_restore, NULL, false, e);
}

bool
install_remove(const struct install *i, struct err *e)
{
    return run(i, task_remove, NULL, false, e);
}

/* Reading needs no owner: a member of the group may do. */
static bool
ask(child_task *task, struct job *job, struct str *answer, struct err *e)
{
    return geteuid() == 0 ? child_run_as(job->place->about.st_uid, task, job, WORK_MS, answer, e)
                          : task(job, answer, e);
}

bool
install_read(const char *path, const char *ending, struct str *out, bool *found, struct err *e)
{
    own_place struct place place = {.fd = -1};
    own_str struct str answer = {0};
    struct job job = {.place = &place, .ending = ending};
    bool done = false;

    if (!place_find(&place, path, e))
        return false;
    done = ask(task_read, &job, &answer, e);
    if (!done)
        return err_wrap(e, "read '%s%s'", path, ending);
    *found = answer.size > 0;
    return !*found || str_add(out, answer.text + 1, answer.size - 1) || err_memory(e);
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
    struct job job = {.place = &place};
    own_mem char *found = NULL;

    if (!place_find(&place, path, e) || !ask(task_follow, &job, &answer, e))
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
    struct job job = {.place = &place};

    if (!place_find(&place, path, e) || !ask(task_changed, &job, &answer, e))
        return false;
    *at_us = strtoll(answer.text, NULL, 10);
    return true;
}
