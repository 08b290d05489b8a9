/* page_style.h: how the page of status looks. */
#ifndef PGCERT_CLI_PAGE_STYLE_H
#define PGCERT_CLI_PAGE_STYLE_H

#include "base/str.h"

/* Appends CSS, whole; it asks nobody for anything. False when memory ran out. */
MUST_USE bool page_style_add(struct str *out);

#endif
