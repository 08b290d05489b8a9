/* doctor_report.h: findings for people and as JSON. */
#ifndef PGCERT_CLI_DOCTOR_REPORT_H
#define PGCERT_CLI_DOCTOR_REPORT_H

#include "base/json.h"
#include "cli/doctor.h"

/* The worst first, each with its remedy, at most 80 columns where words allow it; then what was
 * fine, and a count. Notes only on demand. */
void doctor_report_print(const struct findings *f, const struct list *names, bool with_notes);

/* {"findings": [...], "looked_at": [...]}. NULL: out of memory. */
MUST_USE struct json_t *doctor_report_json(const struct findings *f, const struct list *names);

/* The checks, one a line. */
void doctor_report_checks(void);

#endif
