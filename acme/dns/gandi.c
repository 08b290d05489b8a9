/* gandi.c: the provider for Gandi (LiveDNS, API v5).
 *
 * Source: api.gandi.net/docs/livedns: domains, records by name and type.
 */
#include "acme/cloud.h"

/* clang-format off */
static const struct option options[] = {
    CLOUD_OPTIONS("file with a personal access token (manage domain name technical configurations); or credential:NAME", OPTION_URL,
                  "https://api.gandi.net/v5/livedns"),
    {0},
};
/* clang-format on */

#define TTL_LEAST_S 300

static bool
find_zone(struct rest *r, const char *name, struct cloud_zone *zone, bool *found, struct err *e)
{
    own_mem char *path = str_format("/domains/%s", name);
    own_rest_answer struct rest_answer answer = {0};

    if (path == NULL)
        return err_memory(e);
    if (!rest_call(r, "GET", path, NULL, &answer, e))
        return false;
    if (answer.status == 404)
        return true;
    if (!rest_is_good(&answer))
        return rest_refused(r, &answer, "look for the domain", e);
    zone->least_ttl_s = TTL_LEAST_S;
    *found = true;
    return rest_id(zone->id, answer.json, "fqdn") || rest_misunderstood(r, "show the domain", e);
}

static bool
list(struct rest *r, const struct cloud_zone *zone, const char *name, struct cloud_records *out,
     struct err *e)
{
    own_mem char *path = NULL;
    own_rest_answer struct rest_answer answer = {0};
    const struct json_t *values = NULL;
    char relative[DNS_NAME_SIZE];

    cloud_relative(relative, zone, name);
    path = str_format("/domains/%s/records/%s/TXT", zone->id, relative);
    if (path == NULL)
        return err_memory(e);
    if (!rest_call(r, "GET", path, NULL, &answer, e))
        return false;
    if (answer.status == 404)
        return true;
    if (!rest_is_good(&answer))
        return rest_refused(r, &answer, "read the records of the domain", e);
    values = json_member(answer.json, "rrset_values");
    if (values == NULL)
        return rest_misunderstood(r, "read the records of the domain", e);
    for (size_t i = 0; i < json_count(values); i++) {
        const char *value = json_item_text(values, i);

        if (value == NULL)
            return rest_misunderstood(r, "read the records of the domain", e);
        if (!cloud_records_add(out, name, value, true))
            return err_memory(e);
        out->items[out->count - 1].ttl_s = json_member_int(answer.json, "rrset_ttl");
    }
    return true;
}

static bool
write_set(struct rest *r, const struct cloud_zone *zone, const struct cloud_set *set, struct err *e)
{
    own_mem char *path = NULL;
    own_json struct json_t *body = json_new_object();
    own_rest_answer struct rest_answer answer = {0};
    char relative[DNS_NAME_SIZE];
    bool is_empty = set->values.count == 0;

    cloud_relative(relative, zone, set->name);
    path = str_format("/domains/%s/records/%s/TXT", zone->id, relative);
    if (path == NULL || body == NULL)
        return err_memory(e);
    json_put_list(body, "rrset_values", &set->values);
    json_put_int(body, "rrset_ttl", set->ttl_s);
    if (!rest_call(r, is_empty ? "DELETE" : "PUT", path, is_empty ? NULL : body, &answer, e))
        return false;
    return rest_is_good(&answer) || (is_empty && answer.status == 404) ||
           rest_refused(r, &answer, "change records of the domain", e);
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
    .header = "Authorization: Bearer ",
    .find_zone = find_zone,
    .list = list,
    .write = write_sets,
};

extern const struct dns_provider dns_gandi;

const struct dns_provider dns_gandi = {
    .name = "gandi",
    .options = options,
    .config_size = sizeof(struct cloud_config),
    .open = cloud_open,
    .publish = cloud_publish,
    .remove = cloud_remove,
    .close = cloud_close,
    .cloud = &service,
};
