#!/bin/sh
# Compiles the shim and the two stubs into a folder: scripts/shim.sh TOOLCHAIN FOLDER
#
# TOOLCHAIN is what scripts/debian/fetch.sh unpacks of appdir/toolchain.lock. Each of its programs runs with
# its own C library, so that the same bytes come out on any system; gcc's driver would run them without.
set -eu

toolchain=$(cd "$1" && pwd)
folder=$2
source=$(cd "$(dirname "$0")/../appdir/shim" && pwd)
libraries=$toolchain/usr/lib/x86_64-linux-gnu
gcc_files=$toolchain/usr/lib/gcc/x86_64-linux-gnu/14
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

with_own_libraries() {
  "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" "$@"
}

compile() {
  # -nostdinc: none of this machine's headers. The prefix map keeps its paths out of the result.
  (cd "$source" && with_own_libraries "$toolchain/usr/libexec/gcc/x86_64-linux-gnu/14/cc1" -quiet "$1.c" \
    -nostdinc -isystem "$gcc_files/include" -isystem "$toolchain/usr/include/x86_64-linux-gnu" \
    -isystem "$toolchain/usr/include" -D_DEFAULT_SOURCE -std=c17 -O2 -fPIC -fvisibility=default \
    -fno-stack-protector -fno-ident -Wall -Wextra -Werror -ffile-prefix-map="$toolchain"= \
    -dumpbase '' -o "$work/$1.s")
  with_own_libraries "$toolchain/usr/bin/x86_64-linux-gnu-as" --64 -o "$work/$1.o" "$work/$1.s"
}

# What is not in here is the C library's, whichever it is that loads the result.
link() {
  name=$1
  shift
  with_own_libraries "$toolchain/usr/bin/x86_64-linux-gnu-ld" -shared -soname "$name" --build-id=none \
    -z relro -z now -z noexecstack --hash-style=gnu --strip-all --exclude-libs ALL \
    -o "$folder/$name" "$@" "$gcc_files/libgcc.a"
}

mkdir -p "$folder"
objects=
for part in context descriptors float128 integers random sort statx unwinding; do
  compile "$part"
  objects="$objects $work/$part.o"
done
compile stub
# shellcheck disable=SC2086 # a list of paths without spaces
link libconfml-shim.so $objects
link ld-linux-x86-64.so.2 "$work/stub.o"
link libc.musl-x86_64.so.1 "$work/stub.o"
