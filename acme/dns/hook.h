/* hook.h: what the providers that run programs share: is the program to be trusted, its settings.
 */
#ifndef PGCERT_ACME_DNS_HOOK_H
#define PGCERT_ACME_DNS_HOOK_H

#include "acme/dns.h"
#include "base/str.h"

/*
 * Judges a program that will be run with our rights: nobody but root and we may be able to change
 * it, or to put another one in its place.
 *
 * Gives:  resolved  its path without symbolic links, the caller's to free
 * Errors: ERR_CONFIG      there is no such file, or it is not a regular one
 *         ERR_PERMISSION  somebody else owns it or may write it, or a directory above it
 */
MUST_USE bool hook_check(const char *path, char **resolved, struct err *e);

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
