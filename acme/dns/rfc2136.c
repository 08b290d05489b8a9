/* rfc2136.c: the provider that updates zones itself: dynamic updates (RFC 2136) with TSIG. */
#include "acme/soa.h"
#include "base/dnsio.h"
#include "base/log.h"
#include "base/tsig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANGES_MAX 400   /* in one message: some 30 kB */
#define PATIENCE_MS 15000 /* a server may sign the zone before it answers */
#define STAGGER_MS 1000   /* until the primary's next address is tried as well */

struct rfc2136_config {
    struct list server;
    char *tsig_file;
    char *zone;
};

#define AT(field) offsetof(struct rfc2136_config, field)

/* clang-format off */
static const struct option options[] = {
    {"server", OPTION_ENDPOINTS, AT(server), NULL,
     .help = "HOST[:PORT] of the zone's primary; default: who the zone's SOA record names"},
    {"tsig_file", OPTION_PATH, AT(tsig_file), NULL,
     .help = "the key, as tsig-keygen writes it; default: updates are not signed"},
    {"zone", OPTION_TEXT, AT(zone), NULL,
     .help = "the zone's name; default: found by SOA records"},
    {0},
};
/* clang-format on */

/* d->session: what is read once. */
struct session {
    struct tsig_key key;
    char key_name[DNS_NAME_SIZE]; /* for people: without the final dot */
    bool has_key;
    struct resolver at; /* the server that was set; none: to be found */
    char zone[DNS_NAME_SIZE];
};

/* One message, sent to each address of the zone's primary until one answers. */
struct update {
    struct zone *zone;
    struct dns_change changes[CHANGES_MAX];
    size_t count;
    struct str message;
    struct tsig_mac mac;
    bool is_finished;
    enum tsig_verdict verdict; /* on the last answer */
    struct dnsio_task *answer; /* that finished it */
};

/* All that one publish() or remove() sends. */
struct batch {
    struct dns *d;
    struct session *session;
    struct update **updates;
    size_t count;
    struct dnsio_task *tasks;
    struct update **whose; /* for each task */
    size_t task_count;
};

static void
session_free(struct session *s)
{
    if (s == NULL)
        return;
    tsig_key_done(&s->key);
    free(s);
}

static void
close_session(struct dns *d)
{
    session_free(d->session);
    d->session = NULL;
}

static bool
fill_session(struct session *s, const struct dns *d, struct err *e)
{
    const struct rfc2136_config *c = d->provider_config;

    for (size_t i = 0; i < c->server.count; i++)
        if (!resolver_add(&s->at, c->server.items[i], e))
            return err_wrap(e, "'server' of [dns %s]", d->name);
    if (c->zone != NULL && !dns_name_copy(s->zone, c->zone))
        return err_set(e, ERR_CONFIG, "'zone' of [dns %s]: '%s' is not a name that DNS can hold",
                       d->name, c->zone);
    if (c->tsig_file != NULL && !tsig_key_read(&s->key, c->tsig_file, e))
        return err_wrap(e, "'tsig_file' of [dns %s]", d->name);
    s->has_key = c->tsig_file != NULL;
    (void)snprintf(s->key_name, sizeof(s->key_name), "%.*s",
                   (int)(s->has_key ? strlen(s->key.name) - 1 : 0), s->key.name);
    return true;
}

static struct session *
open_session(struct dns *d, struct err *e)
{
    struct session *s = d->session;

    if (s != NULL)
        return s;
    s = calloc(1, sizeof(*s));
    if (s == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    if (!fill_session(s, d, e)) {
        session_free(s);
        return NULL;
    }
    d->session = s;
    return s;
}

/* ------------------------------------------------------------------ sending */

static enum tsig_verdict
verdict_on(const struct batch *b, const struct update *u, const struct dnsio_task *t)
{
    struct clock *clock = b->d->clock;
    enum tsig_verdict verdict = TSIG_WRONG;
    struct err ignored = {0};

    if (!b->session->has_key)
        return TSIG_GOOD;
    /* a digest that cannot be computed proves nothing */
    if (!tsig_verify(&verdict, &b->session->key, &u->mac, &t->answer, t->message.text,
                     t->message.size, clock->now_s(clock), &ignored))
        return TSIG_WRONG;
    return verdict;
}

/* An unsigned refusal is believed: it can do no more than make us fail. An unsigned success is not,
 * and neither is anything with a wrong signature: wait for a better answer (RFC 8945 section 5.3).
 */
static int64_t
heard(void *context, struct dnsio_task *task)
{
    struct batch *b = context;
    struct update *u = b->whose[task - b->tasks];

    if (task->outcome != DNSIO_ANSWERED)
        return DNSIO_NEXT;
    if (u->is_finished)
        return DNSIO_DONE;
    u->verdict = verdict_on(b, u, task);
    if (u->verdict == TSIG_WRONG ||
        (u->verdict == TSIG_UNSIGNED && task->answer.rcode == DNS_RCODE_NOERROR))
        return DNSIO_IGNORE;
    u->is_finished = true;
    u->answer = task;
    return DNSIO_DONE;
}

static bool
enough(void *context)
{
    const struct batch *b = context;

    for (size_t i = 0; i < b->count; i++)
        if (!b->updates[i]->is_finished)
            return false;
    return true;
}

/* Builds the message, and a task for each address of the primary. */
static bool
prepare(struct batch *b, struct update *u, struct err *e)
{
    struct clock *clock = b->d->clock;
    const struct resolver *at = &u->zone->at;

    if (!dns_update(&u->message, u->zone->name, u->changes, u->count, e))
        return false;
    if (b->session->has_key &&
        !tsig_sign(&u->message, &b->session->key, clock->now_s(clock), &u->mac, e))
        return false;
    for (size_t i = 0; i < at->count; i++) {
        struct dnsio_task *t = &b->tasks[b->task_count];

        if (!str_add(&t->query, u->message.text, u->message.size))
            return err_memory(e);
        t->server = at->servers[i];
        t->delay_ms = (int64_t)i * STAGGER_MS;
        t->instead_of = i == 0 ? NULL : t - 1;
        b->whose[b->task_count++] = u;
    }
    return true;
}

static bool
send_all(struct batch *b, struct err *e)
{
    struct clock *clock = b->d->clock;
    struct dnsio_plan plan = {
        .clock = clock,
        .deadline_ms = clock->steady_ms(clock) + 2 * PATIENCE_MS,
        .patience_ms = PATIENCE_MS,
        .heard = heard,
        .enough = enough,
        .context = b,
    };
    size_t room = 0;

    for (size_t i = 0; i < b->count; i++)
        room += b->updates[i]->zone->at.count;
    b->tasks = calloc(room + 1, sizeof(*b->tasks));
    b->whose = calloc(room + 1, sizeof(struct update *));
    if (b->tasks == NULL || b->whose == NULL)
        return err_memory(e);
    for (size_t i = 0; i < b->count; i++)
        if (!prepare(b, b->updates[i], e))
            return false;
    return dnsio_run(b->tasks, b->task_count, &plan, e);
}

/* ------------------------------------------------------------------ what went wrong */

/* Nobody answered, or nobody who knows the key. */
static bool
no_answer(const struct batch *b, const struct update *u, struct err *e)
{
    bool is_silent = false;
    bool was_ignored = false;
    char why[400] = "";
    size_t used = 0;

    for (size_t i = 0; i < b->task_count; i++) {
        const struct dnsio_task *t = &b->tasks[i];
        char who[ADDRESS_TEXT];

        if (b->whose[i] != u)
            continue;
        address_text(who, &t->server, DNS_PORT);
        used += (size_t)snprintf(why + used, sizeof(why) - used, "%s%s: %s", used == 0 ? "" : "; ",
                                 who, dnsio_outcome_text(t));
        used = used < sizeof(why) ? used : sizeof(why) - 1;
        is_silent |= t->outcome == DNSIO_SILENT;
        was_ignored |= t->was_ignored;
    }
    if (was_ignored && b->session->has_key)
        return err_set(
            e, ERR_PROTOCOL,
            "the answers to the update of the zone '%s' are not signed with the TSIG key "
            "'%s' (%s); somebody else answers, or the server's key is another one",
            u->zone->name, b->session->key_name, why);
    return err_set(e, is_silent ? ERR_TIMEOUT : ERR_NETWORK,
                   "the name server for updates of the zone '%s' does not answer (%s)",
                   u->zone->name, why);
}

/* The server did not accept the signature (RFC 8945 section 5.2); its answer says so unsigned. */
static bool
bad_signature(const struct batch *b, const struct update *u, const char *who, struct err *e)
{
    const struct rfc2136_config *c = b->d->provider_config;
    const struct dns_tsig *t = &u->answer->answer.tsig;
    struct clock *clock = b->d->clock;
    const char *algorithm = tsig_algorithm_name(b->session->key.algorithm);
    int64_t server_s = tsig_server_time(t);
    int64_t now_s = clock->now_s(clock);

    if (t->error == DNS_RCODE_BADKEY)
        return err_set(e, ERR_PERMISSION,
                       "the name server %s does not know the TSIG key '%s' with %.*s (BADKEY); add "
                       "it to the server's keys (and permissions), or correct '%s'",
                       who, b->session->key_name, (int)strlen(algorithm) - 1, algorithm,
                       c->tsig_file);
    if ((t->error == DNS_RCODE_BADTIME || u->verdict == TSIG_UNTIMELY) && server_s != 0)
        return err_set(
            e, ERR_PERMISSION,
            "the clock of the name server %s is %lld s %s ours (BADTIME); set the one that "
            "is wrong",
            who, llabs(server_s - now_s), server_s > now_s ? "ahead of" : "behind");
    if (t->error == DNS_RCODE_BADTIME || u->verdict == TSIG_UNTIMELY)
        return err_set(e, ERR_PERMISSION,
                       "the clock of the name server %s differs from ours by more than %d s "
                       "(BADTIME); set the one that is wrong",
                       who, TSIG_FUDGE_S);
    return err_set(e, ERR_PERMISSION,
                   "the TSIG key '%s' has another secret at the name server %s than in '%s' (%s); "
                   "copy the server's key",
                   b->session->key_name, who, c->tsig_file, dns_rcode_text(t->error));
}

/* The server does not take updates for the zone: mostly because another one does. */
static bool
not_primary(const struct batch *b, const struct update *u, const char *who, struct err *e)
{
    const char *rcode = dns_rcode_text(u->answer->answer.rcode);

    if (soa_primary_is_elsewhere(b->d, u->zone))
        return err_set(
            e, ERR_PERMISSION,
            "the name server %s is not the primary of the zone '%s' (%s): '%s' is, by the "
            "zone's SOA record; set 'server' of [dns %s] to it",
            who, u->zone->name, rcode, u->zone->primary, b->d->name);
    if (u->answer->answer.rcode == DNS_RCODE_NOTAUTH)
        return err_set(e, ERR_PERMISSION,
                       "the name server %s does not have the zone '%s' (%s); set 'server' of [dns "
                       "%s] to the zone's primary, or correct 'zone'",
                       who, u->zone->name, rcode, b->d->name);
    if (u->answer->answer.rcode == DNS_RCODE_NOTIMP)
        return err_set(e, ERR_PERMISSION,
                       "the name server %s does not take updates at all (%s); set 'server' of [dns "
                       "%s] to one which does",
                       who, rcode, b->d->name);
    if (!b->session->has_key)
        return err_set(
            e, ERR_PERMISSION,
            "the name server %s refuses the unsigned update of the zone '%s' (%s); make "
            "a key with tsig-keygen, grant it the update, and set 'tsig_file' of [dns %s]",
            who, u->zone->name, rcode, b->d->name);
    return err_set(
        e, ERR_PERMISSION,
        "the name server %s does not permit the key '%s' to update '%s' (%s); grant it in "
        "the zone '%s': update-policy { grant %s name %s TXT; };",
        who, b->session->key_name, u->changes[0].name, rcode, u->zone->name, b->session->key_name,
        u->changes[0].name);
}

/* What the answer of one update says; RFC 2136 section 2.2. */
static bool
judge(const struct batch *b, const struct update *u, struct err *e)
{
    char who[ADDRESS_TEXT];
    unsigned rcode = 0;

    if (!u->is_finished)
        return no_answer(b, u, e);
    address_text(who, &u->answer->server, DNS_PORT);
    rcode = u->answer->answer.rcode;
    if (b->session->has_key &&
        (u->verdict == TSIG_UNTIMELY || u->answer->answer.tsig.error != DNS_RCODE_NOERROR))
        return bad_signature(b, u, who, e);
    if (rcode == DNS_RCODE_NOERROR)
        return true;
    if (rcode == DNS_RCODE_REFUSED || rcode == DNS_RCODE_NOTAUTH || rcode == DNS_RCODE_NOTIMP)
        return not_primary(b, u, who, e);
    if (rcode == DNS_RCODE_NOTZONE)
        return err_set(
            e, ERR_PERMISSION,
            "the name server %s says that '%s' is not in the zone '%s' (NOTZONE); correct "
            "'zone' of [dns %s]",
            who, u->changes[0].name, u->zone->name, b->d->name);
    if (rcode == DNS_RCODE_SERVFAIL)
        return err_set(e, ERR_NETWORK,
                       "the name server %s failed to update the zone '%s' (SERVFAIL); its log says "
                       "why: often it may not write the zone's journal",
                       who, u->zone->name);
    return err_set(e, ERR_PROTOCOL,
                   "the name server %s does not understand the update of '%s' (%s)", who,
                   u->zone->name, dns_rcode_text(rcode));
}

/* ------------------------------------------------------------------ the provider */

static bool
add_change(struct batch *b, const struct dns_txt *record, bool remove, struct err *e)
{
    const struct zone_record *place = zone_of(b->d, record->fqdn);
    struct update *u = b->count == 0 ? NULL : b->updates[b->count - 1];

    for (size_t i = 0; i < b->count && place != NULL; i++)
        if (b->updates[i]->zone == place->zone)
            u = b->updates[i];
    if (place == NULL)
        return err_set(e, ERR_INTERNAL, "the zone of '%s' is forgotten", record->fqdn);
    if (u == NULL || u->zone != place->zone || u->count == CHANGES_MAX) {
        u = calloc(1, sizeof(*u));
        if (u == NULL)
            return err_memory(e);
        u->zone = place->zone;
        b->updates[b->count++] = u; /* there is room for one for each record */
    }
    u->changes[u->count++] = (struct dns_change){
        .name = place->target,
        .value = record->value,
        .ttl_s = b->d->config.ttl_s,
        .remove = remove,
    };
    return true;
}

static bool
run(struct batch *b, const struct dns_txt *records, size_t count, bool remove, struct err *e)
{
    struct session *s = b->session;
    struct soa_hint hint = {
        .at = s->at.count > 0 ? &s->at : NULL,
        .zone = s->zone[0] != '\0' ? s->zone : NULL,
    };

    if (!soa_find(b->d, &hint, records, count, e))
        return false;
    b->updates = calloc(count + 1, sizeof(struct update *));
    if (b->updates == NULL)
        return err_memory(e);
    for (size_t i = 0; i < count; i++)
        if (!add_change(b, &records[i], remove, e))
            return false;
    if (!send_all(b, e))
        return false;
    for (size_t i = 0; i < b->count; i++) {
        if (!judge(b, b->updates[i], e))
            return false;
        log_debug("zone %s: %zu records %s", b->updates[i]->zone->name, b->updates[i]->count,
                  remove ? "removed" : "published");
    }
    return true;
}

static void
batch_done(struct batch *b)
{
    for (size_t i = 0; i < b->task_count; i++)
        dnsio_task_done(&b->tasks[i]);
    for (size_t i = 0; i < b->count; i++) {
        str_done(&b->updates[i]->message);
        free(b->updates[i]);
    }
    free(b->tasks);
    free(b->whose);
    free(b->updates);
}

static bool
change(struct dns *d, const struct dns_txt *records, size_t count, bool remove, struct err *e)
{
    struct batch b = {.d = d, .session = open_session(d, e)};
    bool went_well = b.session != NULL && (count == 0 || run(&b, records, count, remove, e));

    batch_done(&b);
    return went_well;
}

static bool
publish(struct dns *d, const struct dns_txt *records, size_t count, struct err *e)
{
    return change(d, records, count, false, e);
}

static bool
withdraw(struct dns *d, const struct dns_txt *records, size_t count, struct err *e)
{
    return change(d, records, count, true, e);
}

extern const struct dns_provider dns_rfc2136;

/* Before an order: a key file that is no good is told before the issuer is troubled. */
static bool
open_provider(struct dns *d, struct err *e)
{
    return open_session(d, e) != NULL;
}

const struct dns_provider dns_rfc2136 = {
    .name = "rfc2136",
    .options = options,
    .config_size = sizeof(struct rfc2136_config),
    .open = open_provider,
    .publish = publish,
    .remove = withdraw,
    .close = close_session,
};
