/* What the address sanitizer must know in a jailed process: it gets an exact environment, so no ASAN_OPTIONS, and looking for
   leaks at its end takes system calls that the jail refuses. Linked into the processes of a sanitized build only. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
