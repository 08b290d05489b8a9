/* fuzz_cloud.c: any answers of the services that keep zones. The first byte chooses the provider,
 * the rest is as peer.h has it. */
#include "tests/fuzz/peer.h"

#include "acme/cloud.h"
#include "acme/rest.h"

static const char *const name = "_acme-challenge.db.example.org";

static const struct dns_provider *
choose(uint8_t number)
{
    const struct dns_provider *clouds[64];
    size_t count = 0;

    for (size_t i = 0; dns_provider_get(i) != NULL && count < COUNT(clouds); i++)
        if (dns_provider_get(i)->cloud != NULL)
            clouds[count++] = dns_provider_get(i);
    MUST(count > 0);
    return clouds[number % count];
}

/* Whatever is handed on has an end, and ids fit into paths. */
static void
judge(const struct cloud_zone *zone, const struct cloud_records *records)
{
    MUST(strlen(zone->name) < sizeof(zone->name) && strlen(zone->id) < sizeof(zone->id));
    MUST(strpbrk(zone->id, "/?#& \r\n") == NULL);
    for (size_t i = 0; i < records->count; i++) {
        const struct cloud_record *r = &records->items[i];

        MUST(strlen(r->name) < sizeof(r->name) && r->value != NULL);
        MUST(strpbrk(r->id, "/?#& \r\n") == NULL);
    }
}

/* A [dns world] section of that provider; its file and its endpoint are not asked. */
static struct dns *
configure(const struct dns_provider *provider, struct clock *clock)
{
    own_conf struct conf conf = {0};
    struct err e = {0};
    own_mem char *text = str_format("[dns world]\nprovider = %s\ntoken_file = /token\n"
                                    "endpoint = https://service.test/v1\n",
                                    provider->name);
    struct dns *d = NULL;

    MUST(text != NULL && conf_read_text(&conf, "conf", text, strlen(text), &e));
    d = dns_new(&conf.sections[0], clock, &e);
    MUST(d != NULL);
    return d;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char token[] = "secret-token";
    const struct dns_provider *provider = choose(size == 0 ? 0 : data[0]);
    struct peer p;
    struct rest r = {.http = &p.base,
                     .token = token,
                     .token_file = "/token",
                     .endpoint = "https://service.test/v1"};
    struct cloud_zone zone = {.name = ""};
    own_cloud_records struct cloud_records records = {0};
    struct err e = {0};
    bool found = false;

    if (size == 0 || provider->cloud->start != NULL)
        return 0;
    peer_begin(&p, data + 1, size - 1);
    r.d = configure(provider, &p.clock);
    MUST(str_addf(&r.header, "Authorization: Bearer %s", token));
    rest_begin(&r);
    if (!provider->cloud->find_zone(&r, "example.org", &zone, &found, &e) ||
        !provider->cloud->list(&r, &zone, name, &records, &e)) {
        peer_judge(&e);
        MUST(strstr(e.text, token) == NULL);
    }
    judge(&zone, &records);
    str_done(&r.header);
    dns_free(r.d);
    return 0;
}
