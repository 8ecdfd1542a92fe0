/* Listening sockets. */
#ifndef VERONNX_SUPER_LISTEN_H
#define VERONNX_SUPER_LISTEN_H

#include "wire/conf.h"

/* Binds and listens; an error is printed and gives ERR_USAGE. `ret_port` is the real one when 0 was asked for. */
err_t listen_open(const struct address *a, int *ret_fd, uint32_t *ret_port);

/* Before a listener is given to another front: the last one shared it and may have shut it down or made it blocking. ERR_CLOSED when
   it could not get `port` back, which is possible only for one that was asked for as 0. A Unix socket that was shut down stays deaf,
   another reason why it only stands for vsock. */
err_t listen_again(int fd, uint32_t port);

#endif
