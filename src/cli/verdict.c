/* Printing reports and documents. */
#include "cli/verdict.h"

#include "cli/command.h"
#include "cli/show.h"

#include <stdio.h>
#include <string.h>

int verdict_end(const char *command, const struct veronnx_report *r)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct veronnx_check *c = &r->check[i];
        if (c->code == NULL)
            continue;
        (void)fprintf(stderr, "veronnx %s: %s: %s: ", command, c->name, c->code);
        command_say(c->why);
        (void)fputc('\n', stderr);
    }
    return r->n > 0 && r->n_failed == 0 ? 0 : 1;
}

static const char *boolean(bool b)
{
    return b ? "true" : "false";
}

void verdict_json(const struct veronnx_report *r)
{
    (void)printf("{\"verified\":%s,\"image_compared\":%s,\"simulated\":%s,\"debug\":%s,\"checks\":[",
                 boolean(r->n > 0 && r->n_failed == 0), boolean(r->image_compared), boolean(r->simulated),
                 boolean(r->debug));
    for (size_t i = 0; i < r->n; i++) {
        const struct veronnx_check *c = &r->check[i];
        (void)printf("%s{\"name\":\"%s\",\"ok\":%s", i > 0 ? "," : "", c->name, boolean(c->code == NULL));
        if (c->code != NULL) {
            show_text("code", view_of(c->code, strlen(c->code)), true);
            show_text("why", view_of(c->why, strlen(c->why)), true);
        }
        (void)putchar('}');
    }
    (void)putchar(']');
}

#define DEBUG_MODE   "in DEBUG MODE: the host can look into the enclave and change it"
#define NOT_COMPARED "NOT compared: --pcrs names the one that is wanted"

void verdict_warn(const char *command, const struct veronnx_report *r)
{
    if (r->debug)
        (void)fprintf(stderr, "veronnx %s: the node is %s\n", command, DEBUG_MODE);
    if (!r->image_compared)
        (void)fprintf(stderr, "veronnx %s: the image was %s\n", command, NOT_COMPARED);
}

void verdict_caveats(const struct veronnx_report *r)
{
    if (r->simulated)
        (void)puts("It is SIMULATED: it proves nothing about hardware.");
    if (r->debug)
        (void)puts("It is " DEBUG_MODE ".");
    (void)puts(r->image_compared ? "The image is the expected one." : "The image was " NOT_COMPARED ".");
}

/* Registers that are zero say nothing, so a person does not see them. */
static void show_registers(const struct document *d, bool json)
{
    for (unsigned i = 0; i < PCR_COUNT; i++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "PCR%u", i);
        if (d->pcr[i].data != NULL && (json || !pcr_is_zero(d->pcr[i].data)))
            show_hex(name, d->pcr[i], json);
    }
}

void verdict_document(const struct document *d, bool json)
{
    const struct {
        const char *name;
        struct view bytes;
    } claims[] = {{"public_key", d->public_key}, {"user_data", d->user_data}, {"nonce", d->nonce}};
    if (json)
        (void)printf(",\"document\":{\"timestamp_ms\":%llu", (unsigned long long)d->timestamp_ms);
    show_text("module_id", d->module_id, json);
    show_time("timestamp", d->timestamp_ms * 1000, json);
    show_registers(d, json);
    for (size_t i = 0; i < COUNT_OF(claims); i++)
        if (claims[i].bytes.data != NULL)
            show_hex(claims[i].name, claims[i].bytes, json);
    if (json)
        (void)putchar('}');
}
