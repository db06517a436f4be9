#!/bin/sh
# The container engine: ENGINE if it is set, else docker or podman, whichever answers.
for each in ${ENGINE:-docker podman}; do
  if "$each" info > /dev/null 2>&1; then
    echo "$each"
    exit 0
  fi
done
echo "no container engine answers (tried: ${ENGINE:-docker podman}); install and start one of them" >&2
exit 1
