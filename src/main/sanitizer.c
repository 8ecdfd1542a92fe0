/* Only in builds with sanitizers: in the jail no question about a terminal and no helper process for names, or a finding
 * would end as a forbidden system call and never be read. Module and offset are enough for addr2line. */
const char *__asan_default_options(void);  // NOLINT(bugprone-reserved-identifier): the sanitizer's name
const char *__ubsan_default_options(void); // NOLINT(bugprone-reserved-identifier)

#define OPTIONS "color=never:symbolize=0"

const char *__asan_default_options(void) // NOLINT(bugprone-reserved-identifier)
{
    return OPTIONS;
}

const char *__ubsan_default_options(void) // NOLINT(bugprone-reserved-identifier)
{
    return OPTIONS;
}
