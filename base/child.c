/* child.c: fork, drop everything, talk over a socketpair. */
#include "base/child.h"

#include "base/clock.h"
#include "base/confine.h"
#include "base/fiber.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAREWELL_MS 500 /* how long the last question may take */
#define GRACE_MS 100    /* and the end of who sees that nobody asks any more */
#define END_MS 5000     /* and of who is killed */

struct child {
    child_answerer *answerer;
    void (*prepare)(void *argument);
    child_work *work; /* NULL: it only answers */
    bool listens;
    void *argument;
    uid_t user;
    pid_t pid; /* 0: we are that user ourselves, there is no child */
    int socket;
    bool broken; /* killed, or died */
};

/* What precedes the bytes of an answer. Both ends are the same program, so it is sent as it is. */
struct reply {
    bool done;
    struct err e;
    size_t size;
};

/* ---- both ends ---- */

static bool
send_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;

    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        at += sent;
        size -= (size_t)sent;
    }
    return true;
}

/* False with errno: 0 when the other end is gone, ETIMEDOUT. A negative deadline waits for ever. */
static bool
receive_all(int fd, void *bytes, size_t size, int64_t deadline_ms)
{
    char *at = bytes;

    while (size > 0) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left = deadline_ms - clock_system.steady_ms(&clock_system);
        int ready = fiber_poll(&p, 1, deadline_ms < 0 ? -1 : left > 0 ? (int)left : 0);
        ssize_t got = 0;

        if (ready == 0)
            errno = ETIMEDOUT;
        if (ready == 0 || (ready < 0 && errno != EINTR))
            return false;
        if (ready < 0)
            continue;
        got = recv(fd, at, size, 0);
        if (got == 0)
            errno = 0;
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        if (got < 0)
            continue;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

static bool
receive_bytes(int fd, size_t size, int64_t deadline_ms, struct str *out)
{
    char part[4096];

    while (size > 0) {
        size_t now = size < sizeof(part) ? size : sizeof(part);
        bool got = receive_all(fd, part, now, deadline_ms) && str_add(out, part, now);

        explicit_bzero(part, sizeof(part)); /* it may have been a key */
        if (!got)
            return false;
        size -= now;
    }
    return true;
}

/* ---- another user ---- */

/* libpq would look for root's password file and certificates, and take root's settings. */
static bool
set_environment(const struct passwd *user)
{
    for (char **v = environ; *v != NULL;) {
        size_t size = strcspn(*v, "=");
        own_mem char *name = strncmp(*v, "PG", 2) == 0 ? strndup(*v, size) : NULL;

        if (name != NULL && unsetenv(name) == 0)
            v = environ; /* it moved */
        else
            v++;
    }
    return setenv("HOME", user->pw_dir, 1) == 0 && setenv("USER", user->pw_name, 1) == 0 &&
           setenv("LOGNAME", user->pw_name, 1) == 0;
}

#define BIT(capability) (1U << (capability)) /* of the first 32, as those here are */
#define KEPT (BIT(CAP_SETUID) | BIT(CAP_SETGID))

static bool is_task;     /* this process does nothing but answer */
static bool has_settled; /* we were root, and may still become others */
static bool is_bare;     /* root by number, without root's rights */

static bool
set_capabilities(uint32_t permitted, uint32_t effective)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{.permitted = permitted, .effective = effective}};

    return syscall(SYS_capset, &header, data) == 0;
}

bool
child_is_root(void)
{
    return geteuid() == 0 && !is_bare;
}

bool
child_may_switch(void)
{
    return has_settled || child_is_root();
}

static bool
take_identity(const struct passwd *user)
{
    return initgroups(user->pw_name, user->pw_gid) == 0 &&
           setresgid(user->pw_gid, user->pw_gid, user->pw_gid) == 0 &&
           setresuid(user->pw_uid, user->pw_uid, user->pw_uid) == 0;
}

/* Of root's rights nothing is left: the change of user takes them from root itself, and from who
 * has settled we do. What belongs to root may have any group, as if root had given it. */
static bool
change_user(const struct passwd *user)
{
    if (!has_settled)
        return take_identity(user);
    if (!set_capabilities(KEPT, KEPT) || !take_identity(user))
        return false;
    has_settled = false;
    is_bare = user->pw_uid == 0;
    return set_capabilities(is_bare ? BIT(CAP_SETGID) : 0, 0);
}

bool
child_become(const struct passwd *user, struct err *e)
{
    if (!change_user(user))
        return err_errno(e, "become '%s'", user->pw_name);
    /* when this returns true, no way leads back */
    if (user->pw_uid != 0 && (setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || geteuid() == 0))
        return err_set(e, ERR_PERMISSION, "become '%s': root could come back", user->pw_name);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || !set_environment(user))
        return err_errno(e, "become '%s'", user->pw_name);
    return true;
}

/* No program that is started ever has more rights than are kept, not even one of root's
 * (capabilities(7), "The securebits flags"). False: in a container, say, that does not allow it. */
static bool
bound_rights(void)
{
    for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
        if (i != CAP_SETUID && i != CAP_SETGID && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
            return false;
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
                                        SECBIT_NO_CAP_AMBIENT_RAISE |
                                        SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED) == 0;
}

/* Beside those that the user database says. */
static bool
join(gid_t group)
{
    gid_t groups[NGROUPS_MAX + 1];
    int count = getgroups(NGROUPS_MAX, groups);

    if (group == (gid_t)-1)
        return true;
    if (count < 0)
        return false;
    groups[count++] = group;
    return setgroups((size_t)count, groups) == 0;
}

bool
child_settle(const struct passwd *user, gid_t group, bool listens, struct err *e)
{
    bool is_other = user->pw_uid != 0;

    if (!bound_rights())
        return child_become(user, e);
    if (!take_identity(user) || !join(group) ||
        !set_capabilities(KEPT | (listens ? BIT(CAP_NET_BIND_SERVICE) : 0), 0) ||
        prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        !set_environment(user))
        return err_errno(e, "become '%s'", user->pw_name);
    if (is_other && (setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || geteuid() == 0))
        return err_set(e, ERR_PERMISSION, "become '%s': root's rights stay in force",
                       user->pw_name);
    has_settled = true;
    is_bare = !is_other;
    return true;
}

bool
child_join(gid_t group)
{
    bool joined = false;

    if (!is_bare || has_settled)
        return true;
    joined = set_capabilities(BIT(CAP_SETGID), BIT(CAP_SETGID)) && setgroups(1, &group) == 0;
    return set_capabilities(BIT(CAP_SETGID), 0) && joined;
}

/* ---- in the child ---- */

/* NULL: the one we are. */
static bool
become(const struct passwd *user, pid_t parent)
{
    struct err e = {0};
    bool good = user == NULL ? prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 : child_become(user, &e);

    /* the death signal comes after the change of user, which would have cleared it */
    return good && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

/* What we may do beyond our user's rights (to bind a port below 1024, say) the child need not. That
 * the kernel refuses to take it away is no reason to stop. */
static void
drop_capabilities(bool listens)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct had[2] = {{0}};
    /* who listens becomes another user by itself when it is root */
    uint32_t kept = !listens ? 0 : BIT(CAP_NET_BIND_SERVICE) | (geteuid() == 0 ? KEPT : 0U);

    if (syscall(SYS_capget, &header, had) < 0)
        kept = 0;
    kept &= had[0].permitted;
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    (void)set_capabilities(kept, kept & (had[0].effective | BIT(CAP_NET_BIND_SERVICE)));
    if ((kept & KEPT) == KEPT)
        return;
    has_settled = false;
    is_bare = geteuid() == 0;
}

static bool
answer_one(struct child *c)
{
    own_str struct str question = {0};
    own_str struct str answer = {0};
    struct reply r = {0};
    size_t size = 0;

    if (!receive_all(c->socket, &size, sizeof(size), -1) ||
        !receive_bytes(c->socket, size, -1, &question))
        return false;
    r.done = c->answerer(c->argument, &question, &answer, &r.e);
    if (r.done && answer.size > CHILD_ANSWER_MAX)
        r.done = err_set(&r.e, ERR_INTERNAL, "an answer of %zu bytes is too long", answer.size);
    r.size = r.done ? answer.size : 0;
    return send_all(c->socket, &r, sizeof(r)) && send_all(c->socket, answer.text, r.size) &&
           size > 0;
}

bool
child_turn(struct child *self)
{
    return answer_one(self);
}

static int
by_number(const void *a, const void *b)
{
    const int *one = a;
    const int *other = b;

    return (*one > *other) - (*one < *other);
}

void
child_keep_only(int *descriptors, size_t count)
{
    unsigned from = 0;
    int nothing = -1;

    log_lose_journal();
    qsort(descriptors, count, sizeof(*descriptors), by_number);
    for (size_t i = 0; i <= count; i++) {
        unsigned until = i < count ? (unsigned)descriptors[i] : UINT_MAX;

        /* 2 is standard error */
        if (from <= 2 && until > 2) {
            if (from < 2)
                (void)close_range(from, 1, 0);
            from = 3;
        }
        if (until > from)
            (void)close_range(from, i < count ? until - 1 : until, 0);
        from = until + 1;
    }
    /* a socket must not become 0 or 1, to which a library might write */
    nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing == 0)
        (void)dup2(nothing, 1);
}

bool
child_confine(const struct confine *c, struct err *e)
{
    return !is_task || confine_enter(c, e);
}

static void
serve(struct child *c)
{
    is_task = c->work == NULL;
    if (c->work != NULL) {
        drop_capabilities(c->listens);
        c->work(c->argument, c, c->socket);
        return;
    }
    if (c->prepare != NULL)
        c->prepare(c->argument);
    while (answer_one(c))
        continue;
}

/* ---- in the parent ---- */

static bool
fork_as(struct child *c, const struct passwd *user, struct err *e)
{
    int ends[2] = {-1, -1};
    pid_t parent = getpid();

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return err_errno(e, "make a socketpair");
    c->pid = fork();
    if (c->pid == 0) {
        (void)close(ends[0]);
        c->socket = ends[1];
        fiber_forget();
        if (become(user, parent))
            serve(c);
        _exit(0);
    }
    (void)close(ends[1]);
    c->socket = ends[0];
    if (c->pid > 0)
        return true;
    return user == NULL ? err_errno(e, "start a process")
                        : err_errno(e, "start a process as '%s'", user->pw_name);
}

static bool
start(struct child *c, uid_t user, struct err *e)
{
    const struct passwd *entry = NULL;
    bool is_ours = user == geteuid() && (user != 0 || !has_settled);

    if (is_ours || (user == geteuid() && c->work != NULL))
        return c->work == NULL || fork_as(c, NULL, e);
    if (!child_may_switch())
        return err_set(e, ERR_PERMISSION,
                       "this must be done as user %u, and we are user %u; run pgcert as that user "
                       "or as root",
                       (unsigned int)user, (unsigned int)geteuid());
    entry = getpwuid(user);
    if (entry == NULL)
        return err_set(e, ERR_PERMISSION,
                       "this must be done as user %u, who has no entry in the user database",
                       (unsigned int)user);
    return fork_as(c, entry, e);
}

/* A copy of `as`, started. */
static struct child *
start_like(const struct child *as, uid_t user, struct err *e)
{
    struct child *c = malloc(sizeof(*c));

    if (c == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    *c = *as;
    c->user = user;
    c->broken = !start(c, user, e);
    if (c->broken)
        child_stop(&c);
    return c;
}

struct child *
child_start_as(uid_t user, child_answerer *answerer, void (*prepare)(void *argument),
               void *argument, struct err *e)
{
    const struct child c = {
        .answerer = answerer, .prepare = prepare, .argument = argument, .socket = -1};

    return start_like(&c, user, e);
}

struct child *
child_start_beside(uid_t user, child_answerer *answerer, child_work *work, void *argument,
                   struct err *e)
{
    const struct child c = {.answerer = answerer, .work = work, .argument = argument, .socket = -1};

    return start_like(&c, user, e);
}

struct child *
child_start_listener(uid_t user, child_answerer *answerer, child_work *work, void *argument,
                     struct err *e)
{
    const struct child c = {
        .answerer = answerer, .work = work, .listens = true, .argument = argument, .socket = -1};

    return start_like(&c, user, e);
}

/* Who has settled may not signal other users: a process that becomes that user may. */
static void
kill_as(uid_t user, pid_t pid)
{
    const struct passwd *entry = getpwuid(user);
    pid_t killer = entry == NULL ? -1 : fork();

    if (killer == 0) {
        if (change_user(entry))
            (void)kill(pid, SIGKILL);
        _exit(0);
    }
    while (killer > 0 && waitpid(killer, NULL, 0) < 0 && errno == EINTR)
        continue;
}

/* False: it is still there, as one is for whom a disk does not answer. */
static bool
ends_within(pid_t pid, int ms)
{
    own_fd int process = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = {.fd = process, .events = POLLIN};

    return process < 0 || fiber_poll(&p, 1, ms) != 0;
}

/* One that does not end dies with us, at the latest. */
static void
end(struct child *c)
{
    own_fd_drop(&c->socket);
    c->socket = -1;
    if (c->pid > 0) {
        if (kill(c->pid, SIGKILL) < 0 && errno == EPERM && !ends_within(c->pid, GRACE_MS))
            kill_as(c->user, c->pid);
        if (!ends_within(c->pid, END_MS))
            log_debug("process %d does not end", (int)c->pid);
        else
            while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
                continue;
    }
    c->pid = -1;
    c->broken = true;
}

/* The child is gone or late: says which, and makes sure that it is gone. */
static bool
lose(struct child *c, int64_t timeout_ms, struct err *e)
{
    bool late = errno == ETIMEDOUT;

    end(c);
    if (late)
        return err_set(e, ERR_TIMEOUT, "the work did not end within %lld ms",
                       (long long)timeout_ms);
    return err_set(e, ERR_INTERNAL, "the process that did the work died");
}

bool
child_ask(struct child *c, const struct str *question, int64_t timeout_ms, struct str *answer,
          struct err *e)
{
    int64_t deadline_ms = clock_system.steady_ms(&clock_system) + timeout_ms;
    struct reply r = {0};

    if (c->broken)
        return err_set(e, ERR_INTERNAL, "the process that did the work is gone");
    if (c->pid == 0)
        return c->answerer(c->argument, question, answer, e);
    if (!send_all(c->socket, &question->size, sizeof(question->size)) ||
        !send_all(c->socket, question->text, question->size) ||
        !receive_all(c->socket, &r, sizeof(r), deadline_ms) || r.size > CHILD_ANSWER_MAX ||
        !receive_bytes(c->socket, r.size, deadline_ms, answer))
        return lose(c, timeout_ms, e);
    if (r.done)
        return true;
    /* through err_set(), because the child is trusted less than we are */
    r.e.text[sizeof(r.e.text) - 1] = '\0';
    (void)err_set(e, err_code_told(r.e.code), "%s", r.e.text);
    e->retry_at_s = r.e.retry_at_s;
    return false;
}

static void
drop(struct child **c)
{
    struct child *dropped = *c;

    *c = NULL;
    if (dropped == NULL)
        return;
    if (dropped->pid > 0)
        end(dropped);
    own_fd_drop(&dropped->socket);
    free(dropped);
}

void
child_end(struct child **c)
{
    if (*c != NULL && (*c)->pid > 0)
        (void)ends_within((*c)->pid, FAREWELL_MS);
    drop(c);
}

void
child_stop(struct child **c)
{
    struct str nothing = {0};
    own_str struct str ignored = {0};
    struct err e = {0};

    if (*c != NULL && !(*c)->broken && !child_ask(*c, &nothing, FAREWELL_MS, &ignored, &e))
        log_debug("the process that does the work ends badly: %s", e.text);
    drop(c);
}

/* ---- once ---- */

struct once {
    child_task *task;
    void *argument;
};

static bool
run_once(void *argument, const struct str *question, struct str *answer, struct err *e)
{
    struct once *once = argument;

    if (question->size == 0)
        return true;
    return once->task(once->argument, answer, e);
}

bool
child_run_as(uid_t user, child_task *task, void *argument, int64_t timeout_ms, struct str *answer,
             struct err *e)
{
    struct once once = {.task = task, .argument = argument};
    struct str go = {.text = (char[]){"go"}, .size = 2};
    own_child struct child *c = child_start_as(user, run_once, NULL, &once, e);

    return c != NULL && child_ask(c, &go, timeout_ms, answer, e);
}
