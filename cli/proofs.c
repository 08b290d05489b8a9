/* proofs.c: the files in STATE/targets, which two users write. */
#include "cli/proofs.h"

#include "base/cert.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/store.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *
proofs_path(const char *state_dir, const char *store_directory)
{
    const char *slash = strrchr(store_directory, '/');

    return str_format("%s/" PROOFS_DIRECTORY "/%s.json", state_dir,
                      slash == NULL ? store_directory : slash + 1);
}

/* ---- what has the form ---- */

/* Does err_tame() find nothing to change? */
static bool
is_tame(const char *text)
{
    own_mem char *tamed = strdup(text);

    if (tamed == NULL)
        return false;
    err_tame(tamed);
    return strcmp(tamed, text) == 0;
}

static bool
is_path(const char *text)
{
    return text != NULL && text[0] == '/' && strlen(text) < PATH_MAX && is_tame(text);
}

static bool
is_digest(const char *text)
{
    return text != NULL && strlen(text) == CERT_SHA256_TEXT - 1 &&
           strspn(text, "0123456789abcdef") == CERT_SHA256_TEXT - 1;
}

static bool
is_time(const char *text)
{
    int64_t at_s = 0;

    return text != NULL && clock_parse(&at_s, text);
}

/* A sentence may be long, and may have been cut in a letter. */
static void
take_error(struct json_t *out, const struct json_t *entry)
{
    const char *text = json_member_text(entry, "error");
    char error[sizeof(((struct err *)NULL)->text)];

    if (text == NULL || text[0] == '\0')
        return;
    (void)snprintf(error, sizeof(error), "%s", text);
    err_tame(error);
    json_put_text(out, "error", error);
}

/* All or none: a part of them would be taken for all. */
static bool
take_files(struct json_t *out, const struct json_t *entry)
{
    const struct json_t *given = json_member(entry, "files");
    size_t count = given == NULL ? 0 : json_count(given);
    own_json struct json_t *files = json_new_array();

    if (given == NULL)
        return true;
    if (count == 0 || count > PROOFS_FILES_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *path = json_member_text(json_item(given, i), "path");
        const char *sha256 = json_member_text(json_item(given, i), "sha256");
        struct json_t *one = NULL;

        if (!is_path(path) || !is_digest(sha256))
            return false;
        one = json_new_object();
        json_put_text(one, "path", path);
        json_put_text(one, "sha256", sha256);
        json_add(files, one);
    }
    json_put(out, "files", json_keep(files));
    return true;
}

static void
take_proof(struct json_t *out, const struct json_t *entry)
{
    static const char *const times[] = {"proved_at", "reloaded_at"};
    const char *sha256 = json_member_text(entry, "sha256");

    for (size_t i = 0; is_digest(sha256) && i < COUNT(times); i++) {
        const char *at = json_member_text(entry, times[i]);

        if (!is_time(at))
            continue;
        json_put_text(out, "sha256", sha256);
        json_put_text(out, times[i], at);
        return;
    }
}

static struct json_t *
take_entry(const struct json_t *entry)
{
    const char *file = json_member_text(entry, "file");
    own_json struct json_t *sound = json_new_object();
    own_json struct json_t *out = json_new_object();

    if (is_path(file) && take_files(sound, entry)) {
        json_put_text(sound, "file", file);
        take_proof(sound, entry);
        take_error(sound, entry);
        return TAKE(sound);
    }
    take_error(out, entry);
    return TAKE(out);
}

struct json_t *
proofs_parse(const char *text, size_t size, struct err *e)
{
    own_json struct json_t *whole = NULL;
    own_json struct json_t *out = json_new_object();
    const char *target = NULL;
    const struct json_t *entry = NULL;
    struct err not_json = {0};
    void *cursor = NULL;
    size_t count = 0;

    if (size <= PROOFS_SIZE_MAX)
        whole = json_decode(text, size, &not_json);
    if (whole == NULL || out == NULL) { /* jansson's reason would quote it */
        (void)err_set(e, ERR_INPUT, "it is not what deploying remembers");
        return NULL;
    }
    while (count < PROOFS_TARGETS_MAX &&
           json_each(json_member(whole, "targets"), &cursor, &target, &entry)) {
        count++;
        if (is_tame(target))
            json_put(out, target, take_entry(entry));
    }
    return TAKE(out);
}

/* ---- the file ---- */

bool
proofs_load(const char *path, struct json_t **targets, struct err *e)
{
    own_str struct str text = {0};
    struct err why = {0};
    bool found = false;

    *targets = NULL;
    if (path == NULL)
        return err_memory(e);
    if (file_read_itself(path, PROOFS_SIZE_MAX, &text, &found, &why)) {
        if (found)
            *targets = proofs_parse(text.text, text.size, &why);
        if (!found || *targets != NULL)
            return true;
        (void)err_wrap(&why, "read '%s'", path);
    }
    log_say(LOG_LEVEL_WARNING, "what is served is proved anew: %s", why.text);
    return true;
}

/* ---- clients ---- */

static void
take_ending(struct json_t *out, const struct json_t *entry)
{
    const struct json_t *given = json_member(entry, "ending");
    own_json struct json_t *ending = json_new_array();

    for (size_t i = 0; i < json_count(given); i++) {
        const char *text = json_item_text(given, i);

        if (text != NULL && is_tame(text))
            json_add_text(ending, text);
    }
    if (json_count(ending) > 0)
        json_put(out, "ending", json_keep(ending));
}

/* An entry that has nothing of ours is none: it may be anybody's file that a link led to. */
static void
take_client(struct json_t *out, const char *name, const struct json_t *entry)
{
    const char *file = json_member_text(entry, "file");
    struct json_t *one = json_new_object();

    if (is_path(file))
        json_put_text(one, "file", file);
    take_error(one, entry);
    take_ending(one, entry);
    if (json_member(one, "file") != NULL || json_member(one, "ending") != NULL) {
        json_put_int(one, "proved_at", json_member_int(entry, "proved_at"));
        json_put_int(one, "refused_at", json_member_int(entry, "refused_at"));
    }
    if (json_member(one, "file") == NULL && json_member(one, "ending") == NULL &&
        json_member(one, "error") == NULL)
        json_drop(&one);
    else
        json_put(out, name, one);
}

struct json_t *
proofs_load_clients(const char *path, struct err *e)
{
    own_str struct str text = {0};
    own_json struct json_t *given = NULL;
    struct json_t *out = NULL;
    const struct json_t *entry = NULL;
    const char *name = NULL, *offered = NULL;
    struct err not_json = {0};
    void *cursor = NULL;
    bool found = false;

    if (!file_read_itself(path, PROOFS_SIZE_MAX, &text, &found, e))
        return NULL;
    given = found ? json_decode(text.text, text.size, &not_json) : json_new_object();
    out = given == NULL ? NULL : json_new_object();
    if (out == NULL) { /* jansson's reason would quote it */
        (void)err_set(e, ERR_INPUT, "'%s' is not what deploying remembers of clients", path);
        return NULL;
    }
    while (json_each(given, &cursor, &name, &entry))
        if (is_tame(name))
            take_client(out, name, entry);
    offered = json_member_text(given, PROOFS_OFFERED);
    if (offered != NULL && is_digest(offered))
        json_put_text(out, PROOFS_OFFERED, offered);
    if (json_member(given, PROOFS_ENDED) != NULL)
        json_put_int(out, PROOFS_ENDED, json_member_int(given, PROOFS_ENDED));
    return out;
}

bool
proofs_save(const char *path, const struct json_t *targets, struct err *e)
{
    own_json struct json_t *whole = json_new_object();

    json_put(whole, "targets", json_keep(targets));
    return json_save_for(whole, path, (struct file_access){0660, store_group()}, e);
}

bool
proofs_remove(const char *path, struct err *e)
{
    own_mem char *directory = strndup(path, (size_t)(strrchr(path, '/') - path));

    if (directory == NULL)
        return err_memory(e);
    if (!file_remove(AT_FDCWD, path, e))
        return false;
    (void)rmdir(directory);
    return true;
}
