/* err.h: one error, filled where it happens, told once by cli/. */
#ifndef PGCERT_BASE_ERR_H
#define PGCERT_BASE_ERR_H

#include "base/own.h"

#include <stdbool.h>
#include <stdint.h>

/* The kinds of failure. cli/main.c maps each one to an exit status (see pgcert(1)). */
enum err_code {
    ERR_NONE = 0,
    ERR_USAGE,      /* the command line is wrong                                      64 */
    ERR_INPUT,      /* a certificate, key or request is not acceptable                65 */
    ERR_REFUSED,    /* the issuer understood, and refused                             69 */
    ERR_INTERNAL,   /* our own mistake, or a library failed where it must not         70 */
    ERR_CREATE,     /* a file or directory cannot be created                          73 */
    ERR_SYSTEM,     /* input or output failed; errno is in the text                   74 */
    ERR_NETWORK,    /* no usable answer: a later run will try again                   75 */
    ERR_TIMEOUT,    /* waited long enough: a later run will try again                 75 */
    ERR_BUSY,       /* somebody else is at it, or asked us to come back later         75 */
    ERR_PROTOCOL,   /* an answer which breaks its specification                       76 */
    ERR_PERMISSION, /* the kernel, the name server or the database does not permit it 77 */
    ERR_CONFIG,     /* a setting is missing or wrong                                  78 */
    ERR_PUT_BACK,   /* not served; the previous certificate is, and that is proved    80 */
    ERR_UNPROVED,   /* not served, and the previous one not proved either             81 */
    ERR_FOUND,      /* looked, and found something bad                                82 */
};

struct err {
    enum err_code code;
    int64_t retry_at_s; /* Unix seconds; 0: the other side gave no advice */
    bool is_ours;       /* it failed at our own end (our name server, say): who was asked is not to
                           blame */
    bool is_answer;     /* an issuer has answered, and that is why: it counts what it answers */
    char text[1024];    /* UTF-8, one line, no final stop */
};

/* A code that another process of ours has told; ERR_INTERNAL where it is none. */
enum err_code err_code_told(int64_t code);

/* Fills the error. Control characters in the result become '?', so that a server's text cannot
 * forge a line. Always returns false, so that a failing function can end with it. */
bool err_set(struct err *e, enum err_code code, const char *format, ...) PRINTF(3, 4);

/* Same, with ": " + strerror(errno) at the end. The code follows errno: EACCES and EPERM are
 * ERR_PERMISSION, everything else is ERR_SYSTEM. */
bool err_errno(struct err *e, const char *format, ...) PRINTF(2, 3);

/* Same as err_set() with ERR_INTERNAL, with OpenSSL's oldest queued reason at the end; empties
 * OpenSSL's queue. */
bool err_crypto(struct err *e, const char *format, ...) PRINTF(2, 3);

/* ERR_SYSTEM, "out of memory". */
bool err_memory(struct err *e);

/* Puts "where: " before the text of an error which passes by. Always returns false. */
bool err_wrap(struct err *e, const char *format, ...) PRINTF(2, 3);

/* What err_set() does to its text: control characters (C0, DEL, C1) become '?'. For whatever else
 * came from outside and is shown on a terminal. */
void err_tame(char *text);

/* True for the errors which a later run may not meet again (exit status 75). */
bool err_is_temporary(const struct err *e);

#endif
