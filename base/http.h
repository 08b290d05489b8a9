/* http.h: https requests over few kept-alive connections. The only door to libcurl. */
#ifndef PGCERT_BASE_HTTP_H
#define PGCERT_BASE_HTTP_H

#include "base/err.h"
#include "base/str.h"

struct clock;

struct http_request {
    const char *method;         /* "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" */
    const char *url;            /* https only, but see plain_loopback */
    const char *content_type;   /* of the body; NULL without one */
    const char *accept;         /* NULL: anything */
    const char *const *headers; /* "Name: value" lines, NULL-ended; may be secrets; NULL: none */
    const char *body;           /* NULL: none */
    size_t body_size;
    bool plain_loopback; /* http to an address of this machine is allowed: http_is_loopback() */
    bool plain_metadata; /* http to a cloud's metadata service is allowed: http_is_metadata() */
};

struct http_header {
    char *name; /* lower case */
    char *value;
};

struct http_response {
    int status;
    struct http_header *headers; /* in order; a name may come again */
    size_t header_count;
    struct str body;    /* NUL-ended unless empty */
    int64_t retry_at_s; /* from Retry-After, both forms; 0: none */
    char *distrust; /* of a failure: why its certificate is not trusted; NULL: that was not it */
};

#define own_http_response __attribute__((cleanup(http_response_done)))

/* The port. http_new() makes the real one; tests script their own. */
struct http {
    /*
     * Sends and waits for the whole answer, whatever its status.
     *
     * Gives:  out  empty before; also half filled after a failure
     * Errors: ERR_NETWORK   no connection, an untrusted certificate, the answer broke off
     *         ERR_TIMEOUT   it took longer than allowed
     *         ERR_PROTOCOL  the answer is larger than allowed
     *         ERR_PROTOCOL  not an https URL
     */
    bool (*send)(struct http *h, const struct http_request *request, struct http_response *out,
                 struct err *e);
    void (*free)(struct http *h);
    int64_t request_count;
    int64_t connect_count;
};

/* ca_file: trusted besides the system's roots (instead of them, where the system has no directory
 * of roots under their hashes); NULL: nothing more. NULL and `e` on failure. */
MUST_USE struct http *http_new(const char *ca_file, struct clock *clock, struct err *e);

/* NULL is nothing to free. */
void http_free(struct http *h);

/* The first header of that name (lower case); NULL when there is none. */
const char *http_header(const struct http_response *r, const char *name);

/* Is it "https://" and a host, in printable ASCII without blanks, at most 2048 characters? For URLs
 * that a server gives, before they are kept or asked. */
bool http_is_https(const char *url);

/*
 * Is it "http://" to this very machine: to 127.0.0.0/8 or [::1], written as an address?
 *
 * Services that are run beside us, PowerDNS for one, speak plain http there, and what goes by the
 * loopback interface is seen by nobody who could not read our memory as well. A name, "localhost"
 * too, does not count: who answers for it is decided elsewhere.
 */
bool http_is_loopback(const char *url);

/*
 * Is it "http://" to the metadata service of a cloud: to 169.254.169.254 or [fd00:ec2::254],
 * written as an address, on port 80?
 *
 * It has no https. The hypervisor answers there; what is sent to a link-local address is routed
 * nowhere else.
 * Source: docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
 */
bool http_is_metadata(const char *url);

/* Unix seconds for a Retry-After value (RFC 9110 section 10.2.3), seconds or HTTP date, at most a
 * week ahead; 0 when it is neither. */
int64_t http_retry_at(const char *value, int64_t now_s);

/* Unix seconds of an HTTP date (RFC 9110 section 5.6.7), such as the header Date; 0: it is none. */
int64_t http_date(const char *value);

void http_response_done(struct http_response *r);

/* The version of libcurl that runs; loads it. NULL: it cannot be loaded. */
const char *http_library(void);

#endif
