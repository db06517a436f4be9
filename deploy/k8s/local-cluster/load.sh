#!/usr/bin/env bash
# Copy images of podman into the running cluster: load.sh cift/gateway:e2e cift/ledger:e2e
#
# A pod names them without `localhost/`, as if they came from docker.io.
set -euo pipefail
. "$(dirname "$0")/settings.sh"
[ -S "$SOCKET" ] || fail "the cluster does not run: up.sh"
names=()
for each in "$@"; do
  podman tag "localhost/${each#localhost/}" "docker.io/${each#localhost/}"
  names+=("docker.io/${each#localhost/}")
done
# One archive for all, so that a layer of several images is copied once.
podman save --quiet --multi-image-archive --format docker-archive "${names[@]}" |
  ctr --address "$SOCKET" --namespace k8s.io images import - > /dev/null
say "loaded $# images in $SECONDS s"
