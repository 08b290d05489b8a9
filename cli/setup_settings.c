/* setup_settings.c: the settings which setup adds: a certificate, a target, mutual_tls. */
#include "cli/setup_settings.h"

#include "base/file.h"
#include "base/log.h"
#include "cli/setup_ca.h"
#include "cli/setup_issuer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MUTUAL_TLS "mutual_tls = yes\n"

/* ---- what is missing ---- */

/* The one cluster which runs here. */
static bool
add_found_cluster(const struct settings_wish *w, struct str *text, struct err *e)
{
    struct clusters found = {0};
    size_t running = 0, which = 0;
    bool good = reload_find_clusters(&found, e);

    for (size_t i = 0; good && i < found.count; i++)
        if (found.items[i].running) {
            running++;
            which = i;
        }
    if (good && running == 0)
        good = err_set(e, ERR_CONFIG,
                       "no running PostgreSQL was found here; start it, or write a "
                       "section [target main] with its connection");
    else if (good && running > 1)
        good = err_set(e, ERR_CONFIG,
                       "%zu running PostgreSQL clusters were found here; write a section "
                       "[target NAME] with the connection of the one you mean",
                       running);
    if (good && !str_addf(text,
                          "[target main]\ntype = postgres\nconnection = host=%s port=%d "
                          "user=postgres dbname=postgres\n%s\n",
                          found.items[which].socket, found.items[which].port,
                          w->mutual_tls ? MUTUAL_TLS : ""))
        good = err_memory(e);
    clusters_done(&found);
    return good;
}

static bool
choose_target(const struct config *c, const struct settings_wish *w, struct str *text,
              const char **target, struct err *e)
{
    if (w->target != NULL) {
        *target = w->target;
        return config_target(c, w->target) != NULL ||
               err_set(e, ERR_USAGE, "--target %s: there is no section [target %s]", w->target,
                       w->target);
    }
    if (c->target_count > 1)
        return err_set(e, ERR_USAGE,
                       "there are %zu targets in the settings; say which: --target NAME",
                       c->target_count);
    *target = c->target_count == 1 ? c->targets[0]->name : "main";
    return c->target_count == 1 || add_found_cluster(w, text, e);
}

/* The text of the settings for a certificate that is not in them yet. *is_private: by our CA. */
static bool
compose(const struct config *c, const char *name, const struct settings_wish *w, struct str *text,
        bool *is_private, struct err *e)
{
    own_mem char *issuer = NULL;
    const char *target = NULL;
    const struct issuer *known = NULL;

    if ((w->names != NULL && !setup_issuer_is_line("--names", w->names, e)) ||
        !setup_issuer_choose(c, name, w, text, &issuer, e) ||
        !choose_target(c, w, text, &target, e))
        return false;
    known = config_issuer(c, issuer);
    *is_private = known == NULL ? strcmp(issuer, SETUP_CA_ISSUER) == 0 : known->type == ISSUER_CA;
    return (str_addf(text, "[certificate %s]\nissuer = %s\n%s = %s", name, issuer,
                     config_is_address(name) ? "addresses" : "names", name) &&
            (w->names == NULL || str_addf(text, ", %s", w->names)) &&
            str_addf(text, "\ndeploy = %s\n", target)) ||
           err_memory(e);
}

bool
settings_lack(const struct app *app)
{
    return access(app->config_path, F_OK) < 0 && errno == ENOENT;
}

char *
settings_path(const struct app *app, const char *name)
{
    const char *slash = strrchr(app->config_path, '/');
    int length = slash == NULL ? 0 : (int)(slash - app->config_path) + 1;
    bool is_wildcard = strncmp(name, "*.", 2) == 0;

    if (strchr(name, '/') != NULL || name[0] == '.' || name[0] == '\0')
        return NULL;
    if (settings_lack(app))
        return str_format("%s%s", slash == NULL ? "./" : "", app->config_path);
    return str_format("%.*sconf.d/%s%s.conf", length, app->config_path,
                      is_wildcard ? "wildcard." : "", is_wildcard ? name + 2 : name);
}

/* Opens it, made when missing. Nobody else may be able to put something in our way there. */
static bool
open_settings_directory(const char *path, int *fd, struct err *e)
{
    struct stat s = {0};
    mode_t ours = umask(022); /* the user who renews must be able to read */
    bool made = mkdir(path, 0755) == 0 || errno == EEXIST;

    (void)umask(ours);
    if (!made)
        return err_errno(e, "make the directory '%s'", path);
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd < 0 || fstat(*fd, &s) < 0)
        return err_errno(e, "open the directory '%s'", path);
    if ((s.st_uid != 0 && s.st_uid != geteuid()) || (s.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return err_set(e, ERR_PERMISSION,
                       "'%s' can be changed by others than root and us; settings are not written "
                       "there",
                       path);
    return true;
}

/* The whole text, or no file; one that exists is not touched. */
static bool
put_settings(int at, const char *made, const char *name, const struct str *text)
{
    own_fd int fd = -1;

    (void)unlinkat(at, made, 0); /* of a run that was killed */
    fd = openat(at, made, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd >= 0 && file_write_all(fd, text->text, text->size) && fchmod(fd, 0644) == 0 &&
           fsync(fd) == 0 && renameat2(at, made, at, name, RENAME_NOREPLACE) == 0 && fsync(at) == 0;
}

static bool
write_settings(const char *path, const struct str *text, struct err *e)
{
    const char *name = strrchr(path, '/') + 1;
    own_mem char *directory =
        name - path == 1 ? strdup("/") : strndup(path, (size_t)(name - path) - 1);
    own_mem char *made = str_format(".%s.new", name); /* not read as settings */
    own_fd int at = -1;
    int why = 0;

    if (directory == NULL || made == NULL)
        return err_memory(e);
    if (!open_settings_directory(directory, &at, e))
        return false;
    if (put_settings(at, made, name, text))
        return true;
    why = errno;
    (void)unlinkat(at, made, 0);
    errno = why;
    if (why == EEXIST)
        return err_set(e, ERR_CONFIG, "'%s' exists already; write the settings above into it",
                       path);
    return err_errno(e, "write '%s'", path);
}

/* Read again to find out whether the text is good settings together with those that are there. */
bool
settings_try(struct app *app, const char *path, const struct str *text, struct err *e)
{
    struct err ignored = {0};

    if (!write_settings(path, text, e))
        return false;
    config_done(&app->config);
    if (app_read_config(app, e))
        return true;
    if (!file_remove(AT_FDCWD, path, &ignored))
        log_debug("%s", ignored.text);
    return false;
}

/* Shows the new file, asks, writes it; the settings are read again then. */
static bool
add_file(struct app *app, const char *path, const struct str *text, bool is_private,
         const struct settings_wish *w, struct err *e)
{
    (void)printf("A new file '%s':\n\n%s\n", path, text->text);
    (void)fflush(stdout);
    if (is_private)
        setup_ca_announce(app, w->is_dry);
    return w->is_dry || (w->may("Write these settings?", e) && settings_try(app, path, text, e));
}

bool
settings_add_certificate(struct app *app, const char *name, const struct settings_wish *w,
                         struct err *e)
{
    own_str struct str text = {0};
    own_mem char *path = settings_path(app, name);
    bool is_private = false;

    if (path == NULL)
        return err_set(e, ERR_USAGE, "'%s' cannot be the name of a certificate", name);
    return compose(&app->config, name, w, &text, &is_private, e) &&
           add_file(app, path, &text, is_private, w, e);
}

/* A file of its own, since the section may stand in one that people write. */
static bool
add_mutual_tls(struct app *app, const char *target, const struct settings_wish *w, struct err *e)
{
    own_mem char *name = str_format("target-%s-mutual-tls", target);
    own_mem char *path = name == NULL ? NULL : settings_path(app, name);
    own_str struct str text = {0};

    if (path == NULL)
        return err_set(e, ERR_CONFIG, "write into the section [target %s]: mutual_tls = yes",
                       target);
    if (!str_addf(&text, "[target %s]\n" MUTUAL_TLS, target))
        return err_memory(e);
    return add_file(app, path, &text, false, w, e);
}

bool
settings_add_mutual_tls(struct app *app, const char *name, const struct settings_wish *w,
                        bool *added, struct err *e)
{
    const struct certificate *c = config_certificate(&app->config, name);
    own_list struct list lacking = {0};

    for (size_t i = 0; c != NULL && i < c->deploy.count; i++)
        if (!reload_wants_clients(config_target(&app->config, c->deploy.items[i])) &&
            !list_add(&lacking, c->deploy.items[i]))
            return err_memory(e);
    for (size_t i = 0; i < lacking.count; i++)
        if (!add_mutual_tls(app, lacking.items[i], w, e))
            return false;
    *added = lacking.count > 0;
    return true;
}
