/* Listening sockets. */
#ifndef VERONNX_SUPER_LISTEN_H
#define VERONNX_SUPER_LISTEN_H

#include "wire/conf.h"

/* Binds and listens; an error is printed and gives ERR_USAGE. `ret_port` is the real one when 0 was asked for. */
err_t listen_open(const struct conf_listen *l, int *ret_fd, uint16_t *ret_port);

#endif
