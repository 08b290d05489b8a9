/* namecheap.c: the provider for Namecheap, which replaces all hosts of a domain at once.
 *
 * Source: www.namecheap.com/support/api: global parameters, namecheap.domains.getList,
 * namecheap.domains.dns.getHosts, setHosts; and what getHosts really says, of the tests in
 * Namecheap's own library, go-namecheap-sdk.
 */
#include "acme/cloud.h"
#include "acme/ncapi.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SNAPSHOT_MS 10000 /* for how long what was read may stand for what is there */

struct namecheap_config {
    struct cloud_config cloud;
    char *api_user;
    char *user_name;
    char *client_ip;
};

#define AT(field) offsetof(struct namecheap_config, field)

/* clang-format off */
static const struct option options[] = {
    {"api_user", OPTION_TEXT, AT(api_user), NULL,
     .help = "name of the user who has the API key", .required = true},
    {"user_name", OPTION_TEXT, AT(user_name), NULL,
     .help = "name of the user who has the domain; default: that of api_user"},
    {"client_ip", OPTION_TEXT, AT(client_ip), NULL,
     .help = "IPv4 address that this machine is seen with, as it stands in the whitelist of the API",
     .required = true},
    CLOUD_OPTIONS("file with the API key; or credential:NAME", OPTION_URL,
                  "https://api.namecheap.com/xml.response"),
    {0},
};
/* clang-format on */

/* One record of a domain, as it is told and told back. */
enum field { HOST_NAME, HOST_TYPE, HOST_ADDRESS, HOST_MX_PREF, HOST_TTL, FIELD_COUNT };

/* How it is named in an answer, and in a request before a number. */
static const struct {
    const char *told, *sent;
} fields[FIELD_COUNT] = {
    [HOST_NAME] = {"Name", "HostName"},
    [HOST_TYPE] = {"Type", "RecordType"},
    [HOST_ADDRESS] = {"Address", "Address"},
    [HOST_MX_PREF] = {"MXPref", "MXPref"},
    [HOST_TTL] = {"TTL", "TTL"},
};

struct host {
    char *field[FIELD_COUNT];
};

struct hosts {
    struct host *items;
    size_t count;
    char *email_type;
};

/* r->proof */
struct proof {
    struct ncapi api;
    struct list domains; /* of the user, in lower case */
    bool has_domains;

    /* What was read of a domain, until it is written or the same name is asked for again: the sets
     * of a zone are asked for one by one, but come all at once, and there may be 20 requests a
     * minute. */
    struct hosts there;
    char domain[DNS_NAME_SIZE]; /* "": nothing */
    int64_t read_at_ms;
    struct list given; /* the names for which it was used */

    struct hosts sent; /* what was written, until it is read again */
    char sent_domain[DNS_NAME_SIZE];
};

/* ------------------------------------------------------------------ hosts */

static void
host_done(struct host *h)
{
    for (size_t i = 0; i < FIELD_COUNT; i++)
        free(h->field[i]);
    *h = (struct host){0};
}

static void
hosts_done(struct hosts *all)
{
    for (size_t i = 0; i < all->count; i++)
        host_done(&all->items[i]);
    free(all->items);
    free(all->email_type);
    *all = (struct hosts){0};
}

#define own_hosts __attribute__((cleanup(hosts_done)))

static bool
add_host(struct hosts *all, const char *const field[static FIELD_COUNT])
{
    struct host *items = reallocarray(all->items, all->count + 1, sizeof(*items));
    struct host *h = NULL;

    if (items == NULL)
        return false;
    all->items = items;
    h = &items[all->count++];
    *h = (struct host){0};
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        h->field[i] = strdup(field[i]);
        if (h->field[i] == NULL)
            return false;
    }
    return true;
}

static bool
is_txt(const struct host *h, const char *relative)
{
    return strcasecmp(h->field[HOST_TYPE], "TXT") == 0 &&
           strcasecmp(h->field[HOST_NAME], relative) == 0;
}

/* ------------------------------------------------------------------ domains */

static bool
find_zone(struct rest *r, const char *name, struct cloud_zone *zone, bool *found, struct err *e)
{
    struct proof *p = r->proof;

    (void)zone;
    if (!p->has_domains && !ncapi_domains(r, &p->api, &p->domains, e)) {
        list_done(&p->domains);
        return false;
    }
    p->has_domains = true;
    for (size_t i = 0; i < p->domains.count && !*found; i++)
        *found = strcasecmp(p->domains.items[i], name) == 0 && strchr(name, '.') != NULL;
    return true;
}

/* ------------------------------------------------------------------ reading the hosts */

/* One that could not be told back as it is, is not told back at all. */
static bool
read_host(struct rest *r, const struct xml *x, const char *domain, struct hosts *out, struct err *e)
{
    const char *field[FIELD_COUNT];
    const char *active = xml_attribute(x, "IsActive");

    for (size_t i = 0; i < FIELD_COUNT; i++) {
        field[i] = xml_attribute(x, fields[i].told);
        if (field[i] == NULL)
            return err_set(e, ERR_PROTOCOL,
                           "the service at '%s' tells a record of '%s' without its %s: nothing is "
                           "changed, for all records must be sent back with a change",
                           r->endpoint, domain, fields[i].told);
    }
    if (active != NULL && strcasecmp(active, "true") != 0)
        return err_set(e, ERR_CONFIG,
                       "the record '%s' (%s) of '%s' is not active, and would be after any change: "
                       "remove it, or make it active",
                       field[HOST_NAME], field[HOST_TYPE], domain);
    return add_host(out, field) || err_memory(e);
}

static bool
read_hosts(struct rest *r, const struct xml *result, const char *domain, struct hosts *out,
           struct err *e)
{
    const char *told = xml_attribute(result, "Domain");
    const char *ours = xml_attribute(result, "IsUsingOurDNS");
    const char *email = xml_attribute(result, "EmailType");

    if (told == NULL || strcasecmp(told, domain) != 0 || ours == NULL)
        return rest_misunderstood(r, "list the records of the domain", e);
    if (strcasecmp(ours, "true") != 0)
        return err_set(e, ERR_CONFIG,
                       "the name servers of '%s' are not Namecheap's: what is published at '%s' "
                       "would be seen by nobody",
                       domain, r->endpoint);
    if (email == NULL || email[0] == '\0')
        return err_set(e, ERR_PROTOCOL,
                       "the service at '%s' does not tell how '%s' gets its mail (EmailType): "
                       "nothing is changed, for that must be sent back with a change",
                       r->endpoint, domain);
    out->email_type = strdup(email);
    if (out->email_type == NULL)
        return err_memory(e);
    for (const struct xml *x = xml_child(result, NULL); x != NULL; x = xml_next(x, NULL)) {
        if (strcasecmp(xml_name(x), "host") != 0) /* the manual has "Host", the service "host" */
            return err_set(e, ERR_PROTOCOL,
                           "the service at '%s' tells '%.40s' of '%s', which is unknown here: "
                           "nothing is changed, for all must be sent back with a change",
                           r->endpoint, xml_name(x), domain);
        if (!read_host(r, x, domain, out, e))
            return false;
    }
    return true;
}

static bool
ask_hosts(struct rest *r, const char *domain, struct hosts *out, struct err *e)
{
    const struct proof *p = r->proof;
    own_str struct str body = {0};
    own_restxml_answer struct restxml_answer answer = {0};
    const struct xml *response = NULL;

    if (!ncapi_begin(&p->api, &body, "namecheap.domains.dns.getHosts", e) ||
        !ncapi_add_domain(&body, domain, e))
        return false;
    response = ncapi_call(r, &p->api, &body, "list the records of the domain", &answer, e);
    return response != NULL &&
           read_hosts(r, xml_child(response, "DomainDNSGetHostsResult"), domain, out, e);
}

/* ------------------------------------------------------------------ what was lost */

/* Others' challenges come and go. */
static bool
is_fleeting(const struct host *h)
{
    return strcasecmp(h->field[HOST_TYPE], "TXT") == 0 &&
           strncasecmp(h->field[HOST_NAME], "_acme-challenge", 15) == 0;
}

static bool
is_same(const struct host *a, const struct host *b)
{
    return strcasecmp(a->field[HOST_NAME], b->field[HOST_NAME]) == 0 &&
           strcasecmp(a->field[HOST_TYPE], b->field[HOST_TYPE]) == 0;
}

/* Of that name and type. */
static size_t
count_same(const struct hosts *all, const struct host *h)
{
    size_t count = 0;

    for (size_t i = 0; i < all->count; i++)
        count += is_same(&all->items[i], h);
    return count;
}

/* Is everything that was sent back still there? What is at fault is told at once: it is somebody's
 * web site or mail. */
static bool
check_nothing_lost(struct rest *r, struct proof *p, const struct hosts *now, struct err *e)
{
    own_hosts struct hosts sent = p->sent;

    p->sent = (struct hosts){0};
    if (sent.email_type != NULL && strcasecmp(sent.email_type, now->email_type) != 0)
        return err_set(e, ERR_PROTOCOL,
                       "the way '%s' gets its mail was '%s', and is '%s' after a change of its TXT "
                       "records at '%s'; set it back there, at once",
                       p->domain, sent.email_type, now->email_type, r->endpoint);
    for (size_t i = 0; i < sent.count; i++) {
        const struct host *h = &sent.items[i];

        if (!is_fleeting(h) && count_same(now, h) < count_same(&sent, h))
            return err_set(
                e, ERR_PROTOCOL,
                "the record '%s' (%s) of '%s' is no longer there after a change of other "
                "records at '%s', with which it was sent; unless somebody has removed it "
                "in this very moment, add it again: '%.200s'",
                h->field[HOST_NAME], h->field[HOST_TYPE], p->domain, r->endpoint,
                h->field[HOST_ADDRESS]);
    }
    return true;
}

/* ------------------------------------------------------------------ reading a set */

static void
forget(struct proof *p)
{
    hosts_done(&p->there);
    list_done(&p->given);
    p->domain[0] = '\0';
}

static bool
refresh(struct rest *r, const struct cloud_zone *zone, const char *name, struct err *e)
{
    struct proof *p = r->proof;
    int64_t now_ms = r->d->clock->steady_ms(r->d->clock);
    own_hosts struct hosts found = {0};

    if (strcasecmp(p->domain, zone->name) == 0 && now_ms - p->read_at_ms < SNAPSHOT_MS &&
        !list_has(&p->given, name))
        return list_add(&p->given, name) || err_memory(e);
    if (strcasecmp(p->sent_domain, zone->name) != 0)
        hosts_done(&p->sent);
    forget(p);
    if (!ask_hosts(r, zone->name, &found, e))
        return false;
    (void)snprintf(p->domain, sizeof(p->domain), "%s", zone->name);
    p->there = found;
    found = (struct hosts){0};
    p->read_at_ms = now_ms;
    return check_nothing_lost(r, p, &p->there, e) && (list_add(&p->given, name) || err_memory(e));
}

/* In a set a value stands in quotation marks; here it has none. */
static bool
list(struct rest *r, const struct cloud_zone *zone, const char *name, struct cloud_records *out,
     struct err *e)
{
    const struct proof *p = r->proof;
    char relative[DNS_NAME_SIZE];

    if (!refresh(r, zone, name, e))
        return false;
    cloud_relative(relative, zone, name);
    for (size_t i = 0; i < p->there.count; i++) {
        const struct host *h = &p->there.items[i];
        own_mem char *value = NULL;

        if (!is_txt(h, relative))
            continue;
        value = str_format("\"%s\"", h->field[HOST_ADDRESS]);
        if (value == NULL || !cloud_records_add(out, name, value, true))
            return err_memory(e);
        out->items[out->count - 1].ttl_s = strtoll(h->field[HOST_TTL], NULL, 10);
    }
    return true;
}

/* ------------------------------------------------------------------ writing */

/* Is this the value of a host? It has quotation marks around it. */
static bool
is_value(const char *quoted, const char *address)
{
    size_t size = strlen(quoted);

    return size == strlen(address) + 2 && strncmp(quoted + 1, address, size - 2) == 0;
}

static bool
keeps(const struct cloud_set *set, const char *address)
{
    for (size_t i = 0; i < set->values.count; i++)
        if (is_value(set->values.items[i], address))
            return true;
    return false;
}

static bool
has_value(const struct hosts *all, const char *relative, const char *quoted)
{
    for (size_t i = 0; i < all->count; i++)
        if (is_txt(&all->items[i], relative) && is_value(quoted, all->items[i].field[HOST_ADDRESS]))
            return true;
    return false;
}

/* Takes out of `all` what the set does not have, and adds what is not there. What stays, stays with
 * all that belongs to it. */
static bool
change_hosts(struct hosts *all, const struct cloud_zone *zone, const struct cloud_set *set)
{
    char relative[DNS_NAME_SIZE], ttl[24];
    size_t kept = 0;

    cloud_relative(relative, zone, set->name);
    for (size_t i = 0; i < all->count; i++) {
        struct host *h = &all->items[i];

        if (is_txt(h, relative) && !keeps(set, h->field[HOST_ADDRESS]))
            host_done(h);
        else
            all->items[kept++] = *h;
    }
    all->count = kept;
    (void)snprintf(ttl, sizeof(ttl), "%" PRId64, set->ttl_s);
    for (size_t i = 0; i < set->values.count; i++) {
        const char *quoted = set->values.items[i];
        own_mem char *address = strndup(quoted + 1, strlen(quoted) - 2);
        const char *field[FIELD_COUNT] = {relative, "TXT", address, "10", ttl};

        if (address == NULL || (!has_value(all, relative, quoted) && !add_host(all, field)))
            return false;
    }
    return true;
}

static bool
add_hosts(struct str *body, const struct hosts *all)
{
    if (!ncapi_add(body, "EmailType", all->email_type))
        return false;
    for (size_t i = 0; i < all->count; i++)
        for (size_t k = 0; k < FIELD_COUNT; k++) {
            own_mem char *name = str_format("%s%zu", fields[k].sent, i + 1);

            if (name == NULL || !ncapi_add(body, name, all->items[i].field[k]))
                return false;
        }
    return true;
}

static bool
send_hosts(struct rest *r, const char *domain, const struct hosts *all, struct err *e)
{
    own_str struct str body = {0};
    own_restxml_answer struct restxml_answer answer = {0};
    const struct xml *response = NULL;
    const char *success = NULL;
    const struct proof *p = r->proof;

    if (!ncapi_begin(&p->api, &body, "namecheap.domains.dns.setHosts", e) ||
        !ncapi_add_domain(&body, domain, e))
        return false;
    if (!add_hosts(&body, all))
        return err_memory(e);
    response = ncapi_call(r, &p->api, &body, "change the records of the domain", &answer, e);
    if (response == NULL)
        return false;
    success = xml_attribute(xml_child(response, "DomainDNSSetHostsResult"), "IsSuccess");
    if (success == NULL)
        return rest_misunderstood(r, "change the records of the domain", e);
    return strcasecmp(success, "true") == 0 ||
           err_set(e, ERR_NETWORK, "the service at '%s' failed to change the records of '%s'",
                   r->endpoint, domain);
}

/* All hosts of the domain go with it: those which list() has just read, and with them the change.
 */
static bool
write_sets(struct rest *r, const struct cloud_zone *zone, const struct cloud_set *sets,
           size_t count, struct err *e)
{
    struct proof *p = r->proof;
    own_hosts struct hosts all = p->there;
    bool is_read = strcasecmp(p->domain, zone->name) == 0;

    p->there = (struct hosts){0};
    forget(p);
    if (!is_read)
        return err_set(e, ERR_INTERNAL, "the records of '%s' are written before they were read",
                       zone->name);
    for (size_t i = 0; i < count; i++)
        if (!change_hosts(&all, zone, &sets[i]))
            return err_memory(e);
    log_debug("%s: %zu records are sent", zone->name, all.count);
    hosts_done(&p->sent);
    p->sent = all; /* also when the answer gets lost */
    all = (struct hosts){0};
    (void)snprintf(p->sent_domain, sizeof(p->sent_domain), "%s", zone->name);
    return send_hosts(r, zone->name, &p->sent, e);
}

/* ------------------------------------------------------------------ the provider */

static bool
check_settings(struct dns *d, const struct namecheap_config *c, struct err *e)
{
    struct in_addr ignored = {0};

    if (c->api_user == NULL)
        return err_set(e, ERR_CONFIG, "'api_user' of [dns %s] is empty", d->name);
    if (c->client_ip == NULL || inet_pton(AF_INET, c->client_ip, &ignored) != 1)
        return err_set(e, ERR_CONFIG,
                       "'client_ip' of [dns %s] is '%s', but must be the IPv4 address that this "
                       "machine is seen with, as 192.0.2.1",
                       d->name, c->client_ip == NULL ? "" : c->client_ip);
    if (c->cloud.token_file == NULL)
        return err_set(e, ERR_CONFIG, "'token_file' of [dns %s] is empty", d->name);
    return true;
}

static bool
start(struct dns *d, struct rest *r, struct err *e)
{
    const struct namecheap_config *c = d->provider_config;
    struct proof *p = NULL;

    if (!check_settings(d, c, e))
        return false;
    p = calloc(1, sizeof(*p));
    if (p == NULL)
        return err_memory(e);
    p->api = (struct ncapi){
        .api_user = c->api_user,
        .user_name = c->user_name == NULL ? c->api_user : c->user_name,
        .client_ip = c->client_ip,
    };
    r->proof = p;
    r->is_busy = ncapi_is_busy;
    return ncapi_read_key(&p->api, c->cloud.token_file, e) ||
           err_wrap(e, "'token_file' of [dns %s]", d->name);
}

static void
stop(struct rest *r)
{
    struct proof *p = r->proof;

    if (p == NULL)
        return;
    forget(p);
    hosts_done(&p->sent);
    list_done(&p->domains);
    str_done(&p->api.key);
    free(p);
    r->proof = NULL;
}

static const struct cloud_service service = {
    .least_ttl_s = 60,
    .start = start,
    .stop = stop,
    .find_zone = find_zone,
    .list = list,
    .write = write_sets,
};

extern const struct dns_provider dns_namecheap;

const struct dns_provider dns_namecheap = {
    .name = "namecheap",
    .options = options,
    .config_size = sizeof(struct namecheap_config),
    CLOUD_FUNCTIONS,
    .cloud = &service,
};
