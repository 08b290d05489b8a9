/* seclude.c: start the one who dials, and close the door. */
#include "cli/seclude.h"

#include "base/child.h"
#include "base/dial.h"
#include "base/fiber.h"
#include "base/log.h"
#include "base/syscalls.h"
#include "cli/cmd_dial.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Why the network is kept. NULL: it is not. */
static const char *
what_needs_network(const struct config *c)
{
    const char *const uris[] = {c->ca.root_key, c->ca.server_key, c->ca.client_key};

    for (size_t i = 0; i < COUNT(uris); i++)
        if (uris[i] != NULL)
            return "[ca]";
    for (size_t i = 0; i < c->target_count; i++)
        if (reload_needs_network(c->targets[i]))
            return c->targets[i]->name;
    return NULL;
}

bool
seclude_add_hosts(const struct config *c, struct list *hosts)
{
    for (size_t i = 0; i < c->target_count; i++)
        if (!reload_add_hosts(c->targets[i], hosts))
            return false;
    return true;
}

/* ---- the one who dials ---- */

/* What becomes of the forked child. */
struct birth {
    int socket;
    char *const *arguments;
};

static void
become_dialler(void *argument, struct child *self, int control)
{
    const struct birth *b = argument;
    int kept[] = {b->socket};

    (void)self;
    (void)control;
    child_keep_only(kept, COUNT(kept));
    if (dup2(b->socket, STDIN_FILENO) < 0)
        return;
    (void)execv("/proc/self/exe", b->arguments);
}

static bool
start_with(struct app *app, const struct list *hosts, const int ends[static 2], struct err *e)
{
    own_mem char **arguments = calloc(hosts->count + 4, sizeof(char *));
    struct birth birth = {ends[1], arguments};
    size_t count = 0;

    if (arguments == NULL)
        return err_memory(e);
    arguments[count++] = (char[]){"pgcert"};
    arguments[count++] = (char[]){"dial"};
    arguments[count++] = (char[]){CMD_DIAL_NOBODY};
    for (size_t i = 0; i < hosts->count; i++)
        arguments[count++] = hosts->items[i];
    app->seclusion.dialler = child_start_beside(geteuid(), NULL, become_dialler, &birth, e);
    return app->seclusion.dialler != NULL;
}

/* It answers before anything depends on it. */
static bool
try_it(struct err *e)
{
    struct address any[1];
    size_t count = 0;

    return dial_find(any, COUNT(any), &count, "127.0.0.1", 0, e);
}

static bool
start(struct app *app, struct err *e)
{
    own_list struct list hosts = {0};
    int ends[2] = {-1, -1};
    bool started = false;

    if (!seclude_add_hosts(&app->config, &hosts))
        return err_memory(e);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return err_errno(e, "make a channel to the process that makes connections");
    started = start_with(app, &hosts, ends, e);
    own_fd_drop(&ends[1]);
    if (!started) {
        own_fd_drop(&ends[0]);
        return false;
    }
    dial_by(ends[0]);
    return try_it(e);
}

/* ---- the door ---- */

bool
seclude(struct app *app, struct err *e)
{
    own_lock struct fiber_lock *held = fiber_lock(&app->seclusion.lock);
    struct seclusion *s = &app->seclusion;
    const char *needs = NULL;

    if (s->is_decided) {
        if (s->e.code != ERR_NONE) /* else what the caller knows stays */
            *e = s->e;
        return s->e.code == ERR_NONE;
    }
    s->is_decided = true;
    if (!child_may_switch() || !syscalls_can())
        return true;
    needs = what_needs_network(&app->config);
    if (needs != NULL) {
        log_debug("the network is kept, which '%s' needs", needs);
        return true;
    }
    if (start(app, e) && syscalls_enter(SYSCALLS_LOCAL, e))
        return true;
    (void)err_wrap(e, "the process that has keys is not confined");
    s->e = *e;
    return false;
}
