/* veronnx-config: wiring only. */
#include "config/config.h"
#include "main/child.h"

#include <unistd.h>

int main(int argc, char **argv)
{
    child_begin();
    _exit(config_main(argc, argv));
}
