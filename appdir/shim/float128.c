/* strtof128, strfromf128: libstdc++ refers to them for std::from_chars and std::to_chars of its widest type, and
 * cannot be loaded without them. Nothing in the TEE calls them, so they convert through long double, which has
 * 64 bits of precision instead of 113. */
#include <stdio.h>
#include <stdlib.h>

_Float128 strtof128(const char *text, char **end);
int strfromf128(char *text, size_t size, const char *format, _Float128 value);

_Float128 strtof128(const char *text, char **end)
{
    return strtold(text, end);
}

/* The format is '%', optionally '.' and digits, and one letter (ISO/IEC TS 18661-1, 10.2). snprintf needs the
 * length modifier L in front of the letter. */
int strfromf128(char *text, size_t size, const char *format, _Float128 value)
{
    char with_length[32];
    size_t length = 0;
    while (format[length] != '\0')
        length++;
    if (length < 2 || length + 2 > sizeof with_length)
        abort();
    for (size_t i = 0; i + 1 < length; i++)
        with_length[i] = format[i];
    with_length[length - 1] = 'L';
    with_length[length] = format[length - 1];
    with_length[length + 1] = '\0';
    return snprintf(text, size, with_length, (long double)value);
}
