package racks

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"heddle/lab/probe"
)

// after is how many packets of each stream are looked at once a move is settled.
const after = 300

// move is a planned one, under traffic.
type move struct {
	f              *fabric
	source, target *host
	tables, ports  map[string]string // of routers, once it is done
	streams        []*stream
	receiver       *receiver
	sourcePort     int // of the workload

	begin   []int // of each stream: packets sent before it
	end     []int // and when it was settled
	drops   map[string]uint64
	at      time.Time // the target announces
	settled time.Time // every table is what it should be, and the source has handed over
}

// run moves the workload, make before break: what is new is announced, and heard,
// before what was is taken back.
func (m *move) run() {
	f := m.f
	f.t.Helper()
	// A target that is prepared has the workload in the inventory, and no route.
	f.runsOn(map[string]string{m.source.name: "live", m.target.name: "prepared"})
	m.drops = f.drops()
	m.begin = m.counts()
	m.at = time.Now()
	m.target.announces(migrating)
	f.until("the tables after the move", m.unsettled)
	m.source.announces(0)
	f.until(m.source.name+" to hand over", func() string {
		if m.handover(w4).IsZero() || m.handover(w6).IsZero() {
			return m.source.name + " has its route still"
		}
		return ""
	})
	m.settled = time.Now()
	m.end = m.counts()
	f.runsOn(map[string]string{m.target.name: "live"})
	m.target.announces(normal)
	f.until("the reflector to have one path, of no migration", m.unreflected)
	// Attributes changed, which some write to the kernel by removing and adding.
	f.until("the tables to be those after the move still", m.unsettled)
	f.until("packets that were sent long after the move to arrive", func() string {
		for i, s := range m.streams {
			last := uint64(m.end[i] + after)
			if !slices.ContainsFunc(m.receiver.Arrivals(s.ID()), func(a probe.Arrival) bool { return a.Number >= last }) {
				return fmt.Sprintf("none of %s to %s", s.from, s.To())
			}
		}
		return ""
	})
}

// counts is how many packets were sent so far, by stream.
func (m *move) counts() []int {
	var counts []int
	for _, s := range m.streams {
		counts = append(counts, s.Count())
	}
	return counts
}

// unsettled says which router's table, or kernel, is not yet what it should be.
func (m *move) unsettled() string {
	for name, table := range m.tables {
		if text := m.f.lacks(name, table); text != "" {
			return text
		}
	}
	for name, port := range m.ports {
		for _, addr := range []netip.Addr{w4, w6} {
			out, err := m.f.nodes[name].output("ip", "route", "get", addr.String())
			if err != nil || !strings.Contains(out, " dev "+port+" ") {
				return fmt.Sprintf("%s does not send to %s: %s %v", name, port, out, err)
			}
		}
	}
	return ""
}

// unreflected says what the reflector has of the workload but the target's route.
func (m *move) unreflected() string {
	type path struct {
		From      string
		LocalPref uint32
	}
	type route struct {
		Prefix netip.Prefix
		Paths  []path
	}
	routes, err := show[route](m.f, "routes")
	if err != nil {
		return err.Error()
	}
	for _, r := range routes {
		if r.Prefix.Addr() != w4 && r.Prefix.Addr() != w6 {
			continue
		}
		if len(r.Paths) != 1 || r.Paths[0].From != m.target.name || r.Paths[0].LocalPref == migrating {
			return fmt.Sprint(r)
		}
	}
	return ""
}

// handover is when the source's kernel no longer gave packets to the workload.
func (m *move) handover(addr netip.Addr) time.Time {
	for _, c := range m.source.moved.since(m.at) {
		if strings.Contains(c.text, addr.String()+" ") {
			return c.at
		}
	}
	return time.Time{}
}

// outcome is what became of a stream's packets.
type outcome struct {
	sent, doubled, wrong        int
	lost                        []time.Time // when they were sent
	lastBySource, firstByTarget time.Time
}

// judge looks at the packets of a stream that were sent from the beginning of the
// move on.
func (m *move) judge(i int) outcome {
	s, handover := m.streams[i], m.handover(m.streams[i].To())
	o := outcome{sent: m.end[i] + after - m.begin[i]}
	got := make([]int, m.end[i]+after)
	for _, a := range m.receiver.Arrivals(s.ID()) {
		if a.Number >= uint64(len(got)) || a.Number < uint64(m.begin[i]) {
			continue
		}
		got[a.Number]++
		switch bySource := a.Port == m.sourcePort; {
		case bySource && a.At.After(handover):
			o.wrong++
		case bySource && a.At.After(o.lastBySource):
			o.lastBySource = a.At
		case !bySource && (o.firstByTarget.IsZero() || a.At.Before(o.firstByTarget)):
			o.firstByTarget = a.At
		}
	}
	sent := s.Sent()
	for seq := m.begin[i]; seq < len(got); seq++ {
		if got[seq] == 0 {
			o.lost = append(o.lost, sent[seq])
		}
		o.doubled += max(0, got[seq]-1)
	}
	return o
}

// report prints what happened, and holds the move to its promises.
func (m *move) report() {
	t := m.f.t
	t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "%s to %s; milliseconds since the target announced\n", m.source.name, m.target.name)
	for i, s := range m.streams {
		o := m.judge(i)
		fmt.Fprintf(&text, "  %-7s to %-9s %3d sent, %2d lost%s, %d doubled, %d at the wrong host; last by %s %s, first by %s %s\n",
			s.from, s.To(), o.sent, len(o.lost), m.spans(o.lost), o.doubled, o.wrong,
			m.source.name, m.since(o.lastBySource), m.target.name, m.since(o.firstByTarget))
		if o.wrong > 0 {
			t.Errorf("%d packets from %s to %s were delivered by %s after it had handed over", o.wrong, s.from, s.To(), m.source.name)
		}
		for _, at := range o.lost {
			if at.After(m.settled) && !m.busy(s.To(), at) {
				t.Errorf("a packet from %s to %s, sent at %s ms, was lost after all tables were right", s.from, s.To(), m.since(at))
			}
		}
	}
	for _, line := range dropped(m.drops, m.f.drops()) {
		fmt.Fprintf(&text, "  dropped by %s\n", line)
	}
	fmt.Fprintf(&text, "  what the kernels were told\n")
	for _, c := range m.changes() {
		route, _, _ := strings.Cut(c.text, " proto ")
		fmt.Fprintf(&text, "  %8s  %-7s %s\n", m.since(c.at), c.node, route)
	}
	t.Log(text.String())
}

// changes are what the kernels were told since the target announced, in order.
func (m *move) changes() []change {
	var changes []change
	for _, n := range m.f.made {
		if n.moved != nil {
			changes = append(changes, n.moved.since(m.at)...)
		}
	}
	slices.SortStableFunc(changes, func(a, b change) int { return a.at.Compare(b.at) })
	return changes
}

// busyMost is how late a change may be written down, or a packet be sent whose time was:
// whoever does it may have to wait for a busy machine.
const busyMost = 3 * time.Second

// busy says whether a kernel was told of a route to the address about then. FRR and
// BIRD replace an IPv6 route by removing and adding it, even if only its LOCAL_PREF
// or its communities changed, and a packet may come in between.
func (m *move) busy(addr netip.Addr, at time.Time) bool {
	return addr.Is6() && slices.ContainsFunc(m.changes(), func(c change) bool {
		late := c.at.Sub(at)
		return strings.Contains(c.text, addr.String()+" ") && late > -100*time.Millisecond && late < busyMost
	})
}

func (m *move) since(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return fmt.Sprintf("%+.1f", float64(at.Sub(m.at).Microseconds())/1000)
}

// spans says when packets were sent that were lost, in runs.
func (m *move) spans(sent []time.Time) string {
	if len(sent) == 0 {
		return ""
	}
	var runs []string
	for first := 0; first < len(sent); {
		last := first
		for last+1 < len(sent) && sent[last+1].Sub(sent[last]) < 4*pace {
			last++
		}
		runs = append(runs, m.since(sent[first])+"…"+m.since(sent[last]))
		first = last + 1
	}
	return " (sent " + strings.Join(runs, ", ") + ")"
}

// traffic starts a stream from each place to each address of the workload.
func (f *fabric) traffic(t *testing.T) (r *receiver, streams []*stream) {
	t.Helper()
	r = f.receive()
	for _, from := range []string{"host22", "outside", "host12"} {
		for _, to := range []netip.Addr{w4, w6} {
			streams = append(streams, f.send(uint32(len(streams)), from, to))
		}
	}
	t.Cleanup(func() {
		for _, s := range streams {
			s.Close()
		}
		r.Close()
	})
	f.until("packets from everywhere to arrive", func() string {
		for _, s := range streams {
			if len(r.Arrivals(s.ID())) == 0 {
				return fmt.Sprintf("none of %s to %s", s.from, s.To())
			}
		}
		return ""
	})
	return r, streams
}
