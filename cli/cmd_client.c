/* cmd_client.c: certificates for clients, by the private CA. */
#include "base/reader.h"
#include "cli/apart.h"
#include "cli/bundles.h"
#include "cli/clients.h"
#include "cli/commands.h"
#include "cli/hba.h"
#include "cli/names.h"
#include "cli/plan.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORT 5432
#define REQUEST_MAX ((size_t)64 * 1024)
#define PASSWORD_MAX 1024

static bool privileged, legacy, all, keep_sessions, hba;
static const char *out, *host, *port, *database, *path, *lifetime, *key_type, *password_file;
static const char *reason, *state, *order, *from, *tenant, *source;

/* clang-format off */
static const struct flag flags[] = {
    {"--from",          NULL, NULL,        &from,          "FILE", "new, revoke: a user for each line of the file; - is standard input"},
    {"--host",          NULL, NULL,        &host,          "NAME", "new, bundle: the server; default: of the first certificate"},
    {"--port",          NULL, NULL,        &port,          "N",    "new, bundle: the server's port (5432)"},
    {"--database",      NULL, NULL,        &database,      "NAME", "new, bundle, show --hba; default: the user's name"},
    {"--out",           NULL, NULL,        &out,           "DIR",  "where the bundle is, or its copy goes; default: at the CA"},
    {"--path",          NULL, NULL,        &path,          "DIR",  "new, bundle: where the bundle will be at the client; default: where it is made"},
    {"--lifetime",      NULL, NULL,        &lifetime,      "SPAN", "new, sign: how long it is valid, as 30d; default: [ca] client_lifetime"},
    {"--key-type",      NULL, NULL,        &key_type,      "WORD", "new: the kind of the key (ecdsa-p256)"},
    {"--legacy",        NULL, &legacy,     NULL,           NULL,   "new, bundle: PKCS#12 for programs that read no modern one"},
    {"--password-file", NULL, NULL,        &password_file, "FILE", "new, bundle: the password of the PKCS#12; default: a random one"},
    {"--privileged",    NULL, &privileged, NULL,           NULL,   "new, sign: though the name is one of [ca] privileged"},
    {"--tenant",        NULL, NULL,        &tenant,        "NAME", "the user is one of that tenant; see: pgcert ca tenant"},
    {"--all",           NULL, &all,        NULL,           NULL,   "renew: those that are not due as well"},
    {"--hba",           NULL, &hba,        NULL,           NULL,   "show: the lines for pg_hba.conf and pg_ident.conf"},
    {"--source",        NULL, NULL,        &source,        "CIDR", "show --hba: from where they may log in (all)"},
    {"--reason",        NULL, NULL,        &reason,        "WORD", "revoke: why (RFC 5280); unspecified when not given"},
    {"--keep-sessions", NULL, &keep_sessions, NULL,        NULL,   "revoke: do not end the sessions that were opened with them"},
    {"--state",         NULL, NULL,        &state,         "WORD", "list: only those that are valid, expired, revoked or gone"},
    {"--sort",          NULL, NULL,        &order,         "WORD", "list: by issued user expiry state serial"},
    {0},
};
/* clang-format on */

/* ---- what was said ---- */

static bool
read_lifetime(int64_t *lifetime_s, struct err *e)
{
    struct option_share share = {0};

    if (lifetime == NULL)
        return true;
    if (!option_parse_share(&share, lifetime) || share.span_s < 60)
        return err_set(e, ERR_USAGE, "--lifetime %s: it is a time of at least 1min, as 12h or 30d",
                       lifetime);
    *lifetime_s = share.span_s;
    return true;
}

static bool
read_port(int *number, struct err *e)
{
    own_mem char *ignored = NULL;
    own_mem char *endpoint = str_format("x:%s", port == NULL ? "5432" : port);

    if (endpoint == NULL)
        return err_memory(e);
    return option_parse_endpoint(&ignored, number, endpoint, PORT) ||
           err_set(e, ERR_USAGE, "--port %s: it is a number from 1 to 65535", port);
}

static bool
read_key_type(enum key_type *type, struct err *e)
{
    own_str struct str known = {0};

    *type = KEY_ECDSA_P256;
    for (int i = 0; key_type != NULL && key_type_words[i] != NULL; i++) {
        if (strcmp(key_type_words[i], key_type) == 0) {
            *type = (enum key_type)i;
            return true;
        }
        if (!str_addf(&known, " %s", key_type_words[i]))
            return err_memory(e);
    }
    return key_type == NULL ||
           err_set(e, ERR_USAGE, "--key-type %s: there are:%s", key_type, known.text);
}

/* What stands in a line of a file of settings must be one line. */
static bool
check_line(const char *flag, const char *text, struct err *e)
{
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return err_set(e, ERR_USAGE, "%s: a control character cannot stand there", flag);
    return *text != '\0' || err_set(e, ERR_USAGE, "%s must not be empty", flag);
}

/* An absolute path without a '/' at its end; free() it. NULL and `e`. */
static char *
absolute(const char *given, struct err *e)
{
    own_mem char *here = given[0] == '/' ? strdup("") : getcwd(NULL, 0);
    own_mem char *whole =
        here == NULL ? NULL : str_format("%s%s%s", here, given[0] == '/' ? "" : "/", given);

    if (whole == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    for (size_t size = strlen(whole); size > 1 && whole[size - 1] == '/'; size--)
        whole[size - 1] = '\0';
    return TAKE(whole);
}

/* --out, or the place at the CA; free() it. NULL and `e`. */
static char *
choose_directory(const struct app *app, const char *user, struct err *e)
{
    own_mem char *kept = NULL;

    if (out != NULL)
        return absolute(out, e);
    kept = ca_bundle_directory(&app->config.ca, tenant, user);
    if (kept == NULL)
        (void)err_memory(e);
    return TAKE(kept);
}

/* ---- the server ---- */

/* "*.example.org" stands for no one host. */
static const char *
first_host(const struct config *c)
{
    for (size_t i = 0; i < c->certificate_count; i++)
        for (size_t n = 0; n < c->certificates[i].names.count; n++)
            if (c->certificates[i].names.items[n][0] != '*')
                return c->certificates[i].names.items[n];
    return NULL;
}

/* ---- new, renew ---- */

static bool
read_password(struct str *password, struct err *e)
{
    if (password_file == NULL)
        return true;
    return reader_read_secret(password_file, PASSWORD_MAX, password, e) &&
           (password->size > 0 ||
            err_set(e, ERR_USAGE, "--password-file %s: the file is empty", password_file));
}

/* What the flags say of all bundles; the rest is the user's. */
static bool
read_bundle_flags(const struct app *app, struct ca_bundle_found *f, struct err *e)
{
    const char *name = host != NULL ? host : first_host(&app->config);
    own_str struct str password = {0};

    f->is_privileged = privileged;
    f->is_legacy = legacy;
    if (name == NULL)
        return err_set(e, ERR_USAGE, "say which server it is for: --host NAME");
    if (!read_password(&password, e))
        return false;
    f->host = strdup(name);
    f->password = str_take(&password);
    if (f->host == NULL)
        return err_memory(e);
    return read_port(&f->port, e) && read_key_type(&f->key_type, e) &&
           read_lifetime(&f->lifetime_s, e) && check_line("--host", f->host, e) &&
           (database == NULL || check_line("--database", database, e)) &&
           (path == NULL || check_line("--path", path, e));
}

/* A run that makes new ones. */
struct making {
    struct bundles bundles;
    struct ca_bundle_found said; /* what the flags say */
};

#define own_making __attribute__((cleanup(making_done)))

static void
making_done(struct making *m)
{
    bundles_done(&m->bundles);
    ca_bundle_found_done(&m->said);
}

static bool
add_new(struct making *m, const char *user, struct err *e)
{
    const struct ca_bundle_found *said = &m->said;
    own_ca_bundle_found struct ca_bundle_found f = *said;
    own_mem char *directory = choose_directory(m->bundles.app, user, e);

    f.user = strdup(user);
    f.tenant = tenant == NULL ? NULL : strdup(tenant);
    f.host = strdup(said->host);
    f.database = strdup(database != NULL ? database : user);
    f.path = directory == NULL ? NULL : strdup(path != NULL ? path : directory);
    f.password = said->password == NULL ? NULL : strdup(said->password);
    if (directory == NULL)
        return false;
    if (f.user == NULL || f.host == NULL || f.database == NULL || f.path == NULL ||
        (tenant != NULL && f.tenant == NULL) || (said->password != NULL && f.password == NULL))
        return err_memory(e);
    return bundles_add(&m->bundles, &f, TAKE(directory), false, e);
}

/* A line of a file; what is wrong with it is told, and does not stop the others. */
static bool
add_line(void *context, size_t number, const char *user, struct err *wrong, struct err *e)
{
    struct making *m = context;
    own_mem char *line = str_format("%s: line %zu", from, number);

    if (wrong->code == ERR_NONE)
        return add_new(m, user, e);
    bundles_fail(&m->bundles, line == NULL ? from : line, wrong);
    return true;
}

static bool
make_new(struct app *app, int argc, char **argv, struct err *e)
{
    own_making struct making m = {0};
    bool good = true;

    if (argc == 0 && from == NULL)
        return err_set(e, ERR_USAGE, "usage: pgcert client new USER... or: --from FILE");
    if (out != NULL && (argc != 1 || from != NULL))
        return err_set(e, ERR_USAGE, "--out goes with one user");
    if (!read_bundle_flags(app, &m.said, e) || !bundles_begin(&m.bundles, app, e))
        return false;
    m.bundles.is_one = argc == 1 && from == NULL;
    for (int i = 0; good && i < argc; i++)
        good = add_new(&m, argv[i], e);
    if (good && from != NULL)
        good = names_read(from, add_line, &m, e);
    good = good && bundles_end(&m.bundles, e);
    if (out == NULL && m.bundles.told > 0) /* the others are not kept: setup does not find them */
        hba_hint(app);
    return good;
}

/* As it was: what the person who has it knows of it stays true. Who was locked out gets nothing by
 * itself. */
static bool
renew_one(struct bundles *b, const struct ca_list *issued, const char *directory, struct err *e)
{
    own_ca_bundle_found struct ca_bundle_found f = {0};
    own_mem char *copy = strdup(directory);
    int64_t now_s = b->app->clock->now_s(b->app->clock);
    struct err why = {0};

    if (copy == NULL)
        return err_memory(e);
    if (!ca_bundle_read(directory, &f, &why)) {
        bundles_fail(b, directory, &why);
        return true;
    }
    if (!all && now_s < plan_renew_at(f.not_before_s, f.not_after_s, (struct option_share){0}) &&
        ca_signs_still(b->ca, issued, f.serial))
        return true;
    if (!ca_list_has_revoked(issued, f.serial))
        return bundles_add(b, &f, TAKE(copy), true, e);
    if (!b->app->json && !b->app->quiet)
        (void)printf("%s: not renewed, for the certificate is revoked; if that is meant: pgcert "
                     "client renew %s%s%s%s\n",
                     f.user, f.tenant == NULL ? "" : "--tenant '", f.tenant == NULL ? "" : f.tenant,
                     f.tenant == NULL ? "" : "' ", f.user);
    return true;
}

static bool
renew_many(struct bundles *b, struct err *e)
{
    own_list struct list directories = {0};
    own_ca_list struct ca_list issued = {0};
    const struct app *app = b->app;

    if (!ca_list_read(&app->config.ca, NULL, app->clock->now_s(app->clock), &issued, e) ||
        !ca_bundle_list(&app->config.ca, &directories, e))
        return false;
    for (size_t i = 0; i < directories.count; i++)
        if (!renew_one(b, &issued, directories.items[i], e))
            return false;
    return true;
}

/* Is it the one of --tenant? */
static bool
is_tenant(const char *other)
{
    return other == NULL || tenant == NULL ? other == tenant : strcmp(other, tenant) == 0;
}

static bool
read_named(const char *directory, const char *user, struct ca_bundle_found *f, struct err *e)
{
    if (!ca_bundle_read(directory, f, e))
        return false;
    return (strcmp(f->user, user) == 0 && is_tenant(f->tenant)) ||
           err_set(e, ERR_USAGE, "the bundle '%s' is that of '%s'%s%s", directory, f->user,
                   f->tenant == NULL ? "" : " of tenant ", f->tenant == NULL ? "" : f->tenant);
}

static bool
renew_named(struct bundles *b, const char *user, struct err *e)
{
    own_mem char *directory = choose_directory(b->app, user, e);
    own_ca_bundle_found struct ca_bundle_found f = {0};
    struct err why = {0};

    if (directory == NULL)
        return false;
    if (read_named(directory, user, &f, &why))
        return bundles_add(b, &f, TAKE(directory), true, e);
    bundles_fail(b, user, &why);
    return true;
}

static bool
renew(struct app *app, int argc, char **argv, struct err *e)
{
    own_bundles struct bundles b = {0};
    bool good = true;

    if (out != NULL && argc != 1)
        return err_set(e, ERR_USAGE, "--out goes with one user");
    if (all && argc > 0)
        return err_set(e, ERR_USAGE, "--all goes without names");
    if (!bundles_begin(&b, app, e))
        return false;
    if (argc == 0)
        good = renew_many(&b, e);
    for (int i = 0; good && i < argc; i++)
        good = renew_named(&b, argv[i], e);
    return good && bundles_end(&b, e);
}

/* ---- bundle ---- */

/* As it is in `f`, but for what the flags say. `password`: of --password-file. */
static bool
read_changes(const struct ca_bundle_found *f, struct ca_bundle *b, struct str *password,
             struct err *e)
{
    *b = (struct ca_bundle){.user = f->user,
                            .tenant = f->tenant,
                            .host = host != NULL ? host : f->host,
                            .database = database != NULL ? database : f->database,
                            .port = f->port,
                            .key_type = f->key_type,
                            .lifetime_s = f->lifetime_s,
                            .is_privileged = f->is_privileged,
                            .is_legacy = legacy || f->is_legacy,
                            .has_random_password = password_file == NULL && f->has_random_password};
    if ((port != NULL && !read_port(&b->port, e)) || !read_password(password, e))
        return false;
    b->password = password_file != NULL ? password->text : f->password;
    return check_line("--host", b->host, e) && check_line("--database", b->database, e) &&
           (path == NULL || check_line("--path", path, e));
}

/* Who gets a bundle wants to log in. */
static bool
check_is_good(const struct app *app, const struct ca_bundle_found *f, struct err *e)
{
    own_ca_list struct ca_list issued = {0};
    int64_t now_s = app->clock->now_s(app->clock);
    bool is_revoked = false;

    if (!ca_list_read(&app->config.ca, NULL, now_s, &issued, e))
        return false;
    is_revoked = ca_list_has_revoked(&issued, f->serial);
    if (!is_revoked && now_s < f->not_after_s)
        return true;
    return err_set(e, ERR_INPUT,
                   "the certificate of '%s' %s; a new one is made by: pgcert client renew %s",
                   f->user, is_revoked ? "is revoked" : "has expired", f->user);
}

/* Into another place with --out; else where it is, with what has changed: the server's address,
 * say, or what its certificate ends in. Nothing is signed, and the key stays. */
static void
tell_bundle(const struct app *app, const char *did, const struct ca_bundle *b,
            const char *directory, const char *serial)
{
    own_json struct json_t *object = json_new_object();
    struct json_t *array = json_new_array();
    struct json_t *one = json_new_object();

    json_put_text(one, "did", did);
    json_put_text(one, "user", b->user);
    json_put_text(one, "tenant", b->tenant);
    json_put_text(one, "serial", serial);
    json_put_text(one, "directory", directory);
    json_add(array, one);
    json_put(object, "bundles", array);
    if (app->json)
        app_print_json(object);
    if (!app->json && !app->quiet)
        (void)printf("%s: %s %s; the bundle is %s\n", b->user, serial, did, directory);
}

static bool
bundle(struct app *app, int argc, char **argv, struct err *e)
{
    own_mem char *kept = ca_bundle_directory(&app->config.ca, tenant, argv[0]);
    own_mem char *directory = choose_directory(app, argv[0], e);
    own_ca_bundle_found struct ca_bundle_found f = {0};
    own_str struct str password = {0};
    own_bundles struct bundles run = {.app = app, .ca = ca_open(&app->config.ca, app->clock, e)};
    struct ca_bundle b = {0};
    bool is_copy = false;

    (void)argc;
    if (run.ca == NULL)
        return false;
    if (kept == NULL)
        return err_memory(e);
    if (directory == NULL || !ca_bundle_read(kept, &f, e) || !read_changes(&f, &b, &password, e) ||
        !check_is_good(app, &f, e) || !bundles_trust(&run, b.host, &b.trust_pem, e))
        return false;
    /* a place at the client that was said stays; else the files name the place where they are */
    b.path = path != NULL ? path : strcmp(f.path, kept) == 0 ? directory : f.path;
    is_copy = strcmp(kept, directory) != 0;
    if (!ca_bundle_write_again(&b, kept, directory, !is_copy, e))
        return false;
    tell_bundle(app, is_copy ? "copied" : "updated", &b, directory, f.serial);
    return true;
}

/* ---- sign ---- */

static bool
sign(struct app *app, int argc, char **argv, struct err *e)
{
    struct ca_client client = {.user = argv[0], .tenant = tenant, .is_privileged = privileged};
    own_str struct str request = {0};
    own_str struct str chain_pem = {0};
    own_pkey EVP_PKEY *key = NULL;
    own_ca struct ca *ca = NULL;

    (void)argc;
    if (!read_lifetime(&client.lifetime_s, e) ||
        !reader_read_named(argv[1], REQUEST_MAX, &request, e))
        return false;
    key = ca_request_key(request.text, request.size, e);
    if (key == NULL)
        return err_wrap(e, "the request '%s'", argv[1]);
    client.public_key = key;
    ca = ca_open(&app->config.ca, app->clock, e);
    if (ca == NULL || !ca_sign_client(ca, &client, &chain_pem, e))
        return false;
    (void)fputs(chain_pem.text, stdout);
    return true;
}

/* ---- the others ---- */

/* Nothing is revoked where a line is wrong: who is meant would not be. */
static bool
take_line(void *context, size_t number, const char *user, struct err *wrong, struct err *e)
{
    if (wrong->code == ERR_NONE)
        return list_add(context, user) || err_memory(e);
    *e = *wrong;
    return err_wrap(e, "%s: line %zu", from, number);
}

static bool
revoke_some(struct app *app, int argc, char **argv, struct err *e)
{
    own_list struct list users = {0};
    struct clients_filter f = {.tenant = tenant};
    struct clients_revocation what = {.filter = &f, .keep_sessions = keep_sessions};
    own_str struct str known = {0};
    bool good = false;

    for (int i = 0; i < argc; i++)
        if (!list_add(&users, argv[i]))
            return err_memory(e);
    if (from != NULL && !names_read(from, take_line, &users, e))
        return false;
    if (users.count == 0 || users.count > INT_MAX)
        return err_set(e, ERR_USAGE, "usage: pgcert client revoke USER|SERIAL... or: --from FILE");
    f.wanted = users.items;
    f.wanted_count = (int)users.count;
    for (size_t i = 0; ca_reasons[i] != NULL; i++) {
        what.reason = ca_reasons[i];
        if (reason == NULL || strcmp(ca_reasons[i], reason) == 0) {
            good = clients_revoke(app, &what, e);
            if (good)
                hba_hint(app);
            return good;
        }
        if (!str_addf(&known, " %s", ca_reasons[i]))
            return err_memory(e);
    }
    return err_set(e, ERR_USAGE, "no reason '%s'; there are:%s", reason, known.text);
}

static bool
list(struct app *app, int argc, char **argv, struct err *e)
{
    const struct clients_filter f = {.wanted_count = argc,
                                     .wanted = argv,
                                     .tenant = tenant,
                                     .every_tenant = tenant == NULL,
                                     .state = state,
                                     .sort = order};

    return clients_list(app, &f, e);
}

static bool
show(struct app *app, int argc, char **argv, struct err *e)
{
    const struct hba_question q = {.user_count = argc,
                                   .users = argv,
                                   .tenant = tenant,
                                   .database = database,
                                   .source = source};

    if (hba)
        return (database == NULL || check_line("--database", database, e)) && hba_show(app, &q, e);
    return argc == 1 ? clients_show(app, tenant, argv[0], e)
                     : err_set(e, ERR_USAGE, "usage: pgcert client show USER");
}

static const struct {
    const char *word;
    bool (*run)(struct app *app, int argc, char **argv, struct err *e);
    int least, most; /* arguments behind the word; most -1: any number */
    const char *arguments;
} words[] = {
    {"new", make_new, 0, -1, "USER..."},       {"sign", sign, 2, 2, "USER REQUEST-FILE"},
    {"renew", renew, 0, -1, "[USER...]"},      {"revoke", revoke_some, 0, -1, "USER|SERIAL..."},
    {"list", list, 0, -1, "[USER|SERIAL...]"}, {"show", show, 1, -1, "[--hba] USER..."},
    {"bundle", bundle, 1, 1, "USER"},
};

static const char *
word(size_t i)
{
    return i < COUNT(words) ? words[i].word : NULL;
}

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    for (size_t i = 0; i < COUNT(words); i++) {
        if (strcmp(words[i].word, argv[0]) != 0)
            continue;
        if (argc - 1 < words[i].least || (words[i].most >= 0 && argc - 1 > words[i].most))
            return err_set(e, ERR_USAGE, "usage: pgcert client %s %s", words[i].word,
                           words[i].arguments);
        return apart_enter(app, e) && words[i].run(app, argc - 1, argv + 1, e);
    }
    return err_set(e, ERR_USAGE, "usage: pgcert client new|sign|renew|bundle|revoke|list|show");
}

const struct command cmd_client = {
    .name = "client",
    .arguments = "WORD [USER...]",
    .least = 1,
    .most = -1,
    .needs = NEED_CONFIG, /* whose user we become depends on the CA */
    .flags = flags,
    .run = run,
    .word = word,
    .summary = "certificates for clients, by the private CA",
    .details = "new USER...        for each a key and a certificate with CN=USER, as a directory "
               "to hand on\n"
               "sign USER FILE     a certificate for the key of a request; printed\n"
               "renew [USER...]    anew into the same directory: those named, or all that are due\n"
               "bundle USER        the directory again, with the same key: a copy (--out), or in\n"
               "                   its place with what has changed\n"
               "revoke USER...     all that a user has, or by serial number, and make the CRL\n"
               "list [USER...]     a table of all, of users, or by serial number\n"
               "show USER          what a user has, and where the bundle is\n"
               "show --hba USER... the lines that let them in: for pg_hba.conf and pg_ident.conf\n"
               "Users of a tenant are other users than those without: name them with --tenant.",
};
