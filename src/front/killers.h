/* The inputs that a model's process died of: what was running then is remembered, and what was running twice within a minute is refused. */
#ifndef VERONNX_FRONT_KILLERS_H
#define VERONNX_FRONT_KILLERS_H

#include "base/sha256.h"

#define KILLERS_MAX       1024
#define KILLERS_MEMORY_MS 60000U

struct killer {
    uint8_t model[SHA256_LEN];
    uint8_t inputs[SHA256_LEN];
    uint64_t last_ms;
    unsigned deaths; /* 0: the place is free */
    unsigned last;   /* number of the last one */
};

struct killers {
    struct killer rows[KILLERS_MAX];
    unsigned next;
    uint64_t last_ms; /* the youngest death; 0: there was none */
    unsigned last;    /* its number */
};

/* Whether anything is remembered of this model: else nobody need look at inputs. */
bool killers_know(const struct killers *k, const uint8_t model[static SHA256_LEN], uint64_t now_ms);
/* A process died: what is noted from now on ran then. */
void killers_death(struct killers *k, uint64_t now_ms);
/* These inputs did. The place of the oldest row is taken when there is no other. */
void killers_note(struct killers *k, const uint8_t model[static SHA256_LEN], const uint8_t inputs[static SHA256_LEN]);
/* Whether that was so twice, the last time less than a minute ago. */
bool killers_refuse(const struct killers *k, const uint8_t model[static SHA256_LEN],
                    const uint8_t inputs[static SHA256_LEN], uint64_t now_ms);

#endif
