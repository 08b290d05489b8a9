/* azure.c: the provider for Azure DNS (API version 2018-05-01), as a service principal.
 *
 * A set is written only over the one that was read (its etag): so nobody's values are lost, though
 * sets are written whole.
 *
 * Source: learn.microsoft.com/rest/api/dns: zones, record-sets;
 * learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
 */
#include "acme/cloud.h"
#include "acme/oauth.h"
#include "base/file.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_MAX 4096
#define VERSION "?api-version=2018-05-01"

struct azure_config {
    struct cloud_config cloud; /* first: cloud.c reads it */
    char *tenant_id;
    char *client_id;
    char *client_secret_file;
    char *subscription_id;
    char *resource_group;
    char *authority;
};

#define AT(field) offsetof(struct azure_config, field)

/* clang-format off */
static const struct option options[] = {
    {"tenant_id", OPTION_TEXT, AT(tenant_id), NULL,
     .help = "id of the directory (tenant) that knows the application", .required = true},
    {"client_id", OPTION_TEXT, AT(client_id), NULL,
     .help = "id of the application (client)", .required = true},
    {"client_secret_file", OPTION_PATH, AT(client_secret_file), NULL,
     .help = "file with a secret of the application: its value, not its id; or credential:NAME", .required = true},
    {"subscription_id", OPTION_TEXT, AT(subscription_id), NULL,
     .help = "id of the subscription that has the zone", .required = true},
    {"resource_group", OPTION_TEXT, AT(resource_group), NULL,
     .help = "name of the resource group that has the zone", .required = true},
    {"authority", OPTION_URL, AT(authority), "https://login.microsoftonline.com",
     .help = "URL of who gives the tokens"},
    CLOUD_PLACE(OPTION_URL, "https://management.azure.com"),
    {0},
};

/* Source: learn.microsoft.com/entra/identity-platform/reference-error-codes */
static const struct oauth_hint hints[] = {
    {"AADSTS7000215", "the secret is wrong: write its value, not its id, into that file"},
    {"AADSTS7000222", "the secret has expired: make another one, and write it into that file"},
    {"AADSTS700016",  "is there an application 'client_id' in the directory 'tenant_id'?"},
    {"AADSTS7000112", "the application is disabled"},
    {"AADSTS90002",   "is 'tenant_id' right?"},
    {"AADSTS900023",  "is 'tenant_id' right?"},
    {NULL, NULL},
};

/* What a zone that is not there is called. Others are settings that are wrong. */
static const char *const absent_codes[] = {"ResourceNotFound", "NotFound", "BadRequest"};
/* clang-format on */

struct proof {
    struct oauth oauth;
    struct str secret;
    struct str url;  /* of the token endpoint */
    struct str base; /* "/subscriptions/..../dnsZones" */
};

/* ------------------------------------------------------------------ who we are */

static bool
authorize(struct rest *r, const struct http_request *request, struct list *headers, struct err *e)
{
    const struct azure_config *c = r->d->provider_config;
    struct proof *p = r->proof;
    own_mem char *scope = NULL;
    own_str struct str form = {0};

    (void)request;
    (void)headers; /* the token is in r->header */
    if (oauth_is_valid(&p->oauth, r))
        return true;
    scope = str_format("%s/.default", r->endpoint);
    if (scope == NULL || !oauth_add_field(&form, "grant_type", "client_credentials") ||
        !oauth_add_field(&form, "client_id", c->client_id) ||
        !oauth_add_field(&form, "scope", scope) ||
        !oauth_add_field(&form, "client_secret", p->secret.text))
        return err_memory(e);
    return oauth_ask(
        &p->oauth, r,
        &(struct oauth_request){
            .url = p->url.text, .form = form.text, .secret = p->secret.text, .hints = hints},
        e);
}

static bool
read_secret(const struct dns *d, struct proof *p, struct err *e)
{
    const struct azure_config *c = d->provider_config;

    if (c->client_secret_file == NULL)
        return err_set(e, ERR_CONFIG, "'client_secret_file' of [dns %s] is empty", d->name);
    if (!file_read_secret(c->client_secret_file, SECRET_MAX, &p->secret, e))
        return err_wrap(e, "'client_secret_file' of [dns %s]", d->name);
    if (p->secret.size == 0 || strpbrk(p->secret.text, " \t\r\n") != NULL)
        return err_set(e, ERR_CONFIG,
                       "'client_secret_file' of [dns %s]: '%s' must hold the secret and nothing "
                       "else, in one line",
                       d->name, c->client_secret_file);
    return true;
}

/* "https://login.microsoftonline.com/TENANT/oauth2/v2.0/token" and where the zones are. */
static bool
make_places(const struct azure_config *c, struct proof *p)
{
    size_t size = strlen(c->authority);

    while (size > 0 && c->authority[size - 1] == '/')
        size--;
    return str_addf(&p->url, "%.*s/", (int)size, c->authority) &&
           rest_encode(&p->url, c->tenant_id) && str_addf(&p->url, "/oauth2/v2.0/token") &&
           str_addf(&p->base, "/subscriptions/") && rest_encode(&p->base, c->subscription_id) &&
           str_addf(&p->base, "/resourceGroups/") && rest_encode(&p->base, c->resource_group) &&
           str_addf(&p->base, "/providers/Microsoft.Network/dnsZones");
}

static bool
start(struct dns *d, struct rest *r, struct err *e)
{
    const struct azure_config *c = d->provider_config;
    struct proof *p = calloc(1, sizeof(*p));
    const struct {
        const char *name, *value;
    } needed[] = {
        {"tenant_id", c->tenant_id},
        {"client_id", c->client_id},
        {"subscription_id", c->subscription_id},
        {"resource_group", c->resource_group},
        {"authority", c->authority},
    };

    if (p == NULL)
        return err_memory(e);
    r->proof = p;
    r->authorize = authorize;
    r->token_file = c->client_secret_file;
    r->remedy = "give the application the role 'DNS Zone Contributor' for the zone";
    for (size_t i = 0; i < COUNT(needed); i++)
        if (needed[i].value == NULL)
            return err_set(e, ERR_CONFIG, "'%s' of [dns %s] is empty", needed[i].name, d->name);
    return read_secret(d, p, e) && (make_places(c, p) || err_memory(e));
}

static void
stop(struct rest *r)
{
    struct proof *p = r->proof;

    if (p == NULL)
        return;
    str_done(&p->secret);
    str_done(&p->url);
    str_done(&p->base);
    free(p);
    r->proof = NULL;
}

static const char *
base_of(const struct rest *r)
{
    const struct proof *p = r->proof;

    return p->base.text;
}

/* ------------------------------------------------------------------ zones */

static bool
is_absent(const struct rest_answer *answer)
{
    const char *code = json_member_text(json_member(answer->json, "error"), "code");

    for (size_t i = 0; code != NULL && i < COUNT(absent_codes); i++)
        if (strcmp(code, absent_codes[i]) == 0)
            return true;
    return false;
}

static bool
find_zone(struct rest *r, const char *name, struct cloud_zone *zone, bool *found, struct err *e)
{
    own_mem char *path = str_format("%s/%s" VERSION, base_of(r), name);
    own_rest_answer struct rest_answer answer = {0};
    const char *type = NULL;

    if (path == NULL)
        return err_memory(e);
    if (!rest_call(r, "GET", path, NULL, &answer, e))
        return false;
    if ((answer.status == 404 || answer.status == 400) && is_absent(&answer))
        return true;
    if (answer.status == 404) {
        (void)rest_refused(r, &answer, "look for the zone", e);
        e->code = ERR_CONFIG;
        return err_wrap(e, "'subscription_id', 'resource_group' of [dns %s]", r->d->name);
    }
    if (!rest_is_good(&answer))
        return rest_refused(r, &answer, "look for the zone", e);
    type = json_member_text(json_member(answer.json, "properties"), "zoneType");
    *found = type == NULL || strcasecmp(type, "Private") != 0;
    return rest_id(zone->id, answer.json, "name") || rest_misunderstood(r, "show the zone", e);
}

/* ------------------------------------------------------------------ records */

/* A record's strings as a zone file has them: "one" "and \"two\"". */
static char *
text_of(const struct json_t *record)
{
    const struct json_t *strings = json_member(record, "value");
    struct str text = {0};
    bool good = json_count(strings) > 0;

    for (size_t i = 0; good && i < json_count(strings); i++) {
        const char *at = json_item_text(strings, i);

        good = at != NULL && str_addf(&text, "%s\"", i == 0 ? "" : " ");
        for (; good && *at != '\0'; at++)
            good = str_addf(&text, *at == '"' || *at == '\\' ? "\\%c" : "%c", *at);
        good = good && str_add(&text, "\"", 1);
    }
    if (!good)
        str_done(&text);
    return str_take(&text);
}

static char *
path_of(const struct rest *r, const struct cloud_zone *zone, const char *name)
{
    char relative[DNS_NAME_SIZE];

    cloud_relative(relative, zone, name);
    return str_format("%s/%s/TXT/%s" VERSION, base_of(r), zone->id, relative);
}

static bool
list(struct rest *r, const struct cloud_zone *zone, const char *name, struct cloud_records *out,
     struct err *e)
{
    own_mem char *path = path_of(r, zone, name);
    own_rest_answer struct rest_answer answer = {0};
    const struct json_t *properties = NULL;
    const struct json_t *records = NULL;

    if (!rest_look(r, path, "read the records of the zone", &answer, e))
        return false;
    if (answer.status == 404)
        return true;
    properties = json_member(answer.json, "properties");
    if (properties == NULL)
        return rest_misunderstood(r, "read the records of the zone", e);
    out->origin = json_keep(answer.json);
    records = json_member(properties, "TXTRecords");
    for (size_t i = 0; i < json_count(records); i++) {
        own_mem char *value = text_of(json_item(records, i));

        if (value == NULL)
            return rest_misunderstood(r, "read the records of the zone", e);
        if (!cloud_records_add(out, name, value, true))
            return err_memory(e);
        out->items[out->count - 1].ttl_s = json_member_int(properties, "TTL");
    }
    return true;
}

/* The record of somebody else as it was, or a new one. `value` is in quotation marks. */
static struct json_t *
make_record(const struct json_t *origin, const char *value)
{
    const struct json_t *records = json_member(json_member(origin, "properties"), "TXTRecords");
    own_mem char *bare = strndup(value + 1, strlen(value) - 2);
    struct json_t *record = NULL;
    struct json_t *strings = NULL;

    for (size_t i = 0; i < json_count(records); i++) {
        own_mem char *text = text_of(json_item(records, i));

        if (text != NULL && strcmp(text, value) == 0)
            return json_keep(json_item(records, i));
    }
    if (bare == NULL)
        return NULL;
    record = json_new_object();
    strings = json_new_array();
    json_add_text(strings, bare);
    json_put(record, "value", strings);
    return record;
}

/* The metadata are others' notes on the set: they stay. NULL: out of memory. */
static struct json_t *
make_body(const struct cloud_set *set)
{
    const struct json_t *old = json_member(json_member(set->origin, "properties"), "metadata");
    struct json_t *body = json_new_object();
    struct json_t *properties = json_new_object();
    struct json_t *records = json_new_array();

    for (size_t i = 0; i < set->values.count; i++)
        json_add(records, make_record(set->origin, set->values.items[i]));
    json_put_int(properties, "TTL", set->ttl_s);
    json_put(properties, "TXTRecords", records);
    if (old != NULL)
        json_put(properties, "metadata", json_keep(old));
    /* what could not be made is left out, and must not get lost there */
    if (json_count(records) != set->values.count)
        json_drop(&body);
    json_put(body, "properties", properties);
    return body;
}

/* "If-Match: ETAG", or what lets only a new set be made; NULL: that is no etag. */
static char *
make_condition(const struct cloud_set *set)
{
    const char *etag = json_member_text(set->origin, "etag");

    if (set->origin == NULL)
        return strdup("If-None-Match: *");
    for (const char *at = etag; at != NULL && *at != '\0'; at++)
        if (*at <= ' ' || *at > '~')
            return NULL;
    return etag == NULL || etag[0] == '\0' ? NULL : str_format("If-Match: %s", etag);
}

static bool
write_set(struct rest *r, const struct cloud_zone *zone, const struct cloud_set *set, struct err *e)
{
    bool is_empty = set->values.count == 0;
    own_mem char *path = path_of(r, zone, set->name);
    own_mem char *condition = make_condition(set);
    own_json struct json_t *body = is_empty ? NULL : make_body(set);
    own_mem char *text = body == NULL ? NULL : json_encode(body);
    own_rest_answer struct rest_answer answer = {0};
    const struct rest_message m = {
        .method = is_empty ? "DELETE" : "PUT",
        .path = path,
        .header = condition,
        .content_type = is_empty ? NULL : "application/json",
        .accept = "application/json",
        .body = text,
    };

    if (path == NULL || (!is_empty && text == NULL))
        return err_memory(e);
    if (condition == NULL)
        return rest_misunderstood(r, "read the records of the zone", e);
    if (!rest_send(r, &m, &answer, e))
        return false;
    if (answer.status == 412) {
        log_debug("zone %s, %s: somebody else was first", zone->name, set->name);
        return true;
    }
    return rest_is_good(&answer) || (is_empty && answer.status == 404) ||
           rest_refused(r, &answer, "change records of the zone", e);
}

static bool
write_sets(struct rest *r, const struct cloud_zone *zone, const struct cloud_set *sets,
           size_t count, struct err *e)
{
    for (size_t i = 0; i < count; i++)
        if (!write_set(r, zone, &sets[i], e))
            return false;
    return true;
}

static const struct cloud_service service = {
    .hides_zones = true,
    .start = start,
    .stop = stop,
    .find_zone = find_zone,
    .list = list,
    .write = write_sets,
};

extern const struct dns_provider dns_azure;

const struct dns_provider dns_azure = {
    .name = "azure",
    .options = options,
    .config_size = sizeof(struct azure_config),
    CLOUD_FUNCTIONS,
    .cloud = &service,
};
