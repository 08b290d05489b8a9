/* bare.c: what a number of client certificates costs at least: for each a key, a signature by
 * OpenSSL and as many files as a bundle of pgcert has, by as many processes as there are cores, and
 * one sync at the end. No index, no PKCS#12, nothing is checked.
 *
 * usage: bare DIRECTORY COUNT FILES     writes DIRECTORY/NUMBER/N
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#define OTHER_SIZE 600 /* bytes of a file that is neither key nor certificate */

/* Ends the program when the machine does not do what it must. */
static void
need(int good, const char *what)
{
    if (good)
        return;
    perror(what);
    _exit(1);
}

static void
add(X509 *cert, X509V3_CTX *context, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, nid, value);

    need(extension != NULL && X509_add_ext(cert, extension, -1) == 1, "extension");
    X509_EXTENSION_free(extension);
}

/* The extensions that RFC 5280 wants of a client's; no issuer: the CA itself. */
static X509 *
issue(EVP_PKEY *key, const char *name, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *cert = X509_new();
    X509V3_CTX context;
    unsigned char serial[16];

    need(cert != NULL && RAND_bytes(serial, sizeof(serial)) == 1, "serial");
    serial[0] &= 0x7f;
    need(ASN1_STRING_set(X509_get_serialNumber(cert), serial, sizeof(serial)), "serial");
    (void)X509_set_version(cert, X509_VERSION_3);
    (void)X509_gmtime_adj(X509_getm_notBefore(cert), -300);
    (void)X509_gmtime_adj(X509_getm_notAfter(cert), 90L * 24 * 3600);
    (void)X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
                                     (const unsigned char *)name, -1, -1, 0);
    (void)X509_set_issuer_name(cert, X509_get_subject_name(issuer == NULL ? cert : issuer));
    (void)X509_set_pubkey(cert, key);
    X509V3_set_ctx(&context, issuer == NULL ? cert : issuer, cert, NULL, NULL, 0);
    add(cert, &context, NID_basic_constraints,
        issuer == NULL ? "critical,CA:TRUE" : "critical,CA:FALSE");
    add(cert, &context, NID_key_usage,
        issuer == NULL ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
    if (issuer != NULL)
        add(cert, &context, NID_ext_key_usage, "clientAuth");
    add(cert, &context, NID_subject_key_identifier, "hash");
    if (issuer != NULL)
        add(cert, &context, NID_authority_key_identifier, "keyid");
    need(X509_sign(cert, issuer_key, EVP_sha256()) > 0, "sign");
    return cert;
}

static void
put(int directory, int number, const char *bytes, size_t size)
{
    char name[16];
    int fd = -1;

    (void)snprintf(name, sizeof(name), "%d", number);
    fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    need(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && close(fd) == 0, "write");
}

static void
put_bio(int directory, int number, BIO *bio)
{
    char *text = NULL;
    long size = BIO_get_mem_data(bio, &text);

    put(directory, number, text, (size_t)size);
    (void)BIO_free(bio);
}

static void
one(const char *base, int number, int files, X509 *ca, EVP_PKEY *ca_key)
{
    static const char other[OTHER_SIZE] = "";
    char path[4096], name[32];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *key_text = BIO_new(BIO_s_mem()), *cert_text = BIO_new(BIO_s_mem());
    X509 *cert = NULL;
    int directory = -1;

    (void)snprintf(name, sizeof(name), "user%d", number);
    cert = issue(key, name, ca, ca_key);
    need(PEM_write_bio_PKCS8PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL) == 1 &&
             PEM_write_bio_X509(cert_text, cert) == 1 && PEM_write_bio_X509(cert_text, ca) == 1,
         "PEM");
    (void)snprintf(path, sizeof(path), "%s/%d", base, number);
    need(mkdir(path, 0700) == 0, path);
    directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    put_bio(directory, 0, key_text);
    put_bio(directory, 1, cert_text);
    for (int i = 2; i < files; i++)
        put(directory, i, other, sizeof(other));
    (void)close(directory);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static int
clients(const char *directory, int count, int files)
{
    int cores = 1, status = 0, bad = 0, base = -1;
    EVP_PKEY *ca_key = EVP_EC_gen("P-256");
    X509 *ca = issue(ca_key, "CA", NULL, ca_key);
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        cores = CPU_COUNT(&set);
    for (int w = 0; w < cores; w++) {
        pid_t pid = fork();

        need(pid >= 0, "fork");
        for (int i = w; pid == 0 && i < count; i += cores)
            one(directory, i, files, ca, ca_key);
        if (pid == 0)
            _exit(0);
    }
    while (wait(&status) > 0)
        bad |= status;
    base = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    need(base >= 0 && syncfs(base) == 0, "sync");
    return bad == 0 ? 0 : 1;
}

static void
add_revoked(X509_CRL *crl, ASN1_TIME *when)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    unsigned char bytes[16];

    need(entry != NULL && serial != NULL && RAND_bytes(bytes, sizeof(bytes)) == 1, "entry");
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
    need(ASN1_STRING_set(serial, bytes, sizeof(bytes)) == 1 &&
             X509_REVOKED_set_serialNumber(entry, serial) == 1 &&
             X509_REVOKED_set_revocationDate(entry, when) == 1 &&
             X509_CRL_add0_revoked(crl, entry) == 1,
         "entry");
    ASN1_INTEGER_free(serial);
}

static int
crl(const char *path, int count)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *ca = issue(key, "CA", NULL, key);
    X509_CRL *list = X509_CRL_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, 0), *then = X509_gmtime_adj(NULL, 30L * 24 * 3600);
    FILE *file = fopen(path, "we");

    need(list != NULL && file != NULL, path);
    (void)X509_CRL_set_version(list, X509_CRL_VERSION_2);
    (void)X509_CRL_set_issuer_name(list, X509_get_subject_name(ca));
    (void)X509_CRL_set1_lastUpdate(list, now);
    (void)X509_CRL_set1_nextUpdate(list, then);
    for (int i = 0; i < count; i++)
        add_revoked(list, now);
    need(X509_CRL_sort(list) == 1 && X509_CRL_sign(list, key, EVP_sha256()) > 0 &&
             PEM_write_X509_CRL(file, list) == 1,
         "CRL");
    need(fflush(file) == 0 && fsync(fileno(file)) == 0 && fclose(file) == 0, path);
    return 0;
}

int
main(int argc, char **argv)
{
    int count = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 0;

    if (argc == 5 && strcmp(argv[1], "clients") == 0)
        return clients(argv[2], count, (int)strtol(argv[4], NULL, 10));
    if (argc == 4 && strcmp(argv[1], "crl") == 0)
        return crl(argv[2], count);
    (void)fprintf(stderr, "usage: bare clients DIRECTORY COUNT FILES | bare crl FILE COUNT\n");
    return 2;
}
