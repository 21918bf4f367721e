#!/bin/sh
# workload.sh PORT ADDRESS4 ADDRESS6 MAC: what a workload needs of its host. The gateways are
# the same everywhere: 169.254.1.1, which is answered for, and fe80::1.
set -eu
ip link set "$1" up
ip addr add 169.254.1.1/32 dev "$1" scope host 2>/dev/null || true
ip addr add fe80::1/64 dev "$1" nodad
ip neigh replace "$2" lladdr "$4" dev "$1" nud permanent
ip neigh replace "$3" lladdr "$4" dev "$1" nud permanent
ip route add "$2" dev "$1" scope link
ip -6 route add "$3" dev "$1"
