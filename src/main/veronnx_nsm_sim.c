/* veronnx-nsm-sim: wiring only. */
#include "main/child.h"
#include "nsm/process.h"

#include <unistd.h>

int main(void)
{
    child_begin();
    _exit(nsm_sim_main());
}
