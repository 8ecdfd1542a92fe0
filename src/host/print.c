/* Lines. */
#include "host/print.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_BYTES 1024

/* What stands in it is for guests to say, and it may lie in memory. */
static void keep_short(int fd)
{
    static const char begun[] = "veronnx host: this file was full and begins again\n";
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size >= PRINT_FILE_MAX && ftruncate(fd, 0) == 0 &&
        lseek(fd, 0, SEEK_SET) == 0 && write(fd, begun, sizeof(begun) - 1) < 0)
        return;
}

static void put(int fd, const char *line, size_t n)
{
    struct pollfd out = {.fd = fd, .events = POLLOUT};
    keep_short(fd);
    if (poll(&out, 1, 0) > 0 && write(fd, line, n) < 0)
        return; /* there is nowhere to complain */
}

void print_line(const char *format, ...)
{
    char line[LINE_BYTES] = "veronnx host: ";
    size_t head = strlen(line);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line + head, sizeof(line) - head - 1, format, args);
    va_end(args);
    if (n < 0)
        return;
    size_t len = head + MIN((size_t)n, sizeof(line) - head - 2);
    line[len++] = '\n';
    put(STDERR_FILENO, line, len);
}

void print_record(const struct log_record *r, enum role role, uint64_t wall_us)
{
    char line[LOG_LINE_MAX + 1];
    if (log_format(r, role, wall_us, line) != OK)
        return;
    size_t n = strlen(line);
    line[n++] = '\n';
    put(STDOUT_FILENO, line, n);
}
