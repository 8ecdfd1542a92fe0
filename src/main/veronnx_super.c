/* veronnx-super: `veronnx serve`. Wiring only. */
#include "super/super.h"

#include <unistd.h>

int main(int argc, char **argv)
{
    _exit(super_main(argc, argv));
}
