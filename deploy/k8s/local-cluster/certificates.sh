# shellcheck shell=bash
# Read by up.sh: an authority for this run of the cluster, a certificate for each of its programs, and
# the kubeconfig with which each reaches the API server.

make_authority() {
  openssl ecparam -name prime256v1 -genkey -noout -out ca.key
  openssl req -x509 -new -key ca.key -days 30 -subj /CN=cift-cluster -out ca.crt \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
  openssl genrsa -out accounts.key 2048 2> /dev/null  # signs the tokens of service accounts
}

certificate() { # file subject serverAuth|clientAuth [subject alternative names]
  openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
  {
    echo "extendedKeyUsage=$3"
    echo "keyUsage=critical,digitalSignature"
    [ -z "${4:-}" ] || echo "subjectAltName=$4"
  } > extensions
  openssl req -new -key "$1.key" -subj "$2" |
    openssl x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile extensions -out "$1.crt" 2> /dev/null
}

access() { # user subject: a client's certificate, and its kubeconfig
  certificate "$1" "$2" clientAuth
  cat > "$1.kubeconfig" << YAML
apiVersion: v1
kind: Config
current-context: cluster
contexts: [{name: cluster, context: {cluster: cluster, user: $1}}]
clusters: [{name: cluster, cluster: {server: "https://$NODE_IP:6443", certificate-authority-data: $(base64 -w 0 ca.crt)}}]
users: [{name: $1, user: {client-certificate-data: $(base64 -w 0 "$1.crt"), client-key-data: $(base64 -w 0 "$1.key")}}]
YAML
}

make_certificates() { # in the current folder
  local api=kubernetes.default.svc
  make_authority
  certificate apiserver /CN=kube-apiserver serverAuth \
    "IP:$NODE_IP,IP:$API_IP,DNS:kubernetes,DNS:kubernetes.default,DNS:$api,DNS:$api.cluster.local"
  certificate kubelet-server "/CN=$NODE" serverAuth "IP:$NODE_IP,DNS:$NODE"
  certificate apiserver-kubelet /O=system:masters/CN=apiserver-kubelet clientAuth
  access admin /O=system:masters/CN=admin
  access netpol /O=system:masters/CN=netpol
  access kubelet "/O=system:nodes/CN=system:node:$NODE"
  access kube-controller-manager /CN=system:kube-controller-manager
  access kube-scheduler /CN=system:kube-scheduler
  access kube-proxy /CN=system:kube-proxy
}
