/* veronnx-front: wiring only. */
#include "front/front.h"
#include "main/child.h"

#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    child_begin();
    _exit(argc > 1 && strcmp(argv[1], "--admin") == 0 ? front_admin_main() : front_main());
}
