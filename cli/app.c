/* app.c: options, settings, lock, and how errors end. */
#include "cli/app.h"

#include "base/child.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/carrier.h"
#include "cli/event.h"
#include "cli/term.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool
app_read_config(struct app *app, struct err *e)
{
    return config_read(&app->config, app->config_path, app->clock, e);
}

/* The keys of other tools are root's mostly. */
static void
read_ahead(struct config *c)
{
    for (size_t i = 0; i < c->issuer_count; i++)
        if (c->issuers[i].type == ISSUER_FILES)
            files_read_ahead(&c->issuers[i].files);
}

/* Becomes a user, and may still do what belongs to others as they. */
static bool
become(uid_t user, const char *state, struct err *e)
{
    const struct passwd *p = getpwuid(user);

    if (p == NULL)
        return err_set(e, ERR_PERMISSION,
                       "the state directory '%s' belongs to user %u, who does not exist", state,
                       (unsigned)user);
    if (!child_settle(p, e))
        return err_wrap(e, "the state directory '%s' belongs to another user", state);
    log_debug("'%s' belongs to '%s': going on as that user", state, p->pw_name);
    return true;
}

bool
app_enter_state(struct app *app, struct err *e)
{
    const char *state = app->config.settings.state;
    struct stat s = {0};

    if (lstat(state, &s) < 0)
        return errno == ENOENT || err_errno(e, "open the state directory '%s'", state);
    if (!S_ISDIR(s.st_mode))
        return err_set(e, ERR_CONFIG, "the state directory '%s' is not a directory", state);
    if (geteuid() == 0 && s.st_uid != 0) {
        read_ahead(&app->config);
        return become(s.st_uid, state, e);
    }
    if (s.st_uid != geteuid())
        return err_set(
            e, ERR_PERMISSION,
            "the state directory '%s' belongs to another user (%u); run pgcert as that user "
            "or as root",
            state, (unsigned)s.st_uid);
    return true;
}

bool
app_lock(struct app *app, struct err *e)
{
    own_mem char *path = str_format("%s/lock", app->config.settings.state);
    own_mem char *records = str_format("%s/records", app->config.settings.state);
    own_mem char *orders = str_format("%s/orders", app->config.settings.state);
    int64_t wait_ms = app->config.settings.lock_wait_s * 1000;

    if (path == NULL || records == NULL || orders == NULL)
        return err_memory(e);
    if (app->lock >= 0)
        return true;
    if (!app_enter_state(app, e) || !file_make_directory(app->config.settings.state, 0700, e))
        return false;
    if (!file_lock(path, 0, &app->lock, e)) {
        if (e->code != ERR_BUSY || wait_ms <= 0)
            return false;
        progress_say(term_progress(), "waiting for another run of pgcert to end");
        if (!file_lock(path, wait_ms, &app->lock, e))
            return false;
    }
    return file_make_directory(records, 0700, e) && file_make_directory(orders, 0700, e);
}

static bool
is_among(struct certificate *const *some, size_t count, const struct certificate *one)
{
    for (size_t i = 0; i < count; i++)
        if (some[i] == one)
            return true;
    return false;
}

struct certificate **
app_select(const struct app *app, int argc, char **argv, size_t *count, struct err *e)
{
    size_t all = app->config.certificate_count;
    size_t wanted = argc > 0 ? (size_t)argc : all;
    own_mem struct certificate **selected = calloc(wanted + 1, sizeof(struct certificate *));

    if (selected == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    for (size_t i = 0; i < wanted; i++) {
        selected[i] =
            argc > 0 ? config_certificate(&app->config, argv[i]) : &app->config.certificates[i];
        if (selected[i] == NULL) {
            (void)err_set(e, ERR_USAGE,
                          "there is no certificate '%s' in the settings; try: pgcert status",
                          argv[i]);
            return NULL;
        }
    }
    *count = 0;
    for (size_t i = 0; i < wanted; i++)
        if (!is_among(selected, *count, selected[i]))
            selected[(*count)++] = selected[i];
    return TAKE(selected);
}

void
app_print_json(const struct json_t *object)
{
    own_mem char *text = json_encode_pretty(object);

    if (text != NULL)
        (void)fputs(text, stdout);
}

void
app_tell(const struct err *e)
{
    event_failed(NULL, NULL, e, NULL);
}

/* In order of gravity, the gravest first (see pgcert(1)); the other codes end a run at once. */
/* clang-format off */
static const struct {
    enum err_code code;
    int status;
} statuses[] = {
    {ERR_UNPROVED,   81},
    {ERR_PUT_BACK,   80},
    {ERR_CONFIG,     78},
    {ERR_PERMISSION, 77},
    {ERR_REFUSED,    69},
    {ERR_PROTOCOL,   76},
    {ERR_CREATE,     73},
    {ERR_SYSTEM,     74},
    {ERR_INPUT,      65},
    {ERR_INTERNAL,   70},
    {ERR_USAGE,      64},
    {ERR_FOUND,      82},
    {ERR_BUSY,       75},
    {ERR_TIMEOUT,    75},
    {ERR_NETWORK,    75},
    {ERR_NONE,        0},
};
/* clang-format on */

static size_t
rank(enum err_code code)
{
    size_t i = 0;

    while (i < COUNT(statuses) - 1 && statuses[i].code != code)
        i++;
    return i;
}

int
app_exit_status(enum err_code code)
{
    return statuses[rank(code)].status;
}

enum err_code
app_graver(enum err_code a, enum err_code b)
{
    return rank(a) <= rank(b) ? a : b;
}

void
app_done(struct app *app)
{
    carrier_stop(app);
    config_done(&app->config);
    json_drop(&app->noted);
    own_fd_drop(&app->lock);
    app->lock = -1;
}
