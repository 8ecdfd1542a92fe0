/* veronnx-infer: wiring only. */
#include "infer/infer.h"
#include "main/child.h"

int main(void)
{
    child_begin();
    return infer_main();
}
