#!/bin/sh
# Downloads the Debian packages that a lock file names, checks each against its SHA-256 and, where a
# folder is given, unpacks them there: scripts/debian/fetch.sh LOCK [FOLDER]
#
# Lines of a lock file: NAME VERSION SHA256 PATH-IN-THE-ARCHIVE. Debian's mirrors drop a version once
# there is a newer one; snapshot.debian.org keeps them all, so a commit can be rebuilt years later.
set -eu

mirror=${DEBIAN_MIRROR:-http://deb.debian.org}
lock=$1
folder=${2:-}
cache=${DEBIAN_CACHE:-build/debian}

for tool in /usr/lib/apt/apt-helper dpkg-deb sha256sum; do
  command -v "$tool" >/dev/null || {
    echo "error: there is no $tool, which Debian's and Ubuntu's packages apt, dpkg and coreutils have" >&2
    echo "hint: on another system, build in a container: make image" >&2
    exit 69
  }
done

# The day on which all of a lock's packages were on the mirrors.
snapshot=$(sed -n 's/^# snapshot: //p' "$lock")

is_right() {
  [ -f "$1" ] && echo "$2  $1" | sha256sum --check --status
}

download() {
  /usr/lib/apt/apt-helper -o APT::Sandbox::User=root -o Acquire::Retries=3 \
    download-file "$1" "$2" "SHA256:$3" >"$2.log" 2>&1
}

mkdir -p "$cache"
grep -v '^#' "$lock" | while read -r name version sha256 path; do
  deb=$cache/$sha256.deb
  if ! is_right "$deb" "$sha256"; then
    # Two builds may share the folder: only a whole, checked file gets the name that both look for.
    part=$(mktemp "$cache/part.XXXXXX")
    case $path in
    security/*) on_mirror=debian-security/${path#security/} ;;
    *) on_mirror=debian/$path ;;
    esac
    archive=${on_mirror%%/*}
    download "$mirror/$on_mirror" "$part" "$sha256" ||
      download "https://snapshot.debian.org/archive/$archive/$snapshot/${on_mirror#*/}" "$part" "$sha256" || {
      echo "error: $name $version could not be downloaded with the SHA-256 $sha256" >&2
      sed -n 's/^/  /;$p' "$part.log" >&2
      rm -f "$part" "$part.log"
      exit 69
    }
    rm -f "$part.log"
    is_right "$part" "$sha256" || {
      echo "error: $name $version does not have the SHA-256 $sha256" >&2
      rm -f "$part"
      exit 65
    }
    mv "$part" "$deb"
  fi
  [ -z "$folder" ] || dpkg-deb -x "$deb" "$folder"
done
