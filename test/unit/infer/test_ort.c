/* The errors of ONNX Runtime in our words. The texts are those that release 1.30.0 writes. */
#include "infer/ort.h"

#include "../unit.h"

static void faults(void **state UNUSED)
{
    static const struct {
        enum ort_stage stage;
        OrtErrorCode code;
        const char *text;
        err_t expected;
    } rows[] = {
        {ORT_STAGE_LOAD, ORT_RUNTIME_EXCEPTION, "std::bad_alloc", ERR_NOMEM},
        {ORT_STAGE_RUN, ORT_RUNTIME_EXCEPTION, "std::bad_alloc", ERR_NOMEM},
        {ORT_STAGE_RUN, ORT_RUNTIME_EXCEPTION,
         "Non-zero status code returned while running ConstantOfShape node. Name:'' Status Message: std::bad_alloc",
         ERR_NOMEM},
        {ORT_STAGE_RUN, ORT_RUNTIME_EXCEPTION,
         "Non-zero status code returned while running Conv node. Name:'c' Status Message: Failed to allocate memory "
         "for requested buffer of size 1024",
         ERR_NOMEM},
        {ORT_STAGE_LOAD, ORT_INVALID_PROTOBUF, "Failed to load model because protobuf parsing failed.",
         ERR_MODEL_NOT_ONNX},
        {ORT_STAGE_LOAD, ORT_NO_MODEL, "", ERR_MODEL_NOT_ONNX},
        {ORT_STAGE_LOAD, ORT_INVALID_GRAPH, "This is an invalid model.", ERR_MODEL_UNSUPPORTED},
        {ORT_STAGE_LOAD, ORT_NOT_IMPLEMENTED, "Could not find an implementation for Gelu(1)", ERR_MODEL_UNSUPPORTED},
        {ORT_STAGE_LOAD, ORT_FAIL, "Fatal error: x is not a registered function/op", ERR_MODEL_UNSUPPORTED},
        {ORT_STAGE_RUN, ORT_FAIL, "Exiting due to terminate flag being set to true.", ERR_RUN_FAILED},
        {ORT_STAGE_RUN, ORT_INVALID_ARGUMENT,
         "Non-zero status code returned while running Gather node. Name:'' Status Message: indices element out of data "
         "bounds, idx=77 must be within the inclusive range [-3,2]",
         ERR_RUN_FAILED},
        {ORT_STAGE_RUN, ORT_INVALID_PROTOBUF, "", ERR_RUN_FAILED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_err(ort_fault(rows[i].stage, rows[i].code, rows[i].text), rows[i].expected);
}

static void no_status_is_no_error(void **state UNUSED)
{
    assert_ok(ort_load_result(NULL));
    assert_ok(ort_run_result(NULL));
}

static void a_library_that_is_not_there(void **state UNUSED)
{
    struct ort_library library;
    assert_err(ort_open("nowhere", &library), ERR_USAGE);
    assert_null(ort);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults),
        cmocka_unit_test(no_status_is_no_error),
        cmocka_unit_test(a_library_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
