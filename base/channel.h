/* channel.h: messages over a socket between two processes of ours; who waits lets others go on. */
#ifndef PGCERT_BASE_CHANNEL_H
#define PGCERT_BASE_CHANNEL_H

#include "base/err.h"
#include "base/str.h"

/*
 * Sends a message.
 *
 * Errors: ERR_NETWORK  nobody is there any more
 */
MUST_USE bool channel_send(int fd, const char *text, size_t size, struct err *e);

/*
 * Waits for a message.
 *
 * Takes:  size_max    a longer one is an error
 *         timeout_ms  negative: for as long as it takes
 * Gives:  out         appended
 * Errors: ERR_NETWORK  nobody is there any more; ERR_TIMEOUT; ERR_PROTOCOL  too long
 */
MUST_USE bool channel_receive(int fd, size_t size_max, int64_t timeout_ms, struct str *out,
                              struct err *e);

#endif
