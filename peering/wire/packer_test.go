package wire_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"heddle/bgp"
	"heddle/peering/wire"
)

// pack adds prefixes of one family to the open run.
func pack(p *wire.Packer, prefixes []netip.Prefix) {
	for _, prefix := range prefixes {
		if prefix.Addr().Is4() {
			octets := prefix.Addr().As4()
			p.Add4(binary.BigEndian.Uint32(octets[:]), uint8(prefix.Bits()))
			continue
		}
		octets := prefix.Addr().As16()
		p.Add6(binary.BigEndian.Uint64(octets[:8]), binary.BigEndian.Uint64(octets[8:]), uint8(prefix.Bits()))
	}
}

// messages cuts a stream in its UPDATEs.
func messages(t interface {
	Helper()
	Fatalf(string, ...any)
}, stream []byte, limit int,
) [][]byte {
	t.Helper()
	var list [][]byte
	for len(stream) > 0 {
		length, typ, fault := wire.ParseHeader(stream, limit)
		if fault != nil || typ != wire.TypeUpdate || length > len(stream) {
			t.Fatalf("message %d: %s of %d octets, %d left, %v", len(list), typ, length, len(stream), fault)
		}
		list = append(list, stream[:length])
		stream = stream[length:]
	}
	return list
}

// padded is attributes of exactly so many octets, the shortest but for padding in
// one nobody knows.
func padded(size int) []byte {
	l := plain().octets()
	if size <= len(l) {
		return l
	}
	return append(l, attr(optionalPassed|partial|extended, 99, make([]byte, max(0, size-len(l)-4))...)...)
}

var hop6 = netip.MustParseAddr("2001:db8::9")

// What is packed arrives: every prefix once, in order, with its attributes; in
// messages that keep the limit, none of which was closed while the next prefix
// still fitted.
func TestPackedPrefixesArrive(t *testing.T) {
	type part struct {
		six, withdraw bool
		attrs         []byte
		prefixes      []netip.Prefix
	}
	d := decoder(true)
	rapid.Check(t, func(t *rapid.T) {
		p := wire.Packer{Limit: rapid.SampledFrom([]int{wire.MaxMessage, wire.MaxExtendedMessage}).Draw(t, "limit")}
		var parts []part
		ends := []int{}
		for range rapid.IntRange(1, 4).Draw(t, "runs") {
			r := part{six: rapid.Bool().Draw(t, "ipv6"), withdraw: rapid.Bool().Draw(t, "withdraw")}
			r.attrs = padded(rapid.OneOf(rapid.IntRange(0, 400), rapid.IntRange(p.Limit-200, p.Limit-60)).Draw(t, "attributes"))
			r.prefixes = drawPrefixes(t, r.six, 0, 60)
			// A few prefixes over and over fill messages without drawing thousands.
			r.prefixes = slices.Repeat(r.prefixes, rapid.IntRange(1, 40).Draw(t, "times"))
			switch {
			case r.withdraw:
				p.Withdraw(familyOf(r.six))
			case !p.Fits(familyOf(r.six), r.attrs):
				continue
			default:
				p.Announce(familyOf(r.six), r.attrs, hop6)
			}
			pack(&p, r.prefixes)
			p.Close()
			if len(r.prefixes) > 0 {
				parts, ends = append(parts, r), append(ends, len(p.Octets))
			}
		}
		list := messages(t, p.Octets, p.Limit)
		if len(list) != p.Messages {
			t.Fatalf("%d messages, the packer counts %d", len(list), p.Messages)
		}
		at := 0
		for i, r := range parts {
			var got []netip.Prefix
			room := 0 // left in the message before
			for first := true; at < ends[i]; first = false {
				m := list[0]
				list, at = list[1:], at+len(m)
				var batch wire.Batch
				if faults := d.Update(m[19:], &batch); len(faults) > 0 || len(batch.Items) != 1 {
					t.Fatalf("%x: %s, %d items", m, texts(faults), len(batch.Items))
				}
				item := batch.Items[0]
				if (item.Kind == wire.Withdrawn) != r.withdraw || item.Family != familyOf(r.six) {
					t.Fatalf("item is %+v", item)
				}
				if !r.withdraw {
					a := batch.Attrs[item.Attrs]
					if want := onlyFor(r.six, r.attrs); !bytes.Equal(append(a.Before, a.After...), want) || (r.six && a.NextHop != hop6) {
						t.Fatalf("attributes are %x │ %x via %s, want %x", a.Before, a.After, a.NextHop, want)
					}
				}
				these := item.NLRI.Prefixes(item.Family)
				if need := 1 + (these[0].Bits()+7)/8; !first && need <= room {
					t.Fatalf("%s would have fitted in %d octets of the message before", these[0], room)
				}
				got, room = append(got, these...), p.Limit-len(m)
			}
			if !slices.Equal(got, r.prefixes) {
				t.Fatalf("run %d arrives as %v, want %v", i, got, r.prefixes)
			}
		}
	})
}

// onlyFor leaves NEXT_HOP out where the family has none.
func onlyFor(six bool, attrs []byte) []byte {
	if !six {
		return attrs
	}
	hop := attr(wellKnown, bgp.AttrNextHop, 192, 0, 2, 9)
	return bytes.Replace(attrs, hop, nil, 1)
}

// The figures of the design: about 800 host routes in a message, about 230 of IPv6.
func TestHowManyHostRoutesAMessageHolds(t *testing.T) {
	for _, c := range []struct {
		family   bgp.Family
		withdraw bool
		want     int
	}{
		{bgp.IPv4Unicast, false, (4096 - 23 - 39) / 5},
		{bgp.IPv4Unicast, true, (4096 - 23) / 5},
		{bgp.IPv6Unicast, false, (4096 - 23 - 25 - 39) / 17},
		{bgp.IPv6Unicast, true, (4096 - 23 - 7) / 17},
	} {
		p := wire.Packer{Limit: wire.MaxMessage}
		attrs := padded(39)
		if len(attrs) != 39 {
			t.Fatalf("%d octets of attributes", len(attrs))
		}
		if c.withdraw {
			p.Withdraw(c.family)
		} else {
			p.Announce(c.family, attrs, hop6)
		}
		n := 0
		for p.Messages == 0 {
			if c.family == bgp.IPv4Unicast {
				p.Add4(uint32(n), 32)
			} else {
				p.Add6(0xfd<<56, uint64(n), 128)
			}
			n++
		}
		if n-1 != c.want {
			t.Errorf("%s, withdraw %t: %d prefixes in a message, want %d", c.family, c.withdraw, n-1, c.want)
		}
	}
}

// Fits is exact for host routes: what fits makes a message within the limit, an
// octet more does not.
func TestFitsLeavesRoomForOnePrefix(t *testing.T) {
	for _, limit := range []int{wire.MaxMessage, wire.MaxExtendedMessage} {
		for _, six := range []bool{false, true} {
			most := limit - 23 - 5
			if six {
				most = limit - 23 - 25 - 17
			}
			t.Run(fmt.Sprintf("limit %d, IPv6 %t", limit, six), func(t *testing.T) {
				p := wire.Packer{Limit: limit}
				if p.Fits(familyOf(six), make([]byte, most+1)) {
					t.Errorf("%d octets of attributes fit", most+1)
				}
				attrs := padded(most)
				if len(attrs) != most || !p.Fits(familyOf(six), attrs) {
					t.Fatalf("%d octets of attributes don't fit", len(attrs))
				}
				p.Announce(familyOf(six), attrs, hop6)
				want := []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("10.0.0.2/32")}
				if six {
					want = []netip.Prefix{netip.MustParsePrefix("fd00::1/128"), netip.MustParsePrefix("fd00::2/128")}
				}
				pack(&p, want)
				p.Close()
				list := messages(t, p.Octets, limit)
				if len(list) != 2 || len(list[0]) != limit || len(list[1]) != limit {
					t.Errorf("%d messages, the first of %d octets", len(list), len(list[0]))
				}
			})
		}
	}
}

func TestAPackerWithoutARunHasNothingToClose(t *testing.T) {
	p := wire.Packer{Limit: wire.MaxMessage}
	p.Close()
	p.Withdraw(bgp.IPv4Unicast)
	p.Close()
	p.Announce(bgp.IPv6Unicast, plain().octets(), hop6)
	p.Close()
	p.Close()
	if len(p.Octets) != 0 || p.Messages != 0 {
		t.Errorf("%d messages: %x", p.Messages, p.Octets)
	}
}

// The caller takes the octets between runs, and the packer goes on.
func TestOctetsMayBeTakenBetweenRuns(t *testing.T) {
	p := wire.Packer{Limit: wire.MaxMessage}
	var all []byte
	for i := range 3 {
		p.Withdraw(bgp.IPv4Unicast)
		p.Add4(uint32(i)<<24, 8)
		p.Close()
		all = append(all, p.Octets...)
		p.Octets = p.Octets[:0]
	}
	var batch wire.Batch
	for _, m := range messages(t, all, wire.MaxMessage) {
		decoder(true).Update(m[19:], &batch)
	}
	equal(t, "the stream says", words(t, &batch), "withdraw 0.0.0.0/8\nwithdraw 1.0.0.0/8\nwithdraw 2.0.0.0/8")
}

func TestEndOfRIBIsReadAsWritten(t *testing.T) {
	for _, f := range bgp.Families {
		message := wire.AppendEndOfRIB([]byte("before"), f)[len("before"):]
		if _, _, fault := wire.ParseHeader(message, wire.MaxMessage); fault != nil || int(binary.BigEndian.Uint16(message[16:])) != len(message) {
			t.Fatalf("message is %x", message)
		}
		var batch wire.Batch
		decoder(true).Update(message[19:], &batch)
		equal(t, "read as", words(t, &batch), "end of "+f.String())
	}
}

// RFC 7606 §5.1: who finds a fault behind MP_REACH_NLRI or MP_UNREACH_NLRI knows already
// which routes it concerns.
func TestReachabilityStandsFirst(t *testing.T) {
	prefixes := []netip.Prefix{netip.MustParsePrefix("fd00::1/128"), netip.MustParsePrefix("fd00::2/128")}
	for _, withdraw := range []bool{false, true} {
		p := wire.Packer{Limit: wire.MaxMessage}
		typ := bgp.AttrMPReach
		if withdraw {
			p.Withdraw(bgp.IPv6Unicast)
			typ = bgp.AttrMPUnreach
		} else {
			p.Announce(bgp.IPv6Unicast, plain().without(bgp.AttrNextHop).octets(), hop6)
		}
		pack(&p, prefixes)
		p.Close()
		for _, m := range messages(t, p.Octets, wire.MaxMessage) {
			if first := bgp.AttrType(m[wire.HeaderLength+5]); first != typ || m[wire.HeaderLength] != 0 || m[wire.HeaderLength+1] != 0 {
				t.Errorf("%s stands first, want %s: % x", first, typ, m)
			}
		}
	}
}
