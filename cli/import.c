/* import.c: the clients that can be taken over, and what reading them has in common. */
#include "cli/import.h"

#include "base/file.h"
#include "base/log.h"
#include "cli/import_clients.h"
#include "cli/import_dns.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_FILE_MAX ((size_t)64 * 1024)
#define CERTIFICATES_MAX 1000
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

const char import_https[] = "https://";
const char import_letsencrypt[] = "https://acme-v02.api.letsencrypt.org/directory";

/* clang-format off */
const struct import_client import_clients[5] = {
    {"acme.sh",    "~/.acme.sh",       import_acmesh,
     {{NULL, "'{directory}/acme.sh' --home '{directory}' --uninstall-cronjob"}},
     "'{directory}/acme.sh' --home '{directory}' --remove -d '{name}'"},
    {"certbot",    "/etc/letsencrypt", import_certbot,
     {{"/lib/systemd/system/certbot.timer", "systemctl disable --now certbot.timer"},
      {"/snap/bin/certbot",                 "systemctl disable --now snap.certbot.renew.timer"}},
     "mv '{directory}/renewal/{name}.conf' '{directory}/renewal/{name}.conf.off'"},
    {"dehydrated", "/etc/dehydrated",  import_dehydrated, {{0}}, NULL},
    {"lego",       "~/.lego",          import_lego,       {{0}}, NULL},
    {"uacme",      "/etc/ssl/uacme",   import_uacme,      {{0}}, NULL},
};

/* The directories of public CAs, by host, and what a section for one is called. */
static const struct {
    const char *host, *server, *issuer;
} known_servers[] = {
    {"acme-v02.api.letsencrypt.org",         import_letsencrypt,                                       "letsencrypt"},
    {"acme-staging-v02.api.letsencrypt.org", "https://acme-staging-v02.api.letsencrypt.org/directory", "letsencrypt-staging"},
    {"acme.zerossl.com",                     "https://acme.zerossl.com/v2/DV90",                       "zerossl"},
    {"api.buypass.com",                      "https://api.buypass.com/acme/directory",                 "buypass"},
    {"dv.acme-v02.api.pki.goog",             "https://dv.acme-v02.api.pki.goog/directory",             "google"},
};
/* clang-format on */

const struct import_client *
import_find(const char *name)
{
    for (size_t i = 0; i < COUNT(import_clients); i++)
        if (strcmp(import_clients[i].name, name) == 0)
            return &import_clients[i];
    return NULL;
}

char *
import_directory(const struct import_client *client)
{
    const struct passwd *p = client->directory[0] == '~' ? getpwuid(geteuid()) : NULL;
    const char *path = client->directory + (client->directory[0] == '~' ? 1 : 0);

    return str_format("%s%s", p == NULL ? "" : p->pw_dir, path);
}

char *
import_stop(const struct import *im, const char *name)
{
    const struct import_client *client = im->client;
    const char *text = name == NULL ? NULL : client->stop_one;
    own_assigns struct assigns values = {0};
    own_mem char *missing = NULL;
    own_str struct str out = {0};

    for (size_t i = 0; name == NULL && text == NULL && i < COUNT(client->stop); i++)
        if (client->stop[i].command != NULL &&
            (client->stop[i].path == NULL || access(client->stop[i].path, F_OK) == 0))
            text = client->stop[i].command;
    if (text == NULL)
        text = "grep -rlw {client} /etc/cron* /etc/systemd/system /var/spool/cron   # what starts "
               "it is there";
    if (!assign_put(&values, "client", client->name) ||
        !assign_put(&values, "directory", im->directory) ||
        !assign_put(&values, "name", name == NULL ? "" : name) ||
        !assign_fill(text, &values, &out, &missing))
        return NULL;
    return str_take(&out);
}

/* ---- for those who read ---- */

static struct import_certificate *
add_certificate(struct import *im, const char *name)
{
    struct import_certificate **grown =
        realloc(im->certificates, (im->certificate_count + 1) * sizeof(*grown));
    struct import_certificate *c = NULL;

    if (grown == NULL)
        return NULL;
    im->certificates = grown;
    c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    grown[im->certificate_count++] = c;
    c->name = strdup(name);
    return c->name == NULL ? NULL : c;
}

struct import_certificate *
import_add_certificate(struct import *im, const char *name, struct err *e)
{
    struct import_certificate *c = NULL;

    if (im->certificate_count >= CERTIFICATES_MAX) {
        (void)err_set(e, ERR_INPUT,
                      "'%s' has more than %d certificates, which is more than can be taken over at "
                      "once; take them over from directories that have fewer",
                      im->directory, CERTIFICATES_MAX);
        return NULL;
    }
    c = add_certificate(im, name);
    if (c == NULL)
        (void)err_memory(e);
    return c;
}

/* NULL when there is no such file. */
static bool
add_account(struct import *im, const char *key_file, struct import_account **account, struct err *e)
{
    own_str struct str key = {0};
    struct import_account **grown = NULL;
    bool found = false;

    *account = NULL;
    for (size_t i = 0; i < im->account_count; i++)
        if (strcmp(im->accounts[i]->label, key_file) == 0)
            *account = im->accounts[i];
    if (*account != NULL)
        return true;
    if (!file_read_if_there(AT_FDCWD, key_file, KEY_FILE_MAX, &key, &found, e))
        return false;
    if (!found)
        return true;
    grown = realloc(im->accounts, (im->account_count + 1) * sizeof(struct import_account *));
    if (grown == NULL)
        return err_memory(e);
    im->accounts = grown;
    grown[im->account_count] = calloc(1, sizeof(struct import_account));
    if (grown[im->account_count] == NULL)
        return err_memory(e);
    *account = grown[im->account_count++];
    (*account)->label = strdup(key_file);
    (*account)->key = key;
    key = (struct str){0};
    return (*account)->label != NULL || err_memory(e);
}

bool
import_set_account(struct import *im, struct import_certificate *c, const char *key_file,
                   struct import_account **account, struct err *e)
{
    if (!add_account(im, key_file, account, e))
        return false;
    c->account = *account;
    return *account != NULL || import_note(&c->notes, "its account: there is no '%s'", key_file) ||
           err_memory(e);
}

bool
import_set_contact(struct import_account *account, const struct json_t *contact, struct err *e)
{
    return account->contact.count > 0 || json_texts(contact, &account->contact) || err_memory(e);
}

bool
import_is_name(const char *name)
{
    size_t size = strlen(name);

    return size > 0 && size <= 200 && strspn(name, LETTERS ".*_-") == size &&
           strchr(".-_", name[0]) == NULL;
}

bool
import_is_below(const char *path)
{
    size_t size = strlen(path);

    return size > 0 && size < 500 && path[0] != '/' && path[0] != '.' &&
           strspn(path, LETTERS "._-:@/") == size && strstr(path, "/.") == NULL;
}

bool
import_is_value(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        bool is_first = c == text || c[-1] == ' ' || c[-1] == '\t';

        if ((unsigned char)*c < 0x20 || *c == 0x7f || (is_first && (*c == '#' || *c == ';')))
            return false;
    }
    return *text != '\0' && strlen(text) < 2000;
}

bool
import_note(struct list *notes, const char *format, ...)
{
    struct err made = {0};
    char text[sizeof(made.text)];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    err_tame(text);
    return list_has(notes, text) || list_add(notes, text);
}

/* By where it is in truth, whatever links lead there; by its text where there is nothing to read.
 */
static bool
is_inside(const char *directory, const char *path)
{
    own_mem char *whole = realpath(path, NULL);
    const char *at = whole == NULL && errno == ENOENT ? path : whole;
    own_mem char *home = realpath(directory, NULL);
    size_t size = home == NULL ? 0 : strlen(home);

    return size > 0 && at != NULL && strncmp(at, home, size) == 0 &&
           (at[size] == '/' || at[size] == '\0') && strstr(at, "/../") == NULL;
}

bool
import_follow(struct import *im, const char *path, struct err *e)
{
    struct stat s = {0};

    if (is_inside(im->directory, path))
        return true;
    if (stat(im->directory, &s) < 0)
        return err_errno(e, "look at '%s'", im->directory);
    if (s.st_uid != 0 && s.st_uid != geteuid())
        return err_set(e, ERR_PERMISSION,
                       "'%s' leads to '%s', and belongs to another user (%u), who is not followed "
                       "there; try: chown -R root '%s'",
                       im->directory, path, (unsigned)s.st_uid, im->directory);
    return import_note(&im->elsewhere, "%s", path) || err_memory(e);
}

void
import_read_pair(struct import_certificate *c, const char *key_file, const char *chain_file)
{
    if (key_file == NULL || chain_file == NULL) {
        (void)err_memory(&c->e);
        return;
    }
    if (!file_read(AT_FDCWD, key_file, CERT_PEM_MAX, &c->key_pem, &c->e) ||
        !file_read(AT_FDCWD, chain_file, CERT_PEM_MAX, &c->chain_pem, &c->e))
        log_debug("'%s' cannot be taken over: %s", c->name, c->e.text);
}

bool
import_read_script(struct assigns *a, const char *path, struct err *e)
{
    own_str struct str text = {0};
    bool found = false;

    if (!file_read_if_there(AT_FDCWD, path, ASSIGN_FILE_MAX, &text, &found, e))
        return false;
    return !found || assign_read(a, text.text, text.size, e) || err_wrap(e, "read '%s'", path);
}

/* Has the URL that host? A port stands behind '_'. */
static bool
is_at(const char *url, const char *host)
{
    size_t i = 0, https = strlen(import_https);
    const char *at = url + https;

    if (strncmp(url, import_https, https) != 0)
        return false;
    while (host[i] != '\0' && (at[i] == host[i] || (at[i] == ':' && host[i] == '_')))
        i++;
    return host[i] == '\0' && at[i] == '/';
}

char *
import_server_at(const struct import *im, const char *host)
{
    const char *server = NULL;

    for (size_t i = 0; i < COUNT(known_servers); i++)
        if (strcmp(known_servers[i].host, host) == 0)
            server = known_servers[i].server;
    for (size_t i = 0; i < im->conf->section_count; i++) {
        const struct conf_section *s = &im->conf->sections[i];
        const struct conf_value *v =
            strcmp(s->kind, "issuer") == 0 ? conf_value_find(s, "directory") : NULL;

        if (v != NULL && is_at(v->text, host))
            server = v->text;
    }
    if (im->server != NULL && is_at(im->server, host))
        server = im->server;
    return server == NULL ? NULL : strdup(server);
}

char *
import_issuer_name(const char *server)
{
    bool has_scheme = strncmp(server, import_https, strlen(import_https)) == 0;
    const char *host = server + (has_scheme ? strlen(import_https) : 0);
    char *name = NULL;

    for (size_t i = 0; i < COUNT(known_servers); i++)
        if (strcmp(known_servers[i].server, server) == 0)
            return strdup(known_servers[i].issuer);
    name = strndup(host, strcspn(host, ":/"));
    if (name == NULL || import_is_name(name))
        return name;
    free(name);
    return strdup("imported");
}

/* ---- the end ---- */

static void
certificate_free(struct import_certificate *c)
{
    free(c->name);
    free(c->server);
    list_done(&c->names);
    str_done(&c->key_pem);
    str_done(&c->chain_pem);
    free(c->renew_before);
    import_dns_done(&c->dns);
    free(c->issuer);
    list_done(&c->did);
    list_done(&c->notes);
    free(c);
}

void
import_done(struct import *im)
{
    for (size_t i = 0; i < im->certificate_count; i++)
        certificate_free(im->certificates[i]);
    for (size_t i = 0; i < im->account_count; i++) {
        free(im->accounts[i]->label);
        str_done(&im->accounts[i]->key);
        list_done(&im->accounts[i]->contact);
        free(im->accounts[i]);
    }
    free(im->directory);
    free(im->certificates);
    free(im->accounts);
    list_done(&im->elsewhere);
    list_done(&im->notes);
    *im = (struct import){0};
}
