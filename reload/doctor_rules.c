/* doctor_rules.c: the rules of pg_hba.conf, judged in order. */
#include "reload/doctor_rules.h"

#include "reload/doctor.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What earlier rules refuse to who comes without TLS: for databases, for replication; by address
 * of either family. */
struct cover {
    bool refused[2][2];
};

enum { ORDINARY, REPLICATION };
enum { V4, V6 };

/* ---- where from ---- */

static bool
is_loopback_address(const char *address, const char *netmask)
{
    unsigned char bytes[16], mask[16];
    static const unsigned char one[16] = {[15] = 1};

    if (inet_pton(AF_INET, address, bytes) == 1)
        return bytes[0] == 127 && inet_pton(AF_INET, netmask, mask) == 1 && mask[0] == 255;
    return inet_pton(AF_INET6, address, bytes) == 1 && memcmp(bytes, one, 16) == 0 &&
           inet_pton(AF_INET6, netmask, mask) == 1 && mask[15] == 255;
}

/* Whoever comes from there is on this machine. */
static bool
is_here(const char *address, const char *netmask)
{
    return strcmp(address, "samehost") == 0 || strcasecmp(address, "localhost") == 0 ||
           is_loopback_address(address, netmask);
}

/* Which families may come: a name or a word stands for both. */
static void
families_of(const char *address, bool families[static 2])
{
    unsigned char bytes[16];
    bool is_v4 = inet_pton(AF_INET, address, bytes) == 1;
    bool is_v6 = !is_v4 && inet_pton(AF_INET6, address, bytes) == 1;

    families[V4] = !is_v6;
    families[V6] = !is_v4;
}

/* All addresses of its family? */
static bool
is_everywhere(const char *address, const char *netmask)
{
    return strcmp(address, "all") == 0 ||
           (strcmp(address, "0.0.0.0") == 0 && strcmp(netmask, "0.0.0.0") == 0) ||
           (strcmp(address, "::") == 0 && strcmp(netmask, "::") == 0);
}

bool
doctor_rules_listens(const char *listen_addresses)
{
    own_list struct list words = {0};

    if (!list_add_words(&words, listen_addresses))
        return true;
    for (size_t i = 0; i < words.count; i++)
        if (strcasecmp(words.items[i], "localhost") != 0 &&
            strncmp(words.items[i], "127.", 4) != 0 && strcmp(words.items[i], "::1") != 0)
            return true;
    return false;
}

/* ---- one rule ---- */

static bool
is_one_of(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

/* May who comes without TLS fit? */
static bool
fits_plain(const char *type)
{
    static const char *const words[] = {"host", "hostnossl", "hostnogssenc"};

    return is_one_of(type, words, COUNT(words));
}

/* "all" does not stand for replication. */
static int
kind_of(const char *database)
{
    return strcmp(database, "replication") == 0 ? REPLICATION : ORDINARY;
}

static void
cover(struct cover *c, char *const *rule)
{
    const char *database = rule[RULE_DATABASE];
    bool families[2];

    if (strcmp(rule[RULE_METHOD], "reject") != 0 || !fits_plain(rule[RULE_TYPE]) ||
        strcmp(rule[RULE_USER], "all") != 0 ||
        (strcmp(database, "all") != 0 && strcmp(database, "replication") != 0) ||
        !is_everywhere(rule[RULE_ADDRESS], rule[RULE_NETMASK]))
        return;
    families_of(rule[RULE_ADDRESS], families);
    for (int i = V4; i <= V6; i++)
        c->refused[kind_of(database)][i] = c->refused[kind_of(database)][i] || families[i];
}

static bool
is_covered(const struct cover *c, char *const *rule)
{
    const bool *refused = c->refused[kind_of(rule[RULE_DATABASE])];
    bool families[2];

    families_of(rule[RULE_ADDRESS], families);
    return (!families[V4] || refused[V4]) && (!families[V6] || refused[V6]);
}

static enum doctor_wrong
judge(const struct cover *c, char *const *rule, bool listens)
{
    static const char *const readable[] = {"password", "ldap", "pam", "radius", "bsd"};
    const char *method = rule[RULE_METHOD];
    bool here = is_here(rule[RULE_ADDRESS], rule[RULE_NETMASK]);
    bool plain = fits_plain(rule[RULE_TYPE]) && !is_covered(c, rule);
    bool trusts = strcmp(method, "trust") == 0 && rule[RULE_ADDRESS][0] != '\0' &&
                  strstr(rule[RULE_OPTIONS], "clientcert=verify-full") == NULL &&
                  (plain || !fits_plain(rule[RULE_TYPE]));

    if (strcmp(method, "reject") == 0 || strcmp(rule[RULE_TYPE], "local") == 0)
        return RULE_FINE;
    if (here || !listens)
        return trusts ? RULE_TRUST_HERE : RULE_FINE;
    if (trusts)
        return RULE_TRUST;
    if (!plain)
        return RULE_FINE;
    return is_one_of(method, readable, COUNT(readable)) ? RULE_READABLE : RULE_PLAIN;
}

enum doctor_wrong *
doctor_rules_judge(const struct list *rules, bool listens)
{
    size_t count = rules->count / RULE_FIELDS;
    own_mem enum doctor_wrong *wrong = calloc(count + 1, sizeof(*wrong));
    struct cover c = {0};

    for (size_t i = 0; wrong != NULL && i < count; i++) {
        char *const *rule = rules->items + i * RULE_FIELDS;

        wrong[i] = judge(&c, rule, listens);
        cover(&c, rule);
    }
    return TAKE(wrong);
}
