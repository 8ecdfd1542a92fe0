/* Areas: mapped when they are sealed, made and sealed, grown, dropped. */
#include "infer/slots.h"

#include "../unit.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static int area(size_t size, int seals)
{
    int fd = -1;
    assert_ok(memfd_new("area", size, &fd));
    assert_ok(memfd_seal(fd, seals));
    return fd;
}

static void one_job_at_a_time(void **state UNUSED)
{
    struct slot s = {0};
    assert_ok(slot_take(&s));
    assert_err(slot_take(&s), ERR_PROTOCOL);
    slot_release(&s);
    assert_ok(slot_take(&s));
}

static void an_input_area_stays_until_it_is_replaced(void **state UNUSED)
{
    AUTO(slot_done) struct slot s = {0};
    const uint8_t *first = NULL, *second = NULL;
    int fd = area(8192, SEALS_AREA), none = -1;
    assert_ok(slot_input(&s, &fd, 8192, MIB, &first));
    assert_int_equal(fd, -1);
    assert_ok(slot_input(&s, &none, 10, MIB, &second));
    assert_ptr_equal(first, second);
    assert_err(slot_input(&s, &none, 8193, MIB, &second), ERR_PROTOCOL);
    fd = area(4096, SEALS_AREA);
    assert_ok(slot_input(&s, &fd, 4096, MIB, &second));
    assert_err(slot_input(&s, &none, 4097, MIB, &second), ERR_PROTOCOL);
}

static void input_areas_that_are_refused(void **state UNUSED)
{
    AUTO(slot_done) struct slot s = {0};
    const uint8_t *area_at = NULL;
    int none = -1, unsealed = area(4096, 0), half = area(4096, F_SEAL_SHRINK), large = area(8192, SEALS_AREA), ends[2];
    assert_err(slot_input(&s, &none, 1, MIB, &area_at), ERR_PROTOCOL);
    assert_err(slot_input(&s, &unsealed, 1, MIB, &area_at), ERR_PROTOCOL);
    assert_err(slot_input(&s, &half, 1, MIB, &area_at), ERR_PROTOCOL);
    assert_err(slot_input(&s, &large, 1, 4096, &area_at), ERR_PROTOCOL);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_err(slot_input(&s, &ends[0], 1, MIB, &area_at), ERR_PROTOCOL);
    fd_close(&ends[1]);
    assert_ok(slot_input(&s, &none, 0, MIB, &area_at)); /* a job without bytes needs no area */
}

static void an_output_area_is_ours_alone_to_write(void **state UNUSED)
{
    AUTO(slot_done) struct slot s = {0};
    AUTO_FD int fd = -1;
    uint8_t *at = NULL;
    size_t size = 0;
    assert_ok(slot_output(&s, 100, MIB, &at, &fd));
    assert_ok(memfd_check(fd, SEALS_OUTPUT, 100, MIB, &size));
    assert_true(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    AUTO(map_done) struct map theirs = {0};
    assert_ok(map_shared(fd, size, PROT_READ, &theirs));
    at[99] = 7;
    assert_int_equal(theirs.addr[99], 7);
}

static void an_output_area_grows(void **state UNUSED)
{
    AUTO(slot_done) struct slot s = {0};
    uint8_t *at = NULL, *again = NULL;
    int fd = -1;
    assert_ok(slot_output(&s, 0, MIB, &at, &fd));
    assert_int_equal(fd, -1);
    assert_ok(slot_output(&s, 1, MIB, &at, &fd));
    assert_true(fd >= 0);
    fd_close(&fd);
    assert_ok(slot_output(&s, s.output.size, MIB, &again, &fd));
    assert_int_equal(fd, -1);
    assert_ptr_equal(at, again);
    assert_ok(slot_output(&s, MIB - 1, MIB, &at, &fd));
    assert_true(fd >= 0);
    assert_in_range(s.output.size, MIB - 1, MIB);
    fd_close(&fd);
    assert_err(slot_output(&s, MIB + 1, MIB, &at, &fd), ERR_OUTPUT_TOO_LARGE);
    assert_int_equal(fd, -1);
}

static void a_large_output_area_is_not_kept(void **state UNUSED)
{
    AUTO(slot_done) struct slot s = {0};
    uint8_t *at = NULL;
    AUTO_FD int fd = -1;
    assert_ok(slot_output(&s, SLOT_KEEP_MAX, GIB, &at, &fd));
    slot_unmap_large(&s);
    assert_int_equal(s.output.size, SLOT_KEEP_MAX);
    fd_close(&fd);
    assert_ok(slot_output(&s, SLOT_KEEP_MAX + 1, GIB, &at, &fd));
    slot_unmap_large(&s);
    assert_int_equal(s.output.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_job_at_a_time),
        cmocka_unit_test(an_input_area_stays_until_it_is_replaced),
        cmocka_unit_test(input_areas_that_are_refused),
        cmocka_unit_test(an_output_area_is_ours_alone_to_write),
        cmocka_unit_test(an_output_area_grows),
        cmocka_unit_test(a_large_output_area_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
