/* veronnx-keeper: wiring only. */
#include "keeper/keeper.h"
#include "main/child.h"

#include <unistd.h>

int main(void)
{
    child_begin();
    _exit(keeper_main());
}
