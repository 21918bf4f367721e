package bfd

import (
	"math/rand/v2"
	"net/netip"
	"time"
)

// network opens sockets; tests have one of their own.
type network interface {
	// listen opens a socket that packets to a port arrive at.
	listen(ipv4 bool, port uint16) (socket, error)
	// source opens the socket that all packets leave by, from one of the ports that RFC
	// 5881 §4 has for that.
	source(ipv4 bool) (socket, error)
}

// socket sends or receives packets. Nothing but wait blocks.
type socket interface {
	// wait waits until there may be something to read; an error ends that.
	wait() error
	// read takes a packet; false: there is none, or no more of them.
	read(b []byte) (n int, a arrival, ok bool)
	// write sends a packet, from an address if that is valid. A packet that can't be sent
	// is one that is lost.
	write(b []byte, from netip.Addr, to netip.AddrPort)
	close()
}

// sockets are those of a family.
type sockets struct {
	in  [2]socket // of a single hop, of several
	out socket
}

// reopen is how soon ports that were taken are tried again.
const reopen = 5 * time.Second

// adjust opens the sockets of families that have sessions and closes those of others.
// It says when there is something to do about that; mu is held.
func (s *Server) adjust(now time.Time) (next time.Duration) {
	next = idle
	for i := range s.families {
		f := &s.families[i]
		switch {
		case f.sessions == 0 && f.sockets != nil:
			f.sockets.close()
			*f = family{}
		case f.sessions == 0:
			*f = family{}
		case f.sockets == nil && now.Before(f.again):
			next = min(next, f.again.Sub(now))
		case f.sockets == nil:
			f.sockets, f.fault = s.open(i == 0)
			if f.fault != nil {
				f.again = now.Add(reopen)
				next = min(next, reopen)
			}
		}
	}
	return next
}

func (s *Server) open(ipv4 bool) (*sockets, error) {
	var opened sockets
	var err error
	for i, port := range []uint16{SinglePort, MultihopPort} {
		if opened.in[i], err = s.network.listen(ipv4, port); err != nil {
			opened.close()
			return nil, err
		}
	}
	if opened.out, err = s.network.source(ipv4); err != nil {
		opened.close()
		return nil, err
	}
	for _, in := range opened.in {
		s.readers.Go(func() { s.listen(in) })
	}
	return &opened, nil
}

func (o *sockets) close() {
	for _, opened := range []socket{o.in[0], o.in[1], o.out} {
		if opened != nil {
			opened.close()
		}
	}
}

// listen reads from a socket until it is closed.
func (s *Server) listen(in socket) {
	for in.wait() == nil {
		s.mu.Lock()
		s.take(in, takeMost, time.Now())
		s.mu.Unlock()
	}
}

// drain reads what is waiting on all sockets; mu is held.
func (s *Server) drain(now time.Time) {
	for i := range s.families {
		if open := s.families[i].sockets; open != nil {
			s.take(open.in[0], waitingMost, now)
			s.take(open.in[1], waitingMost, now)
		}
	}
}

const (
	// takeMost bounds the packets that a reader takes while nobody else gets a turn.
	takeMost = 4096
	// waitingMost is more than may be waiting: the kernel doubles the buffer it is asked
	// for, and charges more than 512 octets for the smallest packet.
	waitingMost = 2 * receiveBuffer / 512
)

// take reads what is waiting on a socket. It is read with mu held, so that nothing is
// ever between a socket and its session when the session is judged.
func (s *Server) take(in socket, most int, now time.Time) {
	var room [128]byte
	for range most {
		n, a, ok := in.read(room[:])
		if !ok {
			return
		}
		if p, err := Parse(room[:n]); err == nil {
			s.arrive(p, a, now)
		}
	}
}

// arrive finds the session of a packet: by our discriminator if the peer knows it, else
// by address (RFC 5880 §6.3, RFC 5881 §3, RFC 5883 §4).
func (s *Server) arrive(p Packet, a arrival, now time.Time) {
	have := s.sessions[a.from]
	if have == nil || (p.Your != 0 && s.mine[p.Your] != have) {
		return
	}
	have.note(have.receive(p, a, now), 0, now)
	if answer, ok := have.machine.Transmit(now, rand.Float64()); ok {
		s.send(have, answer)
	}
	s.settle(have)
}
