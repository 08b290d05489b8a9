/* linode.c: the provider for Linode, now Akamai (API v4).
 *
 * Source: techdocs.akamai.com/linode-api: domains, domain records, pagination.
 */
#include "acme/cloud.h"

#include <string.h>

/* clang-format off */
static const struct option options[] = {
    CLOUD_OPTIONS("file with a personal access token (domains: read/write); or credential:NAME", OPTION_URL,
                  "https://api.linode.com/v4"),
    {0},
};
/* clang-format on */

#define PAGE 500
#define PAGES_MAX 1000

/* Zones are told page by page. */
static bool
find_zone(struct rest *r, const char *name, struct cloud_zone *zone, bool *found, struct err *e)
{
    for (int64_t page = 1, pages = 1; page <= pages && !*found; page++) {
        own_mem char *path = str_format("/domains?page_size=%d&page=%lld", PAGE, (long long)page);
        own_rest_answer struct rest_answer answer = {0};
        const struct json_t *zones = NULL;

        if (!rest_get(r, path, "list the domains", &answer, e))
            return false;
        zones = json_member(answer.json, "data");
        pages = json_member_int(answer.json, "pages");
        if (zones == NULL || pages > PAGES_MAX)
            return rest_misunderstood(r, "list the domains", e);
        for (size_t i = 0; i < json_count(zones) && !*found; i++) {
            const char *text = json_member_text(json_item(zones, i), "domain");

            if (text == NULL || strcasecmp(text, name) != 0)
                continue;
            if (!rest_id(zone->id, json_item(zones, i), "id"))
                return rest_misunderstood(r, "list the domains", e);
            *found = true;
        }
    }
    return true;
}

static bool
take_page(struct rest *r, const struct cloud_zone *zone, const struct rest_answer *answer,
          struct cloud_records *out, struct err *e)
{
    const struct json_t *records = json_member(answer->json, "data");

    if (records == NULL)
        return rest_misunderstood(r, "list the records of the domain", e);
    for (size_t i = 0; i < json_count(records); i++) {
        const struct json_t *record = json_item(records, i);
        const char *type = json_member_text(record, "type");
        const char *value = json_member_text(record, "target");
        char name[DNS_NAME_SIZE];

        if (type == NULL || strcmp(type, "TXT") != 0)
            continue;
        if (value == NULL)
            return rest_misunderstood(r, "list the records of the domain", e);
        cloud_absolute(name, zone, json_member_text(record, "name"));
        if (!cloud_records_add(out, name, value, false))
            return err_memory(e);
        if (!rest_id(out->items[out->count - 1].id, record, "id"))
            return rest_misunderstood(r, "list the records of the domain", e);
    }
    return true;
}

static bool
list(struct rest *r, const struct cloud_zone *zone, const char *name, struct cloud_records *out,
     struct err *e)
{
    (void)name;
    for (int64_t page = 1, pages = 1; page <= pages; page++) {
        own_mem char *path = str_format("/domains/%s/records?page_size=%d&page=%lld", zone->id,
                                        PAGE, (long long)page);
        own_rest_answer struct rest_answer answer = {0};

        if (!rest_get(r, path, "list the records of the domain", &answer, e))
            return false;
        if (!take_page(r, zone, &answer, out, e))
            return false;
        pages = json_member_int(answer.json, "pages");
        if (pages > PAGES_MAX)
            return rest_misunderstood(r, "list the records of the domain", e);
    }
    return true;
}

static bool
add(struct rest *r, const struct cloud_zone *zone, const struct cloud_record *record, struct err *e)
{
    own_mem char *path = str_format("/domains/%s/records", zone->id);
    own_json struct json_t *body = json_new_object();
    char relative[DNS_NAME_SIZE];

    cloud_subname(relative, zone, record->name);
    json_put_text(body, "type", "TXT");
    json_put_text(body, "name", relative);
    json_put_text(body, "target", record->value);
    json_put_int(body, "ttl_sec", cloud_ttl(r, zone)); /* it takes the next longer one it has */
    return rest_change(r, "POST", path, body, "add a record to the domain", e);
}

static bool
drop(struct rest *r, const struct cloud_zone *zone, const struct cloud_record *record,
     struct err *e)
{
    own_mem char *path = str_format("/domains/%s/records/%s", zone->id, record->id);

    return rest_delete(r, path, "delete a record of the domain", e);
}

static const struct cloud_service service = {
    .header = "Authorization: Bearer ",
    .find_zone = find_zone,
    .list = list,
    .add = add,
    .drop = drop,
};

extern const struct dns_provider dns_linode;

const struct dns_provider dns_linode = {
    .name = "linode",
    .options = options,
    .config_size = sizeof(struct cloud_config),
    CLOUD_FUNCTIONS,
    .cloud = &service,
};
