#!/bin/sh
# move.sh FROM TO [abrupt]: roamer moves between host11, host12 and host21, as a
# hypervisor would have it: ready at the target, live there, leaving where it was, and
# gone there when the routers have turned to the target. Abrupt: where it was, its port
# is dead from the moment on that it is at the target.
# HEDDLE_LAB is the command that runs the lab: heddle lab --name heddle. HEDDLE_ETCD is
# the node whose etcd is told.
set -eu
lab=${HEDDLE_LAB:-heddle lab}
from=$1 to=$2 how=${3:-planned}
port() { case $1 in host11) echo eth1 ;; host12) echo eth2 ;; host21) echo eth3 ;; *) echo "no cable to $1" >&2; exit 2 ;; esac; }
inventory() { $lab exec ${HEDDLE_ETCD:-etcd} heddle "$@" --etcd http://127.0.0.1:2379 >/dev/null; }
workload() {
    printf 'kind: workload\nnode: %s\nname: roamer\naddresses: [10.1.0.5, "fd00:1::5"]\nmac: 02:00:0a:01:00:05\ninterface: tap3\ntags: [web]\nstate: %s\n' "$1" "$2"
}
# The way of a ToR to it: its host's address, or, from afar, the spine's.
way() {
    case $1$to in
    tor1host11) echo '172.16.1.11 2001:db8:1::11' ;; tor1host12) echo '172.16.1.12 2001:db8:1::12' ;; tor1host21) echo '172.16.101.0 fe80' ;;
    tor2host21) echo '172.16.2.21 2001:db8:2::21' ;; tor2*) echo '172.16.102.0 fe80' ;;
    esac
}
turned() {
    for tor in tor1 tor2; do
        # shellcheck disable=SC2046
        set -- $(way $tor)
        $lab exec $tor sh -c "ip route get 10.1.0.5 | grep -q 'via $1' && ip -6 route get fd00:1::5 | grep -q 'via $2'" || return 1
    done
}
say() { echo "roamer is $*"; }
say "prepared on $to"
workload "$to" prepared | inventory apply -f -
until $lab exec "$to" sh -c 'iptables-save | grep -q heddle-from-tap3 && ip6tables-save | grep -q heddle-from-tap3'; do sleep 0.05; done
say "live there"
workload "$to" live | inventory apply -f -
until $lab exec "$to" sh -c 'ip route show 10.1.0.5 | grep -q tap3 && ip -6 route show fd00:1::5 | grep -q tap3'; do sleep 0.05; done
say "sending by $(port "$to")"
switch="ip route replace default via 169.254.1.1 dev $(port "$to") onlink && ip -6 route replace default via fe80::1 dev $(port "$to")"
if [ "$how" = planned ]; then
    $lab exec roamer sh -c "$switch"
    say "leaving $from"
    workload "$from" leaving | inventory apply -f -
    until turned; do sleep 0.05; done
else
    $lab exec roamer sh -c "$switch && ip link set $(port "$from") down"
fi
say "gone from $from"
inventory delete workload "$from/roamer"
[ "$how" = planned ] || $lab exec roamer ip link set "$(port "$from")" up
