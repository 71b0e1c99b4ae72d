/* fcntl, fcntl64, isatty: Node calls them for descriptors 0 to 2 when it starts.
 *
 * Mystikos' kernel does not implement status flags of its console, and Node ends where fcntl fails on one of
 * these descriptors (src/node.cc, PlatformInit). It also ends where isatty returns 1 and tcgetattr then fails. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

static int is_console(int descriptor)
{
    return descriptor >= STDIN_FILENO && descriptor <= STDERR_FILENO;
}

/* The third argument is an int or a pointer, depending on the command: both are passed in the same register. */
static int control(int descriptor, int command, void *argument)
{
    int (*libc_fcntl)(int, int, ...) = (int (*)(int, int, ...))dlsym(RTLD_NEXT, "fcntl");
    int result = libc_fcntl(descriptor, command, argument);
    if (result == -1 && errno != EBADF && is_console(descriptor)) {
        /* O_RDWR: with O_RDONLY, libuv would treat the descriptor as not writable. */
        if (command == F_GETFL)
            return O_RDWR;
        if (command == F_SETFL)
            return 0;
    }
    return result;
}

int fcntl(int descriptor, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return control(descriptor, command, argument);
}

/* The name of fcntl in glibc's headers for large files. */
int fcntl64(int descriptor, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return control(descriptor, command, argument);
}

int isatty(int descriptor)
{
    if (is_console(descriptor)) {
        errno = ENOTTY;
        return 0;
    }
    int (*libc_isatty)(int) = (int (*)(int))dlsym(RTLD_NEXT, "isatty");
    return libc_isatty(descriptor);
}
