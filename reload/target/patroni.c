/* patroni.c: the REST interface of Patroni, which reads its certificate again when it is told by
 * that very interface. */
#include "reload/target.h"

#include "base/http.h"
#include "base/reader.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#define PASSWORD_MAX 1024
#define PORT_STANDARD 443 /* of a URL; Patroni's own is 8008 */
#define LOOP_WAIT_S 10    /* Patroni's default */
#define LOOP_WAIT_MOST_S 300

struct patroni_config {
    char *url;
    char *url_ca_file;
    char *user;
    char *password_file;
};

/* clang-format off */
static const struct option options[] = {
    {"url",           OPTION_URL,  offsetof(struct patroni_config, url),           NULL, "of its REST interface, https://HOST:8008; there it is proved, too, unless prove says another", NULL, 0, 0, true},
    {"url_ca_file",   OPTION_PATH, offsetof(struct patroni_config, url_ca_file),   NULL, "roots to trust for that, besides the system's", NULL, 0, 0, false},
    {"user",          OPTION_TEXT, offsetof(struct patroni_config, user),          NULL, "the username of restapi: authentication, where Patroni has one", NULL, 0, 0, false},
    {"password_file", OPTION_PATH, offsetof(struct patroni_config, password_file), NULL, "a file with its password, or credential:NAME", NULL, 0, 0, false},
    {0},
};
/* clang-format on */

struct patroni_session {
    const struct patroni_config *config;
    struct http *http;
};

/* ---- asking ---- */

/* RFC 7617 */
static bool
add_authorization(const struct patroni_config *c, struct str *header, struct err *e)
{
    own_str struct str password = {0};
    own_str struct str both = {0};
    own_str struct str coded = {0};

    if (c->user == NULL)
        return true;
    if (!reader_read_secret(c->password_file, PASSWORD_MAX, &password, e))
        return err_wrap(e, "password_file");
    if (!str_addf(&both, "%s:%s", c->user, password.size == 0 ? "" : password.text) ||
        !str_addf(&coded, "%*s", (int)(4 * ((both.size + 2) / 3)), ""))
        return err_memory(e);
    (void)EVP_EncodeBlock((unsigned char *)coded.text, (const unsigned char *)both.text,
                          (int)both.size);
    return str_addf(header, "Authorization: Basic %s", coded.text) || err_memory(e);
}

static bool
ask(struct patroni_session *s, const char *method, const char *path, struct http_response *out,
    struct err *e)
{
    const char *url = s->config->url;
    size_t size = strlen(url);
    own_str struct str authorization = {0};
    own_mem char *whole = NULL;
    struct http_request request = {.method = method};

    while (size > 0 && url[size - 1] == '/')
        size--;
    whole = str_format("%.*s%s", (int)size, url, path);
    if (whole == NULL)
        return err_memory(e);
    if (!add_authorization(s->config, &authorization, e))
        return false;
    request.url = whole;
    request.headers =
        authorization.size == 0 ? NULL : (const char *const[]){authorization.text, NULL};
    if (s->http->send(s->http, &request, out, e))
        return true;
    /* it runs, so that its files are not replaced before it can be told */
    return out->distrust == NULL
               ? false
               : err_set(e, ERR_CONFIG,
                         "the certificate at '%s' is not trusted (%s); where a private CA signed "
                         "it, set url_ca_file to its root; where it has ended or is for another "
                         "name, Patroni cannot be told by its interface: use type = systemd",
                         whole, out->distrust);
}

/* Patroni does what it was told when it looks next, once in loop_wait. */
static int64_t
loop_wait_of(const struct http_response *r)
{
    struct err ignored = {0};
    own_json struct json_t *settings = r->status == 200 && r->body.size > 0
                                           ? json_decode(r->body.text, r->body.size, &ignored)
                                           : NULL;
    int64_t wait_s = settings == NULL ? 0 : json_member_int(settings, "loop_wait");

    if (wait_s <= 0)
        return LOOP_WAIT_S;
    return wait_s < LOOP_WAIT_MOST_S ? wait_s : LOOP_WAIT_MOST_S;
}

static bool
add_address(const struct patroni_config *c, struct target_view *view, struct err *e)
{
    const char *at = c->url + strlen("https://");
    own_mem char *text = strndup(at, strcspn(at, "/?#"));
    own_mem char *host = NULL;
    int port = PORT_STANDARD;

    if (text == NULL)
        return err_memory(e);
    return (option_parse_endpoint(&host, &port, text, PORT_STANDARD) ||
            err_set(e, ERR_CONFIG, "url: '%s' has no HOST[:PORT]", c->url)) &&
           addresses_add(&view->addresses, host, port, true, e);
}

/* ---- the target ---- */

static bool
check(const struct target *t, struct err *e)
{
    const struct patroni_config *c = t->config;

    return (c->user == NULL) == (c->password_file == NULL) ||
           err_set(e, ERR_CONFIG, "user and password_file go together");
}

static void
close_session(void *session)
{
    struct patroni_session *s = session;

    http_free(s->http);
    free(s);
}

static void *
open_session(const struct target *t, struct err *e)
{
    const struct patroni_config *c = t->config;
    struct patroni_session *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    s->config = c;
    s->http = http_new(c->url_ca_file, &clock_system, e);
    if (s->http != NULL)
        return s;
    close_session(s);
    return NULL;
}

static bool
look(void *session, struct target_view *view, struct err *e)
{
    struct patroni_session *s = session;
    own_http_response struct http_response answer = {0};

    if (view->addresses.count == 0 && !add_address(s->config, view, e))
        return false;
    if (!ask(s, "GET", "/config", &answer, e))
        return err_wrap(e, "Patroni");
    view->prove_timeout_ms += loop_wait_of(&answer) * 1000;
    return true;
}

static bool
reload(void *session, struct err *e)
{
    struct patroni_session *s = session;
    own_http_response struct http_response answer = {0};

    if (!ask(s, "POST", "/reload", &answer, e))
        return err_wrap(e, "Patroni");
    if (answer.status == 401 || answer.status == 403)
        return err_set(e, ERR_PERMISSION,
                       "Patroni does not let us reload it (%d: %.200s); user and password_file are "
                       "those of restapi: authentication in its settings",
                       answer.status, answer.body.size > 0 ? answer.body.text : "no reason");
    return (answer.status >= 200 && answer.status < 300) ||
           err_set(e, ERR_SYSTEM, "Patroni does not reload (%d: %.200s)", answer.status,
                   answer.body.size > 0 ? answer.body.text : "no reason");
}

const struct target_type target_patroni = {
    .name = "patroni",
    .options = options,
    .config_size = sizeof(struct patroni_config),
    .is_service = true,
    .needs_network = true,
    .how = PROBE_TLS,
    .check = check,
    .open = open_session,
    .look = look,
    .reload = reload,
    .close = close_session,
};
