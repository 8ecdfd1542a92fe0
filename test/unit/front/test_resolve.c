/* Names of models: aliases, CIDs, what could be pinned to a CID, and what is nothing. */
#include "base/mem.h"
#include "front/resolve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define V0     "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
#define V1     "bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4"
#define WALRUS "hJD2Ja3akZFt1A2LT-D_1oxOCz_OtuGYw4V9eE1m39M"

static struct conf *conf_with(const char *name)
{
    struct conf *c = mem_alloc(1, sizeof(*c));
    assert_non_null(c);
    c->n_aliases = 1;
    memcpy(c->aliases[0].name, name, strlen(name));
    c->aliases[0].model = (struct wire_model){.cid = {7}, .cid_len = 1};
    return c;
}

static err_t resolve(const struct conf *c, const char *name, struct wire_model *ret)
{
    struct why why = {0};
    err_t e = model_resolve(c, view_of(name, strlen(name)), ret, &why);
    assert_true(e == OK || why.text[0] != '\0');
    assert_true(e == OK || strlen(name) < 5 || strstr(why.text, name) == NULL); /* content is never repeated */
    return e;
}

static void test_names(void **state)
{
    static const struct {
        const char *name;
        err_t result;
    } rows[] = {
        {V0, OK},
        {V1, OK},
        {V1 "/a/model.onnx", OK},
        {"hub/model.v1", ERR_MODEL_NOT_PINNED},
        {"Qm", ERR_MODEL_NOT_PINNED},
        {"iJD2Ja3akZFt1A2LT-D_1oxOCz_OtuGYw4V9eE1m39M", ERR_MODEL_NOT_PINNED}, /* another blob */
        {"Z0123456789012345678901234567890123456789012345678901234567890123456789", ERR_MODEL_NOT_PINNED},
        {"bJD2Ja3akZFt1A2LT-D_1oxOCz_OtuGYw4V9eE1m39M", ERR_MODEL_NOT_PINNED}, /* begins as CIDs do, but is too short */
        {"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3N", ERR_MODEL_ID_INVALID},
        {V0 "n", ERR_MODEL_ID_INVALID},
        {"bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei", ERR_MODEL_ID_INVALID},
        {V0 "/", ERR_MODEL_ID_INVALID},
        {V0 "/a//b", ERR_MODEL_ID_INVALID},
        {V0 "/../b", ERR_MODEL_ID_INVALID},
        {"a name", ERR_MODEL_ID_INVALID},
        {"", ERR_MODEL_ID_INVALID},
        {"\xc3\xa4", ERR_MODEL_ID_INVALID},
    };
    AUTO_MEM struct conf *c = conf_with(WALRUS);
    struct wire_model m = {0};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (resolve(c, rows[i].name, &m) != rows[i].result)
            fail_msg("%s: %s", rows[i].name, err_name(resolve(c, rows[i].name, &m)));
    assert_int_equal((int)resolve(c, WALRUS, &m), OK);
    assert_int_equal(m.cid[0], 7);
    assert_int_equal((int)resolve(c, V0, &m), OK);
    assert_int_equal(m.cid_len, 34);
}

/* One byte longer than a name in the configuration can be. */
static void test_longest(void **state)
{
    char name[CONF_NAME_MAX + 1] = "";
    AUTO_MEM struct conf *c = conf_with("x");
    struct wire_model m;
    (void)state;
    memset(name, 'x', CONF_NAME_MAX - 1);
    assert_int_equal((int)resolve(c, name, &m), ERR_MODEL_NOT_PINNED);
    name[CONF_NAME_MAX - 1] = 'x';
    assert_int_equal((int)resolve(c, name, &m), ERR_MODEL_ID_INVALID);
}

/* What is kept is found again as it was, whatever else falls into its row, and what is refused is refused again. */
static void test_resolved(void **state)
{
    static const char *const names[] = {V0,     V1,      V1 "/4",   V1 "/a.4", WALRUS, "a name", "",
                                        V0 "/", V0 "/n", V0 "/a.n", "n",       V0,     V1,       WALRUS};
    char deep[RESOLVED_NAME + 2] = V0 "/";
    AUTO_MEM struct conf *c = conf_with(WALRUS);
    AUTO_MEM struct resolved *r = mem_alloc(1, sizeof(*r));
    struct why why = {0};
    (void)state;
    assert_non_null(r);
    memset(deep + strlen(deep), 'a', sizeof(deep) - 1 - strlen(deep)); /* longer than what is kept */
    for (size_t i = 0; i < 4 * (COUNT_OF(names) + 1); i++) {
        const char *name = i % 5 == 4 ? deep : names[i * 5 % COUNT_OF(names)];
        struct wire_model plain = {0}, kept = {0};
        err_t e = resolve(c, name, &plain);
        assert_int_equal((int)resolved_find(r, c, view_of(name, strlen(name)), &kept, &why), (int)e);
        assert_memory_equal(&kept, &plain, sizeof(kept));
    }
    c->n_aliases = 0;
    struct wire_model kept = {0};
    assert_int_equal((int)resolved_find(r, c, view_of(WALRUS, strlen(WALRUS)), &kept, &why), OK);
    assert_int_equal(kept.cid[0], 7); /* it was not resolved again */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_resolved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
