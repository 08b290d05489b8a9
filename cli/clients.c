/* clients.c: what the private CA has issued to clients: list, show. */
#include "cli/clients.h"

#include "base/json.h"
#include "cli/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- which ---- */

static bool
is_of_tenant(const struct ca_issued *one, const struct clients_filter *f)
{
    if (f->every_tenant)
        return true;
    return one->tenant == NULL || f->tenant == NULL ? one->tenant == f->tenant
                                                    : strcmp(one->tenant, f->tenant) == 0;
}

/* A serial number is one certificate, whosesoever it is. */
bool
clients_is_meant(const struct ca_issued *one, const char *wanted, const struct clients_filter *f)
{
    return strcmp(one->serial, wanted) == 0 ||
           (strcmp(one->name, wanted) == 0 && is_of_tenant(one, f));
}

/* The words of a filter, sorted: they may be thousands, and so may be what they are looked for in.
 */
struct words {
    const char **items; /* borrowed */
    bool *is_found;
    size_t count;
};

#define own_words __attribute__((cleanup(words_done)))

static void
words_done(struct words *w)
{
    free(w->items);
    free(w->is_found);
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool
words_sort(struct words *w, const struct clients_filter *f)
{
    size_t count = f->wanted_count < 0 ? 0 : (size_t)f->wanted_count;

    w->items = calloc(count + 1, sizeof(*w->items));
    w->is_found = calloc(count + 1, sizeof(*w->is_found));
    if (w->items == NULL || w->is_found == NULL)
        return false;
    for (; w->count < count; w->count++)
        w->items[w->count] = f->wanted[w->count];
    qsort(w->items, w->count, sizeof(*w->items), by_text);
    return true;
}

/* Of equal ones always the same one. */
static bool
words_find(struct words *w, const char *text)
{
    const char **found =
        w->count == 0 ? NULL : bsearch(&text, w->items, w->count, sizeof(*w->items), by_text);

    if (found != NULL)
        w->is_found[found - w->items] = true;
    return found != NULL;
}

/* Does a word mean it? Both that could are noted. */
static bool
words_mean(struct words *w, const struct ca_issued *one, const struct clients_filter *f)
{
    bool by_serial = words_find(w, one->serial);
    bool by_name = is_of_tenant(one, f) && words_find(w, one->name);

    return by_serial || by_name;
}

bool
clients_select(struct ca_list *list, const struct clients_filter *f, struct err *e)
{
    own_words struct words w = {0};
    bool all = f->wanted_count == 0;
    size_t kept = 0;

    if (!words_sort(&w, f))
        return err_memory(e);
    for (size_t i = 0; i < list->count; i++)
        if ((all ? is_of_tenant(&list->items[i], f) : words_mean(&w, &list->items[i], f)) &&
            (f->state == NULL || strcmp(list->items[i].state, f->state) == 0))
            list->items[kept++] = list->items[i];
    list->count = kept;
    return true;
}

bool
clients_missing(const struct ca_list *list, const struct clients_filter *f, const char **missing,
                struct err *e)
{
    own_words struct words w = {0};

    *missing = NULL;
    if (!words_sort(&w, f))
        return err_memory(e);
    for (size_t i = 0; i < list->count; i++)
        (void)words_mean(&w, &list->items[i], f);
    for (int i = 0; *missing == NULL && i < f->wanted_count; i++) {
        const char **at = bsearch(&f->wanted[i], w.items, w.count, sizeof(*w.items), by_text);

        if (at == NULL || !w.is_found[at - w.items])
            *missing = f->wanted[i];
    }
    return true;
}

static int
by_time(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int
by_issued(const void *a, const void *b)
{
    const struct ca_issued *x = a, *y = b;

    return by_time(x->at_s, y->at_s);
}

static int
by_expiry(const void *a, const void *b)
{
    const struct ca_issued *x = a, *y = b;

    return by_time(x->not_after_s, y->not_after_s);
}

static int
by_user(const void *a, const void *b)
{
    const struct ca_issued *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order != 0 ? order : by_expiry(a, b);
}

static int
by_state(const void *a, const void *b)
{
    const struct ca_issued *x = a, *y = b;
    int order = strcmp(x->state, y->state);

    return order != 0 ? order : by_expiry(a, b);
}

static int
by_serial(const void *a, const void *b)
{
    const struct ca_issued *x = a, *y = b;

    return strcmp(x->serial, y->serial);
}

static bool
sort(struct ca_list *list, const char *word, struct err *e)
{
    static const struct {
        const char *word;
        int (*compare)(const void *a, const void *b);
    } orders[] = {{"issued", by_issued},
                  {"user", by_user},
                  {"expiry", by_expiry},
                  {"state", by_state},
                  {"serial", by_serial}};

    for (size_t i = 0; i < COUNT(orders); i++)
        if (strcmp(orders[i].word, word == NULL ? "issued" : word) == 0) {
            if (list->count > 1)
                qsort(list->items, list->count, sizeof(*list->items), orders[i].compare);
            return true;
        }
    return err_set(e, ERR_USAGE, "--sort %s: there are: issued user expiry state serial", word);
}

static bool
check_state(const char *state, struct err *e)
{
    return state == NULL || strcmp(state, "valid") == 0 || strcmp(state, "expired") == 0 ||
           strcmp(state, "revoked") == 0 || strcmp(state, "gone") == 0 ||
           err_set(e, ERR_USAGE, "--state %s: there are: valid expired revoked gone", state);
}

/* ---- showing ---- */

static struct json_t *
issued_json(const struct ca_issued *one)
{
    struct json_t *object = json_new_object();

    json_put_text(object, "user", one->name);
    json_put_text(object, "tenant", one->tenant);
    json_put_text(object, "serial", one->serial);
    json_put_text(object, "state", one->state);
    json_put_time(object, "issued_at", one->at_s);
    json_put_time(object, "not_after", one->not_after_s);
    json_put_time(object, "revoked_at", one->revoked_at_s);
    json_put_text(object, "reason", one->reason);
    return object;
}

struct json_t *
clients_json(const struct ca_list *list)
{
    struct json_t *array = json_new_array();

    for (size_t i = 0; i < list->count; i++)
        json_add(array, issued_json(&list->items[i]));
    return array;
}

static enum term_style
style_of(const char *state)
{
    return strcmp(state, "valid") == 0     ? TERM_GOOD
           : strcmp(state, "revoked") == 0 ? TERM_BAD
                                           : TERM_DIM;
}

static void
print_table(const struct ca_list *list)
{
    if (list->count > 0)
        (void)printf("%s%-8s %-10s  %-32s  %s%s\n", term_on(TERM_DIM), "state", "until", "serial",
                     "user", term_off());
    for (size_t i = 0; i < list->count; i++) {
        const struct ca_issued *one = &list->items[i];
        char until[CLOCK_TEXT_SIZE];

        clock_text(until, one->not_after_s);
        (void)printf("%s%-8s%s %.10s  %-32s  %s%s%s\n", term_on(style_of(one->state)), one->state,
                     term_off(), until, one->serial, one->name,
                     one->tenant == NULL ? "" : " of tenant ",
                     one->tenant == NULL ? "" : one->tenant);
    }
}

bool
clients_read(const struct app *app, struct ca_list *list, struct err *e)
{
    if (!ca_exists(&app->config.ca))
        return err_set(e, ERR_CONFIG, "there is no private CA in '%s'; try: pgcert ca init",
                       app->config.ca.directory);
    return ca_list_read(&app->config.ca, "client", app->clock->now_s(app->clock), list, e);
}

bool
clients_list(const struct app *app, const struct clients_filter *f, struct err *e)
{
    own_ca_list struct ca_list list = {0};
    own_json struct json_t *object = NULL;

    if (!check_state(f->state, e) || !clients_read(app, &list, e) || !clients_select(&list, f, e))
        return false;
    if (!sort(&list, f->sort, e))
        return false;
    if (!app->json) {
        print_table(&list);
        return true;
    }
    object = json_new_object();
    json_put(object, "clients", clients_json(&list));
    app_print_json(object);
    return true;
}

static struct json_t *
bundle_json(const char *directory, const struct ca_bundle_found *b)
{
    struct json_t *object = json_new_object();

    json_put_text(object, "directory", directory);
    json_put_text(object, "serial", b->serial);
    json_put_text(object, "host", b->host);
    json_put_int(object, "port", b->port);
    json_put_text(object, "database", b->database);
    json_put_text(object, "path", b->path);
    json_put_text(object, "key_type", key_type_words[b->key_type]);
    json_put_time(object, "not_after", b->not_after_s);
    return object;
}

bool
clients_show(const struct app *app, const char *tenant, char *user, struct err *e)
{
    const struct clients_filter f = {.wanted_count = 1, .wanted = &user, .tenant = tenant};
    own_mem char *directory = ca_bundle_directory(&app->config.ca, tenant, user);
    own_ca_list struct ca_list list = {0};
    own_ca_bundle_found struct ca_bundle_found b = {0};
    own_json struct json_t *object = json_new_object();
    struct err ignored = {0};
    bool has_bundle = directory != NULL && ca_bundle_read(directory, &b, &ignored);

    if (!clients_read(app, &list, e) || !clients_select(&list, &f, e))
        return false;
    if (list.count == 0)
        return err_set(e, ERR_INPUT,
                       "the private CA has issued nothing to '%s'; try: pgcert "
                       "client list",
                       user);
    json_put(object, "clients", clients_json(&list));
    json_put(object, "bundle", has_bundle ? bundle_json(directory, &b) : NULL);
    if (app->json) {
        app_print_json(object);
        return true;
    }
    print_table(&list);
    if (has_bundle)
        (void)printf("\nbundle    %s\nserial    %s\nserver    %s port %d, database %s\nkey type  "
                     "%s\n",
                     directory, b.serial, b.host, b.port, b.database, key_type_words[b.key_type]);
    return true;
}
