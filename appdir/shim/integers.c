/* __isoc23_strtol and its kin, __isoc23_sscanf, __isoc23_fscanf, __popcountdi2.
 *
 * Debian's libraries are built against glibc 2.41, whose headers give the C23 versions of these functions
 * names of their own; musl 1.2.0 has none of them. The only difference to the older ones is the prefix 0b
 * for base 2 (C23, 7.24.1.7). The scanf ones here do not read it: nothing in the TEE has a %i. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Without _GNU_SOURCE, the names below are the older functions' and not, again, these ones'. */
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

/* The digits after 0b, or NULL where there is no such number. */
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

/* long and long long are one size on x86-64. */
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

/* The C library of Mystikos has one that gives the parity; Node 20 then looks for a seed of its hash
 * tables that has enough bits set, for ever. */
int __popcountdi2(long value)
{
    unsigned long bits = (unsigned long)value;
    bits -= (bits >> 1) & 0x5555555555555555;
    bits = (bits & 0x3333333333333333) + ((bits >> 2) & 0x3333333333333333);
    bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0f;
    return (int)((bits * 0x0101010101010101) >> 56);
}
