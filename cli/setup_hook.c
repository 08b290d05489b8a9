/* setup_hook.c: the deploy hook of certbot, as a file of three lines. */
#include "cli/setup_hook.h"

#include "base/child.h"
#include "base/file.h"
#include "base/reader.h"
#include "base/runnable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOOKS "renewal-hooks/deploy"
#define MARK                                                                                       \
    "#!/bin/sh\n# pgcert deploys what certbot has renewed;" /* how a file of ours begins           \
                                                             */
#define SIZE_MAX_HERE 65536
#define WRITE_MS 10000

/* ---- its text ---- */

/* Between single quotes a shell takes everything as it is, but those. */
static bool
add_quoted(struct str *text, const char *path, struct err *e)
{
    for (const char *c = path; *c != '\0'; c++)
        if (*c == '\'' || (unsigned char)*c < ' ')
            return err_set(e, ERR_CONFIG, "the path '%s' cannot be written into a script", path);
    return str_addf(text, "'%s'", path) || err_memory(e);
}

static bool
add_program(struct str *text, struct err *e)
{
    own_mem char *real = NULL;
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (size < 0)
        return err_errno(e, "find the path of this program");
    path[size] = '\0';
    if (access(path, X_OK) < 0)
        return err_errno(e, "this program has no path any more: '%s'", path);
    /* who renews runs it with his rights, for good */
    return runnable_check(path, geteuid(), &real, e) && add_quoted(text, real, e);
}

/* Settings elsewhere than where they are looked for must be said. */
static bool
add_settings(struct str *text, const char *config_path, struct err *e)
{
    own_mem char *real = NULL;

    if (strcmp(config_path, CONFIG_PATH) == 0)
        return true;
    real = realpath(config_path, NULL);
    if (real == NULL)
        return err_errno(e, "find '%s'", config_path);
    return (str_addf(text, " -c ") || err_memory(e)) && add_quoted(text, real, e);
}

static bool
compose(const struct app *app, struct str *text, struct err *e)
{
    return (str_addf(text, MARK " made by: pgcert setup --certbot-hook\nexec ") || err_memory(e)) &&
           add_program(text, e) && add_settings(text, app->config_path, e) &&
           (str_addf(text, " hook certbot\n") || err_memory(e));
}

/* ---- its place ---- */

/* certbot runs as root whatever is there: nobody else may be able to put something in its place. */
static bool
check_directory(const char *directory, struct err *e)
{
    struct stat s = {0};
    uid_t user = geteuid();

    if (user == 0 && !reader_find(directory, &user, e))
        return false;
    if (stat(directory, &s) < 0)
        return err_errno(e, "look at '%s'", directory);
    if (user != geteuid() || s.st_uid != geteuid() || (s.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return err_set(e, ERR_PERMISSION,
                       "'%s' can be changed by others than user %u; a hook is not written there",
                       directory, (unsigned)geteuid());
    return S_ISDIR(s.st_mode) || err_set(e, ERR_CONFIG, "'%s' is not a directory", directory);
}

/* certbot makes them at its first run. Each is judged before anything is made in it. */
static bool
make_directories(const char *certbot, struct err *e)
{
    static const char *const parts[] = {"", "/renewal-hooks", ("/" HOOKS)};
    mode_t ours = umask(022);
    bool good = true;

    for (size_t i = 0; good && i < COUNT(parts); i++) {
        own_mem char *path = str_format("%s%s", certbot, parts[i]);

        good = path == NULL
                   ? err_memory(e)
                   : (i == 0 || file_make_directory(path, 0755, e)) && check_directory(path, e);
    }
    (void)umask(ours);
    return good;
}

/* *is_same: it is there as it would be written. */
static bool
check_file(const char *path, const struct str *text, bool *is_same, struct err *e)
{
    own_str struct str there = {0};
    struct stat s = {0};
    bool found = false;

    *is_same = false;
    if (lstat(path, &s) < 0)
        return errno == ENOENT || err_errno(e, "look at '%s'", path);
    if (S_ISREG(s.st_mode) && !file_read_if_there(AT_FDCWD, path, SIZE_MAX_HERE, &there, &found, e))
        return false;
    if (there.size < strlen(MARK) || memcmp(there.text, MARK, strlen(MARK)) != 0)
        return err_set(e, ERR_CONFIG,
                       "'%s' is there already, and not of pgcert's making; move it away, or add to "
                       "it: pgcert hook certbot",
                       path);
    *is_same = (s.st_mode & 07777) == 0755 && there.size == text->size &&
               memcmp(there.text, text->text, text->size) == 0;
    return true;
}

static bool
find_certbot(const char *directory, struct err *e)
{
    struct stat s = {0};

    return stat(directory, &s) == 0 ||
           err_set(e, ERR_CONFIG,
                   "there is no '%s', where certbot keeps what it has; say where: "
                   "--certbot-directory DIRECTORY",
                   directory);
}

/* ---- as whom it is written ---- */

/* What is asked of, or written by, whoever certbot runs as. */
struct hook {
    const struct app *app;
    const char *certbot, *path;
    const struct str *text; /* NULL: it is not known yet */
};

/* Root's, also when we have become the owner of the state directory meanwhile. */
static uid_t
writer(void)
{
    return child_may_switch() ? 0 : geteuid();
}

/* The answer is one letter, and the text: '=' where it is there already. */
static bool
judge(void *argument, struct str *answer, struct err *e)
{
    const struct hook *h = argument;
    own_str struct str text = {0};
    bool is_same = false;

    return compose(h->app, &text, e) && find_certbot(h->certbot, e) &&
           check_file(h->path, &text, &is_same, e) &&
           (str_addf(answer, "%c%s", is_same ? '=' : '+', text.text) || err_memory(e));
}

static bool
write_it(void *argument, struct str *answer, struct err *e)
{
    const struct hook *h = argument;

    (void)answer;
    return make_directories(h->certbot, e) &&
           file_replace(AT_FDCWD, h->path, h->text->text, h->text->size, 0755, e);
}

bool
setup_hook_certbot(const struct app *app, const char *directory, bool is_dry,
                   bool (*may)(const char *question, struct err *e), struct err *e)
{
    own_str struct str judged = {0};
    own_str struct str text = {0};
    own_str struct str nothing = {0};
    own_mem char *path = str_format("%s/" HOOKS "/pgcert", directory);
    struct hook h = {.app = app, .certbot = directory, .path = path};
    bool is_same = false;

    if (path == NULL)
        return err_memory(e);
    if (!child_run_as(writer(), judge, &h, WRITE_MS, &judged, e))
        return false;
    is_same = judged.text[0] == '=';
    if (!str_addf(&text, "%s", judged.text + 1))
        return err_memory(e);
    h.text = &text;
    if (!app->quiet)
        (void)printf("%s '%s':\n\n%s\n", is_same ? "As it should be is" : "The hook of certbot,",
                     path, text.text);
    (void)fflush(stdout);
    return is_same || is_dry ||
           (may("Write this file, which certbot runs after each renewal?", e) &&
            child_run_as(writer(), write_it, &h, WRITE_MS, &nothing, e));
}
