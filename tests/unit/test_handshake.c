/* test_handshake.c: what a server may answer to an SSLRequest, from the protocol's documentation
 * (PostgreSQL, "Message Flow", "SSL Session Encryption") and beyond it. */
#include "reload/handshake.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Plays a server that has sent `answer` already; `stays`: and then is silent. */
static void
play(const char *answer, size_t size, bool stays, enum err_code code, const char *why)
{
    struct err e = {0};
    SSL_CTX *ctx = handshake_context(&e);
    struct handshake h = {.how = PROBE_POSTGRES, .fd = -1};
    unsigned char asked[8];
    int64_t now_ms = clock_system.steady_ms(&clock_system);
    int ends[2];

    assert_non_null(ctx);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    assert_int_equal(write(ends[1], answer, size), (ssize_t)size);
    if (!stays)
        assert_int_equal(shutdown(ends[1], SHUT_WR), 0);
    handshake_adopt(&h, ctx, ends[0]);
    handshake_run(&h, 1, now_ms + (stays ? 20 : 2000), &clock_system);
    assert_true(h.over);
    assert_int_equal(read(ends[1], asked, sizeof(asked)), 8);
    /* SSLRequest: length 8, code 80877103 = 1234 << 16 | 5679 */
    assert_memory_equal(asked, "\0\0\0\x08\x04\xd2\x16\x2f", 8);
    if (h.e.code != code || strstr(h.e.text, why) == NULL)
        fail_msg("\"%s\" (%d) does not say \"%s\" (%d)", h.e.text, h.e.code, why, code);
    handshake_done(&h);
    (void)close(ends[1]);
    SSL_CTX_free(ctx);
}

#define SAYS(text) text, sizeof(text) - 1

static void
no_is_a_server_without_tls(void **state)
{
    (void)state;
    play(SAYS("N"), true, ERR_FOUND, "ssl is off");
}

static void
an_error_response_is_quoted(void **state)
{
    (void)state;
    play(SAYS("E\0\0\0\x2fSFATAL\0VFATAL\0C53300\0Mtoo many clients\0\0"), false, ERR_NETWORK,
         "refuses: too many clients");
    /* the form before protocol 3, used when no process can be started */
    play(SAYS("Ecould not fork new process\n"), false, ERR_NETWORK, "refuses: could not fork");
}

static void
an_error_response_that_is_broken_does_no_harm(void **state)
{
    (void)state;
    play(SAYS("E"), false, ERR_NETWORK, "refuses");
    play(SAYS("E\0\0\0"), false, ERR_NETWORK, "refuses");
    play(SAYS("E\0\0\0\x40M"), false, ERR_NETWORK, "refuses");
    play(SAYS("E\0\0\0\x40Mno end"), false, ERR_NETWORK, "refuses");
    play(SAYS("E\0\0\0\x40SFATAL"), false, ERR_NETWORK, "refuses");
    play(SAYS("E\0\0"), true, ERR_TIMEOUT, "does not end it");
}

static void
an_endless_error_is_cut_off(void **state)
{
    char endless[3000];

    (void)state;
    memset(endless, 'x', sizeof(endless));
    endless[0] = 'E';
    play(endless, sizeof(endless), true, ERR_NETWORK, "refuses: xxx");
}

static void
another_protocol_is_told(void **state)
{
    (void)state;
    play(SAYS("HTTP/1.1 400 Bad Request\r\n"), false, ERR_PROTOCOL, "byte 0x48");
    play(SAYS("\0"), false, ERR_PROTOCOL, "byte 0x00");
}

static void
silence_and_hanging_up_are_told_apart(void **state)
{
    (void)state;
    play(SAYS(""), true, ERR_TIMEOUT, "is silent");
    play(SAYS(""), false, ERR_PROTOCOL, "closes the connection");
}

static void
yes_without_tls_is_told(void **state)
{
    (void)state;
    play(SAYS("Sgarbage, not TLS"), false, ERR_PROTOCOL, "TLS handshake");
    play(SAYS("S"), true, ERR_TIMEOUT, "TLS handshake within the time");
    play(SAYS("S"), false, ERR_PROTOCOL, "TLS handshake");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_is_a_server_without_tls),
        cmocka_unit_test(an_error_response_is_quoted),
        cmocka_unit_test(an_error_response_that_is_broken_does_no_harm),
        cmocka_unit_test(an_endless_error_is_cut_off),
        cmocka_unit_test(another_protocol_is_told),
        cmocka_unit_test(silence_and_hanging_up_are_told_apart),
        cmocka_unit_test(yes_without_tls_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
