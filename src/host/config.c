/* One run of veronnx-config. */
#include "host/config.h"

#include "host/print.h"
#include "store/cache.h"
#include "wire/delivery.h"
#include "wire/launch.h"

#include <string.h>
#include <unistd.h>

#define ANSWER_MS 20000 /* it gives up on a file after ten seconds */

static err_t take_answer(struct wire_msg *m, struct host_config *c)
{
    if (m->type == MSG_CONFIG_DONE)
        return conf_map(m->fds[0], &c->map, &c->conf);
    if (m->type != MSG_CONFIG_FAILED)
        return ERR_PROTOCOL;
    print_line("%.*s", (int)m->tail.len, (const char *)m->tail.data);
    return ERR_USAGE;
}

static err_t ask(const struct launched *p, struct host_config *c)
{
    const struct msg_config_start start = {0};
    AUTO(wire_inbox_done) struct wire_inbox inbox = {0};
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    TRY(wire_inbox_init(&inbox, CHAN_CONFIG));
    TRY(wire_send_wait(&p->control, MSG_CONFIG_START, &start, view_of(NULL, 0), NULL, 0));
    TRY(wire_wait(&p->control, ANSWER_MS));
    TRY(wire_recv(&p->control, &inbox, false, &m));
    return take_answer(&m, c);
}

static err_t run(const char *const *args, struct host_config *c)
{
    static char *none[] = {NULL};
    const char *argv[256] = {"veronnx-config"};
    char exe[LAUNCH_PATH_MAX];
    AUTO(launch_stop) struct launched p = LAUNCHED_NONE;
    for (size_t n = 1; args[n - 1] != NULL; n++) {
        if (n + 1 == COUNT_OF(argv))
            return ERR_TOO_LARGE;
        argv[n] = args[n - 1];
    }
    TRY(launch_beside(argv[0], exe));
    TRY(launch_start(exe, (char *const *)(uintptr_t)argv, none, NULL, CHAN_CONFIG, &p));
    return ask(&p, c);
}

/* Both committed texts, with all defaults: the enclave's own differs only by what its image says. */
static err_t make_delivery(struct host_config *c)
{
    AUTO_BUF struct buf text = BUF_WITH(2 * CONF_TEXT_MAX);
    TRY(buf_put_text(&text, "[node]\n"));
    TRY(buf_put_view(&text, conf_node_text(c->conf)));
    TRY(buf_put_text(&text, "[policy]\n"));
    TRY(buf_put_view(&text, conf_policy_text(c->conf)));
    buf_init(&c->delivery, DELIVERY_MAX);
    err_t e = delivery_encode(buf_view(&text), &c->delivery);
    if (e == ERR_TOO_LARGE)
        print_line("the configuration, written out, is longer than %zu bytes", DELIVERY_TEXT_MAX);
    return e == ERR_TOO_LARGE ? ERR_USAGE : e;
}

static err_t choose(const char *said, err_t (*usual)(char *ret, size_t size), char ret[static CONF_PATH_MAX])
{
    AUTO(store_done) struct store s = STORE_NONE;
    struct why why = {0};
    size_t n = strlen(said);
    if (n == 0 && usual(ret, CONF_PATH_MAX) != OK) {
        print_line("HOME is not set: say --store DIR and --cache DIR");
        return ERR_USAGE;
    }
    if (n > 0)
        memcpy(ret, said, n + 1);
    if (store_create(ret, &s, &why) == OK)
        return OK;
    print_line("%s", why.text);
    return ERR_USAGE;
}

err_t host_config_read(const char *const *args, struct host_config *ret)
{
    AUTO(host_config_done) struct host_config c = {0};
    err_t e = run(args, &c);
    if (e != OK && e != ERR_USAGE)
        print_line("veronnx-config did not answer (%s; is it beside veronnx-host?)", err_name(e));
    TRY(e);
    TRY(make_delivery(&c));
    TRY(choose(c.conf->store, store_default_path, c.store));
    if (fetch_has_cache(c.conf))
        TRY(choose(c.conf->cache, cache_default_path, c.cache));
    *ret = c;
    fetch_args_make(ret->conf, ret->store, ret->cache, &ret->fetch); /* it points into what it is made of */
    c = (struct host_config){0};
    return OK;
}

void host_config_done(struct host_config *c)
{
    map_done(&c->map);
    buf_done(&c->delivery);
}
