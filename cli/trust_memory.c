/* trust_memory.c: one JSON object, in the one place or in the other. */
#include "cli/trust_memory.h"

#include "base/file.h"
#include "base/log.h"
#include "base/store.h"
#include "cli/proofs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- where ---- */

/* Where deploying is remembered, as proofs are; no certificate's file there is without an end. */
static char *
path_for(const struct settings *s, bool is_shared)
{
    return str_format(is_shared ? "%s/" PROOFS_DIRECTORY "/clients" : "%s/clients.json", s->state);
}

/* For whoever deploys, which may be root as the owner of the state, or a member of the group. What
 * was taken along from the other place is there no more. */
static bool
save(const struct trust_memory *m, struct err *e)
{
    const struct settings *s = &m->app->config.settings;
    bool is_shared = s->deploy_group != NULL;
    own_mem char *before = path_for(s, !is_shared);
    struct err ignored = {0};

    if (!is_shared ? !json_save(m->json, m->path, e)
                   : !json_save_for(m->json, m->path, (struct file_access){0660, store_group()}, e))
        return false;
    if (before != NULL && !file_remove(AT_FDCWD, before, &ignored))
        log_debug("%s", ignored.text);
    return true;
}

/* Damaged is as good as missing: all is proved again then. Where one user has become two, or two
 * one, it is in the other place still. */
static struct json_t *
load(const struct app *app, const char *path)
{
    const struct settings *s = &app->config.settings;
    bool is_moved = path != NULL && access(path, F_OK) < 0 && errno == ENOENT;
    bool is_shared = (s->deploy_group != NULL) != is_moved;
    own_mem char *from = path_for(s, is_shared);
    struct err e = {0};
    struct json_t *json = from == NULL ? NULL
                          : is_shared  ? proofs_load_clients(from, &e)
                                       : json_load(from, &e);

    if (json == NULL)
        log_debug("what is trusted of clients is proved again: %s", e.text);
    return json != NULL ? json : json_new_object();
}

bool
trust_memory_open(struct trust_memory *m, const struct app *app, struct err *e)
{
    const struct settings *s = &app->config.settings;

    m->app = app;
    m->path = path_for(s, s->deploy_group != NULL);
    m->json = load(app, m->path);
    return (m->path != NULL && m->json != NULL) || err_memory(e);
}

void
trust_memory_done(struct trust_memory *m)
{
    free(m->path);
    json_drop(&m->json);
}

/* ---- of a target ---- */

struct trust_entry
trust_memory_find(const struct trust_memory *m, const char *target)
{
    const struct json_t *one = json_member(m->json, target);

    return (struct trust_entry){.file = json_member_text(one, "file"),
                                .proved_at_s = json_member_int(one, "proved_at"),
                                .error = json_member_text(one, "error"),
                                .refused_at_s = json_member_int(one, "refused_at")};
}

bool
trust_memory_ending(const struct trust_memory *m, const char *target, struct list *ending)
{
    return json_texts(json_member(json_member(m->json, target), "ending"), ending);
}

bool
trust_memory_put(struct trust_memory *m, const char *target, const struct trust_entry *entry,
                 struct err *e)
{
    const struct trust_entry before = trust_memory_find(m, target);
    struct json_t *one = json_new_object();
    own_list struct list ending = {0};

    json_put_text(one, "file", entry->file != NULL ? entry->file : before.file);
    json_put_int(one, "proved_at", entry->proved_at_s);
    json_put_text(one, "error", entry->error);
    if (entry->ending == NULL && !trust_memory_ending(m, target, &ending)) {
        json_drop(&one);
        return err_memory(e);
    }
    json_put_list(one, "ending", entry->ending != NULL ? entry->ending : &ending);
    json_put_int(one, "refused_at", entry->refused_at_s);
    json_put(m->json, target, one);
    return save(m, e);
}

bool
trust_memory_add_ending(struct trust_memory *m, const char *target, const struct list *serials,
                        struct err *e)
{
    struct trust_entry entry = trust_memory_find(m, target);
    own_list struct list ending = {0};

    if (!trust_memory_ending(m, target, &ending))
        return err_memory(e);
    for (size_t i = 0; i < serials->count; i++)
        if (!list_has(&ending, serials->items[i]) && !list_add(&ending, serials->items[i]))
            return err_memory(e);
    entry.ending = &ending;
    entry.refused_at_s = 0;
    return trust_memory_put(m, target, &entry, e);
}

/* ---- of all ---- */

const char *
trust_memory_offered(const struct trust_memory *m)
{
    return json_member_text(m->json, PROOFS_OFFERED);
}

bool
trust_memory_set_offered(struct trust_memory *m, const char *sha256, struct err *e)
{
    json_put_text(m->json, PROOFS_OFFERED, sha256);
    return save(m, e);
}

int64_t
trust_memory_heard(const struct trust_memory *m)
{
    return json_member_int(m->json, PROOFS_ENDED);
}

bool
trust_memory_set_heard(struct trust_memory *m, int64_t last, struct err *e)
{
    json_put_int(m->json, PROOFS_ENDED, last);
    return save(m, e);
}
