/* reaper.h: what the first process of a container has to do besides its own work. */
#ifndef PGCERT_BASE_REAPER_H
#define PGCERT_BASE_REAPER_H

#include "base/own.h"

#include <stdbool.h>

/*
 * As process 1 of its namespace: lets a child do the work, hands signals on to it (the kernel drops
 * those to process 1 that it does not handle), and reaps whoever has lost his parent.
 *
 * Gives:  status  to exit with: the child's, 128 and the signal's number when one ended it
 * False:  go on with the work: in that child, and wherever this is not process 1
 * Source: pid_namespaces(7), "The namespace init process"
 */
MUST_USE bool reaper_stay(int *status);

#endif
