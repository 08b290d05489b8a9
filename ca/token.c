/* token.c: keys that stay in a token (PKCS#11), reached by OpenSSL's provider "pkcs11". */
#include "ca/token.h"

#include "base/file.h"
#include "ca/token_uri.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/conf.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>

#define PROVIDER "pkcs11"
#define PIN_MAX 256 /* bytes */

/* How it is unloaded matters: some drivers crash when their provider is first unloaded while the
 * program ends. So it lives in a library context of our own, which token_close() takes down; and
 * all other keys know nothing of it. */
struct token {
    const struct ca_config *config; /* borrowed */
    OSSL_LIB_CTX *library;
};

/* One look into a token. */
struct look {
    struct str pin;
    bool has_asked; /* for the PIN: the token is there then */
};

static void
look_done(struct look *l)
{
    str_done(&l->pin); /* wipes it */
}

static void
settings_drop(CONF **conf)
{
    NCONF_free(*conf);
}

static void
bio_drop(BIO **bio)
{
    (void)BIO_free(*bio);
}

static void
store_drop(OSSL_STORE_CTX **store)
{
    (void)OSSL_STORE_close(*store);
}

static void
info_drop(OSSL_STORE_INFO **info)
{
    OSSL_STORE_INFO_free(*info);
}

static void
method_drop(UI_METHOD **method)
{
    UI_destroy_method(*method);
}

static void
context_drop(EVP_PKEY_CTX **context)
{
    EVP_PKEY_CTX_free(*context);
}

#define own_look __attribute__((cleanup(look_done)))
#define own_settings __attribute__((cleanup(settings_drop)))
#define own_bio __attribute__((cleanup(bio_drop)))
#define own_store __attribute__((cleanup(store_drop)))
#define own_info __attribute__((cleanup(info_drop)))
#define own_method __attribute__((cleanup(method_drop)))
#define own_context __attribute__((cleanup(context_drop)))

/* ---- the provider ---- */

/* OpenSSL 3.0 takes a provider's parameters from a configuration only. There everything but a
 * letter or digit may be masked by a backslash. */
static bool
add_masked(struct str *text, const char *value)
{
    for (; *value != '\0'; value++)
        if (!str_addf(text, "%s%c", isalnum((unsigned char)*value) ? "" : "\\", *value))
            return false;
    return true;
}

/* PINs are kept while it is loaded, since some keys want it again for each signature. */
static bool
add_settings(struct str *text, const char *driver)
{
    static const char start[] = "pgcert = start\n"
                                "[start]\n"
                                "providers = all\n"
                                "[all]\n"
                                "default = own\n"
                                "pkcs11 = token\n"
                                "[own]\n"
                                "activate = 1\n"
                                "[token]\n"
                                "activate = 1\n"
                                "pkcs11-module-cache-pins = cache\n";

    return str_add(text, start, sizeof(start) - 1) &&
           (driver == NULL || (str_addf(text, "pkcs11-module-path = ") &&
                               add_masked(text, driver) && str_add(text, "\n", 1)));
}

static bool
load(struct token *t, struct err *e)
{
    own_str struct str text = {0};
    own_settings CONF *conf = NCONF_new_ex(t->library, NULL);
    own_bio BIO *bio = NULL;

    if (conf == NULL || !add_settings(&text, t->config->pkcs11_module))
        return err_memory(e);
    bio = BIO_new_mem_buf(text.text, (int)text.size);
    OPENSSL_load_builtin_modules();
    if (bio == NULL || NCONF_load_bio(conf, bio, NULL) <= 0)
        return err_crypto(e, "set up OpenSSL's provider for PKCS#11");
    if (CONF_modules_load(conf, "pgcert", 0) > 0 &&
        OSSL_PROVIDER_available(t->library, PROVIDER) == 1)
        return true;
    ERR_clear_error();
    return err_set(e, ERR_CONFIG,
                   "OpenSSL cannot load its provider for PKCS#11; install: pkcs11-provider (for "
                   "Debian 12 it is in bookworm-backports)");
}

struct token *
token_open(const struct ca_config *config, struct err *e)
{
    own_token struct token *t = calloc(1, sizeof(*t));

    if (t != NULL) {
        t->config = config;
        t->library = OSSL_LIB_CTX_new();
    }
    if (t == NULL || t->library == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    if (config->pkcs11_module != NULL && access(config->pkcs11_module, R_OK) < 0) {
        (void)err_errno(e, "[ca] pkcs11_module: read the token's driver '%s'",
                        config->pkcs11_module);
        e->code = ERR_CONFIG;
        return NULL;
    }
    /* nobody is asked on a terminal, as the provider would */
    UI_set_default_method(UI_null());
    return load(t, e) ? TAKE(t) : NULL;
}

void
token_close(struct token **token)
{
    if (*token == NULL)
        return;
    OSSL_LIB_CTX_free((*token)->library);
    free(*token);
    *token = NULL;
}

/* ---- finding a key ---- */

/* Once only: a PIN that is refused some times locks the token. */
static int
tell_pin(char *buffer, int room, int is_write, void *user)
{
    struct look *l = user;
    bool is_first = !l->has_asked;

    (void)is_write;
    l->has_asked = true;
    if (!is_first || l->pin.size == 0 || l->pin.size > (size_t)room)
        return -1;
    memcpy(buffer, l->pin.text, l->pin.size);
    return (int)l->pin.size;
}

static bool
read_pin(const struct ca_config *config, struct str *pin, struct err *e)
{
    if (config->pin_file == NULL)
        return true;
    if (!file_read_secret(config->pin_file, PIN_MAX, pin, e))
        return err_wrap(e, "[ca] pin_file");
    return pin->size > 0 ||
           err_set(e, ERR_CONFIG, "[ca] pin_file: '%s' is empty", config->pin_file);
}

/* Adds the number of keys that are there to *count, and keeps the last. The provider does not say
 * whether nothing was there or nobody let it in. */
static void
load_keys(OSSL_STORE_CTX *store, EVP_PKEY **key, int *count)
{
    while (OSSL_STORE_eof(store) == 0) {
        own_info OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info == NULL)
            return;
        if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY) {
            EVP_PKEY_free(*key);
            *key = OSSL_STORE_INFO_get1_PKEY(info);
            *count += 1;
        }
    }
}

/* Gives how many keys have that name, and one of them. */
static bool
search(const struct token *t, const char *uri, struct look *l, EVP_PKEY **key, int *count,
       struct err *e)
{
    own_method UI_METHOD *method = UI_UTIL_wrap_read_pem_callback(tell_pin, 0);
    own_store OSSL_STORE_CTX *store = NULL;

    if (method == NULL)
        return err_memory(e);
    store = OSSL_STORE_open_ex(uri, t->library, NULL, method, l, NULL, NULL, NULL);
    if (store != NULL && OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY) == 1)
        load_keys(store, key, count);
    ERR_clear_error();
    return true;
}

/* ---- a PIN that was refused ---- */

/* By which token, and what of the file: a token locks itself after some tries, and a run opens it
 * more than once. */
static struct {
    char *token, *file;
    unsigned char digest[EVP_MAX_MD_SIZE];
} refused;

static bool
digest_pin(const struct str *pin, unsigned char digest[static EVP_MAX_MD_SIZE])
{
    memset(digest, 0, EVP_MAX_MD_SIZE);
    return EVP_Digest(pin->text, pin->size, digest, NULL, EVP_sha256(), NULL) == 1;
}

static void
remember_refused(const struct token *t, const char *uri, const struct str *pin)
{
    own_mem char *token = token_uri_of_token(uri);
    own_mem char *file = strdup(t->config->pin_file);

    if (token == NULL || file == NULL || !digest_pin(pin, refused.digest))
        return;
    free(refused.token);
    free(refused.file);
    refused.token = TAKE(token);
    refused.file = TAKE(file);
}

static bool
was_refused(const struct token *t, const char *uri, const struct str *pin)
{
    own_mem char *token = token_uri_of_token(uri);
    unsigned char digest[EVP_MAX_MD_SIZE];

    return refused.token != NULL && token != NULL && pin->size > 0 &&
           strcmp(refused.token, token) == 0 && strcmp(refused.file, t->config->pin_file) == 0 &&
           digest_pin(pin, digest) && memcmp(digest, refused.digest, sizeof(digest)) == 0;
}

static bool
refuse_pin(const struct token *t, struct err *e)
{
    return err_set(e, ERR_PERMISSION,
                   "the token does not take the PIN in '%s': it is wrong, or locked after too many "
                   "tries",
                   t->config->pin_file);
}

/* Nothing was found. A token that has taken a PIN does not ask for one again. */
static bool
check_pin(const struct token *t, const char *uri, const struct look *first, struct err *e)
{
    own_look struct look again = {0};
    own_pkey EVP_PKEY *ignored = NULL;
    int count = 0;

    if (!search(t, uri, &again, &ignored, &count, e))
        return false;
    if (!again.has_asked)
        return true;
    if (first->pin.size == 0)
        return err_set(e, ERR_CONFIG, "the token wants a PIN; set: [ca] pin_file");
    remember_refused(t, uri, &first->pin);
    return refuse_pin(t, e);
}

/* Nothing was found, and no PIN was asked for: is there such a token, with whatever in it? */
static bool
check_token(const struct token *t, const char *uri, struct err *e)
{
    own_mem char *whole = token_uri_of_token(uri);
    own_look struct look l = {0};
    own_pkey EVP_PKEY *ignored = NULL;
    int count = 0;

    if (whole == NULL)
        return err_memory(e);
    if (!search(t, whole, &l, &ignored, &count, e))
        return false;
    return count > 0 || l.has_asked ||
           err_set(e, ERR_SYSTEM,
                   "the token is not there, or its driver does not work; what is there is listed "
                   "by: pkcs11-tool --module %s --list-slots",
                   t->config->pkcs11_module == NULL ? "DRIVER" : t->config->pkcs11_module);
}

static bool
check_kind(const EVP_PKEY *key, struct err *e)
{
    for (int type = 0; key_type_words[type] != NULL; type++)
        if (ca_is_key_type(type) && key_is(key, (enum key_type)type))
            return true;
    return err_set(e, ERR_INPUT,
                   "a key of that kind does not sign for a CA here; one on P-256 or P-384 does, or "
                   "RSA with 2048, 3072 or 4096 bits");
}

/* The provider looks for the public half by the id that both must have. */
static bool
check_public(const EVP_PKEY *key, struct err *e)
{
    int size = i2d_PUBKEY(key, NULL);

    ERR_clear_error();
    return size > 0 || err_set(e, ERR_INPUT,
                               "the token has the private key only; its public key must be there "
                               "as well, and both must have the same id");
}

bool
token_find(struct token *t, const char *uri, EVP_PKEY **key, struct err *e)
{
    own_mem char *wanted = token_uri_private(uri);
    own_look struct look l = {0};
    own_pkey EVP_PKEY *last = NULL;
    int count = 0;

    if (wanted == NULL)
        return err_memory(e);
    if (!read_pin(t->config, &l.pin, e))
        return false;
    if (was_refused(t, uri, &l.pin))
        return refuse_pin(t, e);
    if (!search(t, wanted, &l, &last, &count, e))
        return false;
    if (count == 0)
        return l.has_asked ? check_pin(t, wanted, &l, e) : check_token(t, uri, e);
    if (count > 1)
        return err_set(e, ERR_CONFIG, "%d keys in the token have that name; add: id=%%XX", count);
    if (!check_kind(last, e) || !check_public(last, e))
        return false;
    *key = TAKE(last);
    return true;
}

/* ---- making a key ---- */

/* What each kind of key is to OpenSSL and to pkcs11-tool. */
/* clang-format off */
static const struct {
    enum key_type type;
    const char *algorithm, *parameter, *group;
    size_t bits;
    const char *word; /* of pkcs11-tool */
} makes[] = {
    {KEY_ECDSA_P256, "EC",  OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0,    "EC:prime256v1"},
    {KEY_ECDSA_P384, "EC",  OSSL_PKEY_PARAM_GROUP_NAME, "secp384r1",  0,    "EC:secp384r1"},
    {KEY_RSA_2048,   "RSA", OSSL_PKEY_PARAM_RSA_BITS,   NULL,         2048, "RSA:2048"},
    {KEY_RSA_3072,   "RSA", OSSL_PKEY_PARAM_RSA_BITS,   NULL,         3072, "RSA:3072"},
    {KEY_RSA_4096,   "RSA", OSSL_PKEY_PARAM_RSA_BITS,   NULL,         4096, "RSA:4096"},
};
/* clang-format on */

/* In the kind's own words: there is no interface for it that knows URIs. */
static EVP_PKEY *
generate(const struct token *t, const char *uri, size_t kind)
{
    own_context EVP_PKEY_CTX *c =
        EVP_PKEY_CTX_new_from_name(t->library, makes[kind].algorithm, "provider=" PROVIDER);
    own_mem char *copy = strdup(uri); /* OSSL_PARAM is not const */
    own_mem char *group = strdup(makes[kind].group == NULL ? "" : makes[kind].group);
    char usage[] = "digitalSignature";
    size_t bits = makes[kind].bits;
    EVP_PKEY *key = NULL;

    if (c == NULL || copy == NULL || group == NULL)
        return NULL;
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string("pkcs11_uri", copy, 0),
        OSSL_PARAM_construct_utf8_string("pkcs11_key_usage", usage, 0),
        makes[kind].group != NULL
            ? OSSL_PARAM_construct_utf8_string(makes[kind].parameter, group, 0)
            : OSSL_PARAM_construct_size_t(makes[kind].parameter, &bits),
        OSSL_PARAM_construct_end(),
    };

    if (EVP_PKEY_keygen_init(c) != 1 || EVP_PKEY_CTX_set_params(c, parameters) != 1 ||
        EVP_PKEY_generate(c, &key) != 1)
        return NULL;
    return key;
}

/* By the id the two halves of a key find each other, so there must be one. */
static bool
add_id(struct str *line, const char *uri)
{
    size_t before = line->size;
    unsigned char id[4] = {0};
    char digits[2 * sizeof(id) + 1];

    if (!token_uri_add_option(line, uri, "id", "--id"))
        return false;
    if (line->size != before)
        return true;
    (void)RAND_bytes(id, sizeof(id));
    str_hex(digits, id, sizeof(id));
    return str_addf(line, " --id %s", digits);
}

/* How an administrator makes the key: the provider or the token could not. */
static bool
tell_command(const struct token *t, const char *uri, size_t kind, struct err *e)
{
    own_str struct str line = {0};
    const char *driver = t->config->pkcs11_module;

    ERR_clear_error();
    if (!str_addf(&line, "pkcs11-tool --module %s --login", driver == NULL ? "DRIVER" : driver) ||
        !token_uri_add_option(&line, uri, "token", "--token-label") ||
        !str_addf(&line, " --keypairgen --key-type %s --usage-sign", makes[kind].word) ||
        !token_uri_add_option(&line, uri, "object", "--label") || !add_id(&line, uri))
        return err_memory(e);
    return err_set(e, ERR_CONFIG,
                   "it is not there, and could not be made by way of OpenSSL; make it by: %s",
                   line.text);
}

bool
token_make(struct token *t, const char *uri, enum key_type type, EVP_PKEY **key, struct err *e)
{
    size_t kind = 0;
    EVP_PKEY *made = NULL;

    while (kind < COUNT(makes) && makes[kind].type != type)
        kind++;
    if (kind == COUNT(makes))
        return err_set(e, ERR_CONFIG, "no key of type '%s' is made in a token",
                       key_type_words[type]);
    made = generate(t, uri, kind);
    if (made == NULL)
        return tell_command(t, uri, kind, e);
    *key = made;
    return true;
}
