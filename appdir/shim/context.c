/* swapcontext: libcrypto refers to it for OpenSSL's asynchronous jobs and cannot be loaded without it. Node never
 * starts such a job. Mystikos' C library could not run one: its makecontext ends the process. */
#include <errno.h>
#include <ucontext.h>

int swapcontext(ucontext_t *from, const ucontext_t *to)
{
    (void)from;
    (void)to;
    errno = ENOSYS;
    return -1;
}
