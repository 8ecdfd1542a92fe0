/* The command line's tensor arguments: the first byte picks JSON, .npy or TensorProto. */
#include "cli/tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tensor_args args;
    struct why why = {0};
    if (size == 0)
        return 0;
    struct view rest = view_of(data + 1, size - 1);
    err_t e = OK;
    if (data[0] % 3 == 0) {
        e = tensor_args_add_json(&args, view_of("x", 1), rest, &why);
    } else if (tensor_args_add_json(&args, view_of("x", 1), view_of("0", 1), &why) == OK) {
        struct tensor_arg fresh = {.name = args.items[0].name};
        args.items[0].name = NULL;
        tensor_args_done(&args);
        args.items[0] = fresh;
        args.count = 1;
        e = data[0] % 3 == 1 ? tensor_from_npy(rest, &args.items[0], &why) : tensor_from_pb(rest, &args.items[0], &why);
    }
    if (e == OK && args.count == 1) {
        AUTO_BUF struct buf out = BUF_WITH(MIB);
        if (tensor_arg_request(&args.items[0], &out) == OK)
            e = tensor_arg_payload(&args.items[0], DTYPE_FLOAT, &out, &why);
    }
    (void)e;
    tensor_args_done(&args);
    return 0;
}
