/* builtin.c: the provider that publishes by being the name server itself, while it is needed.
 *
 * The zone of the challenges is delegated to this machine once. What is published is then known to
 * a child of ours alone, which ends with us: a killed run leaves nothing to be removed.
 */
#include "acme/listen.h"
#include "acme/zone.h"
#include "base/log.h"

#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CNAMES_MAX 8
#define TELL_MS 5000 /* how long the child may take to know what is published */
#define TTL_MOST_S 86400

struct builtin_config {
    struct list listen;
    struct list zone;
    char *nameserver;
};

#define AT(field) offsetof(struct builtin_config, field)

/* clang-format off */
static const struct option options[] = {
    {"listen", OPTION_ENDPOINTS, AT(listen), NULL,
     .help = "ADDRESS[:PORT] to answer on; default: every address, port 53"},
    {"zone", OPTION_LIST, AT(zone), NULL,
     .help = "the zones that are delegated to this machine; default: the name of each record itself"},
    {"nameserver", OPTION_TEXT, AT(nameserver), NULL,
     .help = "the name of this machine in the zone's NS records; default: its full host name"},
    {0},
};
/* clang-format on */

/* Where a record is published: its own name, or where CNAMEs lead from there. */
struct place {
    char fqdn[DNS_NAME_SIZE];
    char name[DNS_NAME_SIZE];
    bool is_settled;
};

/* d->session. */
struct session {
    struct responder r; /* what shall be published; the child has a copy */
    struct listen l;    /* open only while the child is started */
    struct child *child;
    struct place *places;
    size_t count;
};

/* ------------------------------------------------------------------ settings */

static bool
take_nameserver(struct session *s, const struct dns *d, struct err *e)
{
    const struct builtin_config *c = d->provider_config;
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME};
    struct addrinfo *found = NULL;
    char host[DNS_NAME_SIZE] = "";
    bool good = false;

    if (c->nameserver != NULL)
        return dns_name_copy(s->r.nameserver, c->nameserver) ||
               err_set(e, ERR_CONFIG, "'nameserver' of [dns %s]: '%s' is not a name of a host",
                       d->name, c->nameserver);
    if (gethostname(host, sizeof(host) - 1) < 0)
        return err_errno(e, "find out the name of this machine");
    if (strchr(host, '.') == NULL && getaddrinfo(host, NULL, &wanted, &found) == 0) {
        if (found->ai_canonname != NULL)
            (void)snprintf(host, sizeof(host), "%s", found->ai_canonname);
        freeaddrinfo(found);
    }
    good = strchr(host, '.') != NULL && dns_name_copy(s->r.nameserver, host);
    return good || err_set(e, ERR_CONFIG,
                           "this machine is '%s' and has no full name; set 'nameserver' of "
                           "[dns %s] to the name that the zone's NS record has",
                           host, d->name);
}

/* RFC 1035 section 3.3.13: RNAME, a mailbox; this is whom RFC 2142 section 7 names. */
static void
take_mailbox(struct session *s)
{
    static const char who[] = "hostmaster.";
    size_t size = strlen(s->r.nameserver);

    if (size + sizeof(who) > 255)
        memcpy(s->r.mailbox, s->r.nameserver, size + 1);
    else
        (void)snprintf(s->r.mailbox, sizeof(s->r.mailbox), "%s%.200s", who, s->r.nameserver);
}

static bool
take_settings(struct session *s, const struct dns *d, struct err *e)
{
    const struct builtin_config *c = d->provider_config;

    if (!take_nameserver(s, d, e))
        return false;
    take_mailbox(s);
    s->r.ttl_s = (uint32_t)(d->config.ttl_s > TTL_MOST_S ? TTL_MOST_S : d->config.ttl_s);
    for (size_t i = 0; i < c->zone.count; i++)
        if (!responder_add_zone(&s->r, c->zone.items[i], e))
            return err_wrap(e, "'zone' of [dns %s]", d->name);
    return true;
}

/* Who delegates a zone to a name inside of it gives that name's address along (glue), and others
 * will ask us for it too. */
static bool
knows_own_address(const struct session *s, const struct dns *d, struct err *e)
{
    return s->r.address_count > 0 || responder_zone_of(&s->r, s->r.nameserver) == NULL ||
           err_set(e, ERR_CONFIG,
                   "'%s' is a name in the zone that is answered here, so that its address must be "
                   "known: set 'listen' of [dns %s] to it, or 'nameserver' to a name elsewhere",
                   s->r.nameserver, d->name);
}

static bool
bind_all(struct session *s, const struct dns *d, struct err *e)
{
    const struct builtin_config *c = d->provider_config;

    if (!listen_open(&s->l, &c->listen, e))
        return err_wrap(e, "[dns %s]", d->name);
    s->r.address_count = listen_addresses(&s->l, s->r.addresses, RESPONDER_ADDRESSES_MAX);
    return true;
}

static void
close_session(struct dns *d)
{
    struct session *s = d->session;

    if (s == NULL)
        return;
    child_stop(&s->child);
    listen_close(&s->l);
    responder_done(&s->r);
    free(s->places);
    free(s);
    d->session = NULL;
}

/* That the port can be had is found out before anybody is asked for a certificate. */
static bool
open_session(struct dns *d, struct err *e)
{
    struct session *s = d->session;

    if (s != NULL)
        return true;
    s = calloc(1, sizeof(*s));
    if (s == NULL)
        return err_memory(e);
    d->session = s;
    if (take_settings(s, d, e) && bind_all(s, d, e) && knows_own_address(s, d, e)) {
        listen_close(&s->l);
        return true;
    }
    close_session(d);
    return false;
}

/* ------------------------------------------------------------------ the child */

static bool
take_news(void *argument, const struct str *question, struct str *answer, struct err *e)
{
    struct session *s = argument;

    (void)answer;
    return question->size == 0 || responder_load(&s->r, question, e);
}

static void
work(void *argument, struct child *self, int control)
{
    struct session *s = argument;

    listen_serve(&s->l, &s->r, self, control);
}

/* Who reads what strangers send needs no rights at all. */
static bool
find_user(uid_t *user, struct err *e)
{
    const struct passwd *nobody = NULL;

    *user = geteuid();
    if (*user != 0)
        return true;
    nobody = getpwnam("nobody");
    if (nobody == NULL)
        return err_set(e, ERR_SYSTEM, "there is no user 'nobody', as whom strangers are answered");
    *user = nobody->pw_uid;
    return true;
}

static bool
start_child(struct session *s, const struct dns *d, struct err *e)
{
    uid_t user = 0;

    if (s->child != NULL)
        return true;
    if (!find_user(&user, e) || !bind_all(s, d, e))
        return false;
    s->child = child_start_beside(user, take_news, work, s, e);
    listen_close(&s->l);
    return s->child != NULL;
}

static bool
tell_child(struct session *s, struct dns *d, struct err *e)
{
    own_str struct str news = {0};
    own_str struct str nothing = {0};

    s->r.serial = (uint32_t)d->clock->now_s(d->clock);
    if (!responder_save(&s->r, &news, e))
        return false;
    if (child_ask(s->child, &news, TELL_MS, &nothing, e))
        return true;
    child_stop(&s->child); /* the next call starts another one */
    return err_wrap(e, "tell the name server of [dns %s] what to publish", d->name);
}

/* ------------------------------------------------------------------ where a record goes */

static struct place *
find_place(const struct session *s, const char *fqdn)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcasecmp(s->places[i].fqdn, fqdn) == 0)
            return &s->places[i];
    return NULL;
}

static bool
add_place(struct session *s, const struct dns *d, const char *fqdn, struct err *e)
{
    const struct builtin_config *c = d->provider_config;
    struct place new = {.is_settled = false};
    struct place *places = NULL;

    if (find_place(s, fqdn) != NULL)
        return true;
    if (!dns_name_copy(new.fqdn, fqdn) || !dns_name_copy(new.name, fqdn))
        return err_set(e, ERR_CONFIG, "'%s' is not a name that DNS can hold", fqdn);
    if (c->zone.count == 0 && !responder_add_zone(&s->r, fqdn, e))
        return false;
    new.is_settled = c->zone.count > 0 && responder_zone_of(&s->r, new.name) != NULL;
    places = reallocarray(s->places, s->count + 1, sizeof(new));
    if (places == NULL)
        return err_memory(e);
    s->places = places;
    s->places[s->count++] = new;
    return true;
}

/* Goes one CNAME further, or is settled. That nobody knows is no failure: it will be seen whether
 * the record is found. */
static void
step(struct place *p, const struct session *s, const struct dns *d,
     const struct resolver_question *q)
{
    const struct builtin_config *c = d->provider_config;
    const struct dns_record *cname = NULL;

    for (size_t i = 0; (cname = dns_next(&q->answer, DNS_ANSWER, DNS_TYPE_CNAME, &i)) != NULL;)
        if (strcmp(cname->owner, p->name) == 0)
            break;
    if (!q->is_answered)
        log_debug("whether '%s' is a CNAME cannot be found out: %s", p->name, q->trouble);
    p->is_settled = cname == NULL || !dns_name_copy(p->name, cname->data) ||
                    (c->zone.count > 0 && responder_zone_of(&s->r, p->name) != NULL);
}

/* All places at the same time. */
static bool
follow_once(struct session *s, struct dns *d, bool *is_done, struct err *e)
{
    const struct resolver *resolvers = zone_resolvers(d, e);
    own_mem struct resolver_question *questions = NULL;
    own_mem size_t *whose = NULL;
    size_t n = 0;

    if (resolvers == NULL)
        return false;
    questions = calloc(s->count + 1, sizeof(*questions));
    whose = calloc(s->count + 1, sizeof(*whose));
    if (questions == NULL || whose == NULL)
        return err_memory(e);
    for (size_t i = 0; i < s->count; i++) {
        if (s->places[i].is_settled)
            continue;
        questions[n] =
            (struct resolver_question){.at = resolvers, .type = DNS_TYPE_CNAME, .recurse = true};
        memcpy(questions[n].name, s->places[i].name, DNS_NAME_SIZE);
        whose[n++] = i;
    }
    *is_done = n == 0;
    if (!resolver_ask(questions, n, d->clock, zone_deadline_ms(d), e)) {
        resolver_questions_done(questions, n);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        step(&s->places[whose[i]], s, d, &questions[i]);
    resolver_questions_done(questions, n);
    return true;
}

/* Is it one of these records? */
static bool
is_among(const struct place *p, const struct dns_txt *records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[DNS_NAME_SIZE];

        if (dns_name_copy(name, records[i].fqdn) && strcmp(name, p->fqdn) == 0)
            return true;
    }
    return false;
}

/* Every place of these records is in a zone of ours in the end. */
static bool
check_places(struct session *s, const struct dns *d, const struct dns_txt *records, size_t count,
             struct err *e)
{
    const struct builtin_config *c = d->provider_config;

    for (size_t i = 0; i < s->count; i++) {
        const struct place *p = &s->places[i];

        if (!is_among(p, records, count))
            continue;
        if (c->zone.count == 0 && !responder_add_zone(&s->r, p->name, e))
            return false;
        if (responder_zone_of(&s->r, p->name) == NULL)
            return err_set(e, ERR_CONFIG,
                           "'%s' is in no zone that 'zone' of [dns %s] names, and no CNAME leads "
                           "from there into one; add to the DNS, once: '%s CNAME %s%s'",
                           p->name, d->name, p->fqdn, p->fqdn + strlen("_acme-challenge."),
                           s->r.zones.items[0]);
    }
    return true;
}

static bool
find_places(struct session *s, struct dns *d, const struct dns_txt *records, size_t count,
            struct err *e)
{
    bool is_done = false;

    for (size_t i = 0; i < count; i++)
        if (!add_place(s, d, records[i].fqdn, e))
            return false;
    if (!knows_own_address(s, d, e))
        return false;
    /* a resolver may have to ask us whether a name is a CNAME: answer already */
    if (!start_child(s, d, e) || !tell_child(s, d, e))
        return false;
    for (int turn = 0; turn < CNAMES_MAX && !is_done; turn++)
        if (!follow_once(s, d, &is_done, e))
            return false;
    return check_places(s, d, records, count, e);
}

/* ------------------------------------------------------------------ the provider */

/* Nothing is published any more: nobody listens. */
static void
rest(struct session *s, const struct dns *d)
{
    const struct builtin_config *c = d->provider_config;

    child_stop(&s->child);
    free(s->places);
    s->places = NULL;
    s->count = 0;
    if (c->zone.count == 0)
        list_done(&s->r.zones);
}

static bool
publish(struct dns *d, const struct dns_txt *records, size_t count, struct err *e)
{
    struct session *s = NULL;

    if (!open_session(d, e))
        return false;
    s = d->session;
    if (!find_places(s, d, records, count, e)) {
        if (s->r.count == 0)
            rest(s, d);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        if (!responder_add(&s->r, find_place(s, records[i].fqdn)->name, records[i].value, e))
            return false;
    return tell_child(s, d, e);
}

/* What a killed run had published went away with it. */
static bool
retract(struct dns *d, const struct dns_txt *records, size_t count, struct err *e)
{
    struct session *s = d->session;
    struct err gone = {0};

    (void)e;
    if (s == NULL)
        return true;
    for (size_t i = 0; i < count; i++) {
        const struct place *p = find_place(s, records[i].fqdn);

        if (p != NULL)
            responder_remove(&s->r, p->name, records[i].value);
    }
    if (s->r.count == 0)
        rest(s, d);
    else if (s->child != NULL && !tell_child(s, d, &gone))
        log_debug("%s", gone.text);
    return true;
}

extern const struct dns_provider dns_builtin;

const struct dns_provider dns_builtin = {
    .name = "builtin",
    .options = options,
    .config_size = sizeof(struct builtin_config),
    .open = open_session,
    .publish = publish,
    .remove = retract,
    .close = close_session,
    .listens = true,
};
