package firewall

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"sync/atomic"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"heddle/bgp"
)

// elementsMost is how many members a set may have.
const elementsMost = 1 << 20

// batch is how many members go into one message: with 44 octets each they stay below
// the 64 KiB that an attribute can have.
const batch = 1000

// socket talks to netfilter in the namespace where it was opened.
type socket struct{ handles map[int]*nl.SocketHandle }

func openSocket() (*socket, error) {
	s, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("netlink to netfilter: %w", err)
	}
	wait := unix.Timeval{Sec: 60}
	if err := errors.Join(s.SetSendTimeout(&wait), s.SetReceiveTimeout(&wait)); err != nil {
		s.Close()
		return nil, err
	}
	return &socket{map[int]*nl.SocketHandle{unix.NETLINK_NETFILTER: {Socket: s}}}, nil
}

func (s *socket) close() { s.handles[unix.NETLINK_NETFILTER].Close() }

// ask sends a message and gives each answer without its nfgenmsg.
func (s *socket) ask(kind, flags int, family uint8, body []byte, each func([]byte)) error {
	req := nl.NewNetlinkRequest(kind, flags)
	req.Sockets = s.handles
	req.AddData(&nl.Nfgenmsg{NfgenFamily: family, Version: nl.NFNETLINK_V0})
	req.AddRawData(body)
	return req.ExecuteIter(unix.NETLINK_NETFILTER, 0, func(msg []byte) bool {
		if each != nil && len(msg) >= 4 {
			each(msg[4:])
		}
		return true
	})
}

// getGeneration is NFT_MSG_GETGEN.
const (
	getGeneration = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETGEN
	generationID  = 1 // NFTA_GEN_ID
)

func (s *socket) generation() (number uint32, err error) {
	err = s.ask(getGeneration, 0, unix.AF_UNSPEC, nil, func(msg []byte) {
		for a := range attributes(msg) {
			if a.Type&nl.NLA_TYPE_MASK == generationID && len(a.Value) >= 4 {
				number = binary.BigEndian.Uint32(a.Value)
			}
		}
	})
	if err != nil {
		return 0, fmt.Errorf("generation of nftables: %w", err)
	}
	return number, nil
}

// ipset is the kernel's sets. The library's own calls take one member per message, and
// log what they don't know of new kernels.
type ipset struct {
	*socket
	line atomic.Uint32
}

func (k *ipset) command(cmd, flags int, body []byte, each func([]byte)) error {
	head := attribute(nil, nl.IPSET_ATTR_PROTOCOL, nl.IPSET_PROTOCOL)
	err := k.ask(unix.NFNL_SUBSYS_IPSET<<8|cmd, flags, unix.AF_INET, append(head, body...), each)
	var number syscall.Errno
	if errors.As(err, &number) && number >= nl.IPSET_ERR_PRIVATE {
		err = nl.IPSetError(number)
	}
	switch {
	case errors.Is(err, nl.IPSetError(nl.IPSET_ERR_BUSY)), errors.Is(err, nl.IPSetError(nl.IPSET_ERR_REFERENCED)):
		return errors.Join(errInUse, err)
	case errors.Is(err, nl.IPSetError(nl.IPSET_ERR_TYPE_MISMATCH)):
		return errors.Join(errMismatch, err)
	}
	return err
}

func attribute(b []byte, kind uint16, value ...byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(4+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func number(b []byte, kind uint16, v uint32) []byte {
	return attribute(b, kind|uint16(nl.NLA_F_NET_BYTEORDER), binary.BigEndian.AppendUint32(nil, v)...)
}

func named(name string) []byte {
	return attribute(nil, nl.IPSET_ATTR_SETNAME, nl.ZeroTerminated(name)...)
}

const nested = uint16(nl.NLA_F_NESTED)

func (k *ipset) create(name string, family bgp.Family) error {
	kind := byte(unix.AF_INET)
	if family == bgp.IPv6Unicast {
		kind = unix.AF_INET6
	}
	b := attribute(named(name), nl.IPSET_ATTR_TYPENAME, nl.ZeroTerminated("hash:net")...)
	b = attribute(b, nl.IPSET_ATTR_REVISION, 0)
	b = attribute(b, nl.IPSET_ATTR_FAMILY, kind)
	b = attribute(b, nl.IPSET_ATTR_DATA|nested, number(nil, nl.IPSET_ATTR_MAXELEM, elementsMost)...)
	return k.command(nl.IPSET_CMD_CREATE, unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_EXCL, b, nil)
}

func (k *ipset) destroy(name string) error {
	err := k.command(nl.IPSET_CMD_DESTROY, unix.NLM_F_ACK, named(name), nil)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

func (k *ipset) swap(one, other string) error {
	b := attribute(named(one), nl.IPSET_ATTR_SETNAME2, nl.ZeroTerminated(other)...)
	return k.command(nl.IPSET_CMD_SWAP, unix.NLM_F_ACK, b, nil)
}

// change leaves out NLM_F_EXCL: what is there already, or gone already, is well. It
// adds first, so that an address whose prefix changes its length is never missing.
func (k *ipset) change(name string, add, remove []netip.Prefix) error {
	for _, step := range []struct {
		cmd  int
		list []netip.Prefix
	}{{nl.IPSET_CMD_ADD, add}, {nl.IPSET_CMD_DEL, remove}} {
		for list := step.list; len(list) > 0; {
			n := min(len(list), batch)
			if err := k.send(step.cmd, name, list[:n]); err != nil {
				return err
			}
			list = list[n:]
		}
	}
	return nil
}

func (k *ipset) send(cmd int, name string, list []netip.Prefix) error {
	var entries []byte
	for i, p := range list {
		kind := uint16(nl.IPSET_ATTR_IPADDR_IPV4)
		if p.Addr().Is6() {
			kind = nl.IPSET_ATTR_IPADDR_IPV6
		}
		ip := attribute(nil, kind|uint16(nl.NLA_F_NET_BYTEORDER), p.Addr().AsSlice()...)
		entry := attribute(nil, nl.IPSET_ATTR_IP|nested, ip...)
		entry = attribute(entry, nl.IPSET_ATTR_CIDR, byte(p.Bits()))
		entry = number(entry, nl.IPSET_ATTR_LINENO, uint32(i+1))
		entries = attribute(entries, nl.IPSET_ATTR_DATA|nested, entry...)
	}
	if len(entries) > math.MaxUint16-4 {
		return fmt.Errorf("%d members are too many for a message", len(list))
	}
	// The kernel wants a line number beside several members, to say which was wrong.
	b := number(named(name), nl.IPSET_ATTR_LINENO, k.line.Add(1))
	b = attribute(b, nl.IPSET_ATTR_ADT|nested, entries...)
	return k.command(cmd, unix.NLM_F_ACK, b, nil)
}
