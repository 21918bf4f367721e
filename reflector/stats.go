package reflector

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"heddle/bgp"
	"heddle/reflector/rib"
)

// Stats counts what the loop did.
type Stats struct {
	Flushes   uint64
	Snapshots uint64 // encoded, each for any number of peers
	Falls     uint64 // peers that fell off a log
	Steps     uint64 // of walks
	Refreshes uint64 // answered
}

// Tables is what the tables hold of one peer.
type Tables struct {
	Received   map[bgp.Family]int
	Ghosts     int // routes of no workload that the inventory has on the peer's node
	Accepted   map[bgp.Family]int
	Advertised map[bgp.Family]int
	Group      string // empty without a session
	Behind     uint64 // flushes that the peer was not given yet
	Walking    bool
	Stale      bgp.FamilySet
	LongLived  bgp.FamilySet // those of them that are kept for long (RFC 9494)
	StaleUntil time.Time     // of the last of them
	Looped     uint64
}

// GroupStats describes one update group.
type GroupStats struct {
	Name       string
	Members    []netip.Addr
	LogOctets  int
	Walking    int
	Advertised map[bgp.Family]int // routes a member that announces none is sent
}

// Report is the state of the reflector at a moment.
type Report struct {
	Stats  Stats
	RIB    rib.Stats
	Groups []GroupStats
	Peers  map[netip.Addr]Tables

	Racks      []Rack
	Disputed   int // addresses that several hosts announce, without evidence which is right
	BlackHoles int // addresses of live workloads that nobody announces, a little while ago
	Problems   []Problem
}

// Report asks the loop for its state. It costs the loop microseconds per peer.
func (r *Reflector) Report(ctx context.Context) (Report, error) {
	report := Report{Peers: map[netip.Addr]Tables{}}
	err := r.ask(ctx, func() {
		report.Stats, report.RIB = r.stats, r.rib.Stats()
		for key, m := range r.members {
			report.Peers[key] = r.tables(m)
		}
		for _, g := range r.groups {
			report.Groups = append(report.Groups, r.groupStats(g))
		}
		report.Racks, report.Disputed, report.BlackHoles = r.racks(), len(r.rib.Disputed()), r.missing.count
		report.Problems = r.problems()
	})
	slices.SortFunc(report.Groups, func(a, b GroupStats) int { return strings.Compare(a.Name, b.Name) })
	return report, err
}

func (r *Reflector) tables(m *member) Tables {
	c := r.rib.Counters(m.id)
	t := Tables{
		Received: map[bgp.Family]int{}, Accepted: map[bgp.Family]int{}, Advertised: map[bgp.Family]int{},
		Stale: m.stale, LongLived: m.longLived.families, StaleUntil: m.longLived.last(m.stale, m.staleUntil), Looped: c.Looped, Walking: m.walk != nil,
	}
	for _, f := range bgp.Families {
		held := r.rib.Held(m.id, f)
		t.Received[f], t.Accepted[f] = held.Received, held.Accepted
		t.Ghosts += held.Ghosts
		if m.up {
			t.Advertised[f] = r.rib.Advertised(m.group.view, m.feed.receiver(), f)
		}
	}
	if m.up {
		t.Group = r.rib.NameOf(m.group.view)
		if m.walk != nil || m.feed.passed.Load() < m.group.log.last.seq {
			t.Behind = r.rib.Version() - m.feed.seen.Load()
		}
	}
	return t
}

func (r *Reflector) groupStats(g *group) GroupStats {
	s := GroupStats{Name: r.rib.NameOf(g.view), LogOctets: g.log.octets, Advertised: map[bgp.Family]int{}}
	for _, m := range g.members {
		s.Members = append(s.Members, m.key)
		if m.walk != nil {
			s.Walking++
		}
	}
	slices.SortFunc(s.Members, netip.Addr.Compare)
	for _, f := range bgp.Families {
		s.Advertised[f] = r.rib.Advertised(g.view, rib.Receiver{}, f)
	}
	return s
}
