/* The records of the configuration as a hostile writer could leave them: changes of four bytes to an empty one, each an offset and a
   value, then the texts behind it. Whatever is mapped has texts that end and texts that lie inside. */
#include "base/buf.h"
#include "base/mem.h"
#include "wire/conf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int make_file(struct view *in)
{
    int fd = -1;
    uint32_t at = 0, value = 0;
    AUTO_MEM struct conf *c = mem_alloc(1, sizeof(*c));
    if (c == NULL)
        abort();
    while (view_u32le(in, &at) == OK && at != UINT32_MAX && view_u32le(in, &value) == OK)
        memcpy((uint8_t *)c + at % (sizeof(*c) / 4) * 4, &value, 4);
    if (memfd_new("conf", sizeof(*c) + in->len, &fd) != OK || fd_write_all(fd, c, sizeof(*c)) != OK ||
        fd_write_all(fd, in->data, in->len) != OK || memfd_seal(fd, SEALS_FILE) != OK)
        abort();
    return fd;
}

static void check_text(const char *text, size_t size)
{
    if (strnlen(text, size) == size)
        abort();
}

static void check(const struct conf *c, const struct map *m)
{
    for (uint32_t i = 0; i < c->n_listen; i++)
        check_text(c->listen[i].text, sizeof(c->listen[i].text));
    for (uint32_t i = 0; i < c->n_aliases; i++)
        check_text(c->aliases[i].name, sizeof(c->aliases[i].name));
    for (uint32_t i = 0; i < c->n_domains; i++)
        check_text(c->domains[i], sizeof(c->domains[i]));
    check_text(c->state, sizeof(c->state));
    struct view node = conf_node_text(c), policy = conf_policy_text(c);
    if (node.data + node.len != policy.data || policy.data + policy.len != m->addr + m->size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view in = view_of(data, size);
    AUTO(map_done) struct map m = {0};
    const struct conf *c = NULL;
    AUTO_FD int fd = make_file(&in);
    if (conf_map(fd, &m, &c) == OK)
        check(c, &m);
    return 0;
}
