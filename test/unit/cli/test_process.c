/* A program that is asked and does not answer. */
#include "cli/process.h"

#include "unit.h"

#include <errno.h>
#include <sys/wait.h>

/* A nitro-cli that hung kept its command for ever, and SIGTERM waited with it. */
static void has_a_deadline(void **state UNUSED)
{
    static const char *const argv[] = {"sleep", "1000", NULL};
    AUTO_BUF struct buf out = BUF_WITH(KIB);
    struct why why = {0};
    assert_err(process_ask(argv, 100, &out, &why), ERR_TIMEOUT);
    assert_non_null(strstr(why.text, "sleep 1000"));
    assert_int_equal(waitpid(-1, NULL, 0), -1);
    assert_int_equal(errno, ECHILD); /* it was killed, and buried */
}

static void says_how_it_ended(void **state UNUSED)
{
    static const char *const good[] = {"echo", "yes", NULL}, *const bad[] = {"false", "", NULL},
                                    *const none[] = {"veronnx-no-such-program", "", NULL};
    AUTO_BUF struct buf out = BUF_WITH(KIB);
    struct why why = {0};
    assert_err(process_ask(good, 60000, &out, &why), OK);
    assert_true(view_is(buf_view(&out), "yes\n"));
    assert_err(process_ask(bad, 60000, &out, &why), ERR_CLOSED);
    assert_err(process_ask(none, 60000, &out, &why), ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_a_deadline),
        cmocka_unit_test(says_how_it_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
