#!/bin/sh
# Lists a folder so that two can be compared: scripts/tree.sh FOLDER
#
# A line for each entry: mode, SHA-256 (or the target of a link), path. Owners and times are not in it: an
# image has those of root and of 2026-01-01, whoever built it.
set -eu

cd "$1"
export LC_ALL=C
find . -mindepth 1 -printf '%P\n' | sort | while IFS= read -r path; do
  if [ -L "$path" ]; then
    printf 'link %s %s\n' "$(readlink "$path")" "$path"
  elif [ -d "$path" ]; then
    printf '%s folder %s\n' "$(stat -c %a "$path")" "$path"
  else
    printf '%s %s %s\n' "$(stat -c %a "$path")" "$(sha256sum <"$path" | cut -d ' ' -f 1)" "$path"
  fi
done
