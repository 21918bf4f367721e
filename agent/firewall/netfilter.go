package firewall

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"heddle/bgp"
)

const (
	setType    = "hash:net"
	setMembers = 1 << 20 // how many a set may hold
	// messageMost is how many members travel in one message.
	messageMost = 400
)

// netfilter is ipset and conntrack of the network namespace it was opened in.
type netfilter struct {
	handle *netlink.Handle
	own    map[int]*nl.SocketHandle // for what the library has no words for
}

func openNetfilter() (*netfilter, error) {
	h, err := netlink.NewHandle(unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("netfilter: %w: run this as root", err)
	}
	socket, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), unix.NETLINK_NETFILTER)
	if err != nil {
		h.Close()
		return nil, fmt.Errorf("netfilter: %w", err)
	}
	return &netfilter{h, map[int]*nl.SocketHandle{unix.NETLINK_NETFILTER: {Socket: socket}}}, nil
}

func (n *netfilter) close() {
	n.handle.Close()
	n.own[unix.NETLINK_NETFILTER].Close()
}

func (n *netfilter) list() (list []Set, err error) {
	all, err := n.handle.IpsetListAll()
	if err != nil {
		return nil, err
	}
	list = []Set{}
	for _, s := range all {
		if !ours(s.SetName) {
			continue
		}
		set := Set{Name: s.SetName}
		switch {
		case s.TypeName != setType:
		case s.Family == unix.AF_INET:
			set.Family = bgp.IPv4Unicast
		case s.Family == unix.AF_INET6:
			set.Family = bgp.IPv6Unicast
		}
		list = append(list, set)
	}
	return list, nil
}

func (n *netfilter) create(s Set) error {
	family := uint8(unix.AF_INET)
	if s.Family == bgp.IPv6Unicast {
		family = unix.AF_INET6
	}
	return n.handle.IpsetCreate(s.Name, setType, netlink.IpsetCreateOptions{Family: family, MaxElements: setMembers})
}

func (n *netfilter) destroy(name string) error {
	err := n.handle.IpsetDestroy(name)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

func (n *netfilter) members(name string) ([]netip.Prefix, error) {
	s, err := n.handle.IpsetList(name)
	if err != nil {
		return nil, err
	}
	list := make([]netip.Prefix, 0, len(s.Entries))
	for _, e := range s.Entries {
		a, ok := netip.AddrFromSlice(e.IP)
		if !ok {
			continue
		}
		if a = a.Unmap(); e.CIDR == 0 {
			e.CIDR = uint8(a.BitLen())
		}
		list = append(list, netip.PrefixFrom(a, int(e.CIDR)))
	}
	return list, nil
}

// change adds members, or removes them: many in one message, which the library has no
// words for. One that is there, or is not, is no error.
func (n *netfilter) change(name string, prefixes []netip.Prefix, remove bool) error {
	command := nl.IPSET_CMD_ADD
	if remove {
		command = nl.IPSET_CMD_DEL
	}
	for len(prefixes) > 0 {
		some := prefixes[:min(len(prefixes), messageMost)]
		prefixes = prefixes[len(some):]
		req := nl.NewNetlinkRequest(command|(unix.NFNL_SUBSYS_IPSET<<8), unix.NLM_F_ACK)
		req.Sockets = n.own
		req.AddData(&nl.Nfgenmsg{NfgenFamily: unix.AF_NETLINK, Version: nl.NFNETLINK_V0})
		req.AddData(nl.NewRtAttr(nl.IPSET_ATTR_PROTOCOL, nl.Uint8Attr(nl.IPSET_PROTOCOL)))
		req.AddData(nl.NewRtAttr(nl.IPSET_ATTR_SETNAME, nl.ZeroTerminated(name)))
		req.AddData(&nl.Uint32Attribute{Type: nl.IPSET_ATTR_LINENO | nl.NLA_F_NET_BYTEORDER, Value: 0})
		entries := nl.NewRtAttr(nl.IPSET_ATTR_ADT|int(nl.NLA_F_NESTED), nil)
		for _, p := range some {
			entries.AddChild(entry(p))
		}
		req.AddData(entries)
		if _, err := req.Execute(unix.NETLINK_NETFILTER, 0); err != nil {
			return err
		}
	}
	return nil
}

func entry(p netip.Prefix) *nl.RtAttr {
	kind := nl.IPSET_ATTR_IPADDR_IPV4
	if p.Addr().Is6() {
		kind = nl.IPSET_ATTR_IPADDR_IPV6
	}
	address := nl.NewRtAttr(kind|int(nl.NLA_F_NET_BYTEORDER), net.IP(p.Addr().AsSlice()))
	e := nl.NewRtAttr(nl.IPSET_ATTR_DATA|int(nl.NLA_F_NESTED), nil)
	e.AddChild(nl.NewRtAttr(nl.IPSET_ATTR_IP|int(nl.NLA_F_NESTED), address.Serialize()))
	e.AddChild(nl.NewRtAttr(nl.IPSET_ATTR_CIDR, nl.Uint8Attr(uint8(p.Bits()))))
	return e
}

// forget removes flows whose first or answering side has gone.
func (n *netfilter) forget(gone map[netip.Addr]bool) (int, error) {
	families := map[netlink.InetFamily]bool{}
	for a := range gone {
		if a.Is4() {
			families[unix.AF_INET] = true
		} else {
			families[unix.AF_INET6] = true
		}
	}
	count := 0
	for f := range families {
		some, err := n.handle.ConntrackDeleteFilters(netlink.ConntrackTable, f, ended(gone))
		count += int(some)
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return count, err
		}
	}
	return count, nil
}

// ended matches flows of addresses that have gone.
type ended map[netip.Addr]bool

// MatchConntrackFlow implements netlink.CustomConntrackFilter.
func (e ended) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	for _, ip := range []net.IP{flow.Forward.SrcIP, flow.Forward.DstIP, flow.Reverse.SrcIP} {
		if a, ok := netip.AddrFromSlice(ip); ok && e[a.Unmap()] {
			return true
		}
	}
	return false
}

// generation counts the transactions on nf_tables, by whomever.
func (n *netfilter) generation() (uint32, error) {
	req := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETGEN, 0)
	req.Sockets = n.own
	req.AddData(&nl.Nfgenmsg{NfgenFamily: unix.AF_UNSPEC, Version: nl.NFNETLINK_V0})
	answers, err := req.Execute(unix.NETLINK_NETFILTER, 0)
	if err != nil {
		return 0, err
	}
	for _, a := range answers {
		attrs, err := nl.ParseRouteAttr(a[4:])
		if err != nil {
			return 0, err
		}
		for _, attr := range attrs {
			if attr.Attr.Type&nl.NLA_TYPE_MASK == unix.NFTA_GEN_ID && len(attr.Value) == 4 {
				return binary.BigEndian.Uint32(attr.Value), nil
			}
		}
	}
	return 0, errors.New("the kernel does not say")
}
