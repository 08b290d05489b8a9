/* import_lego.c: what lego has: accounts/HOST/EMAIL, certificates/NAME.{crt,key,json}. How it
 * proves names it is told by the command line and the environment, and does not keep.
 *
 * Source: lego 4.9, cmd/{accounts_storage,certs_storage}.go; go-acme.github.io/lego
 */
#include "base/file.h"
#include "base/json.h"
#include "cli/import_clients.h"
#include "cli/import_dns.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JSON_MAX ((size_t)256 * 1024)

static bool
is_about(const char *name)
{
    size_t size = strlen(name);

    return size > 5 && strcmp(name + size - 5, ".json") == 0 && name[0] != '.';
}

static struct json_t *
read_json(const char *path, struct err *e)
{
    own_str struct str text = {0};
    struct json_t *json = NULL;

    if (!file_read(AT_FDCWD, path, JSON_MAX, &text, e))
        return NULL;
    json = json_decode(text.text == NULL ? "" : text.text, text.size, e);
    if (json == NULL) {
        e->code = ERR_INPUT; /* of a file, and not of a server */
        (void)err_wrap(e, "read '%s'", path);
    }
    return json;
}

/* "https://localhost:14000/certZ/1" is of "localhost_14000"; NULL: it is no URL. */
static char *
host_of(const char *url)
{
    static const char https[] = "https://";
    char *host = NULL;

    if (url == NULL || strncmp(url, https, sizeof(https) - 1) != 0)
        return NULL;
    host = strndup(url + sizeof(https) - 1, strcspn(url + sizeof(https) - 1, "/"));
    for (char *c = host; c != NULL && *c != '\0'; c++)
        if (*c == ':')
            *c = '_';
    if (host != NULL && import_is_below(host))
        return host;
    free(host);
    return NULL;
}

/* ---- the account ---- */

static bool
read_account(struct import *im, struct import_certificate *c, const char *directory,
             const char *email, struct err *e)
{
    own_mem char *key = str_format("%s/%s/keys/%s.key", directory, email, email);
    own_mem char *about = str_format("%s/%s/account.json", directory, email);
    own_json struct json_t *json = NULL;
    const struct json_t *contact = NULL;
    struct import_account *account = NULL;
    struct err ignored = {0};

    if (key == NULL || about == NULL)
        return err_memory(e);
    if (!import_set_account(im, c, key, &account, e))
        return false;
    if (account == NULL)
        return true;
    json = read_json(about, &ignored);
    contact = json_member(json_member(json_member(json, "registration"), "body"), "contact");
    return import_set_contact(account, contact, e);
}

/* Nothing says of which account a certificate is, where there are several. */
static bool
find_account(struct import *im, struct import_certificate *c, const char *host, struct err *e)
{
    own_mem char *directory = str_format("%s/accounts/%s", im->directory, host);
    own_list struct list emails = {0};

    if (directory == NULL)
        return err_memory(e);
    if (!file_list(directory, import_is_below, &emails, e))
        return false;
    if (emails.count == 1)
        return read_account(im, c, directory, emails.items[0], e);
    return import_note(&c->notes,
                       "its account: there are %zu in '%s'; take one by: pgcert account import "
                       "ISSUER KEYFILE",
                       emails.count, directory) ||
           err_memory(e);
}

/* ---- one certificate ---- */

/* The certificate alone, where lego was told not to bundle: then its issuer is beside it. */
static void
complete_chain(struct import_certificate *c, const char *stem)
{
    own_mem char *path = str_format("%s.issuer.crt", stem);
    own_chain struct chain chain = {0};
    struct err ignored = {0};
    bool found = false;

    if (path != NULL && c->chain_pem.size > 0 &&
        chain_from_pem(&chain, c->chain_pem.text, c->chain_pem.size, &ignored) &&
        chain.count == 1 &&
        !file_read_if_there(AT_FDCWD, path, CERT_PEM_MAX, &c->chain_pem, &found, &ignored))
        c->e = ignored;
}

static bool
read_one(struct import *im, struct import_certificate *c, const char *stem, struct err *e)
{
    own_mem char *about = str_format("%s.json", stem);
    own_json struct json_t *json = about == NULL ? NULL : read_json(about, e);
    own_mem char *host = NULL;

    if (json == NULL)
        return about == NULL ? err_memory(e) : false;
    host = host_of(json_member_text(json, "certUrl"));
    if (host == NULL)
        return err_set(e, ERR_INPUT, "'%s' does not say by an https URL where it is from", about);
    c->server = import_server_at(im, host);
    if (c->server == NULL)
        return err_set(e, ERR_USAGE,
                       "lego does not keep the URL of the directory at '%s'; add: --server URL",
                       host);
    return (import_dns_unknown(&c->dns, "lego does not keep how it publishes records") ||
            err_memory(e)) &&
           find_account(im, c, host, e);
}

static bool
add_one(struct import *im, const char *directory, const char *file, struct err *e)
{
    bool is_wildcard = strncmp(file, "_.", 2) == 0;
    own_mem char *name =
        str_format("%s%.*s", is_wildcard ? "*" : "", (int)strlen(file) - 5 - (is_wildcard ? 1 : 0),
                   file + (is_wildcard ? 1 : 0));
    own_mem char *stem = str_format("%s/%.*s", directory, (int)strlen(file) - 5, file);
    own_mem char *key = stem == NULL ? NULL : str_format("%s.key", stem);
    own_mem char *chain = stem == NULL ? NULL : str_format("%s.crt", stem);
    struct import_certificate *c = NULL;

    if (name == NULL || stem == NULL)
        return err_memory(e);
    if (!import_is_name(name))
        return import_note(&im->notes, "'%s/%s': that is no name of a certificate", directory,
                           file) ||
               err_memory(e);
    c = import_add_certificate(im, name, e);
    if (c == NULL)
        return false;
    if (read_one(im, c, stem, &c->e)) {
        import_read_pair(c, key, chain);
        if (c->e.code == ERR_NONE)
            complete_chain(c, stem);
    }
    return true;
}

/* What lego is told to keep all in is called .lego where it is told nothing. */
static bool
find_home(struct import *im, struct err *e)
{
    own_mem char *usual = str_format("%s/.lego", im->directory);
    own_mem char *here = str_format("%s/certificates", im->directory);
    char *outer = im->directory;

    if (usual == NULL || here == NULL)
        return err_memory(e);
    if (access(here, F_OK) < 0 && access(usual, F_OK) == 0) {
        im->directory = TAKE(usual);
        free(outer);
    }
    return true;
}

bool
import_lego(struct import *im, struct err *e)
{
    own_mem char *directory = NULL;
    own_list struct list files = {0};

    if (!find_home(im, e))
        return false;
    directory = str_format("%s/certificates", im->directory);
    if (directory == NULL)
        return err_memory(e);
    if (!file_list(directory, is_about, &files, e))
        return false;
    if (files.count == 0)
        return err_set(e, ERR_INPUT, "there is no certificate of lego: '%s' has no NAME.json",
                       directory);
    for (size_t i = 0; i < files.count; i++)
        if (!add_one(im, directory, files.items[i], e))
            return false;
    return true;
}
