/* google.c: the provider for Google Cloud DNS (API v1).
 *
 * A change names what it deletes as it was read, and is refused when that is not there any more: so
 * nobody's values are lost, though sets are written whole.
 *
 * Source: cloud.google.com/dns/docs/reference/rest/v1: managedZones, resourceRecordSets, changes;
 * developers.google.com/identity/protocols/oauth2/service-account
 */
#include "acme/cloud.h"
#include "acme/oauth.h"
#include "acme/service_account.h"
#include "base/file.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CREDENTIALS_MAX (64 * 1024)
#define SCOPE "https://www.googleapis.com/auth/ndev.clouddns.readwrite"
#define PAGES_MAX 1000
#define POLL_FIRST_MS 500 /* until a change is done; then twice as long, and so on */
#define POLL_LAST_MS 4000

struct google_config {
    struct cloud_config cloud; /* first: cloud.c reads it */
    char *credentials_file;
    char *project;
    char *managed_zone;
};

#define AT(field) offsetof(struct google_config, field)

/* clang-format off */
static const struct option options[] = {
    {"credentials_file", OPTION_PATH, AT(credentials_file), NULL,
     .help = "the key file of a service account (JSON), as Google gave it; or credential:NAME", .required = true},
    {"project", OPTION_TEXT, AT(project), NULL,
     .help = "id of the project that has the zone; default: that of the service account"},
    {"managed_zone", OPTION_TEXT, AT(managed_zone), NULL,
     .help = "name that the zone has in the project; default: found by its DNS name"},
    CLOUD_PLACE(OPTION_URL, "https://dns.googleapis.com/dns/v1"),
    {0},
};

static const struct oauth_hint hints[] = {
    {"Invalid JWT Signature", "the key was deleted or has expired: make another one, and put it into that file"},
    {"account not found",     "the service account was deleted: make another one"},
    {"Invalid JWT: Token must be", "is the clock of this machine right?"},
    {NULL, NULL},
};

/* Which errors say that there was too much of something: cloud.google.com/dns/docs/reference */
static const char *const busy_reasons[] = {
    "rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded",
};
/* clang-format on */

struct proof {
    struct service_account account;
    struct oauth oauth;
    struct str base; /* "/projects/PROJECT/managedZones" */
};

/* ------------------------------------------------------------------ who we are */

static bool
authorize(struct rest *r, const struct http_request *request, struct list *headers, struct err *e)
{
    struct proof *p = r->proof;
    struct clock *clock = r->d->clock;
    own_str struct str form = {0};
    size_t assertion = 0;

    (void)request;
    (void)headers; /* the token is in r->header */
    if (oauth_is_valid(&p->oauth, r))
        return true;
    if (!service_account_form(&p->account, SCOPE, clock->now_s(clock), &form, &assertion, e))
        return false;
    return oauth_ask(&p->oauth, r,
                     &(struct oauth_request){.url = p->account.url,
                                             .form = form.text,
                                             .secret = form.text + assertion,
                                             .hints = hints},
                     e);
}

static bool
is_busy(const struct http_response *response)
{
    struct err ignored = {0};
    own_json struct json_t *json =
        response->status < 400 ? NULL
                               : json_decode(response->body.text, response->body.size, &ignored);
    const struct json_t *errors = json_member(json_member(json, "error"), "errors");
    const char *reason = json_member_text(json_item(errors, 0), "reason");

    for (size_t i = 0; reason != NULL && i < COUNT(busy_reasons); i++)
        if (strcmp(reason, busy_reasons[i]) == 0)
            return true;
    return false;
}

static bool
start(struct dns *d, struct rest *r, struct err *e)
{
    const struct google_config *c = d->provider_config;
    struct proof *p = calloc(1, sizeof(*p));
    const char *project = c->project;
    own_str struct str text = {0};

    if (p == NULL)
        return err_memory(e);
    r->proof = p;
    r->authorize = authorize;
    r->is_busy = is_busy;
    r->token_file = c->credentials_file;
    r->remedy = "give the service account the role 'DNS Administrator' (roles/dns.admin)";
    if (c->credentials_file == NULL)
        return err_set(e, ERR_CONFIG, "'credentials_file' of [dns %s] is empty", d->name);
    if (!file_read_secret(c->credentials_file, CREDENTIALS_MAX, &text, e))
        return err_wrap(e, "'credentials_file' of [dns %s]", d->name);
    if (!service_account_parse(&p->account, text.text, text.size, e))
        return err_wrap(e, "'credentials_file' of [dns %s]: '%s'", d->name, c->credentials_file);
    if (project == NULL)
        project = p->account.project;
    if (project == NULL)
        return err_set(e, ERR_CONFIG,
                       "'%s' names no project (project_id); set 'project' of [dns %s]",
                       c->credentials_file, d->name);
    return (str_addf(&p->base, "/projects/") && rest_encode(&p->base, project) &&
            str_addf(&p->base, "/managedZones")) ||
           err_memory(e);
}

static void
stop(struct rest *r)
{
    struct proof *p = r->proof;

    if (p == NULL)
        return;
    service_account_done(&p->account);
    str_done(&p->base);
    free(p);
    r->proof = NULL;
}

/* ------------------------------------------------------------------ pages */

static const char *
base_of(const struct rest *r)
{
    const struct proof *p = r->proof;

    return p->base.text;
}

/* What is done with each item of a list. */
typedef bool take_item(struct rest *r, const struct json_t *item, void *user, struct err *e);

struct listing {
    const char *path;  /* with a '?' and something behind it */
    const char *items; /* the member with the list */
    const char *kind;  /* of the answer; an empty list may be left out */
    const char *what;  /* "list the zones" */
    take_item *take;
    void *user;
};

static bool
take_page(struct rest *r, const struct listing *l, const struct rest_answer *answer, struct err *e)
{
    const struct json_t *items = json_member(answer->json, l->items);
    const char *kind = json_member_text(answer->json, "kind");

    if (items == NULL && (kind == NULL || strcmp(kind, l->kind) != 0))
        return rest_misunderstood(r, l->what, e);
    for (size_t i = 0; i < json_count(items); i++)
        if (!l->take(r, json_item(items, i), l->user, e))
            return false;
    return true;
}

static bool
list_all(struct rest *r, const struct listing *l, struct err *e)
{
    own_str struct str path = {0};

    if (!str_addf(&path, "%s", l->path))
        return err_memory(e);
    for (int page = 0; page < PAGES_MAX; page++) {
        own_rest_answer struct rest_answer answer = {0};
        const char *next = NULL;

        if (!rest_get(r, path.text, l->what, &answer, e))
            return false;
        if (!take_page(r, l, &answer, e))
            return false;
        next = json_member_text(answer.json, "nextPageToken");
        if (next == NULL || next[0] == '\0')
            return true;
        str_clear(&path);
        if (!str_addf(&path, "%s&pageToken=", l->path) || !rest_encode(&path, next))
            return err_memory(e);
    }
    return rest_misunderstood(r, l->what, e);
}

/* ------------------------------------------------------------------ zones */

struct search {
    const char *name;
    struct cloud_zone *zone;
    bool *found;
};

static bool
is_name(const char *dns_name, const char *name)
{
    size_t size = strlen(name);

    return dns_name != NULL && strncasecmp(dns_name, name, size) == 0 &&
           strcmp(dns_name + size, ".") == 0;
}

/* A project may have several zones of one name: private ones, which only its networks see, and
 * even public ones, of which one is delegated to. */
static bool
take_zone(struct rest *r, const struct json_t *item, void *user, struct err *e)
{
    struct search *s = user;
    const char *visibility = json_member_text(item, "visibility");

    if (!is_name(json_member_text(item, "dnsName"), s->name) ||
        (visibility != NULL && strcmp(visibility, "private") == 0))
        return true;
    if (*s->found)
        return err_set(e, ERR_CONFIG,
                       "the project has several public zones '%s': set 'managed_zone' of [dns %s] "
                       "to the name of the one which is delegated to",
                       s->name, r->d->name);
    *s->found = true;
    return rest_id(s->zone->id, item, "name") || rest_misunderstood(r, "list the zones", e);
}

/* The one that the settings name. */
static bool
find_named(struct rest *r, const char *managed_zone, struct search *s, struct err *e)
{
    own_str struct str path = {0};
    own_rest_answer struct rest_answer answer = {0};
    const char *dns_name = NULL;

    if (!str_addf(&path, "%s/", base_of(r)) || !rest_encode(&path, managed_zone))
        return err_memory(e);
    if (!rest_get(r, path.text, "show the zone", &answer, e))
        return false;
    dns_name = json_member_text(answer.json, "dnsName");
    if (dns_name == NULL || !rest_id(s->zone->id, answer.json, "name"))
        return rest_misunderstood(r, "show the zone", e);
    *s->found = is_name(dns_name, s->name);
    return true;
}

static bool
find_zone(struct rest *r, const char *name, struct cloud_zone *zone, bool *found, struct err *e)
{
    const struct google_config *c = r->d->provider_config;
    own_mem char *path = str_format("%s?dnsName=%s.", base_of(r), name);
    struct search search = {.name = name, .zone = zone, .found = found};
    const struct listing listing = {
        .path = path,
        .items = "managedZones",
        .kind = "dns#managedZonesListResponse",
        .what = "list the zones",
        .take = take_zone,
        .user = &search,
    };

    if (path == NULL)
        return err_memory(e);
    if (c->managed_zone != NULL)
        return find_named(r, c->managed_zone, &search, e);
    return list_all(r, &listing, e);
}

/* ------------------------------------------------------------------ records */

struct reading {
    const char *name;
    struct cloud_records *out;
};

static bool
take_set(struct rest *r, const struct json_t *item, void *user, struct err *e)
{
    struct reading *reading = user;
    const char *type = json_member_text(item, "type");
    const struct json_t *values = json_member(item, "rrdatas");

    if (!is_name(json_member_text(item, "name"), reading->name) || type == NULL ||
        strcmp(type, "TXT") != 0)
        return true;
    if (values == NULL)
        return err_set(e, ERR_CONFIG,
                       "the records of '%s' have a routing policy, which nothing can be added to; "
                       "delete it",
                       reading->name);
    json_drop(&reading->out->origin);
    reading->out->origin = json_keep(item);
    for (size_t i = 0; i < json_count(values); i++) {
        const char *value = json_item_text(values, i);

        if (value == NULL)
            return rest_misunderstood(r, "read the records of the zone", e);
        if (!cloud_records_add(reading->out, reading->name, value, true))
            return err_memory(e);
        reading->out->items[reading->out->count - 1].ttl_s = json_member_int(item, "ttl");
    }
    return true;
}

static bool
list(struct rest *r, const struct cloud_zone *zone, const char *name, struct cloud_records *out,
     struct err *e)
{
    own_mem char *path = str_format("%s/%s/rrsets?name=%s.&type=TXT", base_of(r), zone->id, name);
    struct reading reading = {.name = name, .out = out};
    const struct listing listing = {
        .path = path,
        .items = "rrsets",
        .kind = "dns#resourceRecordSetsListResponse",
        .what = "read the records of the zone",
        .take = take_set,
        .user = &reading,
    };

    return path == NULL ? err_memory(e) : list_all(r, &listing, e);
}

/* ------------------------------------------------------------------ changes */

/* "done" is that the name servers have been told. */
static bool
wait_until_done(struct rest *r, const struct cloud_zone *zone, struct rest_answer *answer,
                struct err *e)
{
    struct clock *clock = r->d->clock;
    char id[REST_ID_SIZE] = "";

    for (int64_t pause_ms = POLL_FIRST_MS;;
         pause_ms = pause_ms < POLL_LAST_MS ? 2 * pause_ms : POLL_LAST_MS) {
        const char *status = json_member_text(answer->json, "status");
        own_mem char *path = NULL;

        if (status != NULL && strcmp(status, "done") == 0)
            return true;
        if (status == NULL || strcmp(status, "pending") != 0 || !rest_id(id, answer->json, "id"))
            return rest_misunderstood(r, "change records of the zone", e);
        if (clock->steady_ms(clock) + pause_ms > r->deadline_ms)
            return err_set(e, ERR_TIMEOUT,
                           "the change '%s' of the zone '%s' is still pending; is 'timeout' of "
                           "[dns %s] long enough?",
                           id, zone->name, r->d->name);
        clock->sleep_ms(clock, pause_ms);
        path = str_format("%s/%s/changes/%s", base_of(r), zone->id, id);
        if (!rest_get(r, path, "show a change of the zone", answer, e))
            return false;
    }
}

static struct json_t *
make_set(const struct cloud_set *set)
{
    struct json_t *made = json_new_object();
    char name[DNS_NAME_SIZE + 1];

    (void)snprintf(name, sizeof(name), "%s.", set->name);
    json_put_text(made, "kind", "dns#resourceRecordSet");
    json_put_text(made, "name", name);
    json_put_text(made, "type", "TXT");
    json_put_int(made, "ttl", set->ttl_s);
    json_put_list(made, "rrdatas", &set->values);
    return made;
}

/* All in one change, which is done whole or not at all. */
static bool
write_sets(struct rest *r, const struct cloud_zone *zone, const struct cloud_set *sets,
           size_t count, struct err *e)
{
    own_mem char *path = str_format("%s/%s/changes", base_of(r), zone->id);
    own_json struct json_t *body = json_new_object();
    struct json_t *additions = json_new_array();
    struct json_t *deletions = json_new_array();
    own_rest_answer struct rest_answer answer = {0};
    bool adds = false;

    json_put(body, "additions", additions);
    json_put(body, "deletions", deletions);
    if (path == NULL || body == NULL || additions == NULL || deletions == NULL)
        return err_memory(e);
    json_put_text(body, "kind", "dns#change");
    for (size_t i = 0; i < count; i++) {
        if (sets[i].origin != NULL)
            json_add(deletions, json_keep(sets[i].origin));
        if (sets[i].values.count > 0)
            json_add(additions, make_set(&sets[i]));
        adds = adds || sets[i].values.count > 0;
    }
    if (!rest_call(r, "POST", path, body, &answer, e))
        return false;
    /* what was to be deleted is gone (404) or another one (412), what was to be made is there (409)
     */
    if (answer.status == 404 || answer.status == 409 || answer.status == 412) {
        log_debug("zone %s: somebody else was first (%d)", zone->name, answer.status);
        return true;
    }
    if (!rest_is_good(&answer))
        return rest_refused(r, &answer, "change records of the zone", e);
    /* nobody waits for what is only deleted */
    return !adds || wait_until_done(r, zone, &answer, e);
}

static const struct cloud_service service = {
    .start = start,
    .stop = stop,
    .find_zone = find_zone,
    .list = list,
    .write = write_sets,
};

extern const struct dns_provider dns_google;

const struct dns_provider dns_google = {
    .name = "google",
    .options = options,
    .config_size = sizeof(struct google_config),
    CLOUD_FUNCTIONS,
    .cloud = &service,
};
