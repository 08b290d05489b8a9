/* carrier_work.c: a fiber for each channel, and one that waits for the end. */
#include "cli/carrier_work.h"

#include "base/b64url.h"
#include "base/channel.h"
#include "base/fiber.h"
#include "base/log.h"
#include "cli/carrier_places.h"
#include "cli/carrier_words.h"
#include "cli/term.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

/* One fiber's. */
struct line {
    struct progress progress; /* first: the port is one of these */
    struct carrier_work *work;
    struct child *self; /* of the one that waits for the end; else NULL */
    int fd;
    const struct err *trouble; /* ERR_NONE: we are confined, and may work */
};

static bool
say(struct line *l, const struct json_t *words)
{
    own_mem char *text = words == NULL ? NULL : json_encode(words);
    struct err e = {0};

    return text != NULL && channel_send(l->fd, text, strlen(text), &e);
}

static void
say_progress(struct progress *p, const char *text)
{
    own_json struct json_t *words = json_new_object();

    json_put_text(words, "progress", text);
    if (!say((struct line *)p, words))
        log_debug("nobody is there to be told: %s", text);
}

/* ---- errands ---- */

typedef void errand_do(struct line *l, const struct json_t *q, struct carrier_answer *a,
                       struct str *chain_pem);

static struct issuer *
find_issuer(struct line *l, const struct json_t *q, struct err *e)
{
    const char *name = json_member_text(q, "issuer");
    struct issuer *issuer = name == NULL ? NULL : config_issuer(&l->work->app->config, name);

    if (issuer == NULL)
        (void)err_set(e, ERR_INTERNAL, "an errand to nobody");
    return issuer;
}

static bool
take_errand(struct line *l, const struct json_t *q, struct errand *errand, struct list *names,
            struct str *csr_der, struct err *e)
{
    const struct json_t *all = json_member(q, "names");
    const char *csr = json_member_text(q, "csr");

    *errand = (struct errand){.issuer = find_issuer(l, q, e),
                              .is_rehearsal = json_member_true(q, "is_rehearsal"),
                              .name = json_member_text(q, "certificate"),
                              .order_path = json_member_text(q, "order"),
                              .journal_path = json_member_text(q, "journal"),
                              .names = names,
                              .csr_der = csr_der,
                              .replaces = json_member_text(q, "replaces")};
    if (errand->issuer == NULL)
        return false;
    for (size_t i = 0; i < json_count(all); i++)
        if (json_item_text(all, i) == NULL || !list_add(names, json_item_text(all, i)))
            return err_memory(e);
    return (csr != NULL && b64url_decode(csr_der, csr)) || err_memory(e);
}

static void
issue(struct line *l, const struct json_t *q, struct carrier_answer *a, struct str *chain_pem)
{
    own_list struct list names = {0};
    own_str struct str csr_der = {0};
    struct errand errand = {0};

    a->done = take_errand(l, q, &errand, &names, &csr_der, &a->e) &&
              errand_issue(l->work->app, &errand, term_is_live() ? &l->progress : NULL, chain_pem,
                           &a->warning, &a->e);
}

static void
ask(struct line *l, const struct json_t *q, struct carrier_answer *a, struct str *chain_pem)
{
    struct issuer *issuer = find_issuer(l, q, &a->e);
    const char *url = json_member_text(q, "url");

    (void)chain_pem;
    a->done =
        issuer != NULL && url != NULL && errand_ask(l->work->app, issuer, url, &a->window, &a->e);
}

static void
sweep(struct line *l, const struct json_t *q, struct carrier_answer *a, struct str *chain_pem)
{
    (void)q;
    (void)chain_pem;
    a->done = errand_sweep(l->work->app, &a->e);
}

static const struct {
    const char *word;
    errand_do *run;
} errands[] = {{"issue", issue}, {"ask", ask}, {"sweep", sweep}};

/* One errand and its answer; the chain follows it. */
static bool
run_errand(struct line *l, const struct str *question)
{
    own_str struct str chain_pem = {0};
    struct carrier_answer a = {.window = {.explanation = NULL}};
    own_json struct json_t *q = json_decode(question->text, question->size, &a.e);
    own_json struct json_t *words = NULL;
    const char *what = json_member_text(q, "do");
    struct err e = {0};
    bool good = false;

    if (l->trouble->code != ERR_NONE)
        a.e = *l->trouble;
    for (size_t i = 0; a.e.code == ERR_NONE && what != NULL && i < COUNT(errands); i++)
        if (strcmp(errands[i].word, what) == 0)
            errands[i].run(l, q, &a, &chain_pem);
    if (!a.done && a.e.code == ERR_NONE)
        (void)err_set(&a.e, ERR_INTERNAL, "an errand that nobody knows");
    words = carrier_words_put_answer(&a);
    good = say(l, words) && channel_send(l->fd, chain_pem.text, chain_pem.size, &e);
    acme_window_done(&a.window);
    return good;
}

/* ---- its life ---- */

/* Debug lines begin with whose they are, where there are several. */
static void
name_it(const struct line *l, const struct str *question)
{
    struct err ignored = {0};
    own_json struct json_t *q = json_decode(question->text, question->size, &ignored);
    const char *name = json_member_text(q, "certificate");
    const struct certificate *c = name == NULL || l->work->count == 1
                                      ? NULL
                                      : config_certificate(&l->work->app->config, name);

    fiber_rename(c == NULL ? NULL : c->name);
}

static void
live(void *argument)
{
    struct line *l = argument;
    bool goes_on = true;

    fiber_rename(NULL);
    while (l->self != NULL && goes_on) {
        struct pollfd p = {.fd = l->fd, .events = POLLIN};

        if (fiber_poll(&p, 1, -1) > 0)
            goes_on = child_turn(l->self);
    }
    while (l->self == NULL && goes_on) {
        own_str struct str question = {0};
        struct err ignored = {0};

        goes_on = channel_receive(l->fd, CARRIER_WORDS_MAX, -1, &question, &ignored);
        if (goes_on)
            name_it(l, &question);
        goes_on = goes_on && run_errand(l, &question);
    }
}

/* Key files of other tools, which were read while we were root. */
static void
forget_keys(struct config *c)
{
    for (size_t i = 0; i < c->issuer_count; i++)
        if (c->issuers[i].type == ISSUER_FILES)
            files_forget_ahead(&c->issuers[i].files);
}

void
carrier_work(void *argument, struct child *self, int control)
{
    struct carrier_work *w = argument;
    own_mem struct line *lines = calloc(w->count + 1, sizeof(*lines));
    own_mem struct fiber_task *tasks = calloc(w->count + 1, sizeof(*tasks));
    own_mem int *kept = calloc(w->count + 1, sizeof(*kept));
    struct err trouble = {0}, e = {0};

    if (lines == NULL || tasks == NULL || kept == NULL)
        return;
    for (size_t i = 0; i <= w->count; i++) {
        kept[i] = i < w->count ? w->channels[i] : control;
        lines[i] = (struct line){.progress = {say_progress},
                                 .work = w,
                                 .self = i < w->count ? NULL : self,
                                 .fd = kept[i],
                                 .trouble = &trouble};
        tasks[i] = (struct fiber_task){"the network", &lines[i]};
    }
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* also not by who has started us */
    child_keep_only(kept, w->count + 1);
    w->app->lock = -1; /* that one is the parent's */
    forget_keys(&w->app->config);
    if (!carrier_places_confine(w->app, w->deployed, &trouble))
        (void)err_wrap(&trouble, "the process that speaks with issuers is not confined");
    if (!fiber_run(live, tasks, w->count + 1, &e))
        log_debug("the process that speaks with issuers ends: %s", e.text);
}

bool
carrier_work_end(void *argument, const struct str *question, struct str *answer, struct err *e)
{
    struct carrier_work *w = argument;

    (void)answer;
    if (question->size > 0)
        return err_set(e, ERR_INTERNAL, "errands have channels of their own");
    config_done(&w->app->config);
    return true;
}
