#!/bin/sh
# Registers alice, bob and charlie once more.
#
#   ./examples/re-register-clients.sh [more options of register]
#
# There is nothing to clear: a name belongs to the key that first registered it, the keys stay in
# each user's data directory, and registering again with them updates addresses and pictures.
# Another machine's alice, with other keys, is refused ("the name alice belongs to somebody else's key").
set -eu

exec sh "$(dirname "$0")/register-3-clients.sh" "$@"
