/* dns_record.h: `account dns-record NAME`: what a person must publish for a certificate. */
#ifndef PGCERT_CLI_DNS_RECORD_H
#define PGCERT_CLI_DNS_RECORD_H

#include "cli/app.h"

/*
 * Prints the records which the challenge of the certificate's issuer wants published by a person,
 * as lines of a zone file; where pgcert publishes them itself, a line of comment says so.
 *
 * Errors: ERR_USAGE  no such certificate; ERR_INPUT  no account; and what acme_records_find() has
 */
MUST_USE bool dns_record_print(struct app *app, const char *name, struct err *e);

#endif
