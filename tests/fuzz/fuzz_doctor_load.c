/* fuzz_doctor_load.c: any bytes as the files that a server's settings name. */
#include "tests/fuzz/fuzz.h"

#include "reload/doctor_load.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    own_str struct str file = {0};
    struct doctor_load l = {&file, &file, &file, &file, "", ""};
    const char *setting = NULL;
    bool encrypted = false;
    struct err e = {0};

    MUST(size == 0 || str_add(&file, bytes, size));
    if (!doctor_load_try(&l, &setting, &encrypted, &e))
        MUST(e.code == ERR_INPUT && setting != NULL);
    return 0;
}
