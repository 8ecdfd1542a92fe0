/* veronnx-keeper: wiring only. */
#include "keeper/keeper.h"
#include "main/child.h"

int main(void)
{
    child_begin();
    return keeper_main();
}
