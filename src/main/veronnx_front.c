/* veronnx-front: wiring only. */
#include "front/front.h"
#include "main/child.h"

#include <string.h>

int main(int argc, char **argv)
{
    child_begin();
    return argc > 1 && strcmp(argv[1], "--admin") == 0 ? front_admin_main() : front_main();
}
