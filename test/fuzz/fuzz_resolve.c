/* What a client calls a model, at a node with two aliases: a CID with a path, or one of them. What is taken has lengths
   that lie inside and is what the same CID is called again. */
#include "base/mem.h"
#include "front/resolve.h"
#include "ipld/cid.h"
#include "ipld/model_id.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct conf *conf(void)
{
    static struct conf *c;
    if (c == NULL) {
        c = mem_alloc(1, sizeof(*c));
        assert(c != NULL);
        c->n_aliases = 2;
        memcpy(c->aliases[0].name, "credit-risk", 12);
        memcpy(c->aliases[1].name, "intfloat/e5", 12);
        for (uint32_t i = 0; i < c->n_aliases; i++)
            c->aliases[i].model.cid_len = 36;
    }
    return c;
}

static void again(const struct wire_model *m)
{
    char text[CID_TEXT_SIZE + 1 + MODEL_PATH_MAX];
    struct cid cid;
    struct wire_model second;
    err_t e = cid_from_bytes(view_of(m->cid, m->cid_len), &cid);
    assert(e == OK && m->path_len <= sizeof(m->path));
    cid_to_text(&cid, text);
    size_t len = strlen(text);
    if (m->path_len > 0)
        text[len++] = '/';
    memcpy(text + len, m->path, m->path_len);
    e = model_resolve(conf(), view_of(text, len + m->path_len), &second, NULL);
    assert(e == OK && memcmp(m, &second, sizeof(second)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_model m;
    struct why why = {0};
    struct view name = view_of(data, size);
    err_t e = model_resolve(conf(), name, &m, &why);
    bool alias = view_is(name, "credit-risk") || view_is(name, "intfloat/e5");
    assert((e == OK) || why.text[0] != '\0');
    if (alias)
        assert(e == OK && m.cid_len == 36);
    else if (e == OK)
        again(&m);
    return 0;
}
