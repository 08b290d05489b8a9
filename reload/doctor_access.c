/* doctor_access.c: who gets in without TLS, and how good TLS is. */
#include "reload/doctor.h"
#include "reload/doctor_rules.h"

#include <string.h>
#include <strings.h>

/* clang-format off */
static const struct {
    enum finding_kind kind;
    const char *what, *remedy;
} wrongs[RULE_WRONGS] = {
    [RULE_FINE]       = {FINDING_NOTE, NULL, NULL},
    [RULE_TRUST]      = {FINDING_BAD,
                         "whoever comes from there is let in as whatever role he names, without a password",
                         "write scram-sha-256 in place of trust, and hostssl in place of host"},
    [RULE_READABLE]   = {FINDING_BAD,
                         "passwords cross the network in clear, for a client decides whether it uses TLS",
                         "write hostssl in place of host; who is connected without TLS: SELECT usename, client_addr "
                         "FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE NOT ssl"},
    [RULE_PLAIN]      = {FINDING_WARNING,
                         "clients get in without TLS, and whoever sits between reads and changes what they say",
                         "write hostssl in place of host; who is connected without TLS: SELECT usename, client_addr "
                         "FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE NOT ssl"},
    [RULE_TRUST_HERE] = {FINDING_NOTE,
                         "whoever is on this machine is let in as whatever role he names",
                         "write scram-sha-256 in place of trust"},
};
/* clang-format on */

/* One finding for all rules with the same fault, which names the first. */
static void
find_wrong(const struct examination *x, const enum doctor_wrong *all, enum doctor_wrong which,
           struct findings *f)
{
    const struct list *rules = &x->facts.rules;
    char *const *first = NULL;
    size_t more = 0;
    char others[48] = "";

    for (size_t i = 0; i < rules->count / RULE_FIELDS; i++) {
        if (all[i] != which)
            continue;
        more += first == NULL ? 0 : 1;
        first = first == NULL ? rules->items + i * RULE_FIELDS : first;
    }
    if (first == NULL)
        return;
    if (more > 0)
        (void)snprintf(others, sizeof(others), " (and %zu more like it)", more);
    finding_add(f, wrongs[which].kind, x->target->name, "%s: '%s %s %s %s%s%s %s'%s: %s",
                first[RULE_WHERE], first[RULE_TYPE], first[RULE_DATABASE], first[RULE_USER],
                first[RULE_ADDRESS], first[RULE_NETMASK][0] == '\0' ? "" : " ", first[RULE_NETMASK],
                first[RULE_METHOD], others, wrongs[which].what);
    finding_remedy(f, "%s; then: SELECT pg_reload_conf()", wrongs[which].remedy);
}

void
reload_find_access(const struct examination *x, struct findings *f)
{
    bool listens = doctor_rules_listens(doctor_setting(&x->facts, "listen_addresses").now);
    own_mem enum doctor_wrong *all = NULL;

    if (!x->is_asked || !doctor_is_on(doctor_setting(&x->facts, "ssl").now))
        return;
    all = doctor_rules_judge(&x->facts.rules, listens);
    f->is_short = f->is_short || all == NULL;
    for (int which = RULE_FINE + 1; all != NULL && which < RULE_WRONGS; which++)
        find_wrong(x, all, (enum doctor_wrong)which, f);
}

/* ---- TLS itself ---- */

static void
find_protocol(const struct examination *x, struct findings *f)
{
    const char *least = doctor_setting(&x->facts, "ssl_min_protocol_version").now;

    if (strcasecmp(least, "TLSv1.2") == 0 || strcasecmp(least, "TLSv1.3") == 0)
        return;
    finding_add(f, FINDING_WARNING, x->target->name,
                "ssl_min_protocol_version = '%s' lets clients use a TLS that is broken", least);
    finding_remedy(f, "ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1.2'; then: SELECT "
                      "pg_reload_conf()");
}

void
reload_find_tls(const struct examination *x, struct findings *f)
{
    if (!x->is_asked || !doctor_is_on(doctor_setting(&x->facts, "ssl").now))
        return;
    find_protocol(x, f);
    if (strcmp(doctor_setting(&x->facts, "password_encryption").now, "md5") == 0) {
        finding_add(f, FINDING_NOTE, x->target->name,
                    "password_encryption = md5: no channel binding, so a client that does not "
                    "verify the certificate can be listened in on");
        finding_remedy(f, "ALTER SYSTEM SET password_encryption = 'scram-sha-256', and set the "
                          "passwords anew");
    }
    if (doctor_is_on(doctor_setting(&x->facts, "ssl_sni").now)) {
        finding_add(f, FINDING_NOTE, x->target->name,
                    "ssl_sni is on: pgcert keeps the certificate of ssl_cert_file, and not those "
                    "of '%s'",
                    doctor_setting(&x->facts, "hosts_file").now);
        finding_remedy(f, "have another tool renew those, or put all names into one certificate");
    }
}
