/* carrier_places.c: lists of paths, made from the settings. */
#include "cli/carrier_places.h"

#include "base/confine.h"

#include <stdlib.h>
#include <string.h>

/* Where programs of the administrator's may write, beside what `program_writes` says. */
static const char *const usual_places[] = {"/tmp",       "/var/tmp", "/run",     "/var/log",
                                           "/var/cache", "/dev/shm", "/dev/pts", "/dev/ptmx"};

struct places {
    struct list read, write, hidden;
    bool runs_programs, listens;
};

#define own_places __attribute__((cleanup(places_done)))

static void
places_done(struct places *p)
{
    list_done(&p->read);
    list_done(&p->write);
    list_done(&p->hidden);
}

static bool
add_beneath_state(struct list *l, const struct app *app, const char *name)
{
    own_mem char *path = str_format("%s/%s", app->config.settings.state, name);

    return path != NULL && list_add(l, path);
}

/* The directory, since a file is replaced by another one beside it. */
static bool
add_directory_of(struct list *l, const char *path)
{
    const char *slash = strrchr(path, '/');
    own_mem char *directory =
        slash == NULL || slash == path ? NULL : strndup(path, (size_t)(slash - path));

    return directory == NULL || list_add(l, directory);
}

static bool
add_environment(struct list *l, const char *name)
{
    const char *path = getenv(name);

    return path == NULL || path[0] != '/' || list_add(l, path);
}

/* ---- what the settings name ---- */

/* These are written, too. */
static bool
is_written(const char *option)
{
    return strcmp(option, "accounts_file") == 0 || strcmp(option, "state_file") == 0;
}

static bool
add_option(struct places *p, const struct conf_section *s, const struct option *o)
{
    const struct conf_value *v = conf_value_find(s, o->name);

    if (v == NULL)
        return true;
    if (o->type == OPTION_LIST && strcmp(o->name, "program_writes") == 0)
        return list_add_words(&p->write, v->text);
    if (o->type != OPTION_PATH || v->text[0] != '/')
        return true;
    /* the key of another tool's certificate */
    if (strcmp(o->name, "key_file") == 0)
        return list_add(&p->hidden, v->text);
    return (!is_written(o->name) || add_directory_of(&p->write, v->text)) &&
           list_add(&p->read, v->text);
}

/* The private CA's keys, wherever they are. */
static bool
add_ca(struct places *p, const struct conf_section *s)
{
    for (size_t i = 0; i < s->value_count; i++)
        if (s->values[i].text[0] == '/' && !list_add(&p->hidden, s->values[i].text))
            return false;
    return true;
}

static bool
add_section(struct places *p, const struct conf_section *s)
{
    struct config_tables all = config_tables(s);

    for (size_t t = 0; t < COUNT(all.tables) && all.tables[t] != NULL; t++)
        for (const struct option *o = all.tables[t]; o->name != NULL; o++)
            if (!add_option(p, s, o))
                return false;
    return true;
}

static bool
add_settings(struct places *p, const struct app *app)
{
    const struct conf *c = &app->config.conf;

    for (size_t i = 0; i < app->config.dns_count; i++) {
        p->runs_programs = p->runs_programs || app->config.dns[i]->provider->runs_programs;
        p->listens = p->listens || app->config.dns[i]->provider->listens;
    }
    for (size_t i = 0; i < c->section_count; i++)
        if (strcmp(c->sections[i].kind, "ca") == 0 ? !add_ca(p, &c->sections[i])
                                                   : (strcmp(c->sections[i].kind, "issuer") == 0 ||
                                                      strcmp(c->sections[i].kind, "dns") == 0) &&
                                                         !add_section(p, &c->sections[i]))
            return false;
    return add_environment(&p->write, "TMPDIR") &&
           add_environment(&p->read, "CREDENTIALS_DIRECTORY") &&
           add_environment(&p->read, "SSL_CERT_FILE") && add_environment(&p->read, "SSL_CERT_DIR");
}

/* ---- all of them ---- */

/* A program may read what it likes. */
static bool
add_for_programs(struct places *p)
{
    if (!list_add(&p->read, "/"))
        return false;
    for (size_t i = 0; i < COUNT(usual_places); i++)
        if (!list_add(&p->write, usual_places[i]))
            return false;
    return true;
}

/* Is one of them the other, or beneath it? */
static bool
is_near(const char *a, const char *b)
{
    size_t size = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

    while (size > 0 && a[size - 1] == '/')
        size--;
    return strncmp(a, b, size) == 0 && (a[size] == '/' || a[size] == '\0') &&
           (b[size] == '/' || b[size] == '\0');
}

static bool
is_near_any(const struct list *paths, const char *directory)
{
    for (size_t i = 0; i < paths->count; i++)
        if (is_near(paths->items[i], directory))
            return true;
    return false;
}

/* The directory of a server's key is the server's. Where something is to be read or written in it
 * or around it, it is a place for everybody's, and the key alone is hidden; what is said of it may
 * have been written by who deploys. */
static bool
hide_deployed(struct places *p, const char *file)
{
    own_list struct list directory = {0};
    own_mem char *previous = str_format("%s.previous", file);

    if (previous == NULL || !add_directory_of(&directory, file))
        return false;
    if (directory.count == 0)
        return true;
    if (is_near_any(&p->read, directory.items[0]) || is_near_any(&p->write, directory.items[0]))
        return list_add(&p->hidden, file) && list_add(&p->hidden, previous);
    return list_add(&p->hidden, directory.items[0]);
}

static bool
fill(struct places *p, const struct app *app, const struct list *deployed)
{
    if (!confine_add_system(&p->read) || !add_settings(p, app) ||
        !add_beneath_state(&p->write, app, "accounts") ||
        !add_beneath_state(&p->write, app, "records") ||
        !add_beneath_state(&p->write, app, "orders"))
        return false;
    for (size_t i = 0; i < deployed->count; i++)
        if (!hide_deployed(p, deployed->items[i]))
            return false;
    return (!p->runs_programs || add_for_programs(p)) &&
           add_beneath_state(&p->hidden, app, "certificates") &&
           (app->config.ca.directory == NULL || list_add(&p->hidden, app->config.ca.directory));
}

bool
carrier_places_confine(const struct app *app, const struct list *deployed, struct err *e)
{
    own_places struct places p = {.runs_programs = false};
    struct confine c = {.files = {.read = &p.read, .write = &p.write, .hidden = &p.hidden}};

    if (!fill(&p, app, deployed))
        return err_memory(e);
    c.files.may_listen = p.listens;
    c.what = p.runs_programs ? SYSCALLS_PROGRAMS : SYSCALLS_NETWORK;
    return confine_enter(&c, e);
}
