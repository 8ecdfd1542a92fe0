/* The kinds of processes of a node. */
#ifndef VERONNX_BASE_ROLE_H
#define VERONNX_BASE_ROLE_H

/* id, name in logs and tables, executable */
#define ROLE_TABLE(X)                                                                                                  \
    X(SUPER, "super", "veronnx-super")                                                                                 \
    X(CONFIG, "config", "veronnx-config")                                                                              \
    X(KEEPER, "keeper", "veronnx-keeper")                                                                              \
    X(FRONT, "front", "veronnx-front")                                                                                 \
    X(ADMIN, "admin", "veronnx-front")                                                                                 \
    X(INFER, "infer", "veronnx-infer")                                                                                 \
    X(FETCH, "fetch", "veronnx-fetch")                                                                                 \
    X(NSM, "nsm", "veronnx-nsm")                                                                                       \
    X(NSM_SIM, "nsm-sim", "veronnx-nsm-sim")

enum role {
#define ROLE_ENUM(id, name, exe) ROLE_##id,
    ROLE_TABLE(ROLE_ENUM)
#undef ROLE_ENUM
        ROLE_COUNT_
};

/* Sets of them. */
enum {
#define ROLE_SET(id, name, exe) BY_##id = 1 << ROLE_##id,
    ROLE_TABLE(ROLE_SET)
#undef ROLE_SET
        BY_ALL = (1 << ROLE_COUNT_) - 1,
    BY_CHILDREN = BY_ALL & ~BY_SUPER,
};

#endif
