package topology

import "net/netip"

// Node is a host of the fabric, at /heddle/v1/nodes/NAME:
//
//	{"addresses":["192.0.2.11","2001:db8::11"],"rack":"r1","passwordFile":"/etc/heddle/h1.password","bfd":true}
type Node struct {
	Name string
	// Addresses are those its session comes from and its routes point to, at least
	// one, sorted.
	Addresses []netip.Addr
	// Rack it stands in; empty: unknown, so that each of its routes is an exception.
	Rack string
	// PasswordFile holds the TCP-MD5 password of its session; empty: none. The file
	// is the reflector's, the name the fabric's.
	PasswordFile string
	// BFD of its sessions.
	BFD BFD
}

// Key names the node.
func (n Node) Key() Key { return Key{KindNode, n.Name} }

func (n Node) fields() fields {
	return fields{
		{"addresses", texts(n.Addresses)},
		{"rack", n.Rack},
		{"passwordFile", n.PasswordFile},
		{"bfd", n.BFD.value()},
	}
}

func readNode(r *reader, name string) Node {
	return Node{
		Name:         name,
		Addresses:    readAddresses(r),
		Rack:         one(r, "rack", parseName),
		PasswordFile: one(r, "passwordFile", parseText),
		BFD:          readBFD(r),
	}
}

// readAddresses reads the addresses of a speaker or workload, which has at least
// one.
func readAddresses(r *reader) []netip.Addr {
	addresses := set(r, "addresses", parseAddress, netip.Addr.Compare)
	r.need(len(addresses) > 0, "addresses", "there is none: list at least one")
	return addresses
}
