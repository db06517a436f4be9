#!/bin/sh
# Push the images of `make images` and write their digests into the prod overlay:
#
#   make images TAG=1.2.0 && deploy/images/release.sh registry.example.com/cift 1.2.0
#
# ENGINE is docker or podman; log in to the registry first.
set -eu
registry=$1; tag=$2
cd "$(dirname "$0")/../.."
engine=$(deploy/images/engine.sh)
file=deploy/k8s/overlays/prod/images/kustomization.yaml
new=$(mktemp)
sed '/^- /d' "$file" > "$new"
for lock in deploy/images/locks/*.lock; do
  image=$(basename "$lock" .lock)
  case $image in build|provider-sandbox) continue ;; esac  # no part of production
  name=$registry/$image
  "$engine" tag "cift/$image:$tag" "$name:$tag"
  "$engine" push "$name:$tag"
  # The registry's digest of what was pushed, as name@sha256:...
  digest=$("$engine" image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$name:$tag" | grep "^$name@" | tail -n 1)
  echo "- {name: cift/$image, newName: $name, digest: \"${digest#*@}\"}" >> "$new"
done
cat "$new" > "$file"
rm "$new"
