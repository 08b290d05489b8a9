/* event.c: the kinds of events, and their fields. units/pgcert.catalog explains each. */
#include "cli/event.h"

#include "base/log.h"
#include "cli/term.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum event_kind {
    EVENT_RENEWED,
    EVENT_DEPLOYED,
    EVENT_PROVED,
    EVENT_PUT_BACK,
    EVENT_NOT_PROVED,
    EVENT_FAILED,
    EVENT_CLIENTS,
    EVENT_REVOKED,
    EVENT_CRLS,
};

/* Ids are for ever: people select by them. */
/* clang-format off */
static const struct {
    const char *word, *id;
    enum log_level level;
    const char *help;
} kinds[] = {
    [EVENT_RENEWED]    = {"renewed",    "d8b1b818ac56425f89cb34fc1b431bbc", LOG_LEVEL_NOTICE,
                          "a new generation is issued, checked and stored"},
    [EVENT_DEPLOYED]   = {"deployed",   "472d8d9ab65f480db1ae04baf50a5052", LOG_LEVEL_INFO,
                          "it is in place at a target"},
    [EVENT_PROVED]     = {"proved",     "795f9b59e52e4b11b5946ef3e45d7281", LOG_LEVEL_INFO,
                          "every address of a target was seen to serve it"},
    [EVENT_PUT_BACK]   = {"put-back",   "0bab8ce8bd7d4eeaab941e7c704f64b8", LOG_LEVEL_ERR,
                          "a target did not serve it, got the previous one back, and serves that"},
    [EVENT_NOT_PROVED] = {"not-proved", "c77327e2fb174735a4d67c523d119170", LOG_LEVEL_ERR,
                          "a target serves neither, or it is not known: a human is needed now"},
    [EVENT_FAILED]     = {"failed",     "7a2eb707892f422fafee4eec83d62b59", LOG_LEVEL_ERR,
                          "something else has failed; a warning where a later run tries it again"},
    [EVENT_CLIENTS]    = {"clients",    "91c78c2e702847e697ec004c027d4dd4", LOG_LEVEL_INFO,
                          "what a target trusts of clients is proved"},
    [EVENT_REVOKED]    = {"revoked",    "3f7ddf7e7bda4451b02022b011703daa", LOG_LEVEL_NOTICE,
                          "a certificate of the private CA is revoked"},
    [EVENT_CRLS]       = {"crls",       "1146cf825a7240b9847f5e1edf425e33", LOG_LEVEL_INFO,
                          "the private CA has made new CRLs"},
};

static const char *const classes[] = {
    [ERR_NONE]       = NULL,
    [ERR_USAGE]      = "usage",
    [ERR_INPUT]      = "input",
    [ERR_REFUSED]    = "refused",
    [ERR_INTERNAL]   = "internal",
    [ERR_CREATE]     = "create",
    [ERR_SYSTEM]     = "system",
    [ERR_NETWORK]    = "network",
    [ERR_TIMEOUT]    = "timeout",
    [ERR_BUSY]       = "busy",
    [ERR_PROTOCOL]   = "protocol",
    [ERR_PERMISSION] = "permission",
    [ERR_CONFIG]     = "config",
    [ERR_PUT_BACK]   = "put-back",
    [ERR_UNPROVED]   = "unproved",
    [ERR_FOUND]      = "found",
};
/* clang-format on */

/* One of them; strings are borrowed. */
struct event {
    enum event_kind kind;
    enum err_code code;
    const struct report *report; /* NULL: it is not one certificate's */
    const char *target, *serial; /* NULL: none; the report's */
};

bool
event_kind(size_t i, const char **word, const char **id, const char **help)
{
    if (i >= COUNT(kinds))
        return false;
    *word = kinds[i].word;
    *id = kinds[i].id;
    *help = kinds[i].help;
    return true;
}

static bool
is_journal(void)
{
    return journal_has(STDERR_FILENO);
}

bool
event_is_line(void)
{
    return is_journal() && journal_has(STDOUT_FILENO);
}

static void
tell(const struct event *v, enum log_level level, const char *text)
{
    const struct report *r = v->report;
    const struct generation *g = r == NULL ? NULL : &r->plan.generation;
    bool has = g != NULL && g->number != 0;
    char number[24];
    const struct journal_field fields[] = {
        {"MESSAGE_ID", kinds[v->kind].id},
        {"PGCERT_EVENT", kinds[v->kind].word},
        {"PGCERT_ERROR", classes[v->code]},
        {"PGCERT_CERTIFICATE", r == NULL ? NULL : r->certificate->name},
        {"PGCERT_TARGET", v->target},
        {"PGCERT_GENERATION", has ? number : NULL},
        {"PGCERT_SERIAL", has ? g->serial : v->serial},
        {"PGCERT_SHA256", has ? g->sha256 : NULL},
        {NULL, NULL},
    };

    (void)snprintf(number, sizeof(number), "%lld", has ? (long long)g->number : 0);
    log_event(level, fields, "%s", text);
}

/* ---- what was done ---- */

static void PRINTF(2, 3) tell_done(const struct event *v, const char *format, ...)
{
    char text[2048];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    tell(v, kinds[v->kind].level, text);
}

static void
tell_proved(const struct report *r, const struct report_target *t)
{
    const struct event v = {.kind = EVENT_PROVED, .report = r, .target = t->name};
    char until[CLOCK_TEXT_SIZE];
    own_str struct str where = {0};

    for (size_t i = 0; i < t->served.endpoint_count; i++)
        if (!str_addf(&where, "%s %s", i > 0 ? "," : "", t->served.endpoints[i].address))
            break; /* out of memory: which ones is told by `status` */
    clock_minute(until, r->plan.generation.not_after_s);
    tell_done(&v, "%s: [target %s] proved, served until %s UTC on%s", r->certificate->name, t->name,
              until, where.size > 0 ? where.text : " every address");
}

static void
tell_target(const struct report *r, const struct report_target *t)
{
    const struct event v = {.kind = EVENT_DEPLOYED, .report = r, .target = t->name};

    /* one that is down has it for its next start */
    if (t->served.did_install && (t->e.code == ERR_NONE || t->e.code == ERR_NETWORK))
        tell_done(&v, "%s: [target %s] deployed%s%s", r->certificate->name, t->name,
                  t->served.file == NULL ? "" : ", in ",
                  t->served.file == NULL ? "" : t->served.file);
    if (t->did_prove && t->e.code == ERR_NONE)
        tell_proved(r, t);
}

void
event_report(const struct report *r)
{
    const struct event v = {.kind = EVENT_RENEWED, .report = r};
    const struct generation *g = &r->plan.generation;
    char until[CLOCK_TEXT_SIZE];

    if (!is_journal())
        return;
    clock_minute(until, g->not_after_s);
    if (list_has(&r->did, "renewed"))
        tell_done(&v, "%s: renewed by [issuer %s], generation %lld, until %s UTC",
                  r->certificate->name, g->issuer, (long long)g->number, until);
    for (size_t i = 0; i < r->target_count; i++)
        tell_target(r, &r->targets[i]);
}

/* ---- what failed ---- */

void
event_failed(const struct report *r, const char *target, const struct err *e, const char *again)
{
    const struct event v = {
        .kind = e->code == ERR_PUT_BACK   ? EVENT_PUT_BACK
                : e->code == ERR_UNPROVED ? EVENT_NOT_PROVED
                                          : EVENT_FAILED,
        .code = e->code,
        .report = r,
        .target = target,
    };
    bool is_temporary = err_is_temporary(e);
    char text[sizeof(e->text) + 80], when[CLOCK_TEXT_SIZE];

    term_clear();
    clock_text(when, e->retry_at_s);
    if (again != NULL)
        (void)snprintf(text, sizeof(text), "%s%s%s", e->text,
                       *again == '\0' ? "" : "; tried again in ", again);
    else if (is_temporary && e->retry_at_s != 0)
        (void)snprintf(text, sizeof(text), "%s; not tried again before %s", e->text, when);
    else
        (void)snprintf(text, sizeof(text), "%s%s", e->text,
                       is_temporary ? "; the next run tries again" : "");
    tell(&v, is_temporary ? LOG_LEVEL_WARNING : kinds[v.kind].level, text);
}

/* ---- clients, and the private CA ---- */

void
event_clients(const char *target, bool did_install)
{
    const struct event v = {.kind = EVENT_CLIENTS, .target = target};

    if (is_journal())
        tell_done(&v, "[target %s] what it trusts of clients: %sproved", target,
                  did_install ? "deployed, " : "");
}

void
event_revoked(const char *user, const char *serial)
{
    const struct event v = {.kind = EVENT_REVOKED, .serial = serial};

    if (is_journal())
        tell_done(&v, "the private CA has revoked certificate %s of '%s'", serial, user);
}

void
event_crls(void)
{
    const struct event v = {.kind = EVENT_CRLS};

    if (is_journal())
        tell_done(&v, "the private CA has made new CRLs");
}
