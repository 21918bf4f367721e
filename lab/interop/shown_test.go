package interop

import (
	"encoding/json"
	"fmt"
	"net/netip"
)

// watchedPeer is what heddle shows of a peer, as far as it is about the way to it.
type watchedPeer struct {
	Address   netip.Addr
	State     string
	LastError string
	Flaps     uint64
	BFD       *struct {
		State               string
		Interval, Detection int // in milliseconds
		Port                int
		Flaps               uint64
	}
}

// show is what heddle shows of a peer; fault is why there is nothing.
func (f *fabric) show(peer netip.Addr) (shown watchedPeer, fault string) {
	out, err := f.self.query(heddle, "show", "peers", "-o", "json")
	if err != nil {
		return shown, err.Error()
	}
	var list []watchedPeer
	f.must(json.Unmarshal(out, &list))
	for _, p := range list {
		if p.Address == peer {
			return p, ""
		}
	}
	return shown, "heddle has no peer " + peer.String()
}

// shows waits for heddle to show a peer in certain states of BGP and BFD, which may be
// off.
func (f *fabric) shows(peer netip.Addr, bgp, bfd string) (last watchedPeer) {
	f.t.Helper()
	f.until(fmt.Sprintf("%s to be %s, and %s by BFD", peer, bgp, bfd), func() string {
		shown, fault := f.show(peer)
		last = shown
		state := "off"
		if shown.BFD != nil {
			state = shown.BFD.State
		}
		if fault == "" && (shown.State != bgp || state != bfd) {
			fault = fmt.Sprintf("it is %s (%s), and %s by BFD", shown.State, shown.LastError, state)
		}
		return fault
	})
	return last
}

// holdsFrom waits until a speaker holds a host's first route, or does not.
func (f *fabric) holdsFrom(s speaker, h *host, want bool) {
	f.t.Helper()
	f.until(s.who().name+" to be told", func() string {
		held, err := s.holds()
		if err != nil {
			return err.Error()
		}
		if _, has := held[h.v4Route(1)]; has != want {
			return fmt.Sprintf("it holds %s: %v", h.v4Route(1), has)
		}
		return ""
	})
}
