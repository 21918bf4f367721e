package wire_test

import (
	"slices"
	"strings"
	"testing"

	"heddle/bgp"
	"heddle/peering/wire"
)

func TestAttributesInWords(t *testing.T) {
	as := func(segments ...[]uint32) []byte { return attr(wellKnown, bgp.AttrASPath, path(segments...)...) }
	for _, c := range []struct {
		name  string
		attrs bgp.Attrs
		want  wire.Described
	}{
		{"nothing", bgp.Attrs{}, wire.Described{}},
		{
			"what stands in fields of its own is not repeated",
			bgp.Attrs{Before: plain().with(attr(optional, bgp.AttrMED, 0, 0, 0, 1)).without(bgp.AttrASPath).octets()},
			wire.Described{},
		},
		{"a sequence", bgp.Attrs{Before: as(sequence(64601, 4200000001))}, wire.Described{ASPath: "64601 4200000001"}},
		{
			"segments of every kind",
			bgp.Attrs{Before: as(confedSequence(7, 8), confedSet(9, 10), sequence(1, 2), set(3, 4))},
			wire.Described{ASPath: "(7 8) [9 10] 1 2 {3 4}"},
		},
		{
			"communities",
			bgp.Attrs{Before: attr(optionalPassed, bgp.AttrCommunities, 252, 0, 0, 7, 255, 255, 255, 1)},
			wire.Described{Communities: []string{"64512:7", "no-export"}},
		},
		{
			"large communities",
			bgp.Attrs{After: attr(optionalPassed, bgp.AttrLargeCommunities, 0, 0, 252, 0, 0, 0, 0, 1, 0, 0, 0, 7)},
			wire.Described{LargeCommunities: []string{"64512:1:7"}},
		},
		{"clusters, nearest first", bgp.Attrs{Clusters: []byte{10, 0, 0, 1, 10, 0, 0, 2}}, wire.Described{Clusters: []string{"10.0.0.1", "10.0.0.2"}}},
		{
			"an attribute that nobody knows is octets",
			bgp.Attrs{After: attr(optionalPassed|partial, 99, 0xde, 0xad)},
			wire.Described{Others: []string{"attribute 99 0xdead"}},
		},
		{
			"an attribute that is malformed is octets",
			bgp.Attrs{After: attr(optionalPassed, 22, 0, 6)},
			wire.Described{Others: []string{"attribute 22 0x0006"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := wire.Describe(&c.attrs)
			if got.ASPath != c.want.ASPath || !slices.Equal(got.Communities, c.want.Communities) || !slices.Equal(got.LargeCommunities, c.want.LargeCommunities) ||
				!slices.Equal(got.Clusters, c.want.Clusters) || !slices.Equal(got.Others, c.want.Others) {
				t.Errorf("described as\n%+v, want\n%+v", got, c.want)
			}
		})
	}
}

// What goes through the other codec must name the attribute and its content, in
// whatever form that codec likes.
func TestAttributesTheOtherCodecKnows(t *testing.T) {
	for _, c := range []struct {
		name string
		attr []byte
		want []string
	}{
		{"AGGREGATOR", attr(optionalPassed, bgp.AttrAggregator, 0, 0, 252, 91, 192, 0, 2, 7), []string{"AGGREGATOR", "64603", "192.0.2.7"}},
		{"ATOMIC_AGGREGATE", attr(wellKnown, bgp.AttrAtomicAggregate), []string{"ATOMIC_AGGREGATE"}},
		{"a route target", attr(optionalPassed, bgp.AttrExtCommunities, 0, 2, 252, 0, 0, 0, 0, 7), []string{"EXTENDED_COMMUNITIES", "64512:7"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := wire.Describe(&bgp.Attrs{Before: c.attr}).Others
			if len(got) != 1 {
				t.Fatalf("described as %q", got)
			}
			for _, part := range c.want {
				if !strings.Contains(got[0], part) {
					t.Errorf("described as %q, which lacks %q", got[0], part)
				}
			}
		})
	}
}

func TestAListCutShortIsDescribedAsFarAsItGoes(t *testing.T) {
	got := wire.Describe(&bgp.Attrs{
		Before:   append(attr(wellKnown, bgp.AttrASPath, path(sequence(1))...), 0x40),
		After:    []byte{0xd0, 99, 0},
		Clusters: []byte{10, 0, 0, 1, 10},
	})
	if got.ASPath != "1" || len(got.Others) != 0 || !slices.Equal(got.Clusters, []string{"10.0.0.1"}) {
		t.Errorf("described as %+v", got)
	}
}
