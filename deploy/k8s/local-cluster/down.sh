#!/usr/bin/env bash
# End the cluster that up.sh has started, and remove its data; programs and images of build.sh stay.
set -uo pipefail
. "$(dirname "$0")/settings.sh"
[ -d "$RUN" ] || { say "no cluster runs"; exit 0; }

end() { # seconds name...: SIGTERM, then SIGKILL to what is left after this time
  local limit=$1 name pid
  shift
  for name in "$@"; do
    pid=$(cat "$RUN/pids/$name" 2> /dev/null) && kill "$pid" 2> /dev/null
  done
  for name in "$@"; do
    pid=$(cat "$RUN/pids/$name" 2> /dev/null) || continue
    timeout "$limit" tail --pid="$pid" -f /dev/null || kill -KILL "$pid" 2> /dev/null
  done
}

containers() { timeout 20 ctr --address "$SOCKET" --namespace k8s.io "$@"; }

end_containers() {
  local id pid
  # Pods' network namespaces are found by their processes, so before those end.
  for pid in $(containers tasks ls | awk 'NR > 1 {print $2}'); do ip netns identify "$pid"; done | sort -u > "$RUN/networks"
  for id in $(containers tasks ls -q); do containers tasks kill -s SIGKILL "$id" & done > /dev/null 2>&1
  wait
  for id in $(containers tasks ls -q); do containers tasks rm -f "$id" & done > /dev/null 2>&1
  wait
}

remove_mounts() { # below our folder, the deepest first
  awk -v folder="$RUN/" 'index($2, folder) == 1 {print $2}' /proc/mounts | sort -r |
    while read -r mount; do umount -l "$(printf '%b' "$mount")" 2> /dev/null; done
}

# First what would start containers again.
end 2 netpol kube-proxy kubelet kube-scheduler kube-controller-manager kube-apiserver etcd
end_containers
end 10 containerd
for pid in $(pgrep -f "containerd-shim-runc-v2 .*-address $SOCKET"); do kill -KILL "$pid" 2> /dev/null; done
for _ in 1 2 3; do remove_mounts; done
while read -r name; do [ -z "$name" ] || ip netns delete "$name" 2> /dev/null; done < "$RUN/networks"
ip link delete "$LINK" 2> /dev/null
ip netns delete "$NAMESPACE" 2> /dev/null
for group in /sys/fs/cgroup/*/kubepods /sys/fs/cgroup/kubepods /sys/fs/cgroup/*/k8s.io; do
  [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2> /dev/null
done
sysctl -q -p "$RUN/sysctl.before" 2> /dev/null
find /var/log/containers -lname "$RUN/*" -delete 2> /dev/null
! grep -q " $RUN/" /proc/mounts || fail "something is still mounted below $RUN"
rm -rf --one-file-system "$RUN"
say "ended"
