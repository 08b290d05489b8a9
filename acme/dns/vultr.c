/* vultr.c: the provider for Vultr (API v2).
 *
 * Source: docs.vultr.com/api, tag "dns": domains, records; "Meta and Pagination", "Response Codes".
 */
#include "acme/cloud.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
static const struct option options[] = {
    CLOUD_OPTIONS("file with an API key (access control: DNS); or credential:NAME", OPTION_URL,
                  "https://api.vultr.com/v2"),
    {0},
};
/* clang-format on */

#define PAGE 500
#define PAGES_MAX 1000

/* Takes what is on a page. */
typedef bool take(struct rest *r, const struct json_t *page, void *into, struct err *e);

/* Reads a list to its end, which is a next cursor that is empty. */
static bool
read_pages(struct rest *r, const char *path, const char *what, take *take_page, void *into,
           struct err *e)
{
    char cursor[REST_ID_SIZE] = "";

    for (int page = 0; page < PAGES_MAX; page++) {
        own_mem char *at = str_format("%s?per_page=%d%s%s", path, PAGE,
                                      cursor[0] == '\0' ? "" : "&cursor=", cursor);
        own_rest_answer struct rest_answer answer = {0};
        const struct json_t *links = NULL;
        const char *next = NULL;

        if (!rest_get(r, at, what, &answer, e))
            return false;
        if (!take_page(r, answer.json, into, e))
            return false;
        links = json_member(json_member(answer.json, "meta"), "links");
        next = json_member_text(links, "next");
        if (next == NULL || next[0] == '\0')
            return true;
        if (!rest_id(cursor, links, "next"))
            return rest_misunderstood(r, what, e);
    }
    return rest_misunderstood(r, what, e);
}

/* ------------------------------------------------------------------ zones */

struct wanted {
    const char *name;
    struct cloud_zone *zone;
    bool *found;
};

static bool
take_domains(struct rest *r, const struct json_t *page, void *into, struct err *e)
{
    struct wanted *w = into;

    return cloud_take_domains(r, json_member(page, "domains"), w->name, w->zone, w->found, e);
}

static bool
find_zone(struct rest *r, const char *name, struct cloud_zone *zone, bool *found, struct err *e)
{
    struct wanted w = {name, zone, found};

    return read_pages(r, "/domains", "look for the domain", take_domains, &w, e);
}

/* ------------------------------------------------------------------ records */

struct listing {
    const struct cloud_zone *zone;
    struct cloud_records *out;
};

static bool
take_records(struct rest *r, const struct json_t *page, void *into, struct err *e)
{
    const struct json_t *records = json_member(page, "records");
    struct listing *l = into;

    if (records == NULL)
        return rest_misunderstood(r, "list the records of the domain", e);
    for (size_t i = 0; i < json_count(records); i++) {
        const struct json_t *record = json_item(records, i);
        const char *type = json_member_text(record, "type");
        const char *value = json_member_text(record, "data");
        struct cloud_record *item = NULL;
        char name[DNS_NAME_SIZE];

        if (type == NULL || value == NULL)
            return rest_misunderstood(r, "list the records of the domain", e);
        if (strcmp(type, "TXT") != 0)
            continue;
        cloud_absolute(name, l->zone, json_member_text(record, "name"));
        if (!cloud_records_add(l->out, name, value, false))
            return err_memory(e);
        item = &l->out->items[l->out->count - 1];
        item->ttl_s = json_member_int(record, "ttl");
        if (!rest_id(item->id, record, "id"))
            return rest_misunderstood(r, "list the records of the domain", e);
    }
    return true;
}

/* There is no asking for one name, or one type. */
static bool
list(struct rest *r, const struct cloud_zone *zone, const char *name, struct cloud_records *out,
     struct err *e)
{
    own_mem char *path = str_format("/domains/%s/records", zone->id);
    struct listing l = {zone, out};

    (void)name;
    return path == NULL
               ? err_memory(e)
               : read_pages(r, path, "list the records of the domain", take_records, &l, e);
}

/* Another lifetime than that of the records at the same name is refused. */
static bool
add(struct rest *r, const struct cloud_zone *zone, const struct cloud_record *record, struct err *e)
{
    own_mem char *path = str_format("/domains/%s/records", zone->id);
    own_mem char *quoted = str_format("\"%s\"", record->value);
    own_json struct json_t *body = json_new_object();
    char relative[DNS_NAME_SIZE];

    if (quoted == NULL)
        return err_memory(e);
    cloud_subname(relative, zone, record->name);
    json_put_text(body, "name", relative);
    json_put_text(body, "type", "TXT");
    json_put_text(body, "data", quoted);
    json_put_int(body, "ttl", record->ttl_s > 0 ? record->ttl_s : cloud_ttl(r, zone));
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
    .least_ttl_s = 120, /* no least one is documented; this one is known to be taken */
    .header = "Authorization: Bearer ",
    .find_zone = find_zone,
    .list = list,
    .add = add,
    .drop = drop,
};

extern const struct dns_provider dns_vultr;

const struct dns_provider dns_vultr = {
    .name = "vultr",
    .options = options,
    .config_size = sizeof(struct cloud_config),
    CLOUD_FUNCTIONS,
    .cloud = &service,
};
