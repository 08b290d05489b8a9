/* fuzz_cloud.c: any answers of the services that keep zones. The first byte chooses the provider,
 * the rest is as peer.h has it. */
#include "tests/fuzz/peer.h"

#include "acme/cloud.h"
#include "acme/rest.h"
#include "base/key.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* A file in memory that only its owner may read, as long as the process lives. */
static char *
secret_file(const char *text)
{
    int fd = memfd_create("secret", MFD_CLOEXEC);

    MUST(fd >= 0 && fchmod(fd, 0600) == 0 &&
         write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    return str_format("/proc/self/fd/%d", fd);
}

/* As Google gives it. */
static char *
service_account(void)
{
    own_pkey EVP_PKEY *key = NULL;
    own_json struct json_t *account = json_new_object();
    own_str struct str pem = {0};
    own_mem char *text = NULL;
    struct err e = {0};

    key = key_generate(KEY_RSA_2048, &e);
    MUST(key != NULL && key_to_pem(key, &pem, &e));
    json_put_text(account, "type", "service_account");
    json_put_text(account, "project_id", "project");
    json_put_text(account, "private_key_id", "1");
    json_put_text(account, "private_key", pem.text);
    json_put_text(account, "client_email", "a@project.iam.gserviceaccount.com");
    json_put_text(account, "token_uri", "https://service.test/token");
    text = json_encode(account);
    MUST(text != NULL);
    return secret_file(text);
}

/* What a provider wants besides its endpoint; "%s" is a file with a secret in it. */
static char *
settings_of(const struct dns_provider *provider)
{
    static char *token, *aws, *ovh, *google;
    const char *n = provider->name;

    if (token == NULL) {
        token = secret_file("secret-token");
        aws = secret_file("[default]\naws_access_key_id = AKIDEXAMPLE\n"
                          "aws_secret_access_key = wJalrXUtnFEMI\n");
        ovh = secret_file("[default]\nendpoint=ovh-eu\n[ovh-eu]\napplication_key=a\n"
                          "application_secret=b\nconsumer_key=c\n");
        google = service_account();
    }
    if (strcmp(n, "google") == 0)
        return str_format("credentials_file = %s\n", google);
    if (strcmp(n, "route53") == 0)
        return str_format("access_key_file = %s\n", aws);
    if (strcmp(n, "ovh") == 0)
        return str_format("token_file = %s\n", ovh);
    if (strcmp(n, "azure") == 0)
        return str_format("client_secret_file = %s\ntenant_id = t\nclient_id = c\n"
                          "subscription_id = s\nresource_group = g\n",
                          token);
    if (strcmp(n, "namecheap") == 0)
        return str_format("token_file = %s\napi_user = u\nuser_name = u\n"
                          "client_ip = 192.0.2.1\n",
                          token);
    if (strcmp(n, "porkbun") == 0)
        return str_format("token_file = %s\nsecret_file = %s\n", token, token);
    return str_format("token_file = %s\n", token);
}

/* A [dns world] section of that provider. */
static struct dns *
configure(const struct dns_provider *provider, struct clock *clock)
{
    own_conf struct conf conf = {0};
    struct err e = {0};
    own_mem char *settings = settings_of(provider);
    own_mem char *text = str_format("[dns world]\nprovider = %s\nendpoint = "
                                    "https://service.test/v1\n%s",
                                    provider->name, settings);
    struct dns *d = NULL;

    MUST(text != NULL && conf_read_text(&conf, "conf", text, strlen(text), &e));
    d = dns_new(&conf.sections[0], clock, &e);
    MUST(d != NULL);
    return d;
}

/* Other proofs than a token; who we are is proved to nobody here. */
static void
prove(struct rest *r)
{
    const struct cloud_service *service = r->d->provider->cloud;
    struct err e = {0};

    MUST(service->start == NULL || service->start(r->d, r, &e));
    r->authorize = NULL;
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

    if (size == 0)
        return 0;
    peer_begin(&p, data + 1, size - 1);
    r.d = configure(provider, &p.clock);
    MUST(str_addf(&r.header, "Authorization: Bearer %s", token));
    prove(&r);
    rest_begin(&r);
    if (!provider->cloud->find_zone(&r, "example.org", &zone, &found, &e) ||
        !provider->cloud->list(&r, &zone, name, &records, &e)) {
        peer_judge(&e);
        MUST(strstr(e.text, token) == NULL);
    }
    judge(&zone, &records);
    if (provider->cloud->stop != NULL)
        provider->cloud->stop(&r);
    dns_free(r.d);
    r.http = NULL; /* the peer is none of its own */
    rest_done(&r);
    return 0;
}
