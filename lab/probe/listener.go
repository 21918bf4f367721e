package probe

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Place is a network that sockets can be opened in.
type Place interface{ Do(f func() error) error }

// Arrival is a packet that reached a listener.
type Arrival struct {
	Number uint64
	Port   int       // index of the interface that it came in by
	At     time.Time // by the kernel
}

// Listener notes what arrives at addresses of a place.
type Listener struct {
	echo    bool
	sockets []int
	readers sync.WaitGroup
	once    sync.Once

	mu       sync.Mutex
	arrivals map[uint32][]Arrival // by stream
}

// Listen listens until Close. With echo, each packet is sent back to where it came
// from.
func Listen(place Place, addresses []netip.Addr, port uint16, echo bool) (*Listener, error) {
	l := &Listener{echo: echo, arrivals: map[uint32][]Arrival{}}
	err := place.Do(func() error {
		for _, a := range addresses {
			socket, err := listen(netip.AddrPortFrom(a, port))
			if err != nil {
				return fmt.Errorf("listen on %s: %w", netip.AddrPortFrom(a, port), err)
			}
			l.sockets = append(l.sockets, socket)
		}
		return nil
	})
	for _, socket := range l.sockets {
		l.readers.Add(1)
		go l.read(socket)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// listen opens a socket that tells when and where each packet came in.
func listen(local netip.AddrPort) (int, error) {
	family, level, info := unix.AF_INET, unix.IPPROTO_IP, unix.IP_PKTINFO
	var name unix.Sockaddr
	if local.Addr().Is6() {
		family, level, info = unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO
		name = &unix.SockaddrInet6{Port: int(local.Port()), Addr: local.Addr().As16()}
	} else {
		name = &unix.SockaddrInet4{Port: int(local.Port()), Addr: local.Addr().As4()}
	}
	socket, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	for _, option := range []struct{ level, name, value int }{
		{level, info, 1},
		{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1},
	} {
		if err := unix.SetsockoptInt(socket, option.level, option.name, option.value); err != nil {
			_ = unix.Close(socket)
			return 0, err
		}
	}
	roomy(socket)
	if family == unix.AF_INET6 {
		_ = unix.SetsockoptInt(socket, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	if err := unix.Bind(socket, name); err != nil {
		_ = unix.Close(socket)
		return 0, err
	}
	return socket, nil
}

// room is for what waits while the machine is busy.
const room = 8 << 20

// roomy takes as much room as it may: root of a rootless lab may not force it.
func roomy(socket int) {
	if unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, room) != nil {
		_ = unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_RCVBUF, room)
	}
}

// Close ends the listening. Shutting a datagram socket down says that it is not
// connected, and wakes who reads all the same.
func (l *Listener) Close() {
	l.once.Do(func() { // a number of a socket is soon another one's
		for _, socket := range l.sockets {
			_ = unix.Shutdown(socket, unix.SHUT_RD)
		}
		l.readers.Wait()
	})
}

// size is the octets of a probe: the stream, the number.
const size = 12

func (l *Listener) read(socket int) {
	defer l.readers.Done()
	defer unix.Close(socket)
	payload, control := make([]byte, 64), make([]byte, 256)
	for {
		n, c, _, from, err := unix.Recvmsg(socket, payload, control, 0)
		if err == unix.EINTR {
			continue
		}
		if err == unix.ECONNREFUSED { // of an answer to somebody who left
			continue
		}
		if err != nil || n == 0 && from == nil {
			return
		}
		if n < size {
			continue
		}
		a := Arrival{Number: binary.BigEndian.Uint64(payload[4:])}
		a.when(control[:c])
		stream := binary.BigEndian.Uint32(payload)
		l.mu.Lock()
		l.arrivals[stream] = append(l.arrivals[stream], a)
		l.mu.Unlock()
		if l.echo {
			_ = unix.Sendto(socket, payload[:n], 0, from)
		}
	}
}

// when reads what the kernel says of a packet: its time, and the port it came in by.
func (a *Arrival) when(control []byte) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		panic("probe: " + err.Error())
	}
	for _, m := range messages {
		switch {
		case m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS:
			a.At = time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO:
			a.Port = int(binary.NativeEndian.Uint32(m.Data))
		case m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_PKTINFO:
			a.Port = int(binary.NativeEndian.Uint32(m.Data[16:]))
		}
	}
}

// Arrivals returns what has arrived of a stream.
func (l *Listener) Arrivals(stream uint32) []Arrival {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Arrival(nil), l.arrivals[stream]...)
}

// Ports gives the names of a place's interfaces by their index.
func Ports(place Place) (map[int]string, error) {
	names := map[int]string{}
	return names, place.Do(func() error {
		links, err := net.Interfaces()
		for _, link := range links {
			names[link.Index] = link.Name
		}
		return err
	})
}
