/* watch.c: things, their paths, and what these hold. */
#include "inotify/watch.h"

#include "base/file.h"
#include "base/log.h"
#include "inotify/chain.h"
#include "inotify/directories.h"
#include "inotify/settle.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WALKS_MAX 3 /* a way that changes under us is gone anew; then its parents tell */
#define DIGEST_SIZE 16

/* One path. */
struct path {
    char *text;
    watch_filter *is_wanted;
    struct watch *watch;
    size_t thing;
    int *numbers; /* of the directories on its way */
    size_t count, room;
    unsigned char digest[DIGEST_SIZE]; /* of what it held; first byte MISSING: nothing */
    bool is_touched, is_blind;
};

/* Why something is not watched, what matters least first. */
enum why {
    WHY_NONE,
    WHY_CLOSED, /* it may not be read, either: to look at it would be of no use */
    WHY_BLIND,
    WHY_FULL,
};

/* Several. */
struct thing {
    struct path **paths;
    size_t count;
    struct settle settle;
};

struct watch {
    struct directories directories;
    struct thing *things;
    size_t count;
    int64_t now_ms;   /* of the watch_read() that goes on */
    int64_t blind_ms; /* when the blind ones were looked at */
    enum why why;
    char *why_short; /* NULL: all is watched */
};

struct watch *
watch_new(struct err *e)
{
    own_watch struct watch *w = calloc(1, sizeof(*w));

    if (w == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    return directories_init(&w->directories, e) ? TAKE(w) : NULL;
}

/* ---- contents ---- */

/* What is not a file, or not to be read, differs from what is. */
static void
digest_text(unsigned char digest[static DIGEST_SIZE], char kind, const struct str *text)
{
    unsigned char sum[EVP_MAX_MD_SIZE] = {0};

    if (text->size > 0)
        (void)EVP_Digest(text->text, text->size, sum, NULL, EVP_sha256(), NULL);
    memcpy(digest, sum, DIGEST_SIZE);
    digest[0] = (unsigned char)kind;
}

static void
digest_file(const char *path, unsigned char digest[static DIGEST_SIZE])
{
    own_str struct str text = {0};
    struct err e = {0};
    bool found = false;

    if (file_read_if_there(AT_FDCWD, path, WATCH_SIZE_MAX, &text, &found, &e)) {
        digest_text(digest, found ? 'f' : '-', &text);
        return;
    }
    str_clear(&text);
    digest_text(digest, e.code == ERR_PERMISSION ? 'p' : '?', &text);
}

static void
digest_directory(const struct path *p, unsigned char digest[static DIGEST_SIZE])
{
    own_list struct list names = {0};
    own_str struct str text = {0};
    struct err e = {0};
    bool good = file_list(p->text, p->is_wanted, &names, &e);

    for (size_t i = 0; good && i < names.count; i++)
        good = str_add(&text, names.items[i], strlen(names.items[i]) + 1);
    digest_text(digest, good ? 'd' : '?', &text);
}

/* Are its contents others than before? From now on they are what was before. */
static bool
is_other(struct path *p)
{
    unsigned char digest[DIGEST_SIZE];

    if (p->is_wanted != NULL)
        digest_directory(p, digest);
    else
        digest_file(p->text, digest);
    if (memcmp(digest, p->digest, DIGEST_SIZE) == 0)
        return false;
    memcpy(p->digest, digest, DIGEST_SIZE);
    return true;
}

/* ---- the way to a file ---- */

static char *
why_text(enum why why, const struct path *p, const struct err *e)
{
    if (why == WHY_FULL)
        return str_format("this user has all the inotify watches that it may have, so some files "
                          "are looked at every %d s only; try: sysctl fs.inotify.max_user_watches="
                          "1048576",
                          WATCH_BLIND_MS / 1000);
    if (why == WHY_CLOSED)
        return str_format("%s, so what changes there is not noticed, since this user may not read "
                          "'%s'",
                          e->text, p->text);
    return str_format("%s, so some files are looked at every %d s only", e->text,
                      WATCH_BLIND_MS / 1000);
}

/* A directory may be closed to us, and the file in it be open. */
static bool
is_closed(const struct path *p)
{
    return faccessat(AT_FDCWD, p->text, R_OK, AT_EACCESS) < 0 &&
           (errno == EACCES || errno == EPERM);
}

/* Something on it is not watched; said is the reason that matters most. */
static void
go_blind(struct path *p, const struct err *e, int number)
{
    struct watch *w = p->watch;
    enum why why = number == ENOSPC                            ? WHY_FULL
                   : e->code == ERR_PERMISSION && is_closed(p) ? WHY_CLOSED
                                                               : WHY_BLIND;

    p->is_blind = p->is_blind || why != WHY_CLOSED;
    if (why <= w->why)
        return;
    w->why = why;
    free(w->why_short);
    w->why_short = why_text(why, p, e);
}

static bool
step(void *user, enum chain_part part, const char *directory, const char *name, struct err *e)
{
    struct path *p = user;
    int number = 0;

    if (p->count == p->room) {
        size_t room = p->room == 0 ? 8 : p->room * 2;
        int *numbers = reallocarray(p->numbers, room, sizeof(*numbers));

        if (numbers == NULL)
            return err_memory(e);
        p->numbers = numbers;
        p->room = room;
    }
    errno = 0;
    if (directories_add(&p->watch->directories, part, directory, name, p, &number, e)) {
        p->numbers[p->count++] = number;
        return true;
    }
    if (e->code == ERR_BUSY)
        return false;
    /* one that may be passed and not read, as /root, is replaced by nobody but root */
    if (part != CHAIN_PASSED || errno == ENOSPC)
        go_blind(p, e, errno);
    log_debug("%s", e->text);
    return true;
}

static void
drop_hooks(struct path *p, const int *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        directories_drop(&p->watch->directories, numbers[i], p);
}

/* Watches the way as it is now. The new hooks come before the old ones go, so that a directory
 * which stays on the way is watched without a break. */
static void
resolve(struct path *p)
{
    own_mem int *old = p->numbers;
    size_t old_count = p->count;
    struct err e = {0};
    bool good = false;

    p->numbers = NULL;
    p->count = p->room = 0;
    p->is_blind = false;
    for (int i = 0; i < WALKS_MAX && !good; i++) {
        e = (struct err){0};
        good = chain_walk(p->text, step, p, &e);
    }
    if (!good)
        go_blind(p, &e, 0);
    drop_hooks(p, old, old_count);
}

/* ---- things ---- */

static void
path_free(struct path *p)
{
    if (p == NULL)
        return;
    drop_hooks(p, p->numbers, p->count);
    free(p->numbers);
    free(p->text);
    free(p);
}

static bool
make_room(struct watch *w, size_t count)
{
    struct thing *things = NULL;

    if (count <= w->count)
        return true;
    things = reallocarray(w->things, count, sizeof(*things));
    if (things == NULL)
        return false;
    memset(things + w->count, 0, (count - w->count) * sizeof(*things));
    w->things = things;
    w->count = count;
    return true;
}

static struct path *
path_new(struct watch *w, size_t thing, const struct watch_path *wanted, struct err *e)
{
    struct path *p = calloc(1, sizeof(*p));

    if (p != NULL)
        *p = (struct path){.text = strdup(wanted->path),
                           .is_wanted = wanted->is_wanted,
                           .watch = w,
                           .thing = thing};
    if (p == NULL || p->text == NULL) {
        path_free(p);
        (void)err_memory(e);
        return NULL;
    }
    resolve(p);
    (void)is_other(p);
    return p;
}

/* Takes the path out of those that were watched before. NULL: it is a new one. */
static struct path *
take_old(struct thing *t, const struct watch_path *wanted)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->paths[i] != NULL && strcmp(t->paths[i]->text, wanted->path) == 0 &&
            t->paths[i]->is_wanted == wanted->is_wanted)
            return TAKE(t->paths[i]);
    return NULL;
}

static void
drop_paths(struct thing *t)
{
    for (size_t i = 0; i < t->count; i++)
        path_free(t->paths[i]);
    free(t->paths);
    t->paths = NULL;
    t->count = 0;
}

bool
watch_set(struct watch *w, size_t thing, const struct watch_path *paths, size_t count,
          struct err *e)
{
    struct thing now = {0};

    if (!make_room(w, thing + 1))
        return err_memory(e);
    now.paths = calloc(count + 1, sizeof(struct path *));
    if (now.paths == NULL)
        return err_memory(e);
    now.settle = w->things[thing].settle;
    for (size_t i = 0; i < count; i++) {
        struct path *p = take_old(&w->things[thing], &paths[i]);

        if (p == NULL)
            p = path_new(w, thing, &paths[i], e);
        if (p == NULL) {
            drop_paths(&now);
            drop_paths(&w->things[thing]); /* some of it was in the other */
            return false;
        }
        now.paths[now.count++] = p;
    }
    drop_paths(&w->things[thing]);
    w->things[thing] = now;
    return true;
}

/* ---- events ---- */

int
watch_descriptor(const struct watch *w)
{
    return w->directories.fd;
}

static void
touch(struct path *p, int64_t now_ms)
{
    p->is_touched = true;
    settle_touch(&p->watch->things[p->thing].settle, now_ms);
}

static void
hear(void *user, void *owner)
{
    const struct watch *w = user;
    struct path *p = owner;

    touch(p, w->now_ms);
}

static void
touch_all(struct watch *w, int64_t now_ms, bool blind_only)
{
    for (size_t i = 0; i < w->count; i++)
        for (size_t n = 0; n < w->things[i].count; n++)
            if (!blind_only || w->things[i].paths[n]->is_blind)
                touch(w->things[i].paths[n], now_ms);
}

bool
watch_read(struct watch *w, int64_t now_ms, struct err *e)
{
    bool lost = false;

    w->now_ms = now_ms;
    if (!directories_read(&w->directories, hear, w, &lost, e))
        return false;
    if (lost) {
        log_debug("too much has happened at once: everything is looked at");
        touch_all(w, now_ms, false);
    }
    return true;
}

int64_t
watch_due_ms(const struct watch *w)
{
    int64_t due_ms = w->why > WHY_CLOSED ? w->blind_ms + WATCH_BLIND_MS : -1;

    for (size_t i = 0; i < w->count; i++) {
        int64_t at_ms = settle_due_ms(&w->things[i].settle);

        if (at_ms >= 0 && (due_ms < 0 || at_ms < due_ms))
            due_ms = at_ms;
    }
    return due_ms;
}

/* The first path of it that holds something else; NULL: none does. */
static const char *
look(struct thing *t)
{
    const char *changed = NULL;

    for (size_t i = 0; i < t->count; i++) {
        struct path *p = t->paths[i];

        if (!p->is_touched)
            continue;
        p->is_touched = false;
        resolve(p);
        if (is_other(p) && changed == NULL)
            changed = p->text;
    }
    return changed;
}

bool
watch_take(struct watch *w, int64_t now_ms, size_t *thing, const char **path)
{
    if (w->why > WHY_CLOSED && now_ms >= w->blind_ms + WATCH_BLIND_MS) {
        w->blind_ms = now_ms;
        touch_all(w, now_ms, true);
    }
    for (size_t i = 0; i < w->count; i++) {
        if (!settle_take(&w->things[i].settle, now_ms))
            continue;
        *path = look(&w->things[i]);
        *thing = i;
        if (*path != NULL)
            return true;
    }
    return false;
}

void
watch_absorb(struct watch *w, size_t thing)
{
    w->things[thing].settle = (struct settle){0};
    (void)look(&w->things[thing]);
}

const char *
watch_is_short(const struct watch *w)
{
    return w->why_short;
}

size_t
watch_count(const struct watch *w)
{
    return w->directories.count;
}

void
watch_free(struct watch **w)
{
    if (*w == NULL)
        return;
    for (size_t i = 0; i < (*w)->count; i++)
        drop_paths(&(*w)->things[i]);
    directories_done(&(*w)->directories);
    free((*w)->things);
    free((*w)->why_short);
    free(*w);
    *w = NULL;
}
