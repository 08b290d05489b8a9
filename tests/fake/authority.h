/* authority.h: a private CA in a scratch directory, for one test. */
#ifndef PGCERT_FAKE_AUTHORITY_H
#define PGCERT_FAKE_AUTHORITY_H

#include "ca/ca.h"
#include "tests/fake/clock.h"
#include "tests/fake/scratch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FAKE_DAY (INT64_C(24) * 3600)

/* Where the CA is, and its clock. */
struct fake_ca {
    struct scratch scratch;
    struct ca_config config;
    struct fake_clock clock;
};

/* Settings as they are when nothing is written; the clock shows the real time, for the programs
 * that judge what is made. */
static inline void
fake_ca_begin(struct fake_ca *f)
{
    struct err e = {0};

    *f = (struct fake_ca){.scratch = scratch_new(), .clock = fake_clock_at(time(NULL))};
    assert(option_bind(NULL, ca_options, &f->config, &e));
    f->config.directory = strdup(scratch_path(&f->scratch, "ca"));
    assert(f->config.directory != NULL);
}

static inline void
fake_ca_init(struct fake_ca *f)
{
    struct err e = {0};
    bool made = false;

    assert(ca_init(&f->config, NULL, &f->clock.base, &made, &e) && made);
}

/* One that is there, with these settings. */
static inline struct ca *
fake_ca_open(struct fake_ca *f)
{
    struct err e = {0};
    struct ca *ca = ca_open(&f->config, &f->clock.base, &e);

    assert(ca != NULL);
    return ca;
}

/* Makes a key and signs a certificate for it. */
static inline void
fake_ca_client(struct ca *ca, const char *user, struct str *chain_pem)
{
    struct err e = {0};
    EVP_PKEY *key = key_generate(KEY_ECDSA_P256, &e);
    struct ca_client client = {.user = user, .public_key = key};

    assert(ca_sign_client(ca, &client, chain_pem, &e));
    EVP_PKEY_free(key);
}

static inline void
fake_ca_end(struct fake_ca *f)
{
    option_done(ca_options, &f->config);
    scratch_done(&f->scratch);
}

#endif
