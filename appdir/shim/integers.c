/* __isoc23_strtol, __isoc23_strtoll, __isoc23_strtoul, __isoc23_strtoull, __isoc23_sscanf, __isoc23_fscanf,
 * __popcountdi2.
 *
 * Debian's libraries are built against glibc 2.41, whose headers give the C23 versions of these functions names
 * of their own; musl 1.2.0 does not have them. They differ from the older versions only in the prefix 0b for
 * base 2 (C23, 7.24.1.7). The scanf functions here do not support it, because nothing in the TEE uses %i. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* With _GNU_SOURCE, glibc's headers would map the calls of strtoll and the like below to the functions of this file. */
#ifdef _GNU_SOURCE
#error "integers.c would call itself"
#endif

long __isoc23_strtol(const char *text, char **end, int base);
long long __isoc23_strtoll(const char *text, char **end, int base);
unsigned long __isoc23_strtoul(const char *text, char **end, int base);
unsigned long long __isoc23_strtoull(const char *text, char **end, int base);
int __isoc23_sscanf(const char *text, const char *format, ...);
int __isoc23_fscanf(FILE *file, const char *format, ...);
int __popcountdi2(long value);

static bool is_space(char character)
{
    return character == ' ' || (character >= '\t' && character <= '\r');
}

/* The digits after the prefix 0b, or NULL where the text has no such prefix. */
static const char *binary_digits(const char *text, int base, bool *negative)
{
    if (base != 0 && base != 2)
        return NULL;
    while (is_space(*text))
        text++;
    *negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    if (text[0] != '0' || (text[1] != 'b' && text[1] != 'B'))
        return NULL;
    return text[2] == '0' || text[2] == '1' ? text + 2 : NULL;
}

long long __isoc23_strtoll(const char *text, char **end, int base)
{
    bool negative;
    const char *digits = binary_digits(text, base, &negative);
    if (digits == NULL)
        return strtoll(text, end, base);
    unsigned long long size = strtoull(digits, end, 2);
    unsigned long long limit = (unsigned long long)LLONG_MAX + (negative ? 1 : 0);
    if (size > limit) {
        errno = ERANGE;
        return negative ? LLONG_MIN : LLONG_MAX;
    }
    return (long long)(negative ? 0 - size : size);
}

unsigned long long __isoc23_strtoull(const char *text, char **end, int base)
{
    bool negative;
    const char *digits = binary_digits(text, base, &negative);
    if (digits == NULL)
        return strtoull(text, end, base);
    int before = errno;
    errno = 0;
    unsigned long long size = strtoull(digits, end, 2);
    if (errno == ERANGE)
        return ULLONG_MAX;
    errno = before;
    return negative ? 0 - size : size;
}

/* long and long long have the same size on x86-64. */
_Static_assert(sizeof(long) == sizeof(long long), "x86-64");

long __isoc23_strtol(const char *text, char **end, int base)
{
    return __isoc23_strtoll(text, end, base);
}

unsigned long __isoc23_strtoul(const char *text, char **end, int base)
{
    return __isoc23_strtoull(text, end, base);
}

int __isoc23_sscanf(const char *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int count = vsscanf(text, format, arguments);
    va_end(arguments);
    return count;
}

int __isoc23_fscanf(FILE *file, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int count = vfscanf(file, format, arguments);
    va_end(arguments);
    return count;
}

/* The one of Mystikos' C library returns the parity. With it Node 20 would loop forever in its search for a hash
 * seed with enough bits set. */
int __popcountdi2(long value)
{
    unsigned long bits = (unsigned long)value;
    bits -= (bits >> 1) & 0x5555555555555555;
    bits = (bits & 0x3333333333333333) + ((bits >> 2) & 0x3333333333333333);
    bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0f;
    return (int)((bits * 0x0101010101010101) >> 56);
}
