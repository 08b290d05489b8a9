/* rollover.c: a rollover of the private CA, step by step, each when there is evidence that it harms
 * nobody. */
#include "cli/rollover.h"

#include "base/json.h"
#include "cli/commands.h"
#include "cli/term.h"
#include "cli/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One call of it. */
struct run {
    struct app *app;                /* borrowed */
    const struct rollover_way *way; /* borrowed */
    bool is_begun;                  /* a step was tried */
    enum ca_rollover_phase forced;  /* the one in which --force found it */
    bool did_trust;                 /* just now */
    bool is_forced;                 /* the next step is that which --force means */
    bool is_renewed;                /* what has to be anew was tried to be made so */
    enum err_code worst;            /* of the renewals, which were told; ERR_NONE: none */
    struct str waits;               /* what for; empty: nothing */
};

/* ---- telling ---- */

static void
say(const struct app *app, const char *sentence)
{
    if (!app->json && !app->quiet)
        (void)printf("%s\n", sentence);
}

/* Whoever must still get a new one; the list may be long. */
static bool
add_left(struct str *text, const struct ca_left *left)
{
    char when[CLOCK_TEXT_SIZE];

    clock_text(when, left->last_s);
    return (left->servers == 0 ||
            str_addf(text, "%s%zu servers have a certificate of the new CA (pgcert renew)",
                     text->size == 0 ? "" : "; ", left->servers)) &&
           (left->clients == 0 ||
            str_addf(
                text,
                "%s%zu clients have a certificate of the new CA (pgcert --json ca show lists them)",
                text->size == 0 ? "" : "; ", left->clients)) &&
           (left->replaced == 0 ||
            str_addf(text,
                     "%s%zu old certificates of clients that have a new one are no longer in use",
                     text->size == 0 ? "" : "; ", left->replaced)) &&
           (left->last_s == 0 ||
            str_addf(text, "; the last client's ends at %s, if it is not revoked before", when));
}

/* What the step after this one waits for, as far as it can be seen here. */
static bool
add_wait(struct ca *ca, const struct ca_rollover *r, struct str *text, struct err *e)
{
    own_ca_left struct ca_left left = {0};

    if (r->phase == CA_ROLLOVER_BEGUN)
        return str_addf(text, "it is called again: pgcert ca rollover") || err_memory(e);
    if (r->phase == CA_ROLLOVER_TRUSTED)
        return str_addf(text, "old and new are trusted everywhere: pgcert ca rollover") ||
               err_memory(e);
    return ca_rollover_left(ca, &left, e) && (add_left(text, &left) || err_memory(e)) &&
           (text->size > 0 || str_addf(text, "it is called again: pgcert ca rollover") ||
            err_memory(e));
}

static int64_t
since(const struct ca_rollover *r)
{
    return r->phase >= CA_ROLLOVER_SWITCHED  ? r->switched_at_s
           : r->phase == CA_ROLLOVER_TRUSTED ? r->trusted_at_s
                                             : r->begun_at_s;
}

bool
rollover_print(struct ca *ca, struct err *e)
{
    struct ca_rollover r = ca_rollover_look(ca);
    own_str struct str waits = {0};
    char when[CLOCK_TEXT_SIZE];

    if (r.phase == CA_ROLLOVER_NONE)
        return true;
    if (!add_wait(ca, &r, &waits, e))
        return false;
    clock_text(when, since(&r));
    (void)printf("%srollover%s   to generation %lld: %s since %s\n  waits    until %s\n",
                 term_on(TERM_BOLD), term_off(), (long long)r.number, ca_rollover_words[r.phase],
                 when, waits.text);
    return true;
}

static struct json_t *
left_json(const struct ca_left *left)
{
    struct json_t *object = json_new_object();
    struct json_t *array = json_new_array();

    for (size_t i = 0; i < left->list.count; i++) {
        const struct ca_issued *one = &left->list.items[i];
        struct json_t *item = json_new_object();

        json_put_text(item, "kind", one->kind);
        json_put_text(item, "name", one->name);
        json_put_text(item, "tenant", one->tenant);
        json_put_text(item, "serial", one->serial);
        json_put_time(item, "not_after", one->not_after_s);
        json_add(array, item);
    }
    json_put_int(object, "servers", (int64_t)left->servers);
    json_put_int(object, "clients", (int64_t)left->clients);
    json_put_int(object, "replaced", (int64_t)left->replaced);
    json_put_time(object, "until", left->last_s);
    json_put(object, "certificates", array);
    return object;
}

bool
rollover_put_json(struct ca *ca, const struct str *seen, struct json_t *object, struct err *e)
{
    struct ca_rollover r = ca_rollover_look(ca);
    own_ca_left struct ca_left left = {0};
    own_str struct str waits = {0};
    struct json_t *one = NULL;

    json_put_text(object, "rollover", NULL);
    if (seen != NULL && seen->size > 0)
        json_put_text(object, "waits_for", seen->text);
    if (r.phase == CA_ROLLOVER_NONE)
        return true;
    if (!add_wait(ca, &r, &waits, e) || !ca_rollover_left(ca, &left, e))
        return false;
    one = json_new_object();
    json_put_text(one, "phase", ca_rollover_words[r.phase]);
    json_put_int(one, "generation", r.number);
    json_put_time(one, "begun_at", r.begun_at_s);
    json_put_time(one, "trusted_at", r.trusted_at_s);
    json_put_time(one, "switched_at", r.switched_at_s);
    json_put_text(one, "waits_for", seen != NULL && seen->size > 0 ? seen->text : waits.text);
    json_put(one, "left", left_json(&left));
    json_put(object, "rollover", one);
    return true;
}

/* ---- renewing what the old CAs have signed ---- */

static void
remember(struct run *r, struct err *e)
{
    app_tell(e);
    r->worst = r->worst == ERR_NONE ? e->code : app_graver(r->worst, e->code);
}

/* Those of the private CA alone: what is due elsewhere has its own time. */
static bool
renew_servers(struct app *app, struct err *e)
{
    const struct config *c = &app->config;
    own_mem char **names = calloc(c->certificate_count + 1, sizeof(*names));
    int count = 0;

    if (names == NULL)
        return err_memory(e);
    for (size_t i = 0; i < c->certificate_count; i++)
        if (c->certificates[i].issuer->type == ISSUER_CA)
            names[count++] = c->certificates[i].name;
    return count == 0 || cmd_renew.run(app, count, names, e);
}

static bool
renew_clients(struct app *app, struct err *e)
{
    char word[] = "renew";

    return cmd_client.run(app, 1, (char *[]){word, NULL}, e);
}

/* One failure does not stop the other, nor the rollover: it waits. Their own reports would not be
 * the one object that --json promises. */
static void
renew_all(struct run *r)
{
    bool is_json = r->app->json, is_quiet = r->app->quiet;
    struct err servers = {0}, clients = {0};

    r->app->json = false;
    r->app->quiet = is_quiet || is_json;
    if (!renew_servers(r->app, &servers))
        remember(r, &servers);
    if (!renew_clients(r->app, &clients))
        remember(r, &clients);
    r->app->json = is_json;
    r->app->quiet = is_quiet;
    r->is_renewed = true;
}

/* ---- steps: each says whether the next one may be tried ---- */

static bool
begin(struct run *r, struct ca *ca, bool *go_on, struct err *e)
{
    if (!ca_rollover_begin(ca, r->way->root_key_file, e))
        return false;
    say(r->app, "the new root and the new issuing CAs are made, with their CRLs");
    *go_on = true;
    return true;
}

static bool
trust(struct run *r, struct ca *ca, bool *go_on, struct err *e)
{
    if (!ca_rollover_trust(ca, e))
        return false;
    say(r->app,
        r->way->evidence->is_kept(r->app)
            ? "what is published to be trusted has the old CAs and the new ones"
            : "what is published to be trusted has the old CAs and the new ones; PostgreSQL "
              "needs it: pgcert ca export clients, and clients.crl");
    r->did_trust = true;
    *go_on = true;
    return true;
}

/* The new CAs must be known to servers; and servers' certificates of theirs be accepted by clients
 * that know the old root only, unless --force says that none are left. */
static bool
may_switch(struct run *r, struct ca *ca, bool *may, struct err *e)
{
    own_str struct str why = {0};

    *may = !r->did_trust || r->way->evidence->is_kept(r->app);
    if (!*may)
        return str_addf(&r->waits, "every PostgreSQL has that; then again: pgcert ca rollover") ||
               err_memory(e);
    if (!r->way->evidence->deployed(r->app, ca, may, &why, e))
        return false;
    if (!*may)
        return str_addf(&r->waits, "%s; then again: pgcert ca rollover",
                        why.text == NULL ? "" : why.text) ||
               err_memory(e);
    *may = r->is_forced || ca_rollover_is_crossed(ca);
    return *may ||
           str_addf(
               &r->waits,
               "clients have the new root.crt, for the old root's key is kept elsewhere and has "
               "not signed the new root; when they have it: pgcert ca rollover --force") ||
           err_memory(e);
}

static bool
switch_over(struct run *r, struct ca *ca, bool *go_on, struct err *e)
{
    bool may = false;

    if (!may_switch(r, ca, &may, e))
        return false;
    if (!may)
        return true;
    if (!ca_rollover_switch(ca, e))
        return false;
    say(r->app, "the new CAs sign from now on");
    *go_on = true;
    return true;
}

/* Sessions of clients by an old issuer. */
static bool
count_sessions(struct run *r, struct ca *ca, int64_t *count, struct err *e)
{
    const X509 *issuer = NULL;

    for (size_t i = 0; (issuer = ca_rollover_old_issuer(ca, i)) != NULL; i++) {
        int64_t one = 0;

        if (!r->way->evidence->sessions_of(r->app, issuer, &one, e))
            return false;
        *count += one;
    }
    return true;
}

static bool
may_retire(struct run *r, struct ca *ca, bool *may, struct err *e)
{
    own_ca_left struct ca_left left = {0};
    int64_t sessions = 0;

    if (!count_sessions(r, ca, &sessions, e) || !ca_rollover_left(ca, &left, e))
        return false;
    *may = sessions == 0 && left.list.count == 0 && r->worst == ERR_NONE;
    if (r->worst != ERR_NONE && !str_addf(&r->waits, "what failed to be renewed is renewed"))
        return err_memory(e);
    if ((sessions > 0 &&
         !str_addf(&r->waits, "%lld sessions by certificates of the old CAs have ended",
                   (long long)sessions)) ||
        !add_left(&r->waits, &left))
        return err_memory(e);
    return true;
}

/* It is proved that the old ones are refused, and their sessions are ended; what fails is tried
 * again by every renew. */
static bool
untrust(struct run *r, struct ca *ca, struct err *e)
{
    own_str struct str why = {0};
    bool is_done = false;

    if (!r->way->evidence->deployed(r->app, ca, &is_done, &why, e))
        return false;
    if (is_done)
        return true;
    r->worst = r->worst == ERR_NONE ? ERR_BUSY : app_graver(r->worst, ERR_BUSY);
    return str_addf(&r->waits, "%s, which every pgcert renew tries again",
                    why.text == NULL ? "" : why.text) ||
           err_memory(e);
}

static bool
retire(struct run *r, struct ca *ca, bool *go_on, struct err *e)
{
    bool may = r->is_forced;

    (void)go_on;
    if (!may && !may_retire(r, ca, &may, e))
        return false;
    if (!may)
        return true;
    if (!ca_rollover_retire(ca, r->is_forced, e))
        return false;
    say(r->app, "the old CAs are gone: what is published to be trusted has the new ones alone");
    return untrust(r, ca, e);
}

/* ---- the whole ---- */

/* What was said is of use at the very beginning only, or only later; told before anything is done.
 */
static bool
check_way(const struct run *r, enum ca_rollover_phase phase, struct err *e)
{
    if (phase == CA_ROLLOVER_NONE && r->way->force)
        return err_set(e, ERR_USAGE,
                       "no rollover is under way that could wait for something; one is begun by: "
                       "pgcert ca rollover");
    if (phase != CA_ROLLOVER_NONE && r->way->root_key_file != NULL)
        return err_set(e, ERR_USAGE,
                       "the rollover that is under way has made its root already, and '%s' gets "
                       "nothing; if its key is here, it goes there by: pgcert ca export --root-key "
                       "%s",
                       r->way->root_key_file, r->way->root_key_file);
    return true;
}

static bool
step(struct run *r, bool *go_on, struct err *e)
{
    static bool (*const steps[])(struct run * r, struct ca * ca, bool *go_on, struct err *e) = {
        [CA_ROLLOVER_NONE] = begin,
        [CA_ROLLOVER_BEGUN] = trust,
        [CA_ROLLOVER_TRUSTED] = switch_over,
        [CA_ROLLOVER_SWITCHED] = retire,
    };
    own_ca struct ca *ca = ca_open(&r->app->config.ca, r->app->clock, e);
    enum ca_rollover_phase phase = CA_ROLLOVER_NONE;

    if (ca == NULL)
        return false;
    phase = ca_rollover_look(ca).phase;
    if (!r->is_begun && !check_way(r, phase, e))
        return false;
    if (!r->is_begun)
        r->forced = r->way->force ? phase : CA_ROLLOVER_NONE;
    r->is_begun = true;
    r->is_forced = phase != CA_ROLLOVER_NONE && r->forced == phase;
    if (phase == CA_ROLLOVER_SWITCHED && !r->is_renewed) {
        ca_close(&ca); /* renewals open it for themselves */
        renew_all(r);
        *go_on = true;
        return true;
    }
    return steps[phase](r, ca, go_on, e);
}

static bool
go_back(struct app *app, struct err *e)
{
    own_ca struct ca *ca = ca_open(&app->config.ca, app->clock, e);
    bool did = false;

    if (ca == NULL || !ca_rollover_abort(ca, &did, e))
        return false;
    say(app, did ? "the new CAs are gone; what trusts them trusts nobody more than before"
                 : "there is no rollover to abort");
    return true;
}

/* What was seen to be waited for is told rather than what the CA alone can tell. */
static bool
show(struct app *app, const struct str *waits, struct err *e)
{
    own_ca struct ca *ca = ca_open(&app->config.ca, app->clock, e);
    own_json struct json_t *object = json_new_object();

    if (ca == NULL)
        return false;
    if (!app->json && !app->quiet && waits->size > 0)
        (void)printf("it waits until %s\n", waits->text);
    if (!app->json)
        return app->quiet || waits->size > 0 || rollover_print(ca, e);
    if (!rollover_put_json(ca, waits, object, e))
        return false;
    app_print_json(object);
    return true;
}

bool
rollover_go(struct app *app, const struct rollover_way *way, struct err *e)
{
    struct run r = {.app = app, .way = way};
    bool go_on = true, good = true;

    if (trust_is_wanted(app) && !app_lock(app, e))
        return false;
    if (way->abort)
        return go_back(app, e) && show(app, &r.waits, e);
    while (good && go_on) {
        go_on = false;
        good = step(&r, &go_on, e);
    }
    good = good && show(app, &r.waits, e);
    str_done(&r.waits);
    if (!good)
        return false;
    if (r.worst != ERR_NONE)
        *e = (struct err){.code = r.worst};
    return r.worst == ERR_NONE;
}
