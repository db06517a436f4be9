#!/usr/bin/env bash
# Start the cluster that build.sh has built, and wait until it can run pods. As root; down.sh ends it.
set -euo pipefail
. "$(dirname "$0")/settings.sh"
. "$HERE/certificates.sh"
[ -x "$BIN/kubelet" ] || fail "run build.sh first"
[ ! -e "$RUN" ] || fail "$RUN exists: run down.sh first"
[ ! -e "/run/netns/$NAMESPACE" ] || fail "network namespace $NAMESPACE exists: does another cluster run?"
[ ${#SOCKET} -lt 100 ] || fail "$SOCKET is too long for the path of a socket; set CIFT_CLUSTER"
mkdir -p "$RUN"/{pids,logs,pki,cni,volumes,kubelet}
chmod 700 "$RUN/pki"
KUBECTL=("$BIN/kubectl" "--kubeconfig=$RUN/pki/admin.kubeconfig")
# nsenter, because `ip netns exec` would hide the control groups.
INSIDE=(nsenter "--net=/run/netns/$NAMESPACE" --)

connect() { # the node's network, and the way from this machine to Services and pods
  ip netns add "$NAMESPACE"
  ip link add "$LINK" type veth peer name eth0 netns "$NAMESPACE"
  ip address add "$HOST_IP/30" dev "$LINK"
  ip link set "$LINK" up
  "${INSIDE[@]}" ip link set lo up
  "${INSIDE[@]}" ip address add "$NODE_IP/30" dev eth0
  "${INSIDE[@]}" ip link set eth0 up
  # The kernel wants a route to a Service's address before kube-proxy's rules replace the address.
  "${INSIDE[@]}" ip link add services type bridge
  "${INSIDE[@]}" ip link set services up
  "${INSIDE[@]}" ip route add "$SERVICES" dev services
  # Traffic between pods passes the rules of kube-proxy and of the policies, too.
  "${INSIDE[@]}" sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
  ip route add "$SERVICES" via "$NODE_IP" dev "$LINK"
  ip route add "$PODS" via "$NODE_IP" dev "$LINK"
}

fill() { # file: its text with the settings in place of @NAME@
  sed -e "s|@RUN@|$RUN|g" -e "s|@SOCKET@|$SOCKET|g" -e "s|@PAUSE_IMAGE@|$PAUSE_IMAGE|g" \
    -e "s|@DNS_IMAGE@|$DNS_IMAGE|g" -e "s|@DNS_IP@|$DNS_IP|g" -e "s|@PODS@|$PODS|g" \
    -e "s|@NODE_IP@|$NODE_IP|g" -e "s|@NODE@|$NODE|g" -e "s|@VOLUME@|${VOLUME:-}|g" "$HERE/config/$1"
}

start() { # name command...: in the node's network; outlives this script
  local name=$1
  shift
  setsid "${INSIDE[@]}" "$@" > "$RUN/logs/$name.log" 2>&1 < /dev/null &
  echo $! > "$RUN/pids/$name"
}

wait_for() { # seconds what command...
  local until=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" > /dev/null 2>&1; do
    [ $SECONDS -lt $until ] || fail "$what is not ready; see $RUN/logs"
    sleep 0.3
  done
}

start_control_plane() {
  local pki=$RUN/pki
  start etcd "$BIN/etcd" --name "$NODE" --data-dir "$RUN/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
    --initial-cluster "$NODE=http://127.0.0.1:2380"
  # Privileged pods are allowed by the server, so that only the namespace's standard refuses them.
  start kube-apiserver "$BIN/kube-apiserver" --etcd-servers http://127.0.0.1:2379 \
    --bind-address "$NODE_IP" --advertise-address "$NODE_IP" --service-cluster-ip-range "$SERVICES" \
    --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction --anonymous-auth=false --allow-privileged \
    --client-ca-file "$pki/ca.crt" --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" \
    --kubelet-certificate-authority "$pki/ca.crt" --kubelet-preferred-address-types InternalIP \
    --kubelet-client-certificate "$pki/apiserver-kubelet.crt" --kubelet-client-key "$pki/apiserver-kubelet.key" \
    --service-account-issuer https://kubernetes.default.svc.cluster.local \
    --service-account-key-file "$pki/accounts.key" --service-account-signing-key-file "$pki/accounts.key"
  wait_for 120 "the API server" "${KUBECTL[@]}" get --raw /readyz
  start kube-controller-manager "$BIN/kube-controller-manager" --kubeconfig "$pki/kube-controller-manager.kubeconfig" \
    --bind-address 127.0.0.1 --leader-elect=false --use-service-account-credentials --root-ca-file "$pki/ca.crt" \
    --service-account-private-key-file "$pki/accounts.key" --service-cluster-ip-range "$SERVICES"
  start kube-scheduler "$BIN/kube-scheduler" --kubeconfig "$pki/kube-scheduler.kubeconfig" --bind-address 127.0.0.1 --leader-elect=false
}

start_node() {
  local pki=$RUN/pki
  for each in pause coredns; do
    ctr --address "$SOCKET" --namespace k8s.io images import "$BIN/$each.tar" > /dev/null
  done
  start kubelet "$BIN/kubelet" --config "$RUN/kubelet.yaml" --kubeconfig "$pki/kubelet.kubeconfig" \
    --root-dir "$RUN/kubelet" --cert-dir "$RUN/kubelet-pki" --hostname-override "$NODE" --node-ip "$NODE_IP" \
    --node-labels topology.kubernetes.io/zone=zone-a
  start kube-proxy "$BIN/kube-proxy" --config "$RUN/kube-proxy.yaml"
  wait_for 60 "the node" "${KUBECTL[@]}" get node "$NODE"
  start netpol "$BIN/netpol" --kubeconfig "$pki/netpol.kubeconfig" --node "$NODE" --service-cidr "$SERVICES"
}

add_objects() {
  {
    fill dns.yaml
    for number in $(seq "$VOLUMES"); do
      VOLUME=volume-$number
      mkdir -m 777 "$RUN/volumes/$VOLUME"
      fill volume.yaml
    done
  } | "${KUBECTL[@]}" apply -f - > /dev/null
}

# The kubelet changes these for the whole machine; down.sh puts the old values back.
sysctl vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys \
  kernel.keys.root_maxbytes > "$RUN/sysctl.before" 2> /dev/null || true
: > "$RUN/resolv.conf"
connect
(cd "$RUN/pki" && make_certificates)
for each in containerd.toml kubelet.yaml kube-proxy.yaml; do fill "$each" > "$RUN/$each"; done
fill pods.conflist > "$RUN/cni/pods.conflist"
start containerd containerd --config "$RUN/containerd.toml"
start_control_plane
wait_for 60 containerd ctr --address "$SOCKET" version
start_node
add_objects
wait_for 120 "the node" "${KUBECTL[@]}" wait --for=condition=Ready "node/$NODE" --timeout=1s
wait_for 120 "the cluster's DNS" "${KUBECTL[@]}" -n kube-system rollout status deployment/coredns --timeout=1s
say "ready after $SECONDS s: export KUBECONFIG=$RUN/pki/admin.kubeconfig PATH=$BIN:\$PATH"
