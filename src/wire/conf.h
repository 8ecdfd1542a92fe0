/* The configuration as fixed-form records: what `veronnx-config` writes into a sealed memory file and every process reads.

   The file holds one `struct conf`, then the canonical [node] text, then the canonical [policy] text. Whoever receives it calls
   memfd_check and conf_map; nothing in it is trusted to be in range by its readers beyond what conf_check verifies. */
#ifndef VERONNX_WIRE_CONF_H
#define VERONNX_WIRE_CONF_H

#include "base/buf.h"
#include "base/fd.h"
#include "wire/address.h"
#include "wire/msg.h"
#include "wire/source.h"

#define CONF_LISTEN_MAX 8
#define CONF_ALIAS_MAX  256
#define CONF_ALLOW_MAX  256
#define CONF_DOMAIN_MAX 16
#define CONF_PRELOAD_MAX 64
#define CONF_NAME_MAX   128 /* alias or opaque id, with its NUL */
#define CONF_PATH_MAX   1024
#define CONF_SOURCE_MAX (SOURCES_MAX - 1) /* the store is one too */
#define CONF_TEXT_MAX   (64 * KIB)

struct conf_alias {
    char name[CONF_NAME_MAX];
    struct wire_model model;
};

struct conf_source {
    uint32_t kind; /* enum source_kind; SOURCE_STORE is not among these */
    char url[SOURCE_URL_MAX];
    char token_file[CONF_PATH_MAX]; /* "" = none */
};

enum conf_models { MODELS_ANY, MODELS_LIST };
enum conf_prepared { PREPARED_AUTO, PREPARED_ALWAYS, PREPARED_NEVER };
enum conf_isolation { ISOLATION_SHARED };

struct conf {
    /* [node] */
    struct address listen[CONF_LISTEN_MAX];
    char listen_name[CONF_LISTEN_MAX][64]; /* the host part as written, for the certificate; "" for a wildcard, and without a host */
    struct address admin;
    struct address blocks_from; /* family 0: a fetcher of our own */
    struct address log_to;      /* family 0: standard error alone */
    uint32_t n_listen;
    uint32_t simulate;
    char store[CONF_PATH_MAX];
    char state[CONF_PATH_MAX];
    char ready_file[CONF_PATH_MAX]; /* "" = none */
    uint64_t model_memory;          /* bytes; 0 = 75 % of the machine's */
    uint64_t model_file_max;
    uint64_t body_max;
    uint64_t header_max;
    uint64_t output_max;
    uint64_t transfer_memory; /* bodies, input and output areas together */
    uint32_t threads;         /* intra-op threads of ONNX Runtime */
    uint32_t workers;         /* runs at the same time per model; 0 = one per core */
    uint32_t json_depth;
    uint32_t queue_model;
    uint32_t queue_all;
    uint32_t priorities; /* levels that a request can ask for; 0 = none */
    uint32_t connections;
    uint32_t idle_ms;
    uint32_t header_ms;
    uint64_t body_rate; /* bytes per second, least */
    uint32_t run_ms;
    uint32_t load_ms;
    uint64_t load_rate; /* bytes per second: cold load may take load_ms or size / load_rate, whichever is longer */
    uint32_t prepared; /* enum conf_prepared */
    uint32_t warm_up;  /* 0 or 1 */
    uint32_t drain_ms;
    uint32_t receipts; /* 0 or 1 */
    uint32_t triton_metrics; /* 0 or 1 */
    uint32_t model_control;  /* 0 or 1 */
    uint32_t key_days;
    uint32_t n_preload;
    struct wire_model preload[CONF_PRELOAD_MAX];
    /* [policy] */
    uint32_t models; /* enum conf_models */
    uint32_t isolation;
    uint32_t n_aliases;
    uint32_t n_allow;
    uint32_t n_domains;
    struct conf_alias aliases[CONF_ALIAS_MAX];
    struct wire_model allow[CONF_ALLOW_MAX]; /* with MODELS_LIST: these and the aliases' */
    char domains[CONF_DOMAIN_MAX][64];       /* operator domains beside ai.onnx and ai.onnx.ml */
    /* [fetch], beside `store` */
    uint32_t n_sources;
    struct conf_source sources[CONF_SOURCE_MAX];
    char source_ca[CONF_PATH_MAX]; /* "" = the system's */
    char cache[CONF_PATH_MAX];     /* "" = the default */
    uint64_t cache_size;           /* bytes; 0 = no cache */
    /* behind the struct */
    uint32_t node_text_len;
    uint32_t policy_text_len;
};

/* Maps a received configuration: seals, size, every count and every number are checked. `ret_map` owns the memory that `ret_conf` points into. */
err_t conf_map(int fd, struct map *ret_map, const struct conf **ret_conf);
/* How many bytes at its beginning can be of a name in `alias`: letters, digits and ._-/ */
size_t conf_name_len(struct view text);
/* Whether the policy lets this model be served. */
bool conf_allows(const struct conf *c, const struct wire_model *m);
/* The canonical texts, borrowed from the mapping. */
struct view conf_node_text(const struct conf *c);
struct view conf_policy_text(const struct conf *c);

#endif
