/* What makes a node of the test's own: its processes can be read by whoever started it. */
#include <stdarg.h>
#include <sys/prctl.h>

typeof(prctl) __real_prctl, __wrap_prctl;

int __wrap_prctl(int option, ...)
{
    unsigned long argument[4];
    va_list args;
    va_start(args, option);
    for (int i = 0; i < 4; i++)
        argument[i] = va_arg(args, unsigned long);
    va_end(args);
    return option == PR_SET_DUMPABLE ? 0 : __real_prctl(option, argument[0], argument[1], argument[2], argument[3]);
}
