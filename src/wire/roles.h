/* The processes of a node. */
#ifndef VERONNX_WIRE_ROLES_H
#define VERONNX_WIRE_ROLES_H

/* id, name in logs and tables, executable */
#define ROLE_TABLE(X)                                                                                                  \
    X(SUPER, "super", "veronnx-super")                                                                                 \
    X(CONFIG, "config", "veronnx-config")                                                                              \
    X(KEEPER, "keeper", "veronnx-keeper")                                                                              \
    X(FRONT, "front", "veronnx-front")                                                                                 \
    X(ADMIN, "admin", "veronnx-front")                                                                                 \
    X(INFER, "infer", "veronnx-infer")                                                                                 \
    X(FETCH, "fetch", "veronnx-fetch")

enum role {
#define ROLE_ENUM(id, name, exe) ROLE_##id,
    ROLE_TABLE(ROLE_ENUM)
#undef ROLE_ENUM
        ROLE_COUNT_
};

/* Descriptors that every child has from its start, beside 0, 1 and 2 on /dev/null. */
enum { CONTROL_FD = 3, LOG_FD = 4 };

#endif
