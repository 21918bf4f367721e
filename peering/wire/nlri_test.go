package wire_test

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"heddle/bgp"
	"heddle/peering/wire"
)

// drawPrefixes is prefixes of one family, of every length, host bits zero.
func drawPrefixes(t *rapid.T, six bool, least, most int) []netip.Prefix {
	size := 4
	if six {
		size = 16
	}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) netip.Prefix {
		bits := rapid.OneOf(rapid.Just(8*size), rapid.IntRange(0, 8*size)).Draw(t, "bits")
		addr, _ := netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "address"))
		return netip.PrefixFrom(addr, bits).Masked()
	}).Filter(isUnicast), least, most).Draw(t, "prefixes")
}

// isUnicast says whether a table of unicast routes may hold a prefix.
func isUnicast(p netip.Prefix) bool {
	for _, text := range []string{"224.0.0.0/4", "ff00::/8", "fe80::/10"} {
		if q := netip.MustParsePrefix(text); q.Bits() <= p.Bits() && q.Contains(p.Addr()) {
			return false
		}
	}
	return true
}

func familyOf(six bool) bgp.Family {
	if six {
		return bgp.IPv6Unicast
	}
	return bgp.IPv4Unicast
}

// walk4 and walk6 are a run read with Next4 and Next6.
func walk4(n wire.NLRI) []netip.Prefix {
	var list []netip.Prefix
	for len(n) > 0 {
		var addr uint32
		var bits uint8
		addr, bits, n = n.Next4()
		list = append(list, netip.PrefixFrom(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, addr))), int(bits)))
	}
	return list
}

func walk6(n wire.NLRI) []netip.Prefix {
	var list []netip.Prefix
	for len(n) > 0 {
		var hi, lo uint64
		var bits uint8
		hi, lo, bits, n = n.Next6()
		octets := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, hi), lo)
		list = append(list, netip.PrefixFrom(netip.AddrFrom16([16]byte(octets)), int(bits)))
	}
	return list
}

func walkNLRI(n wire.NLRI, six bool) []netip.Prefix {
	if six {
		return walk6(n)
	}
	return walk4(n)
}

func TestEveryWayThroughNLRISeesTheSamePrefixes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		six := rapid.Bool().Draw(t, "ipv6")
		want := drawPrefixes(t, six, 0, 20)
		var n wire.NLRI
		for _, p := range want {
			n = n.AppendPrefix(p)
		}
		var texts []string
		for _, p := range want {
			texts = append(texts, p.String())
		}
		if !slices.Equal(n, run(texts...)) {
			t.Fatalf("%v is written as %x", want, n)
		}
		if got := walkNLRI(n, six); !slices.Equal(got, want) {
			t.Fatalf("Next reads %v, want %v", got, want)
		}
		if got := n.Prefixes(familyOf(six)); !slices.Equal(got, want) {
			t.Fatalf("Prefixes reads %v, want %v", got, want)
		}
	})
}

// RFC 4271 §4.3: bits beyond the length are irrelevant. Two spellings of a prefix
// must be one, or a withdrawal would miss its announcement.
func TestBitsBeyondThePrefixAreCleared(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		six := rapid.Bool().Draw(t, "ipv6")
		want := drawPrefixes(t, six, 1, 10)
		var n wire.NLRI
		for _, p := range want {
			at := len(n)
			n = n.AppendPrefix(p)
			if free := len(n[at+1:])*8 - p.Bits(); free > 0 {
				n[len(n)-1] |= rapid.Byte().Draw(t, "noise") & (1<<free - 1)
			}
		}
		if got := walkNLRI(n, six); !slices.Equal(got, want) {
			t.Fatalf("%x: Next reads %v, want %v", []byte(n), got, want)
		}
		if got := n.Prefixes(familyOf(six)); !slices.Equal(got, want) {
			t.Fatalf("%x: Prefixes reads %v, want %v", []byte(n), got, want)
		}
	})
}

func TestAppendPrefixMasks(t *testing.T) {
	n := wire.NLRI(nil).AppendPrefix(netip.MustParsePrefix("10.255.255.255/9")).AppendPrefix(netip.MustParsePrefix("10.1.2.3/0"))
	if want := []byte{9, 10, 128, 0}; !slices.Equal(n, want) {
		t.Errorf("written as %x, want %x", []byte(n), want)
	}
}
