package wire

import (
	"encoding/binary"
	"net/netip"

	"heddle/bgp"
)

// Packer packs prefixes that share a fate into as few UPDATEs as the message
// limit allows. It appends to Octets, which the caller takes and replaces.
//
//	p.Announce(IPv4Unicast, attributes, nextHop)   or   p.Withdraw(family)
//	p.Add4(…) or p.Add6(…)   as often as there are prefixes
//	p.Close()
//
// Where add-path was agreed on for the family, PathIDs is set before the run and
// Path before each prefix, announced or withdrawn: it goes in front of the prefix,
// in four octets (RFC 7911 §3).
//
// The attributes of IPv6 routes follow MP_REACH_NLRI, which RFC 7606 §5.1 wants
// first:
//
//	IPv4   header │ 0 │ length │ attributes          │ NLRI…
//	IPv6   header │ 0 │ length │ MP_REACH_NLRI(NLRI…) │ attributes
type Packer struct {
	Octets  []byte
	Limit   int    // longest message, in octets
	PathIDs bool   // prefixes have path identifiers; constant within a run
	Path    uint32 // path identifier of the next prefix

	family   bgp.Family
	withdraw bool
	attrs    []byte // alias of the caller's, until Close
	nextHop  [16]byte
	open     bool // a message is
	start    int  // of the open message in Octets
	nlri     int  // where its NLRI begin
	room     int  // Octets may grow to this before the message is full
	ample    int  // while Octets are no longer than this, a prefix is just added
	Messages int  // messages closed so far
}

const (
	widest4 = 5  // octets of a /32
	widest6 = 17 // octets of a /128
	mpHead6 = 4 + 2 + 1 + 1 + 16 + 1
	mpHead  = 4 + 2 + 1
	pathID  = 4
	nothing = -1 // an ample that no Octets are below
)

// Fits says whether an attribute list leaves room for at least one prefix. What
// does not fit is withdrawn by the caller, never truncated (RFC 8654 §5).
func (p *Packer) Fits(family bgp.Family, attrs []byte) bool {
	need := HeaderLength + 4 + len(attrs) + widest4
	if family != bgp.IPv4Unicast {
		need += mpHead6 + widest6 - widest4
	}
	if p.PathIDs {
		need += pathID
	}
	return need <= p.Limit
}

// Announce begins a run of reachable prefixes. attrs is the encoded attribute
// list, which for IPv4 includes NEXT_HOP and must Fit.
func (p *Packer) Announce(family bgp.Family, attrs []byte, nextHop netip.Addr) {
	p.begin(family, false, attrs)
	if family == bgp.IPv6Unicast {
		p.nextHop = nextHop.As16()
	}
}

// Withdraw begins a run of unreachable prefixes.
func (p *Packer) Withdraw(family bgp.Family) {
	p.begin(family, true, nil)
}

func (p *Packer) begin(family bgp.Family, withdraw bool, attrs []byte) {
	p.family, p.withdraw, p.attrs = family, withdraw, attrs
	p.open, p.ample = false, nothing
}

// Add4 adds an IPv4 prefix, host bits zero.
func (p *Packer) Add4(addr uint32, bits uint8) {
	if len(p.Octets) > p.ample {
		p.prepare(bits)
	}
	if bits == 32 {
		p.Octets = append(p.Octets, 32, byte(addr>>24), byte(addr>>16), byte(addr>>8), byte(addr))
		return
	}
	p.Octets = append(p.Octets, bits)
	for size := (int(bits) + 7) / 8; size > 0; size-- {
		p.Octets = append(p.Octets, byte(addr>>24))
		addr <<= 8
	}
}

// Add6 adds an IPv6 prefix, host bits zero, as the halves of its address.
func (p *Packer) Add6(hi, lo uint64, bits uint8) {
	if len(p.Octets) > p.ample {
		p.prepare(bits)
	}
	p.Octets = append(p.Octets, bits)
	p.Octets = binary.BigEndian.AppendUint64(p.Octets, hi)
	p.Octets = binary.BigEndian.AppendUint64(p.Octets, lo)
	p.Octets = p.Octets[:len(p.Octets)-16+(int(bits)+7)/8]
}

// prepare makes a message that has room for a prefix, and writes what goes in front
// of it. It is wanted where there is no message, where the widest prefix of the
// family might not fit, and for every path identifier, so that who has none pays
// for none.
func (p *Packer) prepare(bits uint8) {
	need := 1 + (int(bits)+7)/8
	if p.PathIDs {
		need += pathID
	}
	if !p.open || len(p.Octets)+need > p.room {
		p.roll()
	}
	if p.PathIDs {
		p.Octets = binary.BigEndian.AppendUint32(p.Octets, p.Path)
	}
}

// roll closes the open message and opens the next.
func (p *Packer) roll() {
	p.Close()
	p.open, p.start = true, len(p.Octets)
	p.Octets = appendHeader(p.Octets, 0, TypeUpdate)
	tail := 0
	switch {
	case p.family == bgp.IPv4Unicast && p.withdraw:
		p.Octets = append(p.Octets, 0, 0)
		tail = 2 // total path attribute length
	case p.family == bgp.IPv4Unicast:
		p.Octets = append(p.Octets, 0, 0)
		p.Octets = binary.BigEndian.AppendUint16(p.Octets, uint16(len(p.attrs)))
		p.Octets = append(p.Octets, p.attrs...)
	case p.withdraw:
		p.Octets = append(p.Octets, 0, 0, 0, 0,
			byte(bgp.FlagOptional|bgp.FlagExtendedLength), byte(bgp.AttrMPUnreach), 0, 0, 0, byte(p.family.AFI()), p.family.SAFI())
	default:
		p.Octets = append(p.Octets, 0, 0, 0, 0,
			byte(bgp.FlagOptional|bgp.FlagExtendedLength), byte(bgp.AttrMPReach), 0, 0, 0, byte(p.family.AFI()), p.family.SAFI(), 16)
		p.Octets = append(p.Octets, p.nextHop[:]...)
		p.Octets = append(p.Octets, 0)
		tail = len(p.attrs)
	}
	p.nlri = len(p.Octets)
	p.room = p.start + p.Limit - tail
	switch {
	case p.PathIDs:
		p.ample = nothing
	case p.family == bgp.IPv4Unicast:
		p.ample = p.room - widest4
	default:
		p.ample = p.room - widest6
	}
}

// Close ends the run and completes its last message.
func (p *Packer) Close() {
	if !p.open {
		return
	}
	body := p.start + HeaderLength
	switch {
	case p.family == bgp.IPv4Unicast && p.withdraw:
		binary.BigEndian.PutUint16(p.Octets[body:], uint16(len(p.Octets)-p.nlri))
		p.Octets = append(p.Octets, 0, 0)
	case p.family == bgp.IPv4Unicast:
	default:
		head := mpHead6
		if p.withdraw {
			head = mpHead
		}
		value := len(p.Octets) - p.nlri + head - 4
		binary.BigEndian.PutUint16(p.Octets[p.nlri-head+2:], uint16(value))
		p.Octets = append(p.Octets, p.attrs...)
		binary.BigEndian.PutUint16(p.Octets[body+2:], uint16(len(p.Octets)-body-4))
	}
	binary.BigEndian.PutUint16(p.Octets[p.start+16:], uint16(len(p.Octets)-p.start))
	p.open, p.ample = false, nothing
	p.Messages++
}

// AppendEndOfRIB appends the End-of-RIB marker of a family (RFC 4724 §2).
func AppendEndOfRIB(dst []byte, family bgp.Family) []byte {
	if family == bgp.IPv4Unicast {
		return append(appendHeader(dst, HeaderLength+4, TypeUpdate), 0, 0, 0, 0)
	}
	dst = appendHeader(dst, HeaderLength+4+6, TypeUpdate)
	return append(dst, 0, 0, 0, 6, byte(bgp.FlagOptional), byte(bgp.AttrMPUnreach), 3, 0, byte(family.AFI()), family.SAFI())
}
