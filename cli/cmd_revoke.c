/* cmd_revoke.c: tell the issuer that a certificate must not be trusted any more. */
#include "base/json.h"
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *reason;

/* clang-format off */
static const struct flag flags[] = {
    {"--reason", NULL, NULL, &reason, "WORD", "why (RFC 5280); unspecified when not given"},
    {0},
};
/* clang-format on */

static const char *
reason_name(const void *table, size_t i)
{
    return ((const char *const *)table)[i];
}

/* The words are few: all are told. */
static bool
check_reason(struct err *e)
{
    own_str struct str all = {0};
    const char *near = NULL;
    size_t count = 0;

    if (reason == NULL)
        reason = acme_revoke_reasons[0];
    for (; acme_revoke_reasons[count] != NULL; count++) {
        if (strcmp(acme_revoke_reasons[count], reason) == 0)
            return true;
        if (!str_addf(&all, " %s", acme_revoke_reasons[count]))
            return err_memory(e);
    }
    near = str_nearest(reason, reason_name, acme_revoke_reasons, count);
    return err_set(e, ERR_USAGE, "no reason '%s'; there are:%s%s%s%s", reason, all.text,
                   near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                   near != NULL ? "'?" : "");
}

/* By the private CA: it stands in its CRL then. */
static bool
revoke_here(struct app *app, const struct report *r, enum acme_revoked *how, struct err *e)
{
    own_ca struct ca *ca = ca_open(&app->config.ca, app->clock, e);
    bool revoked = false, did = false;

    if (ca == NULL || !ca_revoke(ca, r->plan.generation.serial, reason, &revoked, e) ||
        !ca_refresh(ca, false, &did, e))
        return false;
    *how = revoked ? ACME_REVOKED_BY_ACCOUNT : ACME_REVOKED_BEFORE;
    return true;
}

static bool
revoke_there(struct app *app, const struct report *r, enum acme_revoked *how, struct err *e)
{
    const struct generation *g = &r->plan.generation;
    const struct acme_access *access = NULL;
    own_str struct str key_pem = {0};
    own_str struct str chain_pem = {0};

    if (!store_read(r->state.directory, g->number, &key_pem, &chain_pem, e))
        return false;
    access = access_by_name(app, g->issuer, e);
    return access != NULL && acme_revoke(access, &key_pem, &chain_pem, reason, how, e);
}

/* By the issuer that signed it, which need not be the one of the settings any more. */
static bool
revoke(struct app *app, struct report *r, enum acme_revoked *how, struct err *e)
{
    const struct generation *g = &r->plan.generation;
    const struct issuer *issuer = NULL;

    if (g->number == 0)
        return err_set(e, ERR_INPUT, "nothing is issued yet");
    issuer = config_issuer(&app->config, g->issuer);
    if (!(issuer != NULL && issuer->type == ISSUER_CA ? revoke_here(app, r, how, e)
                                                      : revoke_there(app, r, how, e)))
        return false;
    state_set_revoked(&r->state, g->sha256, app->clock->now_s(app->clock));
    return state_save(&r->state, e);
}

static void
tell(const struct app *app, const struct report *r, enum acme_revoked how)
{
    /* clang-format off */
    static const struct {
        const char *word, *sentence;
    } by[] = {
        [ACME_REVOKED_BY_ACCOUNT] = {"account", "is revoked"},
        [ACME_REVOKED_BY_KEY]     = {"key",     "is revoked (by its own key: the account may not)"},
        [ACME_REVOKED_BEFORE]     = {"before",  "was revoked already"},
    };
    /* clang-format on */
    own_json struct json_t *object = NULL;

    if (!app->json) {
        if (!app->quiet)
            (void)printf("%s: the certificate %.16s... %s; it is served until another one "
                         "replaces it: pgcert renew %s\n",
                         r->certificate->name, r->plan.generation.sha256, by[how].sentence,
                         r->certificate->name);
        return;
    }
    object = json_new_object();
    json_put_text(object, "name", r->certificate->name);
    json_put_int(object, "generation", r->plan.generation.number);
    json_put_text(object, "sha256", r->plan.generation.sha256);
    json_put_text(object, "serial", r->plan.generation.serial);
    json_put_text(object, "reason", reason);
    json_put_text(object, "by", by[how].word);
    app_print_json(object);
}

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    const struct certificate *c = config_certificate(&app->config, argv[0]);
    own_report struct report r = {0};
    enum acme_revoked how = ACME_REVOKED_BEFORE;

    (void)argc;
    if (!check_reason(e))
        return false;
    if (c == NULL)
        return err_set(e, ERR_USAGE,
                       "there is no certificate '%s' in the settings; try: pgcert status", argv[0]);
    if (!report_init(&r, app, c, e) || !revoke(app, &r, &how, e))
        return err_wrap(e, "%s", c->name);
    tell(app, &r, how);
    return true;
}

const struct command cmd_revoke = {
    .name = "revoke",
    .arguments = "NAME",
    .least = 1,
    .most = 1,
    .needs = NEED_CONFIG | NEED_LOCK,
    .flags = flags,
    .run = run,
    .place = {PLACE_NAME, "certificate", NULL},
    .summary = "tell the issuer that a certificate must not be trusted",
    .details = "Reasons: unspecified keyCompromise affiliationChanged superseded\n"
               "cessationOfOperation privilegeWithdrawn.\n"
               "It is served until the next renew, which obtains and serves another one.",
};
