#!/bin/sh
# Builds the TEE's file system: scripts/appdir.sh [FOLDER]      (default: appdir/root)
#
# From the sources here, Debian's packages and the npm registry, each file pinned by a hash in a lock file;
# no container engine, no root. The same inputs give the same bytes on any x86-64 Debian or Ubuntu: that is
# what lets an auditor rebuild what the enclave measured.
#
#   CONFIG=config.json MANIFEST=model.json   the configuration and the manifest that go in
#   EXTRA_LIBS=DIR                           an owner's SSR client library, with what it needs
set -eu

cd "$(dirname "$0")/.."
folder=${1:-appdir/root}
config=${CONFIG:-config.json}
manifest=${MANIFEST:-models/demo/model.json}
extra=${EXTRA_LIBS:-}
# 2026-01-01: any time will do, as long as it is always the same.
epoch=1767225600
# The C library of Mystikos looks in these folders, in this order (its ldso/dynlink.c).
library_path='lib usr/local/lib usr/lib usr/lib/x86_64-linux-gnu'
# What it answers for itself, whatever file has the name.
own_libraries='libc.so.6 libm.so.6 libpthread.so.0 libdl.so.2 librt.so.1 libutil.so.1 libc.musl-x86_64.so.1'

fail() {
  echo "error: $1" >&2
  [ -z "${2:-}" ] || echo "hint: $2" >&2
  exit 65
}

[ "$(uname -m)" = x86_64 ] || fail 'the file system is for x86-64 and is built there'
[ -x node_modules/.bin/tsc ] || fail 'there is no node_modules' 'make appdir installs it'
for file in "$config" "$manifest"; do
  [ -f "$file" ] || fail "there is no file $file"
done
if [ -n "$extra" ]; then
  [ -d "$extra" ] || fail "EXTRA_LIBS: there is no folder $extra"
  [ -n "$(find "$extra" -maxdepth 1 -name '*.so*')" ] || fail "EXTRA_LIBS: no shared library (*.so*) in $extra"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022
export LC_ALL=C TZ=UTC
root=$work/root
mkdir -p "$root"

# --- The server's code, and what it says to the configuration and the manifest --------------------------
scripts/compile.sh "$work/dist"
ln -s "$PWD/node_modules" "$work/node_modules"
node scripts/check-config.mjs "$work/dist" "$config" "$manifest" || exit 65
rm "$work/node_modules"

# --- Debian: Node, the libraries it needs, the certificates -------------------------------------------
scripts/debian/fetch.sh appdir/packages.lock "$work/debian"
scripts/debian/fetch.sh appdir/toolchain.lock "$work/toolchain"
mkdir -p "$root/usr/bin" "$root/usr/lib/x86_64-linux-gnu" "$root/usr/lib/ssl" "$root/usr/share/nodejs"
cp -p "$work/debian/usr/bin/node" "$root/usr/bin/"
cp -pd "$work"/debian/usr/lib/x86_64-linux-gnu/*.so.* "$root/usr/lib/x86_64-linux-gnu/"
# ICU's libraries for test programs, layout and files: nothing needs them.
rm -f "$root"/usr/lib/x86_64-linux-gnu/libicuio.* "$root"/usr/lib/x86_64-linux-gnu/libicutest.* \
  "$root"/usr/lib/x86_64-linux-gnu/libicutu.*
# Debian keeps some of Node's built-in modules outside its library (process.config, shareable builtins).
for module in acorn/dist/acorn.js acorn-walk/dist/walk.js cjs-module-lexer/lexer.js \
  cjs-module-lexer/dist/lexer.js minimatch/dist/cjs/index.bundle.js undici/undici-fetch.js; do
  mkdir -p "$root/usr/share/nodejs/$(dirname "$module")"
  cp -pL "$work/debian/usr/share/nodejs/$module" "$root/usr/share/nodejs/$module"
done
# The certificates that update-ca-certificates would trust, where OpenSSL looks for them by default.
find "$work/debian/usr/share/ca-certificates/mozilla" -name '*.crt' | sort | xargs cat >"$root/usr/lib/ssl/cert.pem"

# --- The shim (appdir/shim says what for) -------------------------------------------------------------
scripts/shim.sh "$work/toolchain" "$root/lib"
# Node's program header names its loader here; Mystikos puts its own in place.
ln -s lib "$root/lib64"
# sharp asks this file which C library there is (detect-libc), and takes its musl build, which loads.
printf 'The C library in here is musl.\n' >"$root/usr/bin/ldd"

# --- npm: the packages that the server loads, for linux, x64 and musl ----------------------------------
app=$root/app
mkdir -p "$app"
cp package.json package-lock.json .npmrc "$work/"
# The pinned npm, because older ones know no --libc; what is in its cache is not fetched again.
(cd "$work" && node "$OLDPWD/node_modules/npm/bin/npm-cli.js" ci --omit=dev --os=linux --cpu=x64 --libc=musl \
  --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error) >"$work/npm.log" 2>&1 || {
  cat "$work/npm.log" >&2
  fail 'npm could not install the packages'
}
modules=$work/node_modules
(
  cd "$modules"
  rm -rf .bin .package-lock.json
  # Other systems' binaries, and C++ sources.
  find onnxruntime-node/bin/napi-v6 -mindepth 1 -maxdepth 2 \( -name darwin -o -name win32 -o -name arm64 \) \
    -prune -exec rm -rf {} +
  rm -rf koffi/lib koffi/vendor koffi/doc sharp/src sharp/install onnxruntime-node/script
  # What is loaded by browsers and mobile phones alone.
  find . -type d \( -name browser -o -name react-native -o -name workerd \) -path '*/dist/*' -prune -exec rm -rf {} +
  # Sources, types, source maps, documentation, tests; licenses stay.
  find . -type f ! -iname 'licen[cs]e*' ! -iname '*notice*' ! -iname 'copying*' \
    \( -name '*.map' -o -name '*.ts' -o -name '*.cts' -o -name '*.mts' -o -name '*.tsx' -o -name '*.flow' \
    -o -iname '*.md' -o -iname '*.markdown' -o -name '*.html' -o -name '*.yml' -o -name '*.yaml' -o -name '.*' \
    -o -name '*.cc' -o -name '*.hh' -o -name '*.h' -o -name '*.zip' -o -name '*.tgz' -o -name '*.sh' \
    -o -name '*.ico' -o -name '*.bnf' -o -name '*.S' -o -name '*.asm' -o -name '*.inc' -o -name '*.def' \
    -o -name '*.gyp' -o -name '*.gypi' -o -name Makefile -o -name yarn.lock -o -name tsconfig.json \
    -o -name tsdoc-metadata.json -o -name '*.txt' \) -delete
  find . -type d \( -name test -o -name tests -o -name __tests__ -o -name example -o -name examples -o -name docs \
    -o -name '.?*' -o -name benchmark -o -name benchmarks \) -prune -exec rm -rf {} +
  find . -type d -empty -delete
)
# Of the packages that are installed, some serve only an installation or a browser.
node scripts/needed-packages.mjs "$work" >"$work/packages"
tar -C "$work" -c -T "$work/packages" | tar -C "$app" -x
# Wherever detect-libc sees glibc instead (it reads Node's program header first, where it can), this is the
# first name that sharp tries.
sharp=$(sed -n 's/^ *"version": "\(.*\)",$/\1/p' "$app/node_modules/sharp/package.json")
mkdir -p "$app/node_modules/sharp/src/build/Release"
ln -s "../../../../@img/sharp-linuxmusl-x64/lib/sharp-linuxmusl-x64-$sharp.node" \
  "$app/node_modules/sharp/src/build/Release/sharp-linux-x64-$sharp.node"
[ -e "$app/node_modules/sharp/src/build/Release/sharp-linux-x64-$sharp.node" ] ||
  fail 'sharp has no binary for musl on x64 any more, or another name for it'

# --- The server -----------------------------------------------------------------------------------------
cp -r "$work/dist" "$app/dist"
cp package.json "$app/package.json"
cp "$config" "$app/config.json"
cp "$manifest" "$app/model.json"

# --- What a system has, as little of it as will do -----------------------------------------------------
mkdir -p "$root/dev" "$root/etc" "$root/proc" "$root/root" "$root/sys" "$root/tmp" "$root/usr/local/etc"
printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
printf 'root:x:0:0:root:/root:/nonexistent\n' >"$root/etc/passwd"
printf 'root:x:0:\n' >"$root/etc/group"

# --- An owner's libraries ----------------------------------------------------------------------------------
if [ -n "$extra" ]; then
  mkdir -p "$root/usr/local/lib"
  find "$extra" -maxdepth 1 -name '*.so*' -exec cp -L {} "$root/usr/local/lib/" \;
fi

# --- Nothing may be missing -------------------------------------------------------------------------------
readelf() {
  "$work/toolchain/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" \
    --library-path "$work/toolchain/usr/lib/x86_64-linux-gnu" \
    "$work/toolchain/usr/bin/x86_64-linux-gnu-readelf" "$@" 2>/dev/null
}
has_library() {
  for place in $library_path; do
    [ ! -e "$root/$place/$1" ] || return 0
  done
  case " $own_libraries " in *" $1 "*) return 0 ;; esac
  # The .node files name a folder of their own.
  [ -n "$(find "$app/node_modules" -name "$1" -print -quit)" ]
}
find "$root" -type f \( -name '*.so*' -o -name '*.node' -o -path '*/usr/bin/node' \) | sort >"$work/elves"
while read -r file; do
  case $(readelf -h "$file") in
  *X86-64*) ;;
  *) fail "${file#"$root"} is no library for x86-64" ;;
  esac
  # What musl 1.2.0 has no way to load.
  case $(readelf --relocs --wide "$file" | grep -o -m 1 IRELATIV; readelf --dynamic --wide "$file") in
  *IRELATIV*) fail "${file#"$root"} chooses functions when it is loaded (IFUNC), which musl does not do" ;;
  *'(RELR)'* | *'(TEXTREL)'*) fail "${file#"$root"} has relocations (RELR or TEXTREL) that musl does not know" ;;
  esac
  for needed in $(readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
    has_library "$needed" ||
      fail "${file#"$root"} needs $needed, which is not in the file system" "put $needed into EXTRA_LIBS as well"
  done
done <"$work/elves"

# --- The same modes and times, whoever builds -----------------------------------------------------------------
find "$root" -type d -exec chmod 755 {} +
find "$root" -type f -exec chmod 644 {} +
chmod 755 "$root/usr/bin/node"
chmod 1777 "$root/tmp"
[ "$(id -u)" -ne 0 ] || chown -hR 0:0 "$root"
find "$root" -exec touch --no-dereference --date="@$epoch" {} +

rm -rf "$folder" "$folder.files" "$folder.sha256"
mkdir -p "$(dirname "$folder")"
cp -a "$root" "$folder"
scripts/tree.sh "$folder" >"$folder.files"
hash=$(sha256sum <"$folder.files" | cut -d ' ' -f 1)
echo "$hash" >"$folder.sha256"

size() {
  (cd "$folder" && du -c --apparent-size --block-size=1 -s "$@" | tail -n 1 | cut -f 1) |
    awk -v part="$part" '{ printf "%8.1f MB  %s\n", $1 / 1e6, part }'
}
part='Node (Debian)' && size usr lib lib64
part='node_modules' && size app/node_modules
part='the server' && size app/dist app/package.json app/config.json app/model.json
part="$folder" && size .
echo "sha256 $hash"
