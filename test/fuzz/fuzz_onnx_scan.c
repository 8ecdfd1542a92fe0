/* The scan of ONNX files. What it lets through must not refer to a file, as a reader sees it that takes all that
   protobuf takes, and what it tells of it must be possible. */
#include "../unit/scan/lenient.h"
#include "infer/scan/scan.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct view listed = {(const uint8_t *)"example.org", 11};
    struct scan_policy policy = {.limits = SCAN_LIMITS_DEFAULT, .domains = &listed, .domain_count = 1};
    struct scan_info info = {0};
    struct why why = {0};
    struct view file = view_of(data, size);

    /* Small enough to be reached. */
    policy.limits.nodes = 20;
    policy.limits.tensors = 20;
    policy.limits.messages = 200;
    policy.limits.name_len = 40;
    if (scan_model(file, &policy, &info, &why) != OK) {
        assert(why.text[0] != '\0' && strlen(why.text) < sizeof(why.text) - 1);
        return 0;
    }
    assert(!lenient_finds_file(LENIENT_MODEL, file));
    assert(info.ir_version > 0 && info.opsets.count > 0 && info.nodes <= 20 && info.tensors <= 20);
    return 0;
}
