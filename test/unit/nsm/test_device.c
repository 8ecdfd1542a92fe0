/* Calls to the kernel's module, with a kernel of our own: this file's ioctl takes the place of libc's. */
#include "nsm/device.h"
#include "unit.h"

#include <errno.h>
#include <stdarg.h>

/* What the kernel does next, and what it was given. */
static struct {
    int error;           /* errno, or 0 */
    const char *answer;  /* hexadecimal */
    uint64_t answer_len; /* 0: that of the answer */
    unsigned calls;
    int fd;
    unsigned long number;
    uint64_t room;
    uint8_t request[NSM_REQUEST_MAX];
    size_t request_len;
} kernel;

int ioctl(int fd, unsigned long number, ...)
{
    va_list args;
    va_start(args, number);
    struct nsm_raw *raw = va_arg(args, struct nsm_raw *);
    va_end(args);
    kernel.calls++;
    kernel.fd = fd;
    kernel.number = number;
    kernel.room = raw->response_len;
    kernel.request_len = (size_t)raw->request_len;
    memcpy(kernel.request, (const void *)(uintptr_t)raw->request_addr, kernel.request_len);
    if (kernel.error != 0) {
        errno = kernel.error;
        return -1;
    }
    size_t n = strlen(kernel.answer) / 2;
    assert_ok(hex_decode(view_of(kernel.answer, 2 * n), (void *)(uintptr_t)raw->response_addr, n));
    raw->response_len = kernel.answer_len != 0 ? kernel.answer_len : n;
    return 0;
}

static uint8_t room[NSM_RESPONSE_MAX];

static struct nsm_response ask(struct nsm_request q, int error, const char *answer, uint64_t answer_len)
{
    int fd = 77;
    struct nsm_device device = device_of(&fd);
    kernel.error = error;
    kernel.answer = answer;
    kernel.answer_len = answer_len;
    return device_ask(&device, &q, room);
}

static void good(void **state UNUSED)
{
    struct nsm_response p = ask((struct nsm_request){.op = NSM_LOCK_PCR, .index = 16}, 0, "674c6f636b504352", 0);
    assert_int_equal(p.error, NSM_SUCCESS);
    assert_int_equal(kernel.fd, 77);
    assert_int_equal(kernel.number, 0xC0200A00);
    assert_int_equal(kernel.room, 0x3000); /* a smaller room is cut without a word */
    assert_int_equal(kernel.request_len, 17);
    assert_memory_equal(kernel.request, "\xa1\x67LockPCR\xa1\x65index\x10", 17);
}

static void random_bytes(void **state UNUSED)
{
    struct nsm_response p =
        ask((struct nsm_request){.op = NSM_GET_RANDOM}, 0, "a16947657452616e646f6da16672616e646f6d4401020304", 0);
    assert_true(view_is(p.bytes, "\1\2\3\4"));
}

static void failures(void **state UNUSED)
{
    static const char good_answer[] = "674c6f636b504352";
    static const struct {
        int error;
        const char *answer;
        uint64_t answer_len;
        enum nsm_error want;
    } rows[] = {
        {EMSGSIZE, "", 0, NSM_INPUT_TOO_LARGE},
        {ETIMEDOUT, "", 0, NSM_INTERNAL_ERROR},
        {EIO, "", 0, NSM_INTERNAL_ERROR},
        {EINTR, "", 0, NSM_INTERNAL_ERROR},
        {0, "", 0, NSM_INTERNAL_ERROR},
        {0, "ff", 0, NSM_INTERNAL_ERROR},
        {0, "684c6f636b50435273", 0, NSM_INTERNAL_ERROR}, /* the answer to another request */
        {0, good_answer, 7, NSM_INTERNAL_ERROR},
        {0, good_answer, 0x3001, NSM_INTERNAL_ERROR}, /* longer than the room */
        {0, good_answer, UINT64_MAX, NSM_INTERNAL_ERROR},
        {0, "a1654572726f726d526561644f6e6c79496e646578", 0, NSM_READ_ONLY_INDEX},
        {0, good_answer, 0, NSM_SUCCESS},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        kernel.calls = 0;
        struct nsm_response p =
            ask((struct nsm_request){.op = NSM_LOCK_PCR}, rows[i].error, rows[i].answer, rows[i].answer_len);
        assert_int_equal(p.op, NSM_LOCK_PCR);
        assert_int_equal(p.error, rows[i].want);
        assert_int_equal(kernel.calls, 1); /* never asked again: it may have been done */
    }
}

/* What is too long never gets to the kernel. */
static void too_long(void **state UNUSED)
{
    static const uint8_t bytes[NSM_REQUEST_MAX];
    kernel.calls = 0;
    struct nsm_response p = ask((struct nsm_request){.op = NSM_ATTESTATION, .nonce = view_of(bytes, 513)}, 0, "", 0);
    assert_int_equal(p.error, NSM_INPUT_TOO_LARGE);
    p = ask((struct nsm_request){.op = NSM_EXTEND_PCR, .data = view_of(bytes, sizeof(bytes))}, 0, "", 0);
    assert_int_equal(p.error, NSM_INPUT_TOO_LARGE);
    assert_int_equal(kernel.calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(good), cmocka_unit_test(random_bytes),
                                       cmocka_unit_test(failures), cmocka_unit_test(too_long)};
    return cmocka_run_group_tests_name("nsm device", tests, NULL, NULL);
}
