/* Only in builds with sanitizers, for processes that have a jail: there a question about a terminal, a helper process for
 * names or a search for leaks would be a forbidden system call, and the finding would never be read. Module and offset are
 * enough for addr2line. */
const char *__asan_default_options(void);  // NOLINT(bugprone-reserved-identifier): the sanitizer's name
const char *__ubsan_default_options(void); // NOLINT(bugprone-reserved-identifier)

#define OPTIONS "color=never:symbolize=0:detect_leaks=0"

const char *__asan_default_options(void) // NOLINT(bugprone-reserved-identifier)
{
    return OPTIONS;
}

const char *__ubsan_default_options(void) // NOLINT(bugprone-reserved-identifier)
{
    return OPTIONS;
}
