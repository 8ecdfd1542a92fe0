/* Registers from what nitro-cli prints, and what names no image. */
#include "cli/pcrs.h"

#include "unit.h"

#define H16 "00112233445566778899aabbccddeeff"
#define A   H16 H16 H16
#define B   "ff" "112233445566778899aabbccddeeff" H16 H16

#define THREE(a) "\"PCR0\":\"" a "\",\"PCR1\":\"" A "\",\"PCR2\":\"" A "\""
#define BUILT(a) "{\"Measurements\":{\"HashAlgorithm\":\"Sha384 { ... }\"," THREE(a) "}}"

static struct view text_of(const char *text)
{
    return view_of(text, strlen(text));
}

static void accepted(void **state)
{
    static const struct {
        const char *json;
        size_t n;
    } rows[] = {
        {BUILT(A), 3},
        {"{" THREE(A) "}", 3},
        {"{" THREE(A) ",\"PCR8\":\"" B "\"}", 4},
        {"[{\"EnclaveCID\":16,\"Flags\":\"NONE\",\"Measurements\":{" THREE(A) "}}]", 3},
        {"[" BUILT(B) "," BUILT(B) "]", 3},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pcrs p = {0};
        struct why why = {""};
        if (pcrs_read(text_of(rows[i].json), &p, &why) != OK)
            fail_msg("%s: %s", rows[i].json, why.text);
        assert_int_equal(p.n, rows[i].n);
        assert_int_equal(p.items[1].index, 1);
        assert_int_equal(p.items[1].value[1], 0x11);
        assert_int_equal(p.items[0].value[0], i == 4 ? 0xff : 0);
    }
}

static void refused(void **state)
{
    static const struct {
        const char *json;
        const char *word;
    } rows[] = {
        {"", "JSON"},
        {"{", "JSON"},
        {"[]", "empty"},
        {"{}", "PCR0"},
        {"7", "PCR0"},
        {"[7]", "PCR0"},
        {"{\"Measurements\":{}}", "PCR0"},
        {"{\"PCR0\":\"" A "\",\"PCR1\":\"" A "\"}", "PCR2"},
        {"{" THREE(A) ",\"PCR0\":\"" A "\"}", "twice"},
        {"{" THREE(A) ",\"PCR00\":\"" A "\"}", "register"},
        {"{" THREE(A) ",\"PCR32\":\"" A "\"}", "register"},
        {"{" THREE(A) ",\"PCR\":\"" A "\"}", "register"},
        {"{" THREE(A) ",\"PCR8\":\"" A "00\"}", "hex"},
        {"{" THREE(A) ",\"PCR8\":7}", "hex"},
        {"{" THREE(A) ",\"PCR8\":null}", "hex"},
        {"[" BUILT(A) "," BUILT(B) "]", "different"},
        {"[" BUILT(A) ",{}]", "PCR0"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pcrs p = {0};
        struct why why = {""};
        assert_int_equal(pcrs_read(text_of(rows[i].json), &p, &why), ERR_USAGE);
        if (strstr(why.text, rows[i].word) == NULL)
            fail_msg("%s: %s", rows[i].json, why.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(accepted), cmocka_unit_test(refused)};
    return cmocka_run_group_tests_name("cli/pcrs", tests, NULL, NULL);
}
