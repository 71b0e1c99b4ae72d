/* swapcontext: OpenSSL's asynchronous jobs name it, and libcrypto is not loaded without it. Node never
 * starts such a job, and the C library of Mystikos could not: its makecontext ends the process. */
#include <errno.h>
#include <ucontext.h>

int swapcontext(ucontext_t *from, const ucontext_t *to)
{
    (void)from;
    (void)to;
    errno = ENOSYS;
    return -1;
}
