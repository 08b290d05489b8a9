/* config.c: sections become what the rooms understand; references between them are checked. */
#include "cli/config.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

const char *const config_issuer_types[] = {"acme", "ca", "files", NULL};

/* clang-format off */
static const struct option settings_options[] = {
    {.name = "state",            .type = OPTION_PATH,  .offset = offsetof(struct settings, state),            .standard = "/var/lib/pgcert", .help = "directory of accounts, certificates and journals"},
    {.name = "keep_generations", .type = OPTION_COUNT, .offset = offsetof(struct settings, keep_generations), .standard = "3",  .least = 2, .most = 100, .help = "how many generations of a certificate are kept"},
    {.name = "prove_again",      .type = OPTION_SPAN,  .offset = offsetof(struct settings, prove_again_s),    .standard = "6h", .help = "how old a proof may be before the next run proves again what is served"},
    {.name = "lock_wait",        .type = OPTION_SPAN,  .offset = offsetof(struct settings, lock_wait_s),      .standard = "30s", .help = "how long to wait for another run to end, and with deploy_group for the proof of who deploys"},
    {.name = "metrics_file",     .type = OPTION_PATH,  .offset = offsetof(struct settings, metrics_file),     .help = "file, as the textfile collector of Prometheus' node_exporter reads it (its name ends in .prom), that has metrics after every renew, deploy and rollback; default: none"},
    {.name = "status_page",      .type = OPTION_PATH,  .offset = offsetof(struct settings, status_page),      .help = "file that has a page about all certificates, for a browser, after every renew, deploy and rollback: what pgcert status --html writes, with what was last proved; default: none"},
    {.name = "deploy_group",     .type = OPTION_TEXT,  .offset = offsetof(struct settings, deploy_group),     .help = "group whose members deploy what the owner of the state directory obtains; see TWO USERS; default: none, one user does both"},
    {0},
};

static const struct option issuer_options[] = {
    {.name = "type", .type = OPTION_WORD, .offset = offsetof(struct issuer, type), .standard = "acme", .words = config_issuer_types, .help = "what kind of issuer it is: a server that speaks ACME (RFC 8555); the private CA of this machine, which needs no network; or files that another tool renews"},
    {0},
};

static const struct option certificate_options[] = {
    {.name = "issuer",       .type = OPTION_TEXT,     .offset = offsetof(struct certificate, issuer_name),  .required = true, .help = "which [issuer NAME] signs it"},
    {.name = "names",        .type = OPTION_NAMES,    .offset = offsetof(struct certificate, names),        .help = "DNS names, \"*.\" allowed in front; default: the name of the section, which may also be an IP address"},
    {.name = "addresses",    .type = OPTION_LIST,     .offset = offsetof(struct certificate, addresses),    .help = "IP addresses that stand in it, too; no ACME server signs such"},
    {.name = "key_type",     .type = OPTION_WORD,     .offset = offsetof(struct certificate, key_type),     .standard = "ecdsa-p256", .words = key_type_words, .help = "kind of the private key; ed25519 with the private CA only, for no public CA signs such; what another tool renews has the kind that tool chose"},
    {.name = "renew_before", .type = OPTION_LIFETIME, .offset = offsetof(struct certificate, renew_before), .help = "how long before its end it is renewed, as 30d or as a share of the lifetime; default: 1/3, or 1/2 of a lifetime under 10 days"},
    {.name = "renew_at_most_every", .type = OPTION_SPAN, .offset = offsetof(struct certificate, renew_at_most_every_s), .standard = "1h", .help = "how long after one was issued no other is, whatever the reason, unless what is set here has changed, it was revoked, or it is forced; at most half of the lifetime"},
    {.name = "deploy",       .type = OPTION_LIST,     .offset = offsetof(struct certificate, deploy),       .help = "the [target NAME] sections which serve it; see SEVERAL TARGETS"},
    {0},
};
/* clang-format on */

/* The first table of each kind of section; those that vary have a second one. */
static const struct {
    const char *kind;
    const struct option *table;
    bool is_named;
} kinds[] = {
    {"pgcert", settings_options, false}, {"issuer", issuer_options, true},
    {"dns", dns_options, true},          {"certificate", certificate_options, true},
    {"target", target_options, true},    {"ca", ca_options, false},
};

static const struct option no_options[] = {{0}};

/* The second table of an issuer, by its type. */
static const struct option *const issuer_tables[] = {
    [ISSUER_ACME] = acme_options,
    [ISSUER_CA] = no_options,
    [ISSUER_FILES] = files_options,
};

static const struct option *
dns_table(size_t i)
{
    return dns_provider_get(i)->options;
}

static const struct option *
issuer_table(size_t i)
{
    return issuer_tables[i];
}

/* The kinds which vary, by which setting, and the table of each of its words. */
static const struct {
    const char *kind, *setting;
    const char *const *words;
    const struct option *(*table)(size_t i);
} varying[] = {
    {"issuer", "type", config_issuer_types, issuer_table},
    {"dns", "provider", dns_provider_words, dns_table},
    {"target", "type", target_type_words, target_type_options},
};

static size_t
count_words(const char *const *words)
{
    size_t n = 0;

    while (words[n] != NULL)
        n++;
    return n;
}

/* The other tables of a section, by the word in its first. */
static void
add_tables(const struct conf_section *s, const struct option *tables[static 2])
{
    for (size_t v = 0; v < COUNT(varying); v++) {
        const struct conf_value *word = conf_value_find(s, varying[v].setting);
        size_t which = 0;

        if (strcmp(varying[v].kind, s->kind) != 0)
            continue;
        for (size_t i = 0; word != NULL && i < count_words(varying[v].words); i++)
            if (strcmp(varying[v].words[i], word->text) == 0)
                which = i;
        tables[0] = varying[v].table(which);
        if (varying[v].table == target_type_options)
            tables[1] = target_service_options(which);
    }
}

struct config_tables
config_tables(const struct conf_section *s)
{
    struct config_tables t = {{NULL}};

    for (size_t i = 0; i < COUNT(kinds); i++)
        if (strcmp(kinds[i].kind, s->kind) == 0)
            t.tables[0] = kinds[i].table;
    if (t.tables[0] != NULL)
        add_tables(s, &t.tables[1]);
    return t;
}

bool
config_kind(size_t i, const char **kind, const char **variant, const struct option **table)
{
    *variant = NULL;
    if (i < COUNT(kinds)) {
        *kind = kinds[i].kind;
        *table = kinds[i].table;
        return true;
    }
    i -= COUNT(kinds);
    for (size_t v = 0; v < COUNT(varying); v++) {
        if (i < count_words(varying[v].words)) {
            *kind = varying[v].kind;
            *variant = varying[v].words[i];
            *table = varying[v].table(i);
            return true;
        }
        i -= count_words(varying[v].words);
    }
    if (i > 0)
        return false;
    *kind = "target";
    *variant = "all but postgres";
    *table = target_service_options(count_words(target_type_words) - 1);
    return true;
}

bool
config_kind_is_named(const char *kind)
{
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            return kinds[i].is_named;
    return false;
}

static const char *
kind_name(const void *table, size_t i)
{
    (void)table;
    return kinds[i].kind;
}

/* Is it a section that we know, with a name where it needs one? */
static bool
check_kind(const struct conf_section *s, struct err *e)
{
    const char *near = str_nearest(s->kind, kind_name, NULL, COUNT(kinds));

    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (strcmp(kinds[i].kind, s->kind) != 0)
            continue;
        if (kinds[i].is_named == (s->name[0] != '\0'))
            return true;
        return err_set(e, ERR_CONFIG,
                       kinds[i].is_named ? "%s:%d: a section [%s] needs a name, as in [%s main]"
                                         : "%s:%d: the section [%s] takes no name (write [%s])",
                       s->file, s->line, s->kind, s->kind);
    }
    return err_set(e, ERR_CONFIG, "%s:%d: no section [%s] is known; %s%s%s", s->file, s->line,
                   s->kind,
                   near != NULL ? "did you mean [" : "there are: pgcert issuer dns certificate",
                   near != NULL ? near : " target ca", near != NULL ? "]?" : "");
}

/* Makes room for one more in an array. NULL when memory ran out. */
static void *
grow(void *array, size_t *count, size_t size)
{
    char *larger = realloc(array, (*count + 1) * size);

    if (larger != NULL)
        memset(larger + *count * size, 0, size);
    return larger;
}

/* Of its own kind. */
static bool
bind_issuer(struct issuer *one, const struct conf_section *s, struct err *e)
{
    const struct conf_value *chain = conf_value_find(s, "chain_file");
    const struct conf_value *key = conf_value_find(s, "key_file");

    if (one->type == ISSUER_ACME)
        return option_bind(s, acme_options, &one->acme, e);
    if (one->type != ISSUER_FILES)
        return true;
    one->files.told_by = chain != NULL ? chain->file : s->file;
    one->files.key_told_by = key != NULL ? key->file : s->file;
    return option_bind(s, files_options, &one->files, e) &&
           files_check_config(&one->files, s->name, e);
}

static bool
add_issuer(struct config *c, const struct conf_section *s, struct err *e)
{
    const struct option *tables[] = {issuer_options, NULL, NULL};
    struct issuer *all = grow(c->issuers, &c->issuer_count, sizeof(*all));
    struct issuer *one = NULL;

    if (all == NULL)
        return err_memory(e);
    c->issuers = all;
    one = &all[c->issuer_count++];
    one->name = strdup(s->name);
    if (one->name == NULL)
        return err_memory(e);
    if (!option_bind(s, issuer_options, one, e))
        return false;
    tables[1] = issuer_tables[one->type];
    return option_check_names(s, tables, e) && bind_issuer(one, s, e);
}

static bool
add_dns(struct config *c, const struct conf_section *s, struct clock *clock, struct err *e)
{
    struct dns **all = grow(c->dns, &c->dns_count, sizeof(*all));

    if (all == NULL)
        return err_memory(e);
    c->dns = all;
    all[c->dns_count] = dns_new(s, clock, e);
    return all[c->dns_count] != NULL && ++c->dns_count > 0;
}

static bool
add_target(struct config *c, const struct conf_section *s, struct err *e)
{
    struct target **all = grow(c->targets, &c->target_count, sizeof(*all));

    if (all == NULL)
        return err_memory(e);
    c->targets = all;
    all[c->target_count] = target_new(s, e);
    return all[c->target_count] != NULL && ++c->target_count > 0;
}

bool
config_is_address(const char *text)
{
    unsigned char bytes[16];

    return inet_pton(strchr(text, ':') == NULL ? AF_INET : AF_INET6, text, bytes) == 1;
}

/* The section's name stands for the names, or the address, when there are none. */
static bool
default_names(struct certificate *one, const struct conf_section *s, struct err *e)
{
    static const struct option table[] = {
        {.name = "names", .type = OPTION_NAMES, .offset = offsetof(struct certificate, names)},
        {0},
    };
    char name[] = "names";
    struct conf_value value = {name, s->name, s->file, s->line};
    struct conf_section just_names = {s->kind, s->name, s->file, s->line, &value, 1};

    if (one->names.count > 0)
        return true;
    if (config_is_address(s->name))
        return one->addresses.count > 0 || list_add(&one->addresses, s->name) || err_memory(e);
    return option_bind(&just_names, table, one, e);
}

/* The challenge's record has a longer name than the certificate's, and DNS ends at 255 bytes. */
static bool
check_lengths(const struct certificate *one, const struct conf_section *s, struct err *e)
{
    for (size_t i = 0; i < one->names.count; i++) {
        const char *name = one->names.items[i];

        name += strncmp(name, "*.", 2) == 0 ? 2 : 0;
        if (strlen(name) > ACME_NAME_MAX)
            return err_set(
                e, ERR_CONFIG,
                "%s:%d: [certificate %s]: the name '%.60s...' has %zu characters; at most "
                "%d leave room for the _acme-challenge before it",
                s->file, s->line, s->name, name, strlen(name), ACME_NAME_MAX);
    }
    return true;
}

/* Written as they will be found in the certificate again, and put behind the names. */
static bool
add_addresses(struct certificate *one, const struct conf_section *s, struct err *e)
{
    for (size_t i = 0; i < one->addresses.count; i++) {
        const char *given = one->addresses.items[i];
        int family = strchr(given, ':') == NULL ? AF_INET : AF_INET6;
        unsigned char bytes[16];
        char text[INET6_ADDRSTRLEN];

        if (inet_pton(family, given, bytes) != 1)
            return err_set(e, ERR_CONFIG,
                           "%s:%d: [certificate %s] addresses: '%s' is no IP address", s->file,
                           s->line, one->name, given);
        if (inet_ntop(family, bytes, text, sizeof(text)) == NULL || !list_add(&one->names, text))
            return err_memory(e);
    }
    return true;
}

static bool
add_certificate(struct config *c, const struct conf_section *s, struct err *e)
{
    const struct option *const tables[] = {certificate_options, NULL};
    struct certificate *all = grow(c->certificates, &c->certificate_count, sizeof(*all));
    struct certificate *one = NULL;

    if (all == NULL)
        return err_memory(e);
    c->certificates = all;
    one = &all[c->certificate_count++];
    one->name = strdup(s->name);
    if (strchr(s->name, '/') != NULL || s->name[0] == '.' || s->name[0] == '_')
        return err_set(
            e, ERR_CONFIG,
            "%s:%d: [certificate %s]: the name must not hold '/' or begin with '.' or '_'; "
            "it becomes the name of a directory",
            s->file, s->line, s->name);
    return (one->name != NULL || err_memory(e)) && option_check_names(s, tables, e) &&
           option_bind(s, certificate_options, one, e) && default_names(one, s, e) &&
           check_lengths(one, s, e) && add_addresses(one, s, e);
}

static bool
bind_section(struct config *c, const struct conf_section *s, struct clock *clock, struct err *e)
{
    const struct option *const tables[] = {settings_options, NULL};
    const struct option *const ca_tables[] = {ca_options, NULL};

    if (!check_kind(s, e))
        return false;
    if (strcmp(s->kind, "pgcert") == 0)
        return option_check_names(s, tables, e);
    if (strcmp(s->kind, "ca") == 0)
        return option_check_names(s, ca_tables, e);
    if (strcmp(s->kind, "issuer") == 0)
        return add_issuer(c, s, e);
    if (strcmp(s->kind, "dns") == 0)
        return add_dns(c, s, clock, e);
    if (strcmp(s->kind, "target") == 0)
        return add_target(c, s, e);
    return add_certificate(c, s, e);
}

/* A setting that names another section which is not there. */
static bool
dangling(const struct config *c, const char *kind, const char *name, const char *setting,
         const char *wants, const char *missing, struct err *e)
{
    const struct conf_section *s = conf_find(&c->conf, kind, name);
    const struct conf_value *v = s == NULL ? NULL : conf_value_find(s, setting);

    return err_set(e, ERR_CONFIG, "%s:%d: [%s %s] %s = %s: there is no section [%s %s]",
                   v != NULL ? v->file : "", v != NULL ? v->line : 0, kind, name, setting, missing,
                   wants, missing);
}

/* A server serves one certificate: two that share a target would replace each other for ever. */
static bool
check_shared_target(const struct config *c, const struct certificate *one, const char *target,
                    struct err *e)
{
    for (const struct certificate *other = c->certificates; other != one; other++)
        if (list_has(&other->deploy, target))
            return err_set(e, ERR_CONFIG,
                           "[certificate %s] and [certificate %s] both have deploy = %s; a target "
                           "serves one certificate: put all names into one",
                           other->name, one->name, target);
    return true;
}

static bool
resolve_deploy(const struct config *c, const struct certificate *one, struct err *e)
{
    for (size_t t = 0; t < one->deploy.count; t++) {
        const char *target = one->deploy.items[t];

        if (config_target(c, target) == NULL)
            return dangling(c, "certificate", one->name, "deploy", "target", target, e);
        if (!check_shared_target(c, one, target, e))
            return false;
    }
    return true;
}

/* A challenge that wants records published, and nobody who does it. */
static bool
resolve_dns(const struct config *c, const struct issuer *one, struct err *e)
{
    const struct dns *d = config_dns(c, one->acme.dns);

    if (d == NULL)
        return dangling(c, "issuer", one->name, "dns", "dns", one->acme.dns, e);
    if (d->provider->publish != NULL || one->acme.challenge == ACME_DNS_PERSIST)
        return true;
    return err_set(e, ERR_CONFIG,
                   "[issuer %s] has dns = %s, and [dns %s] has provider = %s, which publishes "
                   "nothing: set another provider, or challenge = dns-persist-01",
                   one->name, d->name, d->name, d->provider->name);
}

static bool
resolve_fallback(struct config *c, struct issuer *issuer, struct err *e)
{
    const char *name = issuer->acme.fallback;

    if (name == NULL)
        return true;
    issuer->stand_in = config_issuer(c, name);
    if (issuer->stand_in == NULL)
        return dangling(c, "issuer", issuer->name, "fallback", "issuer", name, e);
    if (strcmp(name, issuer->name) == 0)
        return err_set(e, ERR_CONFIG, "[issuer %s]: 'fallback' must be another issuer",
                       issuer->name);
    return true;
}

/* An ACME server would refuse it after all the work (CA/Browser Forum, Baseline Requirements,
 * section 6.1.1.3: RSA and ECDSA). */
static bool
check_key_type(const struct certificate *one, struct err *e)
{
    return one->key_type != KEY_ED25519 || one->issuer->type != ISSUER_ACME ||
           err_set(e, ERR_CONFIG,
                   "[certificate %s] has key_type = ed25519, and [issuer %s] is not the private CA "
                   "(type = ca): no public CA signs such a key",
                   one->name, one->issuer_name);
}

static bool
resolve(struct config *c, struct err *e)
{
    for (size_t i = 0; i < c->issuer_count; i++)
        if (c->issuers[i].type == ISSUER_ACME && !resolve_dns(c, &c->issuers[i], e))
            return false;
    for (size_t i = 0; i < c->issuer_count; i++)
        if (!resolve_fallback(c, &c->issuers[i], e))
            return false;
    for (size_t i = 0; i < c->certificate_count; i++) {
        struct certificate *one = &c->certificates[i];

        one->issuer = config_issuer(c, one->issuer_name);
        if (one->issuer == NULL)
            return dangling(c, "certificate", one->name, "issuer", "issuer", one->issuer_name, e);
        if (one->addresses.count > 0 && one->issuer->type == ISSUER_ACME)
            return err_set(e, ERR_CONFIG,
                           "[certificate %s] has addresses, and [issuer %s] is not the private CA "
                           "(type = ca): DNS cannot prove who has an address",
                           one->name, one->issuer_name);
        if (!check_key_type(one, e) || !resolve_deploy(c, one, e))
            return false;
    }
    return true;
}

/* The CA is in the state directory, unless it is told otherwise. */
static bool
read_ca(struct config *c, struct err *e)
{
    if (!option_bind(conf_find(&c->conf, "ca", ""), ca_options, &c->ca, e) ||
        !ca_check_config(&c->ca, e))
        return false;
    if (c->ca.directory == NULL)
        c->ca.directory = str_format("%s/ca", c->settings.state);
    for (size_t i = 0; c->ca.directory != NULL && i < c->issuer_count; i++)
        if (c->issuers[i].type == ISSUER_CA) {
            c->issuers[i].ca = &c->ca;
            c->issuers[i].root = ca_root_path(&c->ca);
            if (c->issuers[i].root == NULL)
                return err_memory(e);
        }
    return c->ca.directory != NULL || err_memory(e);
}

static bool
bind_all(struct config *c, struct clock *clock, struct err *e)
{
    if (!option_bind(conf_find(&c->conf, "pgcert", ""), settings_options, &c->settings, e))
        return false;
    for (size_t i = 0; i < c->conf.section_count; i++)
        if (!bind_section(c, &c->conf.sections[i], clock, e))
            return false;
    return read_ca(c, e) && resolve(c, e);
}

bool
config_read(struct config *c, const char *path, struct clock *clock, struct err *e)
{
    return conf_read(&c->conf, path, e) && bind_all(c, clock, e);
}

bool
config_read_beside(struct config *c, const char *path, struct clock *clock, struct err *e)
{
    return conf_read_beside(&c->conf, path, e) && bind_all(c, clock, e);
}

struct certificate *
config_certificate(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->certificate_count; i++)
        if (strcmp(c->certificates[i].name, name) == 0)
            return &c->certificates[i];
    return NULL;
}

struct issuer *
config_issuer(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->issuer_count; i++)
        if (strcmp(c->issuers[i].name, name) == 0)
            return &c->issuers[i];
    return NULL;
}

struct target *
config_target(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->target_count; i++)
        if (strcmp(c->targets[i]->name, name) == 0)
            return c->targets[i];
    return NULL;
}

struct dns *
config_dns(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->dns_count; i++)
        if (strcmp(c->dns[i]->name, name) == 0)
            return c->dns[i];
    return NULL;
}

const char *
config_trust_file(const struct issuer *issuer)
{
    /* clang-format off */
    const char *const files[] = {
        [ISSUER_ACME]  = issuer->acme.trust_file,
        [ISSUER_CA]    = issuer->root,
        [ISSUER_FILES] = issuer->files.trust_file,
    };
    /* clang-format on */

    return files[issuer->type];
}

static void
reach_done(struct reach *r)
{
    acme_close(r->client);
    http_free(r->access.http);
    free(r->account_dir);
}

void
config_done(struct config *c)
{
    for (size_t i = 0; i < c->issuer_count; i++) {
        free(c->issuers[i].name);
        free(c->issuers[i].root);
        option_done(acme_options, &c->issuers[i].acme);
        files_done(&c->issuers[i].files);
        reach_done(&c->issuers[i].real);
        reach_done(&c->issuers[i].rehearsal);
    }
    for (size_t i = 0; i < c->certificate_count; i++) {
        free(c->certificates[i].name);
        option_done(certificate_options, &c->certificates[i]);
    }
    for (size_t i = 0; i < c->dns_count; i++)
        dns_free(c->dns[i]);
    for (size_t i = 0; i < c->target_count; i++)
        target_free(c->targets[i]);
    free(c->issuers);
    free(c->certificates);
    free(c->dns);
    free(c->targets);
    option_done(ca_options, &c->ca);
    option_done(settings_options, &c->settings);
    conf_done(&c->conf);
    *c = (struct config){0};
}
