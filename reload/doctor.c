/* doctor.c: ask a server and look at its files once, for all checks. */
#include "reload/doctor.h"

#include "base/child.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define DATA_DEPTH 2
#define HOME_KEY ".postgresql/postgresql.key"

/* ---- what the server says ---- */

struct doctor_setting
doctor_setting(const struct doctor_facts *facts, const char *name)
{
    const struct list *all = &facts->settings;

    for (size_t i = 0; i + DOCTOR_SETTING_FIELDS <= all->count; i += DOCTOR_SETTING_FIELDS)
        if (strcmp(all->items[i], name) == 0)
            return (struct doctor_setting){all->items[i], all->items[i + 1], all->items[i + 2],
                                           all->items[i + 3]};
    return (struct doctor_setting){"", "", "", ""};
}

/* PostgreSQL takes every unique beginning of these. */
bool
doctor_is_on(const char *value)
{
    static const char *const words[] = {"on", "true", "yes", "1"};
    size_t size = strlen(value);

    for (size_t i = 0; i < COUNT(words); i++)
        if (size > 0 && strncasecmp(value, words[i], size) == 0 &&
            (size > 1 || (value[0] != 'o' && value[0] != 'O')))
            return true;
    return false;
}

void
doctor_facts_done(struct doctor_facts *facts)
{
    list_done(&facts->settings);
    list_done(&facts->errors);
    list_done(&facts->hba_errors);
    list_done(&facts->ident_errors);
    list_done(&facts->rules);
}

/* ---- its files ---- */

char *
doctor_path(const struct examination *x, const char *value)
{
    if (value[0] == '\0')
        return NULL;
    if (value[0] == '/')
        return strdup(value);
    return x->directory == NULL ? NULL : str_format("%s/%s", x->directory, value);
}

bool
doctor_is_pastable(const struct doctor_file *file)
{
    return !file->is_link && finding_is_quotable(file->path);
}

const char *
doctor_user(uid_t user, char text[static DOCTOR_USER_SIZE])
{
    const struct passwd *entry = getpwuid(user);

    if (entry == NULL)
        (void)snprintf(text, DOCTOR_USER_SIZE, "%u", (unsigned)user);
    else
        (void)snprintf(text, DOCTOR_USER_SIZE, "%s", entry->pw_name);
    return text;
}

/* In a directory of that user's a link may stand there by the time the command runs: root's part
 * does not follow it, and the rest is done as that user. */
void
doctor_advise_key(const struct examination *x, const struct doctor_file *file, struct findings *f)
{
    char user[DOCTOR_USER_SIZE];

    (void)doctor_user(x->view.user, user);
    if (!doctor_is_pastable(file))
        finding_remedy(f, "have the file itself belong to %s with mode 0600", user);
    else if (geteuid() != 0)
        finding_remedy(f, "chmod 0600 '%s'", file->path);
    else
        finding_remedy(f, "chown -h %s '%s' && runuser -u %s -- chmod 0600 '%s'", user, file->path,
                       user, file->path);
}

/* Now and after a restart, each once. */
static bool
add_paths(const struct examination *x, const char *setting, bool is_directory, struct list *paths)
{
    struct doctor_setting s = doctor_setting(&x->facts, setting);
    const char *const values[] = {s.now, s.next};

    for (size_t i = 0; i < COUNT(values); i++) {
        own_mem char *path = doctor_path(x, values[i]);
        own_mem char *whole =
            path == NULL ? NULL : str_format("%s%s", path, is_directory ? "/" : "");

        if (whole != NULL && !list_has(paths, whole) && !list_add(paths, whole))
            return false;
    }
    return true;
}

static bool
list_paths(const struct examination *x, struct list *paths)
{
    static const struct {
        const char *setting;
        bool is_directory;
    } rows[] = {
        {"ssl_cert_file", false}, {"ssl_key_file", false},       {"ssl_ca_file", false},
        {"ssl_crl_file", false},  {"ssl_dh_params_file", false}, {"ssl_crl_dir", true},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        if (!add_paths(x, rows[i].setting, rows[i].is_directory, paths))
            return false;
    return true;
}

static char *
home_key(uid_t user)
{
    const struct passwd *entry = getpwuid(user);

    return entry == NULL || entry->pw_dir == NULL ? NULL
                                                  : str_format("%s/" HOME_KEY, entry->pw_dir);
}

/* Beside pgcert's file, where that is elsewhere. */
static bool
walk_beside(struct examination *x, struct err *e)
{
    const char *file = target_view_file(&x->view);
    const char *slash = file == NULL ? NULL : strrchr(file, '/');
    own_mem char *beside = slash == NULL ? NULL : strndup(file, (size_t)(slash - file));

    return beside == NULL || beside[0] == '\0' || strcmp(beside, x->directory) == 0 ||
           doctor_files_walk(x->view.user, beside, 1, &x->data, e);
}

/* What they say is not known: no check judges by a part of them. */
static void
tell_large(const struct examination *x, struct findings *f)
{
    for (size_t i = 0; i < x->files.count; i++) {
        struct err why = {0};

        if (x->files.items[i].trouble != EFBIG)
            continue;
        (void)err_set(&why, ERR_PERMISSION,
                      "'%s' was not read: it has more than %d MiB, or all files have together",
                      x->files.items[i].path, DOCTOR_TEXT_MIB);
        finding_unseen(f, x->target->name, &why);
    }
}

static bool
look_at_files(struct examination *x, struct findings *f, struct err *e)
{
    own_list struct list paths = {0};
    own_list struct list peeked = {0};
    struct doctor_setting directory = doctor_setting(&x->facts, "data_directory");
    struct err why = {0};

    if (!x->facts.is_local || x->view.user == (uid_t)-1) {
        /* for good, and by intent: nothing for an exit status to tell of */
        finding_add(f, FINDING_NOTE, x->target->name,
                    "its files are on another machine, and were not looked at");
        finding_remedy(f, "run pgcert doctor there, too");
        return true;
    }
    x->directory = directory.now[0] == '\0' ? NULL : strdup(directory.now);
    x->home_key = home_key(x->view.user);
    if (!list_paths(x, &paths) || (x->home_key != NULL && !list_add(&peeked, x->home_key)))
        return err_memory(e);
    x->has_files = doctor_files_read(x->view.user, &paths, &peeked, &x->files, &why);
    tell_large(x, f);
    x->has_data = x->has_files && x->directory != NULL &&
                  doctor_files_walk(x->view.user, x->directory, DATA_DEPTH, &x->data, &why) &&
                  walk_beside(x, &why);
    if (why.code != ERR_NONE)
        finding_unseen(f, x->target->name, &why);
    return true;
}

/* ---- all ---- */

static bool
ask(struct examination *x, struct target *t, struct clock *clock, struct findings *f, struct err *e)
{
    own_served struct served served = {0};
    own_deployment struct deployment d = {.target = t, .out = &served};
    struct err why = {0};

    if (t->type->examine == NULL)
        return true;
    if (!deployment_look(&d, &why) || !t->type->examine(d.session, &x->facts, f, &why)) {
        finding_unseen(f, t->name, &why);
        return true;
    }
    x->is_asked = true;
    x->ahead_s = x->facts.now_s == 0 ? 0 : x->facts.now_s - clock->now_s(clock);
    x->view = d.view;
    d.view = (struct target_view){.user = (uid_t)-1, .group = (gid_t)-1};
    return look_at_files(x, f, e);
}

struct examination *
reload_examine(struct target *t, struct clock *clock, struct findings *f, struct err *e)
{
    own_examination struct examination *x = calloc(1, sizeof(*x));

    if (x == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    x->target = t;
    x->now_s = clock->now_s(clock);
    return ask(x, t, clock, f, e) ? TAKE(x) : NULL;
}

void
reload_examination_drop(struct examination **x)
{
    if (*x == NULL)
        return;
    doctor_facts_done(&(*x)->facts);
    doctor_files_done(&(*x)->files);
    doctor_files_done(&(*x)->data);
    target_view_done(&(*x)->view);
    free((*x)->directory);
    free((*x)->home_key);
    free(*x);
    *x = NULL;
}

const char *
reload_examined_name(const struct examination *x)
{
    return x->target->name;
}

int64_t
reload_examined_ahead(const struct examination *x)
{
    return x->ahead_s;
}
