#!/bin/sh
# Lists a folder so that two can be compared: scripts/tree.sh FOLDER
#
# A line for each entry: mode, SHA-256 (or the target of a link), path. Owners and times are not in it: an
# image has those of root and of 2026-01-01, whoever built it.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C

cd "$1"
find . -type f -printf '%P\0' | sort -z >"$work/names"
xargs -0 -r stat -c %a <"$work/names" >"$work/modes"
# In a batch: a process for each of thousands of files takes a minute.
xargs -0 -r sha256sum <"$work/names" | cut -d ' ' -f 1 >"$work/hashes"
{
  tr '\0' '\n' <"$work/names" | paste -d ' ' "$work/modes" "$work/hashes" -
  find . -mindepth 1 -type d -printf '%m folder %P\n'
  find . -type l -printf 'link %l %P\n'
} | sort -k 3
