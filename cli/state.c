/* state.c: the file state.json of a certificate. */
#include "cli/state.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

bool
state_load(struct state *s, const char *state_dir, const char *name, struct err *e)
{
    own_mem char *path = NULL;

    s->directory = store_directory(state_dir, name, e);
    if (s->directory == NULL)
        return false;
    path = str_format("%s/state.json", s->directory);
    if (path == NULL)
        return err_memory(e);
    s->json = json_load(path, e);
    return s->json != NULL;
}

bool
state_save(struct state *s, struct err *e)
{
    own_mem char *path = str_format("%s/state.json", s->directory);

    if (!s->is_changed)
        return true;
    if (path == NULL)
        return err_memory(e);
    if (!json_save(s->json, path, e))
        return false;
    s->is_changed = false;
    return true;
}

int64_t
state_generation(const struct state *s)
{
    return json_member_int(s->json, "generation");
}

void
state_set_generation(struct state *s, int64_t number)
{
    s->is_changed = true;
    json_put_int(s->json, "generation", number);
}

static int64_t
member_time(const struct json_t *object, const char *key)
{
    const char *text = json_member_text(object, key);
    int64_t at_s = 0;

    return text != NULL && clock_parse(&at_s, text) ? at_s : 0;
}

int64_t
state_attempt_at(const struct state *s)
{
    return member_time(json_member(s->json, "last_attempt"), "at");
}

const char *
state_attempt_error(const struct state *s)
{
    return json_member_text(json_member(s->json, "last_attempt"), "error");
}

int64_t
state_attempt_next(const struct state *s)
{
    return member_time(json_member(s->json, "last_attempt"), "next_at");
}

void
state_set_attempt(struct state *s, int64_t at_s, const char *error, int64_t next_s)
{
    struct json_t *attempt = json_new_object();

    s->is_changed = true;
    json_put_time(attempt, "at", at_s);
    json_put_text(attempt, "error", error);
    json_put_time(attempt, "next_at", next_s);
    json_put(s->json, "last_attempt", attempt);
}

static const struct json_t *
find_target(const struct state *s, const char *target)
{
    return json_member(json_member(s->json, "targets"), target);
}

struct proof
state_proof(const struct state *s, const char *target)
{
    const struct json_t *t = find_target(s, target);

    return (struct proof){json_member_text(t, "file"), json_member_text(t, "sha256"),
                          member_time(t, "proved_at")};
}

const char *
state_target_error(const struct state *s, const char *target)
{
    return json_member_text(find_target(s, target), "error");
}

/* Replaces the entry of a target; NULL values are not put. */
static void
put_target(struct state *s, const char *target, const char *file, const char *sha256, int64_t at_s,
           const char *error)
{
    struct json_t *entry = json_new_object();
    const struct json_t *all = json_member(s->json, "targets");
    struct json_t *copy = all == NULL ? json_new_object() : json_keep(all);

    if (file != NULL)
        json_put_text(entry, "file", file);
    if (sha256 != NULL) {
        json_put_text(entry, "sha256", sha256);
        json_put_time(entry, "proved_at", at_s);
    }
    if (error != NULL)
        json_put_text(entry, "error", error);
    json_put(copy, target, entry);
    json_put(s->json, "targets", copy);
    s->is_changed = true;
}

void
state_set_file(struct state *s, const char *target, const char *file)
{
    put_target(s, target, file, NULL, 0, state_target_error(s, target));
}

void
state_set_proof(struct state *s, const char *target, const char *file, const char *sha256,
                int64_t at_s)
{
    put_target(s, target, file, sha256, at_s, NULL);
}

void
state_set_target_error(struct state *s, const char *target, const char *error)
{
    struct proof p = state_proof(s, target);

    put_target(s, target, p.file, p.sha256, p.at_s, error);
}

void
state_done(struct state *s)
{
    free(s->directory);
    json_drop(&s->json);
    *s = (struct state){0};
}
