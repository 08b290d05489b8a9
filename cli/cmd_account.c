/* cmd_account.c: the account at an issuer: look, make, give it another key, end it, take it along.
 */
#include "base/json.h"
#include "cli/access.h"
#include "cli/account_file.h"
#include "cli/commands.h"
#include "cli/dns_record.h"
#include "cli/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool yes, force;

/* clang-format off */
static const struct flag flags[] = {
    {"--yes",   NULL, &yes,   NULL, NULL, "deactivate without asking"},
    {"--force", NULL, &force, NULL, NULL, "export over a file, import over another account"},
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

/* RFC 8555 section 7.1.2.1, where the server keeps to it. */
static void
print_orders(const struct acme_account *a)
{
    print_line("orders", a->orders != NULL ? a->orders : "this server does not list them");
    for (size_t i = 0; i < a->order_count; i++) {
        const struct acme_order *o = &a->order_list[i];
        own_str struct str names = {0};
        bool good = true;

        for (size_t n = 0; good && n < o->names.count; n++)
            good = str_addf(&names, " %s", o->names.items[n]);
        (void)printf("  %-9s %-10s %-20.20s%s\n", "", o->status,
                     o->expires == NULL ? "" : o->expires, names.text == NULL ? "" : names.text);
    }
    if (a->orders_cut)
        print_line("", "and more");
    if (a->orders_error != NULL)
        (void)printf("  %-9s they could not be read: %s\n", "", a->orders_error);
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
    print_line("key", a->thumbprint);
    print_orders(a);
}

static void
put_orders(struct json_t *object, const struct acme_account *a)
{
    struct json_t *array = json_new_array();

    for (size_t i = 0; i < a->order_count; i++) {
        const struct acme_order *o = &a->order_list[i];
        struct json_t *order = json_new_object();

        json_put_text(order, "url", o->url);
        json_put_text(order, "status", o->status);
        json_put_list(order, "names", &o->names);
        json_put_text(order, "expires", o->expires);
        json_add(array, order);
    }
    json_put_text(object, "orders", a->orders);
    json_put(object, "order_list", array);
    json_put_bool(object, "orders_cut", a->orders_cut);
    json_put_text(object, "orders_error", a->orders_error);
}

static void
print_account_json(const char *issuer_name, const struct acme_access *access,
                   const struct acme_account *a)
{
    own_json struct json_t *object = json_new_object();

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
    put_orders(object, a);
    json_put_text(object, "thumbprint", *a->thumbprint == '\0' ? NULL : a->thumbprint);
    json_put_time(object, "deactivated_at", a->deactivated_at_s);
    app_print_json(object);
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

    if (!app->json && !app->quiet)
        (void)printf("%s: %s\n", issuer_name, sentence);
    if (!app->json || !list_add(&words, did))
        return;
    json_put_text(object, "issuer", issuer_name);
    json_put_list(object, "did", &words);
    app_print_json(object);
}

/* ---- the words after "account" ---- */

/* What a word is about. */
struct subject {
    const struct app *app;
    const char *name; /* of the [issuer] */
    const char *file; /* NULL: none was given */
    struct str text;  /* import: what is in it */
    const struct acme_access *access;
};

static bool
show(const struct subject *s, struct err *e)
{
    own_acme_account struct acme_account a = {0};

    if (!acme_account_show(s->access, &a, e))
        return false;
    if (a.url == NULL)
        return err_set(e, ERR_INPUT,
                       "there is no account yet; the first renewal makes one, or: pgcert account "
                       "register %s",
                       s->name);
    tell_account(s->app, s->name, s->access, &a);
    return true;
}

static bool
reg(const struct subject *s, struct err *e)
{
    own_acme_account struct acme_account a = {0};

    if (!acme_account_register(s->access, &a, e))
        return false;
    tell_account(s->app, s->name, s->access, &a);
    return true;
}

static bool
rollover(const struct subject *s, struct err *e)
{
    if (!acme_account_rollover(s->access, e))
        return false;
    tell_done(s->app, s->name, "rollover", "the account has a new key");
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
deactivate(const struct subject *s, struct err *e)
{
    if (!may_deactivate(s->name, e) || !acme_account_deactivate(s->access, e))
        return false;
    tell_done(s->app, s->name, "deactivated",
              "the account is deactivated; a new one is made by: pgcert account register");
    return true;
}

static bool
export_it(const struct subject *s, struct err *e)
{
    own_str struct str text = {0};

    if (s->app->json && s->file == NULL)
        return err_set(e, ERR_USAGE,
                       "standard output cannot be both the account and JSON; name a "
                       "file");
    if (!acme_account_export(s->access, &text, e) || !account_file_write(s->file, &text, force, e))
        return false;
    if (s->file != NULL)
        tell_done(s->app, s->name, "exported",
                  "the account is in that file; whoever has it has the account");
    return true;
}

static bool
import_it(const struct subject *s, struct err *e)
{
    own_acme_account struct acme_account a = {0};

    if (!acme_account_import(s->access, &s->text, force, &a, e))
        return false;
    tell_account(s->app, s->name, s->access, &a);
    return true;
}

/* clang-format off */
static const struct word {
    const char *word;
    int least, most; /* arguments after it */
    bool (*run)(const struct subject *s, struct err *e);
} words[] = {
    {"show",       1, 1, show},
    {"register",   1, 1, reg},
    {"rollover",   1, 1, rollover},
    {"deactivate", 1, 1, deactivate},
    {"export",     1, 2, export_it},
    {"import",     2, 2, import_it},
    {"dns-record", 1, 1, NULL}, /* of a certificate */
};
/* clang-format on */

static const char *
word(size_t i)
{
    return i < COUNT(words) ? words[i].word : NULL;
}

static const struct word *
find_word(int argc, char **argv)
{
    for (size_t i = 0; i < COUNT(words); i++)
        if (strcmp(words[i].word, argv[0]) == 0 && argc - 1 >= words[i].least &&
            argc - 1 <= words[i].most)
            return &words[i];
    return NULL;
}

/* What comes in is read first: by whom the state directory belongs to it may not be readable. */
static bool
run_word(struct app *app, const struct word *word, struct subject *s, struct err *e)
{
    if (word->run == import_it && !account_file_read(s->file, &s->text, e))
        return false;
    if (!app_lock(app, e))
        return false;
    s->access = access_by_name(app, s->name, e);
    return s->access != NULL && (word->run(s, e) || err_wrap(e, "[issuer %s]", s->name));
}

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    const struct word *word = find_word(argc, argv);
    struct subject s = {.app = app, .name = argv[1], .file = argc > 2 ? argv[2] : NULL};
    bool good = false;

    if (word == NULL)
        return err_set(e, ERR_USAGE,
                       "usage: pgcert account show|register|rollover|deactivate|export|import "
                       "ISSUER [FILE], or: pgcert account dns-record NAME");
    if (word->run == NULL)
        return app_lock(app, e) && dns_record_print(app, s.name, e);
    good = run_word(app, word, &s, e);
    str_done(&s.text);
    return good;
}

const struct command cmd_account = {
    .name = "account",
    .arguments = "WORD ISSUER",
    .least = 1,
    .most = 3,
    .needs = NEED_CONFIG,
    .flags = flags,
    .run = run,
    .word = word,
    .place = {PLACE_NAME, "issuer", NULL},
    .summary = "the account at an issuer: make, new key, move, end",
    .details = "show        what the server says of it, and of its orders\n"
               "register    make it, or tell the server of changed contacts; renew does both\n"
               "rollover    give it a new key\n"
               "deactivate  end it for good\n"
               "export      write it to a FILE, or to standard output, for another host\n"
               "import      take one over from a FILE, or -: what export wrote, or a bare key\n"
               "dns-record  of a certificate: what to publish for dns-persist-01",
};
