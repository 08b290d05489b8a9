/* test_http.c: what can be said of requests without a server; Retry-After. tests/fault has servers.
 */
#include "base/http.h"

#include "base/clock.h"

#include "tests/fake/clock.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

/* ---- Retry-After ---- */

/* The date of the three examples in RFC 9110 section 5.6.7, by: date -u -d '1994-11-06 08:49:37'
 * +%s */
#define EXAMPLE INT64_C(784111777)
#define NOW (EXAMPLE - 100)
#define WEEK (7 * 24 * 3600)

static void
retry_after_is_seconds_or_one_of_three_dates(void **state)
{
    /* clang-format off */
    static const struct {
        const char *value;
        int64_t at_s;
    } rows[] = {
        {"0",                              NOW},
        {"120",                            NOW + 120},     /* RFC 9110 section 10.2.3 */
        {"007",                            NOW + 7},
        {"Sun, 06 Nov 1994 08:49:37 GMT",  EXAMPLE},       /* IMF-fixdate */
        {"Sunday, 06-Nov-94 08:49:37 GMT", EXAMPLE},       /* RFC 850 */
        {"Sun Nov  6 08:49:37 1994",       EXAMPLE},       /* asctime() */
        {"Sun, 06 Nov 1994 08:47:00 GMT",  NOW},           /* past: now */
        {"Thu, 01 Jan 1970 00:00:01 GMT",  NOW},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (http_retry_at(rows[i].value, NOW) != rows[i].at_s)
            fail_msg("'%s': %lld", rows[i].value, (long long)http_retry_at(rows[i].value, NOW));
}

static void
absurd_advice_is_at_most_a_week(void **state)
{
    static const char *const rows[] = {
        "604801",
        "999999999",
        "1000000000",
        "99999999999999999999999999",
        "Mon, 14 Nov 1994 08:49:37 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
    };

    (void)state;
    assert_int_equal(http_retry_at("604800", NOW), NOW + WEEK);
    for (size_t i = 0; i < COUNT(rows); i++)
        if (http_retry_at(rows[i], NOW) != NOW + WEEK)
            fail_msg("'%s': %lld", rows[i], (long long)http_retry_at(rows[i], NOW));
}

static void
junk_is_no_advice(void **state)
{
    static const char *const rows[] = {
        "",           " ", "soon", "-5",       "1.5",
        "12 monkeys", "x", "1e9",  "\xff\xfe", "Sun, 99 Nov 1994 08:49:37 GMT"};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (http_retry_at(rows[i], NOW) != 0)
            fail_msg("'%s': %lld", rows[i], (long long)http_retry_at(rows[i], NOW));
}

/* ---- requests ---- */

static enum err_code
get(const char *ca_file, const char *url, int64_t *connects)
{
    struct err e = {0};
    struct http *h = http_new(ca_file, &clock_system, &e);
    struct http_request request = {.method = "GET", .url = url};
    own_http_response struct http_response response = {0};

    assert_non_null(h);
    assert_false(h->send(h, &request, &response, &e));
    assert_non_null(strstr(e.text, url));
    *connects = h->connect_count;
    http_free(h);
    return e.code;
}

static void
what_is_not_https_is_refused_before_anybody_is_asked(void **state)
{
    static const char *const rows[] = {
        "http://127.0.0.1/dir",
        "HTTP://127.0.0.1/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "//127.0.0.1/",
        "/dir",
        "",
        "https:/127.0.0.1",
        " https://127.0.0.1/",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t connects = -1;

        if (get(NULL, rows[i], &connects) != ERR_PROTOCOL || connects != 0)
            fail_msg("'%s' was asked", rows[i]);
    }
}

static void
a_url_of_a_server_is_https_and_printable(void **state)
{
    static const char *const good[] = {"https://a", "HTTPS://ca.test:14000/x?y#z",
                                       "https://[::1]/"};
    static const char *const bad[] = {
        "",
        "https://",
        "https:///x",
        "http://a",
        "//a",
        "/x",
        "https:/a",
        " https://a",
        "https://a b",
        "https://a\n",
        "https://a\x1b[2J",
        "https://\xc3\xa9",
        "https://a\x7f",
    };
    char url[2050] = "https://";

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(http_is_https(good[i]));
    for (size_t i = 0; i < COUNT(bad); i++)
        if (http_is_https(bad[i]))
            fail_msg("'%s'", bad[i]);
    memset(url + 8, 'a', sizeof(url) - 9);
    assert_false(http_is_https(url));
    url[2048] = '\0';
    assert_true(http_is_https(url));
}

/* A socket at a free port of 127.0.0.1, and the URL of it. */
static int
local_socket(char url[static 64])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    assert_true(snprintf(url, 64, "https://127.0.0.1:%d/dir", ntohs(a.sin_port)) > 0);
    return fd;
}

static void
a_server_that_is_down_is_an_error_of_the_network(void **state)
{
    char url[64];
    own_fd int fd = local_socket(url); /* bound, but nobody listens */
    int64_t connects = 0;

    (void)state;
    (void)unsetenv("https_proxy");
    assert_true(fd >= 0);
    assert_int_equal(get(NULL, url, &connects), ERR_NETWORK);
}

static void
a_ca_file_that_cannot_be_read_is_a_wrong_setting(void **state)
{
    char url[64];
    own_fd int fd = local_socket(url);
    int64_t connects = 0;

    (void)state;
    (void)unsetenv("https_proxy");
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(get("/nonexistent/ca.pem", url, &connects), ERR_CONFIG);
}

static void
plain_http_is_for_addresses_of_this_machine(void **state)
{
    static const struct {
        const char *url;
        bool is_loopback;
    } rows[] = {
        {"http://127.0.0.1:8081/api", true},
        {"http://127.0.0.1", true},
        {"http://127.255.0.3/", true},
        {"http://[::1]:8081", true},
        {"http://[::1]/", true},
        {"https://127.0.0.1/", false},
        {"http://localhost:8081/", false},
        {"http://128.0.0.1/", false},
        {"http://127.0.0.1:80@192.0.2.1/", false},
        {"http://127.0.0.1@192.0.2.1/", false},
        {"http://127.0.0.1.example.org/", false},
        {"http://127.0.0.1?/", false},
        {"http://127.1/", false},
        {"http://[::1].example.org/", false},
        {"http://[::2]/", false},
        {"http:///127.0.0.1", false},
        {"http://", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (http_is_loopback(rows[i].url) != rows[i].is_loopback)
            fail_msg("'%s'", rows[i].url);
}

static void
the_metadata_service_is_at_two_addresses_on_port_80(void **state)
{
    static const struct {
        const char *url;
        bool is_metadata;
    } rows[] = {
        {"http://169.254.169.254", true},
        {"http://169.254.169.254/latest/api/token", true},
        {"http://[fd00:ec2::254]/latest", true},
        {"https://169.254.169.254/", false},
        {"http://169.254.169.254:80/", false},
        {"http://169.254.169.254@192.0.2.1/", false},
        {"http://169.254.169.254.example.org/", false},
        {"http://169.254.169.2541/", false},
        {"http://169.254.169.253/", false},
        {"http://192.0.2.1/169.254.169.254", false},
        {"http://[fd00:ec2::255]/", false},
        {"http://[fd00:ec2::254]x/", false},
        {"http://127.0.0.1/", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (http_is_metadata(rows[i].url) != rows[i].is_metadata)
            fail_msg("'%s'", rows[i].url);
}

static void
plain_http_goes_nowhere_unless_it_is_said_where(void **state)
{
    static const struct http_request rows[] = {
        {.method = "GET", .url = "http://169.254.169.254/"},
        {.method = "GET", .url = "http://169.254.169.254/", .plain_loopback = true},
        {.method = "GET", .url = "http://127.0.0.1:9/"},
        {.method = "GET", .url = "http://127.0.0.1:9/", .plain_metadata = true},
        {.method = "GET", .url = "http://169.254.169.254:80/", .plain_metadata = true},
    };
    struct fake_clock clock = fake_clock_at(1700000000);
    struct err e = {0};
    struct http *h = http_new(NULL, &clock.base, &e);

    (void)state;
    assert_non_null(h);
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_http_response struct http_response out = {0};

        e = (struct err){0};
        assert_false(h->send(h, &rows[i], &out, &e));
        assert_int_equal(e.code, ERR_PROTOCOL);
        assert_non_null(strstr(e.text, "not an https URL"));
    }
    http_free(h);
}

static void
the_first_header_of_a_name_counts(void **state)
{
    struct http_response r = {0};

    (void)state;
    assert_null(http_header(&r, "location"));
    r.headers = calloc(3, sizeof(*r.headers));
    assert_non_null(r.headers);
    for (; r.header_count < 3; r.header_count++) {
        r.headers[r.header_count].name = strdup(r.header_count == 0 ? "link" : "location");
        r.headers[r.header_count].value = strdup(r.header_count == 1 ? "first" : "other");
    }
    assert_string_equal(http_header(&r, "location"), "first");
    assert_null(http_header(&r, "locat"));
    assert_null(http_header(&r, "Location")); /* asked for in lower case */
    http_response_done(&r);
    assert_null(r.headers);
    http_response_done(&r);
    http_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retry_after_is_seconds_or_one_of_three_dates),
        cmocka_unit_test(absurd_advice_is_at_most_a_week),
        cmocka_unit_test(junk_is_no_advice),
        cmocka_unit_test(what_is_not_https_is_refused_before_anybody_is_asked),
        cmocka_unit_test(a_url_of_a_server_is_https_and_printable),
        cmocka_unit_test(a_server_that_is_down_is_an_error_of_the_network),
        cmocka_unit_test(a_ca_file_that_cannot_be_read_is_a_wrong_setting),
        cmocka_unit_test(plain_http_is_for_addresses_of_this_machine),
        cmocka_unit_test(the_metadata_service_is_at_two_addresses_on_port_80),
        cmocka_unit_test(plain_http_goes_nowhere_unless_it_is_said_where),
        cmocka_unit_test(the_first_header_of_a_name_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
