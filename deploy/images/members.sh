#!/bin/sh
# Which of our packages an image contains: deploy/images/members.sh IMAGE
#
# The gateway and the ledger read every rail; a rail's package brings its worker's code along, but
# its lock has none of the libraries that only the worker needs. The gateway's image also runs
# `cift migrate`, `cift topics` and the other commands, so it contains every schema.
set -eu
rails="services/card-worker services/crypto-watcher services/mpesa-worker services/paypal-worker"
case $1 in
  gateway) echo "shared services/gateway services/ledger $rails" ;;
  ledger) echo "shared services/ledger $rails" ;;
  provider-sandbox) echo "services/provider-sandbox" ;;
  *) echo "shared services/$1" ;;
esac
