package telemetry

import (
	"fmt"
	"strings"

	"heddle/bgp"
	"heddle/peering"
	"heddle/peering/bfd"
	"heddle/peering/session"
	"heddle/peering/wire"
	"heddle/reflector"
	"heddle/reflector/rib"
)

// peer is what the sessions know of a peer.
func (e *emitter) peer(self rib.Self, s session.Status) {
	peer, id := s.Spec.Remote.String(), ""
	if s.Negotiated.RouterID != 0 {
		id = s.Negotiated.RouterID.String()
	}
	e.add("heddle_peer_info", 1, peer, s.Spec.Name, s.Spec.Role, s.Spec.Rack, s.Spec.Kind.String(), s.Spec.Source.String())
	e.add("bgp_peer_state", 1, peer, stateName(s.State), "UP")
	e.add("heddle_peer_state_since_timestamp_seconds", float64(s.Since.UnixMilli())/1000, peer)
	up := int64(0)
	if s.State == session.Established {
		up = s.Since.Unix()
	}
	e.add("bgp_peer_uptime", float64(up), peer)
	e.add("bgp_peer_asn", float64(s.Spec.RemoteASN), peer, id)
	e.add("bgp_peer_local_asn", float64(self.ASN), peer, self.RouterID.String())
	e.flag("bgp_peer_type", s.Spec.Kind == peering.External, peer)
	e.flag("bgp_peer_password_set", s.Password, peer)
	e.count("bgp_peer_flop_count", s.Flaps, peer)
	e.messages("received", s.Received, peer)
	e.messages("sent", s.Sent, peer)
	e.count("bgp_received_withdraw_update_total", s.Received.Withdraws, peer)
	e.count("bgp_received_discarded_total", s.Received.Discarded, peer)
	e.count("heddle_peer_discarded_attributes_total", s.Received.Stripped, peer)
	e.faults(s.Faults, peer)
	if s.Spec.BFD.On() {
		e.flag("heddle_peer_bfd_up", s.BFD.State == bfd.Up, peer)
		e.count("heddle_peer_bfd_flaps_total", s.BFD.Flaps, peer)
		e.add("heddle_peer_bfd_detection_seconds", s.BFD.Detection.Seconds(), peer)
	}
}

func (e *emitter) messages(direction string, c session.Counts, peer string) {
	e.count("bgp_"+direction+"_message_total", c.Total(), peer)
	e.count("bgp_"+direction+"_open_total", c.Opens, peer)
	e.count("bgp_"+direction+"_update_total", c.Updates, peer)
	e.count("bgp_"+direction+"_notification_total", c.Notifications, peer)
	e.count("bgp_"+direction+"_keepalive_total", c.Keepalives, peer)
	e.count("bgp_"+direction+"_refresh_total", c.Refreshes, peer)
	e.count("heddle_peer_"+direction+"_bytes_total", c.Octets, peer)
}

// stateName is the state in GoBGP's spelling.
func stateName(s session.State) string {
	if s == session.StateInvalid {
		return "UNKNOWN"
	}
	return strings.ToUpper(s.String())
}

// faults adds up what falls under one label: a peer can name 256 attributes.
func (e *emitter) faults(faults []session.Faults, peer string) {
	type sort struct {
		attribute   string
		consequence wire.Consequence
	}
	sums := map[sort]uint64{}
	for _, f := range faults {
		sums[sort{attributeName(f.Attr), f.Consequence}] += f.Count
	}
	for s, n := range sums {
		e.count("heddle_peer_malformed_updates_total", n, peer, s.attribute, s.consequence.String())
	}
}

// attributeName is a word of a closed list: the attributes we parse, other, and
// none for a fault of the message as a whole.
func attributeName(t bgp.AttrType) string {
	switch name := t.String(); {
	case t == 0:
		return "none"
	case name == fmt.Sprintf("attribute %d", uint8(t)):
		return "other"
	default:
		return name
	}
}

// routes is what the tables know of a peer.
func (e *emitter) routes(s session.Status, t reflector.Tables) {
	peer := s.Spec.Remote.String()
	for _, f := range bgp.Families {
		if !s.Spec.Families.Has(f) {
			continue
		}
		family := familyName(f)
		e.add("bgp_routes_received", float64(t.Received[f]), peer, family)
		e.add("bgp_routes_accepted", float64(t.Accepted[f]), peer, family)
		e.add("bgp_routes_advertised", float64(t.Advertised[f]), peer, family)
		e.flag("heddle_peer_stale", t.Stale.Has(f), peer, family)
		e.flag("heddle_peer_long_lived_stale", t.LongLived.Has(f), peer, family)
	}
	e.count("bgp_peer_out_queue_count", t.Behind, peer)
	e.flag("heddle_peer_walking", t.Walking, peer)
	e.count("heddle_peer_looped_total", t.Looped, peer)
}

// familyName is a family in GoBGP's spelling.
func familyName(f bgp.Family) string { return f.String() + "-unicast" }
