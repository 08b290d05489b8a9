/* change.c: write under temporary names, rename in order, and end what was interrupted. */
#include "reload/change.h"

#include "base/cert.h"
#include "base/child.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_MAX CERT_PEM_MAX

/* ---- one file ---- */

static bool
set_owner_and_mode(const struct change_file *f, int fd)
{
    const struct install *i = f->install;

    if (i->over != NULL) /* the group first: the new one's must not read more than it could */
        return child_join(f->before.st_gid) &&
               fchown(fd, f->before.st_uid, f->before.st_gid) == 0 &&
               fchmod(fd, f->before.st_mode & 07777) == 0;
    if (!i->secret)
        return fchmod(fd, i->mode != 0 ? i->mode : 0644) == 0;
    if (i->mode != 0 && (i->mode & 077) == 0)
        return fchmod(fd, i->mode) == 0;
    if (f->place.about.st_uid != 0 || i->reader == 0)
        return fchmod(fd, i->mode != 0 ? i->mode : 0600) == 0;
    /* of root and 0640 is the other form which PostgreSQL accepts; the group first, so that no
     * other group ever may read it */
    return child_join(i->group) && fchown(fd, 0, i->group) == 0 &&
           fchmod(fd, i->mode != 0 ? i->mode : 0640) == 0;
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
write_temporary(const struct change_file *f, const char *temp, const struct str *bytes,
                struct err *e)
{
    const struct place *p = &f->place;
    own_fd int fd = openat(p->fd, temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0) {
        (void)err_errno(e, "create a file in '%s'", p->directory);
        if (e->code == ERR_SYSTEM)
            e->code = ERR_CREATE;
        return false;
    }
    if (!file_write_all(fd, bytes->text, bytes->size))
        return err_errno(e, "write '%s' in '%s'", p->name, p->directory);
    if (!set_owner_and_mode(f, fd))
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

/* A name that no change of files has, for what is kept. */
static bool
spare_name(char name[static NAME_MAX + 1], const struct place *p, struct err *e)
{
    char id[PLACE_ID_SIZE];

    return place_id(id, "", e) && place_temporary(name, p, id, e);
}

/* One more name for a file, in one step, whatever had that name before. Needs no space. */
static bool
link_over(const struct place *p, const char *from, const char *to, struct err *e)
{
    char temp[NAME_MAX + 1];
    bool renamed = false;
    int why = 0;

    if (!spare_name(temp, p, e))
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
copy_over(const struct change_file *f, const char *from, const char *to, struct err *e)
{
    const struct place *p = &f->place;
    char temp[NAME_MAX + 1];
    own_str struct str bytes = {0};
    bool done = false;

    if (!spare_name(temp, p, e) || !file_read(p->fd, from, READ_MAX, &bytes, e))
        return false;
    done = write_temporary(f, temp, &bytes, e);
    if (done && renameat(p->fd, temp, p->fd, to) < 0)
        done = err_errno(e, "rename to '%s' in '%s'", to, p->directory);
    if (!done)
        (void)unlinkat(p->fd, temp, 0);
    return done;
}

/* The file system may know no hard links, or the file be somebody else's (protected_hardlinks):
 * then a copy is kept. */
static bool
keep_previous(const struct change_file *f, struct err *e)
{
    char previous[NAME_MAX + 1];
    struct err ignored = {0};

    return previous_name(previous, &f->place, e) &&
           (link_over(&f->place, f->place.name, previous, &ignored) ||
            copy_over(f, f->place.name, previous, e));
}

/* What was kept of a file that was not there this time would be of another change. */
static bool
keep(const struct change *c, struct change_file *f, struct err *e)
{
    char previous[NAME_MAX + 1];
    bool has_one = false;

    if (!previous_name(previous, &f->place, e) || !place_has(&f->place, previous, &has_one, e))
        return false;
    f->is_kept = f->there && (c->keep || (f->install->keep_first && !has_one));
    if (f->is_kept)
        return keep_previous(f, e);
    if (c->keep && !f->there && has_one)
        (void)unlinkat(f->place.fd, previous, 0);
    return true;
}

/* ---- somebody's file ---- */

/* Is it as it was when the change was made up, and can we leave it his? */
static bool
see_before(struct change_file *f, struct err *e)
{
    const struct place *p = &f->place;
    const struct str *over = f->install->over;
    own_str struct str now = {0};

    if (over == NULL)
        return true;
    if (!f->there)
        return err_set(e, ERR_BUSY, "'%s' in '%s' is gone", p->name, p->directory);
    if (!file_read(p->fd, p->name, INSTALL_READ_MAX, &now, e))
        return false;
    if (now.size != over->size || (now.size > 0 && memcmp(now.text, over->text, now.size) != 0))
        return err_set(e, ERR_BUSY, "'%s' in '%s' is being changed by somebody", p->name,
                       p->directory);
    if (fstatat(p->fd, p->name, &f->before, AT_SYMLINK_NOFOLLOW) < 0)
        return err_errno(e, "look at '%s' in '%s'", p->name, p->directory);
    return child_is_root() || f->before.st_uid == geteuid() ||
           err_set(
               e, ERR_PERMISSION,
               "'%s' belongs to user %u and its directory '%s' to user %u, who could not give it "
               "back; try: chown",
               p->name, (unsigned)f->before.st_uid, p->directory, (unsigned)p->about.st_uid);
}

/* ---- all of them ---- */

static bool
is_same_directory(const struct change_file *a, const struct change_file *b)
{
    return a->place.about.st_dev == b->place.about.st_dev &&
           a->place.about.st_ino == b->place.about.st_ino;
}

/* One id for all temporary files, which begins with a digest of what belongs together. */
static bool
name_temporaries(struct change *c, struct err *e)
{
    own_str struct str paths = {0};

    for (size_t i = 0; i < c->count; i++)
        if (!str_addf(&paths, "%s\n", c->files[i].install->path))
            return err_memory(e);
    if (!place_id(c->id, paths.text, e))
        return false;
    for (size_t i = 0; i < c->count; i++)
        if (!place_temporary(c->files[i].temp, &c->files[i].place, c->id, e))
            return false;
    return true;
}

/* A rename failed after others: those get back what they had, so that they match again. */
static bool
undo_renames(struct change *c, size_t count)
{
    char previous[NAME_MAX + 1];
    struct err ignored = {0};

    for (size_t i = count; i-- > 0;) {
        const struct change_file *f = &c->files[i];

        if (f->bytes == NULL)
            continue;
        if (!f->there ? unlinkat(f->place.fd, f->place.name, 0) < 0
                      : !f->is_kept || !previous_name(previous, &f->place, &ignored) ||
                            !link_over(&f->place, previous, f->place.name, &ignored))
            return false;
    }
    return true;
}

/* In another directory than the one before: what was renamed there lasts a crash first. */
static bool
sync_between(const struct change *c, size_t i, struct err *e)
{
    return i == 0 || is_same_directory(&c->files[i - 1], &c->files[i]) ||
           place_sync(&c->files[i - 1].place, e);
}

static bool
rename_all(struct change *c, struct err *e)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct change_file *f = &c->files[i];

        if (f->bytes == NULL)
            continue;
        if (sync_between(c, i, e) &&
            renameat(f->place.fd, f->temp, f->place.fd, f->place.name) == 0)
            continue;
        if (e->code == ERR_NONE)
            (void)err_errno(e, "rename to '%s' in '%s'", f->place.name, f->place.directory);
        c->is_undone = undo_renames(c, i);
        return false;
    }
    return true;
}

/* The last one first: see the journal in change.h. */
static void
remove_temporaries(struct change *c)
{
    for (size_t i = c->count; i-- > 0;)
        (void)unlinkat(c->files[i].place.fd, c->files[i].temp, 0);
}

static bool
sync_all(const struct change *c, struct err *e)
{
    for (size_t i = 0; i < c->count; i++)
        if (!place_sync(&c->files[i].place, e))
            return false;
    return true;
}

static bool
write_all(struct change *c, struct err *e)
{
    for (size_t i = 0; i < c->count; i++)
        if (!write_temporary(&c->files[i], c->files[i].temp, c->files[i].bytes, e))
            return false;
    for (size_t i = 0; i < c->count; i++)
        if (!keep(c, &c->files[i], e))
            return false;
    return rename_all(c, e);
}

static bool
see_all(struct change *c, struct err *e)
{
    for (size_t i = 0; i < c->count; i++) {
        struct change_file *f = &c->files[i];

        if (!place_has(&f->place, f->place.name, &f->there, e) || !see_before(f, e))
            return false;
    }
    return true;
}

/* The temporary names go, unless the first file has its new form and others have not: then the next
 * call finishes it. */
static void
clean(struct change *c, bool done)
{
    const struct change_file *first = &c->files[0];

    if (done || c->is_undone ||
        faccessat(first->place.fd, first->temp, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        remove_temporaries(c);
}

bool
change_write(struct change *c, struct err *e)
{
    bool done = false;

    if (!see_all(c, e))
        return false;
    done = write_all(c, e);
    clean(c, done);
    return done && sync_all(c, e);
}

/* Each FILE.previous gets the temporary name as well. */
static bool
link_previous(struct change *c, struct err *e)
{
    char previous[NAME_MAX + 1];

    for (size_t i = 0; i < c->count; i++) {
        const struct change_file *f = &c->files[i];
        bool there = false;

        if (!previous_name(previous, &f->place, e) || !place_has(&f->place, previous, &there, e))
            return false;
        if (!there && i > 0) {
            c->files[i].bytes = NULL;
            continue;
        }
        if (!there)
            return err_set(e, ERR_SYSTEM, "there is no '%s' in '%s'", previous, f->place.directory);
        if (linkat(f->place.fd, previous, f->place.fd, f->temp, 0) < 0 &&
            !copy_over(f, previous, f->temp, e))
            return false;
    }
    return true;
}

bool
change_restore(struct change *c, struct err *e)
{
    static const struct str any = {0};
    bool done = false;

    for (size_t i = 0; i < c->count; i++)
        c->files[i].bytes = &any;
    done = link_previous(c, e) && rename_all(c, e);
    /* also where all went well: rename(2) does nothing where both are one file already, and leaves
     * both names */
    clean(c, done);
    return done && sync_all(c, e);
}

bool
change_remove(struct change *c, struct err *e)
{
    for (size_t i = c->count; i-- > 0;) {
        const struct place *p = &c->files[i].place;

        if (unlinkat(p->fd, p->name, 0) < 0 && errno != ENOENT)
            return err_errno(e, "remove '%s' in '%s'", p->name, p->directory);
    }
    return sync_all(c, e);
}

/* ---- what a killed run left ---- */

/* The id of the others' temporary files is not the first's: it was renamed already. */
static bool
is_interrupted(const struct change *c, size_t i, const char *id, const struct list *first)
{
    return i > 0 && !list_has(first, id) && strncmp(c->id, id, (PLACE_ID_SIZE - 1) / 2) == 0;
}

static bool
end_one(const struct change_file *f, const char *id, bool finish, struct err *e)
{
    const struct place *p = &f->place;
    char temp[NAME_MAX + 1];

    if (!place_temporary(temp, p, id, e))
        return false;
    if (finish && renameat(p->fd, temp, p->fd, p->name) < 0)
        return err_errno(e, "finish the change of '%s' in '%s', which a killed run began", p->name,
                         p->directory);
    return finish || unlinkat(p->fd, temp, 0) == 0 ||
           err_errno(e, "remove '%s', which a killed run left in '%s'", temp, p->directory);
}

/* First what is to be finished, from the first to the last; then what is to go, the other way. */
static bool
end_leftovers(struct change *c, struct list *ids, struct err *e)
{
    for (size_t i = 0; i < c->count; i++)
        for (size_t k = 0; k < ids[i].count; k++)
            if (is_interrupted(c, i, ids[i].items[k], &ids[0]) &&
                !end_one(&c->files[i], ids[i].items[k], true, e))
                return false;
    for (size_t i = c->count; i-- > 0;)
        for (size_t k = 0; k < ids[i].count; k++)
            if (!is_interrupted(c, i, ids[i].items[k], &ids[0]) &&
                !end_one(&c->files[i], ids[i].items[k], false, e))
                return false;
    return true;
}

static bool
repair(struct change *c, struct err *e)
{
    struct list ids[INSTALL_FILES_MAX] = {0};
    size_t found = 0;
    bool done = true;

    for (size_t i = 0; done && i < c->count; i++) {
        done = place_leftovers(&c->files[i].place, &ids[i], e);
        found += ids[i].count;
    }
    done = done && (found == 0 || (end_leftovers(c, ids, e) && sync_all(c, e)));
    for (size_t i = 0; i < c->count; i++)
        list_done(&ids[i]);
    return done;
}

/* Is it the directory of one before it? A lock is had once. */
static bool
is_locked(const struct change *c, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (is_same_directory(&c->files[k], &c->files[i]))
            return true;
    return false;
}

bool
change_begin(struct change *c, struct err *e)
{
    for (size_t i = 0; i < c->count; i++)
        if (!place_open(&c->files[i].place, e) ||
            (!is_locked(c, i) && !place_lock(&c->files[i].place, e)))
            return false;
    return name_temporaries(c, e) && repair(c, e);
}

void
change_done(struct change *c)
{
    for (size_t i = 0; i < c->count; i++)
        place_done(&c->files[i].place);
    c->count = 0;
}
