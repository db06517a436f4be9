#!/usr/bin/env bash
# Build the programs of a one-node Kubernetes cluster from their Go modules, for machines that reach
# a Go module proxy and Debian's packages but no registry of images. As root, on Debian 12.
#
# The first build takes 10 minutes of CPU for each of two cores; a later one takes seconds. Where the
# folder with the programs was kept (CIFT_CLUSTER), nothing is built until a version changes.
set -euo pipefail
. "$(dirname "$0")/settings.sh"

PACKAGES="containerd runc containernetworking-plugins iptables ipset iproute2 conntrack openssl podman buildah netavark aardvark-dns debootstrap"
# shellcheck disable=SC2086
missing=$(dpkg-query -W -f='${Package} ${Status}\n' $PACKAGES 2>&1 | grep -v ' ok installed$' || true)
if [ -n "$missing" ]; then
  say "installing Debian's containerd, runc, podman and network tools"
  apt-get update -qq
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $PACKAGES > /dev/null
fi

sources=$(cat "$HERE"/programs/*/* "$HERE/settings.sh" "$HERE/build.sh" | sha256sum)
if [ "$(cat "$BIN/built-from" 2> /dev/null)" = "$sources" ]; then
  say "programs in $BIN are up to date"
  exit 0
fi

# Static programs, because two of them run in images that contain nothing else.
export CGO_ENABLED=0 GOFLAGS="-mod=readonly -trimpath -p=$JOBS"
build() { # name [linker flags]
  local started=$SECONDS
  (cd "$HERE/programs/$1" && go build -ldflags "-s -w ${2:-}" -o "$BIN/$1" .)
  say "built $1 in $((SECONDS - started)) s"
}

mkdir -p "$BIN"
for each in pause etcd coredns netpol; do build "$each"; done
# The API server refuses to start without knowing its version.
grep -q "k8s.io/kubernetes $KUBE_VERSION$" "$HERE/programs/kube/go.mod" || fail "programs/kube/go.mod has another version than $KUBE_VERSION"
version=k8s.io/component-base/version
build kube "-X $version.gitVersion=$KUBE_VERSION -X $version.gitMajor=1 -X $version.gitMinor=$(cut -d. -f2 <<< "$KUBE_VERSION")"
for each in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl; do
  ln -sfn kube "$BIN/$each"
done

image() { # name tag: an image with one program and nothing else
  local folder
  folder=$(mktemp -d)
  cp "$BIN/$1" "$folder/program"
  printf 'FROM scratch\nCOPY program /program\nUSER 65535\nENTRYPOINT ["/program"]\n' > "$folder/Dockerfile"
  podman build --quiet --pull=never -t "$2" "$folder" > /dev/null
  podman save --quiet --format docker-archive -o "$folder/archive" "$2"
  mv "$folder/archive" "$BIN/$1.tar"
  rm -r "$folder"
}
image pause "$PAUSE_IMAGE"
image coredns "$DNS_IMAGE"
echo "$sources" > "$BIN/built-from"
say "programs in $BIN: $(du -sh "$BIN" | cut -f1)"
