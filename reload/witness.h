/* witness.h: has another process ask what servers serve, where there is one (reload.h). */
#ifndef PGCERT_RELOAD_WITNESS_H
#define PGCERT_RELOAD_WITNESS_H

#include "reload/prove.h"

/*
 * As prove_once() or prove_until(), by the other process.
 *
 * Gives:  out     as prove_once() has it
 *         proved  false: `e` says why
 * False: nobody answered, or not as a process of ours does; nothing was given
 */
MUST_USE bool witness_ask(const struct proof *p, bool once, struct served *out, bool *proved,
                          struct err *e);

#endif
