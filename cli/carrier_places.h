/* carrier_places.h: which files the carrier may open. */
#ifndef PGCERT_CLI_CARRIER_PLACES_H
#define PGCERT_CLI_CARRIER_PLACES_H

#include "cli/app.h"

/*
 * Confines this process to what errands need: accounts, records and orders to be written; what the
 * settings of issuers and providers name, and what every program has, to be read. Where a provider
 * runs programs, these may read everything but keys, and write where programs do.
 *
 * Takes:  deployed  files of keys that servers have
 * Errors: ERR_SYSTEM
 */
MUST_USE bool carrier_places_confine(const struct app *app, const struct list *deployed,
                                     struct err *e);

#endif
