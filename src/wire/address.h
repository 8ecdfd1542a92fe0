/* Where a stream socket listens or connects: TCP, vsock, or a Unix socket that stands for vsock where a machine has
   none.

       HOST:PORT         an IPv4 address, an IPv6 address in brackets, "localhost" or "*"
       vsock:PORT        to listen: whatever the own context id is
       vsock:CID:PORT    to connect
       unix:PATH         either
       vhost:PATH:PORT   to connect: the Unix socket of a vsock device in user space, which is told the port with a line
                         (docs/operations.md, "Without vsock")

   vsock is SOCK_STREAM alone; a context id says where to connect, never who it is that connected. */
#ifndef VERONNX_WIRE_ADDRESS_H
#define VERONNX_WIRE_ADDRESS_H

#include "base/buf.h"

#define ADDRESS_TEXT_MAX 128

struct address {
    uint16_t family; /* AF_INET, AF_INET6, AF_VSOCK, AF_UNIX; 0: none */
    uint32_t cid;    /* vsock */
    uint32_t port;   /* 0: any free one (TCP), or no line to be sent (Unix) */
    uint8_t addr[16];
    char text[ADDRESS_TEXT_MAX]; /* as written */
};

enum address_use { ADDRESS_LISTEN, ADDRESS_CONNECT };

/* ERR_USAGE. No names are looked up. */
err_t address_parse(struct view text, enum address_use use, struct address *ret);
/* Whether every text in it ends and its family is one of those above; for records that came from another process. */
bool address_fits(const struct address *a);
/* Whether it leads to or comes from the machine around an enclave: vsock or a Unix socket. */
bool address_is_local(const struct address *a);

/* Binds and listens: close-on-exec, non-blocking. A Unix socket that nobody listens on any more is replaced. On an
   error errno says why. `ret_port` is the real one when 0 was asked for. */
err_t address_listen(const struct address *a, int *ret_fd, uint32_t *ret_port);
/* The port that a listener has; 0 for a Unix socket. */
err_t address_port_of(int listener, uint32_t *ret_port);

/* Begins to connect: close-on-exec, non-blocking. `ret_done` is false while the connection is being made: writable then
   means done, and address_connected tells how. On an error errno says why. */
err_t address_connect(const struct address *a, int *ret_fd, bool *ret_done);
err_t address_connected(int fd);
/* Connects and waits, trying again while nobody listens there, until the clock says `deadline_ms`; the descriptor is
 * blocking. */
err_t address_reach(const struct address *a, uint64_t deadline_ms, int *ret_fd);

/* What the device of a vhost: address is told once it is connected; empty for all others. */
#define ADDRESS_GREETING_MAX 24
size_t address_greeting(const struct address *a, char ret[static ADDRESS_GREETING_MAX]);

#endif
