/* Reading the JOB message. */
#include "infer/job.h"

#include "infer/slots.h"

static bool nonce_ok(const struct wire_nonce *n)
{
    return n->len == 0 || (n->len >= NONCE_MIN && n->len <= NONCE_MAX);
}

err_t job_head(const struct wire_msg *m, const struct msg_job **ret)
{
    const struct msg_job *head = m->fixed;
    if (m->type != MSG_JOB || head->slot >= SLOTS_MAX || head->run_ms == 0)
        return ERR_PROTOCOL;
    if (!nonce_ok(&head->nonce))
        return ERR_PROTOCOL;
    *ret = head;
    return OK;
}

err_t job_inputs(const struct wire_msg *m, struct value_set *ret)
{
    const struct msg_job *head = m->fixed;
    err_t e = value_set_parse(m->tail, head->bytes, ret);
    return e == OK || e == ERR_NOMEM ? e : ERR_PROTOCOL;
}

/* Goes through both lists in step, as signature_takes does. */
err_t job_blame(const struct signature *s, const struct desc_list *inputs, err_t e, struct why *why)
{
    size_t given = 0;
    for (size_t i = 0; i < s->input_count; i++) {
        struct view name = s->inputs[i].name;
        bool is_given = given < inputs->count && view_equal(inputs->items[given].name, name);
        if (is_given ? desc_fits(&inputs->items[given++], &s->inputs[i]) != OK : !s->inputs[i].may_miss)
            return why_set(why, e, "input %.*s: %s", (int)name.len, (const char *)name.data, err_text(e));
    }
    return why_set(why, e, "%s", err_text(e));
}
