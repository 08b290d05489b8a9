/* hetzner.c: the provider for Hetzner DNS (API v1 of dns.hetzner.com).
 *
 * Source: dns.hetzner.com/api-docs: zones, records, bulk create.
 */
#include "acme/cloud.h"

#include <string.h>

/* clang-format off */
static const struct option options[] = {
    CLOUD_OPTIONS("file with an API token of the DNS console; or credential:NAME", OPTION_URL,
                  "https://dns.hetzner.com/api/v1"),
    {0},
};
/* clang-format on */

#define PAGE 100
#define PAGES_MAX 1000

static bool
find_zone(struct rest *r, const char *name, struct cloud_zone *zone, bool *found, struct err *e)
{
    own_mem char *path = str_format("/zones?name=%s", name);
    own_rest_answer struct rest_answer answer = {0};
    const struct json_t *zones = NULL;

    if (path == NULL)
        return err_memory(e);
    if (!rest_call(r, "GET", path, NULL, &answer, e))
        return false;
    if (answer.status == 404)
        return true;
    if (!rest_is_good(&answer))
        return rest_refused(r, &answer, "look for the zone", e);
    zones = json_member(answer.json, "zones");
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

/* One page; there is no filter for names or types. */
static bool
take_page(struct rest *r, const struct cloud_zone *zone, const struct rest_answer *answer,
          struct cloud_records *out, struct err *e)
{
    const struct json_t *records = json_member(answer->json, "records");

    if (records == NULL)
        return rest_misunderstood(r, "list the records of the zone", e);
    for (size_t i = 0; i < json_count(records); i++) {
        const struct json_t *record = json_item(records, i);
        const char *type = json_member_text(record, "type");
        const char *value = json_member_text(record, "value");
        char name[DNS_NAME_SIZE];

        if (type == NULL || value == NULL)
            return rest_misunderstood(r, "list the records of the zone", e);
        if (strcmp(type, "TXT") != 0)
            continue;
        cloud_absolute(name, zone, json_member_text(record, "name"));
        if (!cloud_records_add(out, name, value, false))
            return err_memory(e);
        if (!rest_id(out->items[out->count - 1].id, record, "id"))
            return rest_misunderstood(r, "list the records of the zone", e);
    }
    return true;
}

static bool
list(struct rest *r, const struct cloud_zone *zone, const char *name, struct cloud_records *out,
     struct err *e)
{
    (void)name;
    for (int64_t page = 1, pages = 1; page <= pages; page++) {
        own_mem char *path = str_format("/records?zone_id=%s&per_page=%d&page=%lld", zone->id, PAGE,
                                        (long long)page);
        own_rest_answer struct rest_answer answer = {0};

        if (path == NULL)
            return err_memory(e);
        if (!rest_call(r, "GET", path, NULL, &answer, e))
            return false;
        if (!rest_is_good(&answer))
            return rest_refused(r, &answer, "list the records of the zone", e);
        if (!take_page(r, zone, &answer, out, e))
            return false;
        pages = json_member_int(json_member(json_member(answer.json, "meta"), "pagination"),
                                "last_page");
        if (pages > PAGES_MAX)
            return rest_misunderstood(r, "list the records of the zone", e);
    }
    return true;
}

/* All in one request; it may accept some and not others. */
static bool
add(struct rest *r, const struct cloud_zone *zone, const struct cloud_records *records,
    struct err *e)
{
    own_json struct json_t *body = json_new_object();
    struct json_t *array = json_new_array();
    own_rest_answer struct rest_answer answer = {0};

    if (body == NULL)
        return err_memory(e);
    for (size_t i = 0; i < records->count; i++) {
        struct json_t *record = json_new_object();
        char relative[DNS_NAME_SIZE];

        cloud_relative(relative, zone, records->items[i].name);
        json_put_text(record, "zone_id", zone->id);
        json_put_text(record, "type", "TXT");
        json_put_text(record, "name", relative);
        json_put_text(record, "value", records->items[i].value);
        json_put_int(record, "ttl", r->d->config.ttl_s);
        json_add(array, record);
    }
    json_put(body, "records", array);
    if (!rest_call(r, "POST", "/records/bulk", body, &answer, e))
        return false;
    if (!rest_is_good(&answer))
        return rest_refused(r, &answer, "add records to the zone", e);
    return json_count(json_member(answer.json, "invalid_records")) == 0 ||
           err_set(e, ERR_PERMISSION,
                   "the service at '%s' refuses %zu of %zu records for the zone '%s' as invalid",
                   r->endpoint, json_count(json_member(answer.json, "invalid_records")),
                   records->count, zone->name);
}

static bool
drop(struct rest *r, const struct cloud_zone *zone, const struct cloud_record *record,
     struct err *e)
{
    own_mem char *path = str_format("/records/%s", record->id);
    own_rest_answer struct rest_answer answer = {0};

    (void)zone;
    if (path == NULL)
        return err_memory(e);
    if (!rest_call(r, "DELETE", path, NULL, &answer, e))
        return false;
    return rest_is_good(&answer) || answer.status == 404 ||
           rest_refused(r, &answer, "delete a record of the zone", e);
}

static const struct cloud_service service = {
    .header = "Auth-API-Token: ",
    .find_zone = find_zone,
    .list = list,
    .add = add,
    .drop = drop,
};

extern const struct dns_provider dns_hetzner;

const struct dns_provider dns_hetzner = {
    .name = "hetzner",
    .options = options,
    .config_size = sizeof(struct cloud_config),
    .open = cloud_open,
    .publish = cloud_publish,
    .remove = cloud_remove,
    .close = cloud_close,
    .cloud = &service,
};
