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
depcruise --config .dependency-cruiser.mjs src owners emulator scripts bench fuzz soak

step 'file system of the TEE'
if command -v /usr/lib/apt/apt-helper >/dev/null; then
  scripts/debian/fetch.sh appdir/image.lock
  scripts/debian/fetch.sh deploy/kubectl.lock build/tools
  CONFIG='' MANIFEST='' EXTRA_LIBS='' scripts/appdir.sh
else
  echo "skipped: no file system is built, because this is not Debian or Ubuntu, whose apt fetches its packages"
fi

step 'export script'
# Debian's Python is the one that may have Debian's torch; the tests say what they skip without it.
python=$(command -v /usr/bin/python3 || command -v python3 || true)
if [ -n "$python" ]; then
  "$python" test/scripts/export_alexnet_test.py
else
  echo 'skipped: scripts/export-alexnet.py is not tested, because there is no python3'
fi

step 'tests'
report=build/jest.json
status=0
NODE_OPTIONS='--experimental-vm-modules --no-warnings' \
  jest --json --outputFile="$report" "$@" || status=$?
# shellcheck disable=SC2016 # JavaScript's, not the shell's
node -e '
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(
    require("node:fs").readFileSync(process.argv[1], "utf8"));
  console.log(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`);
' "$report"
exit "$status"
