/* bundles.c: bundles are gathered, made together, and each is told. */
#include "cli/bundles.h"

#include "base/file.h"
#include "base/json.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRUST_MAX ((size_t)4 * 1024 * 1024)

/* One that waits. Owned, but for what is said. */
struct bundles_item {
    struct ca_bundle_found what;
    struct ca_bundle bundle; /* borrowed from `what` */
    char *directory;
};

/* A file with roots, read once. */
struct bundles_trust {
    char *file;
    struct str pem;
    struct bundles_trust *next;
};

/* ---- what a server's certificate ends in ---- */

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

/* The file of the root of its issuer, or `root`, of the private CA, when nothing here says who that
 * is. NULL: a root that every system trusts. */
static const char *
trust_file(const struct config *c, const char *host, const char *root)
{
    for (size_t i = 0; i < c->certificate_count; i++)
        if (is_named(&c->certificates[i], host))
            return config_trust_file(c->certificates[i].issuer);
    return root;
}

static struct bundles_trust *
read_trust(struct bundles *b, const char *file, struct err *e)
{
    struct bundles_trust *t = b->trusts;

    while (t != NULL && strcmp(t->file, file) != 0)
        t = t->next;
    if (t != NULL)
        return t;
    t = calloc(1, sizeof(*t));
    if (t == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    t->next = b->trusts;
    b->trusts = t;
    t->file = strdup(file);
    if (t->file == NULL)
        (void)err_memory(e);
    if (t->file != NULL && file_read(AT_FDCWD, file, TRUST_MAX, &t->pem, e))
        return t;
    b->trusts = t->next; /* the next one that needs it says so as well */
    free(t->file);
    free(t);
    return NULL;
}

bool
bundles_trust(struct bundles *b, const char *host, const struct str **pem, struct err *e)
{
    const struct config *c = &b->app->config;
    own_mem char *root = ca_root_path(&c->ca);
    const char *file = root == NULL ? NULL : trust_file(c, host, root);
    const struct bundles_trust *t = NULL;

    if (root == NULL)
        return err_memory(e);
    if (file == NULL) {
        *pem = NULL;
        return true;
    }
    t = read_trust(b, file, e);
    if (t != NULL)
        *pem = &t->pem;
    return t != NULL;
}

/* ---- telling ---- */

static void
tell(struct bundles *b, const struct ca_bundle_order *o)
{
    const char *did = o->replace ? "renewed" : "made";
    own_json struct json_t *one = NULL;
    own_mem char *text = NULL;

    b->told++;
    if (!b->app->json) {
        if (!b->app->quiet)
            (void)printf("%s: %s %s; the bundle is %s\n", o->bundle->user, o->serial, did,
                         o->directory);
        return;
    }
    one = json_new_object();
    json_put_text(one, "did", did);
    json_put_text(one, "user", o->bundle->user);
    json_put_text(one, "tenant", o->bundle->tenant);
    json_put_text(one, "serial", o->serial);
    json_put_text(one, "directory", o->directory);
    text = json_encode(one);
    (void)printf("%s\n    %s", b->told == 1 ? "" : ",", text == NULL ? "{}" : text);
}

static void
close_json(struct bundles *b)
{
    if (b->is_open)
        (void)printf("%s]\n}\n", b->told == 0 ? "" : "\n  ");
    b->is_open = false;
}

void
bundles_fail(struct bundles *b, const char *user, struct err *e)
{
    if (!b->is_one)
        (void)err_wrap(e, "%s", user);
    app_tell(e);
    b->worst = b->worst == ERR_NONE ? e->code : app_graver(b->worst, e->code);
}

/* ---- a run ---- */

bool
bundles_begin(struct bundles *b, struct app *app, struct err *e)
{
    *b = (struct bundles){.app = app};
    b->items = calloc(CA_BUNDLES_AT_ONCE, sizeof(*b->items));
    b->orders = calloc(CA_BUNDLES_AT_ONCE, sizeof(*b->orders));
    b->errors = calloc(CA_BUNDLES_AT_ONCE, sizeof(*b->errors));
    if (b->items == NULL || b->orders == NULL || b->errors == NULL)
        return err_memory(e);
    b->ca = ca_open(&app->config.ca, app->clock, e);
    b->is_open = b->ca != NULL && app->json;
    if (b->is_open)
        (void)printf("{\n  \"bundles\": [");
    return b->ca != NULL;
}

static void
empty(struct bundles *b)
{
    for (size_t i = 0; i < b->count; i++) {
        ca_bundle_found_done(&b->items[i].what);
        free(b->items[i].directory);
        b->items[i] = (struct bundles_item){0};
        b->errors[i] = (struct err){0};
    }
    b->count = 0;
}

/* Users of tenants may have the same names. */
static void
fail(struct bundles *b, const struct ca_bundle *bundle, struct err *e)
{
    own_mem char *name =
        bundle->tenant == NULL ? NULL : str_format("%s of tenant %s", bundle->user, bundle->tenant);

    bundles_fail(b, name == NULL ? bundle->user : name, e);
}

static bool
flush(struct bundles *b, struct err *e)
{
    bool good = b->count == 0 || ca_bundle_make_all(b->ca, b->orders, b->errors, b->count, e);

    for (size_t i = 0; good && i < b->count; i++)
        if (b->errors[i].code == ERR_NONE)
            tell(b, &b->orders[i]);
        else
            fail(b, b->orders[i].bundle, &b->errors[i]);
    empty(b);
    return good;
}

static bool
fill(struct bundles *b, struct bundles_item *item, struct err *e)
{
    const struct ca_bundle_found *f = &item->what;

    item->bundle = (struct ca_bundle){.user = f->user,
                                      .tenant = f->tenant,
                                      .host = f->host,
                                      .database = f->database,
                                      .port = f->port,
                                      .path = f->path,
                                      .key_type = f->key_type,
                                      .lifetime_s = f->lifetime_s,
                                      .is_privileged = f->is_privileged,
                                      .is_legacy = f->is_legacy,
                                      .password = f->password,
                                      .has_random_password = f->has_random_password};
    return bundles_trust(b, f->host, &item->bundle.trust_pem, e);
}

bool
bundles_add(struct bundles *b, struct ca_bundle_found *what, char *directory, bool replace,
            struct err *e)
{
    struct bundles_item *item = &b->items[b->count];
    struct err why = {0};

    *item = (struct bundles_item){.what = *what, .directory = directory};
    *what = (struct ca_bundle_found){0};
    b->orders[b->count] = (struct ca_bundle_order){
        .bundle = &item->bundle, .directory = directory, .replace = replace};
    if (!fill(b, item, &why))
        b->errors[b->count] = why;
    b->count++;
    return b->count < CA_BUNDLES_AT_ONCE || flush(b, e);
}

bool
bundles_end(struct bundles *b, struct err *e)
{
    bool good = flush(b, e);

    close_json(b);
    if (good && b->worst != ERR_NONE)
        *e = (struct err){.code = b->worst};
    return good && b->worst == ERR_NONE;
}

void
bundles_done(struct bundles *b)
{
    close_json(b);
    if (b->items != NULL)
        empty(b);
    while (b->trusts != NULL) {
        struct bundles_trust *next = b->trusts->next;

        free(b->trusts->file);
        str_done(&b->trusts->pem);
        free(b->trusts);
        b->trusts = next;
    }
    ca_close(&b->ca);
    free(b->items);
    free(b->orders);
    free(b->errors);
}
