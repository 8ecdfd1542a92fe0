/* Statuses and media types. */
#include "fetch/answer.h"

#include <string.h>
#include <strings.h>

/* The first row that fits. */
static const struct {
    long from;
    long to;
    enum answer answer;
} statuses[] = {
    {200, 200, ANSWER_BLOCK},  {300, 399, ANSWER_ABSENT}, {404, 404, ANSWER_ABSENT}, {408, 408, ANSWER_BUSY},
    {410, 410, ANSWER_ABSENT}, {425, 425, ANSWER_BUSY},   {429, 429, ANSWER_BUSY},   {451, 451, ANSWER_ABSENT},
    {503, 503, ANSWER_BUSY},   {500, 599, ANSWER_FAILED},
};

enum answer answer_of_status(enum source_kind kind, long status)
{
    if (kind == SOURCE_KUBO && status == 500)
        return ANSWER_ABSENT;
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        if (status >= statuses[i].from && status <= statuses[i].to)
            return statuses[i].answer;
    return ANSWER_UNUSABLE;
}

bool answer_has_type(const char *content_type, const char *wanted)
{
    size_t n = strlen(wanted);
    if (content_type == NULL || strncasecmp(content_type, wanted, n) != 0)
        return false;
    const char *rest = content_type + n;
    rest += strspn(rest, " \t");
    return *rest == '\0' || *rest == ';';
}
