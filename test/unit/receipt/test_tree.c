/* The tree against the roots that Certificate Transparency's implementations publish for eight small entries, and
   against the recursive definition of RFC 9162 §2.1 for every size; the climb against everything that is not the
   right path. */
#include "receipt/tree.h"

#include "base/mem.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct tree tree;
static struct sha256 hash;

/* The entries and roots of the reference tests for RFC 6962, whose tree is the same. */
static const struct {
    const char *entry;
    size_t len;
    const char *root; /* of this entry and those before */
} reference[] = {
    {"", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
    {"\x00", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
    {"\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
    {"\x20\x21", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
    {"\x30\x31", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
    {"\x40\x41\x42\x43", 4, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
    {"\x50\x51\x52\x53\x54\x55\x56\x57", 8, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
    {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16,
     "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
};

static void assert_hex(const uint8_t *digest, const char *hex)
{
    char text[HEX_LEN(SHA256_LEN) + 1];
    hex_encode(digest, SHA256_LEN, text);
    assert_string_equal(text, hex);
}

static void test_reference(void **state)
{
    (void)state;
    for (size_t size = 1; size <= COUNT_OF(reference); size++) {
        uint8_t root[SHA256_LEN];
        tree.size = size;
        for (size_t i = 0; i < size; i++)
            assert_int_equal(tree_leaf(&hash, view_of(reference[i].entry, reference[i].len), tree.node[i]), OK);
        assert_int_equal(tree_build(&tree, &hash, root), OK);
        assert_hex(root, reference[size - 1].root);
    }
}

/* MTH of RFC 9162 §2.1.1 over leaf hashes, as it is written there. */
static void defined_root(const uint8_t (*leaves)[SHA256_LEN], size_t n, uint8_t *ret_root)
{
    if (n == 1) {
        memcpy(ret_root, leaves[0], SHA256_LEN);
        return;
    }
    uint8_t text[1 + 2 * SHA256_LEN] = {1};
    size_t k = 1;
    while (k * 2 < n)
        k *= 2;
    defined_root(leaves, k, text + 1);
    defined_root(leaves + k, n - k, text + 1 + SHA256_LEN);
    assert_int_equal(sha256_of(text, sizeof(text), ret_root), OK);
}

/* PATH of RFC 9162 §2.1.3.1. */
static void defined_path(const uint8_t (*leaves)[SHA256_LEN], size_t n, size_t index, struct tree_path *ret)
{
    if (n == 1)
        return;
    size_t k = 1;
    while (k * 2 < n)
        k *= 2;
    if (index < k) {
        defined_path(leaves, k, index, ret);
        defined_root(leaves + k, n - k, ret->hash[ret->len++]);
    } else {
        defined_path(leaves + k, n - k, index - k, ret);
        defined_root(leaves, k, ret->hash[ret->len++]);
    }
}

static void fill(size_t size)
{
    tree.size = size;
    for (size_t i = 0; i < size; i++)
        assert_int_equal(sha256_of(&i, sizeof(i), tree.node[i]), OK);
}

static void check_leaf(size_t index, const uint8_t *root)
{
    struct tree_path path = {0};
    struct tree_path expected = {0};
    uint8_t climbed[SHA256_LEN];
    tree_prove(&tree, index, &path);
    defined_path(tree.node, tree.size, index, &expected);
    assert_int_equal(path.len, expected.len);
    assert_memory_equal(path.hash, expected.hash, path.len * SHA256_LEN);
    assert_int_equal(tree_climb(&hash, tree.node[index], index, tree.size, &path, climbed), OK);
    assert_memory_equal(climbed, root, SHA256_LEN);
}

static void check_size(size_t size, size_t step)
{
    uint8_t root[SHA256_LEN];
    uint8_t expected[SHA256_LEN];
    fill(size);
    mem_fail_after(0); /* nothing of ours allocates */
    assert_int_equal(tree_build(&tree, &hash, root), OK);
    mem_fail_after(-1);
    defined_root(tree.node, size, expected);
    assert_memory_equal(root, expected, SHA256_LEN);
    for (size_t index = 0; index < size; index += step)
        check_leaf(index, root);
    check_leaf(size - 1, root);
}

static void test_definition(void **state)
{
    (void)state;
    static const size_t large[] = {255, 256, 257, 511, 513, 1000, 1023, TREE_MAX};
    for (size_t size = 1; size <= 66; size++)
        check_size(size, 1);
    for (size_t i = 0; i < COUNT_OF(large); i++)
        check_size(large[i], 97);
}

/* A path leads to the root from one place in a tree of one size only: every other index, size and length is refused or
   leads elsewhere. */
static void test_climb_elsewhere(void **state)
{
    (void)state;
    uint8_t root[SHA256_LEN];
    fill(13);
    assert_int_equal(tree_build(&tree, &hash, root), OK);
    for (size_t index = 0; index < tree.size; index++) {
        struct tree_path path = {0};
        uint8_t climbed[SHA256_LEN];
        tree_prove(&tree, index, &path);
        for (size_t other = 0; other < 20; other++)
            if (other != index && tree_climb(&hash, tree.node[index], other, tree.size, &path, climbed) == OK)
                assert_memory_not_equal(climbed, root, SHA256_LEN);
        path.len++;
        assert_int_equal(tree_climb(&hash, tree.node[index], index, tree.size, &path, climbed), ERR_RECEIPT_PROOF);
        for (path.len -= 2; path.len > 0; path.len--)
            assert_int_equal(tree_climb(&hash, tree.node[index], index, tree.size, &path, climbed), ERR_RECEIPT_PROOF);
    }
}

static void test_climb_limits(void **state)
{
    (void)state;
    const struct tree_path empty = {0};
    const struct tree_path one = {.len = 1};
    uint8_t leaf[SHA256_LEN] = {1};
    uint8_t climbed[SHA256_LEN];
    assert_int_equal(tree_climb(&hash, leaf, 0, 1, &empty, climbed), OK);
    assert_memory_equal(climbed, leaf, SHA256_LEN);
    assert_int_equal(tree_climb(&hash, leaf, 0, 1, &one, climbed), ERR_RECEIPT_PROOF);
    assert_int_equal(tree_climb(&hash, leaf, 0, 0, &empty, climbed), ERR_RECEIPT_PROOF);
    assert_int_equal(tree_climb(&hash, leaf, 1, 1, &empty, climbed), ERR_RECEIPT_PROOF);
    assert_int_equal(tree_climb(&hash, leaf, UINT64_MAX, UINT64_MAX, &one, climbed), ERR_RECEIPT_PROOF);
    assert_int_equal(tree_climb(&hash, leaf, UINT64_MAX - 1, UINT64_MAX, &one, climbed), ERR_RECEIPT_PROOF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_definition),
        cmocka_unit_test(test_climb_elsewhere),
        cmocka_unit_test(test_climb_limits),
    };
    if (sha256_init(&hash) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sha256_done(&hash);
    return failed;
}
