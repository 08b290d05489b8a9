/* holders.h: certificates of clients by who holds them: of several, the last one to end counts. */
#ifndef PGCERT_CLI_HOLDERS_H
#define PGCERT_CLI_HOLDERS_H

#include "ca/ca.h"

/* By tenant and user, and of one user's the last to end comes last. */
void holders_sort(struct ca_list *list);

/* Strings as struct ca_issued has them; NULL: no tenant. */
bool holders_is_tenant(const char *a, const char *b);

/* Is it valid, and nobody's later one? Who has a later one is not locked out when this one ends.
 * The list is sorted. */
bool holders_is_last(const struct ca_list *list, size_t at);

#endif
