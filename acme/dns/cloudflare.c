/* cloudflare.c: the provider for Cloudflare (API v4).
 *
 * Source: developers.cloudflare.com/api: zones, DNS records for a zone.
 */
#include "acme/cloud.h"

#include <string.h>

/* clang-format off */
static const struct option options[] = {
    CLOUD_OPTIONS("file with an API token that may edit the zone (Zone.DNS); or credential:NAME", OPTION_URL,
                  "https://api.cloudflare.com/client/v4"),
    {0},
};
/* clang-format on */

#define PAGE 100
#define PAGES_MAX 1000
#define RECORD_EXISTS 81057
#define RECORD_IS_IDENTICAL 81058
#define RECORD_IS_GONE 81044

/* Is it one of these two that the service complains of? */
static bool
is_about(const struct rest_answer *answer, int64_t code, int64_t other)
{
    const struct json_t *errors = json_member(answer->json, "errors");

    for (size_t i = 0; i < json_count(errors); i++) {
        int64_t found = json_member_int(json_item(errors, i), "code");

        if (found == code || found == other)
            return true;
    }
    return false;
}

static bool
find_zone(struct rest *r, const char *name, struct cloud_zone *zone, bool *found, struct err *e)
{
    own_mem char *path = str_format("/zones?name=%s", name);
    own_rest_answer struct rest_answer answer = {0};
    const struct json_t *zones = NULL;

    if (!rest_get(r, path, "look for the zone", &answer, e))
        return false;
    zones = json_member(answer.json, "result");
    if (zones == NULL)
        return rest_misunderstood(r, "list the zones", e);
    for (size_t i = 0; i < json_count(zones) && !*found; i++) {
        const char *text = json_member_text(json_item(zones, i), "name");

        if (text == NULL || strcasecmp(text, name) != 0)
            continue;
        if (!rest_id(zone->id, json_item(zones, i), "id"))
            return rest_misunderstood(r, "list the zones", e);
        *found = true;
    }
    return true;
}

/* One page. */
static bool
take_page(struct rest *r, const struct rest_answer *answer, struct cloud_records *out,
          struct err *e)
{
    const struct json_t *records = json_member(answer->json, "result");

    if (records == NULL)
        return rest_misunderstood(r, "list the records of the zone", e);
    for (size_t i = 0; i < json_count(records); i++) {
        const char *owner = json_member_text(json_item(records, i), "name");
        const char *value = json_member_text(json_item(records, i), "content");

        if (owner == NULL || value == NULL)
            return rest_misunderstood(r, "list the records of the zone", e);
        if (!cloud_records_add(out, owner, value, false))
            return err_memory(e);
        if (!rest_id(out->items[out->count - 1].id, json_item(records, i), "id"))
            return rest_misunderstood(r, "list the records of the zone", e);
    }
    return true;
}

static bool
list(struct rest *r, const struct cloud_zone *zone, const char *name, struct cloud_records *out,
     struct err *e)
{
    for (int64_t page = 1, pages = 1; page <= pages; page++) {
        own_mem char *path =
            str_format("/zones/%s/dns_records?type=TXT&per_page=%d&page=%lld%s%s", zone->id, PAGE,
                       (long long)page, name == NULL ? "" : "&name=", name == NULL ? "" : name);
        own_rest_answer struct rest_answer answer = {0};

        if (!rest_get(r, path, "list the records of the zone", &answer, e))
            return false;
        if (!take_page(r, &answer, out, e))
            return false;
        pages = json_member_int(json_member(answer.json, "result_info"), "total_pages");
        if (pages > PAGES_MAX)
            return rest_misunderstood(r, "list the records of the zone", e);
    }
    return true;
}

static bool
add(struct rest *r, const struct cloud_zone *zone, const struct cloud_record *record, struct err *e)
{
    own_mem char *path = str_format("/zones/%s/dns_records", zone->id);
    own_mem char *quoted = str_format("\"%s\"", record->value);
    own_json struct json_t *body = json_new_object();
    own_rest_answer struct rest_answer answer = {0};

    if (path == NULL || quoted == NULL || body == NULL)
        return err_memory(e);
    json_put_text(body, "type", "TXT");
    json_put_text(body, "name", record->name);
    json_put_text(body, "content", quoted);
    json_put_int(body, "ttl", cloud_ttl(r, zone));
    if (!rest_call(r, "POST", path, body, &answer, e))
        return false;
    return rest_is_good(&answer) || is_about(&answer, RECORD_EXISTS, RECORD_IS_IDENTICAL) ||
           rest_refused(r, &answer, "add a record to the zone", e);
}

static bool
drop(struct rest *r, const struct cloud_zone *zone, const struct cloud_record *record,
     struct err *e)
{
    own_mem char *path = str_format("/zones/%s/dns_records/%s", zone->id, record->id);
    own_rest_answer struct rest_answer answer = {0};

    if (path == NULL)
        return err_memory(e);
    if (!rest_call(r, "DELETE", path, NULL, &answer, e))
        return false;
    return rest_is_good(&answer) || answer.status == 404 ||
           is_about(&answer, RECORD_IS_GONE, RECORD_IS_GONE) ||
           rest_refused(r, &answer, "delete a record of the zone", e);
}

static const struct cloud_service service = {
    .least_ttl_s = 60,
    .header = "Authorization: Bearer ",
    .refuses_twins = true,
    .find_zone = find_zone,
    .list = list,
    .add = add,
    .drop = drop,
};

extern const struct dns_provider dns_cloudflare;

const struct dns_provider dns_cloudflare = {
    .name = "cloudflare",
    .options = options,
    .config_size = sizeof(struct cloud_config),
    CLOUD_FUNCTIONS,
    .cloud = &service,
};
