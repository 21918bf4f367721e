#!/bin/sh
# What the private pool sends out bears our address; nobody outside begins to speak to it.
set -eu
for way in "iptables 10.9.0.0/16" "ip6tables fd00:9::/64"; do
    set -- $way
    $1 -t nat -A POSTROUTING -s "$2" -o eth2 -j MASQUERADE
    $1 -A FORWARD -i eth2 -d "$2" -m conntrack ! --ctstate ESTABLISHED,RELATED -j DROP
done
