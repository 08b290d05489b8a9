/* setup_issuer.c: who signs a certificate that setup adds. */
#include "cli/setup_issuer.h"

#include "cli/setup_ca.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A word for --acme, which becomes the name of the section; what is no such word is an address.
 * Nobody trusts what a server for tests gives, so it is for rehearsals only. */
static const struct {
    const char *word, *directory, *test_word, *test_directory;
} servers[] = {
    {"letsencrypt", "https://acme-v02.api.letsencrypt.org/directory", "letsencrypt-staging",
     "https://acme-staging-v02.api.letsencrypt.org/directory"},
};

#define OTHER_SERVER "acme"

bool
setup_issuer_is_line(const char *what, const char *value, struct err *e)
{
    for (const char *at = value; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return err_set(e, ERR_USAGE, "%s: a value is one line, without control characters",
                           what);
    return *value != '\0' || err_set(e, ERR_USAGE, "%s: the value is empty", what);
}

/* ---- an ACME server ---- */

/* As it stands in the settings, or is to. */
struct acme_server {
    const char *name, *directory, *rehearsal; /* NULL: none is known */
};

/* "PROVIDER SETTING=VALUE..." as the lines of a section. */
static bool
add_dns(const char *name, const char *given, struct str *text, struct err *e)
{
    own_list struct list words = {0};

    if (!setup_issuer_is_line("--dns", given, e))
        return false;
    if (!list_add_words(&words, given))
        return err_memory(e);
    for (size_t i = 0; i < words.count; i++) {
        const char *equals = strchr(words.items[i], '=');
        int size = equals == NULL ? 0 : (int)(equals - words.items[i]);

        if ((i == 0) != (equals == NULL) || (i > 0 && size == 0))
            return err_set(e, ERR_USAGE,
                           "--dns has the provider first, and then settings: --dns 'rfc2136 "
                           "tsig_file=/etc/pgcert/tsig.key'; '%s' is neither",
                           words.items[i]);
        if (!(i == 0 ? str_addf(text, "[dns %s]\nprovider = %s\n", name, words.items[i])
                     : str_addf(text, "%.*s = %s\n", size, words.items[i], equals + 1)))
            return err_memory(e);
    }
    return words.count == 0 ? err_set(e, ERR_USAGE, "--dns names no provider")
                            : str_addf(text, "\n") || err_memory(e);
}

/* Who publishes the records: as was said, else the one [dns] that there is. */
static bool
choose_dns(const struct config *c, const struct settings_wish *w, const char *issuer,
           struct str *text, const char **dns, struct err *e)
{
    *dns = issuer;
    if (w->dns != NULL)
        return config_dns(c, issuer) == NULL
                   ? add_dns(issuer, w->dns, text, e)
                   : err_set(e, ERR_USAGE, "--dns: there is a section [dns %s] already", issuer);
    if (c->dns_count != 1)
        return err_set(e, ERR_USAGE,
                       "--acme goes with --dns 'PROVIDER SETTING=VALUE...': who publishes the "
                       "records (pgcert-providers(7))");
    *dns = c->dns[0]->name;
    return true;
}

static bool
add_acme(const struct config *c, const struct settings_wish *w, const struct acme_server *s,
         struct str *text, struct err *e)
{
    own_str struct str section = {0};
    const char *dns = NULL;

    if (!setup_issuer_is_line("--acme", s->directory, e) ||
        (w->contact != NULL && !setup_issuer_is_line("--contact", w->contact, e)) ||
        !choose_dns(c, w, s->name, &section, &dns, e))
        return false;
    if (!str_addf(text, "[issuer %s]\ndirectory = %s\n", s->name, s->directory) ||
        (s->rehearsal != NULL && !str_addf(text, "rehearsal = %s\n", s->rehearsal)) ||
        !str_addf(text, "agree_terms = yes\ndns = %s\n", dns) ||
        (w->contact != NULL &&
         !str_addf(text, "contact = %s%s\n", strchr(w->contact, ':') == NULL ? "mailto:" : "",
                   w->contact)) ||
        !str_addf(text, "\n%s", section.text == NULL ? "" : section.text))
        return err_memory(e);
    return true;
}

/* An [issuer] of that name is taken as it is, so it must be that server, and no more is said. */
static bool
is_that(const struct issuer *there, const struct settings_wish *w, const struct acme_server *s,
        struct err *e)
{
    if (there->type == ISSUER_ACME && strcmp(there->acme.directory, s->directory) == 0 &&
        w->dns == NULL && w->contact == NULL)
        return true;
    return err_set(e, ERR_USAGE,
                   "--acme %s: there is an [issuer %s] already, and setup changes none; to have it "
                   "sign, say --issuer %s instead of --acme, --dns and --contact; for another "
                   "server write an [issuer] of another name",
                   w->acme, s->name, s->name);
}

static bool
find_server(const char *wanted, struct acme_server *s, struct err *e)
{
    *s = (struct acme_server){.name = OTHER_SERVER, .directory = wanted};
    for (size_t i = 0; i < COUNT(servers); i++) {
        if (strcmp(servers[i].test_word, wanted) == 0 ||
            strcmp(servers[i].test_directory, wanted) == 0)
            return err_set(e, ERR_USAGE,
                           "--acme %s: no client trusts what that server for tests signs, so it is "
                           "not deployed; write --acme %s, and try it with that one first by: "
                           "pgcert renew --rehearse",
                           wanted, servers[i].word);
        if (strcmp(servers[i].word, wanted) == 0)
            *s = (struct acme_server){.name = servers[i].word,
                                      .directory = servers[i].directory,
                                      .rehearsal = servers[i].test_directory};
    }
    return true;
}

static bool
choose_acme(const struct config *c, const struct settings_wish *w, struct str *text, char **issuer,
            struct err *e)
{
    struct acme_server s = {0};
    const struct issuer *there = NULL;

    if (!find_server(w->acme, &s, e))
        return false;
    *issuer = strdup(s.name);
    if (*issuer == NULL)
        return err_memory(e);
    there = config_issuer(c, s.name);
    return there != NULL ? is_that(there, w, &s, e) : add_acme(c, w, &s, text, e);
}

/* ---- certbot's files ---- */

/* Has certbot that certificate? */
static bool
has_certbot(const struct settings_wish *w, const char *name)
{
    own_mem char *chain =
        w->certbot == NULL ? NULL : str_format("%s/live/%s/fullchain.pem", w->certbot, name);

    return chain != NULL && access(chain, F_OK) == 0;
}

static bool
choose_certbot(const struct config *c, const char *name, const struct settings_wish *w,
               struct str *text, char **issuer, struct err *e)
{
    *issuer = str_format("certbot-%s", name);
    if (*issuer == NULL)
        return err_memory(e);
    return config_issuer(c, *issuer) != NULL ||
           str_addf(text,
                    "[issuer %s]\ntype = files\nchain_file = %s/live/%s/fullchain.pem\n"
                    "key_file = %s/live/%s/privkey.pem\n\n",
                    *issuer, w->certbot, name, w->certbot, name) ||
           err_memory(e);
}

/* ---- all ---- */

static bool
choose_known(const struct config *c, const struct settings_wish *w, struct str *text, char **issuer,
             struct err *e)
{
    const char *name = w->issuer != NULL      ? w->issuer
                       : c->issuer_count == 1 ? c->issuers[0].name
                       : c->issuer_count == 0 ? SETUP_CA_ISSUER
                                              : NULL;

    if (name == NULL)
        return err_set(e, ERR_USAGE,
                       "there are %zu issuers in the settings; say which: --issuer NAME",
                       c->issuer_count);
    *issuer = strdup(name);
    if (*issuer == NULL)
        return err_memory(e);
    if (config_issuer(c, name) != NULL)
        return true;
    if (strcmp(name, SETUP_CA_ISSUER) == 0)
        return str_addf(text, "[issuer %s]\ntype = ca\n\n", name) || err_memory(e);
    return err_set(e, ERR_USAGE,
                   "--issuer %s: there is no section [issuer %s]; without --issuer the private CA "
                   "signs where there is no [issuer] at all",
                   name, name);
}

bool
setup_issuer_choose(const struct config *c, const char *name, const struct settings_wish *w,
                    struct str *text, char **issuer, struct err *e)
{
    if (w->acme != NULL)
        return choose_acme(c, w, text, issuer, e);
    if (w->issuer == NULL && has_certbot(w, name))
        return choose_certbot(c, name, w, text, issuer, e);
    return choose_known(c, w, text, issuer, e);
}
