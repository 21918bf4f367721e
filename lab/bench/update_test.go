package bench

import (
	"math/bits"
	"slices"
	"testing"

	"heddle/bgp"
	"heddle/peering/wire"
)

const testASN bgp.ASN = 64512

// routesIn lists the routes of spans.
func routesIn(spans []span) (list []uint32) {
	for _, s := range spans {
		for left := s.mask; left != 0; left &= left - 1 {
			list = append(list, s.word*64+uint32(bits.TrailingZeros64(left)))
		}
	}
	slices.Sort(list)
	return list
}

// bodies cuts messages off octets.
func bodies(t *testing.T, octets []byte) (list [][]byte) {
	t.Helper()
	for len(octets) > 0 {
		length, typ, fault := wire.ParseHeader(octets, wire.MaxMessage)
		if fault != nil || typ != wire.TypeUpdate {
			t.Fatalf("message is %v, %v", typ, fault)
		}
		list = append(list, octets[wire.HeaderLength:length])
		octets = octets[length:]
	}
	return list
}

// reflect is what a reflector makes of an attribute list, and of next hop and NLRI.
func reflect(t *testing.T, family bgp.Family, octets []byte) []byte {
	t.Helper()
	d := wire.Decoder{FourOctetAS: true, Internal: true, Families: bgp.FamiliesOf(family)}
	p := wire.Packer{Limit: wire.MaxMessage}
	for _, body := range bodies(t, octets) {
		var batch wire.Batch
		if faults := d.Update(body, &batch); len(faults) > 0 {
			t.Fatalf("what we build is malformed: %v", faults)
		}
		for _, item := range batch.Items {
			if item.Kind == wire.Withdrawn {
				p.Withdraw(family)
			} else {
				attrs := &batch.Attrs[item.Attrs]
				list := wire.AppendReflected(nil, attrs, wire.Reflection{Originator: routerID(3), Cluster: 7})
				p.Announce(family, list, attrs.NextHop)
			}
			for _, prefix := range item.NLRI.Prefixes(family) {
				add(&p, family, prefix.Addr().AsSlice())
			}
			p.Close()
		}
	}
	return p.Octets
}

func add(p *wire.Packer, family bgp.Family, addr []byte) {
	n := uint32(addr[len(addr)-4])<<24 | uint32(addr[len(addr)-3])<<16 | uint32(addr[len(addr)-2])<<8 | uint32(addr[len(addr)-1])
	if family == bgp.IPv4Unicast {
		p.Add4(n, hostBits4)
		return
	}
	p.Add6(routeNet6, uint64(n), hostBits6)
}

func TestWhatIsBuiltAndReflectedIsRecognised(t *testing.T) {
	for _, family := range bgp.Families {
		t.Run(family.String(), func(t *testing.T) {
			sets := newAttrSets(family, testASN)
			id := sets.id(attrKey{owner: 3, group: 2, version: 5, pref: defaultPref})
			sets.id(attrKey{owner: 4, group: 2, version: 5, pref: defaultPref})
			var changes []change
			for route := range uint32(1000) {
				changes = append(changes, change{route * 3, id})
			}
			changes = append(changes, change{7, absent}, change{8, absent})
			r := reader{sets: sets, routes: 3000}
			var announced, withdrawn []uint32
			for _, body := range bodies(t, reflect(t, family, sets.build(changes))) {
				var s summary
				if !r.update(body, &s) || s.strange || len(s.announced) > 0 && s.attr != id {
					t.Fatalf("summary is %+v, want attributes %d", s, id)
				}
				announced = append(announced, routesIn(s.announced)...)
				withdrawn = append(withdrawn, routesIn(s.withdrawn)...)
			}
			if len(announced) != 1000 || announced[999] != 999*3 || !slices.Equal(withdrawn, []uint32{7, 8}) {
				t.Errorf("%d announced up to %d, withdrawn %d", len(announced), announced[len(announced)-1], withdrawn)
			}
		})
	}
}

func TestAttributesThatDidNotSurviveAreNotRecognised(t *testing.T) {
	sets := newAttrSets(bgp.IPv4Unicast, testASN)
	key := attrKey{owner: 3, pref: defaultPref}
	id := sets.id(key)
	originator := append([]byte{0x80, 9, 4}, clientAddr(3).AsSlice()...)
	cluster := []byte{0x80, 10, 4, 1, 2, 3, 4}
	list := sets.encode(key)
	join := func(parts ...[]byte) []byte { return slices.Concat(parts...) }
	for _, c := range []struct {
		name   string
		list   []byte
		copied bool
		want   attrID
	}{
		{"reflected", join(list, originator, cluster), false, id},
		{"in another order", join(cluster, originator, list), false, id},
		{"with a MED of nought", join(list, []byte{0x80, 4, 4, 0, 0, 0, 0}, originator, cluster), false, id},
		{"with a MED", join(list, []byte{0x80, 4, 4, 0, 0, 0, 1}, originator, cluster), false, absent},
		{"without ORIGINATOR_ID", join(list, cluster), false, absent},
		{"of another's ORIGINATOR_ID", join(list, []byte{0x80, 9, 4, 127, 1, 0, 1}, cluster), false, absent},
		{"without CLUSTER_LIST", join(list, originator), false, absent},
		{"with a community", join(list, []byte{0xc0, 8, 4, 0, 0, 0, 1}, originator, cluster), false, absent},
		{"without LOCAL_PREF", join(list[:len(list)-7], originator, cluster), false, absent},
		{"copied by a hub", list, true, id},
		{"copied by a reflector", list, false, absent},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s signature
			if !s.list(c.list) {
				t.Fatal("the list is called malformed")
			}
			if got := sets.find(&s, c.copied); got != c.want {
				t.Errorf("recognised as %d, want %d", got, c.want)
			}
		})
	}
}

func TestMalformedAndForeignUpdatesAreFound(t *testing.T) {
	sets := newAttrSets(bgp.IPv4Unicast, testASN)
	r := reader{sets: sets, routes: 100}
	for _, c := range []struct {
		name        string
		body        []byte
		ok, strange bool
	}{
		{"End-of-RIB", []byte{0, 0, 0, 0}, true, false},
		{"too short", []byte{0, 0, 0}, false, false},
		{"withdrawn length beyond the end", []byte{0, 9, 0, 0}, false, false},
		{"attribute length beyond the end", []byte{0, 0, 0, 9}, false, false},
		{"a prefix cut off", []byte{0, 3, 32, 100, 64, 0, 0}, false, true},
		{"a prefix longer than an address", []byte{0, 6, 33, 1, 2, 3, 4, 5, 0, 0}, false, true},
		{"a prefix of nobody", []byte{0, 5, 32, 100, 64, 1, 0, 0, 0}, true, true},
		{"a default route", []byte{0, 1, 0, 0, 0}, true, true},
		{"a withdrawal of ours", []byte{0, 5, 32, 100, 64, 0, 99, 0, 0}, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s summary
			if ok := r.update(c.body, &s); ok != c.ok || s.strange != c.strange {
				t.Errorf("ok is %t, strange is %t; want %t, %t", ok, s.strange, c.ok, c.strange)
			}
		})
	}
}

func FuzzUpdate(f *testing.F) {
	sets := newAttrSets(bgp.IPv6Unicast, testASN)
	id := sets.id(attrKey{owner: 1, pref: defaultPref})
	r := reader{sets: sets, routes: 1000}
	f.Add(sets.build([]change{{1, id}, {2, id}})[wire.HeaderLength:])
	f.Add(sets.build([]change{{1, absent}})[wire.HeaderLength:])
	f.Fuzz(func(t *testing.T, body []byte) {
		var s summary
		if !r.update(body, &s) {
			return
		}
		for _, route := range append(routesIn(s.announced), routesIn(s.withdrawn)...) {
			if int(route) >= r.routes {
				t.Errorf("route %d of %d", route, r.routes)
			}
		}
	})
}

func TestACachedUpdateCostsNoMemory(t *testing.T) {
	sets := newAttrSets(bgp.IPv4Unicast, testASN)
	id := sets.id(attrKey{owner: 1, pref: defaultPref})
	var changes []change
	for route := range uint32(500) {
		changes = append(changes, change{route, id})
	}
	l := newLedger(sets, 500)
	h := &holdings{client: 2}
	l.fresh(h)
	l.begin(changes, []*holdings{h})
	body := sets.build(changes)[wire.HeaderLength:]
	r, c := reader{sets: sets, routes: 500, copied: true}, newCache()
	first := c.read(&r, body)
	if n := testing.AllocsPerRun(100, func() { l.apply(c.read(&r, body), h) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if c.read(&r, body) != first || h.bad != 0 {
		t.Errorf("the message is read again, or %d routes are bad", h.bad)
	}
}
