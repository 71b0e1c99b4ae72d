#!/bin/sh
# Fails with one line where Node.js or npm is missing or too old. It needs neither, so that it can run before anything is
# installed.
set -eu
cd "$(dirname "$0")/.."

fail() {
  echo "confml: error: expected Node.js $wanted or later and npm; got $1. Install a current one: https://nodejs.org/en/download" >&2
  exit 1
}

wanted=$(sed -n 's/^ *"node": ">=\([0-9.]*\)".*/\1/p' package.json)
version=$(node --version 2>/dev/null) || fail 'no program node that runs'
version=${version#v}
case $version in
  [0-9]*.[0-9]*) ;;
  *) fail "a program node whose version is not known" ;;
esac
major=${version%%.*}
rest=${version#*.}
minor=${rest%%.*}
if [ "$major" -lt "${wanted%%.*}" ] || { [ "$major" -eq "${wanted%%.*}" ] && [ "$minor" -lt "${wanted#*.}" ]; }; then
  fail "Node.js $version ($(command -v node))"
fi
command -v npm >/dev/null || fail 'no npm'
