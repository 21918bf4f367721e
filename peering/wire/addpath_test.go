package wire_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	gobgp "github.com/osrg/gobgp/v3/pkg/packet/bgp"
	"pgregory.net/rapid"

	"heddle/bgp"
	"heddle/peering/wire"
)

// pathed is a prefix with its path identifier.
type pathed struct {
	id     uint32
	prefix netip.Prefix
}

// readPathed reads a message as GoBGP does where add-path was agreed on.
func readPathed(t tester, m []byte) (announced, withdrawn []pathed) {
	t.Helper()
	options := &gobgp.MarshallingOption{AddPath: map[gobgp.RouteFamily]gobgp.BGPAddPathMode{
		gobgp.RF_IPv4_UC: gobgp.BGP_ADD_PATH_RECEIVE, gobgp.RF_IPv6_UC: gobgp.BGP_ADD_PATH_RECEIVE,
	}}
	read, err := gobgp.ParseBGPMessage(m, options)
	if err != nil {
		t.Fatalf("GoBGP can't read %x: %v", m, err)
	}
	u := read.Body.(*gobgp.BGPUpdate)
	for _, n := range u.NLRI {
		announced = append(announced, pathedOf(n))
	}
	for _, n := range u.WithdrawnRoutes {
		withdrawn = append(withdrawn, pathedOf(n))
	}
	for _, a := range u.PathAttributes {
		switch v := a.(type) {
		case *gobgp.PathAttributeMpReachNLRI:
			for _, n := range v.Value {
				announced = append(announced, pathedOf(n))
			}
		case *gobgp.PathAttributeMpUnreachNLRI:
			for _, n := range v.Value {
				withdrawn = append(withdrawn, pathedOf(n))
			}
		}
	}
	return announced, withdrawn
}

func pathedOf(n gobgp.AddrPrefixInterface) pathed {
	return pathed{n.PathIdentifier(), netip.MustParsePrefix(n.String())}
}

// drawPathed is prefixes, some of them several times, with identifiers.
func drawPathed(t *rapid.T, six bool) []pathed {
	var list []pathed
	for _, p := range drawPrefixes(t, six, 1, 30) {
		for range rapid.IntRange(1, 3).Draw(t, "paths") {
			list = append(list, pathed{rapid.Uint32().Draw(t, "id"), p})
		}
	}
	return slices.Repeat(list, rapid.IntRange(1, 30).Draw(t, "times"))
}

func packPathed(p *wire.Packer, list []pathed) {
	for _, x := range list {
		p.Path = x.id
		pack(p, []netip.Prefix{x.prefix})
	}
}

// What is packed with path identifiers arrives with them, beside runs without; in
// messages that keep the limit, none of which was closed while the next prefix
// still fitted.
func TestPathIdentifiersArrive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := wire.Packer{Limit: rapid.SampledFrom([]int{wire.MaxMessage, wire.MaxExtendedMessage}).Draw(t, "limit")}
		for range rapid.IntRange(1, 3).Draw(t, "runs") {
			six, withdraw := rapid.Bool().Draw(t, "ipv6"), rapid.Bool().Draw(t, "withdraw")
			p.PathIDs = rapid.Bool().Draw(t, "path identifiers")
			p.Octets, p.Messages = p.Octets[:0], 0
			attrs := padded(rapid.OneOf(rapid.IntRange(0, 400), rapid.IntRange(p.Limit-200, p.Limit-60)).Draw(t, "attributes"))
			want := drawPathed(t, six)
			switch {
			case withdraw:
				p.Withdraw(familyOf(six))
			case !p.Fits(familyOf(six), attrs):
				continue
			default:
				p.Announce(familyOf(six), attrs, hop6)
			}
			packPathed(&p, want)
			p.Close()
			list := messages(t, p.Octets, p.Limit)
			if len(list) != p.Messages {
				t.Fatalf("%d messages, the packer counts %d", len(list), p.Messages)
			}
			if !p.PathIDs {
				checkPlain(t, list, want)
				continue
			}
			checkPathed(t, list, want, withdraw, p.Limit)
		}
	})
}

func checkPathed(t *rapid.T, list [][]byte, want []pathed, withdraw bool, limit int) {
	var got []pathed
	for i, m := range list {
		announced, withdrawn := readPathed(t, m)
		these, others := announced, withdrawn
		if withdraw {
			these, others = withdrawn, announced
		}
		if len(these) == 0 || len(others) > 0 {
			t.Fatalf("message %x announces %v and withdraws %v", m, announced, withdrawn)
		}
		if need := 4 + 1 + (these[0].prefix.Bits()+7)/8; i > 0 && need <= limit-len(list[i-1]) {
			t.Fatalf("%s would have fitted in the message before, of %d octets", these[0].prefix, len(list[i-1]))
		}
		got = append(got, these...)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("arrives as %v, want %v", got, want)
	}
	if ours := decodePathed(t, list); !slices.Equal(ours, want) {
		t.Fatalf("we read %v, want %v", ours, want)
	}
}

// decodePathed reads messages as we do where add-path was agreed on.
func decodePathed(t *rapid.T, list [][]byte) (got []pathed) {
	var batch wire.Batch
	d := decoder(true)
	d.AddPath = both
	for _, m := range list {
		if faults := d.Update(m[wire.HeaderLength:], &batch); len(faults) > 0 {
			t.Fatalf("%x: %s", m, texts(faults))
		}
	}
	for _, item := range batch.Items {
		for n := item.NLRI; len(n) > 0; {
			var x pathed
			var bits uint8
			if x.id, n = n.NextPath(); item.Family == bgp.IPv4Unicast {
				var addr uint32
				addr, bits, n = n.Next4()
				x.prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, addr))), int(bits))
			} else {
				var hi, lo uint64
				hi, lo, bits, n = n.Next6()
				octets := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, hi), lo)
				x.prefix = netip.PrefixFrom(netip.AddrFrom16([16]byte(octets)), int(bits))
			}
			if !item.PathIDs {
				t.Fatalf("%v is said to have no path identifiers", item)
			}
			got = append(got, x)
		}
	}
	return got
}

// checkPlain reads messages without path identifiers.
func checkPlain(t *rapid.T, list [][]byte, want []pathed) {
	var batch wire.Batch
	d := decoder(true)
	for _, m := range list {
		if faults := d.Update(m[wire.HeaderLength:], &batch); len(faults) > 0 {
			t.Fatalf("%x: %s", m, texts(faults))
		}
	}
	var got []netip.Prefix
	for _, item := range batch.Items {
		got = append(got, item.NLRI.Prefixes(item.Family)...)
	}
	if !slices.EqualFunc(got, want, func(p netip.Prefix, x pathed) bool { return p == x.prefix }) {
		t.Fatalf("arrives as %v, want %v", got, want)
	}
}

// Fits counts the identifier: what fits fills a message to the limit.
func TestFitsLeavesRoomForAPathIdentifier(t *testing.T) {
	for _, limit := range []int{wire.MaxMessage, wire.MaxExtendedMessage} {
		for _, six := range []bool{false, true} {
			t.Run(fmt.Sprintf("limit %d, IPv6 %t", limit, six), func(t *testing.T) {
				most, want := limit-23-9, []pathed{{1, netip.MustParsePrefix("10.0.0.1/32")}, {0xffffffff, netip.MustParsePrefix("10.0.0.1/32")}}
				if six {
					most, want = limit-23-25-21, []pathed{{1, netip.MustParsePrefix("fd00::1/128")}, {0xffffffff, netip.MustParsePrefix("fd00::1/128")}}
				}
				p := wire.Packer{Limit: limit, PathIDs: true}
				attrs := padded(most)
				if len(attrs) != most || !p.Fits(familyOf(six), attrs) || p.Fits(familyOf(six), make([]byte, most+1)) {
					t.Fatalf("%d octets of attributes fit: %t, one more: %t", len(attrs), p.Fits(familyOf(six), attrs), p.Fits(familyOf(six), make([]byte, most+1)))
				}
				p.Announce(familyOf(six), attrs, hop6)
				packPathed(&p, want)
				p.Close()
				var got []pathed
				for _, m := range messages(t, p.Octets, limit) {
					if len(m) != limit {
						t.Errorf("a message of %d octets, want %d", len(m), limit)
					}
					announced, _ := readPathed(t, m)
					got = append(got, announced...)
				}
				if !slices.Equal(got, want) {
					t.Errorf("arrives as %v, want %v", got, want)
				}
			})
		}
	}
}

func TestPackingPathIdentifiersAllocatesNothing(t *testing.T) {
	attrs := plain().octets()
	p := wire.Packer{Limit: wire.MaxMessage, PathIDs: true}
	if n := testing.AllocsPerRun(100, func() {
		p.Octets = p.Octets[:0]
		p.Announce(bgp.IPv4Unicast, attrs, hop6)
		for i := range uint32(1000) {
			p.Path = i
			p.Add4(i, 32)
		}
		p.Close()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
