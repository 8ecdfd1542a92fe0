/* Prints the tables of the code as the documentation shows them: tables messages | options | errors. */
#include "wire/frame.h"
#include "wire/options.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *a;
    const char *b;
} channels[CHAN_COUNT_] = {
    [CHAN_CONFIG] = {"config", "supervisor", "config"}, [CHAN_KEEPER] = {"keeper", "supervisor", "keeper"},
    [CHAN_FRONT] = {"front", "supervisor", "front"},    [CHAN_ADMIN] = {"admin", "supervisor", "admin"},
    [CHAN_INFER] = {"infer", "supervisor", "infer"},    [CHAN_FETCH] = {"fetch", "supervisor", "fetch"},
    [CHAN_SIGN] = {"sign", "front", "keeper"},          [CHAN_TICKET] = {"ticket", "front", "keeper"},
    [CHAN_PROOF] = {"proof", "front", "keeper"},
    [CHAN_JOB] = {"job", "front", "infer"},             [CHAN_CANCEL] = {"cancel", "front", "infer"},
    [CHAN_REPORT] = {"report", "keeper", "infer"},      [CHAN_NSM] = {"nsm", "supervisor", "nsm"},
    [CHAN_MODULE] = {"module", "keeper", "nsm"},
};

static void print_messages(void)
{
    (void)puts("| message | from | to | fixed bytes | tail at most | descriptors |\n|---|---|---|---:|---:|---:|");
    for (uint16_t type = 1; type < MSG_COUNT_; type++) {
        const struct wire_row *r = wire_row(type);
        bool from_a = r->from == SIDE_A;
        char fds[16] = "";
        if (r->fds_min != r->fds_max)
            (void)snprintf(fds, sizeof(fds), "%u or %u", r->fds_min, r->fds_max);
        else if (r->fds_max > 0)
            (void)snprintf(fds, sizeof(fds), "%u", r->fds_max);
        (void)printf("| %s | %s | %s | %u | %u | %s |\n", r->name, from_a ? channels[r->chan].a : channels[r->chan].b,
                     from_a ? channels[r->chan].b : channels[r->chan].a, r->fixed, r->tail, fds);
    }
}

static void print_options(void)
{
    for (unsigned section = 0; section < SECTION_COUNT_; section++) {
        (void)printf("%s### [%s]\n\n| key | value | default | meaning |\n|---|---|---|---|\n", section > 0 ? "\n" : "",
                     option_sections[section]);
        for (size_t i = 0; i < options_count; i++)
            if (options[i].section == (enum option_section)section)
                (void)printf("| `%s` | %s | %s | %s |\n", options[i].key,
                             options[i].value != NULL ? options[i].value : "true or false",
                             options[i].initial != NULL ? options[i].initial : "", options[i].help);
    }
}

static void print_errors(void)
{
    (void)puts("| code | status | meaning |\n|---|---:|---|");
    for (unsigned e = 1; e < ERR_COUNT_; e++)
        (void)printf("| %s | %d | %s |\n", err_name((err_t)e), err_http((err_t)e), err_text((err_t)e));
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } tables[] = {{"messages", print_messages}, {"options", print_options}, {"errors", print_errors}};
    for (size_t i = 0; argc == 2 && i < COUNT_OF(tables); i++)
        if (strcmp(argv[1], tables[i].name) == 0) {
            tables[i].print();
            return 0;
        }
    return 2;
}
