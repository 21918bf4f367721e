package reflector

import (
	"net/netip"
	"testing"
)

// A peer that hears several paths of an address, one of them its own, is told the others.
func TestAnExplanationLeavesOutOwnPaths(t *testing.T) {
	s := newScene(t)
	s.play(`inventory pools/any {"prefix":"10.9.0.0/24","anycast":true}
peer h1 client
peer h2 client add-path
announce h1 10.9.0.1/32
announce h2 10.9.0.1/32
announce h2 10.9.0.2/32`)
	for prefix, want := range map[string]Export{"10.9.0.1/32": {Path: "h1"}, "10.9.0.2/32": {Path: "h2", Own: true}} {
		got := s.r.exports(netip.MustParsePrefix(prefix), "h2")
		if len(got) != 1 || got[0].Path != want.Path || got[0].Own != want.Own {
			t.Errorf("of %s h2 hears %+v, want %s, its own: %v", prefix, got, want.Path, want.Own)
		}
	}
}

func TestAnExplanationNamesTheCommunityThatKeepsARouteHere(t *testing.T) {
	s := newScene(t)
	s.play(`peer h1 client
peer h2 client
peer tor tor r1
announce h1 10.1.0.1/32 communities no-advertise
announce h1 10.1.0.2/32 communities no-export`)
	for _, c := range []struct{ prefix, to, want string }{
		{"10.1.0.1/32", "h2", "it came with NO_ADVERTISE: told to nobody (RFC 1997)"},
		{"10.1.0.1/32", "tor", "it came with NO_ADVERTISE: told to nobody (RFC 1997)"},
		{"10.1.0.2/32", "h2", "reflected (RFC 4456)"},
		{"10.1.0.2/32", "tor", "it came with NO_EXPORT: not told outside the AS (RFC 1997)"},
	} {
		got := s.r.exports(netip.MustParsePrefix(c.prefix), c.to)
		if len(got) != 1 || got[0].Why.String() != c.want {
			t.Errorf("what %s hears of %s is explained by %+v, want %q", c.to, c.prefix, got, c.want)
		}
	}
}
