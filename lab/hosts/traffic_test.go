package hosts

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"heddle/lab/probe"
)

// flow is datagrams from one node to another, numbered.
type flow struct {
	f        *fabric
	name     string
	stream   *probe.Stream
	listener *probe.Listener
}

// send starts a flow of a thousand packets a second.
func (f *fabric) send(from, to, address string, port uint16) *flow {
	f.t.Helper()
	target := netip.AddrPortFrom(netip.MustParseAddr(address), port)
	l := &flow{f: f, name: fmt.Sprintf("%s→%s %s", from, to, address)}
	var err error
	l.listener, err = probe.Listen(f.nodes[to].space, []netip.Addr{target.Addr()}, port, false)
	f.must(err)
	f.t.Cleanup(l.listener.Close)
	l.stream, err = probe.Send(f.nodes[from].space, 1, target, time.Millisecond)
	f.must(err)
	f.t.Cleanup(l.stream.Close)
	return l
}

// sent is how many packets were sent so far.
func (l *flow) sent() int { return l.stream.Count() }

// received is how many of them arrived, and how many more than once.
func (l *flow) received() (once, twice int) {
	seen := map[uint64]bool{}
	arrivals := l.listener.Arrivals(l.stream.ID())
	for _, a := range arrivals {
		seen[a.Number] = true
	}
	return len(seen), len(arrivals) - len(seen)
}

// first is the lowest number that came: before it, neighbours asked for each other. What
// waited for the answer may be overtaken by what did not.
func (l *flow) first() int {
	arrivals := l.listener.Arrivals(l.stream.ID())
	if len(arrivals) == 0 {
		return 0
	}
	return int(slices.MinFunc(arrivals, func(a, b probe.Arrival) int { return cmp.Compare(a.Number, b.Number) }).Number)
}

// lagging is how long packets may be under way that are missing: one takes microseconds,
// but a busy machine may let it wait.
const lagging = 3 * time.Second

// end stops sending, waits for what is under way, and gives the packets lost. A flow of
// which nothing has come is not waited for that long: it is not to come.
func (l *flow) end() (lost int) {
	l.f.t.Helper()
	l.stream.Stop()
	before, quiet := -1, time.Now()
	l.f.until("the last packets of "+l.name, func() string {
		now, _ := l.received()
		if now != before {
			before, quiet = now, time.Now()
		}
		silence := time.Since(quiet)
		if silence < lagging/50 || silence < lagging && now > 0 && l.missing() > 0 {
			return "they may still come"
		}
		return ""
	})
	l.stream.Close()
	l.listener.Close()
	return l.missing()
}

// missing is how many packets have not arrived since the first that did.
func (l *flow) missing() int {
	received, _ := l.received()
	return l.sent() - l.first() - received
}

// leaked is how many packets arrived that should not.
func (l *flow) leaked() int {
	received, _ := l.received()
	return received
}

// begun waits until the flow is a flow.
func (l *flow) begun() {
	l.f.t.Helper()
	l.f.until(l.name+" to arrive", func() string {
		if received, _ := l.received(); received < 10 {
			return "nothing yet"
		}
		return ""
	})
}
