/* A library without anything in it, under the names of two C libraries' parts that others ask for: the C
 * library of Mystikos has what they take from them. */
typedef int empty;
