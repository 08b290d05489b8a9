/* cmd_client.c: certificates for clients, by the private CA. */
#include "base/file.h"
#include "base/json.h"
#include "cli/clients.h"
#include "cli/commands.h"
#include "cli/hba.h"
#include "cli/plan.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORT 5432
#define REQUEST_MAX ((size_t)64 * 1024)
#define PASSWORD_MAX 1024
#define TRUST_MAX ((size_t)4 * 1024 * 1024)

static bool privileged, legacy, keep_sessions, hba;
static const char *out, *host, *port, *database, *path, *lifetime, *key_type, *password_file;
static const char *reason, *state, *order, *tenant, *source;

/* clang-format off */
static const struct flag flags[] = {
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
    {"--hba",           NULL, &hba,        NULL,           NULL,   "show: the lines for pg_hba.conf and pg_ident.conf"},
    {"--source",        NULL, NULL,        &source,        "CIDR", "show --hba: from where they may log in (all)"},
    {"--reason",        NULL, NULL,        &reason,        "WORD", "revoke: why (RFC 5280); unspecified when not given"},
    {"--keep-sessions", NULL, &keep_sessions, NULL,        NULL,   "revoke: do not end the sessions that were opened with them"},
    {"--state",         NULL, NULL,        &state,         "WORD", "list: only those that are valid, expired or revoked"},
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

static bool
is_named(const struct certificate *c, const char *name)
{
    const char *dot = strchr(name, '.');

    if (list_has(&c->names, name))
        return true;
    for (size_t n = 0; dot != NULL && n < c->names.count; n++)
        if (c->names.items[n][0] == '*' && strcmp(c->names.items[n] + 1, dot) == 0)
            return true;
    return false;
}

/* What the server's certificate ends in: the root of its issuer, or of the private CA when nothing
 * here says who that is. *is_public: a root that every system trusts. */
static bool
read_trust(const struct app *app, const char *name, struct str *pem, bool *is_public, struct err *e)
{
    const struct config *c = &app->config;
    own_mem char *root = ca_root_path(&c->ca);
    const char *file = root;

    if (root == NULL)
        return err_memory(e);
    for (size_t i = 0; i < c->certificate_count; i++)
        if (is_named(&c->certificates[i], name)) {
            file = config_trust_file(c->certificates[i].issuer);
            break;
        }
    *is_public = file == NULL;
    return *is_public || file_read(AT_FDCWD, file, TRUST_MAX, pem, e);
}

/* ---- new, renew ---- */

/* What one run of them does. */
struct work {
    struct app *app; /* borrowed */
    struct ca *ca;
    struct json_t *told; /* an array: what was done */
};

#define own_work __attribute__((cleanup(work_done)))

static void
work_done(struct work *w)
{
    ca_close(&w->ca);
    json_drop(&w->told);
}

static bool
work_begin(struct work *w, struct app *app, struct err *e)
{
    w->app = app;
    w->told = json_new_array();
    w->ca = ca_open(&app->config.ca, app->clock, e);
    return w->ca != NULL;
}

static void
tell(const struct work *w, const char *did, const struct ca_bundle *b, const char *directory,
     const char *serial)
{
    struct json_t *one = NULL;

    if (!w->app->json) {
        if (!w->app->quiet)
            (void)printf("%s: %s %s; the bundle is %s\n", b->user, serial, did, directory);
        return;
    }
    one = json_new_object();
    json_put_text(one, "did", did);
    json_put_text(one, "user", b->user);
    json_put_text(one, "tenant", b->tenant);
    json_put_text(one, "serial", serial);
    json_put_text(one, "directory", directory);
    json_add(w->told, one);
}

/* {"bundles": [...]} */
static void
work_end(struct work *w)
{
    own_json struct json_t *object = json_new_object();
    own_mem char *text = NULL;

    json_put(object, "bundles", TAKE(w->told));
    text = w->app->json ? json_encode_pretty(object) : NULL;
    if (text != NULL)
        (void)fputs(text, stdout);
}

/* Signs for a server whose trust is found by its name, and writes. */
static bool
make_bundle(const struct work *w, const struct ca_bundle *b, const char *directory, bool replace,
            struct err *e)
{
    struct ca_bundle with = *b;
    own_str struct str trust_pem = {0};
    own_mem char *serial = NULL;
    bool is_public = false;

    if (!read_trust(w->app, b->host, &trust_pem, &is_public, e))
        return false;
    with.trust_pem = is_public ? NULL : &trust_pem;
    if (!ca_bundle_make(w->ca, &with, directory, replace, &serial, e))
        return false;
    tell(w, replace ? "renewed" : "made", b, directory, serial);
    return true;
}

static bool
read_password(struct str *password, struct err *e)
{
    if (password_file == NULL)
        return true;
    return file_read_secret(password_file, PASSWORD_MAX, password, e) &&
           (password->size > 0 ||
            err_set(e, ERR_USAGE, "--password-file %s: the file is empty", password_file));
}

static bool
read_bundle_flags(const struct app *app, struct ca_bundle *b, struct str *password, struct err *e)
{
    b->host = host != NULL ? host : first_host(&app->config);
    b->database = database != NULL ? database : b->user;
    b->is_privileged = privileged;
    b->is_legacy = legacy;
    if (b->host == NULL)
        return err_set(e, ERR_USAGE, "say which server it is for: --host NAME");
    if (!read_password(password, e))
        return false;
    b->password = password->text;
    return read_port(&b->port, e) && read_key_type(&b->key_type, e) &&
           read_lifetime(&b->lifetime_s, e) && check_line("--host", b->host, e) &&
           (database == NULL || check_line("--database", database, e)) &&
           (path == NULL || check_line("--path", path, e));
}

static bool
make_new(struct app *app, int argc, char **argv, struct err *e)
{
    struct ca_bundle b = {.user = argv[0], .tenant = tenant};
    own_mem char *directory = choose_directory(app, b.user, e);
    own_str struct str password = {0};
    own_work struct work w = {0};

    (void)argc;
    if (directory == NULL || !read_bundle_flags(app, &b, &password, e))
        return false;
    b.path = path != NULL ? path : directory;
    if (!work_begin(&w, app, e) || !make_bundle(&w, &b, directory, false, e))
        return false;
    work_end(&w);
    if (out == NULL) /* the others are not kept, so they cannot be found by setup */
        hba_hint(app);
    return true;
}

/* As it was: what the person who has it knows of it stays true. */
static bool
renew_one(const struct work *w, const char *directory, const struct ca_bundle_found *f,
          struct err *e)
{
    struct ca_bundle b = {.user = f->user,
                          .tenant = f->tenant,
                          .host = f->host,
                          .database = f->database,
                          .port = f->port,
                          .path = f->path,
                          .key_type = f->key_type,
                          .lifetime_s = f->lifetime_s,
                          .is_privileged = f->is_privileged,
                          .is_legacy = f->is_legacy,
                          .password = f->password};

    return make_bundle(w, &b, directory, true, e);
}

/* Who was locked out gets nothing by itself. */
static bool
renew_when_due(const struct work *w, const struct ca_list *issued, const char *directory,
               struct err *e)
{
    own_ca_bundle_found struct ca_bundle_found f = {0};
    int64_t now_s = w->app->clock->now_s(w->app->clock);

    if (!ca_bundle_read(directory, &f, e))
        return false;
    if (now_s < plan_renew_at(f.not_before_s, f.not_after_s, (struct option_share){0}))
        return true;
    if (!ca_list_has_revoked(issued, f.serial))
        return renew_one(w, directory, &f, e);
    if (!w->app->json && !w->app->quiet)
        (void)printf("%s: not renewed, for the certificate is revoked; if that is meant: pgcert "
                     "client renew %s%s%s%s\n",
                     f.user, f.tenant == NULL ? "" : "--tenant '", f.tenant == NULL ? "" : f.tenant,
                     f.tenant == NULL ? "" : "' ", f.user);
    return true;
}

/* One that fails does not stop the others; each failure is told, and the gravest code given. */
static bool
renew_due(const struct work *w, struct err *e)
{
    own_list struct list directories = {0};
    own_ca_list struct ca_list issued = {0};
    enum err_code worst = ERR_NONE;

    if (!ca_list_read(&w->app->config.ca, NULL, w->app->clock->now_s(w->app->clock), &issued, e) ||
        !ca_bundle_list(&w->app->config.ca, &directories, e))
        return false;
    for (size_t i = 0; i < directories.count; i++) {
        struct err one = {0};

        if (renew_when_due(w, &issued, directories.items[i], &one))
            continue;
        app_tell(&one);
        worst = worst == ERR_NONE ? one.code : app_graver(worst, one.code);
    }
    if (worst != ERR_NONE)
        *e = (struct err){.code = worst};
    return worst == ERR_NONE;
}

/* Is it the one of --tenant? */
static bool
is_tenant(const char *other)
{
    return other == NULL || tenant == NULL ? other == tenant : strcmp(other, tenant) == 0;
}

static bool
renew_named(const struct work *w, const char *user, struct err *e)
{
    own_mem char *directory = choose_directory(w->app, user, e);
    own_ca_bundle_found struct ca_bundle_found f = {0};

    if (directory == NULL || !ca_bundle_read(directory, &f, e))
        return false;
    return strcmp(f.user, user) == 0 && is_tenant(f.tenant)
               ? renew_one(w, directory, &f, e)
               : err_set(e, ERR_USAGE, "the bundle '%s' is that of '%s'%s%s", directory, f.user,
                         f.tenant == NULL ? "" : " of tenant ", f.tenant == NULL ? "" : f.tenant);
}

static bool
renew(struct app *app, int argc, char **argv, struct err *e)
{
    own_work struct work w = {0};
    bool good = true;

    if (out != NULL && argc != 1)
        return err_set(e, ERR_USAGE, "--out goes with one user");
    if (!work_begin(&w, app, e))
        return false;
    if (argc == 0)
        good = renew_due(&w, e);
    for (int i = 0; good && i < argc; i++)
        good = renew_named(&w, argv[i], e) || err_wrap(e, "%s", argv[i]);
    work_end(&w);
    return good;
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
                            .is_legacy = legacy || f->is_legacy};
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
static bool
bundle(struct app *app, int argc, char **argv, struct err *e)
{
    own_mem char *kept = ca_bundle_directory(&app->config.ca, tenant, argv[0]);
    own_mem char *directory = choose_directory(app, argv[0], e);
    own_ca_bundle_found struct ca_bundle_found f = {0};
    own_str struct str trust_pem = {0};
    own_str struct str password = {0};
    own_work struct work w = {0};
    struct ca_bundle b = {0};
    bool is_public = false, is_copy = false;

    (void)argc;
    if (kept == NULL)
        return err_memory(e);
    if (directory == NULL || !work_begin(&w, app, e) || !ca_bundle_read(kept, &f, e) ||
        !read_changes(&f, &b, &password, e) || !check_is_good(app, &f, e) ||
        !read_trust(app, b.host, &trust_pem, &is_public, e))
        return false;
    /* a place at the client that was said stays; else the files name the place where they are */
    b.path = path != NULL ? path : strcmp(f.path, kept) == 0 ? directory : f.path;
    b.trust_pem = is_public ? NULL : &trust_pem;
    is_copy = strcmp(kept, directory) != 0;
    if (!ca_bundle_write_again(&b, kept, directory, !is_copy, e))
        return false;
    tell(&w, is_copy ? "copied" : "updated", &b, directory, f.serial);
    work_end(&w);
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
        !file_read(AT_FDCWD, argv[1], REQUEST_MAX, &request, e))
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

static bool
revoke_some(struct app *app, int argc, char **argv, struct err *e)
{
    const struct clients_filter f = {.wanted_count = argc, .wanted = argv, .tenant = tenant};
    struct clients_revocation what = {.filter = &f, .keep_sessions = keep_sessions};
    own_str struct str known = {0};
    bool good = false;

    for (size_t i = 0; ca_reasons[i] != NULL; i++) {
        what.reason = ca_reasons[i];
        if (reason == NULL || strcmp(ca_reasons[i], reason) == 0) {
            good = clients_revoke(app, &what, e);
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

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    static const struct {
        const char *word;
        bool (*run)(struct app *app, int argc, char **argv, struct err *e);
        int least, most; /* arguments behind the word; most -1: any number */
        const char *arguments;
    } words[] = {
        {"new", make_new, 1, 1, "USER"},           {"sign", sign, 2, 2, "USER REQUEST-FILE"},
        {"renew", renew, 0, -1, "[USER...]"},      {"revoke", revoke_some, 1, -1, "USER|SERIAL..."},
        {"list", list, 0, -1, "[USER|SERIAL...]"}, {"show", show, 1, -1, "[--hba] USER..."},
        {"bundle", bundle, 1, 1, "USER"},
    };

    for (size_t i = 0; i < COUNT(words); i++) {
        if (strcmp(words[i].word, argv[0]) != 0)
            continue;
        if (argc - 1 < words[i].least || (words[i].most >= 0 && argc - 1 > words[i].most))
            return err_set(e, ERR_USAGE, "usage: pgcert client %s %s", words[i].word,
                           words[i].arguments);
        return words[i].run(app, argc - 1, argv + 1, e);
    }
    return err_set(e, ERR_USAGE, "usage: pgcert client new|sign|renew|bundle|revoke|list|show");
}

const struct command cmd_client = {
    .name = "client",
    .arguments = "WORD [USER...]",
    .least = 1,
    .most = -1,
    .needs = NEED_CONFIG | NEED_STATE,
    .flags = flags,
    .run = run,
    .summary = "certificates for clients, by the private CA",
    .details =
        "new USER           a key and a certificate with CN=USER, as a directory to hand on\n"
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
