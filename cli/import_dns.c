/* import_dns.c: the DNS plugins of other clients that a provider of ours stands for. */
#include "cli/import_dns.h"

#include "base/tsigkey.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX 4

/* The value itself, or the content of a file that the setting names. */
enum kind { PLAIN, SECRET };

/* A setting of ours, made of theirs: each {KEY} becomes the value that KEY has there. */
struct field {
    const char *setting;
    const char *text;
    enum kind kind;
    bool is_optional; /* left out where a KEY is missing */
};

struct row {
    const char *client, *plugin;
    const char *provider;
    struct field fields[FIELDS_MAX];
};

#define TSIG(name, algorithm, secret)                                                              \
    "key \"{" name "}\" {\n    algorithm {" algorithm "};\n    secret \"{" secret "}\";\n};\n"
#define OVH(endpoint, key, secret, consumer)                                                       \
    "[default]\nendpoint={" endpoint "}\n\n[{" endpoint "}]\napplication_key={" key                \
    "}\napplication_secret={" secret "}\nconsumer_key={" consumer "}\n"
#define AWS                                                                                        \
    "[default]\naws_access_key_id = {AWS_ACCESS_KEY_ID}\n"                                         \
    "aws_secret_access_key = {AWS_SECRET_ACCESS_KEY}\n"

/* Sources: the plugins' documentation (certbot-dns-*.readthedocs.io), and the scripts of acme.sh
 * (dnsapi/), as to what each one reads. */
/* clang-format off */
static const struct row rows[] = {
    {"certbot", "dns-rfc2136",      "rfc2136",      {{"server", "{server}", PLAIN, false},
                                                     {"tsig_file", TSIG("dns_rfc2136_name", "algorithm", "dns_rfc2136_secret"), SECRET, false}}},
    {"certbot", "dns-cloudflare",   "cloudflare",   {{"token_file", "{dns_cloudflare_api_token}\n", SECRET, false}}},
    {"certbot", "dns-digitalocean", "digitalocean", {{"token_file", "{dns_digitalocean_token}\n", SECRET, false}}},
    {"certbot", "dns-linode",       "linode",       {{"token_file", "{dns_linode_key}\n", SECRET, false}}},
    {"certbot", "dns-google",       "google",       {{"credentials_file", "{credentials.text}", SECRET, false}}},
    {"certbot", "dns-ovh",          "ovh",          {{"token_file", OVH("dns_ovh_endpoint", "dns_ovh_application_key", "dns_ovh_application_secret", "dns_ovh_consumer_key"), SECRET, false}}},
    {"certbot", "dns-desec",        "desec",        {{"token_file", "{dns_desec_token}\n", SECRET, false}}},
    {"certbot", "dns-vultr",        "vultr",        {{"token_file", "{dns_vultr_key}\n", SECRET, false}}},
    {"certbot", "dns-porkbun",      "porkbun",      {{"token_file", "{dns_porkbun_key}\n", SECRET, false},
                                                     {"secret_file", "{dns_porkbun_secret}\n", SECRET, false}}},
    {"acme.sh", "dns_nsupdate",     "rfc2136",      {{"server", "{NSUPDATE_SERVER}:{NSUPDATE_SERVER_PORT}", PLAIN, false},
                                                     {"tsig_file", "{NSUPDATE_KEY.text}", SECRET, false},
                                                     {"zone", "{NSUPDATE_ZONE}", PLAIN, true}}},
    {"acme.sh", "dns_cf",           "cloudflare",   {{"token_file", "{CF_Token}\n", SECRET, false}}},
    {"acme.sh", "dns_dgon",         "digitalocean", {{"token_file", "{DO_API_KEY}\n", SECRET, false}}},
    {"acme.sh", "dns_linode_v4",    "linode",       {{"token_file", "{LINODE_V4_API_KEY}\n", SECRET, false}}},
    {"acme.sh", "dns_desec",        "desec",        {{"token_file", "{DEDYN_TOKEN}\n", SECRET, false}}},
    {"acme.sh", "dns_vultr",        "vultr",        {{"token_file", "{VULTR_API_KEY}\n", SECRET, false}}},
    {"acme.sh", "dns_gandi_livedns", "gandi",       {{"token_file", "{GANDI_LIVEDNS_TOKEN}\n", SECRET, false}}},
    {"acme.sh", "dns_aws",          "route53",      {{"access_key_file", AWS, SECRET, false}}},
    {"acme.sh", "dns_ovh",          "ovh",          {{"token_file", OVH("OVH_END_POINT", "OVH_AK", "OVH_AS", "OVH_CK"), SECRET, false}}},
    {"acme.sh", "dns_porkbun",      "porkbun",      {{"token_file", "{PORKBUN_API_KEY}\n", SECRET, false},
                                                     {"secret_file", "{PORKBUN_SECRET_API_KEY}\n", SECRET, false}}},
    {"acme.sh", "dns_pdns",         "powerdns",     {{"endpoint", "{PDNS_Url}", PLAIN, false},
                                                     {"server_id", "{PDNS_ServerId}", PLAIN, false},
                                                     {"token_file", "{PDNS_Token}\n", SECRET, false}}},
    {"acme.sh", "",                 "acme.sh",      {{"home", "{home}", PLAIN, false},
                                                     {"script", "{script}", PLAIN, false},
                                                     {"environment_file", "{environment}", SECRET, true}}},
    {"dehydrated", "",              "exec",         {{"program", "{HOOK}", PLAIN, false},
                                                     {"contract", "dehydrated", PLAIN, false}}},
};
/* clang-format on */

bool
import_dns_unknown(struct import_dns *d, const char *format, ...)
{
    struct err made = {0};
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)err_set(&made, ERR_INPUT, "%s", text); /* tamed */
    free(d->why);
    d->why = strdup(made.text);
    d->provider = NULL;
    return d->why != NULL;
}

/* "" as a plugin stands for all others of the client. */
static const struct row *
find_row(const char *client, const char *plugin)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (strcmp(rows[i].client, client) == 0 &&
            (rows[i].plugin[0] == '\0' || strcmp(rows[i].plugin, plugin) == 0))
            return &rows[i];
    return NULL;
}

static bool
add_field(struct import_dns *d, const struct field *f, const struct assigns *pool, struct err *e)
{
    own_str struct str text = {0};
    own_mem char *missing = NULL;
    own_mem char *line = NULL;

    if (!assign_fill(f->text, pool, &text, &missing))
        return err_memory(e);
    if (missing != NULL)
        return f->is_optional || import_dns_unknown(d, "%s has no %s", d->origin, missing) ||
               err_memory(e);
    if (f->kind == SECRET) {
        d->secrets[d->secret_count++] = (struct import_secret){f->setting, text};
        text = (struct str){0};
        return true;
    }
    if (!import_is_value(text.text))
        return import_dns_unknown(d, "what %s has for '%s' cannot be a setting", d->origin,
                                  f->setting) ||
               err_memory(e);
    line = str_format("%s = %s", f->setting, text.text);
    return (line != NULL && list_add(&d->settings, line)) || err_memory(e);
}

/* Keys of kinds that the provider cannot use are known before they are needed. */
static bool
check_tsig(struct import_dns *d, struct err *e)
{
    struct tsig_key key = {.name = ""};
    struct err wrong = {0};
    bool good = true;

    if (d->provider == NULL || strcmp(d->provider, "rfc2136") != 0 || d->secret_count == 0)
        return true;
    if (!tsig_key_parse(&key, d->origin, d->secrets[0].text.text, d->secrets[0].text.size, &wrong))
        good = import_dns_unknown(d, "its TSIG key is not one that is used here: %s", wrong.text) ||
               err_memory(e);
    tsig_key_done(&key);
    return good;
}

bool
import_dns_map(struct import_dns *d, const char *client, const char *plugin,
               const struct assigns *pool, const char *origin, struct err *e)
{
    const struct row *row = find_row(client, plugin);

    d->origin = strdup(origin);
    if (d->origin == NULL)
        return err_memory(e);
    if (row == NULL)
        return import_dns_unknown(d, "no provider here stands for '%s'", plugin) || err_memory(e);
    d->provider = row->provider;
    for (size_t i = 0; i < FIELDS_MAX && row->fields[i].setting != NULL; i++)
        if (d->provider != NULL && !add_field(d, &row->fields[i], pool, e))
            return false;
    return check_tsig(d, e);
}

void
import_dns_done(struct import_dns *d)
{
    for (size_t i = 0; i < d->secret_count; i++)
        str_done(&d->secrets[i].text);
    list_done(&d->settings);
    free(d->why);
    free(d->origin);
    *d = (struct import_dns){0};
}
