#!/bin/sh
# A fabric on this machine: a reflector with its own etcd, three hosts with BIRD, one
# with FRR, each in a network namespace. It shows sessions and routes, takes a host
# away and brings it back, and leaves nothing behind.
set -eu
cd "$(dirname "$0")"
[ "$(id -u)" = 0 ] || { echo "make demo needs root: it makes network namespaces (try: sudo make demo)" >&2; exit 1; }
heddle=$(realpath ../../bin/heddle)
work=$(mktemp -d /tmp/heddle-demo.XXXXXX)
chmod 755 "$work"
id=hd$$

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n== %s\n' "$*"; }
inside() { ns=$1; shift; ip netns exec "$id-$ns" "$@"; }
run() { printf '$ heddle %s\n' "$*"; inside rr "$heddle" "$@"; }

cleanup() {
    trap - EXIT INT TERM
    for ns in rr 1 2 3 4; do
        # Everything that runs in a namespace of ours is ours.
        pids=$(ip netns pids "$id-$ns" 2>/dev/null || true)
        # shellcheck disable=SC2086
        [ -z "$pids" ] || kill $pids 2>/dev/null || true
    done
    for ns in rr 1 2 3 4; do
        for _ in 1 2 3 4 5 6 7 8 9 10; do
            [ -n "$(ip netns pids "$id-$ns" 2>/dev/null || true)" ] || break
            sleep 0.3
        done
        # shellcheck disable=SC2046
        kill -9 $(ip netns pids "$id-$ns" 2>/dev/null) 2>/dev/null || true
        ip netns del "$id-$ns" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# until SECONDS WHAT COMMAND…: waits for a command to succeed.
wait_for() {
    limit=$1 what=$2; shift 2
    tries=$((limit * 5))
    while [ "$tries" -gt 0 ]; do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.2
        tries=$((tries - 1))
    done
    echo "gave up after $limit s: $what" >&2
    tail -n 20 "$work"/*.log >&2
    exit 1
}
established() { [ "$(inside rr "$heddle" show peers -o json | grep -c '"state": *"Established"')" = "$1" ]; }
routes() { [ "$(inside rr "$heddle" show routes -o json | grep -c '"prefix"')" = "$1" ]; }
ready() { inside rr "$heddle" show problems; }

say "A switch, a reflector and four hosts, each a network namespace"
ip netns add "$id-rr"
ip -n "$id-rr" link set lo up
ip -n "$id-rr" link add fabric type bridge
ip -n "$id-rr" link set fabric up
ip -n "$id-rr" addr add 192.0.2.251/24 dev fabric
ip -n "$id-rr" addr add 2001:db8::251/64 dev fabric nodad
for n in 1 2 3 4; do
    ip netns add "$id-$n"
    ip link add "h$n" netns "$id-rr" type veth peer name eth0 netns "$id-$n"
    ip -n "$id-rr" link set "h$n" master fabric up
    ip -n "$id-$n" link set lo up
    ip -n "$id-$n" link set eth0 up
    ip -n "$id-$n" addr add "192.0.2.1$n/24" dev eth0
    ip -n "$id-$n" addr add "2001:db8::1$n/64" dev eth0 nodad
done

say "The reflector: one binary, with etcd inside"
inside rr "$heddle" reflector --name rr1 --router-id 192.0.2.251 --data-dir "$work/etcd" >"$work/reflector.log" 2>&1 &
wait_for 30 "the reflector to answer" ready
printf '$ heddle apply -f lab/demo/fabric.yaml\n'
inside rr "$heddle" apply -f fabric.yaml

say "The hosts: BIRD on three, FRR on the fourth; nobody tells the reflector"
start_bird() {
    rack=1 local=192.0.2.1$1 reflector=192.0.2.251
    [ "$1" -lt 3 ] || { rack=2 local=2001:db8::1$1 reflector=2001:db8::251; }
    sed "s/@N@/$1/g; s/@RACK@/$rack/g; s/@LOCAL@/$local/; s/@REFLECTOR@/$reflector/" bird.conf.in >"$work/bird$1.conf"
    inside "$1" bird -f -c "$work/bird$1.conf" -s "$work/bird$1.ctl" >"$work/bird$1.log" 2>&1 &
}
start_frr() {
    # FRR gives up root and must be at home where it then writes.
    mkdir "$work/frr"
    sed "s/@N@/$1/g; s/@RACK@/2/g" frr.conf.in >"$work/frr/bgpd.conf"
    chown -R frr:frr "$work/frr"
    inside "$1" /usr/lib/frr/bgpd -n -f "$work/frr/bgpd.conf" -i "$work/frr/pid" -z "$work/frr/no-zebra" \
        --vty_socket "$work/frr" -P 0 --log stdout >"$work/frr$1.log" 2>&1 &
}
for n in 1 2 3; do start_bird $n; done
start_frr 4
wait_for 60 "four sessions" established 4
wait_for 30 "eight workloads" routes 8
run show peers
run show routes
run show groups

say "What host1 (BIRD) holds: everybody's workloads, by way of the hosts themselves"
birdc -s "$work/bird1.ctl" show route protocol reflector | grep -v '^BIRD'

say "What host4 (FRR) holds of the same"
inside 4 vtysh --vty_socket "$work/frr" -c 'show bgp ipv4 unicast' | sed -n '/Network/,$p'

say "host2 goes away: its routes go, and nobody else's"
# shellcheck disable=SC2046
kill -9 $(ip netns pids "$id-2")
wait_for 30 "host2's session to end" established 3
wait_for 30 "its routes to go" routes 6
run show peers
birdc -s "$work/bird1.ctl" show route protocol reflector | grep -v '^BIRD'

say "host2 is back"
start_bird 2
wait_for 60 "host2's session" established 4
wait_for 30 "its routes" routes 8
run show routes 10.1.0.2/32
run show problems

say "That was it. bin/heddle reflector --help has the rest; docs/ARCHITECTURE.md says how it works."
