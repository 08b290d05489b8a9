/* page_worry.h: what is wrong, in words: what, since when, and what to do. */
#ifndef PGCERT_CLI_PAGE_WORRY_H
#define PGCERT_CLI_PAGE_WORRY_H

#include "cli/page_facts.h"

/* Judges all that was gathered; the worst comes first. That memory ran out is noted in `f`. */
void page_worry_all(struct page_facts *f);

#endif
