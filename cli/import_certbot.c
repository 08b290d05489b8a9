/* import_certbot.c: what certbot has: renewal/NAME.conf, live/NAME, accounts/SERVER/ID.
 *
 * Source: certbot 2.1 and 5.6, certbot/_internal/{storage,account,constants}.py;
 *         eff-certbot.readthedocs.io, "Where are my certificates?"
 */
#include "base/file.h"
#include "base/json.h"
#include "cli/import_clients.h"
#include "cli/import_dns.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define CONF_MAX ((size_t)64 * 1024)

static bool
is_renewal(const char *name)
{
    size_t size = strlen(name);

    return size > 5 && strcmp(name + size - 5, ".conf") == 0 && name[0] != '.';
}

static bool
read_ini(struct conf *conf, const char *path, struct err *e)
{
    own_str struct str text = {0};

    return file_read(AT_FDCWD, path, CONF_MAX, &text, e) &&
           conf_read_foreign(conf, path, text.text, text.size, e);
}

/* NULL when it is not there. */
static const char *
value_of(const struct conf *conf, const char *section, const char *name)
{
    const struct conf_section *s = conf_find(conf, section, "");
    const struct conf_value *v = s == NULL ? NULL : conf_value_find(s, name);

    return v == NULL ? NULL : v->text;
}

/* ---- the account ---- */

/* What the server was told once; newer versions do not keep it. */
static bool
read_contact(struct import_account *account, const char *directory, struct err *e)
{
    own_mem char *path = str_format("%s/regr.json", directory);
    own_str struct str text = {0};
    own_json struct json_t *regr = NULL;
    struct err ignored = {0};
    bool found = false;

    if (path == NULL)
        return err_memory(e);
    if (file_read_if_there(AT_FDCWD, path, CONF_MAX, &text, &found, &ignored) && found)
        regr = json_decode(text.text, text.size, &ignored);
    return import_set_contact(account, json_member(json_member(regr, "body"), "contact"), e);
}

static bool
find_account(struct import *im, struct import_certificate *c, const char *id, struct err *e)
{
    const char *below = c->server + strlen(import_https);
    own_mem char *directory = NULL;
    own_mem char *key = NULL;
    struct import_account *account = NULL;

    if (id == NULL || !import_is_below(below) || !import_is_below(id) || strchr(id, '/') != NULL)
        return import_note(&c->notes, "its account: renewal/%s.conf does not name one", c->name) ||
               err_memory(e);
    directory = str_format("%s/accounts/%s/%s", im->directory, below, id);
    key = str_format("%s/private_key.json", directory == NULL ? "" : directory);
    if (directory == NULL || key == NULL)
        return err_memory(e);
    return import_set_account(im, c, key, &account, e) &&
           (account == NULL || read_contact(account, directory, e));
}

/* ---- the DNS ---- */

/* What the plugin is called in its settings: dns-rfc2136 is dns_rfc2136. */
static char *
credentials_setting(const char *plugin)
{
    char *name = str_format("%s_credentials", plugin);

    for (char *c = name; c != NULL && *c != '\0'; c++)
        if (*c == '-')
            *c = '_';
    return name;
}

static bool
fill_pool(struct assigns *pool, const char *path, struct err *e)
{
    own_str struct str text = {0};
    own_conf struct conf conf = {0};
    const struct conf_section *top = NULL;
    struct err ignored = {0};

    if (!file_read(AT_FDCWD, path, CONF_MAX, &text, e))
        return false;
    if (strlen(text.text == NULL ? "" : text.text) == text.size && text.size > 0 &&
        !assign_put(pool, "credentials.text", text.text))
        return err_memory(e);
    if (!conf_read_foreign(&conf, path, text.text, text.size, &ignored))
        return true; /* a file of another kind */
    top = conf_find(&conf, "top", "");
    for (size_t i = 0; top != NULL && i < top->value_count; i++)
        if (!assign_put(pool, top->values[i].name, top->values[i].text))
            return err_memory(e);
    return true;
}

/* The names of algorithms are in capitals there, and the port is a setting of its own. */
static bool
fill_rfc2136(struct assigns *pool, struct err *e)
{
    const char *server = assign_find(pool, "dns_rfc2136_server");
    const char *port = assign_find(pool, "dns_rfc2136_port");
    const char *algorithm = assign_find(pool, "dns_rfc2136_algorithm");
    bool is_v6 = server != NULL && strchr(server, ':') != NULL;
    own_mem char *both = server == NULL ? NULL
                                        : str_format("%s%s%s:%s", is_v6 ? "[" : "", server,
                                                     is_v6 ? "]" : "", port == NULL ? "53" : port);
    own_mem char *lower = strdup(algorithm == NULL ? "hmac-md5" : algorithm);

    for (char *c = lower; c != NULL && *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    return (lower != NULL && assign_put(pool, "algorithm", lower) &&
            (both == NULL || assign_put(pool, "server", both))) ||
           err_memory(e);
}

static bool
find_dns(struct import *im, struct import_certificate *c, const struct conf *conf, struct err *e)
{
    const char *plugin = value_of(conf, "renewalparams", "authenticator");
    own_mem char *setting = credentials_setting(plugin == NULL ? "" : plugin);
    const char *path = setting == NULL ? NULL : value_of(conf, "renewalparams", setting);
    own_assigns struct assigns pool = {0};
    own_mem char *origin = NULL;
    struct err why = {0};

    if (plugin == NULL || strncmp(plugin, "dns-", 4) != 0)
        return import_dns_unknown(&c->dns, "its authenticator is '%s', which does not prove by DNS",
                                  plugin == NULL ? "" : plugin) ||
               err_memory(e);
    if (path == NULL)
        return import_dns_unknown(&c->dns, "'%s' has no %s", plugin, setting) || err_memory(e);
    if (!import_follow(im, path, e))
        return false;
    if (!fill_pool(&pool, path, &why))
        return import_dns_unknown(&c->dns, "%s", why.text) || err_memory(e);
    origin = str_format("'%s'", path);
    return (origin != NULL || err_memory(e)) && fill_rfc2136(&pool, e) &&
           import_dns_map(&c->dns, "certbot", plugin, &pool, origin, e);
}

/* ---- one certificate ---- */

/* "30 days"; anything else is not a span of ours. */
static bool
find_renewal(struct import_certificate *c, const struct conf *conf, struct err *e)
{
    const char *before = value_of(conf, "top", "renew_before_expiry");
    size_t digits = before == NULL ? 0 : strspn(before, "0123456789");

    if (before == NULL)
        return true;
    if (digits == 0 || digits > 4 || strncmp(before + digits, " day", 4) != 0)
        return import_note(&c->notes, "renew_before_expiry = %s: it is no number of days",
                           before) ||
               err_memory(e);
    c->renew_before = str_format("%.*sd", (int)digits, before);
    return c->renew_before != NULL || err_memory(e);
}

/* Without what is in them: a command may hold a secret. */
static bool
note_hooks(struct import_certificate *c, const struct conf *conf, struct err *e)
{
    static const char *const hooks[] = {"pre_hook", "post_hook", "renew_hook", "deploy_hook",
                                        "installer"};

    for (size_t i = 0; i < COUNT(hooks); i++) {
        const char *value = value_of(conf, "renewalparams", hooks[i]);

        if (value != NULL && strcmp(value, "None") != 0 &&
            !import_note(&c->notes,
                         "%s of renewal/%s.conf: a server is told of a new certificate by a "
                         "[target]",
                         hooks[i], c->name))
            return err_memory(e);
    }
    return true;
}

static bool
read_settings(struct import *im, struct import_certificate *c, const char *path, struct err *e)
{
    own_conf struct conf conf = {0};
    const char *server = NULL;

    if (!read_ini(&conf, path, e))
        return false;
    server = value_of(&conf, "renewalparams", "server");
    if (server == NULL || strncmp(server, import_https, strlen(import_https)) != 0)
        return err_set(e, ERR_INPUT, "'%s' does not say by an https URL which server it is of",
                       path);
    c->server = strdup(server);
    return (c->server != NULL || err_memory(e)) && find_dns(im, c, &conf, e) &&
           find_renewal(c, &conf, e) && note_hooks(c, &conf, e) &&
           find_account(im, c, value_of(&conf, "renewalparams", "account"), e);
}

static bool
add_one(struct import *im, const char *file, struct err *e)
{
    own_mem char *name = strndup(file, strlen(file) - 5);
    own_mem char *path = str_format("%s/renewal/%s", im->directory, file);
    struct import_certificate *c = NULL;
    own_mem char *key = NULL;
    own_mem char *chain = NULL;

    if (name == NULL || path == NULL)
        return err_memory(e);
    if (!import_is_name(name))
        return import_note(&im->notes, "'%s': that is no name of a certificate", path) ||
               err_memory(e);
    c = import_add_certificate(im, name, e);
    if (c == NULL)
        return false;
    key = str_format("%s/live/%s/privkey.pem", im->directory, name);
    chain = str_format("%s/live/%s/fullchain.pem", im->directory, name);
    if (read_settings(im, c, path, &c->e))
        import_read_pair(c, key, chain);
    return true;
}

bool
import_certbot(struct import *im, struct err *e)
{
    own_mem char *renewal = str_format("%s/renewal", im->directory);
    own_list struct list files = {0};

    if (renewal == NULL)
        return err_memory(e);
    if (!file_list(renewal, is_renewal, &files, e))
        return false;
    if (files.count == 0)
        return err_set(e, ERR_INPUT, "there is no certificate of certbot: '%s' has no NAME.conf",
                       renewal);
    for (size_t i = 0; i < files.count; i++)
        if (!add_one(im, files.items[i], e))
            return false;
    return true;
}
