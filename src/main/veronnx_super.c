/* veronnx-super: `veronnx serve`. Wiring only. */
#include "super/super.h"

int main(int argc, char **argv)
{
    return super_main(argc, argv);
}
