#!/bin/sh
# Writes the digests of third-party images into the Dockerfiles and manifests that name them by tag:
# scripts/pin-images.sh [FILE…]
#
# Docker's client asks each image's registry for the digest of the image for linux/amd64, the only platform of this
# project. A digest that is there already is replaced by the current one of its tag. Where a registry gives no digest,
# the name stays unchanged, and the script exits with 69.
set -eu
cd "$(dirname "$0")/.."
[ "$#" -gt 0 ] || set -- Dockerfile deploy/Dockerfile.sgx deploy/client/confml_client.yaml deploy/compose/compose.yaml
command -v docker >/dev/null || {
  echo 'error: there is no docker, whose client asks the registries' >&2
  exit 69
}

before='^( *image: |FROM |ARG BASE=)'
name='[a-z0-9][a-z0-9._/:-]*:[A-Za-z0-9_][A-Za-z0-9_.-]*'
after='(@sha256:[0-9a-f]{64})?( AS [a-z]+)?$'
images=$(sed -nE "s#$before($name)$after#\2#p" "$@" | sort -u)
[ -n "$images" ] || {
  echo "error: no image with a tag in $*" >&2
  exit 65
}

# For an image index docker prints a list of images, for a single image one object.
# shellcheck disable=SC2016 # JavaScript's, not the shell's
read_digest='
  const given = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
  const isOurs = ({ Descriptor: { platform = {} } }) =>
    platform.os === "linux" && platform.architecture === "amd64";
  const digest = [given].flat().find(isOurs)?.Descriptor.digest ?? "";
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) throw new Error("no digest for linux/amd64");
  console.log(digest);
'
status=0
for image in $images; do
  if digest=$(docker manifest inspect --verbose "$image" | node -e "$read_digest" 2>/dev/null); then
    sed -i -E "s#$before$(printf '%s' "$image" | sed 's/[.]/[.]/g')$after#\1$image@$digest\3#" "$@"
    echo "$image $digest"
  else
    echo "error: $image: its registry gave no digest" >&2
    status=69
  fi
done
exit "$status"
