package interop

import (
	"fmt"
	"net/netip"
	"strings"
)

// The hosts of a fabric and their numbers; the reflector is 1.
const (
	nBird     = 11
	nFRR      = 12
	nGoBGPD   = 13
	nServer   = 14
	nOpenBGPD = 15
	nProbe    = 16
)

var daemons = map[string]byte{"bird": nBird, "frr": nFRR, "gobgpd": nGoBGPD, "gobgp3": nServer, "openbgpd": nOpenBGPD}

// everyDaemon is one of each. Its sessions, if not the usual one, are said by a
// function, which is asked in the order of the answer.
func (f *fabric) everyDaemon(sessions ...func(*host) []neighbor) []speaker {
	f.t.Helper()
	bird, frr, gobgp, server, openbgpd := f.bird(nBird), f.frr(nFRR), f.gobgp(nGoBGPD), f.server(nServer), f.openbgpd(nOpenBGPD)
	for _, of := range sessions {
		bird.neighbors, frr.neighbors, gobgp.neighbors = of(bird.host), of(frr.host), of(gobgp.host)
		server.neighbors, openbgpd.neighbors = of(server.host), of(openbgpd.host)
	}
	return []speaker{bird, frr, gobgp, server, openbgpd}
}

// document is a document of an inventory.
func document(kind, name, more string, addresses ...netip.Addr) string {
	return fmt.Sprintf("---\nkind: %s\nname: %s\naddresses: [%s]\n%s", kind, name, list(addresses, `"%s"`), more)
}

func list[T any](values []T, format string) string {
	var texts []string
	for _, v := range values {
		texts = append(texts, fmt.Sprintf(format, v))
	}
	return strings.Join(texts, ", ")
}

// clients is an inventory in which all daemons and probes are hosts.
func clients(address func(byte) netip.Addr, probes ...string) string {
	text := document("node", "probe", "", address(nProbe))
	for name, n := range daemons {
		text += document("node", name, "", address(n))
	}
	for i, name := range probes {
		text += document("node", name, "", address(nProbe+1+byte(i)))
	}
	return text
}

// plain offers a host's first routes, one of each family.
func plain(h *host) []offer { return []offer{{prefix: h.v4Route(1)}, {prefix: h.v6Route(1)}} }

// rich is an offer with what every daemon can be told to send but AS_PATH, which
// OpenBGPD can't.
func rich(p netip.Prefix) offer {
	return offer{
		prefix: p, localPref: 200, med: 30,
		communities: []string{"64512:7", "65001:1"}, large: []string{"64512:10:2", "4200000001:0:4294967295"},
	}
}
