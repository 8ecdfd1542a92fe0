/* Strings and commas. */
#include "selftest/json.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>

void json_separate(const char **separator)
{
    (void)fputs(*separator, stdout);
    *separator = ",";
}

void json_text(const char *text, size_t n)
{
    (void)putchar('"');
    for (size_t i = 0; i < n; i++) {
        bool plain = isprint((unsigned char)text[i]) != 0;
        if (plain && (text[i] == '"' || text[i] == '\\'))
            (void)putchar('\\');
        (void)putchar(plain ? text[i] : ' ');
    }
    (void)putchar('"');
}
