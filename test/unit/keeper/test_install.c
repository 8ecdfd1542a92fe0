/* Another certificate: bound by documents from the answer on, or nothing changes. */
#include "pki.h"
#include "stage.h"

#include "attest/document.h"
#include "base/sha256.h"

#include <openssl/x509.h>
#include <signal.h>
#include <sys/wait.h>

/* A leaf for the node's key, or for another one, and its issuer. */
static void make_chain(const struct stage *s, bool ours, struct buf *ret, size_t *ret_leaf)
{
    const unsigned char *at = s->identity.certificate;
    X509 *own = d2i_X509(NULL, &at, (long)s->identity.certificate_len);
    EVP_PKEY *authority = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
    pki_put(ret, "node", "authority", ours ? X509_get0_pubkey(own) : other, authority);
    *ret_leaf = ret->len;
    pki_put(ret, "authority", "authority", authority, authority);
    EVP_PKEY_free(authority);
    EVP_PKEY_free(other);
    X509_free(own);
}

static void install(const struct stage *s, uint32_t request, struct view chain)
{
    const struct msg_keeper_ask ask = {.request = request};
    assert_ok(wire_send(&s->control, MSG_KEEPER_INSTALL, &ask, chain, NULL, 0));
}

/* Leaves the identity that the answer brings in the stage. */
static err_t answer(struct stage *s, uint32_t request)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    stage_wait_readable(&s->control);
    assert_ok(wire_recv(&s->control, &s->inbox, false, &m));
    assert_int_equal(m.type, MSG_KEEPER_INSTALLED);
    const struct msg_keeper_installed *installed = m.fixed;
    assert_int_equal(installed->request, request);
    assert_int_equal(m.tail.len, installed->result == OK ? sizeof(s->identity) : 0);
    if (installed->result == OK)
        memcpy(&s->identity, m.tail.data, sizeof(s->identity));
    return err_from_wire(installed->result);
}

static void assert_bound(struct cast *c, uint32_t id)
{
    struct wire_nonce nonce = stage_nonce(3, 20);
    struct document d = {0};
    err_t result = ERR_INTERNAL;
    assert_ok(stage_ask(&c->front, id, &nonce));
    assert_ok(document_read(stage_document(&c->front, id, &result), &d, NULL));
    assert_ok(result);
    assert_true(view_equal(d.user_data, view_of(c->stage->identity.user_data, IDENTITY_USER)));
    assert_true(view_equal(d.public_key, identity_keyset(&c->stage->identity)));
}

static void test_installs(void **state)
{
    struct cast *c = *state;
    AUTO_BUF struct buf chain = BUF_WITH(CERT_MAX);
    const struct identity old = c->stage->identity, *new = &c->stage->identity;
    uint8_t digest[SHA256_LEN];
    struct document d = {0};
    size_t leaf = 0;
    make_chain(c->stage, true, &chain, &leaf);
    assert_bound(c, 1);
    install(c->stage, 41, buf_view(&chain));
    assert_ok(answer(c->stage, 41));
    assert_ok(identity_check(new));
    assert_true(view_equal(identity_chain(new), buf_view(&chain)));
    assert_true(view_equal(identity_certificate(new), view_of(chain.data, leaf)));
    assert_ok(sha256_of(chain.data, leaf, digest));
    assert_memory_equal(new->user_data, "\x12\x20", 2);
    assert_memory_equal(new->user_data + 2, digest, sizeof(digest));
    assert_memory_equal(new->user_data + 34, old.user_data + 34, 34);
    assert_true(view_equal(identity_keyset(new), identity_keyset(&old)));
    assert_memory_equal(new->pcr, old.pcr, sizeof(old.pcr));
    assert_ok(document_read(identity_document(new), &d, NULL));
    assert_true(view_equal(d.user_data, view_of(new->user_data, IDENTITY_USER)));
    assert_bound(c, 2);
    stage_round(c->stage, &c->front, &c->a);
}

static void test_refuses(void **state)
{
    struct cast *c = *state;
    AUTO_BUF struct buf good = BUF_WITH(CERT_MAX), other = BUF_WITH(CERT_MAX);
    size_t leaf = 0, other_leaf = 0;
    make_chain(c->stage, false, &other, &other_leaf);
    make_chain(c->stage, true, &good, &leaf);
    install(c->stage, 1, buf_view(&other));
    assert_err(answer(c->stage, 1), ERR_CERTIFICATE_KEY);
    install(c->stage, 2, view_of(good.data, good.len - 1));
    assert_err(answer(c->stage, 2), ERR_CERTIFICATE_MALFORMED);
    install(c->stage, 3, NOTHING);
    assert_err(answer(c->stage, 3), ERR_CERTIFICATE_MALFORMED);
    good.len = leaf;
    assert_ok(buf_put_view(&good, view_of(other.data, other_leaf)));
    install(c->stage, 4, buf_view(&good));
    assert_err(answer(c->stage, 4), ERR_CERTIFICATE_CHAIN);
    assert_bound(c, 1);
}

/* Documents that were asked for before have what was true then, in their order. */
static void test_while_others_wait(void **state)
{
    struct cast *c = *state;
    AUTO_BUF struct buf chain = BUF_WITH(CERT_MAX);
    const struct identity old = c->stage->identity;
    struct wire_nonce nonce = stage_nonce(3, 20);
    struct document d = {0};
    err_t result = ERR_INTERNAL;
    size_t leaf = 0;
    make_chain(c->stage, true, &chain, &leaf);
    assert_int_equal(kill(c->stage->module_pid, SIGSTOP), 0);
    assert_ok(stage_ask(&c->front, 1, &nonce));
    stage_round(c->stage, &c->front, &c->a); /* the keeper has looked at it */
    install(c->stage, 5, buf_view(&chain));
    stage_round(c->stage, &c->front, &c->a);
    assert_int_equal(kill(c->stage->module_pid, SIGCONT), 0);
    assert_ok(answer(c->stage, 5));
    assert_ok(document_read(stage_document(&c->front, 1, &result), &d, NULL));
    assert_true(view_equal(d.user_data, view_of(old.user_data, IDENTITY_USER)));
    assert_bound(c, 2);
}

/* The module refuses every document without a nonce from the second on. */
static void refuse_later(const struct nsm_request *q, struct nsm_response *p)
{
    static unsigned n;
    if (q->op == NSM_ATTESTATION && q->nonce.len == 0 && n++ > 0)
        *p = (struct nsm_response){.op = p->op, .error = NSM_INTERNAL_ERROR};
}

static int bent_setup(void **state)
{
    stage_bend = refuse_later;
    return cast_setup(state);
}

static int bent_teardown(void **state)
{
    stage_bend = NULL;
    return cast_teardown(state);
}

static void test_module_refuses(void **state)
{
    struct cast *c = *state;
    AUTO_BUF struct buf chain = BUF_WITH(CERT_MAX);
    size_t leaf = 0;
    make_chain(c->stage, true, &chain, &leaf);
    for (uint32_t n = 1; n <= 2; n++) {
        install(c->stage, n, buf_view(&chain));
        assert_err(answer(c->stage, n), ERR_NSM_FAILED);
        assert_bound(c, n);
    }
}

/* The supervisor does not ask twice, and not without a number. */
static void test_twice(void **state)
{
    struct cast *c = *state;
    AUTO_BUF struct buf chain = BUF_WITH(CERT_MAX);
    size_t leaf = 0;
    make_chain(c->stage, true, &chain, &leaf);
    assert_int_equal(kill(c->stage->module_pid, SIGSTOP), 0);
    install(c->stage, 1, buf_view(&chain));
    install(c->stage, 2, buf_view(&chain));
    int status = stage_wait(c->stage);
    assert_int_equal(kill(c->stage->module_pid, SIGCONT), 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void test_no_number(void **state)
{
    struct cast *c = *state;
    install(c->stage, 0, NOTHING);
    int status = stage_wait(c->stage);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

#define CAST(f) cmocka_unit_test_setup_teardown(f, cast_setup, cast_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CAST(test_installs),
        CAST(test_refuses),
        CAST(test_while_others_wait),
        cmocka_unit_test_setup_teardown(test_module_refuses, bent_setup, bent_teardown),
        CAST(test_twice),
        CAST(test_no_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
