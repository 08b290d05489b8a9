/* import_report.c: what import says. */
#include "cli/import_report.h"

#include "base/json.h"
#include "cli/term.h"

#include <stdio.h>
#include <string.h>

bool
import_report_begin(struct import_report *r, const struct app *app, bool is_dry, struct err *e)
{
    *r = (struct import_report){.app = app,
                                .is_dry = is_dry,
                                .certificates = json_new_array(),
                                .accounts = json_new_array()};
    return (r->certificates != NULL && r->accounts != NULL) || err_memory(e);
}

static bool
speaks(const struct import_report *r)
{
    return !r->app->json && !r->app->quiet;
}

void
import_report_trouble(struct import_report *r, const struct err *e)
{
    app_tell(e);
    r->worst = r->worst == ERR_NONE ? e->code : app_graver(r->worst, e->code);
}

void
import_report_settings(const struct import_report *r, const char *path, const struct str *text)
{
    if (speaks(r) && r->is_dry && text->size > 0)
        (void)printf("A new file '%s':\n\n%s\n", path, text->text);
}

static void
print_list(const char *label, const struct list *l)
{
    for (size_t i = 0; i < l->count; i++)
        (void)printf("  %s%s%s %s\n", term_on(TERM_DIM), label, term_off(), l->items[i]);
}

static void
print_certificate(const struct import_report *r, const struct import_certificate *c,
                  const char *path)
{
    bool is_new = list_has(&c->did, "certificate");

    (void)printf("%s%s%s: [issuer %s]", term_on(TERM_BOLD), c->name, term_off(), c->issuer);
    if (path != NULL)
        (void)printf("; settings %s '%s'", r->is_dry ? "would be in" : "are in", path);
    if (c->unfit.code == ERR_NONE)
        (void)printf("; key and certificate %s", r->is_dry ? "would be taken over"
                                                 : is_new  ? "are taken over"
                                                           : "are there already, or later ones");
    (void)printf("\n");
    print_list("not taken over:", &c->notes);
}

void
import_report_certificate(struct import_report *r, const struct import_certificate *c,
                          const char *path)
{
    bool is_ours = c->e.code == ERR_NONE;
    struct json_t *object = json_new_object();

    json_put_text(object, "name", c->name);
    json_put_list(object, "names", &c->names);
    json_put_text(object, "issuer", c->issuer);
    json_put_text(object, "sha256", c->sha256[0] == '\0' ? NULL : c->sha256);
    json_put_text(object, "settings", path);
    json_put_list(object, "did", &c->did);
    json_put_list(object, "not_taken_over", &c->notes);
    json_put_text(object, "error",
                  !is_ours                    ? c->e.text
                  : c->unfit.code != ERR_NONE ? c->unfit.text
                                              : NULL);
    json_add(r->certificates, object);
    if (is_ours && speaks(r))
        print_certificate(r, c, path);
}

void
import_report_account(struct import_report *r, const char *issuer, const struct acme_account *a)
{
    struct json_t *object = json_new_object();

    json_put_text(object, "issuer", issuer);
    json_put_text(object, "url", a->url);
    json_add(r->accounts, object);
    if (speaks(r))
        (void)printf("%s[issuer %s]%s: the account %s\n", term_on(TERM_BOLD), issuer, term_off(),
                     a->url);
}

/* ---- how the client is stopped ---- */

static bool
is_ours(const struct import_certificate *c)
{
    return c->e.code == ERR_NONE && c->issuer != NULL;
}

/* One command for all, or one for each that is ours while others are not. */
static bool
find_commands(const struct import *im, struct list *commands)
{
    size_t ours = 0;

    for (size_t i = 0; i < im->certificate_count; i++)
        ours += is_ours(im->certificates[i]);
    for (size_t i = 0; i < im->certificate_count; i++) {
        bool is_whole = ours == im->certificate_count;
        own_mem char *command = is_whole || is_ours(im->certificates[i])
                                    ? import_stop(im, is_whole ? NULL : im->certificates[i]->name)
                                    : NULL;

        if (command != NULL && !list_has(commands, command) && !list_add(commands, command))
            return false;
    }
    return true;
}

static void
print_end(const struct import_report *r, const struct import *im, const struct list *commands)
{
    print_list("read elsewhere:", &im->elsewhere);
    print_list("not taken over:", &im->notes);
    if (commands->count > 0)
        (void)printf("%s still renews %s; %s:\n", im->client->name,
                     commands->count > 1 ? "them" : "what it has",
                     r->is_dry ? "end that after the import" : "end that by");
    for (size_t i = 0; i < commands->count; i++)
        (void)printf("  %s\n", commands->items[i]);
}

void
import_report_end(struct import_report *r, const struct import *im)
{
    own_list struct list commands = {0};
    own_json struct json_t *object = json_new_object();

    if (!find_commands(im, &commands))
        return;
    if (speaks(r))
        print_end(r, im, &commands);
    json_put_text(object, "client", im->client->name);
    json_put_text(object, "directory", im->directory);
    json_put(object, "certificates", TAKE(r->certificates));
    json_put(object, "accounts", TAKE(r->accounts));
    json_put_list(object, "read_elsewhere", &im->elsewhere);
    json_put_list(object, "not_taken_over", &im->notes);
    json_put_list(object, "stop", &commands);
    if (r->app->json)
        app_print_json(object);
}

void
import_report_done(struct import_report *r)
{
    json_drop(&r->certificates);
    json_drop(&r->accounts);
}
