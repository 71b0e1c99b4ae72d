/* arc4random, arc4random_buf, arc4random_uniform: c-ares uses them for the IDs of DNS queries, libstdc++ for
 * std::random_device. glibc has them since 2.36; musl does not have them. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

uint32_t arc4random(void);
void arc4random_buf(void *buffer, size_t size);
uint32_t arc4random_uniform(uint32_t bound);

/* The function cannot return an error, so the process ends where there are no random bytes. */
void arc4random_buf(void *buffer, size_t size)
{
    unsigned char *rest = buffer;
    while (size > 0) {
        ssize_t count = getrandom(rest, size, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            abort();
        rest += count;
        size -= (size_t)count;
    }
}

uint32_t arc4random(void)
{
    uint32_t value;
    arc4random_buf(&value, sizeof value);
    return value;
}

/* Uniform in 0 to bound - 1: values below 2^32 mod bound are rejected. */
uint32_t arc4random_uniform(uint32_t bound)
{
    if (bound < 2)
        return 0;
    uint32_t least = -bound % bound;
    uint32_t value;
    do
        value = arc4random();
    while (value < least);
    return value % bound;
}
