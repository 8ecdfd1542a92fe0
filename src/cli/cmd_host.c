/* veronnx host run, describe, switch, stop. */
#include "cli/cmd_host.h"

#include "base/mem.h"
#include "cli/command.h"
#include "cli/host_enclave.h"
#include "cli/host_words.h"
#include "wire/launch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <yyjson.h>

#define SETTLE_MS 2000 /* for the first request of who came to the old enclave just before */
#define LOOK_MS   2000 /* between two looks at what runs in the foreground */

struct host_command {
    struct host_words words;
    struct host_folder folder;
    struct host_side side;
    struct enclave enclaves[HOST_ENCLAVES_MAX];
    size_t n_enclaves;
};

static void host_command_free(struct host_command **command)
{
    struct host_command *c = TAKE_PTR(*command);
    if (c != NULL)
        host_folder_done(&c->folder);
    mem_free(c);
}

/* ── stop ── */

/* What is drained is what the probe leads to. What may still run is not forgotten: ERR_CLOSED, with a sentence. */
static err_t end_all(struct host_command *c, bool drain, struct why *why)
{
    struct why none = {0};
    err_t error = OK;
    bool serves = process_lives(&c->side.process);
    for (size_t i = 0; i < c->n_enclaves; i++) {
        struct enclave *e = &c->enclaves[i];
        bool led = serves && drain && host_side_probe(&c->folder, &c->side, e->cid, &none) == OK;
        if (enclave_end(&c->folder, &c->side, e, led, why) != OK)
            error = ERR_CLOSED;
    }
    host_side_stop(&c->side);
    if (error == OK)
        host_side_forget(&c->folder);
    return error;
}

static err_t read_all(struct host_command *c, struct why *why)
{
    TRY(host_side_read(&c->folder, &c->side, why));
    return enclaves_read(&c->folder, c->enclaves, &c->n_enclaves, why);
}

static err_t host_stop(struct host_command *c, struct why *why)
{
    TRY(host_folder_open(c->words.run_dir, HOST_FOLDER_WORK, &c->folder, why));
    TRY(read_all(c, why));
    return end_all(c, !c->words.now, why);
}

/* ── run ── */

static bool enclave_lives(const struct host_command *c)
{
    bool lives = false;
    for (size_t i = 0; i < c->n_enclaves; i++)
        lives |= machine_of(&c->side.settings)->life(&c->enclaves[i]) != LIFE_GONE;
    return lives;
}

/* After a command that was killed, or the machine's own end, there may be files without processes. */
static err_t need_nothing(struct host_command *c, struct why *why)
{
    struct why none = {0};
    if (read_all(c, &none) != OK)
        return OK;
    if (process_lives(&c->side.process) || enclave_lives(c))
        return why_set(why, ERR_OVERLOADED, "something runs in %s: veronnx host switch or stop", c->folder.path);
    return end_all(c, false, why);
}

static err_t start_all(struct host_command *c, struct enclave *e, struct why *why)
{
    struct why none = {0};
    c->side = (struct host_side){.settings = c->words.settings};
    machine_reach(&c->folder, &c->side.settings);
    TRY(host_side_start(&c->folder, &c->words.asked, e->cid, &c->side, why));
    err_t error = host_side_write(&c->folder, &c->side, why);
    if (error == OK)
        error = enclave_run(&c->folder, &c->side, e, why);
    if (error != OK) {
        host_side_stop(&c->side);
        if (read_all(c, &none) != OK || c->n_enclaves == 0)
            host_side_forget(&c->folder);
    }
    return error;
}

/* Until a signal, or another command, ends it: OK; ERR_CLOSED when it ended otherwise. */
static err_t stay(struct host_command *c, struct why *why)
{
    struct why none = {0};
    bool asked = false;
    do {
        TRY(host_folder_release(&c->folder));
        asked = process_nap(LOOK_MS);
        while (host_folder_take(&c->folder, &none) != OK) /* `switch` or `stop` is at work */
            (void)usleep(LOOK_MS * 1000);
        if (read_all(c, &none) != OK)
            return OK; /* it was `stop` */
    } while (!asked && enclave_lives(c) && process_lives(&c->side.process));
    TRY(end_all(c, asked, why));
    return asked ? OK : why_set(why, ERR_CLOSED, "the enclave or veronnx-host ended");
}

static err_t host_run(struct host_command *c, struct why *why)
{
    struct enclave e;
    TRY(enclave_of(c->words.image, c->words.cid, &e, why));
    TRY(host_folder_open(c->words.run_dir, HOST_FOLDER_MAKE, &c->folder, why));
    TRY(need_nothing(c, why));
    TRY(start_all(c, &e, why));
    enclave_print(&c->folder, &c->side, &e);
    return c->words.foreground ? stay(c, why) : OK;
}

/* ── switch ── */

/* NULL: none serves. */
static struct enclave *find_old(struct host_command *c)
{
    struct enclave *old = NULL;
    for (size_t i = 0; i < c->n_enclaves; i++)
        if (c->enclaves[i].state == ENCLAVE_READY)
            old = &c->enclaves[i];
    return process_lives(&c->side.process) ? old : NULL;
}

/* The one that is over is led to by the probe while it drains. */
static err_t end_one(struct host_command *c, struct enclave *over, struct why *why)
{
    struct why none = {0};
    bool led = host_side_probe(&c->folder, &c->side, over->cid, &none) == OK;
    return enclave_end(&c->folder, &c->side, over, led, why);
}

/* What a command that was killed has left. */
static err_t end_rest(struct host_command *c, const struct enclave *old, struct why *why)
{
    for (size_t i = 0; i < c->n_enclaves; i++)
        if (&c->enclaves[i] != old && c->enclaves[i].state != ENCLAVE_READY)
            TRY(end_one(c, &c->enclaves[i], why));
    return OK;
}

static err_t change(struct host_command *c, const struct enclave *old, struct enclave *e, struct why *why)
{
    struct why second = {0};
    TRY(host_side_probe(&c->folder, &c->side, e->cid, why));
    TRY(enclave_run(&c->folder, &c->side, e, why));
    err_t error = host_side_serve(&c->folder, &c->side, e->cid, why);
    if (error == OK)
        return OK;
    if (host_side_serve(&c->folder, &c->side, old->cid, &second) != OK) /* some rows may have been led away */
        (void)fprintf(stderr, "veronnx host: %s\n", second.text);
    if (end_one(c, e, &second) != OK)
        (void)fprintf(stderr, "veronnx host: %s\n", second.text);
    return error;
}

static err_t host_switch(struct host_command *c, struct why *why)
{
    struct enclave e;
    struct why left = {0};
    const struct host_settings *said = &c->words.settings;
    TRY(enclave_of(c->words.image, 0, &e, why));
    TRY(host_folder_open(c->words.run_dir, HOST_FOLDER_WORK, &c->folder, why));
    TRY(read_all(c, why));
    struct enclave *old = find_old(c);
    if (old == NULL)
        return why_set(why, ERR_CLOSED, "no enclave serves in %s: veronnx host stop, then run", c->folder.path);
    TRY(end_rest(c, old, why));
    e.cid = c->enclaves[c->n_enclaves - 1].cid + 1;
    struct host_settings *s = &c->side.settings;
    s->cpus = said->cpus > 0 ? said->cpus : s->cpus;
    s->memory_mib = said->memory_mib > 0 ? said->memory_mib : s->memory_mib;
    s->debug = said->debug;
    err_t error = change(c, old, &e, why), ended = OK;
    if (error == OK) {
        (void)usleep(SETTLE_MS * 1000);
        ended = end_one(c, old, &left);
    }
    TRY(host_side_probe(&c->folder, &c->side, error == OK ? e.cid : old->cid, why));
    TRY(error);
    TRY(host_side_write(&c->folder, &c->side, why));
    enclave_print(&c->folder, &c->side, &e);
    return ended == OK ? OK : why_set(why, ended, "%s", left.text);
}

/* ── describe ── */

static void describe_enclave(const struct host_command *c, const struct enclave *e, yyjson_mut_doc *doc,
                             yyjson_mut_val *list)
{
    char path[HOST_PATH_MAX];
    enum life life = machine_of(&c->side.settings)->life(e);
    yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);
    (void)yyjson_mut_obj_add_uint(doc, o, "cid", e->cid);
    (void)yyjson_mut_obj_add_str(doc, o, "id", e->id);
    (void)yyjson_mut_obj_add_str(doc, o, "state", enclave_states[e->state]);
    if (life == LIFE_UNKNOWN)
        (void)yyjson_mut_obj_add_null(doc, o, "lives");
    else
        (void)yyjson_mut_obj_add_bool(doc, o, "lives", life == LIFE_RUNS);
    (void)yyjson_mut_obj_add_str(doc, o, "image", e->image);
    yyjson_mut_val *m = yyjson_mut_obj_add_obj(doc, o, "Measurements");
    (void)yyjson_mut_obj_add_str(doc, m, "PCR0", e->pcr[0]);
    (void)yyjson_mut_obj_add_str(doc, m, "PCR1", e->pcr[1]);
    (void)yyjson_mut_obj_add_str(doc, m, "PCR2", e->pcr[2]);
    (void)yyjson_mut_obj_add_bool(doc, o, "document_matches", e->matches);
    (void)yyjson_mut_obj_add_uint(doc, o, "ready_ms", e->ready_ms);
    host_folder_of(&c->folder, e->cid, "root.pem", path);
    if (e->simulated)
        (void)yyjson_mut_obj_add_strcpy(doc, o, "simulated_root", path);
}

static err_t host_describe(struct host_command *c, struct why *why)
{
    TRY(host_folder_open(c->words.run_dir, HOST_FOLDER_READ, &c->folder, why));
    TRY(read_all(c, why));
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    (void)yyjson_mut_obj_add_str(doc, root, "machine", machine_of(&c->side.settings)->name);
    (void)yyjson_mut_obj_add_bool(doc, root, "debug", c->side.settings.debug);
    yyjson_mut_val *host = yyjson_mut_obj_add_obj(doc, root, "host");
    (void)yyjson_mut_obj_add_int(doc, host, "pid", c->side.process.pid);
    (void)yyjson_mut_obj_add_bool(doc, host, "lives", process_lives(&c->side.process));
    yyjson_mut_val *urls = yyjson_mut_obj_add_arr(doc, root, "urls");
    for (size_t i = 0; i < c->side.n_public; i++)
        (void)yyjson_mut_arr_add_str(doc, urls, c->side.public_url[i]);
    (void)yyjson_mut_obj_add_str(doc, root, "admin", c->side.admin);
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, root, "enclaves");
    for (size_t i = 0; i < c->n_enclaves; i++)
        describe_enclave(c, &c->enclaves[i], doc, list);
    bool good = host_json_print(stdout, doc);
    yyjson_mut_doc_free(doc);
    return good ? OK : ERR_IO;
}

/* ── which ── */

static const struct action {
    const char *name;
    unsigned command;
    err_t (*act)(struct host_command *c, struct why *why);
} actions[] = {
    {"run", WORDS_RUN, host_run},
    {"describe", WORDS_DESCRIBE, host_describe},
    {"switch", WORDS_SWITCH, host_switch},
    {"stop", WORDS_STOP, host_stop},
};

static int act(const struct action *a, int argc, char **argv)
{
    struct why why = {0};
    AUTO(host_command_free) struct host_command *c = mem_alloc(1, sizeof(*c));
    if (c == NULL)
        return 1;
    c->folder = HOST_FOLDER_NONE;
    err_t e = host_words_parse(argc, argv, a->command, &c->words, &why);
    if (e == OK && c->words.help)
        (void)fputs(host_words_help, stdout);
    else if (e == OK) {
        process_hold_signals();
        e = a->act(c, &why);
    }
    char name[32];
    (void)snprintf(name, sizeof(name), "host %s", a->name);
    return command_end_coded(name, e, &why);
}

/* Another executable explains itself, and does all else. */
static int run_host(char **argv)
{
    char exe[LAUNCH_PATH_MAX];
    if (launch_beside("veronnx-host", exe) == OK)
        (void)execv(exe, argv);
    (void)fprintf(stderr, "veronnx: cannot start veronnx-host: %s\n", strerrordesc_np(errno));
    return 1;
}

int cmd_host(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < COUNT_OF(actions); i++)
        if (strcmp(argv[1], actions[i].name) == 0)
            return act(&actions[i], argc - 1, argv + 1);
    return run_host(argv);
}
