/* jail_table [--check FILE]: the jail table in Markdown, as it stands in docs/processes.md; or whether FILE contains
   exactly that (exit status 0; 1 if not; 77 if there is no such file). */
#include "jail/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_head(FILE *out, const char *first)
{
    fprintf(out, "| %s |", first);
    for (enum jail_row row = 0; row < JAIL_ROWS_; row++)
        fprintf(out, " %s |", jail_traits[row].name);
    fprintf(out, "\n|---|");
    for (enum jail_row row = 0; row < JAIL_ROWS_; row++)
        fprintf(out, "---|");
    fprintf(out, "\n");
}

static void print_cell(FILE *out, char cell)
{
    const struct jail_refusal *refusal = jail_refusal(cell);
    if (cell == CELL_KILL)
        fprintf(out, " |");
    else if (cell == CELL_ALLOW)
        fprintf(out, " yes |");
    else if (refusal != NULL)
        fprintf(out, " %s |", refusal->name);
    else
        fprintf(out, " *%c* |", cell);
}

static bool same_cells(size_t a, size_t b)
{
    return strcmp(jail_calls[a].cells, jail_calls[b].cells) == 0;
}

static bool seen_before(size_t call)
{
    for (size_t i = 0; i < call; i++)
        if (same_cells(i, call))
            return true;
    return false;
}

/* One line for all calls with the same cells. */
static void print_calls(FILE *out)
{
    print_head(out, "system calls");
    for (size_t i = 0; i < jail_n_calls; i++) {
        if (seen_before(i))
            continue;
        fprintf(out, "| %s", jail_calls[i].name);
        for (size_t k = i + 1; k < jail_n_calls; k++)
            if (same_cells(i, k))
                fprintf(out, ", %s", jail_calls[k].name);
        fprintf(out, " |");
        for (enum jail_row row = 0; row < JAIL_ROWS_; row++)
            print_cell(out, jail_calls[i].cells[row]);
        fprintf(out, "\n");
    }
}

static const char *call_name(int nr)
{
    for (size_t i = 0; i < jail_n_calls; i++)
        if (jail_calls[i].nr == nr)
            return jail_calls[i].name;
    return "";
}

/* Rules of one call and letter follow each other in the table. */
static void print_rules(FILE *out)
{
    fprintf(out, "\n| rule | system call | allowed if |\n|---|---|---|\n");
    for (size_t i = 0; i < jail_n_rules; i++) {
        const struct jail_rule *rule = &jail_rules[i], *before = i > 0 ? rule - 1 : NULL;
        if (before != NULL && before->cell == rule->cell && before->nr == rule->nr)
            fprintf(out, ", or %s", rule->text);
        else
            fprintf(out, "%s| *%c* | %s | %s", i > 0 ? " |\n" : "", rule->cell, call_name(rule->nr), rule->text);
    }
    fprintf(out, " |\n");
}

static void print_traits(FILE *out)
{
    fprintf(out, "\n| row | entered | environment | limits |\n|---|---|---|---|\n");
    for (enum jail_row row = 0; row < JAIL_ROWS_; row++) {
        const struct jail_traits *t = &jail_traits[row];
        if (t->after != JAIL_ROWS_) {
            fprintf(out, "| %s | from %s | | |\n", t->name, jail_traits[t->after].name);
            continue;
        }
        fprintf(out, "| %s | at the start |", t->name);
        for (size_t i = 0; t->environment[i] != NULL; i++)
            fprintf(out, "%s %s", i > 0 ? "," : "", t->environment[i]);
        fprintf(out, " | RLIMIT_CORE 0");
        for (size_t i = 0; i < JAIL_MAX_LIMITS && t->limits[i].name != NULL; i++)
            fprintf(out, ", %s %llu", t->limits[i].name, (unsigned long long)t->limits[i].max);
        fprintf(out, " |\n");
    }
}

/* The whole text; the caller frees it. */
static char *make_text(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return NULL;
    print_calls(out);
    print_rules(out);
    print_traits(out);
    return fclose(out) == 0 ? text : NULL;
}

static int check(const char *path, const char *text)
{
    static char content[1024 * 1024];
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return 77;
    content[fread(content, 1, sizeof(content) - 1, f)] = '\0';
    fclose(f);
    if (strstr(content, text) != NULL)
        return 0;
    fprintf(stderr, "%s does not contain the jail table as it is\n", path);
    return 1;
}

int main(int argc, char **argv)
{
    char *text = make_text();
    if (text == NULL)
        return 1;
    int status = 0;
    if (argc == 3 && strcmp(argv[1], "--check") == 0)
        status = check(argv[2], text);
    else
        fputs(text, stdout);
    free(text);
    return status;
}
