/* cmd_ca.c: the private CA: make it, look at it, its CRLs, its tenants, take something out of it,
 * bring the root's key back. */
#include "base/json.h"
#include "cli/apart.h"
#include "cli/commands.h"
#include "cli/event.h"
#include "cli/rollover.h"
#include "cli/term.h"
#include "cli/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY 86400

static bool force;
static const char *root_key, *format, *of;
static bool back;

/* clang-format off */
static const struct flag flags[] = {
    {"--root-key", NULL, NULL,   &root_key, "FILE", "the root's key: where it goes to; import: comes from"},
    {"--force",    NULL, &force, NULL,      NULL,   "crl: make all CRLs anew; rollover: take the step that waits"},
    {"--abort",    NULL, &back,  NULL,      NULL,   "rollover: go back, before the new CAs sign"},
    {"--format",   NULL, NULL,   &format,   "WORD", "export index: csv, or openssl (the index.txt of openssl-ca)"},
    {"--of",       NULL, NULL,   &of,       "WORD", "export index --format openssl: root, servers, clients (the default), 'tenant NAME'"},
    {0},
};
/* clang-format on */

/* ---- looking ---- */

/* "2026-12-22 (30 days)", in a colour where it is near. */
static void
print_until(int64_t until_s, int64_t now_s, int64_t near_s)
{
    char when[CLOCK_TEXT_SIZE], span[CLOCK_SPAN_SIZE];
    int64_t left_s = until_s - now_s;

    clock_text(when, until_s);
    clock_span(span, (left_s < 0 ? -left_s : left_s) * 1000);
    (void)printf("%s%.10s (%s%s)%s",
                 term_on(left_s <= 0       ? TERM_BAD
                         : left_s < near_s ? TERM_WARN
                                           : TERM_PLAIN),
                 when, left_s <= 0 ? "ended, for " : "", span, term_off());
}

static const char *
place_of_key(const struct ca_look *l)
{
    return l->is_in_token ? "in a token" : l->has_key ? "here" : "kept elsewhere";
}

static void
print_look(const struct app *app, const struct ca_look *l)
{
    int64_t now_s = app->clock->now_s(app->clock);

    (void)printf("%s%-10s%s %s\n", term_on(TERM_BOLD), l->word, term_off(), l->subject);
    (void)printf("  until    ");
    print_until(l->not_after_s, now_s, app->config.ca.server_lifetime_s);
    (void)printf("\n  key      %s\n", place_of_key(l));
    (void)printf("  issued   %lld, of which %lld revoked\n", (long long)l->issued,
                 (long long)l->revoked);
    (void)printf("  crl      number %lld, until ", (long long)l->crl_number);
    print_until(l->crl_next_update_s, now_s, app->config.ca.crl_lifetime_s / 3);
    (void)printf("\n  files    %s\n           %s\n", l->file, l->crl_file);
    (void)printf("  sha256   %s\n", l->sha256);
}

static struct json_t *
look_json(const struct ca_look *l)
{
    struct json_t *one = json_new_object();
    struct json_t *crl = json_new_object();

    json_put_text(one, "name", l->word);
    json_put_text(one, "tenant", l->tenant);
    json_put_text(one, "subject", l->subject);
    json_put_text(one, "serial", l->serial);
    json_put_text(one, "sha256", l->sha256);
    json_put_text(one, "file", l->file);
    json_put_time(one, "not_before", l->not_before_s);
    json_put_time(one, "not_after", l->not_after_s);
    json_put_bool(one, "has_key", l->has_key);
    json_put_bool(one, "is_in_token", l->is_in_token);
    json_put_int(one, "issued", l->issued);
    json_put_int(one, "revoked", l->revoked);
    json_put_text(crl, "file", l->crl_file);
    json_put_int(crl, "number", l->crl_number);
    json_put_time(crl, "this_update", l->crl_this_update_s);
    json_put_time(crl, "next_update", l->crl_next_update_s);
    json_put(one, "crl", crl);
    return one;
}

/* Prints all; as JSON with `did`: what was done before, NULL: nothing to be said. */
static bool
tell(const struct app *app, struct ca *ca, const char *did, struct err *e)
{
    own_ca_looks struct ca_looks looks = {0};
    own_json struct json_t *object = json_new_object();
    struct json_t *array = json_new_array();
    bool good = ca_show(ca, &looks, e);

    for (size_t i = 0; good && i < looks.count; i++)
        if (app->json)
            json_add(array, look_json(&looks.items[i]));
        else if (!app->quiet)
            print_look(app, &looks.items[i]);
    json_put_text(object, "directory", app->config.ca.directory);
    if (did != NULL)
        json_put_text(object, "did", did);
    json_put(object, "authorities", array);
    if (good)
        good = app->json ? rollover_put_json(ca, NULL, object, e)
                         : app->quiet || rollover_print(ca, e);
    if (good && app->json)
        app_print_json(object);
    return good;
}

static bool
show(struct app *app, const char *what, struct err *e)
{
    own_ca struct ca *ca = ca_open(&app->config.ca, app->clock, e);

    (void)what;
    return ca != NULL && tell(app, ca, NULL, e);
}

/* ---- making ---- */

static bool
init(struct app *app, const char *what, struct err *e)
{
    own_ca struct ca *ca = NULL;
    bool made = false, did = false;

    (void)what;
    if (!ca_init(&app->config.ca, root_key, app->clock, &made, e))
        return false;
    if (!made && root_key != NULL)
        return err_set(e, ERR_USAGE,
                       "there is a private CA in '%s' already; its root's key goes elsewhere by: "
                       "pgcert ca export --root-key %s",
                       app->config.ca.directory, root_key);
    ca = ca_open(&app->config.ca, app->clock, e);
    /* canaries, where others are to read them */
    if (ca == NULL || (made && !ca_refresh(ca, false, &did, e)))
        return false;
    if (!app->json && !app->quiet)
        (void)printf("the private CA in %s %s\n", app->config.ca.directory,
                     made ? "is made" : "is there already; nothing was changed");
    return tell(app, ca, made ? "made" : "nothing", e);
}

static bool
crl(struct app *app, const char *what, struct err *e)
{
    own_ca struct ca *ca = ca_open(&app->config.ca, app->clock, e);
    bool did = false;

    (void)what;
    if (ca == NULL || !ca_refresh(ca, force, &did, e))
        return false;
    if (did)
        event_crls();
    if (!app->json && !app->quiet)
        (void)printf("%s\n", did ? "the CRLs that were due are made"
                                 : "no CRL is due; all anew by: pgcert ca crl --force");
    return tell(app, ca, did ? "made" : "nothing", e);
}

static bool
tenant(struct app *app, const char *name, struct err *e)
{
    own_ca struct ca *ca = NULL;
    bool made = false;

    if (name == NULL)
        return err_set(e, ERR_USAGE, "usage: pgcert ca tenant NAME");
    ca = ca_open(&app->config.ca, app->clock, e);
    if (ca == NULL || !ca_tenant(ca, name, &made, e))
        return false;
    if (!app->json && !app->quiet)
        (void)printf("the tenant '%s' %s\n", name,
                     made ? "has a CA; PostgreSQL must trust it now: pgcert ca export clients"
                          : "has a CA already; nothing was changed");
    return tell(app, ca, made ? "made" : "nothing", e);
}

static bool
roll_over(struct app *app, const char *what, struct err *e)
{
    const struct rollover_way way = {
        .root_key_file = root_key, .abort = back, .force = force, .evidence = &trust_evidence};

    (void)what;
    if (back && (force || root_key != NULL))
        return err_set(e, ERR_USAGE, "--abort stands alone");
    return rollover_go(app, &way, e);
}

/* ---- taking out ---- */

static bool
export_root_key(struct app *app, struct ca *ca, struct err *e)
{
    if (!ca_export_root_key(ca, root_key, e))
        return false;
    if (!app->json && !app->quiet)
        (void)printf("the root's key is in %s, and not here any more; keep it where no network "
                     "is, and a copy elsewhere\n",
                     root_key);
    return !app->json || tell(app, ca, "exported", e);
}

/* All as CSV, or those of one CA as openssl-ca(1) has them. */
static bool
add_index(struct ca *ca, struct str *text, struct err *e)
{
    bool is_openssl = format != NULL && strcmp(format, "openssl") == 0;

    if (format != NULL && !is_openssl && strcmp(format, "csv") != 0)
        return err_set(e, ERR_USAGE, "no format '%s'; there are: csv openssl", format);
    if (of != NULL && !is_openssl)
        return err_set(e, ERR_USAGE, "--of goes with --format openssl; a CSV has all of them");
    return ca_export_index(ca, !is_openssl ? NULL : of == NULL ? "clients" : of, text, e);
}

static bool
add_wanted(struct ca *ca, const char *what, struct str *text, struct err *e)
{
    static const struct {
        const char *word;
        enum ca_pem which;
    } words[] = {{"root", CA_PEM_ROOT},
                 {"clients", CA_PEM_CLIENTS},
                 {"servers", CA_PEM_SERVERS},
                 {"all", CA_PEM_ALL}};

    if (strcmp(what, "index") == 0)
        return add_index(ca, text, e);
    if (format != NULL || of != NULL)
        return err_set(e, ERR_USAGE, "--format and --of are for: pgcert ca export index");
    for (size_t i = 0; i < COUNT(words); i++)
        if (strcmp(words[i].word, what) == 0)
            return ca_add_pem(ca, words[i].which, text, e);
    return err_set(e, ERR_USAGE, "usage: pgcert ca export [root|clients|servers|all|index]");
}

static bool
take_out(struct app *app, const char *what, struct err *e)
{
    own_ca struct ca *ca = NULL;
    own_str struct str text = {0};

    if (root_key != NULL && what != NULL)
        return err_set(e, ERR_USAGE, "--root-key stands alone");
    ca = ca_open(&app->config.ca, app->clock, e);
    if (ca == NULL)
        return false;
    if (root_key != NULL)
        return export_root_key(app, ca, e);
    if (!add_wanted(ca, what == NULL ? "all" : what, &text, e))
        return false;
    if (text.size > 0)
        (void)fwrite(text.text, 1, text.size, stdout);
    return true;
}

/* ---- bringing back ---- */

static bool
bring_back(struct app *app, const char *what, struct err *e)
{
    own_ca struct ca *ca = NULL;
    bool did = false;

    (void)what;
    if (root_key == NULL)
        return err_set(e, ERR_USAGE, "usage: pgcert ca import --root-key FILE");
    ca = ca_open(&app->config.ca, app->clock, e);
    if (ca == NULL || !ca_import_root_key(ca, root_key, &did, e))
        return false;
    if (!app->json && !app->quiet)
        (void)printf("the root's key is here %s; when all is done that it is needed for (pgcert ca "
                     "crl --force), take it away again: pgcert ca export --root-key %s\n",
                     did ? "again" : "already", root_key);
    return !app->json || tell(app, ca, did ? "imported" : "nothing", e);
}

static bool
answer(struct app *app, const char *what, struct err *e)
{
    (void)what;
    return apart_answer(app, e);
}

static const struct {
    const char *word;
    bool (*run)(struct app *app, const char *what, struct err *e);
    int most;
} words[] = {{"init", init, 1},         {"show", show, 1},          {"crl", crl, 1},
             {"tenant", tenant, 2},     {"rollover", roll_over, 1}, {"export", take_out, 2},
             {"import", bring_back, 1}, {"answer", answer, 1}};

static const char *
word(size_t i)
{
    return i < COUNT(words) ? words[i].word : NULL;
}

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    for (size_t i = 0; i < COUNT(words); i++)
        if (strcmp(words[i].word, argv[0]) == 0 && argc <= words[i].most)
            return apart_enter(app, e) && words[i].run(app, argc > 1 ? argv[1] : NULL, e);
    return err_set(e, ERR_USAGE,
                   "usage: pgcert ca init|show|crl|tenant|rollover|export|import|answer [WHAT]");
}

const struct command cmd_ca = {
    .name = "ca",
    .arguments = "WORD [WHAT]",
    .least = 1,
    .most = 2,
    .needs = NEED_CONFIG, /* whose user we become depends on the CA */
    .flags = flags,
    .run = run,
    .word = word,
    .summary = "the private CA: make, look, CRLs, tenants, rollover",
    .details =
        "init    make a root, and below it a CA for servers and a CA for clients\n"
        "show    its CAs, until when, and their CRLs\n"
        "crl     make the CRLs that are due, as renew does\n"
        "tenant  make a CA for the clients of the tenant WHAT, which can sign for no other\n"
        "        organization: pgcert client new --tenant WHAT USER\n"
        "rollover  replace all of them, root first, as far as nobody is harmed: called again\n"
        "        it goes on\n"
        "export  their certificates as PEM: root (what clients trust), clients (what\n"
        "        PostgreSQL trusts for them), servers; all without WHAT. The index of all\n"
        "        that was issued: index\n"
        "import  the root's key, with --root-key, for as long as something needs it\n"
        "answer  sign for one who asks by [ca] socket: pgcert-ca@.service\n"
        "As root they become the owner of the CA's directory.",
};
