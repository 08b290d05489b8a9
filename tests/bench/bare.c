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

int
main(int argc, char **argv)
{
    int count = argc > 3 ? atoi(argv[2]) : 0, files = argc > 3 ? atoi(argv[3]) : 0;
    int cores = 1, status = 0, bad = 0, base = -1;
    EVP_PKEY *ca_key = EVP_EC_gen("P-256");
    X509 *ca = issue(ca_key, "CA", NULL, ca_key);
    cpu_set_t set;

    need(count > 0, "usage: bare DIRECTORY COUNT FILES");
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        cores = CPU_COUNT(&set);
    for (int w = 0; w < cores; w++) {
        pid_t pid = fork();

        need(pid >= 0, "fork");
        for (int i = w; pid == 0 && i < count; i += cores)
            one(argv[1], i, files, ca, ca_key);
        if (pid == 0)
            _exit(0);
    }
    while (wait(&status) > 0)
        bad |= status;
    base = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    need(base >= 0 && syncfs(base) == 0, "sync");
    return bad == 0 ? 0 : 1;
}
