/* chance.h: random numbers, so that many hosts do not come at the same moment. */
#ifndef PGCERT_CLI_CHANCE_H
#define PGCERT_CLI_CHANCE_H

#include <stdint.h>

/* From the kernel (getrandom(2)); 0 where it has none to give. */
uint64_t chance(void);

/* A moment from from_s up to, but not at, until_s, by that random number; from_s when there is no
 * time between the two. */
int64_t chance_between(int64_t from_s, int64_t until_s, uint64_t random);

#endif
