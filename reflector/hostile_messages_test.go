package reflector_test

import (
	"net/netip"
	"slices"

	"heddle/bgp"
	"heddle/peering"
)

// multiprotocol makes every UPDATE with a fault of MP_REACH_NLRI or MP_UNREACH_NLRI:
// what calls itself NLRI can't be told from garbage (RFC 7606 §5.3, §7.11, RFC 4760 §7).
func multiprotocol(kind peering.Kind) []hostile {
	good := reach(2, 1, hop6, nlri(route6))
	gone := append([]byte{0, 2, 1}, nlri(route6)...)
	of := func(typ bgp.AttrType, value []byte) []byte { return attribute(optional, typ, value...) }
	var all []hostile
	add := func(name string, subcode byte, bad ...[]byte) {
		for _, front := range []bool{true, false} {
			list := slices.Concat(append([][]byte{ordinary(kind).octets()}, bad...)...)
			where := ", behind the others"
			if front {
				list, where = slices.Concat(append(slices.Clone(bad), ordinary(kind).octets())...), ", in front"
			}
			all = append(all, hostile{name: name + where, message: update(nil, list, nlri(route4)), want: verdict{reset, subcode}, gone: both})
		}
	}
	for _, flags := range []byte{0, wellKnown, optionalPassed} {
		add("MP_REACH_NLRI with the wrong flags", 9, attribute(flags, bgp.AttrMPReach, good...))
		add("MP_UNREACH_NLRI with the wrong flags", 9, attribute(flags, bgp.AttrMPUnreach, gone...))
	}
	for _, length := range []int{0, 1, 2, 3, 4, 5, 12, 20} {
		add("MP_REACH_NLRI that breaks off", 9, of(bgp.AttrMPReach, good[:length]))
	}
	for _, length := range []int{0, 1, 2} {
		add("MP_UNREACH_NLRI that breaks off", 9, of(bgp.AttrMPUnreach, gone[:length]))
	}
	for _, length := range []int{0, 4, 8, 12, 15, 17, 24, 31, 33, 48} {
		add("an IPv6 next hop of a length that it can't have", 9, of(bgp.AttrMPReach, reach(2, 1, make([]byte, length), nlri(route6))))
	}
	for _, length := range []int{0, 3, 5, 16, 32} {
		add("an IPv4 next hop of a length that was not agreed (RFC 8950 §4)", 9, of(bgp.AttrMPReach, reach(1, 1, make([]byte, length), nlri(route4))))
	}
	long := append([]byte{129}, make([]byte, 17)...)
	add("an IPv6 prefix of 129 bits", 9, of(bgp.AttrMPReach, reach(2, 1, hop6, long)))
	add("an IPv6 prefix that breaks off", 9, of(bgp.AttrMPReach, reach(2, 1, hop6, []byte{64, 0xfd})))
	add("an IPv4 prefix of 33 bits in MP_REACH_NLRI", 9, of(bgp.AttrMPReach, reach(1, 1, hop6[:4], []byte{33, 10, 0, 0, 0, 0})))
	add("a withdrawn IPv6 prefix of 129 bits", 9, of(bgp.AttrMPUnreach, append([]byte{0, 2, 1}, long...)))
	add("a withdrawn IPv6 prefix that breaks off", 9, of(bgp.AttrMPUnreach, []byte{0, 2, 1, 64, 0xfd}))
	add("MP_REACH_NLRI twice (RFC 7606 §3 g)", 1, of(bgp.AttrMPReach, good), of(bgp.AttrMPReach, good))
	add("MP_UNREACH_NLRI twice (RFC 7606 §3 g)", 1, of(bgp.AttrMPUnreach, gone), of(bgp.AttrMPUnreach, gone))
	for _, hop := range []string{"::", "::1", "ff02::1", "fe80::9", "::ffff:192.0.2.9"} {
		value := reach(2, 1, netip.MustParseAddr(hop).AsSlice(), nlri(route6))
		list := append(of(bgp.AttrMPReach, value), ordinary(kind).without(bgp.AttrNextHop).octets()...)
		all = append(all, hostile{name: "next hop " + hop + " (RFC 4271 §6.3)", message: update(nil, list, nil), want: withdraw(8), gone: []netip.Prefix{route6}})
	}
	return all
}

// framing makes UPDATEs that are wrong as a whole.
func framing(kind peering.Kind) []hostile {
	good := ordinary(kind)
	octets := good.octets()
	four, none := []netip.Prefix{route4}, []netip.Prefix(nil)
	behind := func(tail ...byte) []byte { return update(nil, append(slices.Clone(octets), tail...), nlri(route4)) }
	unreached := attribute(optional, bgp.AttrMPUnreach, append([]byte{0, 2, 1}, nlri(route6)...)...)
	strange := attribute(optional, bgp.AttrMPReach, reach(1, 128, hop6[:4], []byte{1, 2, 3})...)
	return []hostile{
		{name: "withdrawn routes longer than the message (RFC 7606 §3 a)", message: frame(2, 0, 9, 0, 0), want: verdict{reset, 1}, gone: both},
		{name: "withdrawn routes that leave no room for a length (RFC 7606 §3 a)", message: frame(2, 0, 2, 0, 0), want: verdict{reset, 1}, gone: both},
		{name: "attributes longer than the message (RFC 7606 §3 a)", message: frame(2, 0, 0, 0, 9, 0x40), want: verdict{reset, 1}, gone: both},
		{name: "NLRI of 33 bits (RFC 7606 §5.3)", message: update(nil, octets, []byte{33, 10, 66, 0, 0, 0}), want: verdict{reset, 10}, gone: both},
		{name: "NLRI of 255 bits (RFC 7606 §5.3)", message: update(nil, octets, append([]byte{255}, make([]byte, 32)...)), want: verdict{reset, 10}, gone: both},
		{name: "NLRI that breaks off (RFC 7606 §5.3)", message: update(nil, octets, []byte{24, 10, 66}), want: verdict{reset, 10}, gone: both},
		{name: "a withdrawn route of 33 bits (RFC 7606 §5.3)", message: update([]byte{33, 10, 66, 0, 0, 0}, nil, nil), want: verdict{reset, 10}, gone: both},
		{name: "a withdrawn route that breaks off (RFC 7606 §5.3)", message: update([]byte{24, 10}, nil, nil), want: verdict{reset, 10}, gone: both},
		{name: "the last attribute overruns (RFC 7606 §4)", message: behind(0xc0, 99, 9, 1), want: withdraw(1), gone: four},
		{name: "one octet of an attribute (RFC 7606 §4)", message: behind(0x40), want: withdraw(1), gone: four},
		{name: "two octets of an attribute (RFC 7606 §4)", message: behind(0x40, 6), want: withdraw(1), gone: four},
		{name: "three octets of an attribute with extended length (RFC 7606 §4)", message: behind(0x50, 6, 0), want: withdraw(1), gone: four},
		{name: "an overrun behind MP_REACH_NLRI (RFC 7606 §4)", message: on6(append(good, []byte{0x40})), want: withdraw(1), gone: []netip.Prefix{route6}},
		{name: "an overrun without reachable NLRI (RFC 7606 §5.2)", message: update(nlri(route4), []byte{0x40}, nil), want: verdict{reset, 1}, gone: both},
		{name: "an overrun behind MP_UNREACH_NLRI (RFC 7606 §5.2)", message: update(nil, append(slices.Clone(unreached), 0x40), nil), want: verdict{reset, 1}, gone: both},
		{name: "NLRI and no attributes (RFC 7606 §3 d)", message: update(nil, nil, nlri(route4)), want: withdraw(3), gone: four},
		{name: "both families at once (RFC 7606 §2)", message: update(nil, append(attribute(optional, bgp.AttrMPReach, reach(2, 1, hop6, nlri(route6))...), good.with(bgp.AttrOrigin, attribute(wellKnown, bgp.AttrOrigin, 9)).octets()...), nlri(route4)), want: withdraw(6), gone: both},
		{name: "withdrawn, unreachable and malformed (RFC 7606 §3)", message: update(nil, append(slices.Clone(unreached), good.with(bgp.AttrOrigin, attribute(wellKnown, bgp.AttrOrigin, 9)).octets()...), nlri(route4)), want: withdraw(6), gone: both},
		{name: "of two faults the worse counts (RFC 7606 §3 h)", message: behind(slices.Concat(attribute(wellKnown, bgp.AttrAtomicAggregate, 1), attribute(optionalPassed, bgp.AttrCommunities, 1))...), want: withdraw(5), gone: four},
		{name: "of two faults the milder costs nothing more", message: behind(slices.Concat(attribute(optionalPassed, bgp.AttrAggregator, 1), attribute(wellKnown, bgp.AttrAtomicAggregate, 1))...), want: discard(), typ: bgp.AttrAggregator, kept: absent, gone: four},
		{name: "a fault beside a family that was not agreed (RFC 7606 §5.2)", message: update(nil, append(slices.Clone(strange), good.with(bgp.AttrOrigin, attribute(wellKnown, bgp.AttrOrigin, 9)).octets()...), nil), want: withdraw(6), gone: none},
		{name: "a family that was not agreed is ignored (RFC 4760 §6)", message: update(nil, append(slices.Clone(strange), octets...), nil), gone: none, silent: true},
		{name: "a well-known attribute that nobody knows", message: behind(attribute(wellKnown, 99, 1)...), want: withdraw(2), gone: four},
		{name: "an optional attribute that nobody knows, and that stays (RFC 4271 §5)", message: behind(attribute(optional, 99, 1)...), typ: 99, kept: absent, gone: four, silent: true},
		{name: "an optional attribute that nobody knows travels (RFC 4271 §5)", message: behind(attribute(optionalPassed, 99, 1, 2, 3)...), typ: 99, kept: "010203", gone: four, silent: true},
		{name: "NLRI that is multicast (RFC 4271 §6.3)", message: update(nil, octets, []byte{4, 0xe0}), want: withdraw(10), gone: none},
	}
}

// loops are no faults, but may not be used either, and replace what was said before
// (RFC 4456 §8, RFC 4271 §9.1.2).
func loops(kind peering.Kind) []hostile {
	loop := func(name string, l attributes) hostile {
		return hostile{name: name, message: on4(l), want: withdraw(0), gone: []netip.Prefix{route4}, silent: true}
	}
	good := ordinary(kind)
	list := []hostile{loop("our AS in AS_PATH", good.with(bgp.AttrASPath, attribute(wellKnown, bgp.AttrASPath, 2, 2, 0, 0, 0xfd, 0xe9, 0, 0, 0xfc, 0)))}
	if kind.Internal() {
		list = append(list,
			loop("our own ORIGINATOR_ID", good.with(bgp.AttrOriginatorID, attribute(optional, bgp.AttrOriginatorID, 127, 0, 0, 1))),
			loop("our own CLUSTER_ID", good.with(bgp.AttrClusterList, attribute(optional, bgp.AttrClusterList, 10, 0, 0, 1, 127, 0, 0, 1))))
	}
	return list
}
