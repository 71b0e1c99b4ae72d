#!/usr/bin/env bash
# Plays az and kubectl for demo.test.ts: notes each call in the folder STAGE and answers like the real
# one. Call FAIL_AT fails; during SIGNAL_AT the caller gets SIGNAL; HANG_AT runs until it is ended.
set -u
tool=${0##*/}
# Built-in commands only, where they will do: it is called thousands of times.
mapfile -t calls <"$STAGE/calls"
number=$((${#calls[@]} + 1))
printf '%s\n' "$tool $*" >>"$STAGE/calls"
export -p >"$STAGE/environment.$number"

# $1: what is asked about; puts how often it was before into `times`
asked() {
  times=0
  if [[ -f $STAGE/asked.$1 ]]; then read -r times <"$STAGE/asked.$1"; fi
  printf '%s\n' $((times + 1)) >"$STAGE/asked.$1"
}

if [[ $number == "${FAIL_AT:-}" ]]; then
  echo "the stand-in fails at $tool" >&2
  exit 42
fi
if [[ $number == "${SIGNAL_AT:-}" ]]; then kill -s "$SIGNAL" "$PPID"; fi
if [[ $number == "${HANG_AT:-}" ]]; then
  mkfifo "$STAGE/never"
  printf '%s' "$$" >"$STAGE/hanging"
  echo HANGING >&2
  # Nobody ever writes. No trap of bash's, which may miss a signal that comes just before `read` waits.
  exec cat "$STAGE/never"
fi

if [[ $tool == az ]]; then
  while (($# > 1)); do
    if [[ $1 == --file ]]; then echo kubeconfig >"$2"; fi
    shift
  done
  exit 0
fi

if [[ $1 == --namespace ]]; then shift 2; fi
case "$*" in
  kustomize\ *)
    if [[ -n ${REAL_KUBECTL:-} ]]; then exec "$REAL_KUBECTL" "$@"; fi
    sed -n 's/^ *newName: /image: /p; s/^ *- PICTURE=/PICTURE: /p' "$2/kustomization.yaml"
    ;;
  'get nodes '*) printf '%b' "${NODES:-pool-1 16Gi\\npool-2 \\n}" ;;
  'get deployment/'*) printf '%s' "${PRESENT:-}" ;;
  'create secret '*)
    cat >"$STAGE/secret"
    echo 'secret/confml-credentials created'
    ;;
  'apply --filename '*)
    cat "$3" >"$STAGE/applied.$number"
    sed -n 's/^ *PICTURE: //p' "$3" >"$STAGE/picture"
    echo 'all created'
    ;;
  'get service '*)
    asked address
    if ((times >= ${ADDRESS_AFTER:-2})); then echo "${ADDRESS:-203.0.113.7 }"; fi
    ;;
  'get job/'*)
    # Each job is seen running first.
    asked job
    if ((times % 2 == 1)); then printf '%s' "${JOB_STATE-SuccessCriteriaMet Complete}"; fi
    ;;
  'logs job/'*)
    if [[ -n ${JOB_LOG:-} ]]; then
      printf '%s\n' "$JOB_LOG"
      exit 0
    fi
    read -r picture <"$STAGE/picture"
    label=${picture%%.*}
    if [[ $picture == "${ODD_PICTURE:-}" ]]; then label="another"; fi
    printf 'file inferenced successfully.\nReturn top 5 inference results:\n\t'
    printf "('%s', 96.0)\nseconds 0.0%s\n" "$label" "$number"
    ;;
  'logs --selector '*) echo 'SERVER LOG' ;;
  *) echo "done" ;;
esac
