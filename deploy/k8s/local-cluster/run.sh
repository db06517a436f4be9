#!/usr/bin/env bash
# Build and start the cluster, run a command on it, end the cluster: run.sh make k8s-e2e
set -euo pipefail
. "$(dirname "$0")/settings.sh"
"$HERE/build.sh"
[ ! -e "$RUN" ] || fail "a cluster runs already: down.sh ends it"
trap '"$HERE/down.sh"' EXIT
"$HERE/up.sh"
KUBECONFIG=$RUN/pki/admin.kubeconfig PATH=$BIN:$PATH "$@"
