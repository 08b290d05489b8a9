/* crl_report.h: the CRLs of a file, for people and as JSON. */
#ifndef PGCERT_CLI_CRL_REPORT_H
#define PGCERT_CLI_CRL_REPORT_H

#include "base/json.h"
#include "ca/ca.h"

/* Adds a sentence for everything that is wrong with them now. False: out of memory. */
MUST_USE bool crl_report_judge(const struct ca_crls *crls, int64_t now_s, struct list *problems);

/* Lines on standard output: whose each is, its number, until when. */
void crl_report_print(const struct ca_crls *crls, int64_t now_s);

/* The same as an array. NULL: out of memory. */
MUST_USE struct json_t *crl_report_json(const struct ca_crls *crls);

#endif
