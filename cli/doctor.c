/* doctor.c: the table of checks, and the way through it. */
#include "cli/doctor.h"

#include "cli/doctor_issuer.h"
#include "cli/term.h"

#include <stdlib.h>
#include <string.h>

/* clang-format off */
const struct doctor_check doctor_checks[] = {
    {"restart", "files and settings that the next restart reads",        NULL,          reload_find_restart},
    {"served",  "issued, deployed and served certificate are the same",  doctor_served, NULL},
    {"keys",    "owners and modes of keys, as PostgreSQL and libpq want", NULL,          reload_find_keys},
    {"expiry",  "certificates, CAs and CRLs that the servers use",        NULL,          reload_find_expiry},
    {"clients", "CAs of clients: a CRL of each, and none that signs for anybody", NULL,  reload_find_clients},
    {"connected", "certificates of clients who are connected now",        doctor_connected, NULL},
    {"access",  "who gets in without TLS, or without a password",         NULL,          reload_find_access},
    {"tls",     "settings of TLS",                                        NULL,          reload_find_tls},
    {"backup",  "what pg_basebackup and pg_rewind stumble over",          NULL,          reload_find_backup},
    {"leftovers", "temporary files and forgotten copies of keys",         NULL,          reload_find_leftovers},
    {"secrets", "who may read keys, and files that the settings name as secrets", doctor_secrets, NULL},
    {"hooks",   "what restarts PostgreSQL for a certificate, and other clients for the same names", doctor_hooks, NULL},
    {"timer",   "what runs pgcert renew",                                 doctor_timer,  NULL},
    {"issuer",  "the directories of the issuers",                         doctor_reach,  NULL},
    {"dns",     "name servers of the challenges, and CAA records",        doctor_dns,    NULL},
    {"clock",   "this host's clock, beside those of issuers and servers", doctor_clock, doctor_clock_of_server},
    {0},
};
/* clang-format on */

const struct doctor_check *
doctor_check_find(const char *name)
{
    for (const struct doctor_check *c = doctor_checks; c->name != NULL; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

static bool
is_wanted(const struct doctor_check *c, const struct list *names)
{
    return names->count == 0 || list_has(names, c->name);
}

static bool
needs_servers(const struct list *names)
{
    for (const struct doctor_check *c = doctor_checks; c->name != NULL; c++)
        if (c->of_server != NULL && is_wanted(c, names))
            return true;
    return false;
}

/* Asks each server once. */
static bool
examine(struct doctor *d, struct findings *f, struct err *e)
{
    const struct config *c = &d->app->config;

    d->examinations = calloc(c->target_count + 1, sizeof(struct examination *));
    if (d->examinations == NULL)
        return err_memory(e);
    f->check = DOCTOR_ASKING;
    for (size_t i = 0; i < c->target_count; i++) {
        progress_say(term_progress(), "asking %s", c->targets[i]->name);
        d->examinations[i] = reload_examine(c->targets[i], d->app->clock, f, e);
        if (d->examinations[i] == NULL)
            return false;
        d->examination_count++;
    }
    return true;
}

static void
check(struct doctor *d, const struct doctor_check *c, struct findings *f)
{
    f->check = c->name;
    progress_say(term_progress(), "%s", c->looks_at);
    for (size_t i = 0; c->of_server != NULL && i < d->examination_count; i++)
        c->of_server(d->examinations[i], f);
    if (c->of_host != NULL)
        c->of_host(d, f);
}

bool
doctor_run(struct app *app, const struct list *names, struct findings *f, struct err *e)
{
    struct doctor d = {.app = app};
    bool good = !needs_servers(names) || examine(&d, f, e);

    for (const struct doctor_check *c = doctor_checks; good && c->name != NULL; c++)
        if (is_wanted(c, names))
            check(&d, c, f);
    term_clear();
    for (size_t i = 0; i < d.examination_count; i++)
        reload_examination_drop(&d.examinations[i]);
    free(d.examinations);
    doctor_issuers_done(&d);
    return good && (!f->is_short || err_memory(e));
}
