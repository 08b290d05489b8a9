/* err.c: fill, extend and judge the one error. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

/* A sentence that came from outside may hold anything; one line of it must stay one line, and no
 * terminal may be told what to do: C0, DEL, and C1, which is C2 80 to C2 9F in UTF-8. */
void
err_tame(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++) {
        bool is_c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0;

        if (*c < 0x20 || *c == 0x7f || is_c1)
            *c = '?';
        if (is_c1)
            c[1] = '?';
    }
}

static void PRINTF(3, 0)
    fill(struct err *e, enum err_code code, const char *format, va_list arguments)
{
    e->code = code;
    e->retry_at_s = 0;
    e->is_ours = false;
    e->is_answer = false;
    (void)vsnprintf(e->text, sizeof(e->text), format, arguments);
    err_tame(e->text);
}

static void
append(struct err *e, const char *reason)
{
    size_t used = strlen(e->text);

    (void)snprintf(e->text + used, sizeof(e->text) - used, ": %s", reason);
    err_tame(e->text);
}

enum err_code
err_code_told(int64_t code)
{
    return code > ERR_NONE && code <= ERR_FOUND ? (enum err_code)code : ERR_INTERNAL;
}

bool
err_set(struct err *e, enum err_code code, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fill(e, code, format, arguments);
    va_end(arguments);
    return false;
}

bool
err_errno(struct err *e, const char *format, ...)
{
    int number = errno;
    bool denied = number == EACCES || number == EPERM;
    va_list arguments;

    va_start(arguments, format);
    fill(e, denied ? ERR_PERMISSION : ERR_SYSTEM, format, arguments);
    va_end(arguments);
    append(e, strerror(number));
    return false;
}

bool
err_crypto(struct err *e, const char *format, ...)
{
    unsigned long oldest = ERR_get_error();
    const char *reason = oldest == 0 ? NULL : ERR_reason_error_string(oldest);
    va_list arguments;

    va_start(arguments, format);
    fill(e, ERR_INTERNAL, format, arguments);
    va_end(arguments);
    append(e, reason != NULL ? reason : "OpenSSL gives no reason");
    ERR_clear_error();
    return false;
}

bool
err_memory(struct err *e)
{
    return err_set(e, ERR_SYSTEM, "out of memory");
}

bool
err_wrap(struct err *e, const char *format, ...)
{
    char inner[sizeof(e->text)];
    va_list arguments;

    memcpy(inner, e->text, sizeof(inner));
    va_start(arguments, format);
    (void)vsnprintf(e->text, sizeof(e->text), format, arguments);
    va_end(arguments);
    append(e, inner);
    return false;
}

bool
err_is_temporary(const struct err *e)
{
    return e->code == ERR_NETWORK || e->code == ERR_TIMEOUT || e->code == ERR_BUSY;
}
