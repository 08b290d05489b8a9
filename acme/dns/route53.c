/* route53.c: the provider for Amazon Route 53.
 *
 * Source: docs.aws.amazon.com/Route53/latest/APIReference: ListHostedZonesByName, GetHostedZone,
 * ListResourceRecordSets, ChangeResourceRecordSets, GetChange, common errors.
 */
#include "acme/awserror.h"
#include "acme/awskey.h"
#include "acme/cloud.h"
#include "acme/restxml.h"
#include "acme/sigv4.h"
#include "base/log.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION "/2013-04-01"
#define NAMESPACE "https://route53.amazonaws.com/doc/2013-04-01/"
#define ID_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define PAGES_MAX 100
#define SETS_MAX 100         /* of a request; 1000 values are allowed */
#define VALUES_MAX 900       /* of it, those that go and those that come */
#define CHARACTERS_MAX 30000 /* of the values; 32000 are allowed */
#define RENEW_S 300          /* a role's keys are replaced that long before they end */
#define POLL_FIRST_MS 1000   /* an account may send ten requests a second, in all */
#define POLL_LAST_MS 5000
#define ROLE "the role of this machine" /* in place of a file's name */

struct route53_config {
    struct cloud_config cloud;
    char *access_key_file;
    char *profile;
    char *region;
    char *zone_id;
    char *metadata;
};

#define AT(field) offsetof(struct route53_config, field)

/* clang-format off */
static const struct option options[] = {
    {"access_key_file", OPTION_PATH, AT(access_key_file), NULL,
     .help = "credentials file as 'aws configure' writes it; or credential:NAME; "
             "empty: the keys of the role that is attached to this EC2 machine"},
    {"profile", OPTION_TEXT, AT(profile), "default",
     .help = "which section of the credentials file"},
    {"region", OPTION_TEXT, AT(region), "us-east-1",
     .help = "for which region requests are signed; in China: cn-northwest-1"},
    {"zone_id", OPTION_TEXT, AT(zone_id), NULL,
     .help = "the hosted zone, where the key may not list the zones, or there are several of one name"},
    CLOUD_PLACE(OPTION_URL, "https://route53.amazonaws.com"),
    {"metadata", OPTION_TEXT, AT(metadata), "http://169.254.169.254",
     .help = "URL of the metadata service, which has the keys of the role"},
    {0},
};
/* clang-format on */

/* r->proof */
struct proof {
    struct route53_config *config; /* borrowed */
    struct awskey key;
    char zone_name[DNS_NAME_SIZE]; /* of zone_id; "": not asked for yet */
    struct list changes;           /* ids of those that not all name servers show yet */
};

/* ------------------------------------------------------------------ who asks */

/* Fetches the keys of the role when there are none yet, or not for long. */
static bool
refresh(struct rest *r, struct proof *p, struct err *e)
{
    int64_t now_s = r->d->clock->now_s(r->d->clock);

    if (p->config->access_key_file != NULL ||
        (p->key.id.size > 0 && p->key.expires_at_s - RENEW_S > now_s))
        return true;
    return awskey_fetch(&p->key, r->http, p->config->metadata, e) ||
           err_wrap(e, "'access_key_file' is empty");
}

static bool
authorize(struct rest *r, const struct http_request *request, struct list *headers, struct err *e)
{
    struct proof *p = r->proof;
    struct sigv4_request signs = {
        .method = request->method,
        .url = request->url,
        .body = request->body,
        .body_size = request->body_size,
        .at_s = r->d->clock->now_s(r->d->clock),
    };
    struct sigv4_key key = {.region = p->config->region, .service = "route53"};

    if (!refresh(r, p, e))
        return false;
    key.id = p->key.id.text;
    key.secret = p->key.secret.text;
    key.token = p->key.token.size == 0 ? NULL : p->key.token.text;
    return sigv4_sign(&key, &signs, headers, e);
}

/* ------------------------------------------------------------------ names and ids */

/* The character at *at, which may be written as \052, in octal; *at goes behind it. */
static int
next_character(const char **at)
{
    const char *c = *at;
    bool is_octal = c[0] == '\\' && c[1] >= '0' && c[1] <= '3' && c[2] >= '0' && c[2] <= '7' &&
                    c[3] >= '0' && c[3] <= '7';

    *at += is_octal ? 4 : 1;
    return is_octal ? (c[1] - '0') * 64 + (c[2] - '0') * 8 + (c[3] - '0') : (unsigned char)c[0];
}

/* Names come with a final dot, and with what is no letter, digit, '-' or '_' in octal. */
static bool
is_name(const char *told, const char *name)
{
    const char *at = told;

    if (told == NULL)
        return false;
    for (const char *c = name; *c != '\0'; c++)
        if (*at == '\0' || tolower(next_character(&at)) != tolower((unsigned char)*c))
            return false;
    return *at == '\0' || strcmp(at, ".") == 0;
}

/* "Z111111QQQQQQQ" of "/hostedzone/Z111111QQQQQQQ": it becomes part of paths. */
static bool
read_id(char id[static REST_ID_SIZE], const char *told)
{
    const char *slash = told == NULL ? NULL : strrchr(told, '/');
    const char *text = slash == NULL ? told : slash + 1;

    if (text == NULL || text[0] == '\0' || strlen(text) >= REST_ID_SIZE ||
        text[strspn(text, ID_CHARACTERS)] != '\0')
        return false;
    (void)snprintf(id, REST_ID_SIZE, "%s", text);
    return true;
}

static bool
is_private(const struct xml *zone)
{
    const char *told = xml_child_text(xml_child(zone, "Config"), "PrivateZone");

    return told != NULL && strcmp(told, "true") == 0;
}

/* ------------------------------------------------------------------ zones */

/* Asks for the zone that the settings name; once. */
static bool
ask_zone_name(struct rest *r, struct proof *p, struct err *e)
{
    own_mem char *path = str_format("%s/hostedzone/%s", VERSION, p->config->zone_id);
    const struct rest_message m = {.method = "GET", .path = path};
    own_restxml_answer struct restxml_answer answer = {0};
    const struct xml *zone = NULL;
    const char *name = NULL;
    size_t size = 0;

    if (path == NULL)
        return err_memory(e);
    if (p->zone_name[0] != '\0')
        return true;
    if (!restxml_call(r, &m, "GetHostedZoneResponse", &answer, e))
        return false;
    if (!restxml_is_good(&answer))
        return awserror_refused(r, &answer, "show the hosted zone", e);
    zone = xml_child(answer.xml, "HostedZone");
    name = xml_child_text(zone, "Name");
    size = name == NULL ? 0 : strlen(name);
    if (size < 2 || size >= DNS_NAME_SIZE || name[size - 1] != '.')
        return rest_misunderstood(r, "show the hosted zone", e);
    if (is_private(zone))
        return err_set(e, ERR_CONFIG,
                       "[dns %s]: '%s' is a private hosted zone, which no issuer sees; set "
                       "'zone_id' to the public one",
                       r->d->name, p->config->zone_id);
    (void)snprintf(p->zone_name, sizeof(p->zone_name), "%.*s", (int)size - 1, name);
    return true;
}

/* Reads a page of the list, which is sorted. *next is "" at its end, or when what follows has
 * another name. */
static bool
read_zones(struct rest *r, const struct xml *xml, const char *name, struct cloud_zone *zone,
           size_t *count, char next[static REST_ID_SIZE], struct err *e)
{
    const struct xml *zones = xml_child(xml, "HostedZones");

    next[0] = '\0';
    if (zones == NULL)
        return rest_misunderstood(r, "list the hosted zones", e);
    for (const struct xml *z = xml_child(zones, "HostedZone"); z != NULL;
         z = xml_next(z, "HostedZone")) {
        if (!is_name(xml_child_text(z, "Name"), name))
            return true;
        if (is_private(z)) {
            log_debug("%s: the hosted zone %s is private", name, xml_child_text(z, "Id"));
            continue;
        }
        (*count)++;
        if (!read_id(zone->id, xml_child_text(z, "Id")))
            return rest_misunderstood(r, "list the hosted zones", e);
    }
    if (is_name(xml_child_text(xml, "NextDNSName"), name) &&
        !read_id(next, xml_child_text(xml, "NextHostedZoneId")))
        return rest_misunderstood(r, "list the hosted zones", e);
    return true;
}

static bool
list_zones(struct rest *r, const char *name, struct cloud_zone *zone, size_t *count, struct err *e)
{
    char next[REST_ID_SIZE] = "";

    for (int page = 0; page < PAGES_MAX; page++) {
        own_mem char *path = str_format("%s/hostedzonesbyname?dnsname=%s.&maxitems=100%s%s",
                                        VERSION, name, page == 0 ? "" : "&hostedzoneid=", next);
        const struct rest_message m = {.method = "GET", .path = path};
        own_restxml_answer struct restxml_answer answer = {0};

        if (path == NULL)
            return err_memory(e);
        if (!restxml_call(r, &m, "ListHostedZonesByNameResponse", &answer, e))
            return false;
        if (!restxml_is_good(&answer))
            return awserror_refused(r, &answer, "list the hosted zones", e);
        if (!read_zones(r, answer.xml, name, zone, count, next, e))
            return false;
        if (next[0] == '\0')
            return true;
    }
    return rest_misunderstood(r, "list the hosted zones", e);
}

static bool
is_within(const char *name, const char *zone)
{
    size_t size = strlen(name), end = strlen(zone);

    return size >= end && strcasecmp(name + size - end, zone) == 0 &&
           (size == end || name[size - end - 1] == '.');
}

static bool
find_zone(struct rest *r, const char *name, struct cloud_zone *zone, bool *found, struct err *e)
{
    struct proof *p = r->proof;
    size_t count = 0;

    if (p->config->zone_id != NULL) {
        if (!ask_zone_name(r, p, e))
            return false;
        *found = is_within(name, p->zone_name);
        if (*found) {
            (void)snprintf(zone->name, sizeof(zone->name), "%s", p->zone_name);
            (void)snprintf(zone->id, sizeof(zone->id), "%s", p->config->zone_id);
        }
        return true;
    }
    if (!list_zones(r, name, zone, &count, e))
        return false;
    if (count > 1)
        return err_set(e, ERR_CONFIG,
                       "there are %zu public hosted zones '%s' in the account of '%s', and only "
                       "one of them is what the DNS shows; set 'zone_id' of [dns %s] to that one",
                       count, name, r->token_file, r->d->name);
    *found = count == 1;
    return true;
}

/* ------------------------------------------------------------------ reading a set */

static bool
read_values(struct rest *r, const struct xml *set, const char *name, struct cloud_records *out,
            struct err *e)
{
    const struct xml *values = xml_child(set, "ResourceRecords");
    const char *ttl = xml_child_text(set, "TTL");

    if (xml_child(set, "SetIdentifier") != NULL || xml_child(set, "AliasTarget") != NULL)
        return err_set(e, ERR_CONFIG,
                       "the TXT records '%s' at '%s' follow a routing policy or are an alias, "
                       "beside which no others can be; remove them, or let a CNAME at that name "
                       "lead elsewhere",
                       name, r->endpoint);
    if (values == NULL || ttl == NULL || ttl[0] == '\0' || strlen(ttl) > 10 ||
        ttl[strspn(ttl, "0123456789")] != '\0')
        return rest_misunderstood(r, "list the records of the zone", e);
    for (const struct xml *v = xml_child(values, "ResourceRecord"); v != NULL;
         v = xml_next(v, "ResourceRecord")) {
        const char *value = xml_child_text(v, "Value");

        if (value == NULL)
            return rest_misunderstood(r, "list the records of the zone", e);
        if (!cloud_records_add(out, name, value, true))
            return err_memory(e);
        out->items[out->count - 1].ttl_s = strtoll(ttl, NULL, 10);
    }
    return true;
}

/* The sets are sorted by name and type, and the list begins where we say: if there is such a set,
 * it is the first. What is still on its way to the name servers is listed too. */
static bool
list(struct rest *r, const struct cloud_zone *zone, const char *name, struct cloud_records *out,
     struct err *e)
{
    own_mem char *path =
        str_format("%s/hostedzone/%s/rrset?name=%s.&type=TXT&maxitems=1", VERSION, zone->id, name);
    const struct rest_message m = {.method = "GET", .path = path};
    own_restxml_answer struct restxml_answer answer = {0};
    const struct xml *sets = NULL, *set = NULL;
    const char *type = NULL;

    if (path == NULL)
        return err_memory(e);
    if (!restxml_call(r, &m, "ListResourceRecordSetsResponse", &answer, e))
        return false;
    if (!restxml_is_good(&answer))
        return awserror_refused(r, &answer, "list the records of the zone", e);
    sets = xml_child(answer.xml, "ResourceRecordSets");
    if (sets == NULL)
        return rest_misunderstood(r, "list the records of the zone", e);
    set = xml_child(sets, "ResourceRecordSet");
    type = xml_child_text(set, "Type");
    if (set == NULL || type == NULL || strcmp(type, "TXT") != 0 ||
        !is_name(xml_child_text(set, "Name"), name))
        return true;
    return read_values(r, set, name, out, e);
}

/* ------------------------------------------------------------------ writing sets */

static bool
add_change(struct str *body, const char *action, const char *name, const struct list *values,
           int64_t ttl_s)
{
    if (values->count == 0)
        return true;
    if (!str_addf(body,
                  "<Change><Action>%s</Action><ResourceRecordSet><Name>%s.</Name><Type>TXT</Type>"
                  "<TTL>%" PRId64 "</TTL><ResourceRecords>",
                  action, name, ttl_s))
        return false;
    for (size_t i = 0; i < values->count; i++)
        if (!str_addf(body, "<ResourceRecord><Value>") || !xml_escape(body, values->items[i]) ||
            !str_addf(body, "</Value></ResourceRecord>"))
            return false;
    return str_addf(body, "</ResourceRecords></ResourceRecordSet></Change>");
}

/*
 * A set that goes must be told as it is, and one that comes must not be there: so what we have read
 * is deleted and what it shall be is created in one batch, of which all is done or nothing. What
 * somebody else has changed since we read it makes the batch fail, and is not lost. (UPSERT would
 * replace it.)
 */
static bool
add_changes(struct str *body, const struct cloud_set *sets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!add_change(body, "DELETE", sets[i].name, &sets[i].before, sets[i].before_ttl_s) ||
            !add_change(body, "CREATE", sets[i].name, &sets[i].values, sets[i].ttl_s))
            return false;
    return true;
}

/* Is a batch refused because of what somebody else has changed? */
static bool
is_outrun(const struct restxml_answer *answer)
{
    static const char *const says[] = {
        "but it already exists",
        "but it was not found",
        "but the values provided do not match the current values",
    };
    const char *message = NULL;
    const char *code = awserror_find(answer->xml, &message);

    if (code == NULL || message == NULL || strcmp(code, "InvalidChangeBatch") != 0)
        return false;
    for (size_t i = 0; i < COUNT(says); i++)
        if (strstr(message, says[i]) != NULL)
            return true;
    return false;
}

static bool
write_batch(struct rest *r, const struct cloud_zone *zone, const struct cloud_set *sets,
            size_t count, struct err *e)
{
    struct proof *p = r->proof;
    own_mem char *path = str_format("%s/hostedzone/%s/rrset", VERSION, zone->id);
    own_str struct str body = {0};
    struct rest_message m = {.method = "POST", .path = path, .content_type = "application/xml"};
    own_restxml_answer struct restxml_answer answer = {0};
    char id[REST_ID_SIZE];

    if (path == NULL ||
        !str_addf(&body,
                  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                  "<ChangeResourceRecordSetsRequest xmlns=\"%s\"><ChangeBatch><Changes>",
                  NAMESPACE) ||
        !add_changes(&body, sets, count) ||
        !str_addf(&body, "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"))
        return err_memory(e);
    m.body = body.text;
    if (!restxml_call(r, &m, "ChangeResourceRecordSetsResponse", &answer, e))
        return false;
    if (is_outrun(&answer)) {
        log_debug("%s: the records were changed by somebody else since they were read", zone->name);
        return true;
    }
    if (!restxml_is_good(&answer))
        return awserror_refused(r, &answer, "change records of the zone", e);
    if (!read_id(id, xml_child_text(xml_child(answer.xml, "ChangeInfo"), "Id")))
        return rest_misunderstood(r, "change records of the zone", e);
    return list_add(&p->changes, id) || err_memory(e);
}

/* Values and characters of a set in a request. */
static void
measure(const struct cloud_set *set, size_t *values, size_t *characters)
{
    const struct list *lists[] = {&set->before, &set->values};

    for (size_t i = 0; i < COUNT(lists); i++)
        for (size_t k = 0; k < lists[i]->count; k++) {
            (*values)++;
            *characters += strlen(lists[i]->items[k]);
        }
}

static bool
write_sets(struct rest *r, const struct cloud_zone *zone, const struct cloud_set *sets,
           size_t count, struct err *e)
{
    for (size_t first = 0, end = 0; first < count; first = end) {
        size_t values = 0, characters = 0;

        while (end < count && end - first < SETS_MAX) {
            measure(&sets[end], &values, &characters);
            if (end > first && (values > VALUES_MAX || characters > CHARACTERS_MAX))
                break;
            end++;
        }
        if (!write_batch(r, zone, sets + first, end - first, e))
            return false;
    }
    return true;
}

/* ------------------------------------------------------------------ until it is everywhere */

static bool
ask_change(struct rest *r, const char *id, bool *done, struct err *e)
{
    own_mem char *path = str_format("%s/change/%s", VERSION, id);
    const struct rest_message m = {.method = "GET", .path = path};
    own_restxml_answer struct restxml_answer answer = {0};
    const char *status = NULL;

    if (path == NULL)
        return err_memory(e);
    if (!restxml_call(r, &m, "GetChangeResponse", &answer, e))
        return false;
    if (!restxml_is_good(&answer))
        return awserror_refused(r, &answer, "tell how far a change is", e);
    status = xml_child_text(xml_child(answer.xml, "ChangeInfo"), "Status");
    if (status == NULL)
        return rest_misunderstood(r, "tell how far a change is", e);
    *done = strcmp(status, "INSYNC") == 0;
    return true;
}

/* A name server's address is that of many machines: that the nearest one shows a record says little
 * of the one that the issuer asks. */
static bool
settle(struct rest *r, struct err *e)
{
    struct proof *p = r->proof;
    struct clock *clock = r->d->clock;
    int64_t pause_ms = POLL_FIRST_MS;

    rest_begin(r); /* many names take their time before */
    while (p->changes.count > 0) {
        bool done = false;

        if (!ask_change(r, p->changes.items[p->changes.count - 1], &done, e))
            return false;
        if (done) {
            p->changes.count--;
            free(p->changes.items[p->changes.count]);
            continue;
        }
        if (clock->steady_ms(clock) + pause_ms > r->deadline_ms)
            return err_set(e, ERR_TIMEOUT,
                           "the service at '%s' has taken the records, but its name servers do not "
                           "show them yet (PENDING) after the 'timeout' of [dns %s], which can be "
                           "longer",
                           r->endpoint, r->d->name);
        clock->sleep_ms(clock, pause_ms);
        pause_ms = pause_ms * 2 < POLL_LAST_MS ? pause_ms * 2 : POLL_LAST_MS;
    }
    return true;
}

/* ------------------------------------------------------------------ the provider */

static bool
check_settings(struct dns *d, struct route53_config *c, struct err *e)
{
    char id[REST_ID_SIZE];

    if (c->profile == NULL || c->region == NULL ||
        c->region[strspn(c->region, ID_CHARACTERS "-")] != '\0')
        return err_set(e, ERR_CONFIG, "'%s' of [dns %s] cannot be '%s'",
                       c->profile == NULL ? "profile" : "region", d->name,
                       c->profile == NULL || c->region == NULL ? "" : c->region);
    if (c->metadata == NULL || !(http_is_metadata(c->metadata) || http_is_loopback(c->metadata)))
        return err_set(e, ERR_CONFIG,
                       "'metadata' of [dns %s] must be http://169.254.169.254 or "
                       "http://[fd00:ec2::254], or for a stand-in http://127.0.0.1:PORT",
                       d->name);
    while (c->metadata[strlen(c->metadata) - 1] == '/')
        c->metadata[strlen(c->metadata) - 1] = '\0'; /* paths begin with one */
    if (c->zone_id == NULL)
        return true;
    if (!read_id(id, c->zone_id))
        return err_set(e, ERR_CONFIG,
                       "'zone_id' of [dns %s] is '%s', but must look like Z111111QQQQQQQ", d->name,
                       c->zone_id);
    memmove(c->zone_id, c->zone_id + strlen(c->zone_id) - strlen(id), strlen(id) + 1);
    return true;
}

static bool
start(struct dns *d, struct rest *r, struct err *e)
{
    struct route53_config *c = d->provider_config;
    struct proof *p = NULL;

    if (!check_settings(d, c, e))
        return false;
    p = calloc(1, sizeof(*p));
    if (p == NULL)
        return err_memory(e);
    p->config = c;
    r->proof = p;
    r->authorize = authorize;
    r->is_busy = awserror_is_busy;
    r->token_file = c->access_key_file == NULL ? ROLE : c->access_key_file;
    return c->access_key_file == NULL || awskey_read(&p->key, c->access_key_file, c->profile, e) ||
           err_wrap(e, "'access_key_file' of [dns %s]", d->name);
}

static void
stop(struct rest *r)
{
    struct proof *p = r->proof;

    if (p == NULL)
        return;
    awskey_done(&p->key);
    list_done(&p->changes);
    free(p);
    r->proof = NULL;
}

static const struct cloud_service service = {
    .start = start,
    .stop = stop,
    .find_zone = find_zone,
    .list = list,
    .write = write_sets,
    .settle = settle,
};

extern const struct dns_provider dns_route53;

const struct dns_provider dns_route53 = {
    .name = "route53",
    .options = options,
    .config_size = sizeof(struct route53_config),
    CLOUD_FUNCTIONS,
    .cloud = &service,
};
