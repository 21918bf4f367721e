package netns

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Dark takes all cables down at once, as losing power does, and forgets what was set up
// on them. What the kernel made itself (a bridge) is gone.
func (s *Space) Dark() error {
	links, err := s.link.LinkList()
	if err != nil {
		return fmt.Errorf("links of %s: %w", s.Name, err)
	}
	var errs []error
	for _, link := range links {
		if link.Attrs().Name != "lo" {
			errs = append(errs, s.link.LinkSetDown(link))
		}
	}
	for _, link := range links {
		if link.Type() == "bridge" {
			errs = append(errs, s.link.LinkDel(link))
			continue
		}
		errs = append(errs, s.forget(link))
	}
	return errors.Join(errs...)
}

// forget takes the addresses of an interface away. Its routes went with them, and with
// the cable. Loopback keeps what the kernel gave it.
func (s *Space) forget(link netlink.Link) error {
	addresses, err := s.link.AddrList(link, netlink.FAMILY_ALL)
	if err != nil {
		return fmt.Errorf("addresses of %s: %w", s.Name, err)
	}
	var errs []error
	for _, a := range addresses {
		if a.IP.IsLoopback() {
			continue
		}
		// The second of a subnet goes with its first.
		if err := s.link.AddrDel(link, &a); !errors.Is(err, unix.EADDRNOTAVAIL) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Light takes all cables up again.
func (s *Space) Light() error {
	links, err := s.link.LinkList()
	if err != nil {
		return fmt.Errorf("links of %s: %w", s.Name, err)
	}
	var errs []error
	for _, link := range links {
		errs = append(errs, s.link.LinkSetUp(link))
	}
	return errors.Join(errs...)
}
