#!/bin/sh
# The fabric of containerlab.yml on this machine: sessions, tables, packets between
# racks and to the outside, a workload that moves, a reflector that dies. On a terminal
# it goes step by step; nothing is left when it ends.
set -eu
cd "$(dirname "$0")/../.."
heddle=$(realpath bin/heddle)
HEDDLE_LAB="$heddle lab -t containerlab.yml --name demo-$$"
export HEDDLE_LAB
trap '$HEDDLE_LAB down' EXIT
trap 'exit 130' INT TERM

if [ -t 0 ] && [ -t 1 ]; then
    say() { printf '\n\033[1m%s\033[0m ' "$*"; read -r _; }
else
    say() { printf '\n== %s\n' "$*"; }
fi
lab() { $HEDDLE_LAB "$@"; }
inside() { (node=$1; shift; printf '%s# %s\n' "$node" "$*"); lab exec "$@"; }

sed -n '/^# /,/^name/{s/^# \{0,1\}//p;}' containerlab.yml
say "Two racks with a ToR, a reflector and two hosts each; a spine, a border router, an outside"
lab up

say "Every session, every workload"
lab status
inside rr1 heddle show peers
inside rr1 heddle show racks

say "The ToR knows its rack host by host, and the other rack by one summary per family"
inside tor1 vtysh -c 'show ip route bgp' | sed '/^Codes/,/^$/d'

say "The spine and the border router have the summaries, and not one host route"
inside spine vtysh -c 'show ip route bgp' | sed '/^Codes/,/^$/d'
inside border birdc show route protocol spine

say "A host has a route to each workload, by way of the host it is on"
inside host11 ip route show proto 72
inside host11 heddle-agent show workloads

say "From rack to rack, and to the outside, in both families"
inside web11 ping -c 2 -i 0.2 10.2.0.211 | grep -v '^$'
inside web11 ping -c 2 -i 0.2 fd00:2::211 | tail -2
inside web11 ping -c 2 -i 0.2 203.0.113.10 | tail -2
inside outside traceroute -n -q 1 10.2.0.211

say "Policy: db is for web, wherever that runs, and not for the outside"
inside web22 ping -c 1 -W 1 10.1.0.112 | tail -2 | head -1
inside outside ping -c 1 -W 1 10.1.0.112 | grep received || true

say "A workload moves to the other rack, and back, while the outside sends 1,000 packets a second"
lab probe outside roamer 10.1.0.5 sh lab/topologies/default/move.sh host11 host21
inside spine vtysh -c 'show ip route bgp' | grep /32
lab probe outside roamer 10.1.0.5 sh lab/topologies/default/move.sh host21 host11

say "Why is its route where it is?"
inside rr2 heddle explain 10.1.0.5 --to tor1

say "A reflector dies; packets never passed it"
# shellcheck disable=SC2086
lab probe web11 web21 10.2.0.211 $HEDDLE_LAB kill rr1
lab status || true
# shellcheck disable=SC2086
lab probe web11 web21 10.2.0.211 $HEDDLE_LAB start rr1
lab wait
lab status

if [ -t 0 ] && [ -t 1 ]; then
    again="It is there until you press Enter. In another terminal" name="--name demo-$$ "
else
    again="That was it. To look around: bin/heddle lab up, then" name=""
fi
say "$again
  bin/heddle lab ${name}exec tor1 vtysh                       FRR's own command; birdc on border
  bin/heddle lab ${name}exec rr1 heddle show routes           what the reflector knows
  bin/heddle lab ${name}exec host11 heddle-agent explain 10.1.0.111 10.2.0.212 80
  bin/heddle lab ${name}exec spine tcpdump -Z root -ni eth1   packets
  bin/heddle lab ${name}logs rr1                              what a node has said
  bin/heddle lab ${name}down                                  and nothing is left"
