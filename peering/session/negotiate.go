package session

import (
	"fmt"
	"time"

	"heddle/bgp"
	"heddle/peering"
	"heddle/peering/wire"
)

// Self is who we are to every peer.
type Self struct {
	ASN      bgp.ASN
	RouterID bgp.RouterID
}

// open is the OPEN we send to a peer. Graceful restart is offered at least as a
// helper: without families, it says that we keep the peer's routes while it restarts
// and send End-of-RIB (RFC 4724 §3).
func (s *Server) open(spec peering.Session, known bool) wire.Open {
	return wire.Open{
		ASN: s.self.ASN, HoldTime: uint16(spec.HoldTime / time.Second), RouterID: s.self.RouterID,
		Capabilities: wire.Capabilities{
			Multiprotocol: true, Families: spec.Families, FourOctetAS: true,
			RouteRefresh: true, EnhancedRefresh: true, ExtendedMessage: true,
			AddPathSend:    spec.AddPath & spec.Families,
			AddPathReceive: spec.AddPathTaken & spec.Families,
			Restart:        s.restart.offer(spec, known),
			LongLived:      s.longLived(spec),
		},
	}
}

// Restart is what we ask of peers when we restart (RFC 4724 §3): to keep our routes for
// a time, since the forwarding goes on without us. The zero value asks nothing.
type Restart struct {
	Time time.Duration // whole seconds, at most 4095
	// Preserved: what we forwarded before the process started is still in place. It
	// is by itself with a peer that has known this process before.
	Preserved bool
}

// offer is the capability; known says that the peer has had a session with this
// process.
func (r Restart) offer(spec peering.Session, known bool) wire.GracefulRestart {
	c := wire.GracefulRestart{Offered: true, Notification: true}
	if r.Time == 0 || !spec.Keep {
		return c
	}
	families := spec.Families
	c.Time, c.Families = uint16(r.Time/time.Second), families
	c.Restarting = r.Preserved && !known
	if r.Preserved || known {
		c.Forwarding = families
	}
	return c
}

// negotiate judges the peer's OPEN against whom we expect and says what the two
// have in common (RFC 4271 §6.2, §4.2; RFC 5492; RFC 6286 §2.2).
func negotiate(self Self, spec peering.Session, ours, theirs *wire.Open) (Negotiated, *bgp.Notification) {
	fault := func(subcode uint8, data ...byte) (Negotiated, *bgp.Notification) {
		return Negotiated{}, &bgp.Notification{Code: bgp.CodeOpen, Subcode: subcode, Data: data}
	}
	switch {
	case theirs.ASN != spec.RemoteASN:
		return fault(bgp.OpenBadPeerAS)
	case theirs.RouterID == self.RouterID && spec.Kind.Internal():
		return fault(bgp.OpenBadIdentifier)
	}
	a, b := &ours.Capabilities, &theirs.Capabilities
	n := Negotiated{
		RouterID:        theirs.RouterID,
		Families:        a.Speaks() & b.Speaks(),
		FourOctetAS:     a.FourOctetAS && b.FourOctetAS,
		RouteRefresh:    a.RouteRefresh && b.RouteRefresh,
		EnhancedRefresh: a.EnhancedRefresh && b.EnhancedRefresh, // by itself: RFC 7313 §3.1
		MaxMessage:      wire.MaxMessage,
		HoldTime:        time.Duration(min(ours.HoldTime, theirs.HoldTime)) * time.Second,
	}
	n.AddPath = a.AddPathSend & b.AddPathReceive & n.Families
	n.AddPathTaken = a.AddPathReceive & b.AddPathSend & n.Families
	if n.Families == 0 {
		return fault(bgp.OpenUnsupportedCapability, multiprotocol(spec.Families)...)
	}
	if a.ExtendedMessage && b.ExtendedMessage {
		n.MaxMessage = wire.MaxExtendedMessage
	}
	if r := b.Restart; r.Offered {
		n.RestartTime = time.Duration(r.Time) * time.Second
		n.RestartFamilies, n.Forwarding = r.Families&n.Families, r.Forwarding&n.Families
		n.Restarting, n.Notification = r.Restarting, r.Notification && a.Restart.Notification
		n.negotiateLongLived(&a.LongLived, &b.LongLived)
	}
	return n, nil
}

// mismatch says what a refused OPEN has and what it should have, where the
// NOTIFICATION does not.
func mismatch(fault *bgp.Notification, spec peering.Session, theirs *wire.Open) string {
	switch {
	case fault.Code != bgp.CodeOpen || theirs.ASN == bgp.ASNone:
		return ""
	case fault.Subcode == bgp.OpenBadPeerAS:
		return fmt.Sprintf(": it says AS %s, and %s is expected", theirs.ASN, spec.RemoteASN)
	case fault.Subcode == bgp.OpenBadIdentifier:
		return fmt.Sprintf(": its BGP identifier %s is ours", theirs.RouterID)
	}
	return ""
}

// multiprotocol is the capabilities that a peer with no family in common lacks
// (RFC 5492 §5).
func multiprotocol(families bgp.FamilySet) []byte {
	var data []byte
	for _, f := range bgp.Families {
		if families.Has(f) {
			data = append(data, 1, 4, 0, byte(f.AFI()), 0, f.SAFI())
		}
	}
	return data
}

// graceful is the families whose routes outlive the session (RFC 4724 §4.2, RFC
// 8538 §4): those the peer named, when the connection just broke, or when a
// NOTIFICATION other than a hard reset ended it and both sides know that of each
// other. A session that must not come back for a while leaves nothing behind; nor does
// one whose path broke first, which no restart explains (RFC 5882 §4.3.2.2).
func (n *Negotiated) graceful(end *ending) bgp.FamilySet {
	kept := n.kept()
	notification := end.sent
	if end.received != nil {
		notification = end.received
	}
	switch {
	case end.broken:
		return 0
	case end.replaced, notification == nil:
		return kept
	case !n.Notification || notification.Hard(), end.embargo:
		return 0
	case end.sent != nil && end.sent.Code == bgp.CodeCease && end.sent.Subcode == bgp.CeasePeerDeconfigured:
		return 0
	}
	return kept
}
