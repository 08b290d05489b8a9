/* cmd_account.c: the account at an issuer: look, make, give it another key, end it. */
#include "base/json.h"
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool yes;

/* clang-format off */
static const struct flag flags[] = {
    {"--yes", NULL, &yes, NULL, NULL, "deactivate without asking"},
    {0},
};
/* clang-format on */

/* ---- what the server says ---- */

static void
print_line(const char *label, const char *text)
{
    if (text != NULL)
        (void)printf("  %s%-9s%s %s\n", term_on(TERM_DIM), label, term_off(), text);
}

static void
print_account(const char *issuer_name, const struct acme_access *access,
              const struct acme_account *a)
{
    bool is_valid = a->status != NULL && strcmp(a->status, "valid") == 0;
    char when[CLOCK_TEXT_SIZE];

    (void)printf("%s%-66.66s%s%s%s%s\n", term_on(TERM_BOLD), issuer_name, term_off(),
                 term_on(is_valid ? TERM_GOOD : TERM_BAD),
                 a->status == NULL ? "no status" : a->status, term_off());
    print_line("server", access->issuer->directory);
    print_line("account", a->url);
    if (a->deactivated_at_s != 0) {
        clock_text(when, a->deactivated_at_s);
        (void)printf("  %s%-9s%s deactivated here on %.10s; a new one is made by: pgcert account "
                     "register %s\n",
                     term_on(TERM_DIM), "since", term_off(), when, issuer_name);
        return;
    }
    for (size_t i = 0; i < a->contact.count; i++)
        print_line(i == 0 ? "contacts" : "", a->contact.items[i]);
    print_line("terms", a->terms);
    if (a->terms_known)
        print_line(a->terms == NULL ? "terms" : "",
                   a->terms_agreed ? "agreed to" : "not agreed to");
    print_line("orders", a->orders);
    print_line("key", a->thumbprint);
}

static void
print_account_json(const char *issuer_name, const struct acme_access *access,
                   const struct acme_account *a)
{
    own_json struct json_t *object = json_new_object();
    own_mem char *text = NULL;

    json_put_text(object, "issuer", issuer_name);
    json_put_text(object, "directory", access->issuer->directory);
    json_put_text(object, "url", a->url);
    json_put_text(object, "status", a->status);
    json_put_list(object, "contact", &a->contact);
    json_put_text(object, "terms", a->terms);
    if (a->terms_known)
        json_put_bool(object, "terms_agreed", a->terms_agreed);
    else
        json_put_text(object, "terms_agreed", NULL);
    json_put_text(object, "orders", a->orders);
    json_put_text(object, "thumbprint", *a->thumbprint == '\0' ? NULL : a->thumbprint);
    json_put_time(object, "deactivated_at", a->deactivated_at_s);
    text = json_encode_pretty(object);
    if (text != NULL)
        (void)fputs(text, stdout);
}

static void
tell_account(const struct app *app, const char *issuer_name, const struct acme_access *access,
             const struct acme_account *a)
{
    if (app->json)
        print_account_json(issuer_name, access, a);
    else if (!app->quiet)
        print_account(issuer_name, access, a);
}

/* What was done, in a sentence or as {"issuer": ..., "did": [...]}. */
static void
tell_done(const struct app *app, const char *issuer_name, const char *did, const char *sentence)
{
    own_json struct json_t *object = json_new_object();
    own_list struct list words = {0};
    own_mem char *text = NULL;

    if (!app->json && !app->quiet)
        (void)printf("%s: %s\n", issuer_name, sentence);
    if (!app->json || !list_add(&words, did))
        return;
    json_put_text(object, "issuer", issuer_name);
    json_put_list(object, "did", &words);
    text = json_encode_pretty(object);
    if (text != NULL)
        (void)fputs(text, stdout);
}

/* ---- the words after "account" ---- */

static bool
show(const struct app *app, const char *name, const struct acme_access *access, struct err *e)
{
    own_acme_account struct acme_account a = {0};

    if (!acme_account_show(access, &a, e))
        return false;
    if (a.url == NULL)
        return err_set(e, ERR_INPUT,
                       "there is no account yet; the first renewal makes one, or: pgcert account "
                       "register %s",
                       name);
    tell_account(app, name, access, &a);
    return true;
}

static bool
reg(const struct app *app, const char *name, const struct acme_access *access, struct err *e)
{
    own_acme_account struct acme_account a = {0};

    if (!acme_account_register(access, &a, e))
        return false;
    tell_account(app, name, access, &a);
    return true;
}

static bool
rollover(const struct app *app, const char *name, const struct acme_access *access, struct err *e)
{
    if (!acme_account_rollover(access, e))
        return false;
    tell_done(app, name, "rollover", "the account has a new key");
    return true;
}

static bool
may_deactivate(const char *name, struct err *e)
{
    own_mem char *question =
        str_format("Deactivate the account at [issuer %s] for good? Certificates that it has "
                   "stay valid, and no renewal works until there is another account.",
                   name);

    if (yes)
        return true;
    if (!term_can_ask())
        return err_set(e, ERR_USAGE, "there is no terminal to ask on; to go ahead, add: --yes");
    return (question != NULL && term_ask(question)) || err_set(e, ERR_USAGE, "nothing was changed");
}

static bool
deactivate(const struct app *app, const char *name, const struct acme_access *access, struct err *e)
{
    if (!may_deactivate(name, e) || !acme_account_deactivate(access, e))
        return false;
    tell_done(app, name, "deactivated",
              "the account is deactivated; a new one is made by: pgcert account register");
    return true;
}

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    static const struct {
        const char *word;
        bool (*run)(const struct app *app, const char *name, const struct acme_access *access,
                    struct err *e);
    } words[] = {
        {"show", show}, {"register", reg}, {"rollover", rollover}, {"deactivate", deactivate}};
    const struct acme_access *access = NULL;

    for (size_t i = 0; i < COUNT(words) && argc == 2; i++)
        if (strcmp(words[i].word, argv[0]) == 0) {
            access = access_by_name(app, argv[1], e);
            return access != NULL &&
                   (words[i].run(app, argv[1], access, e) || err_wrap(e, "[issuer %s]", argv[1]));
        }
    return err_set(e, ERR_USAGE, "usage: pgcert account show|register|rollover|deactivate ISSUER");
}

const struct command cmd_account = {
    .name = "account",
    .arguments = "WORD ISSUER",
    .least = 1,
    .most = 2,
    .needs = NEED_CONFIG | NEED_LOCK,
    .flags = flags,
    .run = run,
    .summary = "the account at an issuer: look, make, new key, end it",
    .details = "show        what the server says of it\n"
               "register    make it, or tell the server of changed contacts; renew does both\n"
               "rollover    give it a new key\n"
               "deactivate  end it for good",
};
