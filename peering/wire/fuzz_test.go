package wire_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"heddle/bgp"
	"heddle/internal/oracle"
	"heddle/peering/wire"
)

// settings is the decoders an UPDATE may meet.
func settings() []*wire.Decoder {
	return []*wire.Decoder{
		{FourOctetAS: true, Internal: true, Families: both, Local: us},
		{FourOctetAS: false, Internal: true, Families: both, Local: hop6},
		{FourOctetAS: true, Internal: false, Families: only4, Local: us},
		{FourOctetAS: false, Internal: false, Families: only6, Local: hop6},
	}
}

// Any octets as an UPDATE: never a panic; what comes of them is well-formed, lies
// within them, and arrives at others as it is here.
func FuzzUpdate(f *testing.F) {
	for _, p := range corpus() {
		if p.typ == wire.TypeUpdate {
			f.Add(p.body)
		}
	}
	for _, p := range oracle.Hostile() {
		if wire.Type(p.Octets[18]) == wire.TypeUpdate {
			f.Add(p.Octets[wire.HeaderLength:])
		}
	}
	f.Add(update(run("10.9.0.0/16"), append(reach6("fd00::/64"), plain().octets()...), run("10.0.0.0/24")))
	f.Add(update(nil, append(attr(optional, bgp.AttrMPReach, reach(1, 1, ip("192.0.2.7"), run("10.0.0.0/24"))...), plain().octets()...), nil))
	f.Add(update(nil, append(reach6("ff02::1/128", "fd00::/64"), plain().octets()...), run("224.0.0.0/4", "10.0.0.0/24")))
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > wire.MaxExtendedMessage-wire.HeaderLength {
			return
		}
		for _, d := range settings() {
			checkUpdate(t, d, body)
		}
		checkPathIDs(t, body)
	})
}

// checkPathIDs reads the octets as of a peer that sends path identifiers.
func checkPathIDs(t *testing.T, body []byte) {
	d := wire.Decoder{FourOctetAS: true, Internal: true, Families: both, AddPath: both, Local: us}
	var batch wire.Batch
	d.Update(bytes.Clone(body), &batch)
	for _, item := range batch.Items {
		if item.PathIDs != (item.Kind == wire.Announced || item.Kind == wire.Withdrawn) {
			t.Fatalf("%+v with path identifiers", item)
		}
		for n := item.NLRI; len(n) > 0; {
			if _, n = n.NextPath(); item.Family == bgp.IPv4Unicast {
				_, _, n = n.Next4()
			} else {
				_, _, _, n = n.Next6()
			}
		}
	}
}

func checkUpdate(t *testing.T, d *wire.Decoder, body []byte) {
	input := slices.Clip(bytes.Clone(body))
	var batch wire.Batch
	faults := d.Update(input, &batch)
	reset := worst(faults).Consequence == wire.ResetSession
	for i, m := range faults {
		if n := m.Notification(); len(wire.AppendNotification(nil, n)) > wire.MaxMessage {
			t.Fatal("a NOTIFICATION that is too long")
		}
		if m.Consequence == wire.ResetSession && i != len(faults)-1 {
			t.Fatal("faults after the session was over")
		}
	}
	if reset && len(batch.Items)+len(batch.Attrs) > 0 {
		t.Fatalf("after a reset the batch says %s", words(t, &batch))
	}
	for _, item := range batch.Items {
		checkItem(t, d, input, item)
	}
	for i := range batch.Attrs {
		checkSet(t, &batch.Attrs[i])
	}
	checkPassedOn(t, d, &batch)

	// What the message before left behind must not show.
	said := words(t, &batch)
	var fresh wire.Batch
	other := wire.Decoder{FourOctetAS: d.FourOctetAS, Internal: d.Internal, Families: d.Families, Local: d.Local}
	other.Update(update(run("10.9.0.0/16"), append(reach6("fd00::/64"), plain().with(attr(optional, bgp.AttrMED, 0, 0, 0, 1)).octets()...), run("10.0.0.0/24")), &fresh)
	fresh.Reset()
	other.Update(bytes.Clone(body), &fresh)
	if again := words(t, &fresh); again != said {
		t.Fatalf("after another message the batch says\n%s, by itself\n%s", again, said)
	}
}

func checkItem(t *testing.T, d *wire.Decoder, input []byte, item wire.Item) {
	if !d.Families.Has(item.Family) {
		t.Fatalf("item of a family that was not negotiated: %+v", item)
	}
	switch item.Kind {
	case wire.EndOfRIB:
		if len(item.NLRI) > 0 {
			t.Fatal("an End-of-RIB with NLRI")
		}
		return
	case wire.Announced, wire.Withdrawn:
	default:
		t.Fatalf("an UPDATE gave %+v", item)
	}
	if len(item.NLRI) == 0 || !within(item.NLRI, input) {
		t.Fatalf("NLRI %x is not part of the message", []byte(item.NLRI))
	}
	longest := 32
	if item.Family == bgp.IPv6Unicast {
		longest = 128
	}
	for _, p := range walkNLRI(item.NLRI, item.Family == bgp.IPv6Unicast) {
		if p.Bits() > longest || p != p.Masked() || (item.Kind == wire.Announced && !isUnicast(p)) {
			t.Fatalf("%s is no prefix", p)
		}
	}
}

// within says whether part lies in the memory of whole.
func within(part, whole []byte) bool {
	for i := range whole {
		if &whole[i] == &part[0] {
			return i+len(part) <= len(whole)
		}
	}
	return false
}

// checkSet holds a set to what bgp.Attrs promises.
func checkSet(t *testing.T, a *bgp.Attrs) {
	last := -1
	for _, half := range []struct {
		octets []byte
		below  int
	}{{a.Before, int(bgp.AttrOriginatorID)}, {a.After, 256}} {
		for _, x := range read(t, half.octets) {
			switch {
			case int(x.typ) <= last, int(x.typ) >= half.below:
				t.Fatalf("attribute %d is out of place in %x │ %x", x.typ, a.Before, a.After)
			case x.typ == bgp.AttrMPReach, x.typ == bgp.AttrMPUnreach, x.typ == bgp.AttrAS4Path, x.typ == bgp.AttrAS4Aggregator, x.typ == bgp.AttrClusterList:
				t.Fatalf("%s is passed on", x.typ)
			case x.flags&0x0f != 0, x.flags&partial != 0 && x.flags&optionalPassed != optionalPassed:
				t.Fatalf("%s is passed on with flags %#02x", x.typ, x.flags)
			}
			last = int(x.typ)
		}
		last = max(last, half.below-1)
	}
	if len(a.Clusters)%4 != 0 || !a.NextHop.IsValid() || len(a.Before)+len(a.After) > wire.MaxExtendedMessage {
		t.Fatalf("clusters %x, next hop %s, %d octets", a.Clusters, a.NextHop, len(a.Before)+len(a.After))
	}
}

// checkPassedOn reflects what was announced and reads it as a peer would.
func checkPassedOn(t *testing.T, d *wire.Decoder, batch *wire.Batch) {
	for _, item := range batch.Items {
		if item.Kind != wire.Announced {
			continue
		}
		a := &batch.Attrs[item.Attrs]
		attrs := wire.AppendReflected(nil, a, wire.Reflection{Originator: 0x0a000001, Cluster: 0x0a0000fe})
		for _, two := range []bool{false, true} {
			if two {
				attrs = wire.Narrow(attrs)
			}
			p := wire.Packer{Limit: wire.MaxExtendedMessage}
			if !p.Fits(item.Family, attrs) {
				continue
			}
			p.Announce(item.Family, attrs, a.NextHop)
			pack(&p, item.NLRI.Prefixes(item.Family))
			p.Close()
			peer := wire.Decoder{FourOctetAS: !two, Internal: true, Families: both, Local: d.Local}
			var heard wire.Batch
			for _, m := range messages(t, p.Octets, wire.MaxExtendedMessage) {
				if faults := peer.Update(m[wire.HeaderLength:], &heard); len(faults) > 0 {
					t.Fatalf("passed on, two octets %t: %s in %x", two, texts(faults), m)
				}
			}
			checkHeard(t, item, a, &heard, two)
		}
	}
}

func checkHeard(t *testing.T, item wire.Item, a *bgp.Attrs, heard *wire.Batch, two bool) {
	var nlri wire.NLRI
	for _, h := range heard.Items {
		b := &heard.Attrs[h.Attrs]
		nlri = append(nlri, h.NLRI...)
		same := bytes.Equal(a.Before, b.Before) && bytes.Equal(a.After, b.After)
		if two {
			// AS_PATH may come back in another form, the rest may not.
			same = bytes.Equal(a.After, b.After)
		}
		if h.Kind != wire.Announced || h.Family != item.Family || !same || a.NextHop != b.NextHop || !bytes.HasSuffix(b.Clusters, a.Clusters) ||
			binary.BigEndian.Uint32(b.Clusters) != 0x0a0000fe || (a.Originator != 0 && b.Originator != a.Originator) {
			t.Fatalf("passed on, two octets %t:\n%+v, heard\n%+v", two, a, b)
		}
	}
	if got, want := nlri.Prefixes(item.Family), item.NLRI.Prefixes(item.Family); !slices.Equal(got, want) {
		t.Fatalf("prefixes %v, heard %v", want, got)
	}
}

func FuzzOpen(f *testing.F) {
	for _, p := range corpus() {
		if p.typ == wire.TypeOpen {
			f.Add(p.body)
		}
	}
	o := full()
	message, err := o.Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(message[19:])
	f.Add(openBody(255, 255, 0, 5, 2, 0, 2, 2, 0))
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) < 10 || len(body) > wire.MaxMessage-wire.HeaderLength {
			return // ParseHeader sees to it
		}
		body = slices.Clip(bytes.Clone(body))
		o, n := wire.ParseOpen(body)
		if n != nil {
			if n.Code != bgp.CodeOpen {
				t.Fatalf("fault is %v", n)
			}
			return
		}
		if o.ASN == 0 || o.RouterID == 0 || o.HoldTime == 1 || o.HoldTime == 2 || o.Capabilities.Restart.Time > 4095 {
			t.Fatalf("accepted %+v", o)
		}
		// What it offered is offered again by who has it written.
		again, err := o.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		got, n := wire.ParseOpen(again[wire.HeaderLength:])
		if n != nil {
			t.Fatal(n)
		}
		// A peer that names only families we don't carry can't be written.
		got.Capabilities.Multiprotocol = o.Capabilities.Multiprotocol
		if offer(&got) != offer(&o) {
			t.Fatalf("read as\n%+v, then as\n%+v", offer(&o), offer(&got))
		}
	})
}

func FuzzHeader(f *testing.F) {
	for typ := range 7 {
		f.Add(header(19+typ*10, wire.Type(typ)), true)
		f.Add(header(65535, wire.Type(typ)), false)
	}
	f.Fuzz(func(t *testing.T, b []byte, long bool) {
		if len(b) < wire.HeaderLength {
			return
		}
		limit := wire.MaxMessage
		if long {
			limit = wire.MaxExtendedMessage
		}
		length, typ, fault := wire.ParseHeader(slices.Clip(b[:wire.HeaderLength]), limit)
		switch {
		case fault != nil && (fault.Code != bgp.CodeHeader || fault.Subcode < 1 || fault.Subcode > 3):
			t.Fatalf("fault is %v", fault)
		case fault == nil && (length < wire.HeaderLength || length > limit || typ < wire.TypeOpen || typ > wire.TypeRouteRefresh || !bytes.Equal(b[:19], header(length, typ))):
			t.Fatalf("%x: length %d, type %d", b[:19], length, typ)
		}
	})
}

func FuzzRefresh(f *testing.F) {
	for _, family := range bgp.Families {
		for _, subtype := range []wire.RefreshSubtype{0, 1, 2, 3} {
			f.Add(wire.AppendRefresh(nil, family, subtype)[wire.HeaderLength:], true)
		}
	}
	f.Add([]byte{0, 1, 0, 1, 1, 64, 0, 0}, false)
	f.Fuzz(func(t *testing.T, body []byte, enhanced bool) {
		if len(body) > wire.MaxExtendedMessage-wire.HeaderLength {
			return
		}
		var batch wire.Batch
		d := decoder(true)
		n := d.Refresh(slices.Clip(bytes.Clone(body)), enhanced, &batch)
		if n != nil && (len(batch.Items) > 0 || len(body) == 4) || len(batch.Items) > 1 {
			t.Fatalf("fault %v, batch %s", n, words(t, &batch))
		}
		for _, item := range batch.Items {
			if !d.Families.Has(item.Family) || item.Kind < wire.RefreshRequested || item.Kind > wire.RefreshEnded {
				t.Fatalf("item is %+v", item)
			}
		}
	})
}

// Any octets as a set that somebody wants to look at.
func FuzzDescribe(f *testing.F) {
	for _, p := range corpus() {
		if p.typ == wire.TypeUpdate && len(p.body) > 4 {
			f.Add(p.body[4:], []byte{10, 0, 0, 1})
		}
	}
	for typ := range 50 {
		f.Add(attr(optionalPassed, bgp.AttrType(typ), 0, 1, 0, 4, 1, 2, 3, 4), []byte(nil))
	}
	f.Fuzz(func(t *testing.T, octets, clusters []byte) {
		if len(octets) > wire.MaxExtendedMessage {
			return
		}
		half := len(octets) / 2
		wire.Describe(&bgp.Attrs{Before: slices.Clip(octets), Clusters: slices.Clip(clusters)})
		wire.Describe(&bgp.Attrs{Before: slices.Clip(octets[:half]), After: slices.Clip(octets[half:])})
	})
}
