/* fuzz_doctor_hooktext.c: scripts and crontabs of whatever content. */
#include "tests/fuzz/fuzz.h"

#include "cli/doctor_hooktext.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct doctor_hooktext seen = doctor_hooktext_judge((const char *)bytes, size);
    int lines = 1;

    for (size_t i = 0; i < size; i++)
        lines += bytes[i] == '\n' ? 1 : 0;
    MUST((seen.does == HOOKTEXT_NOTHING) == (seen.line == 0));
    MUST(seen.line >= 0 && seen.line <= lines);
    return 0;
}
