/* test_prove.c: a server which changes its certificate after some connections, as a postmaster that
 * reloads when it finds the time. */
#include "reload/prove.h"

#include "base/dial.h"
#include "tests/fake/mint.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#define NOW 1800000000
#define YEAR (365 * 86400)

static struct minted old, new, other;
static const struct mint leaf = {
    .cn = "leaf", .names = "DNS:x.example", .from_s = NOW - YEAR, .until_s = NOW + YEAR};

static int
make_pairs(void **state)
{
    (void)state;
    old = mint(&leaf, NULL);
    new = mint(&leaf, NULL);
    other = mint(&leaf, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    return 0;
}

static int
free_pairs(void **state)
{
    (void)state;
    minted_done(&old);
    minted_done(&new);
    minted_done(&other);
    return 0;
}

/* A server, its port and its process. */
struct server {
    int port;
    pid_t pid;
};

static void
serve(int fd, int with_old)
{
    for (int i = 0;; i++) {
        const struct minted *m = i < with_old ? &old : &new;
        SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
        SSL *ssl = NULL;
        char request[8];
        int client = accept(fd, NULL, NULL);

        if (recv(client, request, sizeof(request), MSG_WAITALL) != 8 || write(client, "S", 1) != 1)
            _exit(1);
        (void)SSL_CTX_use_certificate(ctx, m->cert);
        (void)SSL_CTX_use_PrivateKey(ctx, m->key);
        ssl = SSL_new(ctx);
        (void)SSL_set_fd(ssl, client);
        (void)SSL_accept(ssl);
        SSL_free(ssl);
        SSL_CTX_free(ctx);
        (void)close(client);
    }
}

static struct server
start(int with_old)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct server s = {0};

    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    s.port = ntohs(a.sin_port);
    s.pid = fork();
    if (s.pid == 0)
        serve(fd, with_old);
    (void)close(fd);
    return s;
}

static void
stop(const struct server *s)
{
    (void)kill(s->pid, SIGKILL);
    (void)waitpid(s->pid, NULL, 0);
}

static struct chain
chain_of(const struct minted *m)
{
    return (struct chain){.certs = {m->cert}, .count = 1};
}

static void
the_new_certificate_is_waited_for(void **state)
{
    struct server s = start(5);
    struct addresses a = {0};
    struct chain wanted = chain_of(&new);
    struct proof p = {
        .addresses = &a, .chain = &wanted, .clock = &clock_system, .timeout_ms = 10000};
    struct served out = {0};
    char sha256[CERT_SHA256_TEXT];
    struct err e = {0};

    (void)state;
    assert_true(addresses_add(&a, "127.0.0.1", s.port, true, &e));
    assert_false(prove_once(&p, &out, &e));
    assert_int_equal(e.code, ERR_FOUND);
    assert_non_null(strstr(e.text, "another certificate"));
    assert_true(prove_until(&p, &out, &e));
    assert_int_equal(out.endpoint_count, 1);
    assert_null(out.endpoints[0].error);
    assert_true(cert_sha256(new.cert, sha256, &e));
    assert_string_equal(out.served_sha256, sha256);
    served_done(&out);
    addresses_done(&a);
    stop(&s);
}

static void
what_is_never_served_is_not_waited_for_for_ever(void **state)
{
    struct server s = start(0);
    struct addresses a = {0};
    struct chain wanted = chain_of(&other);
    struct proof p = {.addresses = &a, .chain = &wanted, .clock = &clock_system, .timeout_ms = 100};
    struct served out = {0};
    struct err e = {0};
    int64_t started_ms = clock_system.steady_ms(&clock_system);

    (void)state;
    assert_true(addresses_add(&a, "127.0.0.1", s.port, true, &e));
    assert_false(prove_until(&p, &out, &e));
    assert_int_equal(e.code, ERR_FOUND);
    assert_true(clock_system.steady_ms(&clock_system) - started_ms < 5000);
    assert_non_null(out.endpoints[0].error);
    served_done(&out);
    addresses_done(&a);
    stop(&s);
}

/* A port where nobody listens: one that was free a moment ago. */
static void
an_address_where_nobody_listens_counts_only_when_somebody_must(void **state)
{
    struct server here = start(0);
    struct server gone = start(0);
    struct chain wanted = chain_of(&new);
    struct err e = {0};

    (void)state;
    stop(&gone);
    for (int must = 0; must <= 1; must++) {
        struct addresses a = {0};
        struct proof p = {
            .addresses = &a, .chain = &wanted, .clock = &clock_system, .timeout_ms = 2000};
        struct served out = {0};

        assert_true(addresses_add(&a, "127.0.0.1", here.port, true, &e));
        assert_true(addresses_add(&a, "127.0.0.1", gone.port, must == 1, &e));
        assert_int_equal(prove_once(&p, &out, &e), must == 0);
        assert_int_equal(out.endpoint_count, must == 1 ? 2 : 1);
        served_done(&out);
        addresses_done(&a);
    }
    assert_int_equal(e.code, ERR_NETWORK);
    stop(&here);
}

static void
nobody_listening_anywhere_proves_nothing(void **state)
{
    struct server gone = start(0);
    struct addresses a = {0};
    struct chain wanted = chain_of(&new);
    struct proof p = {
        .addresses = &a, .chain = &wanted, .clock = &clock_system, .timeout_ms = 2000};
    struct served out = {0};
    struct err e = {0};

    (void)state;
    stop(&gone);
    assert_true(addresses_add(&a, "127.0.0.1", gone.port, false, &e));
    assert_false(prove_once(&p, &out, &e));
    assert_int_equal(e.code, ERR_NETWORK);
    assert_int_equal(out.endpoint_count, 1);
    served_done(&out);
    addresses_done(&a);
}

static void
the_whole_chain_counts(void **state)
{
    struct chain one = chain_of(&new);
    struct chain two = {.certs = {new.cert, old.cert}, .count = 2};
    struct chain twisted = {.certs = {new.cert, other.cert}, .count = 2};
    struct chain three = {.certs = {new.cert, old.cert, other.cert}, .count = 3};
    struct chain none = {0};

    (void)state;
    assert_true(prove_same(&one, &one));
    assert_true(prove_same(&two, &two));
    assert_false(prove_same(&one, &two)); /* an intermediate is missing */
    assert_false(prove_same(&twisted, &two));
    assert_false(prove_same(&three, &two));
    assert_true(prove_same(&two, &one)); /* OpenSSL adds an issuer it knows to a lone leaf */
    assert_false(prove_same(&none, &none));
}

static void
wildcards_stand_for_the_loopback_addresses(void **state)
{
    static const struct {
        const char *listen_addresses;
        const char *first, *last;
        size_t count;
    } cases[] = {
        {"*", "127.0.0.1:5432", "[::1]:5432", 2},
        {"0.0.0.0", "127.0.0.1:5432", "127.0.0.1:5432", 1},
        {"::", "[::1]:5432", "[::1]:5432", 1},
        {"192.0.2.1, 2001:db8::1", "192.0.2.1:5432", "[2001:db8::1]:5432", 2},
        {"*,127.0.0.1", "127.0.0.1:5432", "[::1]:5432", 2},
        {"", NULL, NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct addresses a = {0};
        struct err e = {0};

        assert_true(addresses_add_listened(&a, cases[i].listen_addresses, 5432, &e));
        assert_int_equal(a.count, cases[i].count);
        if (a.count > 0) {
            assert_string_equal(a.items[0].text, cases[i].first);
            assert_string_equal(a.items[a.count - 1].text, cases[i].last);
            assert_false(a.items[0].listens);
        }
        addresses_done(&a);
    }
}

/* The server is up, and serves what is wanted: it is not to blame. */
static void
whom_nobody_can_reach_for_us_is_not_to_blame(void **state)
{
    struct server s = start(0);
    struct addresses a = {0};
    struct chain wanted = chain_of(&new);
    struct proof p = {.addresses = &a, .chain = &wanted, .clock = &clock_system, .timeout_ms = 200};
    struct served out = {0};
    struct err e = {0};

    (void)state;
    assert_true(addresses_add(&a, "127.0.0.1", s.port, true, &e));
    dial_by(-1);
    assert_false(prove_until(&p, &out, &e));
    assert_int_equal(e.code, ERR_SYSTEM);
    assert_true(e.is_ours);
    stop(&s);
    served_done(&out);
    addresses_done(&a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_new_certificate_is_waited_for),
        cmocka_unit_test(what_is_never_served_is_not_waited_for_for_ever),
        cmocka_unit_test(an_address_where_nobody_listens_counts_only_when_somebody_must),
        cmocka_unit_test(nobody_listening_anywhere_proves_nothing),
        cmocka_unit_test(the_whole_chain_counts),
        cmocka_unit_test(wildcards_stand_for_the_loopback_addresses),
        cmocka_unit_test(whom_nobody_can_reach_for_us_is_not_to_blame), /* the last: it stays so */
    };

    return cmocka_run_group_tests(tests, make_pairs, free_pairs);
}
