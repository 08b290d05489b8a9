/* pidfile.c: a server that writes its process id to a file and reads its files again at a signal.
 */
#include "reload/target/pidfile.h"

#include "base/child.h"
#include "base/file.h"
#include "reload/place.h"
#include "reload/target.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PID_TEXT_MAX 64
#define REPLY_MS 5000

struct pidfile_config {
    char *pid_file;
    char *process;
    int signal; /* index of the tables */
};

static const char *const signal_words[] = {"HUP", "USR1", "USR2", "INT", "WINCH", NULL};
static const int signals[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGWINCH};

/* clang-format off */
static const struct option options[] = {
    {"pid_file", OPTION_PATH, offsetof(struct pidfile_config, pid_file), NULL, "the file with its process id", NULL, 0, 0, true},
    {"process",  OPTION_TEXT, offsetof(struct pidfile_config, process),  NULL, "the name of its program; another process is not signalled, should the file be stale", NULL, 0, 0, false},
    {"signal",   OPTION_WORD, offsetof(struct pidfile_config, signal),   "HUP", "which makes it read its files again", signal_words, 0, 0, false},
    {0},
};
/* clang-format on */

/* ---- the process ---- */

static bool
not_there(const char *path, struct err *e)
{
    return err_set(e, ERR_NETWORK,
                   "the server does not run, or writes its process id elsewhere: there is no '%s'",
                   path);
}

bool
pidfile_user(const char *path, uid_t *user, struct err *e)
{
    own_place struct place place = {.fd = -1};
    struct stat s = {0};

    *user = geteuid();
    if (!child_may_switch())
        return true;
    if (!place_find(&place, path, e))
        return e->code == ERR_CREATE ? not_there(path, e) : false;
    /* into his own directory he goes himself */
    if (lstat(path, &s) < 0 && (errno != EACCES || place.about.st_uid == 0))
        return errno == ENOENT ? not_there(path, e) : err_errno(e, "look at '%s'", path);
    if (S_ISLNK(s.st_mode))
        return err_set(e, ERR_CONFIG,
                       "'%s' is a symbolic link, which does not say whose the process is; name the "
                       "file itself",
                       path);
    *user = place.about.st_uid != 0 ? place.about.st_uid : s.st_uid;
    return place.about.st_uid != 0 || place.others == NULL ||
           err_set(e, ERR_PERMISSION,
                   "root sends no signal by '%s', for somebody else can change '%s' on the way to "
                   "it",
                   path, place.others);
}

bool
pidfile_read(const char *path, pid_t *pid, struct err *e)
{
    own_str struct str text = {0};
    char *end = NULL;
    long number = 0;

    if (!file_read(AT_FDCWD, path, PID_TEXT_MAX, &text, e)) {
        if (errno == ENOENT)
            e->code = ERR_NETWORK;
        return err_wrap(e, "the server does not run, or writes its process id elsewhere");
    }
    errno = 0;
    number = text.size == 0 ? 0 : strtol(text.text, &end, 10);
    if (errno != 0 || number <= 1 || number > INT32_MAX || *(end + strspn(end, " \t\r\n")) != '\0')
        return err_set(e, ERR_CONFIG, "'%s' has no process id in it", path);
    *pid = (pid_t)number;
    return true;
}

bool
pidfile_hold(pid_t pid, int *process, struct err *e)
{
    int held = (int)syscall(SYS_pidfd_open, pid, 0);

    if (held < 0 && errno == ESRCH)
        return err_set(e, ERR_NETWORK, "process %d does not run", (int)pid);
    if (held < 0)
        return err_errno(e, "find process %d", (int)pid);
    *process = held;
    return true;
}

bool
pidfile_has_name(pid_t pid, const char *name, struct err *e)
{
    own_mem char *path = str_format("/proc/%d/comm", (int)pid);
    own_str struct str comm = {0};
    struct err ignored = {0};

    if (path == NULL)
        return err_memory(e);
    if (!file_read(AT_FDCWD, path, PID_TEXT_MAX, &comm, &ignored) || comm.size == 0)
        return err_set(e, ERR_NETWORK, "process %d does not run", (int)pid);
    comm.text[strcspn(comm.text, "\n")] = '\0';
    return name == NULL || strncmp(comm.text, name, 15) == 0 ||
           err_set(e, ERR_CONFIG,
                   "process %d is '%s' and not '%s'; is the file of a server that ended?", (int)pid,
                   comm.text, name);
}

bool
pidfile_send(int process, int signal, struct err *e)
{
    if (syscall(SYS_pidfd_send_signal, process, signal, NULL, 0) == 0)
        return true;
    return errno == ESRCH ? err_set(e, ERR_NETWORK, "the process has ended")
                          : err_errno(e, "send a signal to the process by the right of user %u",
                                      (unsigned)geteuid());
}

/* What is to be sent. */
struct order {
    const struct pidfile_config *config;
    int signal; /* 0: none, it is only seen whether that would be permitted */
};

static bool
task_signal(void *argument, struct str *answer, struct err *e)
{
    const struct order *o = argument;
    const struct pidfile_config *c = o->config;
    own_fd int process = -1;
    pid_t pid = 0;

    (void)answer;
    if (!pidfile_read(c->pid_file, &pid, e))
        return false;
    return (pidfile_hold(pid, &process, e) && pidfile_has_name(pid, c->process, e) &&
            pidfile_send(process, o->signal, e)) ||
           err_wrap(e, "'%s'", c->pid_file);
}

static bool
give(const struct pidfile_config *c, int signal, struct err *e)
{
    struct order o = {.config = c, .signal = signal};
    own_str struct str nothing = {0};
    uid_t user = 0;

    return pidfile_user(c->pid_file, &user, e) &&
           child_run_as(user, task_signal, &o, REPLY_MS, &nothing, e);
}

/* ---- the target ---- */

static void *
open_session(const struct target *t, struct err *e)
{
    (void)e;
    return t->config; /* nothing is held */
}

static bool
look(void *session, struct target_view *view, struct err *e)
{
    if (give(session, 0, e))
        return true;
    if (e->code != ERR_PERMISSION)
        return false;
    view->may_not = *e;
    *e = (struct err){0};
    return true;
}

static bool
reload(void *session, struct err *e)
{
    const struct pidfile_config *c = session;

    return give(c, signals[c->signal], e);
}

static void
close_session(void *session)
{
    (void)session;
}

const struct target_type target_pidfile = {
    .name = "pidfile",
    .options = options,
    .config_size = sizeof(struct pidfile_config),
    .is_service = true,
    .how = PROBE_TLS,
    .open = open_session,
    .look = look,
    .reload = reload,
    .close = close_session,
};
