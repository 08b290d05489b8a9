/* ovh.c: the provider for OVHcloud (API 1.0).
 *
 * What is added to a zone or deleted from it is served only after the zone was refreshed.
 *
 * Source: eu.api.ovh.com/console: /auth/time, /domain/zone; help.ovhcloud.com, "First steps with
 * the OVHcloud APIs": signatures.
 */
#include "acme/cloud.h"
#include "acme/dns/ovhkey.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const struct option options[] = {
    {"token_file", OPTION_PATH, offsetof(struct cloud_config, token_file), NULL,
     .help = "file with the keys, as OVH's tools have them in ovh.conf; or credential:NAME", .required = true},
    {"endpoint", OPTION_URL, offsetof(struct cloud_config, endpoint), NULL,
     .help = "URL of the service; default: that of the endpoint which the file names"},
    {"ca_file", OPTION_PATH, offsetof(struct cloud_config, ca_file), NULL,
     .help = "roots to trust for the service's https, besides the system's"},
    {0},
};
/* clang-format on */

#define TIME_LASTS_MS 600000 /* it is asked again then: a machine may have slept */

/* r->proof */
struct proof {
    struct ovh_key key;
    int64_t server_s; /* the service's time when it was asked; 0: not yet */
    int64_t asked_ms; /* our steady clock then: ours may tell another time, or be set */
};

/* ------------------------------------------------------------------ who we are */

static bool
find_endpoint(struct dns *d, char **endpoint, struct err *e)
{
    const struct cloud_config *c = d->provider_config;
    own_ovh_key struct ovh_key key = {0};

    if (c->token_file == NULL)
        return err_set(e, ERR_CONFIG, "'token_file' of [dns %s] is empty", d->name);
    if (!ovh_key_read(&key, c->token_file, NULL, e))
        return err_wrap(e, "'token_file' of [dns %s]", d->name);
    *endpoint = TAKE(key.url);
    return true;
}

static bool
add_line(struct list *headers, const char *name, const char *value)
{
    own_str struct str line = {0};

    return str_addf(&line, "%s: %s", name, value) && list_add(headers, line.text);
}

static bool
authorize(struct rest *r, const struct http_request *request, struct list *headers, struct err *e)
{
    const struct proof *p = r->proof;
    struct clock *clock = r->d->clock;
    int64_t at_s = p->server_s + (clock->steady_ms(clock) - p->asked_ms) / 1000;
    own_mem char *at = str_format("%" PRId64, at_s);
    char signature[OVH_KEY_SIGNATURE_SIZE];

    if (at == NULL || !add_line(headers, "X-Ovh-Application", p->key.application_key.text))
        return err_memory(e);
    if (p->server_s == 0) /* that is what is asked for */
        return true;
    if (!ovh_key_sign(&p->key, request->method, request->url, request->body, at_s, signature, e))
        return false;
    return (add_line(headers, "X-Ovh-Consumer", p->key.consumer_key.text) &&
            add_line(headers, "X-Ovh-Timestamp", at) &&
            add_line(headers, "X-Ovh-Signature", signature)) ||
           err_memory(e);
}

static bool
start(struct dns *d, struct rest *r, struct err *e)
{
    const struct cloud_config *c = d->provider_config;
    struct proof *p = calloc(1, sizeof(*p));

    r->authorize = authorize;
    r->proof = p;
    if (p == NULL)
        return err_memory(e);
    if (c->token_file == NULL)
        return err_set(e, ERR_CONFIG, "'token_file' of [dns %s] is empty", d->name);
    if (!ovh_key_read(&p->key, c->token_file, c->endpoint, e))
        return err_wrap(e, "'token_file' of [dns %s]", d->name);
    return (list_add(&r->secrets, p->key.application_secret.text) &&
            list_add(&r->secrets, p->key.consumer_key.text)) ||
           err_memory(e);
}

static void
stop(struct rest *r)
{
    struct proof *p = r->proof;

    if (p != NULL)
        ovh_key_done(&p->key);
    free(p);
    r->proof = NULL;
}

/* ------------------------------------------------------------------ asking */

/* What its errors mean, where a better key is not the remedy, or 401 and 403 are not the status. */
/* clang-format off */
static const struct {
    const char *code;
    const char *remedy; /* NULL: the usual one */
} meanings[] = {
    {"INVALID_SIGNATURE", "application_secret or consumer_key is not right"},
    {"INVALID_KEY", "application_key is not right, or of another endpoint"},
    {"NOT_CREDENTIAL", "consumer_key is not right, or of another endpoint"},
    {"INVALID_CREDENTIAL", "consumer_key has ended, or nobody has confirmed it; make another"},
    {"NOT_GRANTED_CALL", "make a consumer_key that may GET, POST and DELETE /domain/zone/ZONE*"},
};
/* clang-format on */

static const char *
error_code(const struct rest_answer *answer)
{
    const char *code = json_member_text(answer->json, "errorCode");

    return code == NULL ? "" : code;
}

static bool
refuse(struct rest *r, const struct rest_answer *answer, const char *what, struct err *e)
{
    struct proof *p = r->proof;

    for (size_t i = 0; i < COUNT(meanings) && answer->status < 500; i++)
        if (strcmp(error_code(answer), meanings[i].code) == 0)
            return rest_denied(r, answer, what, meanings[i].remedy, e);
    if (strcmp(error_code(answer), "QUERY_TIME_OUT") == 0) {
        p->server_s = 0; /* our clock was stopped meanwhile: its time is asked for anew */
        return rest_failed(r, answer->json, what, e);
    }
    return rest_refused(r, answer, what, e);
}

/* Its time: a signature is good for a short while, and a clock of ours that is wrong must not
 * matter. This is the one question without a signature. */
static bool
know_time(struct rest *r, struct err *e)
{
    struct clock *clock = r->d->clock;
    struct proof *p = r->proof;
    own_rest_answer struct rest_answer answer = {0};

    if (p->server_s > 0 && clock->steady_ms(clock) - p->asked_ms < TIME_LASTS_MS)
        return true;
    p->server_s = 0;
    if (!rest_call(r, "GET", "/auth/time", NULL, &answer, e))
        return false;
    if (!rest_is_good(&answer))
        return refuse(r, &answer, "tell the time", e);
    p->server_s = json_member_int(answer.json, "value");
    p->asked_ms = clock->steady_ms(clock);
    return p->server_s > 0 || rest_misunderstood(r, "tell the time", e);
}

static bool
call(struct rest *r, const char *method, const char *path, const struct json_t *body,
     struct rest_answer *answer, struct err *e)
{
    return know_time(r, e) && rest_call(r, method, path, body, answer, e);
}

/* ------------------------------------------------------------------ zones */

static bool
find_zone(struct rest *r, const char *name, struct cloud_zone *zone, bool *found, struct err *e)
{
    own_mem char *path = str_format("/domain/zone/%s", name);
    own_rest_answer struct rest_answer answer = {0};

    if (path == NULL)
        return err_memory(e);
    if (!call(r, "GET", path, NULL, &answer, e))
        return false;
    if (answer.status == 404)
        return true;
    /* a key for one zone may not even ask for others */
    if (answer.status == 403 && strcmp(error_code(&answer), "NOT_GRANTED_CALL") == 0) {
        log_debug("%s: there may be a zone '%s', but not for this key", r->endpoint, name);
        return true;
    }
    if (!rest_is_good(&answer))
        return refuse(r, &answer, "look for the zone", e);
    *found = true;
    return rest_id(zone->id, answer.json, "name") || rest_misunderstood(r, "show the zone", e);
}

/* ------------------------------------------------------------------ records */

static bool
take_record(struct rest *r, const struct cloud_zone *zone, int64_t id, struct cloud_records *out,
            struct err *e)
{
    own_mem char *path = str_format("/domain/zone/%s/record/%" PRId64, zone->id, id);
    own_rest_answer struct rest_answer answer = {0};
    struct cloud_record *item = NULL;
    const char *value = NULL;
    char name[DNS_NAME_SIZE];

    if (path == NULL)
        return err_memory(e);
    if (!call(r, "GET", path, NULL, &answer, e))
        return false;
    if (answer.status == 404) /* somebody has just deleted it */
        return true;
    if (!rest_is_good(&answer))
        return refuse(r, &answer, "read a record of the zone", e);
    value = json_member_text(answer.json, "target");
    if (value == NULL)
        return rest_misunderstood(r, "read a record of the zone", e);
    cloud_absolute(name, zone, json_member_text(answer.json, "subDomain"));
    if (!cloud_records_add(out, name, value, false))
        return err_memory(e);
    item = &out->items[out->count - 1];
    item->ttl_s = json_member_int(answer.json, "ttl");
    return rest_id(item->id, answer.json, "id") ||
           rest_misunderstood(r, "read a record of the zone", e);
}

/* Numbers come first, and each record is asked for. */
static bool
list(struct rest *r, const struct cloud_zone *zone, const char *name, struct cloud_records *out,
     struct err *e)
{
    own_mem char *path = NULL;
    own_rest_answer struct rest_answer answer = {0};
    const struct json_t *ids = NULL;
    char relative[DNS_NAME_SIZE];

    cloud_subname(relative, zone, name);
    path = str_format("/domain/zone/%s/record?fieldType=TXT&subDomain=%s", zone->id, relative);
    if (path == NULL)
        return err_memory(e);
    if (!call(r, "GET", path, NULL, &answer, e))
        return false;
    if (!rest_is_good(&answer))
        return refuse(r, &answer, "list the records of the zone", e);
    ids = json_member(answer.json, "items");
    if (ids == NULL)
        return rest_misunderstood(r, "list the records of the zone", e);
    for (size_t i = 0; i < json_count(ids); i++) {
        if (json_item_int(ids, i) <= 0)
            return rest_misunderstood(r, "list the records of the zone", e);
        if (!take_record(r, zone, json_item_int(ids, i), out, e))
            return false;
    }
    return true;
}

static bool
add(struct rest *r, const struct cloud_zone *zone, const struct cloud_record *record, struct err *e)
{
    own_mem char *path = str_format("/domain/zone/%s/record", zone->id);
    own_json struct json_t *body = json_new_object();
    own_rest_answer struct rest_answer answer = {0};
    char relative[DNS_NAME_SIZE];

    if (path == NULL || body == NULL)
        return err_memory(e);
    cloud_subname(relative, zone, record->name);
    json_put_text(body, "fieldType", "TXT");
    json_put_text(body, "subDomain", relative);
    json_put_text(body, "target", record->value);
    json_put_int(body, "ttl", cloud_ttl(r, zone));
    if (!call(r, "POST", path, body, &answer, e))
        return false;
    return rest_is_good(&answer) || refuse(r, &answer, "add a record to the zone", e);
}

static bool
drop(struct rest *r, const struct cloud_zone *zone, const struct cloud_record *record,
     struct err *e)
{
    own_mem char *path = str_format("/domain/zone/%s/record/%s", zone->id, record->id);
    own_rest_answer struct rest_answer answer = {0};

    if (path == NULL)
        return err_memory(e);
    if (!call(r, "DELETE", path, NULL, &answer, e))
        return false;
    return rest_is_good(&answer) || answer.status == 404 ||
           refuse(r, &answer, "delete a record of the zone", e);
}

/* A POST with nothing in it. */
static bool
apply(struct rest *r, const struct cloud_zone *zone, struct err *e)
{
    own_mem char *path = str_format("/domain/zone/%s/refresh", zone->id);
    own_http_response struct http_response response = {0};
    own_rest_answer struct rest_answer answer = {0};
    const struct rest_message m = {
        .method = "POST",
        .path = path,
        .content_type = "application/json",
        .accept = "application/json",
        .body = "",
    };
    struct err why = {0};

    if (path == NULL)
        return err_memory(e);
    if (!know_time(r, e) || !rest_exchange(r, &m, &response, e))
        return false;
    answer.status = response.status;
    if (rest_is_good(&answer))
        return true;
    if (response.body.size > 0)
        answer.json = json_decode(response.body.text, response.body.size, &why);
    return refuse(r, &answer, "refresh the zone", e);
}

static const struct cloud_service service = {
    .least_ttl_s = 60,
    .by_name = true,
    .find_endpoint = find_endpoint,
    .start = start,
    .stop = stop,
    .find_zone = find_zone,
    .list = list,
    .add = add,
    .drop = drop,
    .apply = apply,
};

extern const struct dns_provider dns_ovh;

const struct dns_provider dns_ovh = {
    .name = "ovh",
    .options = options,
    .config_size = sizeof(struct cloud_config),
    CLOUD_FUNCTIONS,
    .cloud = &service,
};
