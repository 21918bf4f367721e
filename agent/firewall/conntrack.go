package firewall

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// conntrack is the kernel's tracked flows.
type conntrack struct{ handle *netlink.Handle }

// filter picks flows by original source, original destination and reply source.
type filter func(flow [3]netip.Addr) bool

// MatchConntrackFlow is for the netlink library.
func (f filter) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	return f([3]netip.Addr{address(flow.Forward.SrcIP), address(flow.Forward.DstIP), address(flow.Reverse.SrcIP)})
}

func address(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}

func (c *conntrack) forget(gone func([3]netip.Addr) bool) (int, error) {
	total := 0
	var errs []error
	for _, family := range []netlink.InetFamily{unix.AF_INET, unix.AF_INET6} {
		var err error
		for range 3 {
			var n uint
			n, err = c.handle.ConntrackDeleteFilters(netlink.ConntrackTable, family, filter(gone))
			total += int(n)
			if err == nil || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOENT) {
				err = nil
				break
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("conntrack: %w", err))
		}
	}
	return total, errors.Join(errs...)
}
