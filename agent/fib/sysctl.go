package fib

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// sysctl is a setting of an interface. Its path is walked name by name, so that a
// dot in an interface's name is but a dot.
type sysctl struct {
	group string // "conf" or "neigh"
	name  string
	value string
}

// sysctls4 of a port.
func sysctls4() []sysctl {
	return []sysctl{
		{"conf", "forwarding", "1"},
		// A workload can't pretend to be an address that is not routed to it.
		{"conf", "rp_filter", "1"},
		// A workload that takes others to be on its link finds us in their place, and at
		// once: the delay is for links with several who might answer.
		{"conf", "proxy_arp", "1"},
		{"neigh", "proxy_delay", "0"},
		// The workload must stay with us, and we don't listen to where it sends us.
		{"conf", "send_redirects", "0"},
		{"conf", "accept_redirects", "0"},
		// 1 would answer for the gateway too, but no longer for the host's other addresses:
		// a workload that takes its host to be on its link would reach all hosts but that
		// one, for those of other hosts we answer as proxy.
		{"conf", "arp_ignore", "0"},
		{"conf", "route_localnet", "0"},
	}
}

// proxyDelay is the kernel's own, in hundredths of a second.
const proxyDelay = "80"

// sysctls6 of a port.
func sysctls6() []sysctl {
	return []sysctl{
		{"conf", "forwarding", "1"},
		// A workload is no router and no guide.
		{"conf", "accept_ra", "0"},
		{"conf", "accept_redirects", "0"},
	}
}

// set gives a sysctl a value if it has another. ErrNotExist: the interface is gone.
func set(root *os.Root, file, value string) (changed bool, err error) {
	now, err := root.ReadFile(file)
	if err != nil {
		return false, gone(err)
	}
	if string(bytes.TrimSpace(now)) == value {
		return false, nil
	}
	if err := write(root, file, value); err != nil {
		return false, fmt.Errorf("set to %s: %w", value, gone(err))
	}
	return true, nil
}

// write must not create: os.Root.WriteFile asks for that, and for a file of no
// length, which are not questions for a sysctl.
func write(root *os.Root, file, value string) error {
	f, err := root.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// gone makes the absence of a file what netlink says of an absent interface.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", unix.ENODEV, err)
	}
	return err
}

// configure sets what a port needs.
func configure(root *os.Root, port string, settings []sysctl) (changed bool, err error) {
	for _, s := range settings {
		wrote, err := set(root, path.Join(s.group, port, s.name), s.value)
		if err != nil {
			return changed, err
		}
		changed = changed || wrote
	}
	return changed, nil
}

// restore sets what an interface has that nobody configured.
func restore(root *os.Root, port string, settings []sysctl) error {
	for _, s := range settings {
		value, err := root.ReadFile(path.Join(s.group, "default", s.name))
		if errors.Is(err, fs.ErrNotExist) && s.name == "proxy_delay" {
			// Only the first namespace has neigh/default.
			value, err = []byte(proxyDelay), nil
		}
		if err != nil {
			return err
		}
		if _, err := set(root, path.Join(s.group, port, s.name), string(bytes.TrimSpace(value))); err != nil {
			return err
		}
	}
	return nil
}
