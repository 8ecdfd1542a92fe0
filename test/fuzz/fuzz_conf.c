/* The records of the configuration as a hostile writer could leave them: changes to the least one, each a word that says
   where and a value that is written there, once or several times, then the texts behind it. Whatever is mapped has
   texts that end and texts that lie inside. */
#include "base/buf.h"
#include "base/mem.h"
#include "wire/conf.h"

#include "../unit/wire/least.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where something is checked. */
static const size_t fields[] = {
    offsetof(struct conf, n_listen),      offsetof(struct conf, listen),          offsetof(struct conf, listen_name),
    offsetof(struct conf, admin),         offsetof(struct conf, blocks_from),     offsetof(struct conf, log_to),
    offsetof(struct conf, store),         offsetof(struct conf, state),           offsetof(struct conf, ready_file),
    offsetof(struct conf, n_preload),     offsetof(struct conf, preload),         offsetof(struct conf, n_aliases),
    offsetof(struct conf, aliases),       offsetof(struct conf, n_allow),         offsetof(struct conf, allow),
    offsetof(struct conf, n_domains),     offsetof(struct conf, domains),         offsetof(struct conf, n_sources),
    offsetof(struct conf, sources),       offsetof(struct conf, source_ca),       offsetof(struct conf, cache),
    offsetof(struct conf, node_text_len), offsetof(struct conf, policy_text_len),
};

/* The lowest byte: which field; the next: how many words behind it; the highest: how many words in all, less one. */
static void change(struct conf *c, uint32_t where, uint32_t value)
{
    size_t word = fields[where % 256 % COUNT_OF(fields)] / 4 + (where >> 8) % 65536, count = sizeof(*c) / 4;
    for (size_t i = 0; i <= where >> 24; i++)
        memcpy((uint8_t *)c + (word + i) % count * 4, &value, 4);
}

static int make_file(struct view *in)
{
    int fd = -1;
    uint32_t at = 0, value = 0;
    AUTO_MEM struct conf *c = mem_alloc(1, sizeof(*c));
    if (c == NULL)
        abort();
    conf_least(c);
    while (view_u32le(in, &at) == OK && at != UINT32_MAX && view_u32le(in, &value) == OK)
        change(c, at, value);
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
    if (c->workers > 64 || c->models > MODELS_LIST || c->prepared > PREPARED_NEVER || c->run_ms == 0 || c->load_rate == 0)
        abort();
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
