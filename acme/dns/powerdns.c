/* powerdns.c: the provider for the HTTP API of PowerDNS Authoritative Server (4.6 or newer).
 *
 * Source: doc.powerdns.com/authoritative/http-api, seen with 4.7. A filter on the name leaves out
 * records that are disabled: such ones at the very name of a challenge are lost.
 */
#include "acme/cloud.h"

#include <string.h>

struct powerdns_config {
    struct cloud_config cloud; /* first: cloud.c reads it */
    char *server_id;
};

/* clang-format off */
static const struct option options[] = {
    CLOUD_OPTIONS("file with the server's api-key; or credential:NAME", OPTION_TEXT,
                  "http://127.0.0.1:8081"),
    {"server_id", OPTION_TEXT, offsetof(struct powerdns_config, server_id), "localhost",
     .help = "id of the server in the API's paths"},
    {0},
};
/* clang-format on */

static const char *
server_of(const struct rest *r)
{
    const struct powerdns_config *c = r->d->provider_config;

    return c->server_id == NULL ? "localhost" : c->server_id;
}

static bool
find_zone(struct rest *r, const char *name, struct cloud_zone *zone, bool *found, struct err *e)
{
    own_mem char *path = str_format("/api/v1/servers/%s/zones?zone=%s.", server_of(r), name);
    own_rest_answer struct rest_answer answer = {0};
    const struct json_t *first = NULL;

    if (!rest_get(r, path, "look for the zone", &answer, e))
        return false;
    if (json_member(answer.json, "items") == NULL)
        return rest_misunderstood(r, "list the zones", e);
    first = json_item(json_member(answer.json, "items"), 0);
    *found = first != NULL;
    return first == NULL || rest_id(zone->id, first, "id") ||
           rest_misunderstood(r, "list the zones", e);
}

static bool
list(struct rest *r, const struct cloud_zone *zone, const char *name, struct cloud_records *out,
     struct err *e)
{
    own_mem char *path = str_format("/api/v1/servers/%s/zones/%s?rrset_name=%s.&rrset_type=TXT",
                                    server_of(r), zone->id, name);
    own_rest_answer struct rest_answer answer = {0};
    const struct json_t *sets = NULL;

    if (!rest_get(r, path, "list the records of the zone", &answer, e))
        return false;
    sets = json_member(answer.json, "rrsets");
    if (sets == NULL)
        return rest_misunderstood(r, "list the records of the zone", e);
    for (size_t i = 0; i < json_count(sets); i++) {
        const struct json_t *set = json_item(sets, i);
        const struct json_t *records = json_member(set, "records");
        const char *type = json_member_text(set, "type");
        const char *owner = json_member_text(set, "name");
        size_t size = strlen(name);

        /* an older server leaves the filter alone */
        if (type == NULL || strcmp(type, "TXT") != 0 || owner == NULL ||
            strncasecmp(owner, name, size) != 0 || strcmp(owner + size, ".") != 0)
            continue;
        for (size_t k = 0; k < json_count(records); k++) {
            const char *value = json_member_text(json_item(records, k), "content");

            if (value == NULL)
                return rest_misunderstood(r, "list the records of the zone", e);
            if (!cloud_records_add(out, name, value, true))
                return err_memory(e);
            out->items[out->count - 1].ttl_s = json_member_int(set, "ttl");
        }
    }
    return true;
}

/* One member of "rrsets". */
static void
add_set(struct json_t *sets, const struct cloud_set *set)
{
    struct json_t *object = json_new_object();
    struct json_t *records = json_new_array();
    own_mem char *name = str_format("%s.", set->name);

    json_put_text(object, "name", name);
    json_put_text(object, "type", "TXT");
    json_put_int(object, "ttl", set->ttl_s);
    json_put_text(object, "changetype", set->values.count == 0 ? "DELETE" : "REPLACE");
    for (size_t i = 0; i < set->values.count; i++) {
        struct json_t *record = json_new_object();

        json_put_text(record, "content", set->values.items[i]);
        json_put_bool(record, "disabled", false);
        json_add(records, record);
    }
    json_put(object, "records", records);
    json_add(sets, object);
}

static bool
write_sets(struct rest *r, const struct cloud_zone *zone, const struct cloud_set *sets,
           size_t count, struct err *e)
{
    own_mem char *path = str_format("/api/v1/servers/%s/zones/%s", server_of(r), zone->id);
    own_json struct json_t *body = json_new_object();
    struct json_t *array = json_new_array();

    for (size_t i = 0; i < count; i++)
        add_set(array, &sets[i]);
    json_put(body, "rrsets", array);
    return rest_change(r, "PATCH", path, body, "change TXT records of the zone", e);
}

static const struct cloud_service service = {
    .header = "X-API-Key: ",
    .plain_loopback = true,
    .find_zone = find_zone,
    .list = list,
    .write = write_sets,
};

extern const struct dns_provider dns_powerdns;

const struct dns_provider dns_powerdns = {
    .name = "powerdns",
    .options = options,
    .config_size = sizeof(struct powerdns_config),
    CLOUD_FUNCTIONS,
    .cloud = &service,
};
