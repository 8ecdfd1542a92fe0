/* veronnx-config: wiring only. */
#include "config/config.h"
#include "main/child.h"

int main(int argc, char **argv)
{
    child_begin();
    return config_main(argc, argv);
}
