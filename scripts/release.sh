#!/bin/sh
# Collects the files of a release, with their checksums: scripts/release.sh OUT PATH…
#
# A folder among the paths is the TEE's file system, and is packed so that the same files always give the
# same bytes (GNU tar). All names get the version, and OUT/SHA256SUMS is for `sha256sum -c`.
set -eu
umask 022

fail() {
  echo "error: $1" >&2
  exit 1
}

[ "$#" -ge 2 ] || fail 'usage: scripts/release.sh OUT PATH…'
out=$1
shift
project=$(cd "$(dirname "$0")/.." && pwd)
prefix=confml-$(node -p 'require(process.argv[1]).version' "$project/package.json")-
date=${SOURCE_DATE_EPOCH:-$(git -C "$project" log -1 --format=%ct)}

mkdir -p "$out"
# What an earlier run left would be released too.
[ -z "$(ls -A "$out")" ] || fail "$out: expected an empty folder"

# The name that a path gets in OUT.
target() {
  name=$(basename "$1")
  [ ! -d "$1" ] || name=appdir.tar.gz
  case $name in
    "$prefix"*) echo "$out/$name" ;;
    *) echo "$out/$prefix$name" ;;
  esac
}

for path in "$@"; do
  [ -s "$path" ] || fail "$path: there is no such file or folder, or nothing in it"
  file=$(target "$path")
  [ ! -e "$file" ] || fail "$path: there are two of $file"
  if [ -d "$path" ]; then
    [ -n "$(ls -A "$path")" ] || fail "$path: an empty folder"
    tar=${file%.gz}
    LC_ALL=C tar --format=gnu --sort=name --mtime="@$date" --owner=0 --group=0 --numeric-owner \
      --hard-dereference -C "$path" -cf "$tar" .
    gzip -9n "$tar"
  else
    cp "$path" "$file"
  fi
done

cd "$out"
sums=$(LC_ALL=C sh -c 'sha256sum -- *')
printf '%s\n' "$sums" > SHA256SUMS
cat SHA256SUMS
