/* hba_line.c: who may log in, as PostgreSQL reads it. */
#include "reload/hba_line.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAP_SIZE 32

#define PLAIN "abcdefghijklmnopqrstuvwxyz0123456789_"

/* Whatever these mean in some column and version: "all" and "replication" for databases, say. */
static const char *const keywords[] = {
    "all",     "replication", "sameuser", "samerole",          "samegroup",
    "samenet", "samehost",    "include",  "include_if_exists", "include_dir",
};

static bool
is_plain(const char *name)
{
    for (size_t i = 0; i < COUNT(keywords); i++)
        if (strcmp(name, keywords[i]) == 0)
            return false;
    return name[strspn(name, PLAIN)] == '\0';
}

static bool
check_name(const char *name, struct err *e)
{
    if (name[0] == '\0')
        return err_set(e, ERR_INPUT, "a name in pg_hba.conf must not be empty");
    if (name[0] == '/')
        return err_set(
            e, ERR_INPUT,
            "'%s': PostgreSQL 16 and later take what begins with '/' in pg_hba.conf for a "
            "regular expression; choose another name",
            name);
    for (const char *c = name; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return err_set(e, ERR_INPUT, "'%s': a control character cannot stand in pg_hba.conf",
                           name);
    return true;
}

static bool
add_quoted(struct str *line, const char *text)
{
    bool good = str_add(line, "\"", 1);

    for (const char *c = text; good && *c != '\0'; c++)
        good = str_add(line, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
    return good && str_add(line, "\"", 1);
}

bool
hba_line_add_name(struct str *line, const char *name, struct err *e)
{
    if (!check_name(name, e))
        return false;
    return (is_plain(name) ? str_add(line, name, strlen(name)) : add_quoted(line, name)) ||
           err_memory(e);
}

/* ---- where from ---- */

/* A decimal number of at most `most`, and nothing else. */
static bool
is_prefix(const char *text, long most)
{
    char *end = NULL;
    long number = strtol(text, &end, 10);

    return text[strspn(text, "0123456789")] == '\0' && end != text && number <= most;
}

/* "192.0.2.0/24", "192.0.2.7", "2001:db8::/32" */
static char *
as_range(const char *given)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    size_t size = strcspn(given, "/");
    own_mem char *address = strndup(given, size);
    bool is_v6 = memchr(given, ':', size) != NULL;
    long most = is_v6 ? 128 : 32;

    if (address == NULL || inet_pton(is_v6 ? AF_INET6 : AF_INET, address, bytes) != 1)
        return NULL;
    if (given[size] == '\0') /* without a mask the next word would be taken for one */
        return str_format("%s/%ld", address, most);
    return is_prefix(given + size + 1, most) ? strdup(given) : NULL;
}

bool
reload_hba_source(const char *given, char **source, struct err *e)
{
    static const char *const words[] = {"all", "samehost", "samenet"};
    own_mem char *found = NULL;

    for (size_t i = 0; i < COUNT(words); i++)
        if (strcmp(given, words[i]) == 0)
            found = strdup(words[i]);
    if (found == NULL)
        found = as_range(given);
    if (found == NULL)
        return err_set(e, ERR_USAGE,
                       "'%s' is not an address, nor a range as 192.0.2.0/24 or 2001:db8::/32, nor: "
                       "all samehost samenet",
                       given);
    *source = TAKE(found);
    return true;
}

/* ---- one client ---- */

/* Physical replication asks for no database; tools that do it (pg_basebackup, pg_receivewal) call
 * what they connect to "replication". Who has a database of that very name may ask for both; the
 * server then wants the role to be one for replication. */
static bool
add_database(struct str *line, const char *name, struct err *e)
{
    return hba_line_add_name(line, name, e) &&
           (strcmp(name, "replication") != 0 || str_addf(line, ",replication") || err_memory(e));
}

static bool
add_allowed(struct str *hba, const struct hba_client *c, const char *how, struct err *e)
{
    own_str struct str user = {0};
    own_str struct str database = {0};

    if (!hba_line_add_name(&user, c->user, e) || !add_database(&database, c->database, e))
        return false;
    for (size_t i = 0; i < c->sources->count; i++)
        if (!str_addf(hba, "hostssl %s %s %s cert%s\n", database.text, user.text,
                      c->sources->items[i], how))
            return err_memory(e);
    return true;
}

/* Whatever else this user asks for. The name "all" does not hold for physical replication, which
 * has a word of its own. */
static bool
add_rejected(struct str *hba, const char *name, struct err *e)
{
    own_str struct str user = {0};

    return hba_line_add_name(&user, name, e) &&
           (str_addf(hba, "host all,replication %s all reject\n", user.text) || err_memory(e));
}

/* The first word is a regular expression only when it begins with '/', as no DN does. */
static bool
add_ident(struct str *ident, const struct hba_client *c, const char *map, struct err *e)
{
    if (c->dn[0] == '/')
        return err_set(e, ERR_INTERNAL, "the name '%s' of a certificate", c->dn);
    if (!str_addf(ident, "%s ", map) || !add_quoted(ident, c->dn) || !str_add(ident, " ", 1))
        return err_memory(e);
    return hba_line_add_name(ident, c->user, e) && (str_add(ident, "\n", 1) || err_memory(e));
}

/* Is it the first of its user and database? */
static bool
is_first(const struct hba_client *clients, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (clients[i].database != NULL && strcmp(clients[i].user, clients[at].user) == 0 &&
            strcmp(clients[i].database, clients[at].database) == 0)
            return false;
    return true;
}

static bool
has_before(const struct hba_client *clients, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(clients[i].user, clients[at].user) == 0)
            return true;
    return false;
}

/* Which map a client's line has: one for each database of a user, so that the key for one does not
 * open another. "pgcert", "pgcert-2" ... */
static void
name_map(char map[static MAP_SIZE], const struct hba_client *clients, size_t at)
{
    size_t number = 1;

    for (size_t i = 0; i < at; i++) {
        bool is_counted =
            clients[i].database != NULL && strcmp(clients[i].user, clients[at].user) == 0;

        if (is_counted && strcmp(clients[i].database, clients[at].database) == 0) {
            name_map(map, clients, i);
            return;
        }
        number += is_counted && is_first(clients, i);
    }
    (void)snprintf(map, MAP_SIZE, number == 1 ? HBA_MAP : HBA_MAP "-%zu", number);
}

/* Without maps anybody whose common name it is would be let in, whosesoever CA has signed. */
static bool
check_by_name(const struct hba_client *c, struct err *e)
{
    return strstr(c->dn, ",O=") == NULL ||
           err_set(
               e, ERR_CONFIG,
               "the client '%s' is one of a tenant, which PostgreSQL can tell from others since "
               "14",
               c->dn);
}

/* All of one user's, for the first line that matches counts. */
static bool
add_user(const struct hba_client *clients, size_t count, bool by_dn, struct str *hba,
         struct str *ident, struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        const struct hba_client *c = &clients[i];
        char map[MAP_SIZE], how[MAP_SIZE + 32] = "";

        if (c->database == NULL || strcmp(c->user, clients[0].user) != 0)
            continue;
        name_map(map, clients, i);
        if (by_dn)
            (void)snprintf(how, sizeof(how), " clientname=DN map=%s", map);
        if ((!by_dn && !check_by_name(c, e)) || !add_allowed(hba, c, how, e) ||
            (by_dn && !add_ident(ident, c, map, e)))
            return false;
    }
    return add_rejected(hba, clients[0].user, e);
}

bool
reload_hba_lines(const struct hba_client *clients, size_t count, bool by_dn, struct str *hba,
                 struct str *ident, struct err *e)
{
    own_str struct str lines = {0};
    own_str struct str map = {0};

    for (size_t i = 0; i < count; i++)
        if (!has_before(clients, i) && !add_user(&clients[i], count - i, by_dn, &lines, &map, e))
            return false;
    return ((lines.size == 0 || str_add(hba, lines.text, lines.size)) &&
            (map.size == 0 || str_add(ident, map.text, map.size))) ||
           err_memory(e);
}
