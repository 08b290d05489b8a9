/* fuzz_proofs.c: any bytes in STATE/targets; what is taken has its form, and reads the same again.
 */
#include "tests/fuzz/fuzz.h"

#include "cli/proofs.h"

#include <string.h>

/* What may be said of one target. */
static void
check(const char *target, const struct json_t *entry)
{
    const char *file = json_member_text(entry, "file");
    const char *sha256 = json_member_text(entry, "sha256");
    const struct json_t *files = json_member(entry, "files");

    MUST(strpbrk(target, "\n\r\t\033") == NULL);
    MUST(file == NULL || (file[0] == '/' && strpbrk(file, "\n\r\t\033") == NULL));
    MUST(file != NULL || (sha256 == NULL && files == NULL));
    MUST(sha256 == NULL || (strlen(sha256) == 64 && strspn(sha256, "0123456789abcdef") == 64));
    MUST(files == NULL || (json_count(files) > 0 && json_count(files) <= PROOFS_FILES_MAX));
    for (size_t i = 0; files != NULL && i < json_count(files); i++) {
        MUST(json_member_text(json_item(files, i), "path")[0] == '/');
        MUST(strlen(json_member_text(json_item(files, i), "sha256")) == 64);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    own_json struct json_t *targets = proofs_parse((const char *)data, size, &e);
    own_json struct json_t *whole = json_new_object();
    own_json struct json_t *again = NULL;
    own_mem char *text = NULL, *one = NULL, *other = NULL;
    const char *target = NULL;
    const struct json_t *entry = NULL;
    void *cursor = NULL;
    size_t count = 0;

    if (targets == NULL) {
        MUST(e.code == ERR_INPUT);
        return 0;
    }
    while (json_each(targets, &cursor, &target, &entry)) {
        check(target, entry);
        count++;
    }
    MUST(count <= PROOFS_TARGETS_MAX);
    json_put(whole, "targets", json_keep(targets));
    text = json_encode(whole);
    MUST(text != NULL);
    if (strlen(text) > PROOFS_SIZE_MAX)
        return 0;
    again = proofs_parse(text, strlen(text), &e);
    MUST(again != NULL);
    one = json_encode(targets);
    other = json_encode(again);
    MUST(one != NULL && other != NULL && strcmp(one, other) == 0);
    return 0;
}
