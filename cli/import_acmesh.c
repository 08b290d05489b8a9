/* import_acmesh.c: what acme.sh has: account.conf, ca/HOST/PATH/account.key, NAME/NAME.conf and
 * NAME_ecc/NAME.conf, with key and certificate beside it. All settings are assignments.
 *
 * Source: acme.sh 3.1, _initAPI(), _initpath(), issue(); its wiki, "Options and Params"
 */
#include "base/file.h"
#include "cli/import_clients.h"
#include "cli/import_dns.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ECC "_ecc"
#define SAVED "SAVED_"

/* ---- the settings ---- */

/* As they are meant; and what was saved for the DNS scripts also without what marks it. */
static bool
read_settings(struct assigns *out, const char *path, struct err *e)
{
    own_assigns struct assigns raw = {0};

    if (!import_read_script(&raw, path, e))
        return false;
    for (size_t i = 0; i < raw.count; i++) {
        const char *name = raw.items[i].name;
        own_str struct str value = {0};

        if (!assign_unwrap(raw.items[i].value, &value))
            continue; /* damaged: as if it were not there */
        if (!assign_put(out, name, value.text == NULL ? "" : value.text) ||
            (strncmp(name, SAVED, strlen(SAVED)) == 0 &&
             !assign_put(out, name + strlen(SAVED), value.text == NULL ? "" : value.text)))
            return err_memory(e);
    }
    return true;
}

/* ---- the account ---- */

/* "https://host:port/path" is kept in ca/host/path. */
static char *
account_directory(const struct import *im, const char *server)
{
    const char *host = server + strlen("https://");
    size_t host_size = strcspn(host, ":/");
    const char *path = strchr(host, '/');
    own_mem char *below = str_format("%.*s%s", (int)host_size, host, path == NULL ? "/" : path);

    return below == NULL || !import_is_below(below) ? NULL
                                                    : str_format("%s/ca/%s", im->directory, below);
}

static bool
find_account(struct import *im, struct import_certificate *c, const struct assigns *global,
             struct err *e)
{
    own_mem char *directory = account_directory(im, c->server);
    own_mem char *key = directory == NULL ? NULL : str_format("%s/account.key", directory);
    own_mem char *conf = directory == NULL ? NULL : str_format("%s/ca.conf", directory);
    own_assigns struct assigns about = {0};
    own_mem char *contact = NULL;
    const char *email = NULL;
    struct import_account *account = NULL;

    if (directory == NULL)
        return import_note(&c->notes, "its account: '%s' names no directory of one", c->server) ||
               err_memory(e);
    if (key == NULL || conf == NULL)
        return err_memory(e);
    if (!import_set_account(im, c, key, &account, e))
        return false;
    if (account == NULL || account->contact.count > 0)
        return true;
    if (!read_settings(&about, conf, e))
        return false;
    email = assign_find(&about, "CA_EMAIL");
    if (email == NULL || *email == '\0')
        email = assign_find(global, "ACCOUNT_EMAIL");
    contact = str_format("mailto:%s", email == NULL ? "" : email);
    return email == NULL || *email == '\0' ||
           (contact != NULL && list_add(&account->contact, contact)) || err_memory(e);
}

/* ---- the DNS ---- */

/* Where all records go: one name for all, "=" in front when it is the record's own. */
static bool
add_alias(struct import_certificate *c, const struct assigns *own, struct err *e)
{
    const char *told = assign_find(own, "Le_ChallengeAlias");
    size_t size = told == NULL ? 0 : strcspn(told, ",");
    bool is_whole = size > 0 && told[0] == '=';
    own_mem char *name = size == 0 ? NULL : strndup(told + is_whole, size - is_whole);
    own_mem char *line = NULL;

    if (size == 0 || strcmp(told, "no") == 0)
        return true;
    if (name == NULL)
        return err_memory(e);
    if (!import_is_below(name) || (told[size] != '\0' && told[size + 1] != '\0'))
        return import_note(&c->notes, "Le_ChallengeAlias = %s: a [dns] has one alias for all",
                           told) ||
               err_memory(e);
    line = str_format("alias = %s%s", is_whole ? "" : "_acme-challenge.", name);
    return (line != NULL && list_add(&c->dns.settings, line)) || err_memory(e);
}

/* What other scripts need is in a file for the provider that runs them. */
static bool
put_environment(struct assigns *pool, const struct assigns *global, struct err *e)
{
    own_str struct str text = {0};

    for (size_t i = 0; i < global->count; i++) {
        const struct assign *one = &global->items[i];

        if (strncmp(one->name, SAVED, strlen(SAVED)) == 0 && strpbrk(one->value, "\r\n") == NULL &&
            !str_addf(&text, "%s=%s\n", one->name + strlen(SAVED), one->value))
            return err_memory(e);
    }
    return text.size == 0 || assign_put(pool, "environment", text.text) || err_memory(e);
}

static bool
put_key_file(struct import *im, struct assigns *pool, struct err *e)
{
    const char *path = assign_find(pool, "NSUPDATE_KEY");
    own_str struct str text = {0};
    struct err ignored = {0};

    if (path == NULL || *path != '/')
        return true;
    if (!import_follow(im, path, e))
        return false;
    return !file_read(AT_FDCWD, path, 8192, &text, &ignored) || text.size == 0 ||
           strlen(text.text) != text.size || assign_put(pool, "NSUPDATE_KEY.text", text.text) ||
           err_memory(e);
}

/* What the scripts take where nothing is saved. */
static bool
put_defaults(struct assigns *pool, struct err *e)
{
    static const char *const usual[][2] = {{"NSUPDATE_SERVER", "localhost"},
                                           {"NSUPDATE_SERVER_PORT", "53"},
                                           {"OVH_END_POINT", "ovh-eu"},
                                           {"PDNS_ServerId", "localhost"}};

    for (size_t i = 0; i < COUNT(usual); i++) {
        const char *value = assign_find(pool, usual[i][0]);

        if ((value == NULL || *value == '\0') && !assign_put(pool, usual[i][0], usual[i][1]))
            return err_memory(e);
    }
    return true;
}

/* Each of the words between commas is for a name; an empty one is as the one before it. */
static bool
is_one_word(const char *words, const char *word)
{
    for (size_t size = 0; *words != '\0'; words += size + (words[size] == ',' ? 1 : 0)) {
        size = strcspn(words, ",");
        if (size > 0 && (strlen(word) != size || strncmp(words, word, size) != 0))
            return false;
    }
    return true;
}

static bool
find_dns(struct import *im, struct import_certificate *c, const struct assigns *global,
         const struct assigns *own, struct err *e)
{
    const char *told = assign_find(own, "Le_Webroot");
    size_t size = told == NULL ? 0 : strcspn(told, ",");
    own_mem char *script = told == NULL ? NULL : strndup(told, size);
    own_mem char *origin = str_format("'%s/account.conf'", im->directory);
    own_assigns struct assigns pool = {0};

    if (origin == NULL || (told != NULL && script == NULL))
        return err_memory(e);
    if (told == NULL || strncmp(told, "dns_", 4) != 0 || !import_is_name(script) ||
        !is_one_word(told, script))
        return import_dns_unknown(&c->dns,
                                  "it has Le_Webroot = %s, and not one script dns_... for all",
                                  told == NULL ? "" : told) ||
               err_memory(e);
    for (size_t i = 0; i < global->count; i++)
        if (!assign_put(&pool, global->items[i].name, global->items[i].value))
            return err_memory(e);
    if (!assign_put(&pool, "home", im->directory) || !assign_put(&pool, "script", script))
        return err_memory(e);
    return put_defaults(&pool, e) && put_environment(&pool, global, e) &&
           put_key_file(im, &pool, e) &&
           import_dns_map(&c->dns, "acme.sh", script, &pool, origin, e) && add_alias(c, own, e);
}

/* ---- one certificate ---- */

/* Le_Alt holds the other names, or "no". */
static bool
add_names(struct import_certificate *c, const struct assigns *own, struct err *e)
{
    const char *first = assign_find(own, "Le_Domain");
    const char *others = assign_find(own, "Le_Alt");

    return (list_add_words(&c->names, first == NULL ? "" : first) &&
            (others == NULL || strcmp(others, "no") == 0 || list_add_words(&c->names, others))) ||
           err_memory(e);
}

/* Without what is in them: a command may hold a secret. */
static bool
note_hooks(struct import_certificate *c, const struct assigns *own, struct err *e)
{
    static const char *const hooks[] = {"Le_PreHook",   "Le_PostHook",   "Le_RenewHook",
                                        "Le_ReloadCmd", "Le_DeployHook", "Le_RenewalDays"};

    for (size_t i = 0; i < COUNT(hooks); i++) {
        const char *value = assign_find(own, hooks[i]);

        if (value != NULL && *value != '\0' &&
            !import_note(&c->notes, "%s of %s.conf%s", hooks[i], c->name,
                         i + 1 < COUNT(hooks)
                             ? ": a server is told of a new certificate by a [target]"
                             : ": set renew_before, which counts from the end"))
            return err_memory(e);
    }
    return true;
}

static bool
read_one(struct import *im, struct import_certificate *c, const char *directory,
         const struct assigns *global, struct err *e)
{
    own_mem char *path = str_format("%s/%s.conf", directory, c->name);
    own_mem char *key = str_format("%s/%s.key", directory, c->name);
    own_mem char *chain = str_format("%s/fullchain.cer", directory);
    own_assigns struct assigns own = {0};
    const char *server = NULL;

    if (path == NULL || key == NULL || chain == NULL)
        return err_memory(e);
    if (!read_settings(&own, path, e))
        return false;
    server = assign_find(&own, "Le_API");
    if (server == NULL || strncmp(server, "https://", 8) != 0)
        return err_set(e, ERR_INPUT, "'%s' does not say by Le_API = https://... which server it is",
                       path);
    c->server = strdup(server);
    if (c->server == NULL)
        return err_memory(e);
    if (!add_names(c, &own, e) || !find_dns(im, c, global, &own, e) || !note_hooks(c, &own, e) ||
        !find_account(im, c, global, e))
        return false;
    import_read_pair(c, key, chain);
    return true;
}

/* A folder with NAME.conf in it; both kinds of keys may be there for one name. */
static bool
add_one(struct import *im, const char *folder, const struct assigns *global, struct err *e)
{
    size_t size = strlen(folder), suffix = strlen(ECC);
    bool is_ecc = size > suffix && strcmp(folder + size - suffix, ECC) == 0;
    own_mem char *name = strndup(folder, is_ecc ? size - suffix : size);
    own_mem char *directory = str_format("%s/%s", im->directory, folder);
    own_mem char *conf = str_format("%s/%s.conf", directory, name);
    struct import_certificate *c = NULL;

    if (name == NULL || directory == NULL || conf == NULL)
        return err_memory(e);
    if (access(conf, F_OK) < 0)
        return true;
    for (size_t i = 0; i < im->certificate_count; i++)
        if (strcmp(im->certificates[i]->name, name) == 0)
            return import_note(&im->notes, "'%s': the one of the other kind of key was taken",
                               directory) ||
                   err_memory(e);
    c = import_add_certificate(im, name, e);
    if (c == NULL)
        return false;
    (void)read_one(im, c, directory, global, &c->e);
    return true;
}

static bool
is_ecc_folder(const char *name)
{
    size_t size = strlen(name);

    return import_is_name(name) && size > 4 && strcmp(name + size - 4, ECC) == 0;
}

static bool
is_other_folder(const char *name)
{
    return import_is_name(name) && !is_ecc_folder(name);
}

bool
import_acmesh(struct import *im, struct err *e)
{
    own_mem char *path = str_format("%s/account.conf", im->directory);
    own_assigns struct assigns global = {0};
    own_list struct list folders = {0};

    if (path == NULL)
        return err_memory(e);
    if (!read_settings(&global, path, e) || !file_list(im->directory, is_ecc_folder, &folders, e) ||
        !file_list(im->directory, is_other_folder, &folders, e))
        return false;
    for (size_t i = 0; i < folders.count; i++)
        if (!add_one(im, folders.items[i], &global, e))
            return false;
    return im->certificate_count > 0 ||
           err_set(e, ERR_INPUT, "there is no certificate of acme.sh: '%s' has no NAME/NAME.conf",
                   im->directory);
}
