/* test_key.c: private keys. The PEM texts were made by openssl(1) 3.0. */
#include "base/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* openssl ecparam -genkey -name prime256v1 (with its parameters before it) */
static const char traditional[] =
    "-----BEGIN EC PARAMETERS-----\n"
    "BggqhkjOPQMBBw==\n"
    "-----END EC PARAMETERS-----\n"
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEIGlACsU3l+AJ9TbrVMz6t41X+2wSix3tgV+mlWYzaechoAoGCCqGSM49\n"
    "AwEHoUQDQgAEqUZDwtQRd7vpGODSA6IG0ydRxCTa2XIq/gS7ev9KDkSARogJaOa3\n"
    "fOdjyh/21lwsBLeqGK+GZDlnmB7D4o+s6w==\n"
    "-----END EC PRIVATE KEY-----\n";

/* openssl pkcs8 -topk8 -passout pass:secret of the same key */
static const char encrypted[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                                "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjOYKiwI0Fg0wICCAAw\n"
                                "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEECJ/stfLBsyHPTGUE1Eai5QEgZB7\n"
                                "IdaC3YFT5kAnjFs3RtDMoRBpwSNXLdopyBEX7yv/SClJ2+hNsDvAJ/YPyuTih+23\n"
                                "Ay3hCwAYWnGmSoFKIwrl/aTygohnpyC8NYt/+b/UKUPRQhiSkI50jGloElP3CJUY\n"
                                "6HGP5kSeH8wobTcCD36CIN9+FgNEMXbzWDXQ2y8PV7SvpoDA7SxaKYgDuTT9+OA=\n"
                                "-----END ENCRYPTED PRIVATE KEY-----\n";

/* openssl ec -aes128 -passout pass:secret of the same key */
static const char traditional_encrypted[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "Proc-Type: 4,ENCRYPTED\n"
    "DEK-Info: AES-128-CBC,4DAB3C57117B1FA5CA94D659FD0CB3D7\n"
    "\n"
    "QecsAJel6D4bhIs3F5lLt2e+gJI3gus2JdfxSYT7iV30weYjbWS6HI+9WMAe+aP7\n"
    "VCp6lOr++wnJ/ZCpEqmoJlQ6mQQ1udZ9hDyc9I3672+Daa+WoMhQdSPcUnXQ7tiF\n"
    "GhmW80teRoNEBVe5f7IDSozKCPKJbekB5Tv9/iJwRNA=\n"
    "-----END EC PRIVATE KEY-----\n";

static EVP_PKEY *
read_text(const char *pem, struct err *e)
{
    return key_from_pem(pem, strlen(pem), e);
}

static void
each_type_is_made_written_and_read_again(void **state)
{
    (void)state;
    for (int type = KEY_ECDSA_P256; key_type_words[type] != NULL; type++) {
        struct err e = {0};
        struct str pem = {0};
        EVP_PKEY *made = NULL;
        EVP_PKEY *read = NULL;

        if (type == KEY_RSA_4096)
            continue; /* it takes a second */
        made = key_generate((enum key_type)type, &e);
        assert_non_null(made);
        assert_true(key_to_pem(made, &pem, &e));
        assert_memory_equal(pem.text, "-----BEGIN PRIVATE KEY-----\n", 28);
        read = key_from_pem(pem.text, pem.size, &e);
        assert_non_null(read);
        assert_int_equal(EVP_PKEY_eq(made, read), 1);
        for (int other = KEY_ECDSA_P256; key_type_words[other] != NULL; other++)
            assert_int_equal(key_is(read, (enum key_type)other), other == type);
        EVP_PKEY_free(made);
        EVP_PKEY_free(read);
        str_done(&pem);
    }
}

static void
a_traditional_key_after_its_parameters_is_read(void **state)
{
    struct err e = {0};
    EVP_PKEY *key = read_text(traditional, &e);

    (void)state;
    assert_non_null(key);
    assert_true(key_is(key, KEY_ECDSA_P256));
    EVP_PKEY_free(key);
}

static void
an_encrypted_key_is_refused_without_asking(void **state)
{
    const char *const texts[] = {encrypted, traditional_encrypted};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct err e = {0};

        assert_null(read_text(texts[i], &e));
        assert_int_equal(e.code, ERR_INPUT);
        assert_non_null(strstr(e.text, "encrypted"));
    }
}

static void
what_holds_no_key_is_refused_with_a_reason(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        {"", "empty"},
        {"hello\n", "there is no private key"},
        {"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
         "there is no private key"},
        {"-----BEGIN PRIVATE KEY-----\nMIGH\n", "damaged"},
        {"-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n", "damaged"},
        {"-----BEGIN PRIVATE KEY-----\n####\n-----END PRIVATE KEY-----\n", "damaged"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err e = {0};

        assert_null(read_text(cases[i].text, &e));
        assert_int_equal(e.code, ERR_INPUT);
        if (strstr(e.text, cases[i].why) == NULL)
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, e.text, cases[i].why);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_is_made_written_and_read_again),
        cmocka_unit_test(a_traditional_key_after_its_parameters_is_read),
        cmocka_unit_test(an_encrypted_key_is_refused_without_asking),
        cmocka_unit_test(what_holds_no_key_is_refused_with_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
