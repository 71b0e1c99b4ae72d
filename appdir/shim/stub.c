/* An empty library. It is installed under two names that other libraries list as needed; Mystikos' C library
 * has the symbols that they use. */
typedef int empty;
