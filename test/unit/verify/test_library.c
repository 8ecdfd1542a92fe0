/* The library by its public header alone, on files of the negative corpus: argv[1] is its folder. */
#include "veronnx_verify.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FILE_MAX 262144
#define NOW_MS   UINT64_C(1800000000000)

static const char *folder;
static unsigned char file[FILE_MAX], root[FILE_MAX], policy[FILE_MAX];

/* The first file of the corpus whose name ends like this. */
static struct veronnx_bytes load(const char *pattern, unsigned char *room)
{
    char path[1024];
    glob_t found;
    assert_true(snprintf(path, sizeof(path), "%s/%s", folder, pattern) < (int)sizeof(path));
    assert_int_equal(glob(path, 0, NULL, &found), 0);
    FILE *f = fopen(found.gl_pathv[0], "rb");
    assert_non_null(f);
    size_t n = fread(room, 1, FILE_MAX, f);
    assert_int_equal(fclose(f), 0);
    globfree(&found);
    return (struct veronnx_bytes){room, n};
}

static struct veronnx_expect expect(void)
{
    return (struct veronnx_expect){
        .root = load("root.der", root),
        .allow_simulated = true,
        .now_ms = NOW_MS,
        .max_age_ms = 300000,
        .any_image = true,
        .policy = load("policy.conf", policy),
    };
}

static bool failed(const struct veronnx_report *r, const char *name, const char *code)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->check[i].code != NULL && strcmp(r->check[i].name, name) == 0 && strcmp(r->check[i].code, code) == 0)
            return r->check[i].why[0] != '\0';
    return false;
}

static void bundle(void **state)
{
    struct veronnx_report r;
    struct veronnx_expect x = expect();
    struct veronnx_bytes good = load("*-bundle-good", file);
    (void)state;
    assert_true(veronnx_verify_bundle(good, &x, &r));
    assert_int_equal(r.n_failed, 0);
    assert_int_equal(r.n, 23); /* the table of docs/receipts.md */
    assert_true(r.simulated && !r.debug && !r.image_compared);
    x.policy.data = NULL;
    assert_false(veronnx_verify_bundle(good, &x, &r));
    assert_int_equal(r.n_failed, 1);
    assert_true(failed(&r, "policy-wanted", "POLICY_UNSTATED"));
    x.any_policy = true;
    assert_true(veronnx_verify_bundle(good, &x, &r));
    x.any_image = false;
    assert_false(veronnx_verify_bundle(good, &x, &r));
    assert_true(failed(&r, "image-stated", "DOC_POLICY"));
}

/* Zeroed expectations believe nothing. */
static void nothing_expected(void **state)
{
    struct veronnx_report r;
    const struct veronnx_expect x = {0};
    (void)state;
    assert_false(veronnx_verify_bundle(load("*-bundle-good", file), &x, &r));
    assert_true(failed(&r, "root", "DOC_ROOT"));
    assert_true(failed(&r, "image-stated", "DOC_POLICY"));
    assert_true(failed(&r, "policy-wanted", "POLICY_UNSTATED"));
    assert_true(failed(&r, "receipt", "RECEIPT_MISMATCH"));
    assert_false(veronnx_verify_bundle((struct veronnx_bytes){NULL, 0}, &x, &r));
    assert_true(failed(&r, "bundle", "BUNDLE_MALFORMED"));
    assert_int_equal(r.n, 1);
}

static void attestation(void **state)
{
    struct veronnx_report r;
    struct veronnx_expect x = expect();
    struct veronnx_bytes good = load("*-attestation-good", file);
    struct veronnx_pcr pcrs[3] = {{.index = 0}, {.index = 1}, {.index = 2}};
    (void)state;
    x.policy.data = NULL;
    assert_true(veronnx_verify_attestation(good, &x, &r));
    for (unsigned char i = 0; i < 3; i++)
        memset(pcrs[i].value, i + 1, sizeof(pcrs[i].value));
    x.pcrs = pcrs;
    x.n_pcrs = 3;
    x.any_image = false;
    assert_true(veronnx_verify_attestation(good, &x, &r));
    assert_true(r.image_compared);
    pcrs[0].index = 3; /* not of the image, which was said to have been compared */
    memset(pcrs[0].value, 4, sizeof(pcrs[0].value));
    x.n_pcrs = 1;
    x.any_image = true;
    assert_true(veronnx_verify_attestation(good, &x, &r));
    assert_false(r.image_compared);
    x.root.data = NULL; /* a root of one's own needs simulation to be allowed, and so does the lack of one */
    assert_false(veronnx_verify_attestation(good, &x, &r));
    assert_true(failed(&r, "root", "DOC_ROOT"));
    x = expect();
    x.policy.data = NULL;
    x.allow_simulated = false;
    assert_false(veronnx_verify_attestation(good, &x, &r));
    assert_true(failed(&r, "root", "DOC_ROOT"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bundle),
        cmocka_unit_test(nothing_expected),
        cmocka_unit_test(attestation),
    };
    folder = argc == 2 ? argv[1] : ".";
    return veronnx_verify_setup() ? cmocka_run_group_tests_name("verify/library", tests, NULL, NULL) : 1;
}
