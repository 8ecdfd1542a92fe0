/* veronnx-fetch: wiring only. */
#include "fetch/fetch.h"
#include "main/child.h"

int main(int argc, char **argv)
{
    child_begin();
    return fetch_main(argc, argv);
}
