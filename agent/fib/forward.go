package fib

import (
	"bytes"
	"errors"
	"fmt"
	"path"

	"golang.org/x/sys/unix"

	"heddle/bgp"
)

var errNoIPv6 = errors.New("the kernel has no IPv6")

// Forward turns on forwarding of a family if it is off.
func (k *Kernel) Forward(family bgp.Family) (changed bool, err error) {
	if family == bgp.IPv4Unicast {
		changed, err = set(k.ipv4, "ip_forward", "1")
	} else {
		changed, err = k.forward6()
	}
	if err != nil {
		return changed, fmt.Errorf("turn on %s forwarding: %w", family, err)
	}
	return changed, nil
}

func (k *Kernel) forward6() (changed bool, err error) {
	if k.ipv6 == nil {
		return false, errNoIPv6
	}
	const file = "conf/all/forwarding"
	now, err := k.ipv6.ReadFile(file)
	if err != nil || string(bytes.TrimSpace(now)) == "1" {
		return false, err
	}
	if changed, err = k.keepRouters(); err != nil {
		return changed, err
	}
	wrote, err := set(k.ipv6, file, "1")
	return changed || wrote, err
}

// keepRouters lets interfaces that follow router advertisements go on doing so. Who
// forwards is a router himself and by accept_ra=1 no longer listens to others: the
// host would lose its default route, and with it perhaps us. New interfaces stay as
// they are, for they may be workloads'.
func (k *Kernel) keepRouters() (changed bool, err error) {
	links, err := k.Links()
	if err != nil {
		return false, err
	}
	for _, link := range links {
		file := path.Join("conf", link.Name, "accept_ra")
		now, err := k.ipv6.ReadFile(file)
		if err != nil || string(bytes.TrimSpace(now)) != "1" {
			continue // gone, or without IPv6
		}
		wrote, err := set(k.ipv6, file, "2")
		if err != nil && !errors.Is(err, unix.ENODEV) {
			return changed, fmt.Errorf("keep the routers of %s: %w", link.Name, err)
		}
		changed = changed || wrote
	}
	return changed, nil
}

// LooseRPF says whether net.ipv4.conf.all.rp_filter is 2. The larger of all's value
// and the interface's counts, so that every port is loose: a workload can then send
// from any address that is routed anywhere.
func (k *Kernel) LooseRPF() (bool, error) {
	value, err := k.ipv4.ReadFile("conf/all/rp_filter")
	if err != nil {
		return false, fmt.Errorf("reverse path filter: %w", err)
	}
	return string(bytes.TrimSpace(value)) == "2", nil
}
