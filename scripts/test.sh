#!/bin/sh
# Every check, the quick ones first. Arguments go to jest (`scripts/test.sh test/http`).
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/node_modules/.bin:$PATH"

step() {
  printf '\n== %s\n' "$1"
}

step 'format'
prettier --check --log-level warn .
step 'lint'
eslint --max-warnings 0 .
step 'types'
tsc -p tsconfig.check.json
step 'imports'
depcruise --config .dependency-cruiser.mjs src emulator scripts
step 'tests'
NODE_OPTIONS='--experimental-vm-modules --no-warnings' jest "$@"
