/* hook_match.c: compare real paths, then contents. */
#include "cli/hook_match.h"

#include "base/cert.h"
#include "base/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the same files ---- */

/* Both may be reached through links. */
static bool
is_same_path(const char *a, const char *b)
{
    own_mem char *one = realpath(a, NULL);
    own_mem char *other = realpath(b, NULL);

    return strcmp(a, b) == 0 || (one != NULL && other != NULL && strcmp(one, other) == 0);
}

static bool
is_below(const char *path, const char *directory)
{
    own_mem char *real = realpath(directory, NULL);
    const char *const names[] = {directory, real};

    for (size_t i = 0; i < COUNT(names); i++) {
        size_t size = names[i] == NULL ? 0 : strlen(names[i]);

        if (size > 0 && strncmp(path, names[i], size) == 0 && path[size] == '/')
            return true;
    }
    return false;
}

/* acme.sh has its own files, and copies them where they are wanted. */
static bool
is_copy(const struct files *f, const char *chain_file)
{
    own_str struct str ours = {0};
    own_str struct str theirs = {0};
    struct err ignored = {0};

    return reader_read(f->told_by, f->chain_file, CERT_PEM_MAX, &ours, &ignored) &&
           reader_read(f->told_by, chain_file, CERT_PEM_MAX, &theirs, &ignored) && ours.size > 0 &&
           ours.size == theirs.size && memcmp(ours.text, theirs.text, ours.size) == 0;
}

static bool
is_meant(const struct files *f, const struct hook_call *call)
{
    own_mem char *real = NULL;

    if (call->directory == NULL)
        return is_same_path(f->chain_file, call->chain_file) ||
               is_same_path(f->key_file, call->key_file) || is_copy(f, call->chain_file);
    real = realpath(f->chain_file, NULL);
    return is_below(f->chain_file, call->directory) ||
           (real != NULL && is_below(real, call->directory));
}

bool
hook_match(const struct app *app, const struct hook_call *call, struct list *names, struct err *e)
{
    const struct config *c = &app->config;

    for (size_t i = 0; i < c->certificate_count; i++) {
        const struct certificate *one = &c->certificates[i];

        if (one->issuer->type == ISSUER_FILES && is_meant(&one->issuer->files, call) &&
            !list_add(names, one->name))
            return err_memory(e);
    }
    return true;
}

/* ---- nobody's ---- */

/* The names in the certificate, when it can be read; the first one is the section's. */
static void
find_names(const struct app *app, const char *chain_file, struct list *names)
{
    own_str struct str pem = {0};
    own_chain struct chain chain = {0};
    struct err ignored = {0};

    if (reader_read(app->config_path, chain_file, CERT_PEM_MAX, &pem, &ignored) &&
        chain_from_pem(&chain, pem.text, pem.size, &ignored) && !cert_names(chain.certs[0], names))
        list_done(names);
}

/* A name that can be a section's, and nothing else in a settings file. */
static bool
is_plain(const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

    return name != NULL && name[0] != '\0' && name[0] != '.' && name[0] != '_' &&
           name[strspn(name, plain)] == '\0';
}

static void
print_certificate(const struct app *app, const char *client, const char *name,
                  const struct list *names)
{
    const struct config *c = &app->config;
    bool is_new = config_certificate(c, name) == NULL;

    (void)printf("\n[certificate %s]\nissuer = %s-%s\n", name, client, name);
    if (is_new && names->count > 0 && (names->count > 1 || strcmp(names->items[0], name) != 0)) {
        (void)printf("names =");
        for (size_t i = 0; i < names->count; i++)
            (void)printf("%s %s", i > 0 ? "," : "", names->items[i]);
        (void)printf("\n");
    }
    if (is_new)
        (void)printf("deploy = %s\n", c->target_count == 1 ? c->targets[0]->name : "main");
    if (is_new && c->target_count == 0)
        (void)printf("\n[target main]\nconnection = host=/var/run/postgresql port=5432 "
                     "user=postgres dbname=postgres\n");
}

/* Paths are shown as they were given, but no line of them is ours to be forged. */
static void
print_sections(const struct app *app, const char *client, const struct hook_call *call)
{
    own_list struct list names = {0};
    own_mem char *chain = strdup(call->chain_file);
    own_mem char *key = strdup(call->key_file);
    const char *name = "db.example.org";

    if (chain == NULL || key == NULL)
        return;
    err_tame(chain);
    err_tame(key);
    find_names(app, call->chain_file, &names);
    if (is_plain(call->name))
        name = call->name;
    else if (names.count > 0 && is_plain(names.items[0]))
        name = names.items[0];
    (void)printf("[issuer %s-%s]\ntype = files\nchain_file = %s\nkey_file = %s\n", client, name,
                 chain, key);
    print_certificate(app, client, name, &names);
    (void)fflush(stdout);
}

bool
hook_match_none(const struct app *app, const char *client, const struct hook_call *call,
                struct err *e)
{
    if (call->directory != NULL)
        return err_set(e, ERR_CONFIG,
                       "no certificate in the settings has its files below '%s'; add an [issuer "
                       "NAME] with type = files, its chain_file and key_file there, and a "
                       "[certificate NAME] of that issuer, or say where: pgcert hook %s DIRECTORY",
                       call->directory, client);
    if (!app->quiet)
        print_sections(app, client, call);
    return err_set(e, ERR_CONFIG,
                   "no certificate in the settings has the file '%s'; %s '%s', then: pgcert renew",
                   call->chain_file,
                   app->quiet ? "add its sections to" : "add the sections above to",
                   app->config_path);
}
