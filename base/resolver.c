/* resolver.c: who the resolvers are, and asking any of several servers. */
#include "base/resolver.h"
#include "base/dnsio.h"
#include "base/file.h"
#include "base/option.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (64 * 1024)

/* ------------------------------------------------------------------ who */

static void
add_address(struct resolver *r, const struct address *a)
{
    for (size_t i = 0; i < r->count; i++)
        if (address_same(&r->servers[i], a))
            return;
    if (r->count < RESOLVER_MAX)
        r->servers[r->count++] = *a;
}

/* Only addresses: a name there would need a resolver. */
static void
add_line(struct resolver *r, const char *line, size_t size)
{
    static const char word[] = "nameserver";
    char host[128];
    struct address found;
    size_t count = 0;
    struct err ignored = {0};
    size_t begin = sizeof(word) - 1;
    size_t end = 0;

    if (size <= begin || strncmp(line, word, begin) != 0 || strchr(" \t", line[begin]) == NULL)
        return;
    while (begin < size && strchr(" \t", line[begin]) != NULL)
        begin++;
    end = begin + strcspn(line + begin, " \t\r\n");
    if (end > size || end == begin || end - begin >= sizeof(host))
        return;
    memcpy(host, line + begin, end - begin);
    host[end - begin] = '\0';
    if (host[strspn(host, "0123456789abcdefABCDEF.:")] != '\0' && strchr(host, '%') == NULL)
        return;
    if (address_of_host(&found, 1, &count, host, DNS_PORT, &ignored))
        add_address(r, &found);
}

void
resolver_parse(struct resolver *r, const char *text)
{
    static const char loopback[4] = {127, 0, 0, 1};

    while (*text != '\0') {
        size_t size = strcspn(text, "\n");

        add_line(r, text, size);
        text += size + (text[size] == '\n');
    }
    if (r->count == 0 && address_set(&r->servers[0], loopback, sizeof(loopback), DNS_PORT))
        r->count = 1;
}

bool
resolver_read(struct resolver *r, const char *path, struct err *e)
{
    own_str struct str text = {0};
    bool found = false;

    if (!file_read_if_there(AT_FDCWD, path, FILE_MAX, &text, &found, e))
        return err_wrap(e, "find the system's resolvers");
    resolver_parse(r, text.size == 0 ? "" : text.text);
    return true;
}

bool
resolver_add(struct resolver *r, const char *endpoint, struct err *e)
{
    struct address found[RESOLVER_MAX];
    own_mem char *host = NULL;
    size_t count = 0;
    int port = 0;

    if (!option_parse_endpoint(&host, &port, endpoint, DNS_PORT))
        return err_set(e, ERR_CONFIG, "'%s' is not HOST[:PORT]", endpoint);
    if (!address_of_host(found, COUNT(found), &count, host, port, e))
        return false;
    for (size_t i = 0; i < count; i++)
        add_address(r, &found[i]);
    return true;
}

void
resolver_take(struct resolver *r, const struct dns_answer *answer, enum dns_section section,
              const char *name)
{
    for (size_t i = 0; i < answer->count; i++) {
        const struct dns_record *record = &answer->records[i];
        struct address a;

        if (record->section == section && strcmp(record->owner, name) == 0 &&
            (record->type == DNS_TYPE_A || record->type == DNS_TYPE_AAAA) &&
            address_set(&a, record->data, record->size, DNS_PORT))
            add_address(r, &a);
    }
}

void
resolver_text(char text[static RESOLVER_TEXT], const struct resolver *r)
{
    char first[ADDRESS_TEXT] = "nobody";
    char second[ADDRESS_TEXT];

    if (r->count > 0)
        address_text(first, &r->servers[0], DNS_PORT);
    if (r->count == 2) {
        address_text(second, &r->servers[1], DNS_PORT);
        (void)snprintf(text, RESOLVER_TEXT, "%s and %s", first, second);
    } else if (r->count > 2)
        (void)snprintf(text, RESOLVER_TEXT, "%s and %zu more", first, r->count - 1);
    else
        (void)snprintf(text, RESOLVER_TEXT, "%s", first);
}

/* ------------------------------------------------------------------ asking */

/* The questions, and the tasks of each: those of question i begin at first[i]. */
struct asking {
    struct resolver_question *questions;
    size_t count;
    struct dnsio_task *tasks;
    size_t task_count;
    size_t *first;
    size_t left; /* questions without a good answer */
};

static bool
is_good(const struct dnsio_task *t)
{
    return t->outcome == DNSIO_ANSWERED &&
           (t->answer.rcode == DNS_RCODE_NOERROR || t->answer.rcode == DNS_RCODE_NXDOMAIN);
}

static int64_t
heard(void *context, struct dnsio_task *task)
{
    struct asking *a = context;
    size_t at = (size_t)(task - a->tasks);
    size_t i = 0;

    if (!is_good(task))
        return DNSIO_NEXT;
    while (i + 1 < a->count && a->first[i + 1] <= at)
        i++;
    if (!a->questions[i].is_answered) {
        a->questions[i].is_answered = true;
        a->left--;
    }
    return DNSIO_DONE;
}

static bool
enough(void *context)
{
    const struct asking *a = context;

    return a->left == 0;
}

static bool
prepare(struct asking *a, struct err *e)
{
    struct dnsio_task *t = a->tasks;

    for (size_t i = 0; i < a->count; i++) {
        const struct resolver_question *q = &a->questions[i];

        a->first[i] = (size_t)(t - a->tasks);
        for (size_t s = 0; s < q->at->count; s++, t++) {
            if (!dns_query(&t->query, q->name, q->type, q->recurse, e))
                return false;
            t->server = q->at->servers[s];
            t->delay_ms = (int64_t)s * RESOLVER_STAGGER_MS;
            t->instead_of = s == 0 ? NULL : t - 1;
        }
    }
    return true;
}

static void
add_trouble(struct resolver_question *q, const struct dnsio_task *t)
{
    size_t used = strlen(q->trouble);
    char who[ADDRESS_TEXT];

    address_text(who, &t->server, DNS_PORT);
    (void)snprintf(q->trouble + used, sizeof(q->trouble) - used, "%s%s: %s", used == 0 ? "" : "; ",
                   who, dnsio_outcome_text(t));
}

/* Moves the best answer into the question. */
static void
collect(struct resolver_question *q, struct dnsio_task *tasks)
{
    struct dnsio_task *best = NULL;

    for (size_t s = 0; s < q->at->count; s++) {
        struct dnsio_task *t = &tasks[s];

        if (is_good(t)) {
            best = t;
            break;
        }
        if (t->outcome == DNSIO_ANSWERED && best == NULL)
            best = t;
        q->is_broken |= t->was_ignored;
        add_trouble(q, t);
    }
    if (best == NULL)
        return;
    q->has_rcode = true;
    q->size = best->message.size;
    q->answer = best->answer;
    best->answer = (struct dns_answer){0};
}

static bool
ask(struct asking *a, struct clock *clock, int64_t deadline_ms, struct err *e)
{
    struct dnsio_plan plan = {
        .clock = clock,
        .deadline_ms = deadline_ms,
        .patience_ms = DNSIO_PATIENCE_MS,
        .heard = heard,
        .enough = enough,
        .context = a,
    };

    if (!prepare(a, e) || !dnsio_run(a->tasks, a->task_count, &plan, e))
        return false;
    for (size_t i = 0; i < a->count; i++)
        collect(&a->questions[i], a->tasks + a->first[i]);
    return true;
}

bool
resolver_ask(struct resolver_question *questions, size_t count, struct clock *clock,
             int64_t deadline_ms, struct err *e)
{
    struct asking a = {.questions = questions, .count = count, .left = count};
    own_mem struct dnsio_task *tasks = NULL;
    own_mem size_t *first = NULL;
    bool went_well = false;

    resolver_questions_done(questions, count);
    for (size_t i = 0; i < count; i++)
        a.task_count += questions[i].at->count;
    tasks = calloc(a.task_count + 1, sizeof(*tasks));
    first = calloc(count + 1, sizeof(*first));
    if (tasks == NULL || first == NULL)
        return err_memory(e);
    a.tasks = tasks;
    a.first = first;
    went_well = count == 0 || ask(&a, clock, deadline_ms, e);
    for (size_t i = 0; i < a.task_count; i++)
        dnsio_task_done(&tasks[i]);
    return went_well;
}

void
resolver_questions_done(struct resolver_question *questions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct resolver_question *q = &questions[i];

        dns_answer_done(&q->answer);
        q->is_answered = false;
        q->has_rcode = false;
        q->is_broken = false;
        q->trouble[0] = '\0';
    }
}
