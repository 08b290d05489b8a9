/* chance.c: random numbers from the kernel. */
#include "cli/chance.h"

#include <sys/random.h>

uint64_t
chance(void)
{
    uint64_t random = 0;

    return getrandom(&random, sizeof(random), GRND_NONBLOCK) == (ssize_t)sizeof(random) ? random
                                                                                        : 0;
}

int64_t
chance_between(int64_t from_s, int64_t until_s, uint64_t random)
{
    if (until_s <= from_s)
        return from_s;
    /* a span of seconds is so much smaller than 2^64 that all of them are equally likely */
    return from_s + (int64_t)(random % ((uint64_t)until_s - (uint64_t)from_s));
}
