/* run.c: fork, execve, and listen until it has ended. */
#include "base/run.h"

#include "base/clock.h"
#include "base/fiber.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_MS 2000      /* between SIGTERM and SIGKILL */
#define LOOK_MS 20         /* how often to look where the kernel has no pidfd */
#define FIRST_SPARE 16     /* above whatever number a child's descriptors get */
#define TOLD_LINES 5       /* of its complaints, in our sentence */
#define TOLD_BYTES 600     /* of them at most */
#define SECRET_LEAST 4     /* bytes; a shorter value is a word that hides nothing */
#define KEPT_DESCRIPTORS 4 /* 0 1 2, and 3, which closes when the program begins */

/* One end of a pipe which is read here. */
struct ear {
    int fd;
    struct str *heard;
    bool keeps_end; /* the last bytes are wanted, not the first */
};

/* A program that runs. */
struct process {
    const struct run *r;
    struct run_result *result;
    struct ear ears[2];
    pid_t pid;
    int pidfd; /* -1: the kernel has none */
    bool ended;
    bool timed_out;
};

/* ---- in the child: system calls only ---- */

static void
become_default(void)
{
    sigset_t none;

    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
close_from(int first)
{
    struct rlimit limit = {.rlim_cur = 1024};

#ifdef SYS_close_range
    if (syscall(SYS_close_range, (unsigned)first, ~0U, 0) == 0)
        return;
#endif
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    for (rlim_t fd = (rlim_t)first; fd < limit.rlim_cur; fd++)
        (void)close((int)fd);
}

/* fds: what becomes 0, 1, 2, and 3, all of them above these. Comes back only with errno. */
static void
begin_program(const struct run *r, char *const *arguments, char *const *environment,
              const int fds[static KEPT_DESCRIPTORS], pid_t parent)
{
    for (int i = 0; i < KEPT_DESCRIPTORS; i++)
        if (dup3(fds[i], i, i == KEPT_DESCRIPTORS - 1 ? O_CLOEXEC : 0) < 0)
            return;
    close_from(KEPT_DESCRIPTORS);
    become_default();
    if (setpgid(0, 0) < 0 || chdir("/") < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return;
    if (getppid() != parent) {
        errno = ESRCH;
        return;
    }
    (void)execve(r->path, arguments, environment);
}

static void
run_child(const struct run *r, char *const *arguments, char *const *environment,
          const int fds[static KEPT_DESCRIPTORS], pid_t parent)
{
    int why = 0;

    begin_program(r, arguments, environment, fds, parent);
    why = errno;
    (void)!write(KEPT_DESCRIPTORS - 1, &why, sizeof(why));
    _exit(127);
}

/* ---- before it ---- */

/* A descriptor that is none of a child's standard ones, also where ours are closed. */
static bool
lift(int *fd)
{
    int lifted = fcntl(*fd, F_DUPFD_CLOEXEC, FIRST_SPARE);

    if (lifted < 0)
        return false;
    own_fd_drop(fd);
    *fd = lifted;
    return true;
}

static bool
make_pipe(int *reads, int *writes, struct err *e)
{
    int ends[2] = {-1, -1};

    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(e, "make a pipe");
    *reads = ends[0];
    *writes = ends[1];
    return (lift(reads) && lift(writes)) || err_errno(e, "make a pipe");
}

/* Its input as a file in memory, so that nobody has to feed it. */
static bool
open_input(const struct str *input, int *fd, struct err *e)
{
    *fd = input == NULL ? open("/dev/null", O_RDONLY | O_CLOEXEC)
                        : memfd_create("input", MFD_CLOEXEC);
    if (*fd < 0 || !lift(fd))
        return err_errno(e, "open an input");
    if (input != NULL && input->size > 0 &&
        (!file_write_all(*fd, input->text, input->size) || lseek(*fd, 0, SEEK_SET) != 0))
        return err_errno(e, "write an input");
    return true;
}

/* execve(2) wants them changeable, and does not change them. */
static char **
changeable(const char *const *texts)
{
    size_t count = 0;
    char **out = NULL;

    while (texts[count] != NULL)
        count++;
    out = calloc(count + 1, sizeof(*out));
    if (out != NULL)
        memcpy(out, texts, count * sizeof(*out));
    return out;
}

static char **
ended_list(const struct list *l)
{
    char **out = calloc(l->count + 1, sizeof(*out));

    if (out != NULL && l->count > 0)
        memcpy(out, l->items, l->count * sizeof(*out));
    return out;
}

static bool
no_start(const struct run *r, int why, struct err *e)
{
    bool is_there = access(r->path, F_OK) == 0;

    errno = why;
    if (why == ENOENT && is_there)
        return err_set(e, ERR_CONFIG,
                       "cannot run '%s': the interpreter that its first line names is not there",
                       r->path);
    if (why == ENOENT || why == ENOTDIR)
        return err_set(e, ERR_CONFIG, "cannot run '%s': there is no such program", r->path);
    if (why == ENOEXEC)
        return err_set(e, ERR_CONFIG,
                       "cannot run '%s': it is no program; the first line of a script says by what "
                       "it is run, as #!/bin/sh",
                       r->path);
    if (why == EACCES)
        return err_set(e, ERR_PERMISSION,
                       "cannot run '%s': it is not executable, or in a directory that we may not "
                       "enter; try: chmod +x",
                       r->path);
    return err_errno(e, "cannot run '%s'", r->path);
}

/* The fourth pipe ends without a word when the program has begun, else it brings an errno. */
static bool
await_start(struct process *p, int fd, struct err *e)
{
    int why = 0;
    ssize_t got = 0;

    do {
        got = read(fd, &why, sizeof(why));
    } while (got < 0 && errno == EINTR);
    if (got == 0)
        return true;
    while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    return no_start(p->r, got == (ssize_t)sizeof(why) ? why : EIO, e);
}

static bool
start(struct process *p, struct err *e)
{
    own_mem char **arguments = changeable(p->r->arguments);
    own_mem char **environment = ended_list(p->r->environment);
    own_fd int in = -1;
    own_fd int out = -1;
    own_fd int err = -1;
    own_fd int word_reads = -1;
    own_fd int word = -1;
    pid_t parent = getpid();

    if (arguments == NULL || environment == NULL)
        return err_memory(e);
    if (!open_input(p->r->input, &in, e) || !make_pipe(&p->ears[0].fd, &out, e) ||
        !make_pipe(&p->ears[1].fd, &err, e) || !make_pipe(&word_reads, &word, e))
        return false;
    p->pid = fork();
    if (p->pid < 0)
        return err_errno(e, "start a process for '%s'", p->r->path);
    if (p->pid == 0)
        run_child(p->r, arguments, environment, (int[]){in, out, err, word}, parent);
    own_fd_drop(&word);
    word = -1;
    if (!await_start(p, word_reads, e))
        return false;
    p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    return true;
}

/* ---- while it runs ---- */

/* Keeps the first or the last RUN_OUTPUT_MAX bytes. */
static bool
keep(struct ear *ear, const char *bytes, size_t size)
{
    struct str *s = ear->heard;
    size_t room = RUN_OUTPUT_MAX > s->size ? RUN_OUTPUT_MAX - s->size : 0;

    if (!ear->keeps_end)
        return str_add(s, bytes, size < room ? size : room);
    if (!str_add(s, bytes, size))
        return false;
    if (s->size <= 2 * RUN_OUTPUT_MAX) /* moved seldom, not at each read */
        return true;
    memmove(s->text, s->text + s->size - RUN_OUTPUT_MAX, RUN_OUTPUT_MAX + 1);
    s->size = RUN_OUTPUT_MAX;
    return true;
}

/* Reads once. False at the end, or when nothing can be read now. */
static bool
listen_once(struct ear *ear)
{
    char part[16384];
    ssize_t got = read(ear->fd, part, sizeof(part));
    bool kept = got > 0 && keep(ear, part, (size_t)got);

    explicit_bzero(part, got > 0 ? (size_t)got : 0);
    if (got < 0 && errno == EINTR)
        return true;
    if (got == 0 || (got > 0 && !kept))
        own_fd_drop(&ear->fd);
    if (got == 0 || (got > 0 && !kept))
        ear->fd = -1;
    return got > 0 && kept;
}

/* Has it ended? It stays to be waited for, so that its group's number is not another's yet. */
static bool
look(struct process *p)
{
    siginfo_t info = {0};

    if (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD)
        return true;
    return info.si_pid == p->pid;
}

/* Waits for output, for its end, or for the deadline. */
static void
attend(struct process *p, int64_t deadline_ms)
{
    struct pollfd polls[3] = {{.fd = p->ears[0].fd, .events = POLLIN},
                              {.fd = p->ears[1].fd, .events = POLLIN},
                              {.fd = p->pidfd, .events = POLLIN}};
    int64_t left = deadline_ms - clock_system.steady_ms(&clock_system);

    if (left < 0)
        left = 0;
    if (p->pidfd < 0 && left > LOOK_MS)
        left = LOOK_MS;
    if (fiber_poll(polls, 3, left < 60000 ? (int)left : 60000) <= 0)
        return;
    for (size_t i = 0; i < COUNT(p->ears); i++)
        if (polls[i].revents != 0)
            (void)listen_once(&p->ears[i]);
}

static void
attend_until(struct process *p, int64_t deadline_ms)
{
    while (!p->ended && clock_system.steady_ms(&clock_system) < deadline_ms) {
        attend(p, deadline_ms);
        p->ended = look(p);
    }
}

/* What it wrote last is in the pipes; what others write there still is not waited for. */
static void
drain(struct process *p)
{
    for (size_t i = 0; i < COUNT(p->ears); i++) {
        int fd = p->ears[i].fd;
        size_t rounds = 1024; /* a process left behind may write for ever */

        if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
            continue;
        while (rounds-- > 0 && listen_once(&p->ears[i]))
            continue;
    }
}

static void
end(struct process *p)
{
    int status = 0;

    if (p->timed_out)
        (void)kill(-p->pid, SIGKILL); /* who is left in the group, whether or not it has ended */
    drain(p);
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    p->result->status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    p->result->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void
await_end(struct process *p)
{
    int64_t now_ms = clock_system.steady_ms(&clock_system);

    attend_until(p, now_ms + p->r->timeout_ms);
    p->timed_out = !p->ended;
    if (p->timed_out) {
        (void)kill(-p->pid, SIGTERM);
        attend_until(p, clock_system.steady_ms(&clock_system) + GRACE_MS);
    }
    end(p);
}

/* ---- its complaints, in one sentence ---- */

static bool
is_secret(const struct list *secrets, const char *at, size_t *size)
{
    *size = 0;
    for (size_t i = 0; secrets != NULL && i < secrets->count; i++) {
        size_t length = strlen(secrets->items[i]);

        if (length >= SECRET_LEAST && length > *size && strncmp(at, secrets->items[i], length) == 0)
            *size = length;
    }
    return *size > 0;
}

/* Without the secrets, before it is cut anywhere. */
static bool
hide(const struct str *text, const struct list *secrets, struct str *out)
{
    size_t at = 0;

    while (at < text->size) {
        size_t size = 0;
        bool secret = is_secret(secrets, text->text + at, &size);

        if (!str_add(out, secret ? "***" : text->text + at, secret ? 3 : 1))
            return false;
        at += secret ? size : 1;
    }
    return true;
}

/* Where the last lines begin. */
static const char *
last_lines(const struct str *text)
{
    const char *at = text->text + text->size;
    int lines = 0;

    while (at > text->text && (size_t)(text->text + text->size - at) < TOLD_BYTES) {
        lines += at[-1] == '\n';
        if (lines >= TOLD_LINES)
            break;
        at--;
    }
    while (((unsigned char)*at & 0xc0) == 0x80) /* not inside of a character */
        at++;
    return at;
}

/* One line of them: "; " between two. "": it did not complain. */
static bool
complaint(const struct run *r, const struct run_result *result, struct str *out)
{
    own_str struct str hidden = {0};
    bool good = hide(result->err.size > 0 ? &result->err : &result->out, r->secrets, &hidden);

    while (hidden.size > 0 && strchr(" \t\r\n.", hidden.text[hidden.size - 1]) != NULL)
        hidden.text[--hidden.size] = '\0';
    if (!good || hidden.size == 0)
        return good;
    for (const char *at = last_lines(&hidden); good && *at != '\0';) {
        size_t line = strcspn(at, "\r\n");

        good = line == 0 ||
               (str_addf(out, "%s", out->size > 0 ? "; " : ": ") && str_add(out, at, line));
        at += line + strspn(at + line, "\r\n");
    }
    return good;
}

static bool
late(const struct run *r, const struct run_result *result, struct err *e)
{
    own_str struct str why = {0};
    char span[CLOCK_SPAN_SIZE];

    clock_span(span, r->timeout_ms);
    if (!complaint(r, result, &why))
        return err_memory(e);
    return err_set(e, ERR_TIMEOUT, "'%s' did not end within %s and was killed%s", r->path, span,
                   why.size > 0 ? why.text : "");
}

bool
run_judge(const struct run *r, const struct run_result *result, struct err *e)
{
    own_str struct str why = {0};

    if (result->signal == 0 && result->status == 0)
        return true;
    if (!complaint(r, result, &why))
        return err_memory(e);
    if (result->signal != 0)
        return err_set(e, ERR_NETWORK, "'%s' was ended by signal %d (%s)%s", r->path,
                       result->signal, strsignal(result->signal), why.size > 0 ? why.text : "");
    return err_set(e, ERR_NETWORK, "'%s' failed with status %d%s", r->path, result->status,
                   why.size > 0 ? why.text : ", without a word");
}

/* ---- the whole ---- */

bool
run_program(const struct run *r, struct run_result *result, struct err *e)
{
    struct process p = {
        .r = r,
        .result = result,
        .ears = {{.fd = -1, .heard = &result->out},
                 {.fd = -1, .heard = &result->err, .keeps_end = true}},
        .pidfd = -1,
    };
    bool good = start(&p, e);

    if (good)
        await_end(&p);
    for (size_t i = 0; i < COUNT(p.ears); i++)
        own_fd_drop(&p.ears[i].fd);
    own_fd_drop(&p.pidfd);
    return good && (!p.timed_out || late(r, result, e));
}

bool
run_set(struct list *environment, const char *name, const char *value)
{
    own_mem char *text = str_format("%s=%s", name, value);
    size_t size = strlen(name) + 1;

    for (size_t i = 0; text != NULL && i < environment->count; i++) {
        char **item = &environment->items[i];

        if (strncmp(*item, text, size) != 0)
            continue;
        explicit_bzero(*item, strlen(*item));
        own_mem_drop(item);
        *item = TAKE(text);
        return true;
    }
    return text != NULL && list_add(environment, text);
}

bool
run_inherit(struct list *environment, const char *name)
{
    const char *value = getenv(name);

    return value == NULL || run_set(environment, name, value);
}

void
run_result_done(struct run_result *result)
{
    str_done(&result->out);
    str_done(&result->err);
    *result = (struct run_result){0};
}
