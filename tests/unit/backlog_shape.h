/* What the tests of the backlog share: entries held against one another, and a look at the shape of a queue's tree. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "egress/backlog_state.h"

#define NOW_MS 1000000000LL

/* Up to its last member: what stands behind that is nobody's. */
static inline void
assert_same_entry(const struct entry *found, const struct entry *expected)
{
    assert_memory_equal(found, expected, offsetof(struct entry, note) + sizeof found->note);
}

/* How deep it is; every subtree knows its size. */
static inline unsigned
depth_of(const struct backlog *backlog, entry_t root)
{
    static struct {
        entry_t number;
        unsigned depth;
    } stack[2000];
    size_t count = 0;
    unsigned deepest = 0;

    stack[count++].number = root;
    stack[0].depth = 1;
    while (count > 0) {
        entry_t number = stack[--count].number;
        unsigned depth = stack[count].depth;
        const struct node *node = node_at(backlog, number);

        if (number == NODE_NONE) {
            continue;
        }
        deepest = depth > deepest ? depth : deepest;
        assert_true(depth < 900);
        assert_int_equal(node->size, 1 + node_at(backlog, node->left)->size + node_at(backlog, node->right)->size);
        stack[count].number = node->left;
        stack[count++].depth = depth + 1;
        stack[count].number = node->right;
        stack[count++].depth = depth + 1;
    }
    return deepest;
}
