/* pgbackrest.c: pgBackRest's TLS server, which reads its files again at SIGHUP, and ends where it
 * cannot use them; so they are checked before.
 *
 * Source: pgBackRest's manual, "Command Reference", server; its src/command/server/server.c. */
#include "reload/place.h"
#include "reload/service.h"
#include "reload/target/pidfile.h"

#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"

#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CALM_MS 60 /* a fork or a reload of it takes 5 */
#define PROGRAM "pgbackrest"
#define COMMAND "server"
#define PORT 8432 /* tls-server-port */
#define REPLY_MS 5000
#define PROC_TEXT_MAX 65536
#define FOUND_MAX 64

struct pgbackrest_config {
    char *pid_file;
};

/* clang-format off */
static const struct option options[] = {
    {"pid_file", OPTION_PATH, offsetof(struct pgbackrest_config, pid_file), NULL, "a file with the server's process id; default: the one process 'pgbackrest server' of user run_as, else of the owner of the key's directory", NULL, 0, 0, false},
    {0},
};
/* clang-format on */

struct session {
    const struct pgbackrest_config *config;
    uid_t user; /* of the process; (uid_t)-1: not said, and not found out yet */
    bool does_signal;
};

/* ---- the process, looked for as its user ---- */

struct candidate {
    pid_t pid, parent;
};

static bool
is_number(const char *name)
{
    return name[strspn(name, "0123456789")] == '\0';
}

static bool
read_proc(const char *pid, const char *file, struct str *text)
{
    own_mem char *path = str_format("/proc/%s/%s", pid, file);
    struct err ignored = {0};

    return path != NULL && file_read(AT_FDCWD, path, PROC_TEXT_MAX, text, &ignored) &&
           text->size > 0;
}

/* Also when its package has been upgraded since: "/usr/bin/pgbackrest (deleted)". */
static bool
is_program(const char *pid)
{
    own_mem char *path = str_format("/proc/%s/exe", pid);
    char target[PATH_MAX + 1] = "";
    const char *name = NULL;

    if (path == NULL || readlink(path, target, PATH_MAX) < 0)
        return false;
    name = strrchr(target, '/');
    return name != NULL &&
           (strcmp(name, "/" PROGRAM) == 0 || strcmp(name, "/" PROGRAM " (deleted)") == 0);
}

/* "--config", whose value may be the next word. */
static bool
is_bare_option(const char *word)
{
    return word[0] == '-' && strchr(word, '=') == NULL;
}

/* Its one argument that is no option, nor the value of one, is the command. */
static bool
is_server(const char *pid)
{
    own_str struct str line = {0};
    const char *before = "";
    size_t count = 0;

    if (!read_proc(pid, "cmdline", &line))
        return false;
    for (const char *at = line.text + strlen(line.text) + 1; at < line.text + line.size;
         at += strlen(at) + 1) {
        if (strcmp(at, COMMAND) == 0)
            count++;
        else if (*at != '-' && !is_bare_option(before))
            return false;
        before = at;
    }
    return count == 1;
}

/* A line of /proc/PID/status, as strtoull() wants it; 0 where there is none. */
static unsigned long long
status_number(const struct str *status, const char *label, int base)
{
    const char *at = strstr(status->text, label);

    return at == NULL ? 0 : strtoull(at + strlen(label), NULL, base);
}

/* The processes that serve one client each look the same, and a signal would end a backup; but the
 * server alone catches SIGCHLD, and is no child of another. */
static bool
catches(const struct str *status, int signal)
{
    return (status_number(status, "\nSigCgt:", 16) >> (signal - 1) & 1) == 1;
}

static size_t
find_candidates(const struct list *pids, uid_t user, struct candidate found[static FOUND_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < pids->count && count < FOUND_MAX; i++) {
        own_mem char *path = str_format("/proc/%s", pids->items[i]);
        own_str struct str status = {0};
        struct stat s = {0};

        if (path == NULL || stat(path, &s) < 0 || s.st_uid != user || !is_program(pids->items[i]) ||
            !is_server(pids->items[i]) || !read_proc(pids->items[i], "status", &status) ||
            !catches(&status, SIGHUP) || !catches(&status, SIGCHLD))
            continue;
        found[count++] = (struct candidate){.pid = (pid_t)strtol(pids->items[i], NULL, 10),
                                            .parent = (pid_t)status_number(&status, "\nPPid:", 10)};
    }
    return count;
}

static bool
is_child(const struct candidate *one, const struct candidate *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (one->parent == all[i].pid)
            return true;
    return false;
}

static bool
find_process(uid_t user, pid_t *pid, struct err *e)
{
    own_list struct list pids = {0};
    struct candidate found[FOUND_MAX];
    size_t count = 0, servers = 0;

    if (!file_list("/proc", is_number, &pids, e))
        return false;
    count = find_candidates(&pids, user, found);
    for (size_t i = 0; i < count; i++) {
        if (is_child(&found[i], found, count))
            continue;
        *pid = found[i].pid;
        servers++;
    }
    if (servers == 0)
        return err_set(e, ERR_NETWORK, "user %u runs no '" PROGRAM " " COMMAND "'",
                       (unsigned int)user);
    return servers == 1 || err_set(e, ERR_CONFIG,
                                   "user %u runs %zu processes '" PROGRAM " " COMMAND
                                   "'; set pid_file to say which",
                                   (unsigned int)user, servers);
}

static bool
task_find(void *argument, struct str *answer, struct err *e)
{
    const struct session *s = argument;
    own_fd int process = -1;
    const char *file = s->config->pid_file;
    pid_t pid = 0;

    (void)answer;
    if (!(file != NULL ? pidfile_read(file, &pid, e) : find_process(s->user, &pid, e)))
        return false;
    if (!pidfile_hold(pid, &process, e) || !pidfile_has_name(pid, PROGRAM, e))
        return file == NULL ? false : err_wrap(e, "'%s'", file);
    return !s->does_signal || pidfile_send(process, SIGHUP, e);
}

static bool
run(struct session *s, bool does_signal, struct err *e)
{
    own_str struct str nothing = {0};

    s->does_signal = does_signal;
    if (s->config->pid_file != NULL && !pidfile_user(s->config->pid_file, &s->user, e))
        return false;
    return child_may_switch() ? child_run_as(s->user, task_find, s, REPLY_MS, &nothing, e)
                              : task_find(s, &nothing, e);
}

/* ---- the target ---- */

static void *
open_session(const struct target *t, struct err *e)
{
    struct session *s = calloc(1, sizeof(*s));
    const struct passwd *user = t->service->run_as == NULL ? NULL : getpwnam(t->service->run_as);

    if (s == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    s->config = t->config;
    s->user = user == NULL ? (uid_t)-1 : user->pw_uid;
    return s;
}

/* It would end at the signal, rather than read a key which its group can read too, unless root owns
 * it. */
static bool
check_modes(const struct target_view *view, struct err *e)
{
    for (size_t i = 0; i < view->file_count; i++) {
        const struct target_file *file = &view->files[i];
        own_place struct place place = {.fd = -1};

        if ((file->mode & (S_IRWXG | S_IRWXO)) == 0)
            continue;
        if (!place_find(&place, file->path, e))
            return false;
        if (place.about.st_uid != 0)
            return err_set(e, ERR_CONFIG,
                           "mode: the server takes a key of mode %04o only from a directory of "
                           "root's, which that of '%s' is not; set mode = 0600",
                           (unsigned)file->mode, file->path);
    }
    return true;
}

/* Whose process it is, where nobody says: its key must be its user's own, or root's. */
static bool
find_user(struct session *s, const struct target_view *view, struct err *e)
{
    own_place struct place place = {.fd = -1};
    size_t i = 0;

    if (s->config->pid_file != NULL || s->user != (uid_t)-1)
        return true;
    while (!form_is_secret(view->files[i].form))
        i++; /* there is one: service_check() */
    if (!place_find(&place, view->files[i].path, e))
        return false;
    if (place.about.st_uid == 0)
        return err_set(e, ERR_CONFIG,
                       "it is not said which server it is, for the key is in root's directory "
                       "'%s'; set run_as to the user of 'pgbackrest server', or pid_file",
                       place.directory);
    s->user = place.about.st_uid;
    return true;
}

/* It listens on one address, by default the first of localhost's. */
static bool
look(void *session, struct target_view *view, struct err *e)
{
    if (!check_modes(view, e))
        return false;
    if (view->addresses.count == 0) {
        if (!addresses_add(&view->addresses, "127.0.0.1", PORT, false, e) ||
            !addresses_add(&view->addresses, "::1", PORT, false, e))
            return false;
    }
    return find_user(session, view, e) && run(session, false, e);
}

/*
 * It binds its port anew when it reloads, and ends when it cannot: while a process that it has just
 * forked for a client still holds the old socket (seen with 2.45: "unable to bind socket"). Clients
 * that come in that very moment are not ours to hold back, but our own handshakes are.
 */
static bool
reload(void *session, struct err *e)
{
    bool told = false;

    clock_system.sleep_ms(&clock_system, CALM_MS);
    told = run(session, true, e);
    clock_system.sleep_ms(&clock_system, CALM_MS);
    return told;
}

static void
close_session(void *session)
{
    free(session);
}

const struct target_type target_pgbackrest = {
    .name = "pgbackrest",
    .options = options,
    .config_size = sizeof(struct pgbackrest_config),
    .is_service = true,
    .how = PROBE_TLS,
    .port = PORT,
    .open = open_session,
    .look = look,
    .reload = reload,
    .close = close_session,
};
