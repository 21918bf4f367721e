package racks

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// port is where the workload listens.
const port = 9999

// pace is the time between two packets of a stream.
const pace = time.Millisecond

// arrival is a packet that reached the workload.
type arrival struct {
	seq  uint64
	port int       // of the workload that it came in by
	at   time.Time // by the kernel
}

// receiver is the workload: it notes what arrives, and by which of its ports.
type receiver struct {
	mu       sync.Mutex
	arrivals map[byte][]arrival // by stream
	ports    [2]int             // index of the port toward host11, host21
	sockets  []int
	readers  sync.WaitGroup
}

// receive listens inside the workload until close.
func (f *fabric) receive() *receiver {
	f.t.Helper()
	r := &receiver{arrivals: map[byte][]arrival{}}
	f.must(f.nodes["workload"].space.Do(func() error {
		for i, name := range []string{"eth0", "eth1"} {
			link, err := net.InterfaceByName(name)
			if err != nil {
				return err
			}
			r.ports[i] = link.Index
		}
		for _, addr := range []netip.Addr{w4, w6} {
			socket, err := listen(addr)
			if err != nil {
				return err
			}
			r.sockets = append(r.sockets, socket)
		}
		return nil
	}))
	for _, socket := range r.sockets {
		r.readers.Add(1)
		go r.read(socket)
	}
	return r
}

// listen opens a socket that tells when and where each packet came in.
func listen(addr netip.Addr) (int, error) {
	family, level, info := unix.AF_INET, unix.IPPROTO_IP, unix.IP_PKTINFO
	var local unix.Sockaddr = &unix.SockaddrInet4{Port: port}
	if addr.Is6() {
		family, level, info = unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO
		local = &unix.SockaddrInet6{Port: port}
	}
	socket, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	for _, option := range []struct{ level, name, value int }{
		{level, info, 1},
		{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1},
		{unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8 << 20},
	} {
		if err := unix.SetsockoptInt(socket, option.level, option.name, option.value); err != nil {
			return 0, err
		}
	}
	if addr.Is6() {
		if err := unix.SetsockoptInt(socket, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return 0, err
		}
	}
	return socket, unix.Bind(socket, local)
}

// close ends the reading. Shutting a datagram socket down says that it is not
// connected, and wakes who reads all the same.
func (r *receiver) close() {
	for _, socket := range r.sockets {
		_ = unix.Shutdown(socket, unix.SHUT_RD)
	}
	r.readers.Wait()
}

func (r *receiver) read(socket int) {
	defer r.readers.Done()
	defer unix.Close(socket)
	payload, control := make([]byte, 64), make([]byte, 256)
	for {
		n, c, _, _, err := unix.Recvmsg(socket, payload, control, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n < 9 {
			return
		}
		a := arrival{seq: binary.BigEndian.Uint64(payload[1:])}
		a.when(control[:c])
		r.mu.Lock()
		r.arrivals[payload[0]] = append(r.arrivals[payload[0]], a)
		r.mu.Unlock()
	}
}

// when reads what the kernel says of a packet: its time, and the port it came in by.
func (a *arrival) when(control []byte) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		panic("racks: " + err.Error())
	}
	for _, m := range messages {
		switch {
		case m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS:
			a.at = time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO:
			a.port = int(binary.NativeEndian.Uint32(m.Data))
		case m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_PKTINFO:
			a.port = int(binary.NativeEndian.Uint32(m.Data[16:]))
		}
	}
}

// take returns what has arrived of a stream.
func (r *receiver) take(stream byte) []arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]arrival(nil), r.arrivals[stream]...)
}

// stream is packets from one place to one address of the workload, 1,000 a second.
type stream struct {
	id   byte
	from string
	to   netip.Addr

	mu   sync.Mutex
	sent []time.Time // by sequence number

	stop, over chan struct{}
}

// send starts a stream.
func (f *fabric) send(id byte, from string, to netip.Addr) *stream {
	f.t.Helper()
	s := &stream{id: id, from: from, to: to, stop: make(chan struct{}), over: make(chan struct{})}
	var socket net.PacketConn
	f.must(f.nodes[from].space.Do(func() (err error) {
		socket, err = net.ListenPacket("udp", ":0")
		return err
	}))
	go s.run(socket.(*net.UDPConn))
	return s
}

// run sends by the clock, so that a late packet makes none after it late.
func (s *stream) run(socket *net.UDPConn) {
	defer close(s.over)
	defer socket.Close()
	to := netip.AddrPortFrom(s.to, port)
	payload := make([]byte, 32)
	payload[0] = s.id
	for next := time.Now(); ; next = next.Add(pace) {
		select {
		case <-s.stop:
			return
		case <-time.After(time.Until(next)):
		}
		s.mu.Lock()
		binary.BigEndian.PutUint64(payload[1:], uint64(len(s.sent)))
		s.sent = append(s.sent, time.Now())
		s.mu.Unlock()
		// What the sender's own kernel has no route for is lost like any other.
		_, _ = socket.WriteToUDPAddrPort(payload, to)
	}
}

// end stops the stream.
func (s *stream) end() {
	close(s.stop)
	<-s.over
}

// count is how many packets were sent so far.
func (s *stream) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sent)
}
