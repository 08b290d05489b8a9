/* hba.c: which clients there are, and the lines for them. */
#include "cli/hba.h"

#include "base/json.h"
#include "cli/clients.h"
#include "cli/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- who ---- */

/* Clients, and what their texts belong to. */
struct members {
    struct hba_client *clients;
    struct ca_bundle_found *found;
    char **dns;
    size_t count;
};

#define own_members __attribute__((cleanup(members_done)))

static void
members_done(struct members *m)
{
    for (size_t i = 0; i < m->count; i++) {
        ca_bundle_found_done(&m->found[i]);
        free(m->dns[i]);
    }
    free(m->clients);
    free(m->found);
    free(m->dns);
}

static bool
members_make(struct members *m, size_t most, struct err *e)
{
    m->clients = calloc(most + 1, sizeof(*m->clients));
    m->found = calloc(most + 1, sizeof(*m->found));
    m->dns = calloc(most + 1, sizeof(*m->dns));
    return (m->clients != NULL && m->found != NULL && m->dns != NULL) || err_memory(e);
}

/* NULL when nothing was said. */
static bool
read_sources(const char *flag, const char *given, struct list *sources, struct err *e)
{
    own_list struct list words = {0};

    if (given != NULL && !list_add_words(&words, given))
        return err_memory(e);
    for (size_t i = 0; i < words.count; i++) {
        own_mem char *source = NULL;

        if (!reload_hba_source(words.items[i], &source, e))
            return err_wrap(e, "%s", flag);
        if (!list_add(sources, source))
            return err_memory(e);
    }
    return given == NULL || words.count > 0 || err_set(e, ERR_USAGE, "%s must not be empty", flag);
}

static bool
read_issued(const struct app *app, struct ca_list *issued, struct err *e)
{
    if (!ca_exists(&app->config.ca))
        return err_set(e, ERR_CONFIG, "there is no private CA in '%s'; try: pgcert ca init",
                       app->config.ca.directory);
    return ca_list_read(&app->config.ca, "client", app->clock->now_s(app->clock), issued, e);
}

/* The bundle in a directory becomes a client; one that is revoked is not let in. */
static bool
add_bundle(struct members *m, const struct ca_list *issued, const char *directory,
           const struct list *sources, struct err *e)
{
    own_ca_bundle_found struct ca_bundle_found f = {0};
    bool is_revoked = false;
    own_mem char *dn = NULL;

    if (!ca_bundle_read(directory, &f, e))
        return false;
    is_revoked = ca_list_has_revoked(issued, f.serial);
    dn = is_revoked ? NULL : ca_bundle_dn(directory, e);
    if (dn == NULL && !is_revoked)
        return false;
    m->found[m->count] = f;
    m->dns[m->count] = TAKE(dn);
    m->clients[m->count] = (struct hba_client){.user = f.user,
                                               .database = is_revoked ? NULL : f.database,
                                               .dn = m->dns[m->count],
                                               .sources = sources};
    m->count++;
    f = (struct ca_bundle_found){0};
    return true;
}

static bool
find_members(const struct app *app, const struct list *sources, struct members *m, struct err *e)
{
    own_ca_list struct ca_list issued = {0};
    own_list struct list directories = {0};

    if (!ca_exists(&app->config.ca)) /* a dry run of the first setup */
        return members_make(m, 0, e);
    if (!read_issued(app, &issued, e) || !ca_bundle_list(&app->config.ca, &directories, e) ||
        !members_make(m, directories.count, e))
        return false;
    for (size_t i = 0; i < directories.count; i++)
        if (!add_bundle(m, &issued, directories.items[i], sources, e))
            return false;
    return true;
}

/* ---- show ---- */

/* The question, and what it is answered from; all borrowed. */
struct asked {
    const struct hba_question *q;
    const struct ca_list *issued;
    const struct list *sources;
};

/* One that was revoked, or whose CA is gone, lets nobody in. */
static bool
lets_in(const struct ca_issued *one)
{
    return strcmp(one->state, "revoked") != 0 && strcmp(one->state, "gone") != 0;
}

/* Has the user any certificate, or any that lets somebody in? */
static bool
has_one(const struct asked *a, const char *user, bool that_lets_in)
{
    const struct clients_filter f = {.tenant = a->q->tenant};

    for (size_t i = 0; i < a->issued->count; i++)
        if (clients_is_meant(&a->issued->items[i], user, &f) &&
            (!that_lets_in || lets_in(&a->issued->items[i])))
            return true;
    return false;
}

/* By the bundle; or, for a key that never was here, by what was said. Who has nothing but what is
 * revoked is not let in, as setup has it; nor by a bundle that is, unless a database was named. */
static bool
add_lines(const struct app *app, const struct asked *a, const char *user,
          struct str texts[static HBA_FILES], struct err *e)
{
    const struct hba_question *q = a->q;
    own_mem char *directory = ca_bundle_directory(&app->config.ca, q->tenant, user);
    own_ca_bundle_found struct ca_bundle_found f = {0};
    own_mem char *dn = NULL;
    struct err none = {0};
    struct hba_client c = {.user = user, .database = q->database, .sources = a->sources};
    bool has_bundle = directory != NULL && ca_bundle_read(directory, &f, &none);
    bool is_out = !has_one(a, user, true) ||
                  (has_bundle && q->database == NULL && ca_list_has_revoked(a->issued, f.serial));

    if (is_out) {
        c.database = NULL;
        return reload_hba_lines(&c, 1, true, &texts[HBA_RULES], &texts[HBA_IDENT], e);
    }
    if (!has_bundle && q->database == NULL)
        return err_set(e, ERR_USAGE,
                       "'%s' has no bundle here that names a database; say which: --database NAME",
                       user);
    if (c.database == NULL)
        c.database = f.database;
    dn = has_bundle ? ca_bundle_dn(directory, e) : ca_client_dn(q->tenant, user, e);
    c.dn = dn;
    return dn != NULL && reload_hba_lines(&c, 1, true, &texts[HBA_RULES], &texts[HBA_IDENT], e);
}

static const char *
or_empty(const struct str *text)
{
    return text->text == NULL ? "" : text->text;
}

/* ["line", ...] */
static struct json_t *
lines_json(const struct str *text)
{
    struct json_t *array = json_new_array();
    const char *at = or_empty(text);

    while (*at != '\0') {
        size_t size = strcspn(at, "\n");
        own_mem char *line = strndup(at, size);

        if (line != NULL)
            json_add_text(array, line);
        at += size + (at[size] == '\n');
    }
    return array;
}

static void
print_lines(const struct app *app, const struct str texts[static HBA_FILES])
{
    own_json struct json_t *object = NULL;

    if (!app->json) {
        (void)printf("# pg_hba.conf, above whatever else matches these users:\n%s"
                     "# pg_ident.conf:\n%s"
                     "# PostgreSQL 13 and older: without \"clientname=DN map=" HBA_MAP
                     "\", and nothing in pg_ident.conf\n",
                     or_empty(&texts[HBA_RULES]), or_empty(&texts[HBA_IDENT]));
        return;
    }
    object = json_new_object();
    json_put(object, "pg_hba", lines_json(&texts[HBA_RULES]));
    json_put(object, "pg_ident", lines_json(&texts[HBA_IDENT]));
    app_print_json(object);
}

bool
hba_show(const struct app *app, const struct hba_question *q, struct err *e)
{
    own_list struct list sources = {0};
    own_ca_list struct ca_list issued = {0};
    own_str struct str rules = {0};
    own_str struct str ident = {0};
    struct str texts[HBA_FILES] = {0};
    const struct asked asked = {.q = q, .issued = &issued, .sources = &sources};
    bool good = true;

    if (!read_sources("--source", q->source == NULL ? "all" : q->source, &sources, e) ||
        !read_issued(app, &issued, e))
        return false;
    for (int i = 0; good && i < q->user_count; i++)
        good = has_one(&asked, q->users[i], false)
                   ? add_lines(app, &asked, q->users[i], texts, e)
                   : err_set(e, ERR_INPUT,
                             "the private CA has issued nothing to '%s'; try: pgcert client list",
                             q->users[i]);
    rules = texts[HBA_RULES];
    ident = texts[HBA_IDENT];
    if (good)
        print_lines(app, texts);
    return good;
}

/* ---- set up ---- */

static void
print_block(const struct str *lines)
{
    const char *at = or_empty(lines);

    while (*at != '\0') {
        int size = (int)strcspn(at, "\n");

        (void)printf("  %.*s\n", size, at);
        at += size + (at[size] == '\n');
    }
}

static void
print_plan(const char *target, const struct hba_plan *p, bool is_dry)
{
    for (size_t i = 0; i < HBA_FILES; i++) {
        if (!p->files[i].is_changed)
            continue;
        if (p->files[i].lines.size == 0)
            (void)printf("[target %s] %s: pgcert's lines %s taken out\n", target, p->files[i].path,
                         is_dry ? "would be" : "are to be");
        else
            (void)printf("[target %s] %s %s at its top:\n", target, p->files[i].path,
                         is_dry ? "would get" : "is to get");
        print_block(&p->files[i].lines);
    }
    (void)fflush(stdout);
}

static bool
set_up_target(struct app *app, const char *name, const struct members *m,
              const struct hba_setup *how, struct err *e)
{
    own_hba_plan struct hba_plan plan = {0};
    own_hba_plan struct hba_plan done = {0};
    struct target *target = config_target(&app->config, name);
    bool changes = false;

    if (!reload_hba(target, m->clients, m->count, true, app->clock, &plan, e))
        return err_wrap(e, "[target %s]", name);
    changes = plan.files[HBA_RULES].is_changed || plan.files[HBA_IDENT].is_changed;
    if (changes && (!app->quiet || how->is_dry))
        print_plan(name, &plan, how->is_dry);
    if (how->is_dry) {
        if (!changes)
            (void)printf("[target %s] %s needs nothing\n", name, plan.files[HBA_RULES].path);
        return true;
    }
    if (changes && !how->may("Write these lines, and reload?", e))
        return err_wrap(e, "[target %s] pg_hba.conf", name);
    if (!reload_hba(target, m->clients, m->count, false, app->clock, &done, e))
        return err_wrap(e, "[target %s]", name);
    if (!app->quiet)
        (void)printf("[target %s] %s %s\n", name, plan.files[HBA_RULES].path,
                     !changes ? "is as it should be" : "is written and loaded");
    return true;
}

/* Where no server is known yet. */
static bool
show_only(struct members *m, struct err *e)
{
    static const char *const files[HBA_FILES] = {"pg_hba.conf", "pg_ident.conf"};
    own_list struct list everywhere = {0};
    own_hba_plan struct hba_plan plan = {0};

    if (!list_add(&everywhere, "all"))
        return err_memory(e);
    for (size_t i = 0; i < m->count; i++)
        if (m->clients[i].sources == NULL)
            m->clients[i].sources = &everywhere;
    if (!reload_hba_lines(m->clients, m->count, true, &plan.files[HBA_RULES].lines,
                          &plan.files[HBA_IDENT].lines, e))
        return false;
    for (size_t i = 0; i < HBA_FILES && m->count > 0; i++) {
        (void)printf("%s would get at its top:\n", files[i]);
        print_block(&plan.files[i].lines);
    }
    return true;
}

bool
hba_set_up(struct app *app, int count, char **names, const struct hba_setup *how, struct err *e)
{
    own_list struct list sources = {0};
    own_list struct list done = {0};
    own_members struct members m = {0};

    if (!read_sources("--hba-source", how->source, &sources, e) ||
        !find_members(app, how->source == NULL ? NULL : &sources, &m, e))
        return false;
    for (int i = 0; i < count; i++) {
        const struct certificate *c = config_certificate(&app->config, names[i]);

        if (c == NULL && !show_only(&m, e))
            return false;
        for (size_t t = 0; c != NULL && t < c->deploy.count; t++) {
            if (list_has(&done, c->deploy.items[t]))
                continue;
            if (!list_add(&done, c->deploy.items[t]))
                return err_memory(e);
            if (!set_up_target(app, c->deploy.items[t], &m, how, e))
                return false;
        }
    }
    return true;
}

void
hba_hint(const struct app *app)
{
    const struct config *c = &app->config;

    if (!app->json && !app->quiet)
        (void)fprintf(stderr, "pg_hba.conf follows by: pgcert setup --mutual-tls %s\n",
                      c->certificate_count == 1 ? c->certificates[0].name : "NAME");
}
