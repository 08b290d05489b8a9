/* option_value.h: one value of a setting: text to field and back to nothing. For option.c only. */
#ifndef PGCERT_BASE_OPTION_VALUE_H
#define PGCERT_BASE_OPTION_VALUE_H

#include "base/option.h"

/*
 * Reads a value, which is not empty, into its field.
 *
 * Takes:  field  zeroed, of the type that enum option_type tells
 * Errors: ERR_CONFIG  a sentence about the value alone
 */
MUST_USE bool option_value_set(const struct option *o, const char *text, void *field,
                               struct err *why);

/* True for texts and lists: `name =` makes them empty. Others then have their default. */
bool option_value_can_be_empty(const struct option *o);

/* Frees what the field holds and zeroes it. */
void option_value_free(const struct option *o, void *field);

#endif
