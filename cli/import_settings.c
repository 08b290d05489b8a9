/* import_settings.c: [issuer], [dns] and [certificate] of what another client has. */
#include "cli/import_settings.h"

#include "base/log.h"
#include "cli/setup_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

bool
import_settings_read(struct app *app, struct err *e)
{
    return settings_lack(app) ? config_read_beside(&app->config, app->config_path, app->clock, e)
                              : app_read_config(app, e);
}

/* ---- what is there ---- */

static const char *
value_of(const struct conf *conf, const char *kind, const char *name, const char *setting)
{
    const struct conf_section *s = conf_find(conf, kind, name);
    const struct conf_value *v = s == NULL ? NULL : conf_value_find(s, setting);

    return v == NULL ? NULL : v->text;
}

static bool
is_text(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Has the section these settings ("name = value"), and no others? */
static bool
is_like(const struct conf_section *s, const struct list *lines)
{
    if (s->value_count != lines->count)
        return false;
    for (size_t i = 0; i < s->value_count; i++) {
        own_mem char *line = str_format("%s = %s", s->values[i].name, s->values[i].text);

        if (line == NULL || !list_has(lines, line))
            return false;
    }
    return true;
}

/* Does another one of this run have another account at that issuer? */
static bool
is_taken(const struct import *im, const struct import_certificate *c, const char *issuer)
{
    for (size_t i = 0; i < im->certificate_count; i++)
        if (is_text(im->certificates[i]->issuer, issuer) &&
            im->certificates[i]->account != c->account)
            return true;
    return false;
}

static const struct conf_section *
find_issuer(const struct import *im, const struct conf *conf, const struct import_certificate *c,
            const char *dns)
{
    for (size_t i = 0; i < conf->section_count; i++) {
        const struct conf_section *s = &conf->sections[i];

        if (strcmp(s->kind, "issuer") == 0 &&
            is_text(value_of(conf, "issuer", s->name, "directory"), c->server) &&
            (dns == NULL || is_text(value_of(conf, "issuer", s->name, "dns"), dns)) &&
            !is_taken(im, c, s->name))
            return s;
    }
    return NULL;
}

/* The first of NAME, NAME-2, NAME-3 that is no section yet; free() it. */
static char *
free_name(const struct conf *conf, const char *kind, const char *name)
{
    char *tried = strdup(name);

    for (int n = 2; tried != NULL && conf_find(conf, kind, tried) != NULL; n++) {
        free(tried);
        tried = str_format("%s-%d", name, n);
    }
    return tried;
}

/* ---- [dns] ---- */

/* One file for each place where secrets come from, so that the same ones are found again. */
char *
import_secret_path(const struct app *app, const char *client, const struct import_dns *d, size_t i)
{
    unsigned char hash[EVP_MAX_MD_SIZE] = {0};
    char hex[9];

    if (EVP_Digest(d->origin, strlen(d->origin), hash, NULL, EVP_sha256(), NULL) != 1)
        return NULL;
    str_hex(hex, hash, 4);
    return str_format("%s/imported/%s-%s-%s-%s", app->config.settings.state, client, d->provider,
                      d->secrets[i].setting, hex);
}

static bool
dns_lines(const struct app *app, const struct import *im, const struct import_dns *d,
          struct list *lines, struct err *e)
{
    own_mem char *provider = str_format("provider = %s", d->provider);
    bool good = provider != NULL && list_add(lines, provider);

    for (size_t i = 0; good && i < d->settings.count; i++)
        good = list_add(lines, d->settings.items[i]);
    for (size_t i = 0; good && i < d->secret_count; i++) {
        own_mem char *path = import_secret_path(app, im->client->name, d, i);
        own_mem char *line = str_format("%s = %s", d->secrets[i].setting, path);

        good = path != NULL && line != NULL && list_add(lines, line);
    }
    return good || err_memory(e);
}

/* The section of these settings, added to the text when it is not there. */
static bool
own_dns(const struct app *app, const struct import *im, const struct import_certificate *c,
        struct str *text, char **name, struct err *e)
{
    const struct conf *conf = &app->config.conf;
    own_list struct list lines = {0};
    own_mem char *usual = str_format("%s-%s", im->client->name, c->dns.provider);
    bool good = true;

    if (usual == NULL)
        return err_memory(e);
    if (!dns_lines(app, im, &c->dns, &lines, e))
        return false;
    for (size_t i = 0; *name == NULL && i < conf->section_count; i++)
        if (strcmp(conf->sections[i].kind, "dns") == 0 && is_like(&conf->sections[i], &lines)) {
            *name = strdup(conf->sections[i].name);
            return *name != NULL || err_memory(e);
        }
    *name = free_name(conf, "dns", usual);
    good = *name != NULL && str_addf(text, "[dns %s]\n", *name);
    for (size_t i = 0; good && i < lines.count; i++)
        good = str_addf(text, "%s\n", lines.items[i]);
    return (good && str_add(text, "\n", 1)) || err_memory(e);
}

/* Who proves the names. *name stays NULL when any issuer of that server will do. */
static bool
choose_dns(const struct app *app, const struct import *im, const struct import_certificate *c,
           const struct import_wish *w, struct str *text, char **name, struct err *e)
{
    const struct conf *conf = &app->config.conf;
    const char *only = NULL;
    size_t count = 0;

    if (w->dns == NULL && c->dns.provider != NULL)
        return own_dns(app, im, c, text, name, e);
    for (size_t i = 0; i < conf->section_count; i++)
        if (strcmp(conf->sections[i].kind, "dns") == 0) {
            only = conf->sections[i].name;
            count++;
        }
    if (w->dns == NULL && find_issuer(im, conf, c, NULL) != NULL)
        return true;
    if (w->dns == NULL && count != 1)
        return err_set(e, ERR_CONFIG,
                       "how its names are proved cannot be taken over: %s; write a section [dns "
                       "NAME] (pgcert.conf(5)), then: pgcert import %s --dns NAME",
                       c->dns.why, im->client->name);
    *name = strdup(w->dns != NULL ? w->dns : only);
    return *name != NULL || err_memory(e);
}

/* ---- [issuer] ---- */

static bool
put(struct str *text, const char *name, const char *value, struct err *e)
{
    if (value == NULL)
        return true;
    if (!import_is_value(value))
        return err_set(e, ERR_INPUT, "'%s' cannot be the setting %s", value, name);
    return str_addf(text, "%s = %s\n", name, value) || err_memory(e);
}

static bool
put_list(struct str *text, const char *name, const struct list *values, struct err *e)
{
    own_str struct str all = {0};

    for (size_t i = 0; i < values->count; i++)
        if (!str_addf(&all, "%s%s", i > 0 ? " " : "", values->items[i]))
            return err_memory(e);
    return put(text, name, all.text, e);
}

static bool
choose_issuer(const struct app *app, const struct import *im, struct import_certificate *c,
              const char *dns, struct str *text, struct err *e)
{
    const struct conf *conf = &app->config.conf;
    const struct conf_section *s = find_issuer(im, conf, c, dns);
    const struct conf_section *like = find_issuer(im, conf, c, NULL);
    const char *trust = like == NULL ? NULL : value_of(conf, "issuer", like->name, "trust_file");
    const char *roots = like == NULL ? NULL : value_of(conf, "issuer", like->name, "ca_file");
    own_mem char *usual = import_issuer_name(c->server);

    if (s != NULL) {
        c->issuer = strdup(s->name);
        return c->issuer != NULL || err_memory(e);
    }
    c->issuer = usual == NULL ? NULL : free_name(conf, "issuer", usual);
    if (c->issuer == NULL || !str_addf(text, "[issuer %s]\n", c->issuer))
        return err_memory(e);
    if (!put(text, "directory", c->server, e))
        return false;
    if (c->account != NULL && !put_list(text, "contact", &c->account->contact, e))
        return false;
    return put(text, "agree_terms", "yes", e) && put(text, "dns", dns, e) &&
           put(text, "ca_file", roots, e) && put(text, "trust_file", trust, e) &&
           (str_add(text, "\n", 1) || err_memory(e));
}

/* ---- [certificate] ---- */

/* The settings have it: it must be of the same server, since its account goes to that. */
static bool
take_as_is(const struct app *app, struct import_certificate *c, struct err *e)
{
    const struct conf *conf = &app->config.conf;
    const char *issuer = value_of(conf, "certificate", c->name, "issuer");

    if (!is_text(value_of(conf, "issuer", issuer == NULL ? "" : issuer, "directory"), c->server))
        return err_set(e, ERR_CONFIG,
                       "the settings have a [certificate %s] already, of [issuer %s], and not of "
                       "'%s'",
                       c->name, issuer == NULL ? "" : issuer, c->server);
    c->issuer = strdup(issuer);
    return c->issuer != NULL || err_memory(e);
}

static bool
compose(const struct app *app, const struct import *im, struct import_certificate *c,
        const struct import_wish *w, struct str *text, struct err *e)
{
    own_mem char *dns = NULL;

    return (str_addf(text, "# Taken over from %s by pgcert import.\n", im->client->name) ||
            err_memory(e)) &&
           choose_dns(app, im, c, w, text, &dns, e) && choose_issuer(app, im, c, dns, text, e) &&
           (str_addf(text, "[certificate %s]\nissuer = %s\n", c->name, c->issuer) ||
            err_memory(e)) &&
           put_list(text, "names", &c->names, e) && put(text, "key_type", c->key_type, e) &&
           put(text, "renew_before", c->renew_before, e) && put(text, "deploy", w->deploy, e);
}

static bool
write_it(struct app *app, const char *path, const struct str *text, bool is_dry, struct err *e)
{
    struct err ignored = {0};

    if (is_dry)
        return conf_read_text(&app->config.conf, path, text->text, text->size, e);
    if (!settings_lack(app) && access(path, F_OK) == 0)
        return err_set(e, ERR_CONFIG,
                       "'%s' is there already, and is not touched; move it away, or write what "
                       "--dry-run shows",
                       path);
    if (settings_try(app, path, text, e))
        return true;
    config_done(&app->config);
    if (!import_settings_read(app, &ignored))
        log_debug("the settings cannot be read any more: %s", ignored.text);
    return false;
}

bool
import_settings(struct app *app, const struct import *im, struct import_certificate *c,
                const struct import_wish *w, struct str *text, char **path, struct err *e)
{
    if (conf_find(&app->config.conf, "certificate", c->name) != NULL)
        return take_as_is(app, c, e);
    *path = settings_path(app, c->name);
    if (*path == NULL)
        return err_set(e, ERR_INPUT, "'%s' cannot be the name of a file", c->name);
    if (!compose(app, im, c, w, text, e) || !write_it(app, *path, text, w->is_dry, e)) {
        free(c->issuer);
        c->issuer = NULL;
        return false;
    }
    return list_add(&c->did, "settings") || err_memory(e);
}
