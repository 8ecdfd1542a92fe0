/* Printing values. */
#include "cli/show.h"

#include "base/text.h"
#include "tensor/print.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define TEXT_MAX (64 * KIB)
#define HEX_MAX  (2 * KIB)

static void show_quoted(struct view text)
{
    AUTO_BUF struct buf quoted = BUF_WITH(2 + 6 * TEXT_MAX);
    if (print_string(&quoted, text) == OK)
        (void)printf("%.*s", (int)quoted.len, (const char *)quoted.data);
    else
        (void)printf("null");
}

void show_escaped(struct view text)
{
    for (size_t i = 0; i < text.len; i++)
        (void)printf(text.data[i] >= 0x20 && text.data[i] <= 0x7e ? "%c" : "\\x%02x", text.data[i]);
}

void show_json(struct view json)
{
    for (size_t i = 0; i < json.len; i++) {
        bool c1 = json.data[i] == 0xc2 && i + 1 < json.len && json.data[i + 1] < 0xa0; /* valid UTF-8: from 0x80 on */
        if (c1)
            i++;
        if (c1 || json.data[i] == 0x7f)
            (void)printf("\\u%04X", json.data[i]);
        else
            (void)putchar(json.data[i]);
    }
}

static void show_plain(struct view text)
{
    show_escaped(text);
    (void)putchar('\n');
}

void show_lines(struct view text)
{
    while (text.len > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.len);
        size_t n = end != NULL ? (size_t)(end - text.data) : text.len;
        (void)printf("    ");
        show_plain(view_of(text.data, n));
        text = view_of(text.data + n, text.len - n);
        text = text.len > 0 ? view_of(text.data + 1, text.len - 1) : text;
    }
}

void show_text(const char *name, struct view text, bool json)
{
    if (json) {
        (void)printf(",\"%s\":", name);
        show_quoted(text);
        return;
    }
    (void)printf("%-18s ", name);
    show_plain(text);
}

void show_hex(const char *name, struct view bytes, bool json)
{
    char text[HEX_LEN(HEX_MAX) + 1];
    size_t n = MIN(bytes.len, HEX_MAX);
    hex_encode(bytes.data, n, text);
    show_text(name, view_of(text, strlen(text)), json);
}

void show_time(const char *name, uint64_t us, bool json)
{
    time_t seconds = (time_t)(us / 1000000);
    struct tm tm;
    char day[32] = "", text[64];
    if (gmtime_r(&seconds, &tm) != NULL)
        (void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(text, sizeof(text), "%s.%06uZ", day, (unsigned)(us % 1000000));
    show_text(name, view_of(text, strlen(text)), json);
}
