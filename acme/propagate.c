/* propagate.c: ask name servers until all of them have the records. */
#include "acme/propagate.h"
#include "acme/nameserver.h"
#include "acme/soa.h"
#include "base/dnsio.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_PAUSE_MS 50
#define LAST_PAUSE_MS 5000
#define PATIENCE_MS 3000 /* then an address is silent for now */
#define SAY_PAUSE_MS 200 /* between two lines of progress */
#define NAMED_MAX 4      /* servers that an error names */
#define CNAMES_MAX 8     /* followed within one answer */
#define IN_A_ROW 3       /* answers with the record, from an address that once was without it */

/* A name that one server, at one of its addresses, is asked for. */
struct ask {
    const char *name;   /* one of w->places */
    const char *server; /* the name server's name; "": it has none */
    const char *zone;   /* that it is a server of */
    bool has;           /* all values */
    bool failed;        /* no answer, the last time */
    bool was_without;   /* it has answered without the record */
    int in_a_row;       /* answers with the record since then */
    int64_t pause_ms;
    char said[200]; /* what it said instead */
};

struct wait {
    struct dns *d;
    const struct dns_txt *records;
    const char **places; /* for each record: the name where its value is, behind the CNAMEs that we
                            know of; one pointer for one name */
    struct list names;   /* owns what places point to */
    size_t record_count;
    struct ask *asks;
    struct dnsio_task *tasks; /* of the same number */
    size_t count, room;
    size_t waiting;              /* neither has nor failed */
    struct propagate_look *look; /* NULL: until all have it */
    struct progress *progress;
    int64_t said_ms;
};

/* ------------------------------------------------------------------ one answer */

/* Follows the CNAMEs that the answer itself has. */
static const char *
end_of_cnames(const struct dns_answer *answer, const char *name)
{
    for (int turn = 0; turn < CNAMES_MAX; turn++) {
        const struct dns_record *r = NULL;
        const char *next = NULL;

        for (size_t i = 0; (r = dns_next(answer, DNS_ANSWER, DNS_TYPE_CNAME, &i)) != NULL;)
            if (strcasecmp(r->owner, name) == 0)
                next = r->data;
        if (next == NULL)
            break;
        name = next;
    }
    return name;
}

/* Is that TXT record what record number n shall be? Says what is wrong with one that is nearly. */
static bool
is_wanted(const struct wait *w, size_t n, const struct dns_record *r, struct ask *a)
{
    const char *value = w->records[n].value;
    const char *wrong = NULL;

    if (w->look == NULL)
        return r->size == strlen(value) && memcmp(r->data, value, r->size) == 0;
    wrong = w->look->judge(w->look->context, n, r->data, r->size);
    if (wrong != NULL && wrong[0] != '\0')
        (void)snprintf(a->said, sizeof(a->said), "%s", wrong);
    return wrong == NULL;
}

/* Is it among the TXT records there? */
static bool
has_record(const struct wait *w, size_t n, const struct dns_answer *answer, const char *name,
           struct ask *a)
{
    const struct dns_record *r = NULL;

    for (size_t i = 0; (r = dns_next(answer, DNS_ANSWER, DNS_TYPE_TXT, &i)) != NULL;)
        if (strcasecmp(r->owner, name) == 0 && is_wanted(w, n, r, a))
            return true;
    return false;
}

static bool
has_any(const struct dns_answer *answer, const char *name)
{
    const struct dns_record *r = NULL;

    for (size_t i = 0; (r = dns_next(answer, DNS_ANSWER, DNS_TYPE_TXT, &i)) != NULL;)
        if (strcasecmp(r->owner, name) == 0)
            return true;
    return false;
}

/* An answer of a server that does not have the zone at all, though an NS record names it. */
static bool
is_lame(const struct ask *a, const struct dns_answer *answer)
{
    return a->server[0] != '\0' &&
           (answer->rcode == DNS_RCODE_REFUSED || answer->rcode == DNS_RCODE_NOTAUTH ||
            (answer->rcode == DNS_RCODE_NOERROR && !answer->authoritative));
}

/* Has the answer every wanted value? Else says what it has. */
static bool
has_all(const struct wait *w, struct ask *a, const struct dns_answer *answer)
{
    const char *name = end_of_cnames(answer, a->name);
    size_t wanted = 0;
    size_t found = 0;
    bool any = has_any(answer, name);

    a->said[0] = '\0';
    for (size_t i = 0; i < w->record_count; i++) {
        if (w->places[i] != a->name)
            continue;
        wanted++;
        found += has_record(w, i, answer, name, a);
    }
    if (a->said[0] != '\0')
        return found == wanted; /* it said itself what is wrong */
    if (found == 0 && is_lame(a, answer))
        (void)snprintf(a->said, sizeof(a->said), "does not have the zone '%.100s'%s", a->zone,
                       answer->rcode == DNS_RCODE_NOERROR ? "" : " (it refuses)");
    else if (answer->rcode != DNS_RCODE_NOERROR)
        (void)snprintf(a->said, sizeof(a->said), "answers %s", dns_rcode_text(answer->rcode));
    else if (found > 0)
        (void)snprintf(a->said, sizeof(a->said), "has %zu of %zu values", found, wanted);
    else if (strcasecmp(name, a->name) != 0 && !any)
        (void)snprintf(a->said, sizeof(a->said), "has a CNAME to '%.60s' there", name);
    else
        (void)snprintf(a->said, sizeof(a->said), any ? "has other values" : "has no TXT record");
    return found == wanted;
}

/* ------------------------------------------------------------------ while it runs */

static void
who(char *text, size_t room, const struct wait *w, size_t i)
{
    char address[ADDRESS_TEXT];

    address_text(address, &w->tasks[i].server, DNS_PORT);
    if (w->asks[i].server[0] == '\0')
        (void)snprintf(text, room, "%s", address);
    else
        (void)snprintf(text, room, "%s (%s)", w->asks[i].server, address);
}

/* The live line: the first server that is still waited for, and how many more. */
static void
say(void *context)
{
    struct wait *w = context;
    int64_t now_ms = w->d->clock->steady_ms(w->d->clock);
    char server[DNS_NAME_SIZE + ADDRESS_TEXT];
    size_t first = w->count;
    size_t missing = 0;

    if (w->progress == NULL || now_ms - w->said_ms < SAY_PAUSE_MS)
        return;
    w->said_ms = now_ms;
    for (size_t i = 0; i < w->count; i++)
        if (!w->asks[i].has && missing++ == 0)
            first = i;
    if (missing == 0)
        return;
    who(server, sizeof(server), w, first);
    if (missing > 1)
        progress_say(w->progress, "waiting for %s and %zu more to answer with the record", server,
                     missing - 1);
    else
        progress_say(w->progress, "waiting for %s to answer with the record", server);
}

/* Behind one address may be several machines that do not change at the same moment. One that was
 * without the record must have it some times in a row; each time the question comes from another
 * port, so that another machine may answer. */
static bool
has_settled(struct ask *a, bool has_all_now)
{
    if (!has_all_now) {
        a->was_without = true;
        a->in_a_row = 0;
        return false;
    }
    a->in_a_row++;
    if (!a->was_without || a->in_a_row >= IN_A_ROW)
        return true;
    (void)snprintf(a->said, sizeof(a->said), "has it now, and a moment ago had not");
    return false;
}

static int64_t
heard(void *context, struct dnsio_task *task)
{
    struct wait *w = context;
    struct ask *a = &w->asks[task - w->tasks];
    bool was_waiting = !a->has && !a->failed;
    bool waits = false;

    a->failed = task->outcome != DNSIO_ANSWERED;
    if (a->failed) {
        a->in_a_row = 0;
        (void)snprintf(a->said, sizeof(a->said), "%s", dnsio_outcome_text(task));
    } else
        a->has = has_settled(a, has_all(w, a, &task->answer));
    waits = !a->has && !a->failed;
    w->waiting = w->waiting - was_waiting + waits;
    if (a->has || w->look != NULL)
        return DNSIO_DONE;
    if (a->in_a_row > 0)
        return FIRST_PAUSE_MS;
    a->pause_ms = a->pause_ms == 0                  ? FIRST_PAUSE_MS
                  : a->pause_ms < LAST_PAUSE_MS / 2 ? a->pause_ms * 2
                                                    : LAST_PAUSE_MS;
    return a->pause_ms;
}

/* An address that does not answer is no matter where another one of the same server has the
 * record: a host with IPv4 alone, say, meets servers with both. */
static bool
is_excused(const struct wait *w, size_t i)
{
    if (w->asks[i].server[0] == '\0' || !w->asks[i].failed)
        return false;
    for (size_t k = 0; k < w->count; k++)
        if (w->asks[k].has && strcmp(w->asks[k].server, w->asks[i].server) == 0 &&
            w->asks[k].name == w->asks[i].name)
            return true;
    return false;
}

static bool
enough(void *context)
{
    const struct wait *w = context;

    if (w->waiting > 0)
        return false;
    for (size_t i = 0; i < w->count; i++)
        if (!w->asks[i].has && !is_excused(w, i))
            return false;
    return true;
}

/* ------------------------------------------------------------------ whom to ask */

/* Adds a question for each address; `what` says the rest. */
static bool
add_asks(struct wait *w, const struct ask *what, const struct resolver *at, struct err *e)
{
    bool recurse = w->d->config.propagation == DNS_RECURSIVE;

    if (w->count + at->count > w->room) {
        size_t room = w->room * 2 + at->count;
        struct ask *asks = reallocarray(w->asks, room, sizeof(*asks));
        struct dnsio_task *tasks = NULL;

        if (asks != NULL)
            w->asks = asks;
        tasks = asks == NULL ? NULL : reallocarray(w->tasks, room, sizeof(*tasks));
        if (tasks == NULL)
            return err_memory(e);
        w->tasks = tasks;
        w->room = room;
    }
    for (size_t i = 0; i < at->count; i++) {
        struct dnsio_task *t = &w->tasks[w->count];

        *t = (struct dnsio_task){.server = at->servers[i]};
        /* a resolver that is asked too early remembers that there is nothing */
        t->delay_ms = recurse ? FIRST_PAUSE_MS : 0;
        w->asks[w->count++] = *what;
        if (!dns_query(&t->query, what->name, DNS_TYPE_TXT, recurse, e))
            return false;
    }
    return true;
}

/* Notes where record number n is. Gives whether no earlier one is there: else both values are in
 * one answer. */
static bool
note_place(struct wait *w, size_t n, const char *name, bool *is_new, struct err *e)
{
    *is_new = false;
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(w->places[i], name) == 0) {
            w->places[n] = w->places[i];
            return true;
        }
    if (!list_add(&w->names, name))
        return err_memory(e);
    w->places[n] = w->names.items[w->names.count - 1];
    *is_new = true;
    return true;
}

/* Zones and name servers of these records; those of other orders are not looked at. */
static bool
find_servers(struct wait *w, struct err *e)
{
    own_mem struct zone **zones = calloc(w->record_count + 1, sizeof(*zones));
    size_t count = 0;

    if (zones == NULL)
        return err_memory(e);
    if (!soa_find(w->d, NULL, w->records, w->record_count, e))
        return false;
    for (size_t i = 0; i < w->record_count; i++) {
        const struct zone_record *place = zone_of(w->d, w->records[i].fqdn);
        bool is_there = place == NULL;

        for (size_t n = 0; n < count && !is_there; n++)
            is_there = zones[n] == place->zone;
        if (!is_there)
            zones[count++] = place->zone;
    }
    return nameserver_find(w->d, zones, count, e);
}

static bool
ask_nameservers(struct wait *w, struct err *e)
{
    own_lock struct fiber_lock *held = fiber_lock(&w->d->lock);
    bool is_new = false;

    if (!find_servers(w, e))
        return false;
    for (size_t i = 0; i < w->record_count; i++) {
        const struct zone_record *place = zone_of(w->d, w->records[i].fqdn);

        if (place == NULL)
            return err_set(e, ERR_INTERNAL, "the zone of '%s' is forgotten", w->records[i].fqdn);
        if (!note_place(w, i, place->target, &is_new, e))
            return false;
        for (size_t n = 0; is_new && n < place->zone->nameserver_count; n++) {
            const struct nameserver *server = &place->zone->nameservers[n];
            const struct ask what = {
                .name = w->places[i], .server = server->name, .zone = place->zone->name};

            if (!add_asks(w, &what, &server->at, e))
                return false;
        }
    }
    return true;
}

static bool
ask_resolvers(struct wait *w, struct err *e)
{
    const struct resolver *resolvers = zone_resolvers(w->d, e);
    bool is_new = false;

    if (resolvers == NULL)
        return false;
    for (size_t i = 0; i < w->record_count; i++) {
        struct ask what = {.server = "", .zone = ""};

        if (!note_place(w, i, w->records[i].fqdn, &is_new, e))
            return false;
        what.name = w->places[i];
        if (is_new && !add_asks(w, &what, resolvers, e))
            return false;
    }
    return true;
}

/* ------------------------------------------------------------------ waiting */

/* The servers that do not have a record, and what they said; *name is of the first one. */
static bool
list_missing(const struct wait *w, struct str *missing, const char **name, struct err *e)
{
    size_t count = 0;

    for (size_t i = 0; i < w->count; i++) {
        char server[DNS_NAME_SIZE + ADDRESS_TEXT];

        if (w->asks[i].has || is_excused(w, i) || count++ >= NAMED_MAX)
            continue;
        *name = count == 1 ? w->asks[i].name : *name;
        who(server, sizeof(server), w, i);
        if (!str_addf(missing, "%s%s: %s", count > 1 ? "; " : "", server,
                      w->asks[i].said[0] != '\0' ? w->asks[i].said : "has not answered yet"))
            return err_memory(e);
    }
    if (count > NAMED_MAX && !str_addf(missing, "; and %zu more", count - NAMED_MAX))
        return err_memory(e);
    return count > 0 || str_addf(missing, "nobody was asked") || err_memory(e);
}

static bool
too_late(const struct wait *w, struct err *e)
{
    char span[CLOCK_SPAN_SIZE];
    own_str struct str missing = {0};
    const char *name = "";

    clock_span(span, w->d->config.timeout_s * 1000);
    if (!list_missing(w, &missing, &name, e))
        return false;
    return err_set(e, ERR_TIMEOUT, "the record at '%s' is not seen everywhere after %s: %s", name,
                   span, missing.text);
}

/* A server that fails does not say that there is no record. */
static bool
lacks_it(const struct wait *w, size_t i)
{
    const struct dnsio_task *t = &w->tasks[i];

    return !w->asks[i].has && t->outcome == DNSIO_ANSWERED &&
           (t->answer.rcode == DNS_RCODE_NOERROR || t->answer.rcode == DNS_RCODE_NXDOMAIN);
}

/* One look was enough. */
static bool
not_there(const struct wait *w, struct err *e)
{
    own_str struct str missing = {0};
    const char *name = "";
    bool some_have = false, some_lack = false;

    if (!list_missing(w, &missing, &name, e))
        return false;
    for (size_t i = 0; i < w->count; i++)
        if (w->asks[i].name == name) {
            some_have = some_have || w->asks[i].has;
            some_lack = some_lack || lacks_it(w, i);
        }
    for (size_t i = 0; i < w->record_count; i++)
        if (w->look->missing == w->record_count && w->places[i] == name)
            w->look->missing = i;
    if (some_have)
        return err_set(e, ERR_TIMEOUT, "not every server has the record at '%s' yet: %s", name,
                       missing.text);
    return err_set(e, some_lack ? ERR_CONFIG : ERR_NETWORK, "there is no good record at '%s': %s",
                   name, missing.text);
}

static bool
wait_for_all(struct wait *w, struct err *e)
{
    struct clock *clock = w->d->clock;
    struct dnsio_plan plan = {
        .clock = clock,
        .deadline_ms = clock->steady_ms(clock) + w->d->config.timeout_s * 1000,
        .patience_ms = PATIENCE_MS,
        .heard = heard,
        .enough = enough,
        .tick = w->progress == NULL ? NULL : say,
        .context = w,
    };

    w->waiting = w->count;
    w->said_ms = clock->steady_ms(clock) - SAY_PAUSE_MS / 2;
    if (!dnsio_run(w->tasks, w->count, &plan, e))
        return false;
    return enough(w) || (w->look == NULL ? too_late(w, e) : not_there(w, e));
}

static void
wait_done(struct wait *w)
{
    for (size_t i = 0; i < w->count; i++)
        dnsio_task_done(&w->tasks[i]);
    free(w->tasks);
    free(w->asks);
    free(w->places);
    list_done(&w->names);
}

static bool
wait_by_clock(struct dns *d, struct progress *progress)
{
    char span[CLOCK_SPAN_SIZE];
    char line[CLOCK_SPAN_SIZE + 64];

    clock_span(span, d->config.wait_s * 1000);
    (void)snprintf(line, sizeof(line), "waiting %s for the records to spread", span);
    progress_sleep(progress, d->clock, d->config.wait_s * 1000, line);
    return true;
}

/* Asks whom the settings say. */
static bool
ask_all(struct wait *w, struct err *e)
{
    bool is_seen = false;

    w->places = calloc(w->record_count, sizeof(*w->places));
    if (w->places == NULL)
        return err_memory(e);
    if (w->d->config.propagation == DNS_RECURSIVE)
        is_seen = ask_resolvers(w, e) && wait_for_all(w, e);
    else
        is_seen = ask_nameservers(w, e) && wait_for_all(w, e);
    log_debug("%zu records asked of %zu servers", w->record_count, w->count);
    wait_done(w);
    return is_seen;
}

bool
propagate_wait(struct dns *d, const struct dns_txt *records, size_t count,
               struct progress *progress, struct err *e)
{
    struct wait w = {.d = d, .records = records, .record_count = count, .progress = progress};

    if (d->config.propagation == DNS_WAIT)
        return wait_by_clock(d, progress);
    return count == 0 || ask_all(&w, e);
}

bool
propagate_look(struct dns *d, const struct dns_txt *records, size_t count,
               struct propagate_look *look, struct err *e)
{
    struct wait w = {.d = d, .records = records, .record_count = count, .look = look};

    look->missing = count;
    if (d->config.propagation == DNS_WAIT || count == 0)
        return true;
    return ask_all(&w, e);
}
