package fib

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// newsBuffer is room for what happens while the consumer is busy, in octets: about
	// 10,000 changes.
	newsBuffer = 8 << 20
	// newsMost is how many changes are read before the consumer hears of them.
	newsMost = 1024
)

var errWatched = errors.New("it is watched already")

// listen opens the socket for Watch, deaf to what the socket with port id ours does.
func listen(ours uint32) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("netlink socket: %w", err)
	}
	if err := prepareNews(fd, ours); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("netlink socket: %w", err)
	}
	return os.NewFile(uintptr(fd), "netlink"), nil
}

func prepareNews(fd int, ours uint32) error {
	kernel := &unix.SockaddrNetlink{Family: unix.AF_NETLINK}
	if err := unix.Bind(fd, kernel); err != nil {
		return err
	}
	if err := unix.Connect(fd, kernel); err != nil {
		return err
	}
	if _, err := receiveBuffer(fd, newsBuffer/2); err != nil { // the kernel doubles it
		return err
	}
	// The filter loads in network order what the kernel wrote in its own.
	port := binary.BigEndian.Uint32(native.AppendUint32(nil, ours))
	const offset = 12 // nlmsg_pid
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: port, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 1<<32 - 1},
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})
}

// groups of which Watch hears.
func groups() []int {
	return []int{
		unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
		unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE,
	}
}

// Watch calls f, from a goroutine of its own, for everything that happens from when
// it returns until ctx ends or the Kernel is closed, save for what this Kernel did:
// so look at what is there after Watch, not before. It may be called again once ctx
// has ended.
//
// IPv6 does not say who changed an address: a Port that is made ready may be heard
// of as Links and Underlay. IPv4 does not say which routes went with an interface
// that went down: Links is all there is.
func (k *Kernel) Watch(ctx context.Context, f func(Event)) error {
	if !k.watching.CompareAndSwap(false, true) {
		return fmt.Errorf("watch: %w", errWatched)
	}
	if err := k.news.SetReadDeadline(time.Time{}); err != nil {
		k.watching.Store(false)
		return fmt.Errorf("watch: %w", err)
	}
	if err := k.subscribe(unix.NETLINK_ADD_MEMBERSHIP); err != nil {
		k.watching.Store(false)
		return fmt.Errorf("watch: %w", err)
	}
	n := &news{emit: f, in: make([]byte, readSize), lost: map[netip.Prefix]struct{}{}}
	go func() {
		defer k.watching.Store(false)
		stop := context.AfterFunc(ctx, func() { _ = k.news.SetReadDeadline(time.Unix(0, 1)) })
		defer stop()
		n.run(ctx, k.news)
		_ = k.subscribe(unix.NETLINK_DROP_MEMBERSHIP)
	}()
	return nil
}

func (k *Kernel) subscribe(option int) error {
	raw, err := k.news.SyscallConn()
	if err != nil {
		return err
	}
	var errs []error
	err = raw.Control(func(fd uintptr) {
		for _, group := range groups() {
			errs = append(errs, unix.SetsockoptInt(int(fd), unix.SOL_NETLINK, option, group))
		}
	})
	return errors.Join(append(errs, err)...)
}

// news is what was read and not yet told.
type news struct {
	emit func(Event)
	in   []byte

	overrun, underlay, links bool
	order                    []netip.Prefix // of routes lost
	lost                     map[netip.Prefix]struct{}
}

// run reads until ctx ends or the socket is closed.
func (n *news) run(ctx context.Context, from *os.File) {
	raw, err := from.SyscallConn()
	if err != nil {
		return
	}
	for ctx.Err() == nil {
		if err := raw.Read(n.read); err != nil {
			return
		}
		n.tell(ctx)
	}
}

// read takes what there is; it is false if there was nothing.
func (n *news) read(fd uintptr) (some bool) {
	for count := 0; count < newsMost; count++ {
		size, err := unix.Read(int(fd), n.in)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return count > 0
		case err != nil:
			// ENOBUFS, for what there was no room for. Whatever else it may be, something
			// was not heard.
			n.overrun = true
		default:
			for m, rest, ok := cut(n.in[:size]); ok; m, rest, ok = cut(rest) {
				n.note(m)
			}
		}
	}
	return true
}

func (n *news) note(m message) {
	switch m.kind {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK, unix.RTM_NEWADDR, unix.RTM_DELADDR:
		n.links = true
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		n.noteRoute(m)
	}
}

// noteRoute tells a route of ours from others. The kernel knows a route of a prefix
// by its metric: one with ours that takes the place of another took it from us.
func (n *news) noteRoute(m message) {
	b := m.payload
	if len(b) < routeSize || native.Uint32(b[8:])&unix.RTM_F_CLONED != 0 {
		return
	}
	table, metric := uint32(b[4]), uint32(0)
	var dst []byte
	for list := attributes(b[routeSize:]); ; {
		kind, value, ok := list.next()
		if !ok {
			break
		}
		switch kind {
		case unix.RTA_TABLE:
			table = uint32From(value)
		case unix.RTA_PRIORITY:
			metric = uint32From(value)
		case unix.RTA_DST:
			dst = value
		}
	}
	if table != unix.RT_TABLE_MAIN {
		return
	}
	own := metric == Metric && b[5] == Protocol
	replaced := metric == Metric && m.kind == unix.RTM_NEWROUTE && m.flags&unix.NLM_F_REPLACE != 0
	n.underlay = n.underlay || !own
	if prefix := prefixFrom(b[0], b[1], dst); own || replaced {
		if _, known := n.lost[prefix]; !known {
			n.lost[prefix] = struct{}{}
			n.order = append(n.order, prefix)
		}
	}
}

// tell says what was noted, each thing once.
func (n *news) tell(ctx context.Context) {
	say := func(e Event) {
		if ctx.Err() == nil {
			n.emit(e)
		}
	}
	for _, prefix := range n.order {
		say(Event{Kind: RouteLost, Prefix: prefix})
	}
	if n.underlay {
		say(Event{Kind: Underlay})
	}
	if n.links {
		say(Event{Kind: Links})
	}
	if n.overrun {
		say(Event{Kind: Overrun})
	}
	clear(n.lost)
	n.order, n.underlay, n.links, n.overrun = n.order[:0], false, false, false
}
