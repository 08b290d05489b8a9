/* message.h: what is said between who asks for a server's certificate and the CA: a line with one
 * JSON object each way. For the room's own use.
 *
 *   {"version":1,"certificate":"db.example.org","request":"MIIB..."}
 *   {"version":1,"chain":["MIIC...","MIIB..."]}
 *   {"version":1,"error":{"code":"refused","text":"there is no certificate 'x' in the settings"}}
 *
 * Requests and certificates are DER as base64url without padding, as ACME has them (RFC 8555
 * section 7.4).
 */
#ifndef PGCERT_CA_MESSAGE_H
#define PGCERT_CA_MESSAGE_H

#include "ca/ca.h"

#define MESSAGE_MAX ((size_t)128 * 1024) /* bytes of a line */

/* A question as a line with its end, appended. ERR_SYSTEM. */
MUST_USE bool message_put_question(const struct ca_question *q, struct str *line, struct err *e);

/*
 * Reads a stranger's question.
 *
 * Gives:  q  empty before
 * Errors: ERR_PROTOCOL
 */
MUST_USE bool message_get_question(const char *line, size_t size, struct ca_question *q,
                                   struct err *e);

/* The same for the answer; chain_pem NULL: `why` there is none. ERR_INPUT: that is no chain. */
MUST_USE bool message_put_answer(const struct str *chain_pem, const struct err *why,
                                 struct str *line, struct err *e);

/*
 * Reads a stranger's answer.
 *
 * Gives:  chain_pem  appended
 * Errors: ERR_PROTOCOL, and whatever it says
 */
MUST_USE bool message_get_answer(const char *line, size_t size, struct str *chain_pem,
                                 struct err *e);

#endif
