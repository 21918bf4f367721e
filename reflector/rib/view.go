package rib

import (
	"fmt"
	"slices"

	"heddle/bgp"
	"heddle/summarize"
)

// View is everything that changes what a peer hears or how it is written. Peers
// with equal views are one update group. To treat some peers differently on the
// way out, add a field: grouping stays right by itself.
type View struct {
	To          summarize.Listener
	Families    bgp.FamilySet
	AddPath     bgp.FamilySet // with path identifiers (RFC 7911)
	FourOctetAS bool
	MaxMessage  int // octets
	// Draining: we are about to go, so that whoever has another way is to take it.
	Draining bool
}

// NameOf names the group of a view in logs, metrics and show: the facts that differ
// from what most peers have come last.
func (r *RIB) NameOf(v View) string {
	name := v.To.Speaker.String()
	if v.To.Rack != 0 {
		name += " " + r.names.Name(v.To.Rack)
	}
	name = fmt.Sprintf("%s %s", name, v.Families)
	if v.To.Exceptions {
		name += " exceptions"
	}
	if v.To.LongLived {
		name += " long-lived"
	}
	if v.AddPath != 0 {
		name += " add-path"
	}
	if v.MaxMessage > 4096 {
		name += " extended-message"
	}
	if v.Draining {
		name += " draining"
	}
	if !v.FourOctetAS {
		name += " 2-octet-as"
	}
	return name
}

// Receiver is one peer on the way out.
type Receiver struct {
	ID       SourceID
	RouterID bgp.RouterID   // 0 for an external peer: it may have that of a host
	Rack     summarize.Rack // of a client: whose ToRs' routes it hears
}

// mark says whose a route is: who announced it to us, and who originated it. A
// peer is not told of routes that are its own in either sense; the second saves
// it from having to drop them as loops (RFC 4456 §8).
type mark struct {
	source     SourceID
	originator bgp.RouterID // 0: of no iBGP speaker
}

func (m mark) of(to Receiver) bool {
	return m.source == to.ID || (m.originator == to.RouterID && m.originator != 0)
}

// audience says which racks' peers a segment is for: one only, or all except some,
// ascending. The zero value is everybody.
type audience struct {
	only   summarize.Rack
	except []summarize.Rack
}

func (a audience) everybody() bool { return a.only == 0 && len(a.except) == 0 }

func (a audience) has(rack summarize.Rack) bool {
	if a.only != 0 {
		return rack == a.only
	}
	return !slices.Contains(a.except, rack)
}

func (a audience) equal(b audience) bool {
	return a.only == b.only && slices.Equal(a.except, b.except)
}
