package stories

import (
	"net/netip"
	"strings"
)

// traceroute gives the addresses on the way, in order; * is a hop that said nothing.
//
//	traceroute to 10.2.0.211 (10.2.0.211), 30 hops max, 60 byte packets
//	 1  172.16.1.11  0.037 ms
func (t *Teller) traceroute(from, to string) string {
	family := "-4"
	if netip.MustParseAddr(to).Is6() {
		family = "-6"
	}
	out := t.Run(from, "traceroute", family, "-n", "-q", "1", "-w", "2", to)
	var hops []string
	for line := range strings.Lines(out) {
		if words := strings.Fields(line); len(words) > 1 && words[0] != "traceroute" {
			hops = append(hops, words[1])
		}
	}
	return strings.Join(hops, " ")
}
