/* Handing out and receiving a node's identity. */
#include "wire/identity.h"

#include <string.h>
#include <sys/mman.h>

const struct identity_check_row identity_checks[CHECKS_] = {
#define CHECK_ROW(id, name, text) [CHECK_##id] = {name, text},
    CHECK_TABLE(CHECK_ROW)
#undef CHECK_ROW
};

static bool is_result(const struct identity *i, unsigned check)
{
    unsigned result = i->checks[check];
    return result == CHECK_HOLDS || (result == CHECK_NOT_MADE && i->kind == 2) ||
           (result == CHECK_DEBUG && check == CHECK_IMAGE);
}

static bool is_module_id(const char id[static IDENTITY_MODULE_ID])
{
    size_t n = strnlen(id, IDENTITY_MODULE_ID);
    for (size_t i = 0; i < n; i++)
        if (id[i] < ' ' || id[i] > '~')
            return false;
    return n > 0 && n < IDENTITY_MODULE_ID;
}

static bool is_length(uint32_t len, size_t max)
{
    return len > 0 && len <= max;
}

err_t identity_check(const struct identity *i)
{
    if ((i->kind != 1 && i->kind != 2) || !is_module_id(i->module_id))
        return ERR_PROTOCOL;
    for (unsigned n = 0; n < CHECKS_; n++)
        if (!is_result(i, n))
            return ERR_PROTOCOL;
    return is_length(i->certificate_len, i->chain_len) && is_length(i->chain_len, sizeof(i->certificate)) &&
                   is_length(i->keyset_len, sizeof(i->keyset)) && is_length(i->rsa_len, sizeof(i->rsa)) &&
                   is_length(i->document_len, sizeof(i->document))
               ? OK
               : ERR_PROTOCOL;
}

err_t identity_seal(const struct identity *i, int *ret_fd)
{
    AUTO_FD int fd = -1;
    TRY(memfd_new("identity", 0, &fd));
    TRY(fd_write_all(fd, i, sizeof(*i)));
    TRY(memfd_seal(fd, SEALS_FILE));
    *ret_fd = TAKE_FD(fd);
    return OK;
}

err_t identity_map(int fd, struct map *ret_map, const struct identity **ret)
{
    size_t size = 0;
    AUTO(map_done) struct map m = {0};
    TRY(memfd_check(fd, SEALS_FILE, sizeof(struct identity), sizeof(struct identity), &size));
    TRY(map_shared(fd, size, PROT_READ, &m));
    const struct identity *i = (const struct identity *)(const void *)m.addr;
    TRY(identity_check(i));
    *ret_map = m;
    *ret = i;
    m = (struct map){0};
    return OK;
}

struct view identity_certificate(const struct identity *i)
{
    return view_of(i->certificate, i->certificate_len);
}

struct view identity_chain(const struct identity *i)
{
    return view_of(i->certificate, i->chain_len);
}

struct view identity_keyset(const struct identity *i)
{
    return view_of(i->keyset, i->keyset_len);
}

struct view identity_rsa(const struct identity *i)
{
    return view_of(i->rsa, i->rsa_len);
}

struct view identity_document(const struct identity *i)
{
    return view_of(i->document, i->document_len);
}
