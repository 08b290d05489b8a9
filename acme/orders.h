/* orders.h: the list of an account's orders (RFC 8555 section 7.1.2.1). */
#ifndef PGCERT_ACME_ORDERS_H
#define PGCERT_ACME_ORDERS_H

#include "acme/acme.h"
#include "acme/client.h"

#define ORDERS_MAX 50 /* each one costs a request */
#define ORDERS_PAGES_MAX 20

/*
 * Reads the list at out->orders page by page, and each order in it.
 *
 * Gives:  out  order_list, order_count, orders_cut; also half filled after a failure
 * Errors: ERR_PROTOCOL  what came is no list, or no order; and what client_post() has
 */
MUST_USE bool orders_read(struct acme_account *out, struct client *c, struct err *e);

void orders_done(struct acme_account *out);

#endif
