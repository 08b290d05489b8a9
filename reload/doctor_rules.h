/* doctor_rules.h: what the rules of pg_hba.conf let in that somebody would regret. */
#ifndef PGCERT_RELOAD_DOCTOR_RULES_H
#define PGCERT_RELOAD_DOCTOR_RULES_H

#include "base/str.h"

/* What is wrong with a rule; the first that applies. */
enum doctor_wrong {
    RULE_FINE,
    RULE_TRUST,      /* whoever comes is whoever he says */
    RULE_READABLE,   /* a password in clear, without TLS */
    RULE_PLAIN,      /* without TLS */
    RULE_TRUST_HERE, /* trust for whoever is on this machine */
    RULE_WRONGS,
};

/*
 * Judges the rules in order, as the server takes the first that fits.
 *
 * Takes:  rules      flat, RULE_FIELDS each (reload/doctor.h)
 *         listens    ssl and beyond: the server listens on more than the loopback interface
 * Gives:  wrong      one for each rule; free() it
 * NULL: out of memory.
 * Source: PostgreSQL's manual, "The pg_hba.conf File"
 */
MUST_USE enum doctor_wrong *doctor_rules_judge(const struct list *rules, bool listens);

/* Does a server with these listen_addresses listen on more than the loopback interface? */
bool doctor_rules_listens(const char *listen_addresses);

#endif
