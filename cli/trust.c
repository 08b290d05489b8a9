/* trust.c: what servers trust of clients: made by the private CA, brought to each target, proved.
 */
#include "cli/trust.h"

#include "base/log.h"
#include "cli/apart.h"
#include "cli/event.h"
#include "cli/seclude.h"
#include "cli/term.h"
#include "cli/trust_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A connection that was in its handshake while a certificate was revoked may become a session until
 * then: the most that authentication_timeout can be. */
#define HANDSHAKE_S 600

/* One run over the targets. */
struct keeping {
    struct app *app;
    struct trust_memory memory;
    struct ca_client_trust given;
    trust_tell *tell;
    void *to;
    enum err_code worst;
};

#define own_keeping __attribute__((cleanup(keeping_done)))

static void
keeping_done(struct keeping *k)
{
    trust_memory_done(&k->memory);
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
copy(const char *text)
{
    return text == NULL ? NULL : strdup(text);
}

void
trust_recall(const struct app *app, const char *target, struct trust_known *known)
{
    own_trust_memory struct trust_memory m = {0};
    own_list struct list ending = {0};
    struct trust_entry one = {0};
    struct err ignored = {0};

    *known = (struct trust_known){0};
    if (!trust_memory_open(&m, app, &ignored) || !trust_memory_ending(&m, target, &ending))
        return;
    one = trust_memory_find(&m, target);
    *known = (struct trust_known){.file = copy(one.file),
                                  .proved_at_s = one.proved_at_s,
                                  .error = copy(one.error),
                                  .ending = ending.count};
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
    const char *file = trust_memory_find(&k->memory, t->name).file;

    return file != NULL && reload_clients_deployed(file, &k->given.pem);
}

/* Is it known to be in force, and was it looked at not long ago? */
static bool
is_in_force(const struct keeping *k, const struct target *t)
{
    int64_t ago_s =
        k->app->clock->now_s(k->app->clock) - trust_memory_find(&k->memory, t->name).proved_at_s;

    return ago_s >= 0 && ago_s < k->app->config.settings.prove_again_s && is_deployed(k, t);
}

/* ---- what is given ---- */

static void
describe(char hex[static CERT_SHA256_TEXT], const struct str *pem)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;

    hex[0] = '\0';
    if (EVP_Digest(pem->text, pem->size, digest, &size, EVP_sha256(), NULL) == 1)
        str_hex(hex, digest, size);
}

/* Canaries that prove just this; not again for a target that is down for long. */
static bool
take_fresh(struct keeping *k, struct ca *ca, struct err *e)
{
    const char *before = trust_memory_offered(&k->memory);
    char hex[CERT_SHA256_TEXT];

    describe(hex, &k->given.pem);
    if (before != NULL && hex[0] != '\0' && strcmp(before, hex) == 0)
        return true;
    ca_client_trust_done(&k->given);
    if (!ca_trust_clients(ca, true, &k->given, e))
        return err_wrap(e, "the private CA");
    describe(hex, &k->given.pem);
    return trust_memory_set_offered(&k->memory, hex, e);
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

/* ---- whose sessions are to end ---- */

/* What the CA's owner has told since, who could not end sessions. */
static bool
take_endings(struct keeping *k, struct err *e)
{
    const struct config *c = &k->app->config;
    int64_t before = trust_memory_heard(&k->memory), last = before;
    own_list struct list serials = {0};

    if (!ca_ending_read(&c->ca, before, &serials, &last, e))
        return err_wrap(e, "the private CA");
    /* of a CA that was made anew, which counts from the first again */
    if (last < before && !ca_ending_read(&c->ca, 0, &serials, &last, e))
        return err_wrap(e, "the private CA");
    for (size_t i = 0; i < c->target_count && serials.count > 0; i++)
        if (reload_wants_clients(c->targets[i]) &&
            !trust_memory_add_ending(&k->memory, c->targets[i]->name, &serials, e))
            return false;
    return last == before || trust_memory_set_heard(&k->memory, last, e);
}

/* ---- opening ---- */

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
    if (!take_endings(k, e))
        return false;
    /* who cannot sign brings what was signed last */
    if (apart_is(k->app))
        return ca_trust_read(&c->ca, k->app->clock, &k->given, e) || err_wrap(e, "the private CA");
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
                                       .gone = &k->given.gone};
    const struct trust_entry unproved = {.refused_at_s =
                                             trust_memory_find(&k->memory, t->name).refused_at_s};
    struct app *app = k->app;
    bool good = false;

    if (!trust_memory_put(&k->memory, t->name, &unproved, e))
        return false;
    good = seclude(app, e) && reload_deploy_clients(t, &trust, app->clock, term_progress(), out, e);
    term_clear();
    return good;
}

/* What is to end also ends where the server could not be brought to refuse new ones: it is better
 * than nothing. */
static bool
end_sessions(struct keeping *k, struct target *t, const struct list *serials,
             struct client_sessions *ended, struct err *e)
{
    return serials->count == 0 ||
           reload_end_sessions(t, serials, &k->given.pem, k->app->clock, ended, e) ||
           err_wrap(e, "end the sessions of revoked clients");
}

/* Ended is not enough: who was just about to log in may be connected a moment later. So they are
 * looked for until that is over. While a CA cannot sign, servers may not refuse what it has
 * revoked, and so it is not over. */
static void
judge_ending(struct trust_entry *m, int64_t refused_at_s, bool is_done, int64_t now_s)
{
    static const struct list nothing = {0};

    m->refused_at_s = refused_at_s;
    if (!is_done)
        return;
    if (m->refused_at_s == 0 || m->refused_at_s > now_s)
        m->refused_at_s = now_s;
    if (now_s - m->refused_at_s < HANDSHAKE_S)
        return;
    m->ending = &nothing;
    m->refused_at_s = 0;
}

static void
keep_one(struct keeping *k, struct target *t, bool is_due, const struct list *ending)
{
    own_client_trusted struct client_trusted out = {0};
    struct err e = {0}, second = {0}, forgotten = {0};
    bool good = !is_due || deploy(k, t, &out, &e);
    bool ended = end_sessions(k, t, ending, &out.ended, &second);
    const struct trust_done done = {.target = t->name,
                                    .file = out.file,
                                    .did_install = out.did_install,
                                    .did_prove = good && is_due,
                                    .ended = &out.ended,
                                    .e = &e};
    const struct trust_entry before = trust_memory_find(&k->memory, t->name);
    int64_t now_s = k->app->clock->now_s(k->app->clock);
    struct trust_entry memory = {.file = out.file};

    if (ending->count > 0)
        judge_ending(&memory, before.refused_at_s,
                     good && ended && k->given.trouble.code == ERR_NONE, now_s);
    if (good && !ended)
        e = second;
    else if (good)
        e = (struct err){0};
    memory.proved_at_s = !good ? 0 : is_due ? now_s : before.proved_at_s;
    memory.error = e.code == ERR_NONE ? NULL : e.text;
    if (e.code != ERR_NONE)
        k->worst = k->worst == ERR_NONE ? e.code : app_graver(k->worst, e.code);
    k->tell(k->to, &done);
    if (!trust_memory_put(&k->memory, t->name, &memory, &forgotten))
        log_debug("the proof is not remembered: %s", forgotten.text);
}

/* Unless nothing is to be done. */
static bool
keep_when_due(struct keeping *k, struct target *t, bool again, struct err *e)
{
    own_list struct list ending = {0};
    bool is_due = again || !is_in_force(k, t);

    if (!trust_memory_ending(&k->memory, t->name, &ending))
        return err_memory(e);
    if (is_due || ending.count > 0)
        keep_one(k, t, is_due, &ending);
    return true;
}

/* A CRL that could not be made is told by the caller, unless others were told already. */
static bool
tell_trouble(struct keeping *k, struct err *e)
{
    static const struct client_sessions none;
    struct err trouble = k->given.trouble;
    const struct trust_done done = {.ended = &none, .e = &trouble};

    if (trouble.code != ERR_NONE)
        (void)err_wrap(&trouble, "the private CA");
    if (trouble.code != ERR_NONE && k->worst != ERR_NONE) {
        k->tell(k->to, &done);
        trouble = (struct err){.code = app_graver(trouble.code, k->worst)};
    }
    *e = trouble.code != ERR_NONE ? trouble : (struct err){.code = k->worst};
    return e->code == ERR_NONE;
}

bool
trust_keep(struct app *app, struct ca *ca, bool again, trust_tell *tell, void *to, struct err *e)
{
    own_keeping struct keeping k = {.app = app, .tell = tell, .to = to};

    if (!trust_is_wanted(app))
        return true;
    if (!trust_memory_open(&k.memory, app, e))
        return false;
    if (ca == NULL ? !open_and_take(&k, e) : !take_trust(&k, ca, e))
        return false;
    for (size_t i = 0; i < app->config.target_count; i++) {
        struct target *t = app->config.targets[i];

        if (reload_wants_clients(t) && !keep_when_due(&k, t, again, e))
            return false;
    }
    return tell_trouble(&k, e);
}

/* ---- setup ---- */

bool
trust_for_setup(struct app *app, const struct target *t, struct ca_client_trust *given,
                struct err *e)
{
    own_keeping struct keeping k = {.app = app};
    own_ca struct ca *ca = NULL;
    bool made = false;

    if (!reload_wants_clients(t))
        return true;
    if (!trust_memory_open(&k.memory, app, e))
        return false;
    if (!ca_exists(&app->config.ca) && !ca_init(&app->config.ca, NULL, app->clock, &made, e))
        return false;
    if (made && !app->quiet)
        (void)printf("the private CA in %s is made\n", app->config.ca.directory);
    if (apart_is(app))
        return ca_trust_read(&app->config.ca, app->clock, given, e) ||
               err_wrap(e, "the private CA");
    ca = ca_open(&app->config.ca, app->clock, e);
    if (ca == NULL || !ca_trust_clients(ca, false, &k.given, e) ||
        (!is_deployed(&k, t) && !take_fresh(&k, ca, e)))
        return false;
    if (k.given.trouble.code != ERR_NONE)
        log_say(LOG_LEVEL_WARNING, "the private CA: %s", k.given.trouble.text);
    *given = k.given;
    k.given = (struct ca_client_trust){0};
    return true;
}

bool
trust_note_setup(struct app *app, const struct target *t, const char *file, struct err *e)
{
    own_trust_memory struct trust_memory m = {0};
    const struct trust_entry proved = {.file = file, .proved_at_s = app->clock->now_s(app->clock)};

    return trust_memory_open(&m, app, e) && trust_memory_put(&m, t->name, &proved, e);
}

static void
print_ended(const struct trust_done *done)
{
    for (size_t i = 0; i < done->ended->count; i++) {
        const struct client_session *one = &done->ended->items[i];

        (void)printf("[target %s] the session of %s on %s from %s (process %d) is ended\n",
                     done->target, one->role, one->database, one->address, one->pid);
    }
}

void
trust_print_lines(const struct app *app, const struct trust_done *done)
{
    if (app->json || app->quiet)
        return;
    if (!event_is_line() && done->did_prove)
        (void)printf("[target %s] clients: %sproved\n", done->target,
                     done->did_install ? "deployed, " : "");
    print_ended(done);
}

void
trust_print(void *to, const struct trust_done *done)
{
    const struct app *app = to;
    struct err e = *done->e;

    if (done->did_prove)
        event_clients(done->target, done->did_install);
    trust_print_lines(app, done);
    if (e.code == ERR_NONE)
        return;
    if (done->target != NULL)
        (void)err_wrap(&e, "[target %s] clients", done->target);
    event_failed(NULL, done->target, &e, NULL);
}

/* ---- sessions ---- */

bool
trust_note_ending(struct app *app, const struct list *serials, struct err *e)
{
    own_trust_memory struct trust_memory m = {0};

    if (!trust_memory_open(&m, app, e))
        return false;
    for (size_t i = 0; i < app->config.target_count; i++)
        if (reload_wants_clients(app->config.targets[i]) &&
            !trust_memory_add_ending(&m, app->config.targets[i]->name, serials, e))
            return false;
    return true;
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

    if (done->e->code == ERR_NONE || done->target == NULL)
        trust_print(m->app, done);
    else if (m->why->size == 0 &&
             !str_addf(m->why, "it is trusted on [target %s] (%s)", done->target, done->e->text))
        log_debug("out of memory");
}

/* Proved anew in any case: what comes next depends on it. */
static bool
is_everywhere(struct app *app, struct ca *ca, bool *is_deployed, struct str *why, struct err *e)
{
    struct missing m = {.app = app, .why = why};
    struct err worst = {0};

    *is_deployed = trust_keep(app, ca, true, note_missing, &m, &worst);
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

const struct rollover_evidence trust_evidence = {trust_is_wanted, is_everywhere, count_sessions};
