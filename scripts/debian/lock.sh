#!/bin/sh
# Writes a lock file anew, with the newest versions in Debian: scripts/debian/lock.sh LOCK
#
# The packages are those that the lock's line "# packages:" names, and nothing that they depend on: what
# is in the TEE is decided by name. Debian's own signatures are checked, by apt, with an index of its own.
set -eu

lock=$1
suite=trixie
mirror=${DEBIAN_MIRROR:-http://deb.debian.org}
keyring=${DEBIAN_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}
packages=$(sed -n 's/^# packages: //p' "$lock")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/etc/preferences.d"
: >"$work/status"
cat >"$work/etc/sources.list" <<LIST
deb [arch=amd64 signed-by=$keyring] $mirror/debian $suite main
deb [arch=amd64 signed-by=$keyring] $mirror/debian $suite-updates main
deb [arch=amd64 signed-by=$keyring] $mirror/debian-security $suite-security main
LIST

apt() {
  apt-get -q -o APT::Sandbox::User=root -o APT::Architecture=amd64 -o Dir::State="$work/state" \
    -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache" -o Dir::Etc="$work/etc" \
    -o Dir::Etc::sourcelist="$work/etc/sources.list" -o Dir::Etc::sourceparts=- "$@"
}
apt update >"$work/log" 2>&1 || {
  cat "$work/log" >&2
  exit 69
}

# 'http://…/pool/….deb' name_version_amd64.deb SIZE SHA256:…
{
  grep '^#' "$lock" | grep -v '^# snapshot: '
  echo "# snapshot: $(date -u +%Y%m%dT%H%M%SZ)"
  # shellcheck disable=SC2086 # a list of names
  apt download --print-uris $packages | tr -d "'" |
    sed -nE 's#^[^ ]*/(debian|debian-security)/([^ ]*) ([^_ ]*)_([^_ ]*)_[^ ]* [0-9]+ SHA256:([0-9a-f]{64})$#\3 \4 \5 \1 \2#p' |
    sed -E 's/ debian-security ([^ ]*)$/ security\/\1/; s/ debian ([^ ]*)$/ \1/; s/%3a/:/; s/%2b/+/g' |
    LC_ALL=C sort
} >"$work/lock"
count=$(grep -vc '^#' "$work/lock")
wanted=$(echo "$packages" | wc -w)
[ "$count" -eq "$wanted" ] || {
  echo "error: $wanted packages asked for, $count found" >&2
  exit 65
}
cp "$work/lock" "$lock"
echo "$lock: $count packages"
