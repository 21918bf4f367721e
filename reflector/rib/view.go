package rib

import (
	"fmt"

	"heddle/bgp"
	"heddle/peering"
)

// View is everything that changes what a peer hears or how it is written. Peers
// with equal views are one update group. To treat some peers differently on the
// way out, add a field: grouping stays right by itself.
type View struct {
	To          peering.Kind
	Families    bgp.FamilySet
	FourOctetAS bool
	MaxMessage  int // octets
}

// String names the group in logs, metrics and show: the facts that differ from
// what most peers have come last.
func (v View) String() string {
	name := fmt.Sprintf("%s %s", v.To, v.Families)
	if v.MaxMessage > 4096 {
		name += " extended-message"
	}
	if !v.FourOctetAS {
		name += " 2-octet-as"
	}
	return name
}

// hears says whether a route from a source may be sent to the view at all.
func (v View) hears(family bgp.Family, from peering.Kind) bool {
	return v.Families.Has(family) && mayReflect(from, v.To)
}

// Receiver is one peer on the way out.
type Receiver struct {
	ID       SourceID
	RouterID bgp.RouterID
}

// mark says whose a route is: who announced it to us, and who originated it. A
// peer is not told of routes that are its own in either sense; the second saves
// it from having to drop them as loops (RFC 4456 §8).
type mark struct {
	source     SourceID
	originator bgp.RouterID
}

func (m mark) of(to Receiver) bool {
	return m.source == to.ID || (m.originator == to.RouterID && m.originator != 0)
}
