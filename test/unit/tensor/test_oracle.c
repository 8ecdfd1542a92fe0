/* Numbers against Python: thousands of random cases, or VERONNX_ORACLE_CASES from VERONNX_ORACLE_SEED on. */
#include "tensor/fixed.h"
#include "tensor/print.h"

#include "unit.h"

#include "dtypes.h"

static void check_element(const struct fixed *number, unsigned decimals, const char *dtype, const char *expected,
                          const char *line)
{
    uint8_t element[8] = {0};
    char hex[HEX_LEN(sizeof(element)) + 1] = "range";
    uint8_t code = dtype_by_name(dtype);
    err_t e = fixed_store(number, decimals, code, element);
    if (e == OK)
        hex_encode(element, dtype_info(code)->size, hex);
    else
        assert_err(e, ERR_VALUE_RANGE);
    if (strcmp(hex, expected) != 0)
        fail_msg("%s: got %s", line, hex);
}

static double double_from_hex(const char *hex)
{
    uint64_t bits = strtoull(hex, NULL, 16);
    double d = 0;
    memcpy(&d, &bits, sizeof(d));
    return d;
}

static void check_decimals(const char *text, const char *expected, const char *line)
{
    unsigned n = 0;
    char got[16] = "range";
    err_t e = fixed_decimals_from_text(text_view(text), &n);
    if (e == OK)
        (void)snprintf(got, sizeof(got), "%u", n);
    else if (e == ERR_MALFORMED)
        (void)snprintf(got, sizeof(got), "malformed");
    if (strcmp(got, expected) != 0)
        fail_msg("%s: got %s", line, got);
}

static void check_print(double d, const char *expected, const char *line)
{
    char text[PRINT_MAX + 1] = "";
    text[print_double(d, text)] = '\0';
    if (strcmp(text, expected) != 0)
        fail_msg("%s: got %s", line, text);
}

static void check_line(char *line)
{
    char copy[4096];
    char *word[5] = {NULL};
    size_t count = 0;
    struct fixed number = {0};
    (void)snprintf(copy, sizeof(copy), "%s", line);
    for (char *rest = copy, *next = NULL; count < 5 && (next = strsep(&rest, " ")) != NULL;)
        word[count++] = next;
    assert_true(count >= 3);
    if (word[0][0] == 'p') {
        check_print(double_from_hex(word[1]), word[2], line);
    } else if (word[0][0] == 'i') {
        check_decimals(word[1], word[2], line);
    } else {
        assert_int_equal(count, 5);
        if (word[0][0] == 'r')
            number = fixed_from_double(double_from_hex(word[1]));
        else if (fixed_from_text(text_view(word[1]), &number) != OK)
            fail_msg("%s: refused", line);
        check_element(&number, (unsigned)strtoul(word[2], NULL, 10), word[3], word[4], line);
    }
}

static const char *setting(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value != NULL ? value : otherwise;
}

static void equals_python(void **state UNUSED)
{
    static char line[4096];
    char command[256];
    long lines = 0;
    (void)snprintf(command, sizeof(command), "python3 test/unit/tensor/oracle.py %ld %ld",
                   strtol(setting("VERONNX_ORACLE_SEED", "7"), NULL, 10),
                   strtol(setting("VERONNX_ORACLE_CASES", "20000"), NULL, 10));
    FILE *cases = popen(command, "r");
    assert_non_null(cases);
    for (; fgets(line, sizeof(line), cases) != NULL; lines++) {
        line[strcspn(line, "\n")] = '\0';
        check_line(line);
    }
    assert_int_equal(pclose(cases), 0);
    assert_true(lines > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_python)};
    if (system("python3 -c pass >/dev/null 2>&1") != 0) {
        (void)fprintf(stderr, "skipped: python3\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
