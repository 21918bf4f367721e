package netns

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Switch adds a namespace with a bridge that every cable to it is plugged into.
func (l *Lab) Switch(name string) (*Space, error) {
	s, err := l.Space(name)
	if err != nil {
		return nil, err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "bridge"
	if err := s.link.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil {
		return nil, fmt.Errorf("bridge in %s: %w", s.Name, err)
	}
	if s.bridge, err = s.link.LinkByName("bridge"); err != nil {
		return nil, fmt.Errorf("bridge in %s: %w", s.Name, err)
	}
	return s, s.up("bridge")
}

// End is one end of a cable. The addresses come with the prefix of their link.
type End struct {
	Space     *Space
	Addresses []netip.Prefix
	Port      string // name of the interface, if it is to have one of its own
}

// Connect lays a cable. Its ends are called eth0, eth1… in a host's namespace, and
// p0, p1… in a switch's, in order of laying.
func (l *Lab) Connect(a, b End) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.Namespace = l.port(a), netlink.NsFd(a.Space.handle)
	attrs.Index = l.index()
	cable := &netlink.Veth{LinkAttrs: attrs, PeerName: l.port(b), PeerNamespace: netlink.NsFd(b.Space.handle)}
	if err := a.Space.link.LinkAdd(cable); err != nil {
		return fmt.Errorf("cable %s–%s: %w", a.Space.Name, b.Space.Name, err)
	}
	if err := a.attach(attrs.Name); err != nil {
		return err
	}
	return b.attach(cable.PeerName)
}

// firstIndex is beyond what the kernel counts to in a namespace.
const firstIndex = 1 << 16

// index numbers one end of a cable, as the kernel will not number the other. To ends of
// the same number it takes the death of a cable for nothing urgent: all machines of the
// lab, and this one, would wait for each other, up to a second each.
func (l *Lab) index() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cables++
	return firstIndex + l.cables
}

func (l *Lab) port(e End) string {
	s := e.Space
	if e.Port != "" {
		return e.Port
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s.ports++
	if s.bridge != nil {
		return fmt.Sprintf("p%d", s.ports-1)
	}
	return fmt.Sprintf("eth%d", s.ports-1)
}

// attach makes an end usable.
func (e End) attach(port string) error {
	s := e.Space
	link, err := s.link.LinkByName(port)
	if err != nil {
		return fmt.Errorf("%s in %s: %w", port, s.Name, err)
	}
	if s.bridge != nil {
		if err := s.link.LinkSetMaster(link, s.bridge); err != nil {
			return fmt.Errorf("plug %s into the bridge of %s: %w", port, s.Name, err)
		}
	}
	for _, p := range e.Addresses {
		if err := s.address(link, p); err != nil {
			return fmt.Errorf("address %s of %s in %s: %w", p, port, s.Name, err)
		}
	}
	return s.up(port)
}

// address adds an address that can be used at once: nobody else has it, so there
// is nothing to detect (RFC 4862 §5.4).
func (s *Space) address(link netlink.Link, p netip.Prefix) error {
	text, err := netlink.ParseIPNet(p.String())
	if err != nil {
		return err
	}
	addr := &netlink.Addr{IPNet: text}
	if p.Addr().Is6() {
		addr.Flags = unix.IFA_F_NODAD
	}
	return s.link.AddrAdd(link, addr)
}

func (s *Space) up(name string) error {
	link, err := s.link.LinkByName(name)
	if err != nil {
		return fmt.Errorf("%s in %s: %w", name, s.Name, err)
	}
	return s.link.LinkSetUp(link)
}

// Down takes an interface down, as when a cable is pulled.
func (s *Space) Down(name string) error {
	link, err := s.link.LinkByName(name)
	if err != nil {
		return fmt.Errorf("%s in %s: %w", name, s.Name, err)
	}
	return s.link.LinkSetDown(link)
}
