/* veronnx-infer: wiring only. */
#include "infer/infer.h"
#include "main/child.h"

#include <unistd.h>

int main(void)
{
    child_begin();
    _exit(infer_main());
}
