package api

import (
	"context"
	"net/netip"
	"time"

	"heddle/bgp"
	"heddle/peering/bfd"
	"heddle/peering/session"
	"heddle/reflector"
)

// Peer is one peer as /api/v1/peers has it. What only a session can tell is absent,
// empty or 0 without one.
type Peer struct {
	Name    string     `json:"name"`
	Address netip.Addr `json:"address"`
	ASN     bgp.ASN    `json:"asn"`
	Role    string     `json:"role"` // host, tor, spine, border, reflector
	Rack    string     `json:"rack"`
	Source  string     `json:"source"` // etcd, static, range
	Kind    string     `json:"kind"`   // client, non-client, external

	State      string         `json:"state"` // as RFC 4271 calls it
	Since      time.Time      `json:"since"` // of the state
	Received   map[string]int `json:"received"`
	Accepted   map[string]int `json:"accepted"`
	Advertised map[string]int `json:"advertised"`
	Group      string         `json:"group"` // its update group

	RouterID string   `json:"routerID,omitempty"`
	Local    string   `json:"local,omitempty"` // our end of the session
	Families []string `json:"families"`        // negotiated
	HoldTime int      `json:"holdTime"`        // negotiated, in seconds
	Password bool     `json:"password"`

	Flaps      uint64     `json:"flaps"` // sessions that ended
	LastError  string     `json:"lastError,omitempty"`
	Behind     uint64     `json:"behind"`  // flushes that it was not given yet
	Walking    bool       `json:"walking"` // it fell off the log and is catching up
	Stale      []string   `json:"stale"`   // families kept while it restarts
	StaleUntil *time.Time `json:"staleUntil,omitempty"`
	BFD        *BFD       `json:"bfd,omitempty"` // absent: its path is not watched

	MessagesReceived Messages `json:"messagesReceived"`
	MessagesSent     Messages `json:"messagesSent"`
	Malformed        uint64   `json:"malformed"`           // UPDATEs with a fault (RFC 7606)
	Discarded        uint64   `json:"discardedAttributes"` // that --discard-attributes names
	Looped           uint64   `json:"looped"`              // announcements that were loops
}

// BFD is how the path to a peer is, as RFC 5880 has it. What only the peer can tell is
// empty or 0 while it is not heard.
type BFD struct {
	State            string    `json:"state"` // AdminDown, Down, Init, Up
	Since            time.Time `json:"since"` // of the state
	Diagnostic       string    `json:"diagnostic,omitempty"`
	RemoteState      string    `json:"remoteState,omitempty"`
	RemoteDiagnostic string    `json:"remoteDiagnostic,omitempty"`
	Interval         int64     `json:"interval"`  // between our packets, in milliseconds
	Detection        int64     `json:"detection"` // silence that breaks the path, in milliseconds
	Port             uint16    `json:"port"`      // 3784: one hop; 4784: several
	Flaps            uint64    `json:"flaps"`     // times it broke
}

// Messages counts one direction over all sessions with a peer.
type Messages struct {
	Total         uint64 `json:"total"`
	Opens         uint64 `json:"opens"`
	Updates       uint64 `json:"updates"`
	Notifications uint64 `json:"notifications"`
	Keepalives    uint64 `json:"keepalives"`
	Refreshes     uint64 `json:"refreshes"`
	Octets        uint64 `json:"octets"`
}

func peers(ctx context.Context, s State) ([]Peer, error) {
	report, err := s.Tables.Report(ctx)
	if err != nil {
		return nil, err
	}
	var list []Peer
	for _, status := range s.Sessions.Peers() {
		list = append(list, peerOf(status, report.Peers[status.Spec.Remote]))
	}
	return list, nil
}

func peerOf(s session.Status, t reflector.Tables) Peer {
	p := Peer{
		Name: s.Spec.Name, Address: s.Spec.Remote, ASN: s.Spec.RemoteASN, Role: s.Spec.Role, Rack: s.Spec.Rack,
		Source: s.Spec.Source.String(), Kind: s.Spec.Kind.String(), Password: s.Password,
		State: s.State.String(), Since: moment(s.Since),
		Received: byFamily(t.Received), Accepted: byFamily(t.Accepted), Advertised: byFamily(t.Advertised),
		Group: t.Group, Local: s.Local, Families: names(s.Negotiated.Families), HoldTime: int(s.Negotiated.HoldTime / time.Second),
		Flaps: s.Flaps, LastError: s.LastError, Behind: t.Behind, Walking: t.Walking, Stale: names(t.Stale),
		MessagesReceived: messagesOf(s.Received), MessagesSent: messagesOf(s.Sent),
		Malformed: s.Received.Discarded, Discarded: s.Received.Stripped, Looped: t.Looped,
	}
	if id := s.Negotiated.RouterID; id != 0 {
		p.RouterID = id.String()
	}
	if s.Spec.BFD.On() {
		p.BFD = bfdOf(s.BFD)
	}
	if t.Stale != 0 {
		until := moment(t.StaleUntil)
		p.StaleUntil = &until
	}
	return p
}

func bfdOf(s bfd.Status) *BFD {
	out := &BFD{
		State: s.State.String(), Since: moment(s.Since), Interval: s.Interval.Milliseconds(), Detection: s.Detection.Milliseconds(),
		Port: s.Port, Flaps: s.Flaps,
	}
	if s.Diagnostic != bfd.NoDiagnostic {
		out.Diagnostic = s.Diagnostic.String()
	}
	if s.Heard {
		out.RemoteState = s.Remote.String()
		if s.RemoteDiagnostic != bfd.NoDiagnostic {
			out.RemoteDiagnostic = s.RemoteDiagnostic.String()
		}
	}
	return out
}

func messagesOf(c session.Counts) Messages {
	return Messages{
		Total: c.Total(), Opens: c.Opens, Updates: c.Updates, Notifications: c.Notifications,
		Keepalives: c.Keepalives, Refreshes: c.Refreshes, Octets: c.Octets,
	}
}

// byFamily is a count for every family, zeros included.
func byFamily(counts map[bgp.Family]int) map[string]int {
	all := make(map[string]int, len(bgp.Families))
	for _, f := range bgp.Families {
		all[f.String()] = counts[f]
	}
	return all
}

func names(set bgp.FamilySet) []string {
	list := []string{}
	for _, f := range bgp.Families {
		if set.Has(f) {
			list = append(list, f.String())
		}
	}
	return list
}

// moment is a time as it is shown: in UTC, to the second.
func moment(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
