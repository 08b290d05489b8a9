/* trust.c: what servers trust of clients. STATE/clients.json remembers, for each target, the file,
 * when it was proved last, and what went wrong. */
#include "cli/trust.h"

#include "base/json.h"
#include "base/log.h"
#include "cli/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One run over the targets. */
struct keeping {
    struct app *app;
    int how;    /* of enum trust_how */
    char *path; /* clients.json */
    struct json_t *json;
    struct ca_client_trust given;
    trust_tell *tell;
    void *to;
    enum err_code worst;
};

#define own_keeping __attribute__((cleanup(keeping_done)))

static void
keeping_done(struct keeping *k)
{
    free(k->path);
    json_drop(&k->json);
    ca_client_trust_done(&k->given);
}

bool
trust_is_wanted(const struct app *app)
{
    for (size_t i = 0; i < app->config.target_count; i++)
        if (reload_wants_clients(app->config.targets[i]))
            return true;
    return false;
}

/* ---- what is remembered ---- */

static char *
state_path(const struct app *app)
{
    return str_format("%s/clients.json", app->config.settings.state);
}

/* Damaged is as good as missing: all is proved again then. */
static struct json_t *
load(const char *path)
{
    struct err e = {0};
    struct json_t *json = path == NULL ? NULL : json_load(path, &e);

    if (json == NULL)
        log_debug("what is trusted of clients is proved again: %s", e.text);
    return json != NULL ? json : json_new_object();
}

static bool
remember(struct keeping *k, const char *target, const char *file, int64_t proved_at_s,
         const struct err *error, struct err *e)
{
    struct json_t *one = json_new_object();

    json_put_text(one, "file", file);
    json_put_int(one, "proved_at", proved_at_s);
    json_put_text(one, "error", error->code == ERR_NONE ? NULL : error->text);
    json_put(k->json, target, one);
    return json_save(k->json, k->path, e);
}

static char *
copy(const struct json_t *object, const char *key)
{
    const char *text = json_member_text(object, key);

    return text == NULL ? NULL : strdup(text);
}

void
trust_recall(const struct app *app, const char *target, struct trust_known *known)
{
    own_mem char *path = state_path(app);
    own_json struct json_t *json = load(path);
    const struct json_t *one = json_member(json, target);

    *known = (struct trust_known){.file = copy(one, "file"),
                                  .proved_at_s = json_member_int(one, "proved_at"),
                                  .error = copy(one, "error")};
}

void
trust_known_done(struct trust_known *known)
{
    free(known->file);
    free(known->error);
}

static bool
is_deployed(const struct keeping *k, const struct target *t)
{
    const char *file = json_member_text(json_member(k->json, t->name), "file");

    return file != NULL && reload_clients_deployed(file, &k->given.pem);
}

/* Is it known to be in force, and was it looked at not long ago? */
static bool
is_in_force(const struct keeping *k, const struct target *t)
{
    const struct json_t *one = json_member(k->json, t->name);
    int64_t ago_s = k->app->clock->now_s(k->app->clock) - json_member_int(one, "proved_at");

    return ago_s >= 0 && ago_s < k->app->config.settings.prove_again_s && is_deployed(k, t);
}

/* ---- what is given ---- */

static bool
take_fresh(struct keeping *k, struct ca *ca, struct err *e)
{
    ca_client_trust_done(&k->given);
    return ca_trust_clients(ca, true, &k->given, e) || err_wrap(e, "the private CA");
}

/* With new canaries where a target has something else: only they prove that this is in force. */
static bool
take_trust(struct keeping *k, struct ca *ca, struct err *e)
{
    const struct config *c = &k->app->config;
    bool is_changed = false;

    if (!ca_trust_clients(ca, false, &k->given, e))
        return err_wrap(e, "the private CA");
    for (size_t i = 0; i < c->target_count; i++)
        is_changed =
            is_changed || (reload_wants_clients(c->targets[i]) && !is_deployed(k, c->targets[i]));
    return !is_changed || take_fresh(k, ca, e);
}

static bool
open_and_take(struct keeping *k, struct err *e)
{
    const struct config *c = &k->app->config;
    own_ca struct ca *ca = NULL;

    if (!ca_exists(&c->ca))
        return err_set(e, ERR_CONFIG,
                       "a target has mutual_tls, and there is no private CA in '%s'; try: pgcert "
                       "ca init",
                       c->ca.directory);
    ca = ca_open(&c->ca, k->app->clock, e);
    return ca == NULL ? err_wrap(e, "the private CA") : take_trust(k, ca, e);
}

/* ---- one target ---- */

/* That it is not proved is remembered before: a killed run has changed something, or not. */
static bool
deploy(struct keeping *k, struct target *t, struct client_trusted *out, struct err *e)
{
    const struct client_trust trust = {.pem = &k->given.pem,
                                       .accepted = &k->given.accepted,
                                       .refused = &k->given.refused,
                                       .retired = &k->given.retired,
                                       .locks_out = (k->how & TRUST_LOCK_OUT) != 0};
    const struct json_t *before = json_member(k->json, t->name);
    own_mem char *file = NULL;
    const struct err none = {0};
    struct app *app = k->app;
    bool good = false;

    if (json_member_text(before, "file") != NULL)
        file = strdup(json_member_text(before, "file"));
    if (!remember(k, t->name, file, 0, &none, e))
        return false;
    good = reload_deploy_clients(t, &trust, app->clock, term_progress(), out, e);
    term_clear();
    return good;
}

static void
keep_one(struct keeping *k, struct target *t)
{
    own_client_trusted struct client_trusted out = {0};
    struct err e = {0}, forgotten = {0};
    bool good = deploy(k, t, &out, &e);
    const struct trust_done done = {
        .target = t->name, .file = out.file, .did_install = out.did_install, .e = &e};

    if (good)
        e = (struct err){0};
    else
        k->worst = k->worst == ERR_NONE ? e.code : app_graver(k->worst, e.code);
    k->tell(k->to, &done);
    if (!remember(k, t->name, out.file, good ? k->app->clock->now_s(k->app->clock) : 0, &e,
                  &forgotten))
        log_debug("the proof is not remembered: %s", forgotten.text);
}

bool
trust_keep(struct app *app, struct ca *ca, int how, trust_tell *tell, void *to, struct err *e)
{
    own_keeping struct keeping k = {.app = app, .how = how, .tell = tell, .to = to};

    if (!trust_is_wanted(app))
        return true;
    k.path = state_path(app);
    k.json = load(k.path);
    if (k.path == NULL || k.json == NULL)
        return err_memory(e);
    if (ca == NULL ? !open_and_take(&k, e) : !take_trust(&k, ca, e))
        return false;
    for (size_t i = 0; i < app->config.target_count; i++) {
        struct target *t = app->config.targets[i];

        if (reload_wants_clients(t) && ((how & TRUST_AGAIN) != 0 || !is_in_force(&k, t)))
            keep_one(&k, t);
    }
    *e = (struct err){.code = k.worst};
    return k.worst == ERR_NONE;
}

/* ---- setup ---- */

bool
trust_for_setup(struct app *app, const struct target *t, struct ca_client_trust *given,
                struct err *e)
{
    own_keeping struct keeping k = {.app = app, .path = state_path(app)};
    own_ca struct ca *ca = NULL;
    bool made = false;

    if (!reload_wants_clients(t))
        return true;
    k.json = load(k.path);
    if (k.path == NULL || k.json == NULL)
        return err_memory(e);
    if (!ca_exists(&app->config.ca) && !ca_init(&app->config.ca, NULL, app->clock, &made, e))
        return false;
    if (made && !app->quiet)
        (void)printf("the private CA in %s is made\n", app->config.ca.directory);
    ca = ca_open(&app->config.ca, app->clock, e);
    if (ca == NULL || !ca_trust_clients(ca, false, &k.given, e) ||
        (!is_deployed(&k, t) && !take_fresh(&k, ca, e)))
        return false;
    *given = k.given;
    k.given = (struct ca_client_trust){0};
    return true;
}

bool
trust_note_setup(struct app *app, const struct target *t, const char *file, struct err *e)
{
    own_keeping struct keeping k = {.app = app, .path = state_path(app)};
    const struct err none = {0};

    k.json = load(k.path);
    if (k.path == NULL || k.json == NULL)
        return err_memory(e);
    return remember(&k, t->name, file, app->clock->now_s(app->clock), &none, e);
}

void
trust_print(void *to, const struct trust_done *done)
{
    const struct app *app = to;
    struct err e = *done->e;

    if (e.code != ERR_NONE) {
        (void)err_wrap(&e, "[target %s] clients", done->target);
        app_tell(&e);
    } else if (!app->json && !app->quiet) {
        (void)printf("[target %s] clients: %sproved\n", done->target,
                     done->did_install ? "deployed, " : "");
    }
}

/* ---- sessions ---- */

bool
trust_end_sessions(struct app *app, const struct list *serials, const struct str *cas,
                   void (*tell)(void *to, const char *target, const struct client_session *ended),
                   void *to, struct err *e)
{
    enum err_code worst = ERR_NONE;

    for (size_t i = 0; i < app->config.target_count; i++) {
        struct target *t = app->config.targets[i];
        own_client_sessions struct client_sessions ended = {0};
        struct err one = {0};

        if (!reload_wants_clients(t))
            continue;
        if (!reload_end_sessions(t, serials, cas, app->clock, &ended, &one)) {
            (void)err_wrap(&one, "[target %s] end the sessions of revoked clients", t->name);
            app_tell(&one);
            worst = worst == ERR_NONE ? one.code : app_graver(worst, one.code);
        }
        for (size_t n = 0; n < ended.count; n++)
            tell(to, t->name, &ended.items[n]);
    }
    if (worst != ERR_NONE)
        *e = (struct err){.code = worst};
    return worst == ERR_NONE;
}

/* ---- a rollover ---- */

/* The first target that could not be brought there. */
struct missing {
    struct app *app;
    struct str *why;
};

static void
note_missing(void *to, const struct trust_done *done)
{
    struct missing *m = to;

    if (done->e->code == ERR_NONE)
        trust_print(m->app, done);
    else if (m->why->size == 0 &&
             !str_addf(m->why, "it is trusted on [target %s] (%s): pgcert ca rollover",
                       done->target, done->e->text))
        log_debug("out of memory");
}

/* Proved anew in any case: what comes next depends on it. */
static bool
is_everywhere(struct app *app, struct ca *ca, bool force, bool *is_deployed, struct str *why,
              struct err *e)
{
    struct missing m = {.app = app, .why = why};
    struct err worst = {0};

    *is_deployed =
        trust_keep(app, ca, TRUST_AGAIN | (force ? TRUST_LOCK_OUT : 0), note_missing, &m, &worst);
    if (*is_deployed || worst.text[0] == '\0')
        return true;
    *e = worst;
    return false;
}

static bool
count_sessions(struct app *app, const X509 *issuer, int64_t *count, struct err *e)
{
    for (size_t i = 0; i < app->config.target_count; i++) {
        struct target *t = app->config.targets[i];
        own_client_sessions struct client_sessions all = {0};

        if (!reload_wants_clients(t))
            continue;
        if (!reload_sessions(t, &all, e))
            return err_wrap(e, "[target %s] who is connected", t->name);
        for (size_t n = 0; n < all.count; n++)
            *count += client_session_is_of(&all.items[n], issuer, NULL);
    }
    return true;
}

static void
print_ended(void *to, const char *target, const struct client_session *ended)
{
    const struct app *app = to;

    if (!app->json && !app->quiet)
        (void)printf("[target %s] the session of %s on %s from %s (process %d) is ended\n", target,
                     ended->role, ended->database, ended->address, ended->pid);
}

static bool
end_all(struct app *app, const struct str *cas, struct err *e)
{
    return trust_end_sessions(app, NULL, cas, print_ended, app, e);
}

const struct rollover_evidence trust_evidence = {is_everywhere, count_sessions, end_all};
