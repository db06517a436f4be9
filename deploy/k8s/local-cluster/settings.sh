# shellcheck shell=bash disable=SC2034
# Settings of the scripts beside this file, which read it; the environment may set each.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Everything that the scripts make is in this folder: programs, certificates, the cluster's data.
STATE=${CIFT_CLUSTER:-$(cd "$HERE/../../.." && pwd)/.cift/cluster}
BIN=$STATE/bin RUN=$STATE/run
SOCKET=$RUN/containerd.sock
KUBE_VERSION=v1.34.4  # as in programs/kube/go.mod
JOBS=${CIFT_CLUSTER_JOBS:-$(nproc)}

# The node lives in a network namespace of its own, which has no way out of this machine.
NAMESPACE=${CIFT_CLUSTER_NAMESPACE:-cift-cluster} LINK=${CIFT_CLUSTER_LINK:-cift-cluster}
HOST_IP=${CIFT_CLUSTER_HOST_IP:-10.210.0.1} NODE_IP=${CIFT_CLUSTER_NODE_IP:-10.210.0.2}
NODE=node1
PODS=10.244.0.0/24 SERVICES=10.96.0.0/16 API_IP=10.96.0.1 DNS_IP=10.96.0.10
VOLUMES=${CIFT_CLUSTER_VOLUMES:-16}
# Made by build.sh. A tag other than `latest`: for that one the kubelet would ask a registry.
PAUSE_IMAGE=localhost/cift-cluster-pause:1 DNS_IMAGE=localhost/cift-cluster-coredns:1

# podman on a machine that grants few rights: see tests/support/images/containers.conf.
export CONTAINERS_CONF=$HERE/../../../tests/support/images/containers.conf

say() { echo "$(date +%T) $*" >&2; }
fail() { say "error: $*"; exit 1; }
