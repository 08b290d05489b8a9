/* hook.h: what the providers that run programs share: its settings, and what it may be given. */
#ifndef PGCERT_ACME_DNS_HOOK_H
#define PGCERT_ACME_DNS_HOOK_H

#include "acme/dns.h"
#include "base/str.h"

/*
 * Reads a secret file of settings: NAME=value a line, the value as it is or in quotes; '#' begins
 * a comment line. Nothing is expanded.
 *
 * Gives:  settings  the lines, each name once, added
 *         secrets   the values, added
 * Errors: ERR_CONFIG  a line is something else; as file_read_secret()
 */
MUST_USE bool hook_read_settings(const char *path, struct list *settings, struct list *secrets,
                                 struct err *e);

/*
 * Judges the values of a record, which become arguments and the environment of a program.
 *
 * Errors: ERR_PROTOCOL  the value or token is not base64url, or a name has other characters than a
 *                       DNS name
 */
MUST_USE bool hook_check_record(const struct dns_txt *record, struct err *e);

#endif
