#!/usr/bin/env bash
# The demo on Azure Kubernetes Service: deploys the server, has six pictures classified, cleans up.
set -euo pipefail
# Some values below are secrets, which `bash -x` would write into a log.
set +x
umask 077

usage() {
  cat <<'END'
Usage: make demo RESOURCE_GROUP=… CLUSTER_NAME=… IMAGE=… [SAMPLES=…]
   or: deploy/confml_aks_demo.sh, with the same variables in the environment

Deploys the server to an AKS cluster with SGX nodes, classifies three plain and then the same three
encrypted pictures, compares the answers, and removes everything that it made.

  RESOURCE_GROUP  of the cluster
  CLUSTER_NAME    the AKS cluster
  IMAGE           the container image with the signed package, in a registry that the cluster reads
  SAMPLES         a folder with automotive.jpg.encrypted, dog.jpg.encrypted and
                  strawberries.jpg.encrypted, and with the same pictures unencrypted where they are
                  not those of models/demo (default: models/demo)
  NAMESPACE       an existing namespace (default: default)
  TIMEOUT         seconds that each wait may take (default: 1200)
  POLL_SECONDS    seconds between two looks (default: 5)

  CLIENT_ID, CLIENT_SECRET, APP_ID, MHSM_AAD_URL   go into a Secret of the cluster, and nowhere else

It needs az (logged in) and kubectl. Your own kubectl context is not touched. Exit codes: 64 a variable
is missing or wrong, 66 a picture is missing, 69 a tool or an SGX node is missing, 73 the namespace is
in use, else that of the step that failed.
END
}

readonly deployment=confml-server-demo
readonly service=confml-service
readonly secret=confml-credentials
readonly job=confml-client
readonly picture_map=confml-client-picture
readonly pictures=(automotive.jpg dog.jpg strawberries.jpg)
readonly secret_names=(CLIENT_ID CLIENT_SECRET APP_ID MHSM_AAD_URL)
readonly plain_hint='the demo compares plain and encrypted pictures, and config.json refuses plain ones: deploy/README.md says how to make a package for the demo'
# A ConfigMap has at most 1 MiB, including the overhead of base64.
readonly max_picture_bytes=750000
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
readonly here

# The resources to remove at the end.
work=
deployed=

say() { printf '\n%s\n' "$*"; }

die() {
  local code=$1
  shift
  printf 'confml: error: %s\n' "$1" >&2
  shift
  if (($# > 0)); then printf 'confml: hint: %s\n' "$@" >&2; fi
  exit "$code"
}

# In the background, because bash handles a signal only between foreground commands.
run() {
  "$@" <&0 &
  wait "$!"
}

k() { run kubectl --namespace "$NAMESPACE" "$@"; }

pause() { if [[ $POLL_SECONDS != 0 ]]; then run sleep "$POLL_SECONDS"; fi; }

check_variables() {
  local name missing=()
  for name in RESOURCE_GROUP CLUSTER_NAME IMAGE "${secret_names[@]}"; do
    if [[ -z ${!name:-} ]]; then missing+=("$name"); fi
  done
  if ((${#missing[@]} > 0)); then
    die 64 "not set: ${missing[*]}" \
      "make demo RESOURCE_GROUP=… CLUSTER_NAME=… IMAGE=…; export CLIENT_ID, CLIENT_SECRET, APP_ID and MHSM_AAD_URL"
  fi
  # The Secret is made from lines NAME=value; kubectl would print a line that it cannot parse.
  for name in "${secret_names[@]}"; do
    if [[ ${!name} == *[![:print:]]* ]]; then die 64 "$name holds a line break or another control character"; fi
    export -n "${name?}"
  done
  if [[ ! $IMAGE =~ ^[A-Za-z0-9][A-Za-z0-9._/:@-]*$ ]]; then
    die 64 "IMAGE: expected REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:…, got '$IMAGE'"
  fi
  if [[ ! $NAMESPACE =~ ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$ ]]; then
    die 64 "NAMESPACE: expected a Kubernetes name, got '$NAMESPACE'"
  fi
  if [[ ! $TIMEOUT =~ ^[1-9][0-9]{0,5}$ ]]; then die 64 "TIMEOUT: expected seconds, got '$TIMEOUT'"; fi
  if [[ ! $POLL_SECONDS =~ ^(0|[1-9][0-9]{0,3})$ ]]; then
    die 64 "POLL_SECONDS: expected seconds, got '$POLL_SECONDS'"
  fi
}

check_tools() {
  command -v az >/dev/null ||
    die 69 "az is not on PATH" "install the Azure CLI: https://learn.microsoft.com/cli/azure/install-azure-cli"
  command -v kubectl >/dev/null ||
    die 69 "kubectl is not on PATH" "az aks install-cli, or https://kubernetes.io/docs/tasks/tools/"
}

plain_file() {
  if [[ -f $SAMPLES/$1 ]]; then printf '%s' "$SAMPLES/$1"; else printf '%s' "$here/../models/demo/$1"; fi
}

file_of() {
  if [[ $1 == *.encrypted ]]; then printf '%s' "$SAMPLES/$1"; else plain_file "$1"; fi
}

check_pictures() {
  local picture file missing=()
  for picture in "${pictures[@]}"; do
    [[ -f $SAMPLES/$picture.encrypted ]] || missing+=("$picture.encrypted")
  done
  if ((${#missing[@]} > 0)); then
    # The user's shell expands these variables, not this script.
    cat >&2 <<'END'
The data owner makes the encrypted pictures with its key; -K must get all 64 hex digits:
  KEY=$(od -An -v -tx1 image.key | tr -d ' \n')
  [ ${#KEY} -eq 64 ] || echo 'not a 256-bit key'
  for NAME in automotive dog strawberries; do
    openssl enc -e -aes256 -K "$KEY" -iv 0 -in models/demo/$NAME.jpg -out samples/$NAME.jpg.encrypted
  done
END
    die 66 "not in SAMPLES ($SAMPLES): ${missing[*]}" "make demo SAMPLES=samples …"
  fi
  for picture in "${pictures[@]}" "${pictures[@]/%/.encrypted}"; do
    file=$(file_of "$picture")
    [[ -r $file ]] || die 66 "cannot read $file"
    if (($(wc -c <"$file") > max_picture_bytes)); then
      die 66 "$file is larger than $max_picture_bytes bytes, which is what a ConfigMap carries"
    fi
  done
}

connect() {
  say "Connecting to $CLUSTER_NAME in $RESOURCE_GROUP"
  run az aks get-credentials --resource-group "$RESOURCE_GROUP" --name "$CLUSTER_NAME" \
    --file "$KUBECONFIG" --only-show-errors
  k get nodes --output \
    'jsonpath={range .items[*]}{.metadata.name}{" "}{.status.allocatable.sgx\.intel\.com/epc}{"\n"}{end}' \
    >"$work/nodes"
  printf 'node, enclave memory:\n%s\n' "$(<"$work/nodes")"
  grep -Eq ' [1-9]' "$work/nodes" ||
    die 69 "no node of $CLUSTER_NAME offers sgx.intel.com/epc" \
      "add a pool of DCsv3 nodes and the confcom add-on with --enable-sgxquotehelper: see deploy/README.md"
  # Existing resources belong to somebody else: this script would delete them at its end.
  k get "deployment/$deployment" "service/$service" "secret/$secret" "job/$job" \
    --ignore-not-found --output name >"$work/present"
  if [[ -s $work/present ]]; then
    die 73 "the namespace $NAMESPACE already has $(paste -s -d ' ' "$work/present")" \
      "use another NAMESPACE; what an earlier demo left behind goes with: kubectl --namespace $NAMESPACE delete $(paste -s -d ' ' "$work/present")"
  fi
}

# The part after the image's name in a kustomization: a digest, a tag, or Docker's default tag.
image_lines() {
  local name=$IMAGE rest=
  if [[ $IMAGE == *@* ]]; then
    name=${IMAGE%@*}
    rest="    digest: ${IMAGE#*@}"
    # A tag before a digest has no effect.
    if [[ ${name##*/} == *:* ]]; then name=${name%:*}; fi
  elif [[ ${IMAGE##*/} == *:* ]]; then
    name=${IMAGE%:*}
    rest="    newTag: \"${IMAGE##*:}\""
  else
    rest='    newTag: latest'
  fi
  printf '    newName: %s\n%s\n' "$name" "$rest"
}

render_server() {
  cp -R "$here/base" "$here/overlays" "$here/client" "$work/"
  mkdir "$work/server"
  {
    printf 'resources:\n  - ../overlays/aks-sgx\nimages:\n'
    # The overlay has replaced the image's name by its example already.
    printf '  - name: registry.example/confml\n%s\n' "$(image_lines)"
  } >"$work/server/kustomization.yaml"
  run kubectl kustomize "$work/server" >"$work/server.yaml"
  grep -Fq "image: ${IMAGE%%[:@]*}" "$work/server.yaml" ||
    die 70 "the manifests do not name the image $IMAGE"
}

# @param 1 the picture
render_client() {
  mkdir -p "$work/upload"
  {
    printf 'resources:\n  - ../client\nconfigMapGenerator:\n'
    printf '  - name: confml-client\n    behavior: merge\n    literals:\n'
    printf '      - SERVER=%s:8000\n      - PICTURE=%s\n' "$address" "$1"
  } >"$work/upload/kustomization.yaml"
  run kubectl kustomize "$work/upload" >"$work/client.yaml"
}

create_secret() {
  local name
  # On standard input, and with `create`, because `apply` would store a copy in an annotation.
  k create secret generic "$secret" --from-env-file=/dev/stdin < <(
    for name in "${secret_names[@]}"; do printf '%s=%s\n' "$name" "${!name}"; done
  )
}

# Prints why there is no answer: events show a lack of enclave memory, the log's last line a refused key.
show_server() {
  say "The server's pods:" >&2
  k get pods --selector app=confml-server --output wide >&2 || true
  k describe pods --selector app=confml-server >&2 || true
  k logs --selector app=confml-server --tail=200 --prefix >&2 || true
}

deploy_server() {
  say "Deploying $IMAGE"
  deployed=yes
  create_secret
  k apply --filename "$work/server.yaml"
  say "Waiting for the keys and the model (at most $TIMEOUT s)"
  k rollout status "deployment/$deployment" --timeout="${TIMEOUT}s" || {
    local status=$?
    show_server
    exit "$status"
  }
}

wait_for_address() {
  local looks
  say "Waiting for the address of $service"
  for ((looks = 0; looks < max_looks; looks++)); do
    if ((looks > 0)); then pause; fi
    k get service "$service" --output \
      'jsonpath={.status.loadBalancer.ingress[*].ip} {.status.loadBalancer.ingress[*].hostname}' \
      >"$work/address"
    read -r address _ <"$work/address" || true
    if [[ $address =~ ^[A-Za-z0-9][A-Za-z0-9.:-]*$ ]]; then
      if [[ $address == *:* ]]; then address="[$address]"; fi
      say "The server is at $address"
      return
    fi
  done
  die 75 "no address after $TIMEOUT s" "kubectl --namespace $NAMESPACE describe service $service says why"
}

wait_for_job() {
  local looks state
  for ((looks = 0; looks < max_looks; looks++)); do
    if ((looks > 0)); then pause; fi
    k get "job/$job" --output 'jsonpath={.status.conditions[?(@.status=="True")].type}' >"$work/state" || return
    state=" $(<"$work/state") "
    if [[ $state == *' Complete '* ]]; then return; fi
    if [[ $state == *' Failed '* ]]; then return 1; fi
  done
  printf 'confml: error: not finished after %s s\n' "$TIMEOUT" >&2
  return 75
}

# @param 1 the picture
classify() {
  local picture=$1 seconds
  say "$picture"
  k create configmap "$picture_map" --from-file="$picture=$(file_of "$picture")"
  render_client "$picture"
  k apply --filename "$work/client.yaml"
  wait_for_job || {
    local status=$?
    printf 'confml: error: the upload of %s failed\n' "$picture" >&2
    k logs "job/$job" >"$work/log" || true
    cat "$work/log" >&2
    if grep -Fq FORMAT_REFUSED "$work/log"; then
      printf 'confml: hint: %s\n' "$plain_hint" >&2
    fi
    show_server
    exit "$status"
  }
  k logs "job/$job" >"$work/log"
  seconds=$(sed -n 's/^seconds \([0-9.]*\)$/\1/p' "$work/log" | tail -n 1)
  sed '/^seconds [0-9.]*$/d' "$work/log" >"$work/answer.$picture"
  cat "$work/answer.$picture"
  if [[ -z $seconds ]] || ! grep -Fq 'file inferenced successfully.' "$work/answer.$picture"; then
    die 1 "that is no answer of the server"
  fi
  printf '%s %s\n' "$seconds" "$picture" >>"$results/results.txt"
  # A job's name can be used only once.
  k delete "job/$job" "configmap/$picture_map" --wait --timeout=120s
}

compare() {
  local picture
  for picture in "${pictures[@]}"; do
    cmp -s "$work/answer.$picture" "$work/answer.$picture.encrypted" ||
      die 1 "$picture.encrypted was answered differently from $picture" \
        "is it the same picture, under the key that the server has?"
  done
  say "${#pictures[@]} of ${#pictures[@]} encrypted pictures answered exactly like the plain ones."
}

# Reports a failure, and removes the other resources anyway.
remove() {
  kubectl --namespace "$NAMESPACE" delete "$@" --ignore-not-found --wait --timeout=300s || {
    printf 'confml: error: not removed: %s\n' "$*" >&2
    left=$((left + 1))
  }
}

finish() {
  local status=$? left=0
  # Signals are ignored from now on: a second Ctrl-C must not interrupt the clean-up.
  trap '' INT TERM HUP
  trap - EXIT
  set +e
  if [[ -n $deployed ]]; then
    say "Removing what was deployed"
    # The Secret first, because it is the most important one to remove.
    remove "secret/$secret"
    remove "job/$job" "configmap/confml-client" "configmap/$picture_map" "networkpolicy/confml-client"
    remove --filename "$work/server.yaml"
  fi
  if [[ -n $work ]]; then rm -rf -- "$work"; fi
  if ((left > 0)); then
    printf 'confml: error: %s deletions failed; look into the namespace %s of %s\n' \
      "$left" "$NAMESPACE" "$CLUSTER_NAME" >&2
    if ((status == 0)); then status=1; fi
  fi
  exit "$status"
}

interrupted() {
  trap '' INT TERM HUP
  local running
  running=$(jobs -pr)
  # shellcheck disable=SC2086 # a list of numbers
  if [[ -n $running ]]; then kill -TERM $running 2>/dev/null || true; fi
  wait
  exit "$1"
}

main() {
  local picture
  case ${1:-} in
    '') ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) die 64 "unknown argument '$1'" "--help says what there is" ;;
  esac
  NAMESPACE=${NAMESPACE:-default}
  TIMEOUT=${TIMEOUT:-1200}
  POLL_SECONDS=${POLL_SECONDS:-5}
  SAMPLES=${SAMPLES:-$here/../models/demo}
  check_variables
  check_tools
  check_pictures
  max_looks=$((POLL_SECONDS > 0 ? TIMEOUT / POLL_SECONDS + 1 : TIMEOUT))
  address=

  trap finish EXIT
  trap 'interrupted 129' HUP
  trap 'interrupted 130' INT
  trap 'interrupted 143' TERM
  work=$(mktemp -d "${TMPDIR:-/tmp}/confml-demo.XXXXXX")
  export KUBECONFIG=$work/kubeconfig
  connect
  render_server
  deploy_server
  wait_for_address
  results=$(mktemp -d "${TMPDIR:-/tmp}/confml-results.XXXXXX")
  for picture in "${pictures[@]}" "${pictures[@]/%/.encrypted}"; do classify "$picture"; done
  compare
  say "Seconds and picture of each answer: $results/results.txt"
  cat "$results/results.txt"
}

main "$@"
