/* veronnx-host: `veronnx host`. Wiring only. */
#include "host/host.h"

#include <unistd.h>

int main(int argc, char **argv)
{
    _exit(host_main(argc, argv));
}
