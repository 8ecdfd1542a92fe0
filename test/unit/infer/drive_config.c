/* The configuration of a process that is driven. */
#include "drive.h"

#include "../unit.h"
#include "../wire/least.h"

int drive_config(const struct drive_options *o)
{
    struct conf *c = mem_alloc(1, sizeof(*c));
    int fd = -1;
    assert_non_null(c);
    conf_least(c);
    c->threads = o->threads != 0 ? o->threads : 1;
    c->workers = o->workers != 0 ? o->workers : 1;
    c->transfer_memory = c->model_file_max = 256 * MIB;
    c->load_rate = 20 * 1000 * 1000;
    assert_ok(memfd_new("config", 0, &fd));
    assert_ok(fd_write_all(fd, c, sizeof(*c)));
    assert_ok(memfd_seal(fd, SEALS_FILE));
    mem_free(c);
    return fd;
}
