/* cert.c: read and look at certificates; the system's roots. */
#include "base/cert.h"

#include "base/file.h"
#include "base/pem.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define TRUST_MAX (4 * 1024 * 1024) /* bytes of a trust file */

static void
bio_drop(BIO **bio)
{
    (void)BIO_free(*bio);
}

static void
names_drop(GENERAL_NAMES **names)
{
    GENERAL_NAMES_free(*names);
}

static void
store_drop(X509_STORE **store)
{
    X509_STORE_free(*store);
}

static void
directory_drop(DIR **directory)
{
    if (*directory != NULL)
        (void)closedir(*directory);
}

#define own_bio __attribute__((cleanup(bio_drop)))
#define own_names __attribute__((cleanup(names_drop)))
#define own_store __attribute__((cleanup(store_drop)))
#define own_directory __attribute__((cleanup(directory_drop)))

/* ---- chains ---- */

static bool
take_into_chain(void *into, X509 *cert, struct err *e)
{
    struct chain *chain = into;

    if (chain->count == CERT_CHAIN_MAX) {
        X509_free(cert);
        return err_set(e, ERR_INPUT,
                       "there are more than %d certificates; a chain is the leaf and "
                       "its intermediates",
                       CERT_CHAIN_MAX);
    }
    chain->certs[chain->count++] = cert;
    return true;
}

bool
chain_from_pem(struct chain *chain, const char *pem, size_t size, struct err *e)
{
    struct chain read = {0};

    if (size > CERT_PEM_MAX)
        return err_set(e, ERR_INPUT, "the PEM text is larger than %d bytes", CERT_PEM_MAX);
    if (!pem_each_cert(pem, size, take_into_chain, &read, e)) {
        chain_done(&read);
        return false;
    }
    *chain = read;
    return true;
}

bool
chain_to_pem(const struct chain *chain, struct str *pem, struct err *e)
{
    own_bio BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    long size = 0;

    if (bio == NULL)
        return err_memory(e);
    for (size_t i = 0; i < chain->count; i++)
        if (PEM_write_bio_X509(bio, chain->certs[i]) != 1)
            return err_crypto(e, "write a certificate as PEM");
    size = BIO_get_mem_data(bio, &text);
    return str_add(pem, text, (size_t)size) || err_memory(e);
}

void
chain_done(struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++)
        X509_free(chain->certs[i]);
    *chain = (struct chain){0};
}

/* ---- looking at one ---- */

void
cert_drop(X509 **cert)
{
    X509_free(*cert);
    *cert = NULL;
}

bool
cert_sha256(const X509 *cert, char text[static CERT_SHA256_TEXT], struct err *e)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;

    if (X509_digest(cert, EVP_sha256(), digest, &size) != 1)
        return err_crypto(e, "compute the SHA-256 of a certificate");
    str_hex(text, digest, size);
    return true;
}

int64_t
cert_time(const ASN1_TIME *at)
{
    struct tm parts = {0};

    return ASN1_TIME_to_tm(at, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

int64_t
cert_not_before(const X509 *cert)
{
    return cert_time(X509_get0_notBefore(cert));
}

int64_t
cert_not_after(const X509 *cert)
{
    return cert_time(X509_get0_notAfter(cert));
}

char *
cert_serial(const X509 *cert)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    char *upper = number == NULL ? NULL : BN_bn2hex(number);
    char *text = upper == NULL ? NULL : strdup(upper);

    for (char *c = text; c != NULL && *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'F')
            *c = (char)(*c - 'A' + 'a');
    OPENSSL_free(upper);
    BN_free(number);
    return text;
}

#define FOR_PEOPLE                                                                                 \
    ((ASN1_STRFLGS_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) | XN_FLAG_SEP_CPLUS_SPC |       \
     XN_FLAG_FN_SN)

static char *
name_text(const X509_NAME *name, unsigned long flags)
{
    own_bio BIO *bio = BIO_new(BIO_s_mem());
    own_str struct str text = {0};
    char *bytes = NULL;
    long size = 0;

    if (bio == NULL || X509_NAME_print_ex(bio, name, 0, flags) < 0)
        return NULL;
    size = BIO_get_mem_data(bio, &bytes);
    if (size <= 0)
        return strdup("");
    if (!str_add(&text, bytes, (size_t)size))
        return NULL;
    err_tame(text.text);
    return str_take(&text);
}

char *
cert_subject(const X509 *cert)
{
    return cert_name(X509_get_subject_name(cert));
}

char *
cert_issuer(const X509 *cert)
{
    return cert_name(X509_get_issuer_name(cert));
}

char *
cert_name(const X509_NAME *name)
{
    return name_text(name, FOR_PEOPLE);
}

char *
cert_dn(const X509_NAME *name)
{
    return name_text(name, XN_FLAG_RFC2253);
}

/* ---- names ---- */

static bool
add_dns(const ASN1_IA5STRING *from, struct list *names)
{
    own_str struct str text = {0};
    const unsigned char *bytes = ASN1_STRING_get0_data(from);
    int size = ASN1_STRING_length(from);

    for (int i = 0; i < size; i++) {
        char c = '?';

        if (bytes[i] > 0x20 && bytes[i] < 0x7f)
            c = (char)bytes[i];
        if (!str_add(&text, &c, 1))
            return false;
    }
    return list_add(names, text.text == NULL ? "" : text.text);
}

/* "192.0.2.1"; "?" for what is neither 4 nor 16 bytes. */
static void
ip_text(const ASN1_OCTET_STRING *from, char text[static INET6_ADDRSTRLEN])
{
    int size = ASN1_STRING_length(from);
    int family = size == 4 ? AF_INET : AF_INET6;

    if ((size != 4 && size != 16) ||
        inet_ntop(family, ASN1_STRING_get0_data(from), text, INET6_ADDRSTRLEN) == NULL)
        memcpy(text, "?", 2);
}

bool
cert_names(const X509 *cert, struct list *names)
{
    own_names GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

    for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *one = sk_GENERAL_NAME_value(all, i);
        char address[INET6_ADDRSTRLEN];

        if (one->type == GEN_DNS && !add_dns(one->d.dNSName, names))
            return false;
        if (one->type != GEN_IPADD)
            continue;
        ip_text(one->d.iPAddress, address);
        if (!list_add(names, address))
            return false;
    }
    return true;
}

/* RFC 6125 section 6.4.3, as narrow as libpq's wildcard_certificate_match(): the star is the whole
 * first label and stands for exactly one label. */
static bool
dns_matches(const ASN1_IA5STRING *from, const char *name)
{
    const char *pattern = (const char *)ASN1_STRING_get0_data(from);
    size_t size = (size_t)ASN1_STRING_length(from);
    const char *dot = strchr(name, '.');

    if (size == 0 || memchr(pattern, '\0', size) != NULL)
        return false; /* "good.example\0.evil.example" */
    if (size == strlen(name) && strncasecmp(pattern, name, size) == 0)
        return true;
    return size > 2 && strncmp(pattern, "*.", 2) == 0 && dot != NULL && dot != name &&
           name[0] != '*' && strlen(dot) == size - 1 &&
           strncasecmp(pattern + 1, dot, size - 1) == 0;
}

static bool
ip_matches(const ASN1_OCTET_STRING *from, const char *name)
{
    unsigned char address[16];
    int size = ASN1_STRING_length(from);
    int family = size == 4 ? AF_INET : AF_INET6;

    return (size == 4 || size == 16) && inet_pton(family, name, address) == 1 &&
           memcmp(address, ASN1_STRING_get0_data(from), (size_t)size) == 0;
}

bool
cert_covers(const X509 *cert, const char *name)
{
    own_names GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

    for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *one = sk_GENERAL_NAME_value(all, i);

        if (one->type == GEN_DNS && dns_matches(one->d.dNSName, name))
            return true;
        if (one->type == GEN_IPADD && ip_matches(one->d.iPAddress, name))
            return true;
    }
    return false;
}

/* ---- trust ---- */

/* A name as c_rehash makes it: "1d3472b9.0". */
static bool
is_hash_link(const char *name)
{
    return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' &&
           strspn(name + 9, "0123456789") > 0 && name[9 + strspn(name + 9, "0123456789")] == '\0';
}

bool
cert_has_hash_links(const char *path)
{
    own_directory DIR *directory = opendir(path);
    const struct dirent *entry = NULL;

    if (directory == NULL)
        return false;
    for (entry = readdir(directory); entry != NULL; entry = readdir(directory))
        if (is_hash_link(entry->d_name))
            return true;
    return false;
}

/* Reading a bundle of all roots costs 15 ms, which a directory of hash links makes needless. Where
 * the environment names something, OpenSSL's own rules hold. */
static bool
add_system(X509_STORE *store)
{
    const char *const directories[] = {X509_get_default_cert_dir(), "/etc/ssl/certs"};
    bool told = secure_getenv(X509_get_default_cert_file_env()) != NULL ||
                secure_getenv(X509_get_default_cert_dir_env()) != NULL;

    for (size_t i = 0; !told && i < COUNT(directories); i++)
        if (cert_has_hash_links(directories[i]))
            return X509_STORE_load_path(store, directories[i]) == 1;
    return X509_STORE_set_default_paths(store) == 1;
}

static bool
take_into_store(void *into, X509 *cert, struct err *e)
{
    bool added = X509_STORE_add_cert(into, cert) == 1;

    X509_free(cert);
    return added || err_crypto(e, "trust a certificate");
}

X509_STORE *
cert_trust(const char *trust_file, struct err *e)
{
    own_store X509_STORE *store = X509_STORE_new();
    own_str struct str pem = {0};

    if (store == NULL || !add_system(store)) {
        (void)err_crypto(e, "find the system's trusted roots");
        return NULL;
    }
    ERR_clear_error(); /* a default file that is not there leaves a line in the queue */
    if (trust_file == NULL)
        return TAKE(store);
    if (!file_read(AT_FDCWD, trust_file, TRUST_MAX, &pem, e)) {
        (void)err_wrap(e, "read the trusted roots");
        return NULL;
    }
    if (!pem_each_cert(pem.text, pem.size, take_into_store, store, e)) {
        (void)err_wrap(e, "trusted roots in '%s'", trust_file);
        return NULL;
    }
    return TAKE(store);
}
