package hosts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// installed is how many prefixes table main of a node has.
func (n *node) installed() (count int, err error) {
	err = n.space.Do(func() error {
		text, err := os.ReadFile("/proc/thread-self/net/fib_triestat")
		if err != nil {
			return err
		}
		_, main, _ := strings.Cut(string(text), "Main:")
		_, rest, _ := strings.Cut(main, "Prefixes:")
		word, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
		count, err = strconv.Atoi(word)
		return err
	})
	return count, err
}

// awaits waits until a node has so many routes of a load. Counting walks the whole
// table, so the last one is looked for first.
func (n *node) awaits(count int) {
	n.f.t.Helper()
	last := addr4(nthRoute(count - 1)).String()
	limit := time.Now().Add(time.Minute)
	for !n.has(last) {
		if time.Now().After(limit) {
			n.f.t.Fatalf("%s: no route to %s", n.name, last)
		}
		time.Sleep(5 * time.Millisecond)
	}
	for {
		found, err := n.installed()
		n.f.must(err)
		if found >= count {
			return
		}
		if time.Now().After(limit) {
			n.f.t.Fatalf("%s: %d routes of %d", n.name, found, count)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// has says whether an address has a route that a connected socket would take.
func (n *node) has(address string) bool {
	return n.space.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Connect(fd, &unix.SockaddrInet4{Port: 9, Addr: netip.MustParseAddr(address).As4()})
	}) == nil
}

// monitor hears of routes of a node as they change.
type monitor struct {
	fd int
	in []byte
}

func (n *node) monitor() *monitor {
	n.f.t.Helper()
	m := &monitor{in: make([]byte, 64<<10)}
	n.f.must(n.space.Do(func() (err error) {
		if m.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE); err != nil {
			return err
		}
		if err := unix.SetsockoptTimeval(m.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5}); err != nil {
			return err
		}
		return unix.Bind(m.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_IPV4_ROUTE})
	}))
	return m
}

func (m *monitor) close() { _ = unix.Close(m.fd) }

// until waits for word that a route leads to a gateway.
func (m *monitor) until(route uint32, via netip.Addr) error {
	for {
		n, err := unix.Read(m.fd, m.in)
		if errors.Is(err, unix.EINTR) {
			continue // a socket with a deadline is not called again by itself
		}
		if err != nil {
			return fmt.Errorf("word of %s via %s: %w", addr4(route), via, err)
		}
		for b := m.in[:n]; len(b) >= unix.SizeofNlMsghdr; {
			size := int(binary.NativeEndian.Uint32(b))
			if binary.NativeEndian.Uint16(b[4:]) == unix.RTM_NEWROUTE && leads(b[unix.SizeofNlMsghdr+unix.SizeofRtMsg:size], route, via) {
				return nil
			}
			b = b[min((size+3)&^3, len(b)):]
		}
	}
}

// leads says whether the attributes of a route have this destination and gateway.
func leads(b []byte, route uint32, via netip.Addr) bool {
	found := 0
	for len(b) >= unix.SizeofRtAttr {
		size := int(binary.NativeEndian.Uint16(b))
		value, ok := netip.AddrFromSlice(b[unix.SizeofRtAttr:size])
		switch kind := binary.NativeEndian.Uint16(b[2:]); {
		case ok && kind == unix.RTA_DST && value == addr4(route), ok && kind == unix.RTA_GATEWAY && value == via:
			found++
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	return found == 2
}
