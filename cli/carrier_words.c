/* carrier_words.c: structs to JSON and back; what comes back is judged. */
#include "cli/carrier_words.h"

#include "base/b64url.h"

#include <stdlib.h>
#include <string.h>

void
carrier_words_take_err(const struct json_t *object, struct err *e)
{
    int64_t code = json_member_int(object, "code");
    const char *text = json_member_text(object, "text");

    if (object == NULL || code == ERR_NONE)
        return;
    (void)err_set(e, err_code_told(code), "%s", text == NULL ? "it does not say why" : text);
    e->retry_at_s = json_member_int(object, "retry_at");
    e->is_ours = json_member_true(object, "is_ours");
    e->is_answer = json_member_true(object, "is_answer");
}

struct json_t *
carrier_words_put_err(const struct err *e)
{
    struct json_t *object = json_new_object();

    json_put_int(object, "code", e->code);
    json_put_text(object, "text", e->text);
    json_put_int(object, "retry_at", e->retry_at_s);
    json_put_bool(object, "is_ours", e->is_ours);
    json_put_bool(object, "is_answer", e->is_answer);
    return object;
}

struct json_t *
carrier_words_put_errand(const struct errand *errand, struct err *e)
{
    struct json_t *object = json_new_object();
    own_str struct str csr = {0};

    if (object == NULL || !b64url_add(&csr, errand->csr_der->text, errand->csr_der->size)) {
        json_drop(&object);
        (void)err_memory(e);
        return NULL;
    }
    json_put_text(object, "do", "issue");
    json_put_text(object, "issuer", errand->issuer->name);
    json_put_bool(object, "is_rehearsal", errand->is_rehearsal);
    json_put_text(object, "certificate", errand->name);
    json_put_text(object, "order", errand->order_path);
    json_put_text(object, "journal", errand->journal_path);
    json_put_list(object, "names", errand->names);
    json_put_text(object, "csr", csr.text);
    json_put_text(object, "replaces", errand->replaces);
    return object;
}

/* ---- answers ---- */

static void
take_window(const struct json_t *object, struct acme_window *w)
{
    const char *explanation = json_member_text(object, "explanation");
    int64_t start_s = json_member_int(object, "start");
    int64_t end_s = json_member_int(object, "end");

    if (start_s >= end_s)
        return;
    *w = (struct acme_window){.start_s = start_s,
                              .end_s = end_s,
                              .explanation = explanation == NULL ? NULL : strdup(explanation),
                              .retry_at_s = json_member_int(object, "retry_at")};
    if (w->explanation != NULL)
        err_tame(w->explanation);
}

bool
carrier_words_take_answer(const struct json_t *object, struct carrier_answer *a, struct err *e)
{
    a->done = json_member_true(object, "done");
    carrier_words_take_err(json_member(object, "error"), &a->e);
    carrier_words_take_err(json_member(object, "warning"), &a->warning);
    take_window(json_member(object, "window"), &a->window);
    return a->done || a->e.code != ERR_NONE ||
           err_set(e, ERR_PROTOCOL, "the process that speaks with issuers gives no answer");
}

struct json_t *
carrier_words_put_answer(const struct carrier_answer *a)
{
    struct json_t *object = json_new_object();
    struct json_t *window = json_new_object();

    json_put_bool(object, "done", a->done);
    if (!a->done)
        json_put(object, "error", carrier_words_put_err(&a->e));
    if (a->warning.code != ERR_NONE)
        json_put(object, "warning", carrier_words_put_err(&a->warning));
    json_put_int(window, "start", a->window.start_s);
    json_put_int(window, "end", a->window.end_s);
    json_put_text(window, "explanation", a->window.explanation);
    json_put_int(window, "retry_at", a->window.retry_at_s);
    json_put(object, "window", window);
    return object;
}
