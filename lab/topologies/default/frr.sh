#!/bin/bash
# FRR in the foreground: zebra, staticd and bgpd, then the whole of /etc/frr/frr.conf.
# It ends when one of them does, and they end when it is told to.
set -eu
trap 'kill $(jobs -p); wait; exit 0' TERM
rm -f /run/frr/*.vty # of daemons that were killed: they would seem to be there
install -d -o frr -g frr /run/frr /var/log/frr /var/tmp/frr
for daemon in 'zebra --v6-rr-semantics' staticd bgpd; do # IPv6 routes are replaced, not removed and added
    /usr/lib/frr/$daemon -f /dev/null -P 0 --log stdout &
    # vtysh passes over who has a socket and does not listen on it yet.
    until vtysh -d ${daemon% *} -c 'show version' >/dev/null 2>&1; do sleep 0.05; done
done
vtysh -b
wait -n
