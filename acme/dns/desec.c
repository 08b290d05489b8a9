/* desec.c: the provider for deSEC (API v1).
 *
 * Source: desec.readthedocs.io: dns/domains, dns/rrsets, rate-limits.
 */
#include "acme/cloud.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
static const struct option options[] = {
    CLOUD_OPTIONS("file with a token for the domain; or credential:NAME", OPTION_URL,
                  "https://desec.io/api/v1"),
    {0},
};
/* clang-format on */

static bool
find_zone(struct rest *r, const char *name, struct cloud_zone *zone, bool *found, struct err *e)
{
    own_mem char *path = str_format("/domains/?owns_qname=%s", name);
    own_rest_answer struct rest_answer answer = {0};
    const struct json_t *domain = NULL;

    if (!rest_get(r, path, "look for the domain", &answer, e))
        return false;
    if (json_member(answer.json, "items") == NULL)
        return rest_misunderstood(r, "list the domains", e);
    domain = json_item(json_member(answer.json, "items"), 0);
    if (domain == NULL)
        return true;
    if (!rest_id(zone->id, domain, "name"))
        return rest_misunderstood(r, "list the domains", e);
    (void)snprintf(zone->name, sizeof(zone->name), "%s", zone->id);
    zone->least_ttl_s = json_member_int(domain, "minimum_ttl");
    *found = true;
    return true;
}

static bool
list(struct rest *r, const struct cloud_zone *zone, const char *name, struct cloud_records *out,
     struct err *e)
{
    own_mem char *path = NULL;
    own_rest_answer struct rest_answer answer = {0};
    char subname[DNS_NAME_SIZE];

    cloud_relative(subname, zone, name);
    path = str_format("/domains/%s/rrsets/%s/TXT/", zone->id, subname);
    if (!rest_look(r, path, "read the records of the domain", &answer, e))
        return false;
    if (answer.status == 404)
        return true;
    return cloud_take_values(r, json_member(answer.json, "records"), name,
                             json_member_int(answer.json, "ttl"), out, e);
}

/* All in one request: there may be 2 a second, and 15 a minute. A set without records is deleted.
 */
static bool
write_sets(struct rest *r, const struct cloud_zone *zone, const struct cloud_set *sets,
           size_t count, struct err *e)
{
    own_mem char *path = str_format("/domains/%s/rrsets/", zone->id);
    own_json struct json_t *body = json_new_array();

    for (size_t i = 0; i < count; i++) {
        struct json_t *set = json_new_object();
        char subname[DNS_NAME_SIZE];

        cloud_subname(subname, zone, sets[i].name);
        json_put_text(set, "subname", subname);
        json_put_text(set, "type", "TXT");
        json_put_int(set, "ttl", sets[i].ttl_s);
        json_put_list(set, "records", &sets[i].values);
        json_add(body, set);
    }
    return rest_change(r, "PATCH", path, body, "change records of the domain", e);
}

static const struct cloud_service service = {
    .header = "Authorization: Token ",
    .find_zone = find_zone,
    .list = list,
    .write = write_sets,
};

extern const struct dns_provider dns_desec;

const struct dns_provider dns_desec = {
    .name = "desec",
    .options = options,
    .config_size = sizeof(struct cloud_config),
    CLOUD_FUNCTIONS,
    .cloud = &service,
};
