/* fuzz.h: what a fuzzer needs besides the code under test. */
#ifndef PGCERT_TESTS_FUZZ_FUZZ_H
#define PGCERT_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* libFuzzer calls it with each input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Something that must hold for every input. */
#define MUST(truth)                                                                                \
    do {                                                                                           \
        if (!(truth))                                                                              \
            abort();                                                                               \
    } while (0)

#endif
