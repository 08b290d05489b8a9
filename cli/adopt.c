/* adopt.c: the files of another tool become a generation. */
#include "cli/adopt.h"

#include "base/cert.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/obtain.h"

#include <stdlib.h>
#include <string.h>

static int64_t
order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* A tool that was put back from a backup, say. A newer one that ends earlier is no step back: its
 * issuer may give shorter lifetimes now. */
static bool
check_newer(const struct generation *newest, const struct str *chain_pem, struct err *e)
{
    own_chain struct chain chain = {0};
    char ours[CLOCK_TEXT_SIZE], theirs[CLOCK_TEXT_SIZE];
    int64_t since = 0;

    if (newest->number == 0)
        return true;
    if (!chain_from_pem(&chain, chain_pem->text, chain_pem->size, e))
        return false;
    since = order(cert_not_before(chain.certs[0]), newest->not_before_s);
    if (since > 0 || (since == 0 && cert_not_after(chain.certs[0]) >= newest->not_after_s))
        return true;
    clock_text(ours, newest->not_before_s);
    clock_text(theirs, cert_not_before(chain.certs[0]));
    return err_set(e, ERR_INPUT,
                   "the certificate in the files is of %s, and an older one than generation %lld, "
                   "which is of %s; it is taken only with: pgcert renew --force",
                   theirs, (long long)newest->number, ours);
}

/* The newest generation is what the files hold. */
static bool
keep_newest(struct app *app, const struct generation *newest, struct report *r, struct err *e)
{
    if (state_revoked_at(&r->state, newest->sha256) != 0)
        return err_set(e, ERR_INPUT,
                       "the certificate in the files was revoked, and the tool that renews them "
                       "has not replaced it");
    state_set_generation(&r->state, newest->number);
    state_set_attempt(&r->state, &(struct attempt){.at_s = app->clock->now_s(app->clock)});
    return state_save(&r->state, e);
}

/* As it was asked for: the same files under other settings are another generation. */
static bool
is_as_set(const struct generation *newest, const struct issuer *issuer, const struct certificate *c)
{
    return strcmp(newest->issuer, issuer->name) == 0 && list_same(&newest->names, &c->names);
}

static bool
adopt(struct app *app, const struct issuer *issuer, bool force, struct report *r, struct err *e)
{
    own_str struct str key_pem = {0};
    own_str struct str chain_pem = {0};
    own_generation struct generation newest = {0};

    if (!files_read(&issuer->files, &key_pem, &chain_pem, e))
        return false;
    store_find(r->state.directory, 0, &newest);
    if (plan_is_stored(r->state.directory, newest.number, &key_pem, &chain_pem) &&
        is_as_set(&newest, issuer, r->certificate))
        return keep_newest(app, &newest, r, e);
    return (force || check_newer(&newest, &chain_pem, e)) &&
           store_make_directory(r->state.directory, e) &&
           obtain_accept(app, r, issuer, &key_pem, &chain_pem, e);
}

bool
adopt_run(struct app *app, const struct issuer *issuer, bool force, struct report *r, struct err *e)
{
    if (adopt(app, issuer, force, r, e))
        return true;
    e->is_answer = false; /* nobody was asked */
    return err_wrap(e, "[issuer %s]", issuer->name);
}

bool
adopt_settle(struct app *app, struct report *r, struct err *e)
{
    const struct generation *g = &r->plan.generation;
    int64_t now_s = app->clock->now_s(app->clock);
    const char *or_closed =
        r->plan.is_closed ? "; or only root may read its files: pgcert renew as root" : "";
    char since[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE];

    if (!r->plan.is_closed && state_attempt(&r->state).error != NULL) {
        state_set_attempt(&r->state, &(struct attempt){.at_s = now_s});
        if (!state_save(&r->state, e))
            return false;
    }
    if (!r->plan.is_late)
        return true;
    clock_text(since, r->plan.renew_at_s);
    clock_text(until, g->not_after_s);
    if (now_s >= g->not_after_s)
        return err_set(e, ERR_INPUT,
                       "the certificate ended at %s, and nothing newer came from [issuer %s]: see "
                       "to the tool that renews '%s'%s",
                       until, r->certificate->issuer_name, r->certificate->issuer->files.chain_file,
                       or_closed);
    log_say(LOG_LEVEL_WARNING,
            "%s: nothing newer came from [issuer %s], which was to be expected by %s: see to the "
            "tool that renews '%s'%s; the certificate ends at %s",
            r->certificate->name, r->certificate->issuer_name, since,
            r->certificate->issuer->files.chain_file, or_closed, until);
    return true;
}
