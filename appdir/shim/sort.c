/* qsort_r, which musl has since 1.2.3: a heapsort, in place and with O(n log n) comparisons in the worst case. */
#include <stddef.h>

typedef int compare_function(const void *left, const void *right, void *argument);

void qsort_r(void *base, size_t count, size_t size, compare_function *compare, void *argument);

static void swap(unsigned char *left, unsigned char *right, size_t size)
{
    while (size-- > 0) {
        unsigned char byte = *left;
        *left++ = *right;
        *right++ = byte;
    }
}

static void sink(unsigned char *base, size_t at, size_t count, size_t size, compare_function *compare,
                 void *argument)
{
    for (size_t child = 2 * at + 1; child < count; at = child, child = 2 * at + 1) {
        if (child + 1 < count && compare(base + child * size, base + (child + 1) * size, argument) < 0)
            child++;
        if (compare(base + at * size, base + child * size, argument) >= 0)
            return;
        swap(base + at * size, base + child * size, size);
    }
}

void qsort_r(void *base, size_t count, size_t size, compare_function *compare, void *argument)
{
    unsigned char *first = base;
    for (size_t at = count / 2; at-- > 0;)
        sink(first, at, count, size, compare, argument);
    for (size_t end = count; end > 1; end--) {
        swap(first, first + (end - 1) * size, size);
        sink(first, 0, end - 1, size, compare, argument);
    }
}
