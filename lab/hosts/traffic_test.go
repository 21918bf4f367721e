package hosts

import (
	"fmt"
	"net/netip"
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

// first is the number that came first: before it, neighbours asked for each other.
func (l *flow) first() int {
	if arrivals := l.listener.Arrivals(l.stream.ID()); len(arrivals) > 0 {
		return int(arrivals[0].Number)
	}
	return 0
}

// end stops sending, waits for what is under way, and gives the packets lost.
func (l *flow) end() (lost int) {
	l.f.t.Helper()
	l.stream.Stop()
	l.f.until("the last packets of "+l.name, func() string {
		before, _ := l.received()
		time.Sleep(50 * time.Millisecond) // a packet takes microseconds
		if now, _ := l.received(); now != before {
			return "they still come"
		}
		return ""
	})
	l.stream.Close()
	l.listener.Close()
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
