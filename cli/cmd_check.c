/* cmd_check.c: what is served, with a judgement on it. */
#include "cli/commands.h"
#include "cli/crl_report.h"
#include "cli/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROBE_TIMEOUT_MS 10000
#define POSTGRES_PORT 5432

static bool direct;
static const char *trust_file;

/* clang-format off */
static const struct flag flags[] = {
    {"--direct", NULL, &direct, NULL,        NULL,   "TLS at once (PostgreSQL 17), not after SSLRequest"},
    {"--trust",  NULL, NULL,    &trust_file, "FILE", "roots to trust, besides the system's"},
    {0},
};
/* clang-format on */

/* One run of check. */
struct check {
    struct app *app;
    struct json_t *endpoints; /* what was found, for --json */
    bool found_bad;
    struct err worst; /* what could not be looked at */
};

/* ---- showing ---- */

static void
row(const char *label, const char *text)
{
    (void)printf("  %s%-9s%s %.68s%s\n", term_on(TERM_DIM), label, term_off(), text,
                 strlen(text) > 68 ? "…" : "");
}

static void
row_of_dates(const X509 *leaf, int64_t now_s)
{
    char from[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE], span[CLOCK_SPAN_SIZE], text[128];
    int64_t left_ms = (cert_not_after(leaf) - now_s) * 1000;

    clock_minute(from, cert_not_before(leaf));
    clock_minute(until, cert_not_after(leaf));
    clock_span(span, left_ms < 0 ? -left_ms : left_ms);
    (void)snprintf(text, sizeof(text), "%s to %s UTC (%s %s)", from, until, span,
                   left_ms < 0 ? "over" : "left");
    row("valid", text);
}

static void
show_chain(const struct probe *p, int64_t now_s)
{
    const X509 *leaf = p->chain.certs[0];
    own_mem char *subject = cert_subject(leaf);
    own_mem char *issuer = cert_issuer(leaf);
    own_list struct list names = {0};
    char sha256[CERT_SHA256_TEXT] = "";
    struct err ignored = {0};

    if (cert_names(leaf, &names))
        term_words("names", &names);
    if (subject != NULL && *subject != '\0')
        row("subject", subject);
    if (issuer != NULL)
        row("issuer", issuer);
    row_of_dates(leaf, now_s);
    if (cert_sha256(leaf, sha256, &ignored))
        row("sha256", sha256);
    for (size_t i = 1; i < p->chain.count; i++) {
        own_mem char *name = cert_subject(p->chain.certs[i]);

        if (name != NULL)
            row(i == 1 ? "chain" : "", name);
    }
}

static void
show_problems(const struct list *problems)
{
    if (problems->count == 0)
        (void)printf("  %-9s %sgood%s\n", "", term_on(TERM_GOOD), term_off());
    for (size_t i = 0; i < problems->count; i++) {
        own_list struct list words = {0};

        (void)printf("%s", term_on(TERM_BAD));
        if (list_add_words(&words, problems->items[i]))
            term_words("bad", &words);
        (void)printf("%s", term_off());
    }
}

static void
show(const struct check *c, const struct probe *p, const char *title)
{
    (void)printf("%s%s%s", term_on(TERM_BOLD), title, term_off());
    if (p->protocol[0] != '\0')
        (void)printf("  %s%s %s%s", term_on(TERM_DIM), p->protocol, p->cipher, term_off());
    (void)printf("\n");
    show_chain(p, c->app->clock->now_s(c->app->clock));
    show_problems(&p->problems);
}

static struct json_t *
probe_json(const struct probe *p, const char *title)
{
    struct json_t *object = json_new_object();
    struct json_t *chain = json_new_array();
    const X509 *leaf = p->chain.certs[0];
    own_mem char *subject = cert_subject(leaf);
    own_mem char *issuer = cert_issuer(leaf);
    own_list struct list names = {0};
    char sha256[CERT_SHA256_TEXT] = "";
    struct err ignored = {0};

    json_put_text(object, "address", title);
    json_put_text(object, "protocol", p->protocol[0] != '\0' ? p->protocol : NULL);
    json_put_text(object, "cipher", p->cipher[0] != '\0' ? p->cipher : NULL);
    json_put_text(object, "sha256", cert_sha256(leaf, sha256, &ignored) ? sha256 : NULL);
    json_put_text(object, "subject", subject);
    json_put_text(object, "issuer", issuer);
    if (cert_names(leaf, &names))
        json_put_list(object, "names", &names);
    json_put_time(object, "not_before", cert_not_before(leaf));
    json_put_time(object, "not_after", cert_not_after(leaf));
    for (size_t i = 0; i < p->chain.count; i++) {
        own_mem char *name = cert_subject(p->chain.certs[i]);

        json_add_text(chain, name);
    }
    json_put(object, "chain", chain);
    json_put_bool(object, "verified", p->verified);
    json_put_list(object, "problems", &p->problems);
    return object;
}

static void
take(struct check *c, const struct probe *p, const char *title)
{
    c->found_bad = c->found_bad || p->problems.count > 0;
    if (c->app->json)
        json_add(c->endpoints, probe_json(p, title));
    else if (!c->app->quiet)
        show(c, p, title);
}

/* What could not be looked at is told at once; the gravest decides the exit status. */
static void
fail(struct check *c, const char *title, const struct err *e)
{
    struct json_t *object = NULL;

    app_tell(e);
    if (c->worst.code == ERR_NONE || app_graver(e->code, c->worst.code) != c->worst.code)
        c->worst = *e;
    if (!c->app->json)
        return;
    object = json_new_object();
    json_put_text(object, "address", title);
    json_put_bool(object, "verified", false);
    json_put(object, "problems", json_new_array());
    json_put_text(object, "error", e->text);
    json_add(c->endpoints, object);
}

/* ---- looking ---- */

static void
check_host(struct check *c, const char *where)
{
    own_probe struct probe p = {0};
    own_mem char *host = NULL;
    struct err e = {0};
    int port = 0;

    if (!option_parse_endpoint(&host, &port, where, POSTGRES_PORT)) {
        (void)err_set(&e, ERR_USAGE, "'%s' is no target, HOST[:PORT] or file", where);
        fail(c, where, &e);
        return;
    }
    if (reload_probe(host, port, direct ? PROBE_DIRECT : PROBE_POSTGRES, NULL, trust_file,
                     PROBE_TIMEOUT_MS, c->app->clock, &p, &e)) {
        own_mem char *title =
            strcmp(where, p.address) == 0 ? strdup(where) : str_format("%s (%s)", where, p.address);

        take(c, &p, title == NULL ? where : title);
    } else {
        fail(c, where, &e);
    }
}

static void
take_crls(struct check *c, const struct ca_crls *crls, const char *path)
{
    int64_t now_s = c->app->clock->now_s(c->app->clock);
    own_list struct list problems = {0};
    struct json_t *object = NULL;

    if (!crl_report_judge(crls, now_s, &problems)) {
        struct err e = {0};

        (void)err_memory(&e);
        fail(c, path, &e);
        return;
    }
    c->found_bad = c->found_bad || problems.count > 0;
    if (c->app->json) {
        object = json_new_object();
        json_put_text(object, "address", path);
        json_put(object, "crls", crl_report_json(crls));
        json_put_bool(object, "verified", problems.count == 0);
        json_put_list(object, "problems", &problems);
        json_add(c->endpoints, object);
    } else if (!c->app->quiet) {
        (void)printf("%s%s%s\n", term_on(TERM_BOLD), path, term_off());
        crl_report_print(crls, now_s);
        show_problems(&problems);
    }
}

static void
check_file(struct check *c, const char *path)
{
    own_probe struct probe p = {0};
    own_ca_crls struct ca_crls crls = {0};
    struct err e = {0};
    bool good = ca_crls_read(path, &crls, &e);

    if (good && crls.count > 0)
        take_crls(c, &crls, path);
    else if (good && reload_probe_file(path, trust_file, c->app->clock, &p, &e))
        take(c, &p, path);
    else
        fail(c, path, &e);
}

/* The names that the certificates of a target promise. */
static bool
names_of(const struct check *c, const char *target, struct list *names)
{
    for (size_t i = 0; i < c->app->config.certificate_count; i++) {
        const struct certificate *one = &c->app->config.certificates[i];

        for (size_t n = 0; list_has(&one->deploy, target) && n < one->names.count; n++)
            if (!list_add(names, one->names.items[n]))
                return false;
    }
    return true;
}

static const char *
trust_of(const struct check *c, const char *target)
{
    for (size_t i = 0; trust_file == NULL && i < c->app->config.certificate_count; i++)
        if (list_has(&c->app->config.certificates[i].deploy, target))
            return config_trust_file(c->app->config.certificates[i].issuer);
    return trust_file;
}

static void
check_target(struct check *c, struct target *t)
{
    own_served struct served served = {0};
    struct err e = {0};

    if (!reload_look(t, c->app->clock, &served, &e)) {
        (void)err_wrap(&e, "[target %s]", t->name);
        fail(c, t->name, &e);
    } else if (served.is_unprovable) {
        (void)err_set(&e, ERR_CONFIG,
                      "[target %s]: nobody can be asked what it serves; set prove, HOST:PORT",
                      t->name);
        fail(c, t->name, &e);
    }
    for (size_t i = 0; i < served.endpoint_count; i++) {
        own_probe struct probe p = {.server_name = served.server_name};
        own_mem char *host = NULL;
        own_list struct list names = {0};
        const char *address = served.endpoints[i].address;
        struct err inner = {0};
        int port = 0;

        if (!option_parse_endpoint(&host, &port, address, POSTGRES_PORT))
            continue;
        if (!names_of(c, t->name, &names) ||
            !reload_probe(host, port, direct ? PROBE_DIRECT : served.how, &names,
                          trust_of(c, t->name), PROBE_TIMEOUT_MS, c->app->clock, &p, &inner)) {
            fail(c, address, &inner);
            continue;
        }
        take(c, &p, address);
    }
}

static void
check_one(struct check *c, const char *where)
{
    struct target *t = config_target(&c->app->config, where);

    if (t != NULL)
        check_target(c, t);
    else if (strchr(where, '/') != NULL)
        check_file(c, where);
    else
        check_host(c, where);
}

static bool
conclude(struct check *c, struct err *e)
{
    own_json struct json_t *object = json_new_object();

    json_put(object, "endpoints", c->endpoints);
    if (c->app->json)
        app_print_json(object);
    /* told already: only the code is left */
    e->code = c->found_bad ? ERR_FOUND : c->worst.code;
    return e->code == ERR_NONE;
}

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    struct check c = {.app = app};
    bool is_readable = access(app->config_path, R_OK) == 0;

    /* any host and any file can be looked at where there are no settings */
    if ((is_readable || argc == 0) && !app_read_config(app, e))
        return false;
    if (argc == 0 && app->config.target_count == 0)
        return err_set(e, ERR_CONFIG,
                       "there is no section [target NAME] in '%s', so nothing to check; say where: "
                       "pgcert check HOST[:PORT]",
                       app->config_path);
    c.endpoints = json_new_array();
    for (int i = 0; i < argc; i++)
        check_one(&c, argv[i]);
    for (size_t i = 0; argc == 0 && i < app->config.target_count; i++)
        check_target(&c, app->config.targets[i]);
    return conclude(&c, e);
}

const struct command cmd_check = {
    .name = "check",
    .arguments = "[WHERE...]",
    .most = -1,
    .flags = flags,
    .run = run,
    .place = {PLACE_NAME, "target", NULL},
    .summary = "look at what is served: targets, HOST[:PORT], files",
    .details = "Without WHERE: all targets, each in its way. HOST[:PORT] is asked as by\n"
               "`openssl s_client -starttls postgres`. Exit status 0: all good; 82: something\n"
               "bad was found.",
};
