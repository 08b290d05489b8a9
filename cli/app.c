/* app.c: options, settings, lock, and how errors end. */
#include "cli/app.h"

#include "base/child.h"
#include "base/dial.h"
#include "base/file.h"
#include "base/log.h"
#include "base/store.h"
#include "cli/carrier.h"
#include "cli/event.h"
#include "cli/share.h"
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

/* A program that root runs may count on root's rights. */
static bool
needs_root(const struct config *c)
{
    for (size_t i = 0; i < c->target_count; i++)
        if (reload_needs_root(c->targets[i]))
            return true;
    return false;
}

/* Becomes a user, be it root itself, and may still do what belongs to others as they. */
static bool
become(const struct app *app, uid_t user, struct err *e)
{
    const char *state = app->config.settings.state;
    const struct passwd *p = getpwuid(user);

    if (p == NULL)
        return err_set(e, ERR_PERMISSION,
                       "the state directory '%s' belongs to user %u, who does not exist", state,
                       (unsigned)user);
    /* the group of who deploys, to which root will give what is root's */
    if (!child_settle(p, user == 0 ? store_group() : (gid_t)-1, carrier_listens(app), e))
        return err_wrap(e, "the state directory '%s' belongs to '%s'", state, p->pw_name);
    log_debug("'%s' belongs to '%s': going on as that user", state, p->pw_name);
    return true;
}

/* Somebody else's: a member of the group may deploy from it. */
static bool
enter_as_guest(struct app *app, uid_t owner, struct err *e)
{
    const struct settings *s = &app->config.settings;

    if (!share_is_member())
        return err_set(e, ERR_PERMISSION,
                       "the state directory '%s' belongs to another user (%u); run pgcert as that "
                       "user%s%s%s or as root",
                       s->state, (unsigned)owner, s->deploy_group == NULL ? "" : ", in group '",
                       s->deploy_group == NULL ? "" : s->deploy_group,
                       s->deploy_group == NULL ? "" : "',");
    app->parts = APP_DEPLOY;
    return share_check(s, e);
}

bool
app_enter_state(struct app *app, struct err *e)
{
    const struct settings *settings = &app->config.settings;
    const char *state = settings->state;
    bool is_shared = settings->deploy_group != NULL;
    struct stat s = {0};

    if (!share_begin(settings, e))
        return false;
    app->parts = is_shared && !child_may_switch() ? APP_OBTAIN : APP_OBTAIN | APP_DEPLOY;
    if (lstat(state, &s) < 0)
        return errno == ENOENT || err_errno(e, "open the state directory '%s'", state);
    if (!S_ISDIR(s.st_mode))
        return err_set(e, ERR_CONFIG, "the state directory '%s' is not a directory", state);
    if (child_is_root() && s.st_uid == 0 && (app->is_watching || needs_root(&app->config)))
        return true;
    if (child_is_root()) {
        if (s.st_uid != 0)
            read_ahead(&app->config);
        return become(app, s.st_uid, e);
    }
    return s.st_uid == geteuid() || enter_as_guest(app, s.st_uid, e);
}

bool
app_may(const struct app *app, int parts, struct err *e)
{
    const struct settings *s = &app->config.settings;
    const struct passwd *user = NULL;
    struct stat about = {0};

    if ((app->parts & parts) == parts)
        return true;
    if (lstat(s->state, &about) < 0)
        return err_set(
            e, ERR_BUSY,
            "the state directory '%s' is not there yet; who renews makes it: pgcert renew",
            s->state);
    user = getpwuid(about.st_uid);
    return err_set(e, ERR_PERMISSION,
                   "[pgcert] deploy_group = %s: this is done by %s%s%sroot; as this user, try: "
                   "pgcert %s",
                   s->deploy_group,
                   parts == APP_OBTAIN   ? "the owner of the state directory, user '"
                   : parts == APP_DEPLOY ? "the members of that group, or by "
                                         : "",
                   parts == APP_OBTAIN ? (user == NULL ? "?" : user->pw_name) : "",
                   parts == APP_OBTAIN ? "', or by " : "",
                   app->parts == APP_DEPLOY ? "deploy" : "renew");
}

/* One of the two locks. */
static bool
lock_one(const struct app *app, bool is_deploying, int64_t wait_ms, int *fd, struct err *e)
{
    const struct settings *s = &app->config.settings;
    own_mem char *path = str_format("%s/lock", s->state);

    if (path == NULL)
        return err_memory(e);
    return is_deploying ? share_lock(s, wait_ms, fd, e) : file_lock(path, wait_ms, fd, e);
}

/* At once, or after a while, which is told. */
static bool
lock(const struct app *app, bool is_deploying, int *fd, struct err *e)
{
    int64_t wait_ms = app->config.settings.lock_wait_s * 1000;

    if (*fd >= 0 || lock_one(app, is_deploying, 0, fd, e))
        return true;
    if (e->code != ERR_BUSY || wait_ms <= 0)
        return false;
    progress_say(term_progress(), "waiting for another run of pgcert to end");
    return lock_one(app, is_deploying, wait_ms, fd, e);
}

/* Ours, and what nobody else may see is so. */
static bool
lock_own(struct app *app, struct err *e)
{
    own_mem char *records = str_format("%s/records", app->config.settings.state);
    own_mem char *orders = str_format("%s/orders", app->config.settings.state);

    return ((records != NULL && orders != NULL) || err_memory(e)) &&
           lock(app, false, &app->lock, e) && file_make_directory(records, 0700, e) &&
           file_make_directory(orders, 0700, e) && share_settle(&app->config.settings, e);
}

bool
app_lock_for(struct app *app, int parts, struct err *e)
{
    bool is_shared = app->config.settings.deploy_group != NULL;

    if (!app_enter_state(app, e) || !app_may(app, parts, e))
        return false;
    if ((app->parts & APP_OBTAIN) != 0 && (!share_make_state(&app->config.settings, e) ||
                                           !app_enter_state(app, e) || !lock_own(app, e)))
        return false;
    return !is_shared || (app->parts & APP_DEPLOY) == 0 || lock(app, true, &app->deploy_lock, e);
}

bool
app_lock(struct app *app, struct err *e)
{
    return app_lock_for(app, APP_OBTAIN, e);
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
    if (app->seclusion.dialler != NULL)
        dial_by(-1); /* so that it ends */
    child_end(&app->seclusion.dialler);
    config_done(&app->config);
    json_drop(&app->noted);
    own_fd_drop(&app->deploy_lock);
    own_fd_drop(&app->lock);
    app->lock = -1;
    app->deploy_lock = -1;
}
