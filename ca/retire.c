/* retire.c: what is left of the old CAs, and how they go away.
 *
 * Two passes, each of which can be done again: while the phase is "retiring" all that is not in
 * next/ is old, and its keys are wiped; while it is "moving" whatever is in next/ takes its place.
 */
#include "ca/retire.h"
#include "ca/canary.h"

#include "base/file.h"
#include "ca/crls.h"
#include "ca/rollover.h"
#include "ca/share.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const ends[] = {".key", ".crl", ".crt"};

/* ---- what is left ---- */

static const struct authority *
find_issuer(const struct ca *ca, const char *id)
{
    for (size_t i = 0; i < ca->count; i++)
        if (strcmp(ca->all[i]->id, id) == 0)
            return ca->all[i];
    return NULL;
}

/* For whom: two certificates of the same one replace each other. */
static int
by_subject(const void *a, const void *b)
{
    const struct ca_issued *x = *(const struct ca_issued *const *)a;
    const struct ca_issued *y = *(const struct ca_issued *const *)b;
    int order = strcmp(x->kind, y->kind);

    if (order == 0)
        order = strcmp(x->tenant == NULL ? "" : x->tenant, y->tenant == NULL ? "" : y->tenant);
    return order != 0 ? order : strcmp(x->name, y->name);
}

static bool
is_leaf(const struct ca_issued *one)
{
    return strcmp(one->kind, "server") == 0 || strcmp(one->kind, "client") == 0;
}

/* Those of the next CAs, sorted by whom they are for. */
static size_t
find_next(const struct ca *ca, struct ca_list *all, const struct ca_issued **next)
{
    size_t count = 0;

    for (size_t i = 0; i < all->count; i++) {
        const struct authority *a = find_issuer(ca, all->items[i].issuer);

        if (a != NULL && a->is_next && is_leaf(&all->items[i]) &&
            strcmp(all->items[i].state, "valid") == 0)
            next[count++] = &all->items[i];
    }
    if (count > 1)
        qsort(next, count, sizeof(*next), by_subject);
    return count;
}

static void
count_left(struct ca_left *left, const struct ca_issued *one, bool is_replaced)
{
    bool is_client = strcmp(one->kind, "client") == 0;

    left->servers += !is_client && !is_replaced;
    left->clients += is_client && !is_replaced;
    left->replaced += is_client && is_replaced;
    if (is_client && one->not_after_s > left->last_s)
        left->last_s = one->not_after_s;
}

/* A server's that was replaced is served no more: pgcert has seen to that. */
static void
keep_left(const struct ca *ca, struct ca_left *left, const struct ca_issued **next,
          struct ca_issued *old)
{
    size_t next_count = find_next(ca, &left->list, next);
    size_t kept = 0;

    for (size_t i = 0; i < left->list.count; i++) {
        const struct ca_issued *one = &left->list.items[i];
        const struct authority *a = find_issuer(ca, one->issuer);
        bool is_replaced = false;

        if (a == NULL || a->is_next || !is_leaf(one) || strcmp(one->state, "valid") != 0)
            continue;
        is_replaced = next_count > 0 && bsearch(&one, next, next_count, sizeof(*next), by_subject);
        count_left(left, one, is_replaced);
        if (!is_replaced || strcmp(one->kind, "client") == 0)
            old[kept++] = *one;
    }
    left->list.count = kept;
}

bool
ca_rollover_left(struct ca *ca, struct ca_left *left, struct err *e)
{
    own_mem struct ca_issued *old = NULL;
    own_mem const struct ca_issued **next = NULL;

    if (!authority_is_switched(ca))
        return true;
    if (!ca_list_read(ca->config, NULL, ca->clock->now_s(ca->clock), &left->list, e))
        return false;
    old = calloc(left->list.count + 1, sizeof(*old));
    next = calloc(left->list.count + 1, sizeof(*next));
    if (old == NULL || next == NULL)
        return err_memory(e);
    keep_left(ca, left, next, old);
    free(left->list.items);
    left->list.items = TAKE(old);
    return true;
}

void
ca_left_done(struct ca_left *left)
{
    ca_list_done(&left->list);
    *left = (struct ca_left){0};
}

/* ---- going ---- */

static char *
old_path(const struct ca *ca, const char *name, const char *end)
{
    return str_format("%s/old/%lld%s%s%s", ca->config->directory,
                      (long long)ca->rollover.number - 1, *name == '\0' ? "" : "/", name, end);
}

/* A second name for it, so that the first is there until another file takes it; a copy where the
 * file system knows no second names, or it is another one. */
static bool
keep_as(const char *from, const char *to, struct err *e)
{
    own_str struct str text = {0};

    if (link(from, to) == 0 || errno == EEXIST)
        return file_sync_parent(AT_FDCWD, to, e);
    if (errno == ENOENT)
        return true;
    if (errno != EPERM && errno != EOPNOTSUPP && errno != EXDEV && errno != EMLINK)
        return err_errno(e, "keep '%s' as '%s'", from, to);
    return file_read(AT_FDCWD, from, CRLS_FILE_MAX, &text, e) &&
           file_replace(AT_FDCWD, to, text.text, text.size, 0644, e);
}

static bool
keep_copy(const struct ca *ca, const char *name, const char *end, struct err *e)
{
    own_mem char *from = authority_path(ca->config, name, end);
    own_mem char *to = old_path(ca, name, end);

    if (from == NULL || to == NULL)
        return err_memory(e);
    return keep_as(from, to, e);
}

static bool
retire_one(const struct ca *ca, const char *name, struct err *e)
{
    own_mem char *key = authority_path(ca->config, name, ".key");

    if (key == NULL)
        return err_memory(e);
    return keep_copy(ca, name, ".crt", e) && keep_copy(ca, name, ".crl", e) &&
           rollover_wipe(key, e);
}

/* It may have been done before. */
static bool
move_file(const struct ca *ca, const char *name, const char *end, struct err *e)
{
    own_mem char *from = str_format("%s/%s/%s%s", ca->config->directory, AUTHORITY_NEXT, name, end);
    own_mem char *to = authority_path(ca->config, name, end);

    if (from == NULL || to == NULL)
        return err_memory(e);
    if (rename(from, to) < 0)
        return errno == ENOENT || err_errno(e, "move '%s' to '%s'", from, to);
    return file_sync_parent(AT_FDCWD, to, e) && file_sync_parent(AT_FDCWD, from, e);
}

static bool
move_one(const struct ca *ca, const char *name, struct err *e)
{
    for (size_t i = 0; i < COUNT(ends); i++)
        if (!move_file(ca, name, ends[i], e))
            return false;
    return true;
}

static bool
has_ending(const char *name)
{
    return strrchr(name, '.') != NULL && strrchr(name, '.') != name;
}

/* Adds the names of the tenants' files in one directory: "tenants/acme", once each. */
static bool
add_tenants(const struct ca *ca, const char *directory, struct list *names, struct err *e)
{
    own_mem char *path = authority_path(ca->config, directory, "");
    own_list struct list files = {0};

    if (path == NULL)
        return err_memory(e);
    if (!file_list(path, has_ending, &files, e))
        return false;
    for (size_t i = 0; i < files.count; i++) {
        const char *file = files.items[i];
        own_mem char *name =
            str_format(AUTHORITY_TENANTS "/%.*s", (int)(strrchr(file, '.') - file), file);

        if (name == NULL || (!list_has(names, name) && !list_add(names, name)))
            return err_memory(e);
    }
    return true;
}

/* Every CA's files, in the present places and in next/. */
static bool
each(const struct ca *ca, const char *tenants,
     bool (*run)(const struct ca *ca, const char *name, struct err *e), struct err *e)
{
    own_list struct list names = {0};

    if (!list_add_words(&names, "server-ca client-ca root"))
        return err_memory(e);
    if (!add_tenants(ca, tenants, &names, e))
        return false;
    for (size_t i = 0; i < names.count; i++)
        if (!run(ca, names.items[i], e))
            return false;
    return true;
}

static bool
make_places(const struct ca *ca, struct err *e)
{
    own_mem char *old = old_path(ca, AUTHORITY_TENANTS, "");
    own_mem char *tenants = authority_path(ca->config, AUTHORITY_TENANTS, "");

    if (old == NULL || tenants == NULL)
        return err_memory(e);
    if (!file_make_directory(old, 0700, e) || !share_directory(tenants, e))
        return false;
    share_mend(ca->config); /* on the way to `old` as well */
    return true;
}

/* What somebody else has put there stays. */
static bool
remove_empty(const char *path, struct err *e)
{
    return rmdir(path) == 0 || errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST ||
           err_errno(e, "remove '%s'", path);
}

/* The cross certificate is of no more use, and is kept. */
static bool
clear_next(const struct ca *ca, struct err *e)
{
    own_mem char *cross = authority_path(ca->config, ROLLOVER_CROSS, ".crt");
    own_mem char *kept = old_path(ca, "cross", ".crt");
    own_mem char *tenants = authority_path(ca->config, AUTHORITY_NEXT "/" AUTHORITY_TENANTS, "");
    own_mem char *next = authority_path(ca->config, AUTHORITY_NEXT, "");

    if (cross == NULL || kept == NULL || tenants == NULL || next == NULL)
        return err_memory(e);
    if (!keep_as(cross, kept, e) || !file_remove(AT_FDCWD, cross, e))
        return false;
    file_remove_temporaries(tenants);
    file_remove_temporaries(next);
    return remove_empty(tenants, e) && remove_empty(next, e);
}

bool
retire_finish(struct ca *ca, struct err *e)
{
    if (ca->rollover.phase == CA_ROLLOVER_RETIRING) {
        if (!make_places(ca, e) || !each(ca, AUTHORITY_TENANTS, retire_one, e))
            return false;
        ca->rollover.phase = CA_ROLLOVER_MOVING;
        if (!rollover_save(ca, e))
            return false;
    }
    if (ca->rollover.phase != CA_ROLLOVER_MOVING)
        return true;
    if (!each(ca, AUTHORITY_NEXT "/" AUTHORITY_TENANTS, move_one, e) || !clear_next(ca, e) ||
        !crls_promote(ca, e))
        return false;
    ca->rollover = (struct ca_rollover){0};
    return rollover_save(ca, e);
}

/* ---- the decision ---- */

static bool
check_left(struct ca *ca, struct err *e)
{
    own_ca_left struct ca_left left = {0};
    char when[CLOCK_TEXT_SIZE];

    if (!ca_rollover_left(ca, &left, e))
        return false;
    if (left.list.count == 0)
        return true;
    clock_text(when, left.last_s);
    return err_set(e, ERR_REFUSED,
                   "%zu certificates of the old CAs are still valid (servers without a new one: "
                   "%zu, clients without a new one: %zu, clients with one: %zu%s%s)",
                   left.list.count, left.servers, left.clients, left.replaced,
                   left.last_s == 0 ? "" : "; the last client's until ",
                   left.last_s == 0 ? "" : when);
}

bool
ca_rollover_retire(struct ca *ca, bool force, struct err *e)
{
    bool did = false;

    if (!authority_is_switched(ca))
        return err_set(e, ERR_REFUSED, "the new CAs do not sign yet");
    if ((!force && !check_left(ca, e)) || !make_places(ca, e) ||
        !canary_retire(ca, authority_find_of(ca, CA_CLIENTS, NULL, false), e))
        return false;
    ca->rollover.phase = CA_ROLLOVER_RETIRING;
    return rollover_save(ca, e) && authority_reload(ca, e) && crls_refresh(ca, 0, &did, e);
}
