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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
