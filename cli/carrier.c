/* carrier.c: start it, take a channel, ask, show what it waits for, and hear the answer. */
#include "cli/carrier.h"

#include "base/channel.h"
#include "base/child.h"
#include "base/fiber.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/carrier_words.h"
#include "cli/carrier_work.h"
#include "cli/state.h"
#include "cli/term.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ERRAND_MS ((int64_t)3600 * 1000) /* it gives up much earlier by itself */

struct carrier {
    struct child *child;
    struct carrier_work work; /* the child's copy is its own */
    int *idle;                /* our ends that nobody uses now */
    size_t idle_count;
    int *theirs;
    size_t count;
    struct list deployed;
};

/* ---- birth and death ---- */

static void
drop(struct carrier *c)
{
    if (c == NULL)
        return;
    /* it sees that nobody will ask any more, and remembers what it knows */
    while (c->idle_count > 0)
        own_fd_drop(&c->idle[--c->idle_count]);
    child_stop(&c->child);
    for (size_t i = 0; c->theirs != NULL && i < c->count; i++)
        own_fd_drop(&c->theirs[i]);
    free(c->idle);
    free(c->theirs);
    list_done(&c->deployed);
    free(c);
}

static bool
make_directories(const struct app *app, struct err *e)
{
    static const char *const names[] = {"accounts", "records", "orders"};

    for (size_t i = 0; i < COUNT(names); i++) {
        own_mem char *path = str_format("%s/%s", app->config.settings.state, names[i]);

        if (path == NULL)
            return err_memory(e);
        if (!file_make_directory(path, 0700, e))
            return false;
    }
    return true;
}

static bool
make_channels(struct carrier *c, size_t count, struct err *e)
{
    c->idle = calloc(count, sizeof(*c->idle));
    c->theirs = calloc(count, sizeof(*c->theirs));
    if (c->idle == NULL || c->theirs == NULL)
        return err_memory(e);
    for (size_t i = 0; i < count; i++) {
        int ends[2] = {-1, -1};

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
            return err_errno(e, "make a channel to the process that speaks with issuers");
        c->idle[c->idle_count++] = ends[0];
        c->theirs[c->count++] = ends[1];
    }
    return true;
}

/* Files of servers that have a key in them, as far as they are known. */
static bool
find_deployed(struct list *deployed, const struct app *app, const struct certificate *c)
{
    own_state struct state s = {0};
    struct err ignored = {0};

    if (!state_load(&s, app->config.settings.state, c->name, &ignored))
        return true;
    for (size_t i = 0; i < c->deploy.count; i++) {
        const struct proof proof = state_proof(&s, c->deploy.items[i]);

        if (proof.file != NULL && proof.file[0] == '/' && !list_add(deployed, proof.file))
            return false;
    }
    return true;
}

bool
carrier_listens(const struct app *app)
{
    for (size_t i = 0; i < app->config.dns_count; i++)
        if (app->config.dns[i]->provider->listens)
            return true;
    return false;
}

static bool
start(struct carrier *c, struct app *app, struct err *e)
{
    size_t count = app->config.certificate_count;

    for (size_t i = 0; i < count; i++)
        if (!find_deployed(&c->deployed, app, &app->config.certificates[i]))
            return err_memory(e);
    count = count < 1 ? 1 : count > FIBERS_MAX ? FIBERS_MAX : count;
    if (!make_directories(app, e) || !make_channels(c, count, e))
        return false;
    c->work = (struct carrier_work){app, c->theirs, c->count, &c->deployed};
    c->child = (carrier_listens(app) ? child_start_listener : child_start_beside)(
        geteuid(), carrier_work_end, carrier_work, &c->work, e);
    for (size_t i = 0; i < c->count; i++) {
        own_fd_drop(&c->theirs[i]);
        c->theirs[i] = -1;
    }
    return c->child != NULL;
}

bool
carrier_start(struct app *app, struct err *e)
{
    struct carrier *c = NULL;

    if (app->carrier != NULL)
        return true;
    c = calloc(1, sizeof(*c));
    if (c == NULL)
        return err_memory(e);
    if (!start(c, app, e)) {
        drop(c);
        return false;
    }
    app->carrier = c;
    return true;
}

void
carrier_stop(struct app *app)
{
    drop(app->carrier);
    app->carrier = NULL;
}

/* ---- a conversation ---- */

/* Which is none of the issuer's faults. */
static bool
lose(struct err *e)
{
    (void)err_wrap(e, "the process that speaks with issuers");
    e->code = e->code == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_INTERNAL;
    e->is_ours = true;
    return false;
}

/* Shows what is waited for until there is an answer. */
static struct json_t *
hear(int fd, struct err *e)
{
    for (;;) {
        own_str struct str text = {0};
        own_json struct json_t *words = NULL;
        const char *progress = NULL;

        if (!channel_receive(fd, CARRIER_WORDS_MAX, ERRAND_MS, &text, e))
            return NULL;
        words = json_decode(text.text, text.size, e);
        if (words == NULL)
            return NULL;
        progress = json_member_text(words, "progress");
        if (progress == NULL)
            return TAKE(words);
        progress_say(term_progress(), "%s", progress);
    }
}

static bool
converse(int fd, const struct json_t *question, struct carrier_answer *a, struct str *chain_pem,
         struct err *e)
{
    own_mem char *text = json_encode(question);
    own_json struct json_t *words = NULL;

    if (text == NULL)
        return err_memory(e);
    if (!channel_send(fd, text, strlen(text), e))
        return false;
    words = hear(fd, e);
    return words != NULL && channel_receive(fd, CARRIER_CHAIN_MAX, ERRAND_MS, chain_pem, e) &&
           carrier_words_take_answer(words, a, e);
}

/* A channel that has failed is not used again. */
static bool
run(struct app *app, const struct json_t *question, struct carrier_answer *a, struct str *chain_pem,
    struct err *e)
{
    struct carrier *c = app->carrier;
    own_fd int fd = -1;

    if (c->idle_count == 0) {
        (void)err_set(e, ERR_NETWORK, "all of its channels are gone");
        return lose(e);
    }
    fd = c->idle[--c->idle_count];
    if (!converse(fd, question, a, chain_pem, e))
        return lose(e);
    c->idle[c->idle_count++] = fd;
    fd = -1;
    if (!a->done)
        *e = a->e;
    return a->done;
}

/* ---- errands ---- */

bool
carrier_issue(struct app *app, const struct errand *errand, struct str *chain_pem,
              struct err *warning, struct err *e)
{
    own_json struct json_t *question = NULL;
    own_str struct str chain = {0};
    struct carrier_answer a = {.done = false};
    bool done = false;

    if (app->carrier == NULL)
        return errand_issue(app, errand, term_progress(), chain_pem, warning, e);
    question = carrier_words_put_errand(errand, e);
    done = question != NULL && run(app, question, &a, &chain, e);
    acme_window_done(&a.window);
    if (a.warning.code != ERR_NONE)
        *warning = a.warning;
    return done && (str_add(chain_pem, chain.text, chain.size) || err_memory(e));
}

bool
carrier_ask(struct app *app, struct issuer *issuer, const char *url, struct acme_window *w,
            struct err *e)
{
    own_json struct json_t *question = NULL;
    own_str struct str nothing = {0};
    struct carrier_answer a = {.done = false};
    bool done = false;

    if (app->carrier == NULL)
        return errand_ask(app, issuer, url, w, e);
    question = json_new_object();
    json_put_text(question, "do", "ask");
    json_put_text(question, "issuer", issuer->name);
    json_put_text(question, "url", url);
    done = run(app, question, &a, &nothing, e);
    if (done && a.window.start_s >= a.window.end_s)
        done = err_set(e, ERR_PROTOCOL, "the process that speaks with issuers tells no window");
    if (done)
        *w = a.window;
    else
        acme_window_done(&a.window);
    return done;
}

bool
carrier_sweep(struct app *app, struct err *e)
{
    own_json struct json_t *question = NULL;
    own_str struct str nothing = {0};
    struct carrier_answer a = {.done = false};
    bool done = false;

    if (app->carrier == NULL)
        return errand_sweep(app, e);
    question = json_new_object();
    json_put_text(question, "do", "sweep");
    done = run(app, question, &a, &nothing, e);
    acme_window_done(&a.window);
    return done;
}
