/* exec.c: the provider that runs a program, as other ACME clients run it. */
#include "acme/dns/hook.h"
#include "acme/soa.h"
#include "base/log.h"
#include "base/run.h"
#include "base/runnable.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGUMENTS_MAX 8
#define PREFIX "_acme-challenge."

struct exec_config {
    char *program;
    int contract;
    int64_t program_timeout_s;
    char *environment_file;
    struct list program_writes;
};

enum contract { LEGO, LEGO_RAW, CERTBOT, DEHYDRATED, UACME, MOD_MD };

static const char *const contract_words[] = {
    [LEGO] = "lego",
    [LEGO_RAW] = "lego-raw",
    [CERTBOT] = "certbot",
    [DEHYDRATED] = "dehydrated",
    [UACME] = "uacme",
    [MOD_MD] = "mod_md",
    NULL,
};

#define AT(field) offsetof(struct exec_config, field)

/* clang-format off */
static const struct option options[] = {
    {"program", OPTION_PATH, AT(program), NULL,
     .help = "the program; nobody but root and its owner may be able to write it", .required = true},
    {"contract", OPTION_WORD, AT(contract), "lego",
     .help = "whose hook it is, which says how it is called", .words = contract_words},
    {"program_timeout", OPTION_SPAN, AT(program_timeout_s), "2min",
     .help = "how long one call may take, then it is killed"},
    {"environment_file", OPTION_PATH, AT(environment_file), NULL,
     .help = "a secret file with lines NAME=value for its environment; of ours it gets PATH, HOME, LANG and TMPDIR"},
    {"program_writes", OPTION_LIST, AT(program_writes), NULL,
     .help = "directories in which the program may change files; besides /tmp, /var/tmp, /run, /var/log and /var/cache"},
    {0},
};
/* clang-format on */

/* A record that the program was told of in this run. */
struct told {
    char *fqdn, *value;
    bool untouched; /* the program was not called for it: one before it failed */
    struct str out; /* what the program said */
};

/* d->session */
struct session {
    char *program;
    struct list settings;
    struct list secrets;
    struct told *told;
    size_t told_count;
};

/* One call of the program. */
struct call {
    const struct dns *d;
    const struct session *session;
    const struct dns_txt *records; /* all of this turn */
    size_t count;
    size_t now; /* which of them */
    bool remove;
    char *domain;
    const char *arguments[ARGUMENTS_MAX + 1];
    size_t argument_count;
    struct list environment;
};

/* ---- what is read once ---- */

static void
session_free(struct session *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->told_count; i++) {
        free(s->told[i].fqdn);
        free(s->told[i].value);
        str_done(&s->told[i].out);
    }
    free(s->told);
    free(s->program);
    list_wipe(&s->settings);
    list_wipe(&s->secrets);
    free(s);
}

static void
close_session(struct dns *d)
{
    session_free(d->session);
    d->session = NULL;
}

static bool
fill_session(struct session *s, const struct dns *d, struct err *e)
{
    const struct exec_config *c = d->provider_config;

    if (!run_inherit(&s->settings, "PATH") || !run_inherit(&s->settings, "HOME") ||
        !run_inherit(&s->settings, "LANG") || !run_inherit(&s->settings, "TMPDIR"))
        return err_memory(e);
    if (!runnable_check(c->program, geteuid(), &s->program, e))
        return err_wrap(e, "'program' of [dns %s]", d->name);
    if (c->environment_file != NULL &&
        !hook_read_settings(c->environment_file, &s->settings, &s->secrets, e))
        return err_wrap(e, "'environment_file' of [dns %s]", d->name);
    if (d->config.alias != NULL && c->contract != LEGO &&
        strncmp(d->config.alias, PREFIX, strlen(PREFIX)) != 0)
        return err_set(e, ERR_CONFIG,
                       "'alias' of [dns %s]: programs other than lego's put '" PREFIX
                       "' before the name that they are given, so it must begin with that",
                       d->name);
    return true;
}

static bool
open_session(struct dns *d, struct err *e)
{
    struct session *s = NULL;

    if (d->session != NULL)
        return true;
    s = calloc(1, sizeof(*s));
    if (s == NULL)
        return err_memory(e);
    if (!fill_session(s, d, e)) {
        session_free(s);
        return false;
    }
    d->session = s;
    return true;
}

/* ---- what the program was told ---- */

static struct told *
find_told(const struct session *s, const struct dns_txt *record)
{
    for (size_t i = 0; i < s->told_count; i++)
        if (strcmp(s->told[i].fqdn, record->fqdn) == 0 &&
            strcmp(s->told[i].value, record->value) == 0)
            return &s->told[i];
    return NULL;
}

static struct told *
add_told(struct session *s, const struct dns_txt *record, struct err *e)
{
    struct told *t = find_told(s, record);
    struct told *all = NULL;

    if (t != NULL)
        return t;
    all = realloc(s->told, (s->told_count + 1) * sizeof(*all));
    if (all != NULL) {
        s->told = all;
        t = &all[s->told_count];
        *t = (struct told){.fqdn = strdup(record->fqdn), .value = strdup(record->value)};
    }
    if (t == NULL || t->fqdn == NULL || t->value == NULL) {
        if (t != NULL)
            own_mem_drop(&t->fqdn);
        if (t != NULL)
            own_mem_drop(&t->value);
        (void)err_memory(e);
        return NULL;
    }
    s->told_count++;
    return t;
}

/* ---- the contracts ---- */

static void
say(struct call *c, const char *argument)
{
    if (c->argument_count < ARGUMENTS_MAX)
        c->arguments[c->argument_count++] = argument;
}

static bool
set(struct call *c, const char *name, const char *value, struct err *e)
{
    return run_set(&c->environment, name, value) || err_memory(e);
}

/* What an older journal does not know; not every program cares. */
static const char *
or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

/* lego's "exec", which is called after CNAMEs were followed. */
static bool
lego(struct call *c, struct err *e)
{
    const struct dns_txt *r = &c->records[c->now];
    const struct zone_record *place = zone_of(c->d, r->fqdn);

    (void)e;
    say(c, c->remove ? "cleanup" : "present");
    say(c, place == NULL ? r->fqdn : place->target);
    say(c, r->value);
    return true;
}

/* The same with EXEC_MODE=RAW */
static bool
lego_raw(struct call *c, struct err *e)
{
    const struct dns_txt *r = &c->records[c->now];

    if (r->token == NULL || r->key_authorization == NULL)
        return err_set(e, ERR_INPUT,
                       "the journal does not say of which token the record is; remove '%s' with "
                       "the value '%s' by hand, and the journal",
                       r->fqdn, r->value);
    say(c, c->remove ? "cleanup" : "present");
    say(c, "--");
    say(c, c->domain);
    say(c, r->token);
    say(c, r->key_authorization);
    return true;
}

static bool
set_all_domains(struct call *c, struct err *e)
{
    own_str struct str all = {0};

    for (size_t i = 0; i < c->count; i++)
        if (!str_addf(&all, "%s%s", i > 0 ? "," : "",
                      c->records[i].domain == NULL ? c->domain : c->records[i].domain))
            return err_memory(e);
    return set(c, "CERTBOT_ALL_DOMAINS", or_empty(all.text), e) &&
           set(c, "CERTBOT_ALL_IDENTIFIERS", or_empty(all.text), e);
}

/* certbot's stripped standard output of the auth hook */
static bool
set_auth_output(struct call *c, struct err *e)
{
    const struct told *t = find_told(c->session, &c->records[c->now]);
    own_mem char *out = str_format("%s", t == NULL ? "" : or_empty(t->out.text));
    size_t size = out == NULL ? 0 : strlen(out);

    if (out == NULL)
        return err_memory(e);
    while (size > 0 && strchr(" \t\r\n\v\f", out[size - 1]) != NULL)
        out[--size] = '\0';
    return set(c, "CERTBOT_AUTH_OUTPUT", out + strspn(out, " \t\r\n\v\f"), e);
}

/* certbot's --manual-auth-hook and --manual-cleanup-hook, in one: a cleanup has an output. */
static bool
certbot(struct call *c, struct err *e)
{
    const struct dns_txt *r = &c->records[c->now];
    own_mem char *left = str_format("%zu", c->count - c->now - 1);

    if (left == NULL)
        return err_memory(e);
    return set(c, "CERTBOT_DOMAIN", c->domain, e) && set(c, "CERTBOT_IDENTIFIER", c->domain, e) &&
           set(c, "CERTBOT_VALIDATION", r->value, e) &&
           set(c, "CERTBOT_REMAINING_CHALLENGES", left, e) && set_all_domains(c, e) &&
           (!c->remove || set_auth_output(c, e));
}

/* dehydrated with HOOK_CHAIN=no */
static bool
dehydrated(struct call *c, struct err *e)
{
    const struct dns_txt *r = &c->records[c->now];

    (void)e;
    say(c, c->remove ? "clean_challenge" : "deploy_challenge");
    say(c, c->domain);
    say(c, or_empty(r->token));
    say(c, r->value);
    return true;
}

static bool
uacme(struct call *c, struct err *e)
{
    const struct dns_txt *r = &c->records[c->now];
    const char *method = c->remove ? "done" : "begin";

    say(c, method);
    say(c, "dns-01");
    say(c, c->domain);
    say(c, or_empty(r->token));
    say(c, r->value);
    return set(c, "UACME_METHOD", method, e) && set(c, "UACME_TYPE", "dns-01", e) &&
           set(c, "UACME_IDENT", c->domain, e) && set(c, "UACME_TOKEN", or_empty(r->token), e) &&
           set(c, "UACME_AUTH", r->value, e);
}

/* MDChallengeDns01 with MDChallengeDns01Version 2, whose teardown has the value as well */
static bool
mod_md(struct call *c, struct err *e)
{
    (void)e;
    say(c, c->remove ? "teardown" : "setup");
    say(c, c->domain);
    say(c, c->records[c->now].value);
    return true;
}

static bool (*const contracts[])(struct call *c, struct err *e) = {
    [LEGO] = lego,   [LEGO_RAW] = lego_raw, [CERTBOT] = certbot, [DEHYDRATED] = dehydrated,
    [UACME] = uacme, [MOD_MD] = mod_md,
};

/* ---- one call ---- */

/* Those programs put "_acme-challenge." in front of the domain themselves; lego's are told the
 * whole name. */
static bool
can_publish_at(const struct call *c, struct err *e)
{
    const struct exec_config *config = c->d->provider_config;
    const char *fqdn = c->records[c->now].fqdn;

    return config->contract == LEGO || strncmp(fqdn, PREFIX, strlen(PREFIX)) == 0 ||
           err_set(e, ERR_CONFIG,
                   "a program of contract = %s is not told the record's name, and can publish at "
                   "_acme-challenge alone; use one of contract = lego, or challenge = dns-01",
                   contract_words[config->contract]);
}

/* The identifier, without the dot at the end. */
static bool
fill_domain(struct call *c, struct err *e)
{
    const struct dns_txt *r = &c->records[c->now];
    const char *name = r->domain;
    size_t size = 0;

    if (strncmp(r->fqdn, PREFIX, strlen(PREFIX)) == 0)
        name = r->fqdn + strlen(PREFIX); /* an alias, perhaps: programs put the prefix before it */
    else if (name == NULL)
        name = r->fqdn;
    size = strlen(name);
    c->domain =
        str_format("%.*s", (int)(size > 0 && name[size - 1] == '.' ? size - 1 : size), name);
    return c->domain != NULL || err_memory(e);
}

/* uacme's own defaults; environment_file may say something else. */
static bool
fill_environment(struct call *c, struct err *e)
{
    const struct exec_config *config = c->d->provider_config;

    if (config->contract == UACME &&
        (!set(c, "UACME_CONFDIR", "/etc/ssl/uacme", e) || !set(c, "UACME_VERBOSE", "0", e)))
        return false;
    for (size_t i = 0; i < c->session->settings.count; i++) {
        const char *text = c->session->settings.items[i];
        own_mem char *name = str_format("%.*s", (int)strcspn(text, "="), text);

        if (name == NULL || !set(c, name, text + strlen(name) + 1, e))
            return err_memory(e);
    }
    return true;
}

static bool
run_call(struct call *c, struct str *out, struct err *e)
{
    const struct exec_config *config = c->d->provider_config;
    const struct run r = {
        .path = c->session->program,
        .arguments = c->arguments,
        .environment = &c->environment,
        .secrets = &c->session->secrets,
        .timeout_ms = config->program_timeout_s * 1000,
    };
    own_run_result struct run_result result = {0};

    say(c, c->session->program);
    if (!hook_check_record(&c->records[c->now], e) || !can_publish_at(c, e) || !fill_domain(c, e) ||
        !fill_environment(c, e) || !contracts[config->contract](c, e))
        return false;
    log_debug("running '%s' to %s %s", r.path, c->remove ? "remove" : "publish",
              c->records[c->now].fqdn);
    if (!run_program(&r, &result, e) || !run_judge(&r, &result, e))
        return false;
    str_done(out);
    *out = result.out;
    result.out = (struct str){0};
    return true;
}

static bool
call(const struct dns *d, const struct dns_txt *records, size_t count, size_t now, bool remove,
     struct str *out, struct err *e)
{
    struct call c = {.d = d,
                     .session = d->session,
                     .records = records,
                     .count = count,
                     .now = now,
                     .remove = remove};
    bool good = run_call(&c, out, e);

    free(c.domain);
    list_wipe(&c.environment);
    return good || err_wrap(e, "'%.*s'", (int)strlen(records[now].fqdn) - 1, records[now].fqdn);
}

/* ---- the provider ---- */

/* lego's programs get the name at the end of the CNAMEs. */
static bool
prepare(struct dns *d, const struct dns_txt *records, size_t count, struct err *e)
{
    const struct exec_config *c = d->provider_config;

    return open_session(d, e) &&
           (c->contract != LEGO || count == 0 || soa_find(d, NULL, records, count, e));
}

static bool
publish(struct dns *d, const struct dns_txt *records, size_t count, struct err *e)
{
    bool good = prepare(d, records, count, e);

    for (size_t i = 0; i < count && d->session != NULL; i++) {
        struct err ignored = {0};
        struct told *t = add_told(d->session, &records[i], good ? e : &ignored);

        if (t == NULL)
            return false;
        t->untouched = !good;
        good = good && call(d, records, count, i, false, &t->out, e);
    }
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
        own_str struct str out = {0};
        struct err more = {0};
        struct told *t = find_told(d->session, &records[i]);

        if (t != NULL && t->untouched)
            continue;
        if (!call(d, records, count, i, true, &out, good ? e : &more))
            good = false;
        else if (t != NULL)
            t->untouched = true; /* it is as if it had never been told */
    }
    return good;
}

extern const struct dns_provider dns_exec;

const struct dns_provider dns_exec = {
    .name = "exec",
    .options = options,
    .config_size = sizeof(struct exec_config),
    .open = open_session,
    .publish = publish,
    .remove = withdraw,
    .close = close_session,
    .runs_programs = true,
};
