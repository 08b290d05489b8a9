/* dns.c: the registry of DNS providers, and the settings that all of them have. */
#include "acme/dns.h"
#include "acme/zone.h"

#include <stdlib.h>
#include <string.h>

extern const struct dns_provider dns_acmedns;
extern const struct dns_provider dns_acmesh;
extern const struct dns_provider dns_azure;
extern const struct dns_provider dns_builtin;
extern const struct dns_provider dns_cloudflare;
extern const struct dns_provider dns_desec;
extern const struct dns_provider dns_digitalocean;
extern const struct dns_provider dns_exec;
extern const struct dns_provider dns_gandi;
extern const struct dns_provider dns_google;
extern const struct dns_provider dns_hetzner;
extern const struct dns_provider dns_linode;
extern const struct dns_provider dns_namecheap;
extern const struct dns_provider dns_none;
extern const struct dns_provider dns_ovh;
extern const struct dns_provider dns_porkbun;
extern const struct dns_provider dns_powerdns;
extern const struct dns_provider dns_rfc2136;
extern const struct dns_provider dns_route53;
extern const struct dns_provider dns_vultr;

/* In order of name; dns_provider_words are the same. */
/* clang-format off */
static const struct dns_provider *const providers[] = {
    &dns_acmedns,
    &dns_acmesh,
    &dns_azure,
    &dns_builtin,
    &dns_cloudflare,
    &dns_desec,
    &dns_digitalocean,
    &dns_exec,
    &dns_gandi,
    &dns_google,
    &dns_hetzner,
    &dns_linode,
    &dns_namecheap,
    &dns_none,
    &dns_ovh,
    &dns_porkbun,
    &dns_powerdns,
    &dns_rfc2136,
    &dns_route53,
    &dns_vultr,
};

const char *const dns_provider_words[] = {
    "acme-dns",
    "acme.sh",
    "azure",
    "builtin",
    "cloudflare",
    "desec",
    "digitalocean",
    "exec",
    "gandi",
    "google",
    "hetzner",
    "linode",
    "namecheap",
    "none",
    "ovh",
    "porkbun",
    "powerdns",
    "rfc2136",
    "route53",
    "vultr",
    NULL,
};
/* clang-format on */

static const char *const propagation_words[] = {
    [DNS_AUTHORITATIVE] = "authoritative",
    [DNS_RECURSIVE] = "recursive",
    [DNS_WAIT] = "wait",
    NULL,
};

#define AT(field) offsetof(struct dns_config, field)

/* clang-format off */
const struct option dns_options[] = {
    {"provider", OPTION_WORD, AT(provider), NULL,
     .help = "who publishes the records", .words = dns_provider_words, .required = true},
    {"ttl", OPTION_SPAN, AT(ttl_s), "60s",
     .help = "how long others may remember a record"},
    {"propagation", OPTION_WORD, AT(propagation), "authoritative",
     .help = "who must see the records before the issuer is told: every server of the zone, the resolvers, "
     "or nobody, after a wait", .words = propagation_words},
    {"wait", OPTION_SPAN, AT(wait_s), "30s",
     .help = "how long 'propagation = wait' waits"},
    {"resolvers", OPTION_ENDPOINTS, AT(resolvers), NULL,
     .help = "who is asked about other zones; default: the system's, of /etc/resolv.conf"},
    {"timeout", OPTION_SPAN, AT(timeout_s), "2min",
     .help = "how long to wait until the records are seen"},
    {"alias", OPTION_TEXT, AT(alias), NULL,
     .help = "the name where all records go, to which a CNAME leads from each _acme-challenge.NAME; "
     "default: CNAMEs are followed as they are seen from here"},
    {0},
};
/* clang-format on */

const struct dns_provider *
dns_provider_get(size_t i)
{
    return i < COUNT(providers) ? providers[i] : NULL;
}

/* Compared with names out of answers from now on. */
static bool
check_alias(struct dns *d, struct err *e)
{
    char name[DNS_NAME_SIZE];
    char *copy = NULL;

    if (d->config.alias == NULL)
        return true;
    if (!dns_name_copy(name, d->config.alias))
        return err_set(e, ERR_CONFIG,
                       "'alias' of [dns %s]: '%s' is not a name that DNS can hold; write it in "
                       "letters, digits, '-' and '_'",
                       d->name, d->config.alias);
    copy = strdup(name);
    if (copy == NULL)
        return err_memory(e);
    free(d->config.alias);
    d->config.alias = copy;
    return true;
}

static bool
bind_section(struct dns *d, const struct conf_section *s, struct err *e)
{
    const struct option *tables[] = {dns_options, NULL, NULL};

    if (!option_bind(s, dns_options, &d->config, e))
        return false;
    d->provider = dns_provider_get((size_t)d->config.provider);
    if (d->provider == NULL)
        return err_set(e, ERR_INTERNAL, "there is no DNS provider %d", d->config.provider);
    tables[1] = d->provider->options;
    d->provider_config = calloc(1, d->provider->config_size);
    d->name = strdup(s->name);
    if (d->provider_config == NULL || d->name == NULL)
        return err_memory(e);
    return option_check_names(s, tables, e) && check_alias(d, e) &&
           option_bind(s, d->provider->options, d->provider_config, e);
}

struct dns *
dns_new(const struct conf_section *s, struct clock *clock, struct err *e)
{
    struct dns *d = calloc(1, sizeof(*d));

    if (d == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    d->clock = clock;
    if (bind_section(d, s, e))
        return d;
    dns_free(d);
    return NULL;
}

void
dns_free(struct dns *d)
{
    if (d == NULL)
        return;
    if (d->provider != NULL && d->provider->close != NULL)
        d->provider->close(d);
    if (d->provider != NULL && d->provider_config != NULL)
        option_done(d->provider->options, d->provider_config);
    free(d->provider_config);
    option_done(dns_options, &d->config);
    zone_free(d->zones);
    free(d->name);
    free(d);
}
