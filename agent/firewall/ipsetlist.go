package firewall

import (
	"encoding/binary"
	"errors"
	"iter"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"heddle/bgp"
)

// listHeader is IPSET_FLAG_LIST_HEADER: sets without members.
const listHeader = 1 << 2

func (k *ipset) headers() ([]header, error) {
	var list []header
	body := number(nil, nl.IPSET_ATTR_FLAGS, listHeader)
	err := k.command(nl.IPSET_CMD_LIST, unix.NLM_F_ACK|unix.NLM_F_DUMP, body, func(msg []byte) {
		if h := parseHeader(msg); h.name != "" {
			list = append(list, h)
		}
	})
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	return list, err
}

func parseHeader(msg []byte) (h header) {
	var kind string
	var most uint32
	for a := range attributes(msg) {
		switch a.Type & nl.NLA_TYPE_MASK {
		case nl.IPSET_ATTR_SETNAME:
			h.name = unix.ByteSliceToString(a.Value)
		case nl.IPSET_ATTR_TYPENAME:
			kind = unix.ByteSliceToString(a.Value)
		case nl.IPSET_ATTR_FAMILY:
			h.family = familyOf(a.Value)
		case nl.IPSET_ATTR_DATA:
			most, h.count = parseSize(a.Value)
		}
	}
	h.fits = kind == "hash:net" && most >= elementsMost
	return h
}

func familyOf(value []byte) bgp.Family {
	switch {
	case len(value) > 0 && value[0] == unix.AF_INET:
		return bgp.IPv4Unicast
	case len(value) > 0 && value[0] == unix.AF_INET6:
		return bgp.IPv6Unicast
	}
	return bgp.FamilyInvalid
}

func parseSize(data []byte) (most, count uint32) {
	for a := range attributes(data) {
		if len(a.Value) < 4 {
			continue
		}
		switch a.Type & nl.NLA_TYPE_MASK {
		case nl.IPSET_ATTR_MAXELEM:
			most = binary.BigEndian.Uint32(a.Value)
		case nl.IPSET_ATTR_ELEMENTS:
			count = binary.BigEndian.Uint32(a.Value)
		}
	}
	return most, count
}

func (k *ipset) members(name string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	err := k.command(nl.IPSET_CMD_LIST, unix.NLM_F_ACK|unix.NLM_F_DUMP, named(name), func(msg []byte) {
		for a := range attributes(msg) {
			if a.Type&nl.NLA_TYPE_MASK != nl.IPSET_ATTR_ADT {
				continue
			}
			for entry := range attributes(a.Value) {
				if p := parseEntry(entry.Value); p.IsValid() {
					list = append(list, p)
				}
			}
		}
	})
	return list, err
}

func parseEntry(data []byte) netip.Prefix {
	var address netip.Addr
	bits := -1
	for a := range attributes(data) {
		switch a.Type & nl.NLA_TYPE_MASK {
		case nl.IPSET_ATTR_IP:
			for inner := range attributes(a.Value) {
				address, _ = netip.AddrFromSlice(inner.Value)
			}
		case nl.IPSET_ATTR_CIDR:
			if len(a.Value) > 0 {
				bits = int(a.Value[0])
			}
		}
	}
	if bits < 0 {
		bits = address.BitLen()
	}
	return netip.PrefixFrom(address, bits)
}

// attributes are what a message holds, up to the first that is cut off. The library's
// own needs a goroutine for each level, which with 10,000 members is most of the work.
func attributes(data []byte) iter.Seq[nl.Attribute] {
	return func(yield func(nl.Attribute) bool) {
		for len(data) >= 4 {
			length := int(binary.NativeEndian.Uint16(data))
			if length < 4 || length > len(data) {
				return
			}
			if !yield(nl.Attribute{Type: binary.NativeEndian.Uint16(data[2:]), Value: data[4:length]}) {
				return
			}
			data = data[min((length+3)&^3, len(data)):]
		}
	}
}
