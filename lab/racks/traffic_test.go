package racks

import (
	"net/netip"
	"time"

	"heddle/lab/probe"
)

// port is where the workload listens.
const port = 9999

// pace is the time between two packets of a stream.
const pace = time.Millisecond

// receiver is the workload: it notes what arrives, and by which of its ports.
type receiver struct {
	*probe.Listener
	ports [2]int // index of the port toward host11, host21
}

// receive listens inside the workload until it is closed.
func (f *fabric) receive() *receiver {
	f.t.Helper()
	workload := f.nodes["workload"].space
	listener, err := probe.Listen(workload, []netip.Addr{w4, w6}, port, false)
	f.must(err)
	names, err := probe.Ports(workload)
	f.must(err)
	r := &receiver{Listener: listener}
	for index, name := range names {
		switch name {
		case "eth0":
			r.ports[0] = index
		case "eth1":
			r.ports[1] = index
		}
	}
	return r
}

// stream is packets from one place to one address of the workload, 1,000 a second.
type stream struct {
	*probe.Stream
	from string
}

// send starts a stream.
func (f *fabric) send(id uint32, from string, to netip.Addr) *stream {
	f.t.Helper()
	s, err := probe.Send(f.nodes[from].space, id, netip.AddrPortFrom(to, port), pace)
	f.must(err)
	return &stream{s, from}
}
