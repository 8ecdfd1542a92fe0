/* Comparing the kernel's command line. */
#include "cmdline.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

/* `ret` becomes the first word of `line`, which moves behind it. */
static size_t next_word(const char **line, const char **ret)
{
    *line += strspn(*line, " ");
    *ret = *line;
    size_t n = strcspn(*line, " ");
    *line += n;
    return n;
}

static bool is_plain(const char *line)
{
    while (*line >= 0x20 && *line <= 0x7e)
        line++;
    return *line == '\0';
}

bool cmdline_is(const char *line, const char *measured)
{
    static const char device[] = "virtio_mmio.device=";
    size_t n = strlen(measured);
    if (!is_plain(line) || strncmp(line, measured, n) != 0 || (line[n] != '\0' && line[n] != ' '))
        return false;
    line += n;
    const char *word = NULL;
    while (next_word(&line, &word) > 0)
        if (strncmp(word, device, sizeof(device) - 1) != 0)
            return false;
    return true;
}

bool cmdline_is_measured(void)
{
    char line[LINE_MAX_BYTES];
    int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, line, sizeof(line) - 1) : -1;
    if (fd >= 0)
        (void)close(fd);
    if (n < 0 || (size_t)n == sizeof(line) - 1)
        return false;
    line[n > 0 && line[n - 1] == '\n' ? n - 1 : n] = '\0';
    return cmdline_is(line, MEASURED_CMDLINE);
}
