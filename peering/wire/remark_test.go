package wire_test

import (
	"bytes"
	"slices"
	"testing"

	"heddle/bgp"
	"heddle/peering/wire"
)

func TestAttributesOfRoutesThatAreToBeThoughtLessOf(t *testing.T) {
	origin := attr(wellKnown, bgp.AttrOrigin, 0)
	med := attr(optional, bgp.AttrMED, 0, 0, 0, 9)
	local := attr(wellKnown, bgp.AttrLocalPref, 0, 0, 0, 200)
	least := attr(wellKnown, bgp.AttrLocalPref, 0, 0, 0, 0)
	originator := attr(optional, bgp.AttrOriginatorID, 192, 0, 2, 1)
	list := func(attributes ...[]byte) []byte { return slices.Concat(attributes...) }
	for _, c := range []struct {
		name  string
		list  []byte
		least bool
		add   []bgp.Community
		want  []byte
	}{
		{"nothing to do", list(origin, local, originator), false, nil, list(origin, local, originator)},
		{"LOCAL_PREF becomes 0", list(origin, med, local, originator), true, nil, list(origin, med, least, originator)},
		{"there is none", list(origin, med, originator), true, nil, list(origin, med, originator)},
		{"the first community, before what comes after", list(origin, originator), false, []bgp.Community{bgp.GracefulShutdown}, list(origin, communities(0xffff0000), originator)},
		{"the first community, at the end", list(origin, local), true, []bgp.Community{bgp.GracefulShutdown}, list(origin, least, communities(0xffff0000))},
		{"one more, in order", list(origin, communities(7, 0xffffff01), originator), false, []bgp.Community{bgp.GracefulShutdown}, list(origin, communities(7, 0xffff0000, 0xffffff01), originator)},
		{"one that is there", list(origin, communities(0xffff0000, 7)), false, []bgp.Community{bgp.GracefulShutdown}, list(origin, communities(0xffff0000, 7))},
		{"two", list(origin, communities(0xffff0000)), false, []bgp.Community{bgp.NoExport, 5}, list(origin, communities(5, 0xffff0000, 0xffffff01))},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := bytes.Clone(c.list)
			if got := wire.Remark(c.list, c.least, c.add...); !bytes.Equal(got, c.want) {
				t.Errorf("got  % x\nwant % x", got, c.want)
			}
			if !bytes.Equal(c.list, before) {
				t.Error("what was given was changed")
			}
		})
	}
}
