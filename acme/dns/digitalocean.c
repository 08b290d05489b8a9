/* digitalocean.c: the provider for DigitalOcean (API v2).
 *
 * Source: docs.digitalocean.com/reference/api: domains, domain records, links.
 */
#include "acme/cloud.h"

/* clang-format off */
static const struct option options[] = {
    CLOUD_OPTIONS("file with a personal access token (scope domain); or credential:NAME", OPTION_URL,
                  "https://api.digitalocean.com/v2"),
    {0},
};
/* clang-format on */

#define PAGE 200
#define PAGES_MAX 1000

static bool
find_zone(struct rest *r, const char *name, struct cloud_zone *zone, bool *found, struct err *e)
{
    own_mem char *path = str_format("/domains/%s", name);
    own_rest_answer struct rest_answer answer = {0};

    if (!rest_look(r, path, "look for the domain", &answer, e))
        return false;
    if (answer.status == 404)
        return true;
    *found = true;
    return rest_id(zone->id, json_member(answer.json, "domain"), "name") ||
           rest_misunderstood(r, "show the domain", e);
}

static bool
take_page(struct rest *r, const struct cloud_zone *zone, const struct rest_answer *answer,
          struct cloud_records *out, struct err *e)
{
    const struct json_t *records = json_member(answer->json, "domain_records");

    if (records == NULL)
        return rest_misunderstood(r, "list the records of the domain", e);
    for (size_t i = 0; i < json_count(records); i++) {
        const struct json_t *record = json_item(records, i);
        const char *value = json_member_text(record, "data");
        char name[DNS_NAME_SIZE];

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
    bool has_more = true;

    for (int page = 1; has_more && page <= PAGES_MAX; page++) {
        own_mem char *path =
            str_format("/domains/%s/records?type=TXT&per_page=%d&page=%d%s%s", zone->id, PAGE, page,
                       name == NULL ? "" : "&name=", name == NULL ? "" : name);
        own_rest_answer struct rest_answer answer = {0};
        const struct json_t *pages = NULL;

        if (!rest_get(r, path, "list the records of the domain", &answer, e))
            return false;
        if (!take_page(r, zone, &answer, out, e))
            return false;
        /* that there is a link is enough: where it leads to is ours to say */
        pages = json_member(json_member(answer.json, "links"), "pages");
        has_more = json_member_text(pages, "next") != NULL;
    }
    return !has_more || rest_misunderstood(r, "list the records of the domain", e);
}

static bool
add(struct rest *r, const struct cloud_zone *zone, const struct cloud_record *record, struct err *e)
{
    own_mem char *path = str_format("/domains/%s/records", zone->id);
    own_json struct json_t *body = json_new_object();
    char relative[DNS_NAME_SIZE];

    cloud_relative(relative, zone, record->name);
    json_put_text(body, "type", "TXT");
    json_put_text(body, "name", relative);
    json_put_text(body, "data", record->value);
    json_put_int(body, "ttl", cloud_ttl(r, zone));
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
    .least_ttl_s = 30,
    .header = "Authorization: Bearer ",
    .find_zone = find_zone,
    .list = list,
    .add = add,
    .drop = drop,
};

extern const struct dns_provider dns_digitalocean;

const struct dns_provider dns_digitalocean = {
    .name = "digitalocean",
    .options = options,
    .config_size = sizeof(struct cloud_config),
    CLOUD_FUNCTIONS,
    .cloud = &service,
};
