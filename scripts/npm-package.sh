#!/bin/sh
# Packs the owners' commands as an npm package: scripts/npm-package.sh [FOLDER]
#
# Writes FOLDER/commands.tgz (default: build/package/commands.tgz).
#
# The commands are compiled into a new folder and packed there, so that the package holds no file that an earlier build
# left, and none of what lies in the checkout, such as keys. `make` must have compiled the WebAssembly before.
set -eu
cd "$(dirname "$0")/.."
out=${1:-build/package}

[ -f dist/image/resize.wasm ] || {
  echo 'error: there is no dist/image/resize.wasm' >&2
  echo 'hint: make builds it' >&2
  exit 65
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022
node_modules/.bin/tsc -p tsconfig.owners.json --outDir "$work/build"
mkdir -p "$work/build/dist/image" "$work/packed" "$out"
cp dist/image/resize.wasm "$work/build/dist/image/"
cp package.json CHANGELOG.md LICENSE "$work/"
cat >"$work/README.md" <<'EOF'
# @confml/confml

The commands for owners of models and pictures of confml, a confidential inference server: keys and release policies in an
Azure Managed HSM, encryption and decryption of files, faster models. `confml --help` lists them.
EOF
chmod +x "$work/build/owners/main.js"
npm=$PWD/node_modules/npm/bin/npm-cli.js
(cd "$work" && node "$npm" pack --silent --pack-destination packed >/dev/null)
mv "$work"/packed/*.tgz "$out/commands.tgz"
echo "$out/commands.tgz"
