package firewall

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"heddle/bgp"
)

// Open finds the back end: "nft", "legacy", or "auto", which is the one that the rules
// of others are in, and nft where that is none or both. All is done in the network
// namespace of the calling thread. An error names what is missing and how to get it.
func Open(backend string) (*Driver, error) { return OpenWith(backend, run) }

// OpenWith is Open with programs run by somebody else, such as a lab in one of its
// namespaces.
func OpenWith(backend string, runner Runner) (*Driver, error) {
	s, err := openSocket()
	if err != nil {
		return nil, err
	}
	handle, err := netlink.NewHandle(unix.NETLINK_NETFILTER)
	if err != nil {
		s.close()
		return nil, fmt.Errorf("netlink to netfilter: %w", err)
	}
	chosen, others, err := choose(backend, runner, s)
	if err != nil {
		s.close()
		handle.Close()
		return nil, err
	}
	d := newDriver(chosen, &ipset{socket: s}, &conntrack{handle})
	d.others = others
	d.closes = func() { s.close(); handle.Close() }
	return d, nil
}

func choose(backend string, runner Runner, s *socket) (chosen tables, others []tables, err error) {
	ctx := context.Background()
	var there []*iptables
	for _, kind := range []string{"nft", "legacy"} {
		k := &iptables{kind: kind, middle: "-" + kind, run: runner, socket: s}
		if k.missing() == nil {
			there = append(there, k)
		}
	}
	if len(there) == 0 {
		k, err := plain(ctx, runner, s)
		if err != nil {
			return nil, nil, err
		}
		there = append(there, k)
	}
	switch backend {
	case "nft", "legacy":
	case "auto":
		if backend, err = busiest(ctx, there); err != nil {
			return nil, nil, err
		}
	default:
		return nil, nil, fmt.Errorf("back end %q: it is auto, nft or legacy", backend)
	}
	for _, k := range there {
		if k.kind == backend {
			chosen = k
		} else {
			others = append(others, k)
		}
	}
	if chosen == nil {
		return nil, nil, fmt.Errorf("iptables-%s-save is missing: install it with apt-get install iptables, or choose another back end", backend)
	}
	return chosen, others, nil
}

// busiest is the back end that alone has rules of others.
func busiest(ctx context.Context, there []*iptables) (string, error) {
	var busy []string
	for _, k := range there {
		n := 0
		for _, family := range bgp.Families {
			text, err := k.save(ctx, family, TableInvalid)
			if err != nil {
				return "", err
			}
			n += foreign(text)
		}
		if n > 0 {
			busy = append(busy, k.kind)
		}
	}
	if len(busy) == 1 {
		return busy[0], nil
	}
	return there[0].kind, nil
}

// foreign counts rules that are not ours.
func foreign(text []byte) int {
	n := 0
	for row := range bytes.Lines(text) {
		spec, ok := bytes.CutPrefix(row, []byte("-A "))
		if !ok || bytes.HasPrefix(spec, []byte(Prefix)) {
			continue
		}
		if _, mine := ours(string(spec)); !mine {
			n++
		}
	}
	return n
}

// plain is for a host that has one kind only, without its kind in the names.
func plain(ctx context.Context, runner Runner, s *socket) (*iptables, error) {
	k := &iptables{kind: "legacy", run: runner, socket: s}
	if err := k.missing(); err != nil {
		return nil, err
	}
	version, err := runner(ctx, find("iptables"), []string{"--version"}, nil)
	if err != nil {
		return nil, fmt.Errorf("iptables --version: %w", err)
	}
	if strings.Contains(string(version), "nf_tables") {
		k.kind = "nft"
	}
	return k, nil
}

func (k *iptables) missing() error {
	var errs []error
	for _, family := range bgp.Families {
		for _, what := range []string{"-save", "-restore"} {
			if name := k.program(family, what); find(name) == name {
				errs = append(errs, fmt.Errorf("%s is missing: install it with apt-get install iptables", name))
			}
		}
	}
	return errors.Join(errs...)
}

// find is where a program is, or its name. Services often have no sbin in their PATH.
func find(program string) string {
	for _, name := range []string{program, "/usr/sbin/" + program, "/sbin/" + program} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return program
}
