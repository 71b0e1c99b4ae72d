#!/bin/sh
# Compiles src/, which is exactly what runs in the TEE, and builds the page that it serves to browsers
# (client/page): scripts/compile.sh FOLDER
#
# `make`, `make appdir` and the Dockerfile all compile by this script. The folder is made anew: a file that was
# renamed in src must not stay in what is measured.
set -eu
cd "$(dirname "$0")/.."
rm -rf "$1"
node_modules/.bin/tsc -p tsconfig.json --outDir "$1" --incremental false
node_modules/.bin/asc src/image/assembly/resize.ts --config src/image/assembly/asconfig.json \
  --outFile "$1/image/resize.wasm"
node scripts/page.mjs "$1/http/page.html" >/dev/null
