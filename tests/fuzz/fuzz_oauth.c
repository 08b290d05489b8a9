/* fuzz_oauth.c: any bytes as the answer of a token endpoint; the first one says the status. */
#include "tests/fuzz/fuzz.h"

#include "acme/oauth.h"

#include <string.h>

static const uint8_t *bytes;
static size_t byte_count;

static bool
answer(struct http *h, const struct http_request *request, struct http_response *out, struct err *e)
{
    static const int statuses[] = {200, 400, 401, 500};

    (void)h;
    MUST(request->headers == NULL || request->headers[0] == NULL);
    out->status = statuses[byte_count == 0 ? 0 : bytes[0] % COUNT(statuses)];
    return byte_count < 2 || str_add(&out->body, bytes + 1, byte_count - 1) || err_memory(e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct oauth_hint hints[] = {{"AADSTS", "a hint"}, {NULL, NULL}};
    const struct oauth_request request = {
        .url = "https://login.test/token", .form = "a=b", .secret = "secret", .hints = hints};
    char name[] = "fuzz";
    struct http http = {.send = answer};
    struct dns d = {.name = name, .clock = &clock_system, .config = {.timeout_s = 0}};
    struct rest r = {
        .d = &d, .http = &http, .token_file = "/secret", .endpoint = "https://api.test"};
    struct oauth o = {0};
    struct err e = {0};

    bytes = data;
    byte_count = size;
    rest_begin(&r);
    if (oauth_ask(&o, &r, &request, &e)) {
        MUST(r.token != NULL && r.token[0] != '\0' && o.until_ms > 0);
        for (const char *at = r.token; *at != '\0'; at++)
            MUST(*at > ' ' && *at <= '~');
    } else {
        MUST(e.code == ERR_PERMISSION || e.code == ERR_NETWORK || e.code == ERR_PROTOCOL);
        MUST(r.token == NULL && strstr(e.text, "secret") == strstr(e.text, "secret'"));
    }
    str_done(&r.header);
    return 0;
}
