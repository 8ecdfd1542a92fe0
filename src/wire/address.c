/* Addresses as text. */
#include "wire/address.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* linux/vm_sockets.h must stand behind sys/socket.h. */
#include <linux/vm_sockets.h>

static const char unix_prefix[] = "unix:", vsock_prefix[] = "vsock:", vhost_prefix[] = "vhost:";

static bool take_prefix(struct view *text, const char *prefix)
{
    size_t n = strlen(prefix);
    if (text->len < n || memcmp(text->data, prefix, n) != 0)
        return false;
    *text = view_of(text->data + n, text->len - n);
    return true;
}

/* Splits at the last colon; ERR_USAGE when there is none. */
static err_t take_port(struct view *text, uint64_t max, uint32_t *ret_port)
{
    size_t colon = text->len;
    uint64_t port = 0;
    while (colon > 0 && text->data[colon - 1] != ':')
        colon--;
    if (colon == 0 || text_u64(view_of(text->data + colon, text->len - colon), max, &port) != OK)
        return ERR_USAGE;
    *text = view_of(text->data, colon - 1);
    *ret_port = (uint32_t)port;
    return OK;
}

/* An absolute or relative path that fits a sockaddr_un. */
static err_t parse_unix(struct view path, struct address *a)
{
    a->family = AF_UNIX;
    return path.len > 0 && path.len < sizeof(((struct sockaddr_un *)NULL)->sun_path) ? OK : ERR_USAGE;
}

static err_t parse_vhost(struct view text, enum address_use use, struct address *a)
{
    TRY(take_port(&text, UINT32_MAX - 1, &a->port));
    return use == ADDRESS_CONNECT && a->port > 0 ? parse_unix(text, a) : ERR_USAGE;
}

static err_t parse_vsock(struct view text, enum address_use use, struct address *a)
{
    uint64_t number = 0;
    a->family = AF_VSOCK;
    a->cid = VMADDR_CID_ANY;
    if (use == ADDRESS_CONNECT) {
        TRY(take_port(&text, UINT32_MAX - 1, &a->port));
        if (text_u64(text, UINT32_MAX - 1, &number) != OK)
            return ERR_USAGE;
        a->cid = (uint32_t)number;
    } else {
        if (text_u64(text, UINT32_MAX - 1, &number) != OK)
            return ERR_USAGE;
        a->port = (uint32_t)number;
    }
    return a->port > 0 ? OK : ERR_USAGE;
}

static err_t parse_tcp(struct view text, struct address *a)
{
    char host[INET6_ADDRSTRLEN + 1] = {0};
    TRY(take_port(&text, UINT16_MAX, &a->port));
    if (text.len > 2 && text.data[0] == '[' && text.data[text.len - 1] == ']')
        text = view_of(text.data + 1, text.len - 2);
    if (text.len == 0 || text.len >= sizeof(host))
        return ERR_USAGE;
    memcpy(host, text.data, text.len);
    const char *number = strcmp(host, "localhost") == 0 ? "127.0.0.1" : strcmp(host, "*") == 0 ? "0.0.0.0" : host;
    a->family = AF_INET;
    if (inet_pton(AF_INET, number, a->addr) == 1)
        return OK;
    a->family = AF_INET6;
    return inet_pton(AF_INET6, number, a->addr) == 1 ? OK : ERR_USAGE;
}

static err_t parse_any(struct view text, enum address_use use, struct address *a)
{
    if (take_prefix(&text, unix_prefix))
        return parse_unix(text, a);
    if (take_prefix(&text, vsock_prefix))
        return parse_vsock(text, use, a);
    if (take_prefix(&text, vhost_prefix))
        return parse_vhost(text, use, a);
    return parse_tcp(text, a);
}

err_t address_parse(struct view text, enum address_use use, struct address *ret)
{
    struct address a = {0};
    if (text.len == 0 || text.len >= sizeof(a.text))
        return ERR_USAGE;
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] <= 0x20 || text.data[i] > 0x7e || text.data[i] == '"' || text.data[i] == '\\')
            return ERR_USAGE;
    if (parse_any(text, use, &a) != OK)
        return ERR_USAGE;
    memcpy(a.text, text.data, text.len);
    *ret = a;
    return OK;
}

bool address_fits(const struct address *a)
{
    static const uint16_t families[] = {0, AF_INET, AF_INET6, AF_VSOCK, AF_UNIX};
    bool known = false;
    for (size_t i = 0; i < COUNT_OF(families); i++)
        known = known || a->family == families[i];
    return known && memchr(a->text, '\0', sizeof(a->text)) != NULL;
}

bool address_is_local(const struct address *a)
{
    return a->family == AF_VSOCK || a->family == AF_UNIX;
}

size_t address_greeting(const struct address *a, char ret[static ADDRESS_GREETING_MAX])
{
    if (a->family != AF_UNIX || a->port == 0)
        return 0;
    return (size_t)snprintf(ret, ADDRESS_GREETING_MAX, "CONNECT %u\n", a->port);
}
