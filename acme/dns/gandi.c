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
    return rest_id(zone->id, answer.json, "fqdn") || rest_misunderstood(r, "show the domain", e);
}

static bool
list(struct rest *r, const struct cloud_zone *zone, const char *name, struct cloud_records *out,
     struct err *e)
{
    own_mem char *path = NULL;
    own_rest_answer struct rest_answer answer = {0};
    char relative[DNS_NAME_SIZE];

    cloud_relative(relative, zone, name);
    path = str_format("/domains/%s/records/%s/TXT", zone->id, relative);
    if (!rest_look(r, path, "read the records of the domain", &answer, e))
        return false;
    if (answer.status == 404)
        return true;
    return cloud_take_values(r, json_member(answer.json, "rrset_values"), name,
                             json_member_int(answer.json, "rrset_ttl"), out, e);
}

static bool
write_set(struct rest *r, const struct cloud_zone *zone, const struct cloud_set *set, struct err *e)
{
    own_mem char *path = NULL;
    own_json struct json_t *body = json_new_object();
    char relative[DNS_NAME_SIZE];

    cloud_relative(relative, zone, set->name);
    path = str_format("/domains/%s/records/%s/TXT", zone->id, relative);
    if (set->values.count == 0)
        return rest_delete(r, path, "change records of the domain", e);
    json_put_list(body, "rrset_values", &set->values);
    json_put_int(body, "rrset_ttl", set->ttl_s);
    return rest_change(r, "PUT", path, body, "change records of the domain", e);
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
    .least_ttl_s = 300,
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
    CLOUD_FUNCTIONS,
    .cloud = &service,
};
