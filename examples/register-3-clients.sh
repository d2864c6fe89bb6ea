#!/bin/sh
# Registers alice, bob and charlie on this machine, with one photograph each.
#
#   ./examples/register-3-clients.sh [more options of register, such as --server http://localhost:8000]
#
# Run `npm ci` first, and start a discovery server. P2P_CLIENT overrides how the client is called.
# The addresses are where three machines of a home network would listen; peers also advertise
# 127.0.0.1, so the three reach each other on one machine as they are.
set -eu

photos=$(dirname "$0")/photos

# `npx --no` runs the client of this checkout and never fetches one of that name.
register() {
  user=$1 ip=$2 port=$3 photo=$4
  shift 4
  # Unquoted on purpose: the override may hold arguments of its own.
  ${P2P_CLIENT:-npx --no -- p2p-client} register --username "$user" --ip "$ip" --port "$port" \
    --image-paths "$photos/$photo" "$@"
}

register alice 192.168.1.10 6000 umang.jpg "$@"
register bob 192.168.1.20 6001 aitzgorri.jpg "$@"
register charlie 192.168.1.30 6002 friends.jpg "$@"
