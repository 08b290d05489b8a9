/* acmesh.c: the provider that runs a DNS script of an installed acme.sh. */
#include "acme/dns/hook.h"
#include "acme/soa.h"
#include "base/log.h"
#include "base/run.h"
#include "base/runnable.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef PGCERT_LIBDIR
#define PGCERT_LIBDIR "/usr/local/lib/pgcert"
#endif

struct acmesh_config {
    char *home;
    char *script;
    char *environment_file;
    char *state_file;
    char *shim;
    int64_t program_timeout_s;
    struct list program_writes;
};

#define AT(field) offsetof(struct acmesh_config, field)

/* clang-format off */
static const struct option options[] = {
    {"home", OPTION_PATH, AT(home), NULL,
     .help = "where acme.sh is installed: dnsapi/ is in it", .required = true},
    {"script", OPTION_TEXT, AT(script), NULL,
     .help = "which of its scripts, as dns_cf", .required = true},
    {"environment_file", OPTION_PATH, AT(environment_file), NULL,
     .help = "a secret file with lines NAME=value for the script; default: what acme.sh has saved in account.conf"},
    {"state_file", OPTION_PATH, AT(state_file), NULL,
     .help = "where the script may save something; default: it is forgotten"},
    {"program_timeout", OPTION_SPAN, AT(program_timeout_s), "2min",
     .help = "how long one call may take, then it is killed"},
    {"program_writes", OPTION_LIST, AT(program_writes), NULL,
     .help = "directories in which the script may change files; besides /tmp, /var/tmp, /run, /var/log and /var/cache"},
    {"shim", OPTION_PATH, AT(shim), NULL,
     .help = "what gives the script acme.sh's functions; default: the one that is installed with pgcert"},
    {0},
};
/* clang-format on */

/* d->session: what is read once. */
struct session {
    char *shim;
    char *script; /* path */
    struct list environment;
    struct list secrets;
};

static void
close_session(struct dns *d)
{
    struct session *s = d->session;

    d->session = NULL;
    if (s == NULL)
        return;
    free(s->shim);
    free(s->script);
    list_wipe(&s->environment);
    list_wipe(&s->secrets);
    free(s);
}

/* It becomes a part of a path, and of the name of a function. */
static bool
is_script(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

    return strncmp(name, "dns_", 4) == 0 && name[4] != '\0' &&
           strspn(name, letters) == strlen(name);
}

static bool
check_files(struct session *s, const struct dns *d, struct err *e)
{
    const struct acmesh_config *c = d->provider_config;
    own_mem char *path = NULL;

    if (!is_script(c->script))
        return err_set(e, ERR_CONFIG,
                       "'script' of [dns %s]: '%s' is no name of a script, as dns_cf", d->name,
                       c->script);
    path = str_format("%s/dnsapi/%s.sh", c->home, c->script);
    if (path == NULL)
        return err_memory(e);
    if (!runnable_check(path, geteuid(), &s->script, e))
        return err_wrap(e, "'script' of [dns %s]", d->name);
    return runnable_check(c->shim == NULL ? PGCERT_LIBDIR "/acmesh-shim.sh" : c->shim, geteuid(),
                          &s->shim, e) ||
           err_wrap(e, "'shim' of [dns %s]", d->name);
}

static bool
fill_environment(struct session *s, const struct dns *d, struct err *e)
{
    const struct acmesh_config *c = d->provider_config;

    if (!run_inherit(&s->environment, "PATH") || !run_inherit(&s->environment, "HOME") ||
        !run_inherit(&s->environment, "LANG") || !run_inherit(&s->environment, "TMPDIR"))
        return err_memory(e);
    if (c->environment_file != NULL &&
        !hook_read_settings(c->environment_file, &s->environment, &s->secrets, e))
        return err_wrap(e, "'environment_file' of [dns %s]", d->name);
    return (run_set(&s->environment, "PGCERT_HOME", c->home) &&
            run_set(&s->environment, "PGCERT_NAME", c->script) &&
            run_set(&s->environment, "PGCERT_SCRIPT", s->script) &&
            run_set(&s->environment, "PGCERT_STATE", c->state_file == NULL ? "" : c->state_file)) ||
           err_memory(e);
}

static bool
open_session(struct dns *d, struct err *e)
{
    if (d->session != NULL)
        return true;
    d->session = calloc(1, sizeof(struct session));
    if (d->session == NULL)
        return err_memory(e);
    if (check_files(d->session, d, e) && fill_environment(d->session, d, e))
        return true;
    close_session(d);
    return false;
}

/* One call; acme.sh's scripts want the name without the dot at the end. */
static bool
call(struct dns *d, const struct dns_txt *record, const char *method, struct err *e)
{
    const struct acmesh_config *c = d->provider_config;
    const struct zone_record *place = zone_of(d, record->fqdn);
    const char *target = place == NULL ? record->fqdn : place->target;
    own_mem char *name = str_format("%.*s", (int)strlen(target) - 1, target);
    struct session *s = d->session;
    const char *const arguments[] = {"sh", s->shim, NULL};
    const struct run r = {
        .path = "/bin/sh",
        .arguments = arguments,
        .environment = &s->environment,
        .secrets = &s->secrets,
        .timeout_ms = c->program_timeout_s * 1000,
    };
    own_run_result struct run_result result = {0};

    if (!hook_check_record(record, e))
        return false;
    if (name == NULL || !run_set(&s->environment, "PGCERT_METHOD", method) ||
        !run_set(&s->environment, "PGCERT_FQDN", name) ||
        !run_set(&s->environment, "PGCERT_VALUE", record->value))
        return err_memory(e);
    log_debug("running %s_%s for %s", c->script, method, name);
    return (run_program(&r, &result, e) && run_judge(&r, &result, e)) ||
           err_wrap(e, "%s_%s '%s'", c->script, method, name);
}

static bool
prepare(struct dns *d, const struct dns_txt *records, size_t count, struct err *e)
{
    return open_session(d, e) && (count == 0 || soa_find(d, NULL, records, count, e));
}

static bool
publish(struct dns *d, const struct dns_txt *records, size_t count, struct err *e)
{
    bool good = prepare(d, records, count, e);

    for (size_t i = 0; good && i < count; i++)
        good = call(d, &records[i], "add", e);
    return good;
}

/* One that cannot be removed does not keep the others; the first failure is told. */
static bool
withdraw(struct dns *d, const struct dns_txt *records, size_t count, struct err *e)
{
    bool good = true;

    if (!prepare(d, records, count, e))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct err more = {0};

        if (!call(d, &records[i], "rm", good ? e : &more))
            good = false;
    }
    return good;
}

extern const struct dns_provider dns_acmesh;

const struct dns_provider dns_acmesh = {
    .name = "acme.sh",
    .options = options,
    .config_size = sizeof(struct acmesh_config),
    .open = open_session,
    .publish = publish,
    .remove = withdraw,
    .close = close_session,
    .runs_programs = true,
};
