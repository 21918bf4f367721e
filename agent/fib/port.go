package fib

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"path"

	"golang.org/x/sys/unix"

	"heddle/bgp"
)

// Port readies the host's end of a workload, writing only what differs, and says
// whether it wrote anything. unix.ENODEV is in the error if there is no interface with that
// index and name (any more).
func (k *Kernel) Port(p Port) (changed bool, err error) {
	if changed, err = k.port(p); err != nil {
		return changed, fmt.Errorf("port %s: %w", p.Name, err)
	}
	return changed, nil
}

func (k *Kernel) port(p Port) (changed bool, err error) {
	if err := k.same(p.Index, p.Name); err != nil {
		return false, err
	}
	six, err := k.speaksIPv6(p.Name)
	if err != nil {
		return false, err
	}
	for _, addr := range p.Addresses {
		if addr.Is6() && !six {
			return false, fmt.Errorf("the workload has %s, but IPv6 is off: set net.ipv6.conf.%s.disable_ipv6 to 0", addr, p.Name)
		}
	}
	steps := []func() (bool, error){
		func() (bool, error) { return configure(k.ipv4, p.Name, sysctls4()) },
		func() (bool, error) { return k.give(p.Index, bgp.IPv4Unicast) },
	}
	if six {
		steps = append(steps,
			func() (bool, error) { return configure(k.ipv6, p.Name, sysctls6()) },
			func() (bool, error) { return k.give(p.Index, bgp.IPv6Unicast) })
	}
	steps = append(steps, func() (bool, error) { return k.neighbors(p) })
	for _, step := range steps {
		wrote, err := step()
		changed = changed || wrote
		if err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// Unport undoes Port for an interface that is no longer a workload's. If there is no
// interface with that index and name (any more), nothing is left to undo. If it has no
// other IPv4 address, the kernel removes with the gateway's all IPv4 routes and
// neighbours over it, whosever they are, and tells nobody.
func (k *Kernel) Unport(index int, name string) error {
	if err := k.unport(index, name); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("undo port %s: %w", name, err)
	}
	return nil
}

func (k *Kernel) unport(index int, name string) error {
	if err := k.same(index, name); err != nil {
		return err
	}
	if _, err := k.neighbors(Port{Name: name, Index: index}); err != nil {
		return err
	}
	if err := k.take(index, bgp.IPv4Unicast); err != nil {
		return err
	}
	if err := restore(k.ipv4, name, sysctls4()); err != nil {
		return err
	}
	if six, err := k.speaksIPv6(name); err != nil || !six {
		return err
	}
	if err := k.take(index, bgp.IPv6Unicast); err != nil {
		return err
	}
	return restore(k.ipv6, name, sysctls6())
}

// same asks whether an interface has that index and name: sysctls go by name, all
// else by index, and either may by now be another's.
func (k *Kernel) same(index int, name string) error {
	ask, err := unix.NewIfreq(name)
	if err != nil {
		return fmt.Errorf("interface name %q: %w", name, err)
	}
	if err := unix.IoctlIfreq(k.ask.fd, unix.SIOCGIFINDEX, ask); err != nil {
		return err
	}
	if now := int(ask.Uint32()); now != index {
		return fmt.Errorf("%w: %s is interface %d, not %d", unix.ENODEV, name, now, index)
	}
	return nil
}

func (k *Kernel) speaksIPv6(name string) (bool, error) {
	if k.ipv6 == nil {
		return false, nil
	}
	off, err := k.ipv6.ReadFile(path.Join("conf", name, "disable_ipv6"))
	if errors.Is(gone(err), unix.ENODEV) {
		return false, nil // too small an MTU for IPv6
	}
	return err == nil && string(bytes.TrimSpace(off)) == "0", err
}

// gatewayOf is the address that every port has. In IPv4 its scope is host, so that
// the kernel never takes it as source of what leaves the host.
func gatewayOf(family bgp.Family) (prefix netip.Prefix, scope uint8) {
	if family == bgp.IPv4Unicast {
		return netip.PrefixFrom(Gateway4, 32), unix.RT_SCOPE_HOST
	}
	return netip.PrefixFrom(Gateway6, 64), unix.RT_SCOPE_LINK
}

// has says whether an interface has the gateway's address. With which scope is not
// asked: to mend it the address would have to go for a moment, and with the last
// address of an interface the kernel removes, without a word, all IPv4 routes over it.
func (k *Kernel) has(index int, family bgp.Family) (there bool, err error) {
	want, _ := gatewayOf(family)
	for attempt := 1; ; attempt++ {
		there = false
		err = k.addresses(af(family), index, func(_ int, prefix netip.Prefix) {
			there = there || prefix == want
		})
		if !errors.Is(err, ErrInterrupted) || attempt == 10 {
			return there, err
		}
	}
}

func (k *Kernel) give(index int, family bgp.Family) (changed bool, err error) {
	there, err := k.has(index, family)
	if err != nil || there {
		return false, err
	}
	if err := k.address(unix.RTM_NEWADDR, index, family); err != nil {
		return false, fmt.Errorf("add the %s gateway's address: %w", family, err)
	}
	return true, nil
}

func (k *Kernel) take(index int, family bgp.Family) error {
	there, err := k.has(index, family)
	if err != nil || !there {
		return err
	}
	err = k.address(unix.RTM_DELADDR, index, family)
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
		return fmt.Errorf("remove the %s gateway's address: %w", family, err)
	}
	return nil
}

func (k *Kernel) address(kind, index int, family bgp.Family) error {
	prefix, scope := gatewayOf(family)
	var flags uint16
	if kind == unix.RTM_NEWADDR {
		flags = unix.NLM_F_CREATE | unix.NLM_F_REPLACE
	}
	b := k.write.request(kind, flags, addressSize)
	b[headerSize], b[headerSize+1], b[headerSize+3] = af(family), uint8(prefix.Bits()), scope
	if family == bgp.IPv6Unicast {
		// Every port has it on purpose: nobody is asked whether it is free.
		b[headerSize+2] = unix.IFA_F_NODAD
	}
	native.PutUint32(b[headerSize+4:], uint32(index))
	b = appendAddr(b, unix.IFA_LOCAL, prefix.Addr())
	b = appendAddr(b, unix.IFA_ADDRESS, prefix.Addr())
	return k.write.do(b)
}
