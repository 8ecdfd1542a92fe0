/* veronnx-fetch: wiring only. */
#include "fetch/fetch.h"
#include "main/child.h"

#include <unistd.h>

int main(int argc, char **argv)
{
    child_begin();
    _exit(fetch_main(argc, argv));
}
