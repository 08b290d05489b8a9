/* import_dehydrated.c: what dehydrated has: config (a script), domains.txt,
 * accounts/BASE64URL-OF-CA/account_key.pem, certs/NAME.
 *
 * Source: dehydrated 0.7, load_config() and command_sign_domains(); docs/domains_txt.md
 */
#include "base/b64url.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/import_clients.h"
#include "cli/import_dns.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DOMAINS_MAX ((size_t)256 * 1024)

/* The words that stand for servers. */
static const struct {
    const char *word, *server;
} presets[] = {
    {"letsencrypt", import_letsencrypt},
    {"letsencrypt-test", "https://acme-staging-v02.api.letsencrypt.org/directory"},
    {"zerossl", "https://acme.zerossl.com/v2/DV90"},
    {"buypass", "https://api.buypass.com/acme/directory"},
    {"buypass-test", "https://api.test4.buypass.no/acme/directory"},
};

static const char *
preset(const char *word)
{
    for (size_t i = 0; i < COUNT(presets); i++)
        if (strcmp(presets[i].word, word) == 0)
            return presets[i].server;
    return word;
}

/* ---- the settings ---- */

static bool
is_script(const char *name)
{
    size_t size = strlen(name);

    return size > 3 && strcmp(name + size - 3, ".sh") == 0 && name[0] != '.';
}

static bool
read_more(struct import *im, struct assigns *a, struct err *e)
{
    const char *more = assign_find(a, "CONFIG_D");
    own_mem char *directory = more == NULL ? NULL : strdup(more);
    own_list struct list files = {0};

    if (more == NULL || *more == '\0')
        return true;
    if (directory == NULL)
        return err_memory(e);
    if (!import_follow(im, directory, e) || !file_list(directory, is_script, &files, e))
        return false;
    for (size_t i = 0; i < files.count; i++) {
        own_mem char *path = str_format("%s/%s", directory, files.items[i]);

        if (path == NULL)
            return err_memory(e);
        if (!import_read_script(a, path, e))
            return false;
    }
    return true;
}

/* Sets a directory that was not set; ones that were are followed. */
static bool
place(struct import *im, struct assigns *a, const char *name, const char *usual, struct err *e)
{
    const char *told = assign_find(a, name);
    own_mem char *made = told == NULL || *told == '\0'
                             ? str_format("%s/%s", assign_find(a, "BASEDIR"), usual)
                             : strdup(told);

    if (made == NULL || !assign_put(a, name, made))
        return err_memory(e);
    return import_follow(im, made, e);
}

/* What a certificate's own file may change of what is used here; dehydrated passes over all else,
 * where things are above all. */
static bool
read_own(struct assigns *a, const char *path, struct err *e)
{
    static const char *const allowed[] = {"CHALLENGETYPE", "HOOK", "RENEW_DAYS"};
    own_assigns struct assigns own = {0};

    for (size_t i = 0; i < a->count; i++)
        if (!assign_put(&own, a->items[i].name, a->items[i].value))
            return err_memory(e);
    if (!import_read_script(&own, path, e))
        return false;
    for (size_t i = 0; i < COUNT(allowed); i++) {
        const char *value = assign_find(&own, allowed[i]);

        if (value != NULL && !assign_put(a, allowed[i], value))
            return err_memory(e);
    }
    return true;
}

/* All settings of a certificate; its own file changes some. NULL: those of all. */
static bool
read_config(struct import *im, const char *certificate, struct assigns *a, struct err *e)
{
    own_mem char *path = str_format("%s/config", im->directory);
    own_mem char *own = NULL;

    if (path == NULL || !assign_put(a, "CA", "letsencrypt") ||
        !assign_put(a, "CHALLENGETYPE", "http-01") || !assign_put(a, "BASEDIR", im->directory))
        return err_memory(e);
    if (!import_read_script(a, path, e) || !read_more(im, a, e) ||
        !place(im, a, "CERTDIR", "certs", e) || !place(im, a, "ACCOUNTDIR", "accounts", e) ||
        !place(im, a, "DOMAINS_TXT", "domains.txt", e))
        return false;
    if (a->odd_line != 0 &&
        !import_note(&im->notes,
                     "'%s', line %d and those like it: more than an assignment, and it is not run",
                     path, a->odd_line))
        return err_memory(e);
    if (certificate == NULL)
        return true;
    own = str_format("%s/%s/config", assign_find(a, "CERTDIR"), certificate);
    return own == NULL ? err_memory(e) : read_own(a, own, e);
}

/* ---- one certificate ---- */

/* The folder of an account is named by its server, with the end of the line that echo wrote. */
static char *
account_directory(const struct assigns *a, const char *server)
{
    own_mem char *line = str_format("%s\n", server);
    own_str struct str name = {0};

    if (line == NULL || !b64url_add(&name, line, strlen(line)))
        return NULL;
    return str_format("%s/%s", assign_find(a, "ACCOUNTDIR"), name.text);
}

static bool
find_account(struct import *im, struct import_certificate *c, const struct assigns *a,
             struct err *e)
{
    own_mem char *directory = account_directory(a, c->server);
    own_mem char *key = directory == NULL ? NULL : str_format("%s/account_key.pem", directory);
    const char *email = assign_find(a, "CONTACT_EMAIL");
    own_mem char *contact = str_format("mailto:%s", email == NULL ? "" : email);
    struct import_account *account = NULL;

    if (key == NULL || contact == NULL)
        return err_memory(e);
    if (!import_set_account(im, c, key, &account, e))
        return false;
    return account == NULL || email == NULL || *email == '\0' || account->contact.count > 0 ||
           list_add(&account->contact, contact) || err_memory(e);
}

static bool
find_dns(struct import *im, struct import_certificate *c, const struct assigns *a, struct err *e)
{
    const char *type = assign_find(a, "CHALLENGETYPE");
    const char *hook = assign_find(a, "HOOK");
    own_mem char *origin = str_format("'%s/config'", im->directory);

    if (origin == NULL)
        return err_memory(e);
    if (strcmp(type, "dns-01") != 0)
        return import_dns_unknown(&c->dns, "it has CHALLENGETYPE = %s, and not dns-01", type) ||
               err_memory(e);
    if (hook != NULL && *hook == '/' &&
        !import_note(&c->notes,
                     "deploy_cert and the other events of '%s': it is called for records alone, "
                     "and a server is told of a new certificate by a [target]",
                     hook))
        return err_memory(e);
    return import_dns_map(&c->dns, "dehydrated", "", a, origin, e);
}

static void
read_pair(struct import_certificate *c, const char *directory)
{
    own_mem char *key = str_format("%s/%s/privkey.pem", directory, c->name);
    own_mem char *chain = str_format("%s/%s/fullchain.pem", directory, c->name);

    import_read_pair(c, key, chain);
}

static bool
find_server(struct import_certificate *c, const struct assigns *a, struct err *e)
{
    const char *server = preset(assign_find(a, "CA"));

    if (strncmp(server, import_https, strlen(import_https)) != 0)
        return err_set(e, ERR_INPUT,
                       "it has CA = %s, which is no https URL and no CA that is known here; write "
                       "the URL of its directory there",
                       server);
    c->server = strdup(server);
    return c->server != NULL || err_memory(e);
}

static bool
read_one(struct import *im, struct import_certificate *c, struct err *e)
{
    own_assigns struct assigns a = {0};
    const char *days = NULL;

    if (!read_config(im, c->name, &a, e) || !find_server(c, &a, e))
        return false;
    days = assign_find(&a, "RENEW_DAYS");
    if (days != NULL && *days != '\0' && strspn(days, "0123456789") == strlen(days) &&
        strlen(days) < 5) {
        c->renew_before = str_format("%sd", days);
        if (c->renew_before == NULL)
            return err_memory(e);
    }
    if (!find_dns(im, c, &a, e) || !find_account(im, c, &a, e))
        return false;
    read_pair(c, assign_find(&a, "CERTDIR"));
    return true;
}

/* ---- domains.txt ---- */

/* "name name > alias": the last word is its name, else the first one. */
static bool
add_line(struct import *im, char *line, struct err *e)
{
    char *comment = line + strspn(line, " \t\r");
    char *alias = strchr(line, '>');
    own_list struct list names = {0};
    own_list struct list aliases = {0};
    const char *name = NULL;
    struct import_certificate *c = NULL;

    if (*comment == '#' || *comment == '\0')
        return true;
    if (alias != NULL)
        *alias++ = '\0';
    for (char *l = line; *l != '\0'; l++)
        *l = (char)(*l == '\r' ? ' ' : tolower((unsigned char)*l));
    if (!list_add_words(&names, line) || !list_add_words(&aliases, alias == NULL ? "" : alias))
        return err_memory(e);
    name = aliases.count > 0 ? aliases.items[0] : names.count > 0 ? names.items[0] : "";
    if (!import_is_name(name) || names.count == 0)
        return import_note(&im->notes, "the line of '%s' in domains.txt: that is no name", name) ||
               err_memory(e);
    c = import_add_certificate(im, name, e);
    if (c == NULL)
        return false;
    c->names = names;
    names = (struct list){0};
    (void)read_one(im, c, &c->e);
    return true;
}

bool
import_dehydrated(struct import *im, struct err *e)
{
    own_assigns struct assigns a = {0};
    own_str struct str text = {0};
    const char *domains = NULL;
    bool found = false;
    char *next = NULL;

    if (!read_config(im, NULL, &a, e))
        return false;
    domains = assign_find(&a, "DOMAINS_TXT");
    if (!file_read_if_there(AT_FDCWD, domains, DOMAINS_MAX, &text, &found, e))
        return false;
    for (char *line = text.text; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        if (!add_line(im, line, e))
            return false;
    }
    return im->certificate_count > 0 ||
           err_set(e, ERR_INPUT, "there is no certificate of dehydrated: '%s' %s", domains,
                   found ? "names none" : "does not exist");
}
