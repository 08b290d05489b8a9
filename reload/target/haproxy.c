/* haproxy.c: HAProxy, which is given a certificate by the commands of its stats socket; the file is
 * replaced as well, for its next start.
 *
 * Source: HAProxy's Management Guide, 9.3 "Unix Socket commands". */
#include "reload/service.h"

#include "base/child.h"
#include "base/clock.h"
#include "base/fiber.h"
#include "base/file.h"
#include "reload/way.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/evp.h>

#define ANSWER_MAX 65536
#define TALK_MS 10000
#define SHA1_SIZE 20

struct haproxy_config {
    char *socket;
    char *certificate;
};

/* clang-format off */
static const struct option options[] = {
    {"socket",      OPTION_PATH, offsetof(struct haproxy_config, socket),      "/run/haproxy/admin.sock", "its stats socket, of level admin", NULL, 0, 0, false},
    {"certificate", OPTION_TEXT, offsetof(struct haproxy_config, certificate), NULL, "the name that 'show ssl cert' has for it; default: that of the file", NULL, 0, 0, false},
    {0},
};
/* clang-format on */

struct session {
    const struct haproxy_config *config;
    const char *file;
    const char *name;
    uid_t user; /* who may have the socket, besides root and its owner */
};

/* HAProxy has one transaction for all certificates, and certificates are renewed side by side. */
static struct fiber_lock one_at_a_time;

/* It becomes a word of a command. */
static bool
is_word(const char *name)
{
    for (const char *c = name; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f || strchr(";\\<>'\"", *c) != NULL)
            return false;
    return *name != '\0' && *name != '*';
}

static bool
check(const struct target *t, struct err *e)
{
    const struct haproxy_config *c = t->config;
    const char *file = t->service->file;
    const char *name = c->certificate != NULL ? c->certificate : file;

    if (file == NULL)
        return err_set(e, ERR_CONFIG, "HAProxy reads key and certificate from one file; set file");
    if (c->socket == NULL || c->socket[0] != '/' ||
        strlen(c->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return err_set(e, ERR_CONFIG,
                       "socket is to be the absolute path of HAProxy's stats "
                       "socket, of at most 107 bytes");
    return is_word(name) ||
           err_set(e, ERR_CONFIG,
                   "'%s' cannot stand in a command for HAProxy: no white space, quotes, backslash, "
                   "semicolon, no asterisk in front; set certificate",
                   name);
}

/* ---- a talk: one command, one answer ---- */

struct talk {
    const struct session *session;
    const struct str *command;
    uid_t owner; /* of the socket */
    int fd;
    int64_t deadline_ms;
};

static bool
wait_for(const struct talk *t, short event, struct err *e)
{
    struct pollfd p = {.fd = t->fd, .events = event};
    int64_t left_ms = t->deadline_ms - clock_system.steady_ms(&clock_system);

    return (left_ms > 0 && fiber_poll(&p, 1, (int)left_ms) != 0) ||
           err_set(e, ERR_TIMEOUT, "HAProxy does not answer in time");
}

/* A key will be sent, so it matters to whom. */
static bool
judge_peer(const struct talk *t, struct err *e)
{
    struct ucred peer = {0};
    socklen_t size = sizeof(peer);

    if (getsockopt(t->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return err_errno(e, "ask who has the socket");
    return peer.uid == 0 || peer.uid == t->owner || peer.uid == t->session->user ||
           err_set(e, ERR_PERMISSION, "user %u listens there, who is neither root nor its owner",
                   (unsigned int)peer.uid);
}

static bool
dial(struct talk *t, struct err *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, t->session->config->socket, strlen(t->session->config->socket));
    t->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (t->fd < 0)
        return err_errno(e, "make a socket");
    if (connect(t->fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return judge_peer(t, e);
    if (errno == EAGAIN) /* it runs, and takes no more for now */
        return err_set(e, ERR_BUSY, "too many are waiting to talk to HAProxy");
    (void)err_errno(e, "connect to HAProxy");
    if (e->code != ERR_PERMISSION)
        e->code = ERR_NETWORK;
    return false;
}

static bool
say(const struct talk *t, struct err *e)
{
    for (size_t sent = 0; sent < t->command->size;) {
        ssize_t n = send(t->fd, t->command->text + sent, t->command->size - sent, MSG_NOSIGNAL);

        if (n >= 0)
            sent += (size_t)n;
        else if (errno != EAGAIN && errno != EINTR)
            return err_set(e, ERR_NETWORK, "HAProxy breaks off: %s", strerror(errno));
        else if (!wait_for(t, POLLOUT, e))
            return false;
    }
    return true;
}

/* It hangs up after one command. */
static bool
hear(const struct talk *t, struct str *answer, struct err *e)
{
    char part[4096];

    while (answer->size <= ANSWER_MAX) {
        ssize_t n = recv(t->fd, part, sizeof(part), 0);

        if (n == 0)
            return str_add(answer, "", 0) || err_memory(e);
        if (n > 0 && !str_add(answer, part, (size_t)n))
            return err_memory(e);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return err_set(e, ERR_NETWORK, "HAProxy breaks off: %s", strerror(errno));
        if (n < 0 && !wait_for(t, POLLIN, e))
            return false;
    }
    return err_set(e, ERR_PROTOCOL, "HAProxy's answer has more than %d bytes", ANSWER_MAX);
}

static bool
task_talk(void *argument, struct str *answer, struct err *e)
{
    struct talk *t = argument;
    own_fd int fd = -1;
    bool dialled = false;

    t->deadline_ms = clock_system.steady_ms(&clock_system) + TALK_MS;
    dialled = dial(t, e);
    fd = t->fd;
    return dialled && say(t, e) && hear(t, answer, e);
}

/* Whoever may make a file in the directory may make a socket of that name, and so may who can lead
 * us to another directory. */
static bool
judge_directory(const struct talk *t, const char *directory, struct err *e)
{
    own_way struct way way = {0};

    if (!way_find(&way, directory, e))
        return false;
    if ((way.about.st_mode & S_IWOTH) != 0)
        return err_set(
            e, ERR_PERMISSION,
            "anybody can make a socket in '%s', and would be given the key; have HAProxy "
            "make it elsewhere",
            directory);
    if (child_may_switch() && way.others != NULL)
        return err_set(e, ERR_PERMISSION,
                       "somebody else than root can change '%s' on the way to it, and would be "
                       "given the key; have HAProxy make it elsewhere",
                       way.others);
    return t->owner == 0 || t->owner == way.about.st_uid || t->owner == t->session->user ||
           err_set(e, ERR_PERMISSION,
                   "user %u made the socket, who is neither root nor the owner of '%s', and would "
                   "be given the key; if HAProxy is that user, set run_as",
                   (unsigned int)t->owner, directory);
}

static bool
find_owner(struct talk *t, struct err *e)
{
    const char *path = t->session->config->socket;
    own_mem char *directory = strndup(path, (size_t)(strrchr(path, '/') - path) + 1);
    struct stat s = {0};

    if (directory == NULL)
        return err_memory(e);
    if (!way_look(path, &s)) {
        (void)err_errno(e, "HAProxy does not run, or has its stats socket elsewhere");
        if (e->code != ERR_PERMISSION)
            e->code = ERR_NETWORK;
        return false;
    }
    if (!S_ISSOCK(s.st_mode))
        return err_set(e, ERR_CONFIG, "it is no socket");
    t->owner = s.st_uid;
    return judge_directory(t, directory, e);
}

/* As the owner of the socket, who alone is sure to reach it; root's rights are not for a talk. */
static bool
talk(const struct session *s, const struct str *command, struct str *answer, struct err *e)
{
    struct talk t = {.session = s, .command = command, .fd = -1};
    bool done = false;

    str_clear(answer);
    done = find_owner(&t, e) &&
           (child_may_switch() ? child_run_as(t.owner, task_talk, &t, 2 * TALK_MS, answer, e)
                               : task_talk(&t, answer, e));
    if (!done)
        return err_wrap(e, "'%s'", s->config->socket);
    /* what is compared is text */
    if (memchr(answer->text == NULL ? "" : answer->text, '\0', answer->size) != NULL)
        return err_set(e, ERR_PROTOCOL, "'%s': the answer is no text", s->config->socket);
    return str_add(answer, "", 0) || err_memory(e);
}

static bool
tell(const struct session *s, const char *what, struct str *answer, struct err *e)
{
    own_str struct str command = {0};

    return (str_addf(&command, "%s\n", what) || err_memory(e)) && talk(s, &command, answer, e);
}

static bool
tell_of_it(const struct session *s, const char *what, struct str *answer, struct err *e)
{
    own_mem char *command = str_format("%s %s", what, s->name);

    return command != NULL ? tell(s, command, answer, e) : err_memory(e);
}

static const char *
text_of(const struct str *answer)
{
    return answer->text == NULL ? "" : answer->text;
}

/* What HAProxy says, on one line, and without the stop that newer ones put there. */
static bool
refused(const char *what, const struct str *answer, struct err *e)
{
    own_mem char *line = strdup(text_of(answer));
    size_t size = line == NULL ? 0 : strlen(line);

    while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '.'))
        line[--size] = '\0';
    for (char *c = line; c != NULL && *c != '\0'; c++)
        if (*c == '\n')
            *c = ' ';
    return err_set(e, ERR_PROTOCOL, "HAProxy refuses to %s: %.400s", what,
                   size > 0 ? line : "it says nothing; is its tune.bufsize too small?");
}

/* ---- looking ---- */

static void *
open_session(const struct target *t, struct err *e)
{
    struct session *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    s->config = t->config;
    s->file = t->service->file;
    s->name = s->config->certificate != NULL ? s->config->certificate : s->file;
    s->user = (uid_t)-1;
    return s;
}

/* While somebody changes a certificate, HAProxy shows none. */
static bool
is_locked(const struct str *answer, struct err *e)
{
    if (strstr(text_of(answer), "currently locked") == NULL)
        return false;
    (void)err_set(e, ERR_BUSY, "somebody is changing certificates of HAProxy at this moment");
    return true;
}

static bool
look(void *session, struct target_view *view, struct err *e)
{
    own_lock struct fiber_lock *held = fiber_lock(&one_at_a_time);
    struct session *s = session;
    own_str struct str answer = {0};

    s->user = view->user;
    if (!tell(s, "show cli level", &answer, e))
        return false;
    if (strncmp(text_of(&answer), "admin", 5) != 0) {
        (void)err_set(&view->may_not, ERR_PERMISSION,
                      "'%s' has not the level admin; add 'level admin' to its stats socket line",
                      s->config->socket);
        return true;
    }
    if (!tell_of_it(s, "show ssl cert", &answer, e) || is_locked(&answer, e))
        return false;
    view->uses_file = strstr(text_of(&answer), "Status: Used") != NULL ||
                      err_set(&view->why_not, ERR_CONFIG,
                              "HAProxy uses no certificate '%s'; have a bind line say 'ssl crt "
                              "%s', or set certificate to the name that 'show ssl cert' has",
                              s->name, s->name);
    return true;
}

/* ---- acting ---- */

/* An empty line would end it. */
static bool
add_payload(struct str *command, const struct str *pem)
{
    const char *end = pem->text + pem->size;

    for (const char *at = pem->text; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t size = (size_t)((stop != NULL ? stop : end) - at);

        if (size > 0 && *at != '\r' && (!str_add(command, at, size) || !str_add(command, "\n", 1)))
            return false;
        at += size + 1;
    }
    return true;
}

/* A transaction that stays open would be in the way of others. */
static void
abort_it(const struct session *s)
{
    own_str struct str answer = {0};
    struct err ignored = {0};

    (void)tell_of_it(s, "abort ssl cert", &answer, &ignored);
}

static bool
set(const struct session *s, const struct str *pem, struct err *e)
{
    own_str struct str command = {0};
    own_str struct str answer = {0};

    if (!str_addf(&command, "set ssl cert %s <<\n", s->name) || !add_payload(&command, pem) ||
        !str_add(&command, "\n", 1))
        return err_memory(e);
    if (!talk(s, &command, &answer, e)) {
        abort_it(s); /* it may have been heard, though no answer came */
        return false;
    }
    return strncmp(text_of(&answer), "Transaction ", strlen("Transaction ")) == 0 ||
           refused("take the certificate", &answer, e);
}

static bool
commit(const struct session *s, struct err *e)
{
    own_str struct str answer = {0};

    if (tell_of_it(s, "commit ssl cert", &answer, e) &&
        (strstr(text_of(&answer), "Success!") != NULL || refused("use it", &answer, e)))
        return true;
    abort_it(s);
    return false;
}

/* Is it the one that is in the file? */
static bool
read_back(const struct session *s, const struct str *pem, struct err *e)
{
    own_str struct str answer = {0};
    own_chain struct chain chain = {0};
    unsigned char digest[EVP_MAX_MD_SIZE];
    char wanted[2 * SHA1_SIZE + 1];
    unsigned size = 0;

    if (!chain_from_pem(&chain, pem->text, pem->size, e))
        return err_wrap(e, "'%s'", s->file);
    if (X509_digest(chain.certs[0], EVP_sha1(), digest, &size) != 1 || size != SHA1_SIZE)
        return err_crypto(e, "compute a digest");
    str_hex(wanted, digest, SHA1_SIZE);
    return tell_of_it(s, "show ssl cert", &answer, e) &&
           (strcasestr(text_of(&answer), wanted) != NULL ||
            err_set(e, ERR_FOUND, "HAProxy has another certificate as '%s' than the one it took",
                    s->name));
}

static bool
reload(void *session, struct err *e)
{
    own_lock struct fiber_lock *held = fiber_lock(&one_at_a_time);
    struct session *s = session;
    own_str struct str pem = {0};
    bool found = false;

    if (!install_read(s->file, "", &pem, &found, e))
        return false;
    if (!found || pem.size == 0)
        return err_set(e, ERR_SYSTEM, "there is nothing in '%s'", s->file);
    return set(s, &pem, e) && commit(s, e) && read_back(s, &pem, e);
}

static void
close_session(void *session)
{
    free(session);
}

const struct target_type target_haproxy = {
    .name = "haproxy",
    .options = options,
    .config_size = sizeof(struct haproxy_config),
    .is_service = true,
    .how = PROBE_TLS,
    .check = check,
    .open = open_session,
    .look = look,
    .reload = reload,
    .close = close_session,
};
