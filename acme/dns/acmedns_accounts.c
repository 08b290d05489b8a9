/* acmedns_accounts.c: the file of accounts at acme-dns. */
#include "acme/dns/acmedns_accounts.h"

#include "base/file.h"
#include "base/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE_MAX_OF_FILE ((size_t)1024 * 1024)

static void
wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

void
acmedns_accounts_done(struct acmedns_accounts *all)
{
    for (size_t i = 0; i < all->count; i++) {
        struct acmedns_account *a = &all->items[i];

        free(a->domain);
        free(a->subdomain);
        free(a->username);
        free(a->endpoint);
        wipe(a->password);
    }
    free(all->items);
    *all = (struct acmedns_accounts){0};
}

/* One word, which may be a line of a header. */
static bool
is_word(const char *text)
{
    if (text == NULL || *text == '\0')
        return false;
    while (*text > ' ' && *text < 0x7f)
        text++;
    return *text == '\0';
}

void
acmedns_accounts_cut(char *url)
{
    for (size_t end = strlen(url); end > 0 && url[end - 1] == '/'; end--)
        url[end - 1] = '\0';
}

bool
acmedns_accounts_is_endpoint(const char *url)
{
    return is_word(url) && (strncmp(url, "https://", 8) == 0 || http_is_loopback(url));
}

/* What the account says; what it does not say comes from the settings. False: out of memory. */
static bool
fill(struct acmedns_account *a, const struct json_t *from, const char *domain, const char *endpoint)
{
    const char *url = json_member_text(from, "server_url");
    const char *full = json_member_text(from, "fulldomain");
    const char *sub = json_member_text(from, "subdomain");
    const char *username = json_member_text(from, "username");
    const char *password = json_member_text(from, "password");

    if (url == NULL || *url == '\0')
        url = endpoint == NULL ? "" : endpoint;
    a->is_damaged = full == NULL || !dns_name_copy(a->fulldomain, full) || !is_word(sub) ||
                    !is_word(username) || !is_word(password);
    a->domain = strdup(domain);
    a->subdomain = strdup(sub == NULL ? "" : sub);
    a->username = strdup(username == NULL ? "" : username);
    a->password = strdup(password == NULL ? "" : password);
    a->endpoint = strdup(url);
    if (a->domain == NULL || a->subdomain == NULL || a->username == NULL || a->password == NULL ||
        a->endpoint == NULL)
        return false;
    acmedns_accounts_cut(a->endpoint);
    return true;
}

struct acmedns_account *
acmedns_accounts_add(struct acmedns_accounts *all, const struct json_t *from, const char *domain,
                     const char *endpoint, struct err *e)
{
    struct acmedns_account *items = reallocarray(all->items, all->count + 1, sizeof(*items));

    if (items != NULL) {
        all->items = items;
        items[all->count] = (struct acmedns_account){.values = 0};
        all->count++;
    }
    if (items == NULL || !fill(&items[all->count - 1], from, domain, endpoint)) {
        (void)err_memory(e);
        return NULL;
    }
    return &items[all->count - 1];
}

struct json_t *
acmedns_accounts_load(const char *file, bool may_be_missing, struct err *e)
{
    own_str struct str text = {0};
    struct json_t *json = NULL;

    if (may_be_missing && access(file, F_OK) < 0 && errno == ENOENT) {
        json = json_new_object();
        if (json == NULL)
            (void)err_memory(e);
        return json;
    }
    if (!file_read_secret(file, SIZE_MAX_OF_FILE, &text, e))
        return NULL;
    json = json_decode(text.text, text.size, e);
    if (json == NULL) {
        e->code = ERR_CONFIG;
        (void)err_wrap(e, "'%s'", file);
    }
    return json;
}

bool
acmedns_accounts_take(struct acmedns_accounts *all, const struct json_t *json, const char *endpoint,
                      struct err *e)
{
    const struct json_t *from = NULL;
    const char *domain = NULL;
    void *cursor = NULL;

    acmedns_accounts_done(all);
    while (json_each(json, &cursor, &domain, &from))
        if (acmedns_accounts_add(all, from, domain, endpoint, e) == NULL)
            return false;
    return true;
}

static bool
is_same_domain(const char *a, const char *b)
{
    char one[DNS_NAME_SIZE], other[DNS_NAME_SIZE];

    return dns_name_copy(one, a) && dns_name_copy(other, b) && strcmp(one, other) == 0;
}

struct acmedns_account *
acmedns_accounts_find(const struct acmedns_accounts *all, const char *domain)
{
    for (size_t i = 0; i < all->count; i++)
        if (domain != NULL && is_same_domain(all->items[i].domain, domain))
            return &all->items[i];
    return NULL;
}
