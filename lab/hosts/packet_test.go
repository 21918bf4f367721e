package hosts

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// packet is one frame, written octet by octet so that it can lie.
type packet struct {
	mac      string // source; empty: that of the workload that sends it
	from, to string
	protocol uint8
	sport    uint16
	dport    uint16
	icmp     uint8 // type
	syn, ack bool  // of TCP
}

const (
	icmp4 = 1
	tcp   = 6
	udp   = 17
	icmp6 = 58
)

// frame writes a packet with a word in it that tells it from all others.
func (p packet) frame(source, target net.HardwareAddr, word string) []byte {
	from, to := netip.MustParseAddr(p.from), netip.MustParseAddr(p.to)
	payload := p.transport(from, to, []byte(word))
	b := append(append([]byte{}, target...), source...)
	if from.Is4() {
		b = append(b, 0x08, 0x00)
		head := make([]byte, 20)
		head[0], head[8], head[9] = 0x45, 64, p.protocol
		binary.BigEndian.PutUint16(head[2:], uint16(20+len(payload)))
		copy(head[12:], from.AsSlice())
		copy(head[16:], to.AsSlice())
		binary.BigEndian.PutUint16(head[10:], checksum(head))
		return append(append(b, head...), payload...)
	}
	b = append(b, 0x86, 0xdd)
	head := make([]byte, 40)
	head[0], head[6], head[7] = 0x60, p.protocol, 255
	binary.BigEndian.PutUint16(head[4:], uint16(len(payload)))
	copy(head[8:], from.AsSlice())
	copy(head[24:], to.AsSlice())
	return append(append(b, head...), payload...)
}

func (p packet) transport(from, to netip.Addr, word []byte) []byte {
	var t []byte
	at := 6 // of the checksum
	switch p.protocol {
	case udp:
		t = make([]byte, 8)
		binary.BigEndian.PutUint16(t[4:], uint16(8+len(word)))
	case tcp:
		t = make([]byte, 20)
		t[4], t[12], t[14] = 1, 5<<4, 0xff
		if p.syn {
			t[13] |= 2
		}
		if p.ack {
			t[13] |= 16
		}
		at = 16
	default:
		t = []byte{p.icmp, 0, 0, 0, 0, 1, 0, 1}
		at = 2
	}
	if p.protocol == udp || p.protocol == tcp {
		binary.BigEndian.PutUint16(t, p.sport)
		binary.BigEndian.PutUint16(t[2:], p.dport)
	}
	t = append(t, word...)
	covered := t
	if p.protocol != icmp4 {
		pseudo := append(append([]byte{}, from.AsSlice()...), to.AsSlice()...)
		pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(len(t)))
		pseudo = append(pseudo, 0, 0, 0, p.protocol)
		covered = append(pseudo, t...)
	}
	binary.BigEndian.PutUint16(t[at:], checksum(covered))
	return t
}

func checksum(b []byte) uint16 {
	var sum uint32
	for len(b) > 1 {
		sum += uint32(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum>>16 != 0 {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// inject sends a frame out of a node's eth0.
func (n *node) inject(frame []byte) error {
	return n.space.Do(func() error {
		link, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		s, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(s)
		return unix.Sendto(s, frame, 0, &unix.SockaddrLinklayer{Ifindex: link.Index})
	})
}

// tap hears everything that reaches a node's interface.
type tap struct{ socket int }

func (n *node) tap(port string) (*tap, error) {
	t := &tap{}
	return t, n.space.Do(func() (err error) {
		link, err := net.InterfaceByName(port)
		if err != nil {
			return err
		}
		all := uint16(unix.ETH_P_ALL>>8 | unix.ETH_P_ALL<<8&0xff00)
		if t.socket, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(all)); err != nil {
			return err
		}
		_ = unix.SetsockoptInt(t.socket, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
		timeout := unix.NsecToTimeval(int64(50 * time.Millisecond))
		if err := unix.SetsockoptTimeval(t.socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
			return err
		}
		return unix.Bind(t.socket, &unix.SockaddrLinklayer{Protocol: all, Ifindex: link.Index})
	})
}

func (t *tap) close() { _ = unix.Close(t.socket) }

// next gives a frame that came in; nil: none did for a moment.
func (t *tap) next() []byte {
	buffer := make([]byte, 2048)
	for {
		n, from, err := unix.Recvfrom(t.socket, buffer, 0)
		if err != nil {
			return nil
		}
		if l, ok := from.(*unix.SockaddrLinklayer); ok && l.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		return buffer[:n]
	}
}

// hears listens until a word comes by, and says which of the others came before it.
func (t *tap) hears(last string, words []string) (heard map[string]bool, err error) {
	heard = map[string]bool{}
	for end := time.Now().Add(patience); time.Now().Before(end); {
		frame := t.next()
		for _, word := range words {
			if bytes.Contains(frame, []byte(word)) {
				heard[word] = true
			}
		}
		if bytes.Contains(frame, []byte(last)) {
			return heard, nil
		}
	}
	return heard, fmt.Errorf("%q never came", last)
}

// get asks a daemon in the node's namespace.
func (n *node) get(address, path string) (string, error) {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(_ context.Context, network, address string) (conn net.Conn, err error) {
			err = n.space.Do(func() error { conn, err = net.Dial(network, address); return err })
			return conn, err
		},
	}}
	response, err := client.Get("http://" + address + path)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}
