package rib_test

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"heddle/internal/oracle"
)

// watcher reads what a ToR is sent, message by message. A route that it may not tell
// on needs a summary that it may, on the same session, at every moment: else its
// rack is unreachable.
type watcher struct {
	t        interface{ Fatalf(string, ...any) }
	name     string
	confined map[netip.Prefix]bool // in-rack routes marked NO_ADVERTISE
	summary  map[netip.Prefix]bool
	// off: a host announced a whole pool, so that one route is a summary and a host's in
	// turn. What it covers may go a message later than it.
	off *bool
}

func watch(f *fabricTwins, p *twinPeer) *watcher {
	w := &watcher{t: f.t, name: p.Name, confined: map[netip.Prefix]bool{}, summary: map[netip.Prefix]bool{}, off: &f.wide}
	if p.Role == "tor" && !p.AddPath {
		p.replay.On = w.note
	}
	return w
}

func (w *watcher) note(e oracle.Event) {
	if !e.Prefix.IsValid() {
		return
	}
	delete(w.confined, e.Prefix)
	delete(w.summary, e.Prefix)
	if e.Route != nil {
		class, quiet := marksOf(*e.Route)
		w.confined[e.Prefix] = class == 1 && quiet
		w.summary[e.Prefix] = !quiet && !e.Prefix.IsSingleIP() // a host may announce the pool, too
	}
}

// check is called between messages.
func (w *watcher) check() {
	for prefix, confined := range w.confined {
		if !*w.off && confined && !w.covered(prefix) {
			w.t.Fatalf("%s was told to keep %s to itself, and holds no summary of it", w.name, prefix)
		}
	}
}

func (w *watcher) covered(prefix netip.Prefix) bool {
	for summary, there := range w.summary {
		if there && summary.Contains(prefix.Addr()) {
			return true
		}
	}
	return false
}

// marksOf is the class that a route is marked with, and whether it is not to be told
// on.
func marksOf(r oracle.Route) (class uint32, quiet bool) {
	v, _ := r.Attr(32)
	for ; len(v) > 0; v = v[12:] {
		if binary.BigEndian.Uint32(v) == testASN && binary.BigEndian.Uint32(v[4:]) == 2 {
			class = binary.BigEndian.Uint32(v[8:])
		}
	}
	communities, _ := r.Attr(8)
	for c := range slices.Chunk(communities, 4) {
		quiet = quiet || binary.BigEndian.Uint32(c) == 0xffffff02
	}
	return class, quiet
}
