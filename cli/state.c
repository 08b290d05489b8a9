/* state.c: the file state.json of a certificate. */
#include "cli/state.h"

#include "base/clock.h"
#include "base/file.h"
#include "cli/proofs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* Where they are to be; on disk they may still be where they were. */
static bool
load_proofs(struct state *s, const char *state_dir, struct err *e)
{
    own_json struct json_t *apart = NULL;
    const struct json_t *within = json_member(s->json, "targets");

    s->proofs_path = proofs_path(state_dir, s->directory);
    if (!proofs_load(s->proofs_path, &apart, e))
        return false;
    s->are_proofs_kept = apart != NULL;
    if (store_group() == (gid_t)-1) {
        if (apart != NULL)
            json_put(s->json, "targets", TAKE(apart));
        s->is_changed = s->are_proofs_kept;
        return true;
    }
    s->are_proofs_moved = apart == NULL && within != NULL;
    s->proofs = apart != NULL    ? TAKE(apart)
                : within != NULL ? json_keep(within)
                                 : json_new_object();
    return s->proofs != NULL || err_memory(e);
}

bool
state_load(struct state *s, const char *state_dir, const char *name, struct err *e)
{
    own_mem char *path = NULL;

    s->directory = store_directory(state_dir, name);
    if (s->directory == NULL)
        return err_memory(e);
    path = str_format("%s/state.json", s->directory);
    if (path == NULL)
        return err_memory(e);
    s->json = json_load(path, e);
    return s->json != NULL && load_proofs(s, state_dir, e);
}

bool
state_read_proofs(struct state *s, struct err *e)
{
    own_json struct json_t *now = NULL;

    if (s->proofs == NULL || s->are_proofs_changed)
        return true;
    if (!proofs_load(s->proofs_path, &now, e))
        return false;
    if (now != NULL) {
        json_drop(&s->proofs);
        s->proofs = TAKE(now);
        s->are_proofs_kept = true;
        s->are_proofs_moved = false;
    }
    return true;
}

/* They are elsewhere from now on. What is only moved is older than what another user has written
 * there meanwhile. */
static bool
save_proofs(struct state *s, struct err *e)
{
    if (s->are_proofs_moved && !state_read_proofs(s, e))
        return false;
    if (!s->are_proofs_changed && !s->are_proofs_moved)
        return true;
    if (!proofs_save(s->proofs_path, s->proofs, e))
        return false;
    s->are_proofs_kept = true;
    s->are_proofs_moved = false;
    s->are_proofs_changed = false;
    return true;
}

bool
state_save(struct state *s, struct err *e)
{
    own_mem char *path = str_format("%s/state.json", s->directory);

    if (path == NULL)
        return err_memory(e);
    if (!save_proofs(s, e))
        return false;
    if (!s->is_changed)
        return true;
    if (s->proofs != NULL && s->are_proofs_kept)
        json_delete_member(s->json, "targets");
    if (!store_make_directory(s->directory, e))
        return false;
    if (!json_save_for(s->json, path, store_access(false), e) ||
        (s->proofs == NULL && s->are_proofs_kept && !proofs_remove(s->proofs_path, e)))
        return false;
    s->are_proofs_kept = s->proofs != NULL && s->are_proofs_kept;
    s->is_changed = false;
    return true;
}

int64_t
state_generation(const struct state *s)
{
    int64_t then = json_member_int(s->json, "newest");

    return then == store_before(s->directory, INT64_MAX) ? json_member_int(s->json, "generation")
                                                         : 0;
}

void
state_set_generation(struct state *s, int64_t number)
{
    s->is_changed = true;
    json_put_int(s->json, "generation", number);
    json_put_int(s->json, "newest", store_before(s->directory, INT64_MAX));
}

static int64_t
member_time(const struct json_t *object, const char *key)
{
    const char *text = json_member_text(object, key);
    int64_t at_s = 0;

    return text != NULL && clock_parse(&at_s, text) ? at_s : 0;
}

struct attempt
state_attempt(const struct state *s)
{
    const struct json_t *a = json_member(s->json, "last_attempt");

    return (struct attempt){
        .at_s = member_time(a, "at"),
        .error = json_member_text(a, "error"),
        .since_s = member_time(a, "since"),
        .failures = json_member_int(a, "failures"),
        .next_s = member_time(a, "next_at"),
        .advice_s = member_time(a, "advice"),
        .directory = json_member_text(a, "directory"),
        .settings = json_member_text(a, "settings"),
    };
}

void
state_set_attempt(struct state *s, const struct attempt *a)
{
    struct json_t *attempt = json_new_object();

    s->is_changed = true;
    json_put_time(attempt, "at", a->at_s);
    json_put_text(attempt, "error", a->error);
    if (a->error != NULL) {
        json_put_time(attempt, "since", a->since_s);
        json_put_int(attempt, "failures", a->failures);
        json_put_time(attempt, "next_at", a->next_s);
        json_put_time(attempt, "advice", a->advice_s);
        json_put_text(attempt, "directory", a->directory);
        json_put_text(attempt, "settings", a->settings);
    }
    json_put(s->json, "last_attempt", attempt);
}

struct advice
state_advice(const struct state *s, const char *sha256)
{
    const struct json_t *a = json_member(s->json, "renewal_info");
    const char *of = json_member_text(a, "sha256");

    if (of == NULL || sha256 == NULL || strcmp(of, sha256) != 0)
        return (struct advice){0};
    return (struct advice){
        .start_s = member_time(a, "start"),
        .end_s = member_time(a, "end"),
        .moment_s = member_time(a, "moment"),
        .explanation = json_member_text(a, "explanation"),
        .ask_at_s = member_time(a, "ask_at"),
    };
}

void
state_set_advice(struct state *s, const char *sha256, const struct advice *a)
{
    struct json_t *advice = json_new_object();

    s->is_changed = true;
    json_put_text(advice, "sha256", sha256);
    json_put_time(advice, "start", a->start_s);
    json_put_time(advice, "end", a->end_s);
    json_put_time(advice, "moment", a->moment_s);
    json_put_text(advice, "explanation", a->explanation);
    json_put_time(advice, "ask_at", a->ask_at_s);
    json_put(s->json, "renewal_info", advice);
}

static const struct json_t *
find_targets(const struct state *s)
{
    return s->proofs != NULL ? s->proofs : json_member(s->json, "targets");
}

static const struct json_t *
find_target(const struct state *s, const char *target)
{
    return json_member(find_targets(s), target);
}

struct proof
state_proof(const struct state *s, const char *target)
{
    const struct json_t *t = find_target(s, target);

    bool is_unprovable = json_member(t, "reloaded_at") != NULL;

    return (struct proof){json_member_text(t, "file"), json_member(t, "files"), is_unprovable,
                          json_member_text(t, "sha256"),
                          member_time(t, is_unprovable ? "reloaded_at" : "proved_at")};
}

const char *
state_target_error(const struct state *s, const char *target)
{
    return json_member_text(find_target(s, target), "error");
}

/* Replaces the entry of a target; takes it. */
static void
put_target(struct state *s, const char *target, struct json_t *entry)
{
    const struct json_t *all = find_targets(s);
    struct json_t *copy = all == NULL ? json_new_object() : json_keep(all);

    json_put(copy, target, entry);
    if (s->proofs != NULL) {
        json_drop(&copy);
        s->are_proofs_changed = true;
        return;
    }
    json_put(s->json, "targets", copy);
    s->is_changed = true;
}

static struct json_t *
files_json(const struct served *served)
{
    struct json_t *all = json_new_array();

    for (size_t i = 0; i < served->file_count; i++) {
        struct json_t *one = json_new_object();

        json_put_text(one, "path", served->files[i].path);
        json_put_text(one, "sha256", served->files[i].sha256);
        json_add(all, one);
    }
    return all;
}

/* Which files there are. */
static struct json_t *
entry_of(const struct served *served)
{
    struct json_t *entry = json_new_object();

    if (served->file != NULL)
        json_put_text(entry, "file", served->file);
    if (served->file_count > 0)
        json_put(entry, "files", files_json(served));
    return entry;
}

void
state_set_file(struct state *s, const char *target, const struct served *served)
{
    struct json_t *entry = entry_of(served);
    const char *error = state_target_error(s, target);

    if (error != NULL)
        json_put_text(entry, "error", error);
    put_target(s, target, entry);
}

void
state_set_proof(struct state *s, const char *target, const struct served *served, int64_t at_s)
{
    struct json_t *entry = entry_of(served);

    json_put_text(entry, "sha256",
                  served->is_unprovable ? served->deployed_sha256 : served->served_sha256);
    json_put_time(entry, served->is_unprovable ? "reloaded_at" : "proved_at", at_s);
    put_target(s, target, entry);
}

void
state_set_target_error(struct state *s, const char *target, const char *error)
{
    const struct json_t *before = find_target(s, target);
    struct json_t *entry = before == NULL ? json_new_object() : json_keep(before);

    if (error != NULL)
        json_put_text(entry, "error", error);
    else
        json_delete_member(entry, "error");
    put_target(s, target, entry);
}

bool
state_is_unchanged(const struct proof *p, const struct material *m)
{
    size_t count = p->files == NULL ? 0 : json_count(p->files);

    if (count == 0)
        return p->file != NULL && reload_is_deployed(p->file, m);
    for (size_t i = 0; i < count; i++) {
        const struct json_t *one = json_item(p->files, i);
        const char *path = json_member_text(one, "path");
        const char *sha256 = json_member_text(one, "sha256");

        if (path == NULL || sha256 == NULL || !reload_is_unchanged(path, sha256))
            return false;
    }
    return true;
}

/* Only the kernel knows: it asks for the path, the mode, the groups, the sandbox. */
static bool
is_withheld(const char *path)
{
    own_fd int fd = path == NULL ? -1 : open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    return path != NULL && fd < 0 && errno == EACCES;
}

bool
state_is_withheld(const struct proof *p)
{
    size_t count = p->files == NULL ? 0 : json_count(p->files);

    for (size_t i = 0; i < count; i++)
        if (is_withheld(json_member_text(json_item(p->files, i), "path")))
            return true;
    return count == 0 && is_withheld(p->file);
}

int64_t
state_revoked_at(const struct state *s, const char *sha256)
{
    return member_time(json_member(s->json, "revoked"), sha256);
}

void
state_set_revoked(struct state *s, const char *sha256, int64_t at_s)
{
    const struct json_t *all = json_member(s->json, "revoked");
    struct json_t *copy = all == NULL ? json_new_object() : json_keep(all);

    json_put_time(copy, sha256, at_s);
    json_put(s->json, "revoked", copy);
    s->is_changed = true;
}

void
state_done(struct state *s)
{
    free(s->directory);
    json_drop(&s->json);
    free(s->proofs_path);
    json_drop(&s->proofs);
    *s = (struct state){0};
}
