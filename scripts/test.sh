#!/bin/sh
# Every check, the quick ones first. With arguments: the static checks, and jest with these arguments (`scripts/test.sh
# test/http`), without the file system of the TEE and the export script.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/node_modules/.bin:$PATH"

# Begins a step, and says how long the one before took.
started=''
step() {
  now=$(date +%s)
  [ -z "$started" ] || echo "took $((now - started)) s"
  printf '\n== %s\n' "$1"
  started=$now
}

step 'format'
prettier --check --log-level warn .
step 'lint'
eslint --max-warnings 0 .
step 'types'
tsc -p tsconfig.check.json
tsc -p tsconfig.page.json
step 'imports'
depcruise --config .dependency-cruiser.mjs src owners client emulator scripts bench fuzz soak

if [ $# -eq 0 ]; then
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
fi

step 'tests'
export NODE_OPTIONS='--experimental-vm-modules --no-warnings'
status=0
# Two at a time, then those that have to run alone (jest.config.mjs says which and why).
jest --selectProjects parallel --maxWorkers=2 --passWithNoTests \
  --json --outputFile=build/jest-parallel.json "$@" || status=$?
jest --selectProjects alone --runInBand --passWithNoTests \
  --json --outputFile=build/jest-alone.json "$@" || status=$?
# shellcheck disable=SC2016 # JavaScript's, not the shell's
node -e '
  const reports = process.argv.slice(1).map((file) =>
    JSON.parse(require("node:fs").readFileSync(file, "utf8")));
  const sum = (name) => reports.reduce((total, report) => total + report[name], 0);
  console.log(`${sum("numPassedTests")} passed, ${sum("numFailedTests")} failed, ` +
    `${sum("numPendingTests")} skipped`);
' build/jest-parallel.json build/jest-alone.json
exit "$status"
