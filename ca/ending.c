/* ending.c: whose sessions are to end, told by the CA's owner to those who can end them:
 * ending.json, which everybody may read. */
#include "base/clock.h"
#include "base/json.h"
#include "ca/authority.h"
#include "ca/share.h"

#include <string.h>

#define KEPT_S                                                                                     \
    (INT64_C(400) * 86400) /* longer than a server's users are down, or a session lasts */

static bool
is_serial(const char *text)
{
    size_t size = text == NULL ? 0 : strlen(text);

    return size > 0 && size < CA_SERIAL_TEXT && strspn(text, "0123456789abcdef") == size;
}

/* Those of before that still matter. */
static struct json_t *
kept(const struct json_t *before, int64_t now_s)
{
    struct json_t *array = json_new_array();

    for (size_t i = 0; i < json_count(before); i++)
        if (json_member_int(json_item(before, i), "at") > now_s - KEPT_S)
            json_add(array, json_keep(json_item(before, i)));
    return array;
}

bool
ca_end_sessions(struct ca *ca, const struct list *serials, struct err *e)
{
    own_mem char *path = authority_path(ca->config, "ending.json", "");
    own_json struct json_t *json = path == NULL ? NULL : json_load(path, e);
    int64_t now_s = ca->clock->now_s(ca->clock);
    int64_t last = json_member_int(json, "last");
    struct json_t *array = NULL;

    if (path == NULL)
        return err_memory(e);
    if (json == NULL)
        return false;
    array = kept(json_member(json, "sessions"), now_s);
    for (size_t i = 0; i < serials->count; i++) {
        struct json_t *one = json_new_object();

        json_put_int(one, "number", ++last);
        json_put_text(one, "serial", serials->items[i]);
        json_put_int(one, "at", now_s);
        json_add(array, one);
    }
    json_put(json, "sessions", array);
    json_put_int(json, "last", last);
    return share_save(json, path, e);
}

bool
ca_ending_read(const struct ca_config *config, int64_t after, struct list *serials, int64_t *last,
               struct err *e)
{
    own_mem char *path = authority_path(config, "ending.json", "");
    own_json struct json_t *json = path == NULL ? NULL : json_load(path, e);
    const struct json_t *array = json_member(json, "sessions");

    if (path == NULL)
        return err_memory(e);
    if (json == NULL)
        return false;
    for (size_t i = 0; i < json_count(array); i++) {
        const struct json_t *one = json_item(array, i);
        const char *serial = json_member_text(one, "serial");

        if (json_member_int(one, "number") > after && is_serial(serial) &&
            !list_add(serials, serial))
            return err_memory(e);
    }
    *last = json_member_int(json, "last");
    return true;
}
