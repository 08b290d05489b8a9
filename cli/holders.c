/* holders.c: an order of certificates, and the last of each. */
#include "cli/holders.h"

#include <stdlib.h>
#include <string.h>

static int
compare_texts(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

static int
by_user(const void *a, const void *b)
{
    const struct ca_issued *x = a, *y = b;
    int order = compare_texts(x->tenant, y->tenant);

    if (order == 0)
        order = strcmp(x->name, y->name);
    return order != 0                        ? order
           : x->not_after_s < y->not_after_s ? -1
                                             : x->not_after_s > y->not_after_s;
}

void
holders_sort(struct ca_list *list)
{
    if (list->count > 1)
        qsort(list->items, list->count, sizeof(*list->items), by_user);
}

bool
holders_is_tenant(const char *a, const char *b)
{
    return compare_texts(a, b) == 0;
}

static bool
is_valid(const struct ca_issued *one)
{
    return strcmp(one->state, "valid") == 0;
}

bool
holders_is_last(const struct ca_list *list, size_t at)
{
    const struct ca_issued *one = &list->items[at];

    for (size_t i = at + 1; is_valid(one) && i < list->count; i++) {
        const struct ca_issued *other = &list->items[i];

        if (!holders_is_tenant(one->tenant, other->tenant) || strcmp(one->name, other->name) != 0)
            return true;
        if (is_valid(other))
            return false;
    }
    return is_valid(one);
}
