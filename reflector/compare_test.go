package reflector

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"heddle/bgp"
	"heddle/reflector/rib"
	"heddle/topology"
)

// foretold is what Compare says that an inventory would change.
func (s *scene) foretold(next *topology.Snapshot) []string {
	var list []string
	kept := map[netip.Prefix]bool{}
	c := rib.Comparison{Next: s.r.rib.Compile(next), Views: s.r.views, Contributes: func(p netip.Prefix) { kept[p] = true }}
	c.Each = func(v int, p netip.Prefix, now, then rib.Heard) {
		list = append(list, fmt.Sprintf("%s: %s was %s, will be %s", s.r.rib.NameOf(s.r.views[v]), p, s.r.inWords(now), s.r.inWords(then)))
	}
	for _, f := range bgp.Families {
		s.r.rib.Compare(&c, f, 0, 1<<20)
	}
	up, down := s.r.summaryChanges(kept)
	for _, p := range up {
		list = append(list, p.String()+" comes")
	}
	for _, p := range down {
		list = append(list, p.String()+" goes")
	}
	slices.Sort(list)
	return list
}

func TestAComparisonSeesAllPathsOfAPrefix(t *testing.T) {
	for _, c := range []struct {
		name, script, change string
		want                 []string
	}{
		{
			"a summary that an anycast path keeps alive which is not the best",
			`inventory pools/any {"prefix":"10.9.0.0/24","anycast":true,"rack":"r1"}
inventory nodes/h1 {"addresses":["10.0.0.1"],"rack":"r2"}
inventory nodes/h2 {"addresses":["10.0.0.2"],"rack":"r1"}
peer h1 client
peer h2 client
peer tor1 tor r1
announce h1 10.9.0.1/32
announce h2 10.9.0.1/32`, "", nil,
		},
		{
			"a summary of ours beside a host's route of the whole pool",
			`inventory pools/any {"prefix":"10.9.0.0/24","rack":"r1"}
inventory nodes/h1 {"addresses":["10.0.0.1"],"rack":"r1"}
peer h1 client
peer tor1 tor r1
announce h1 10.9.0.0/24 local-pref 50
pass 60s`, "", nil,
		},
		{
			"the path that a ToR hears of an anycast address moves away",
			`inventory pools/any {"prefix":"10.9.0.0/24","anycast":true}
inventory nodes/h1 {"addresses":["10.0.0.1"],"rack":"r1"}
inventory nodes/h2 {"addresses":["10.0.0.2"],"rack":"r2"}
peer h1 client
peer h2 client
peer tor2 tor r2
peer tor3 tor r3
announce h1 10.9.0.1/32
announce h2 10.9.0.1/32`, `nodes/h2 {"addresses":["10.0.0.2"],"rack":"r3"}`,
			[]string{
				"tor r2 ipv4: 10.9.0.1/32 was h2's (an exception that lives in the rack: told on as a host route), " +
					"will be nothing (neither at home in that rack nor living in it)",
				"tor r3 ipv4: 10.9.0.1/32 was nothing (neither at home in that rack nor living in it), " +
					"will be h2's (an exception that lives in the rack: told on as a host route)",
			},
		},
		{
			"a route of two racks, each of which hears its own",
			`inventory nodes/h1 {"addresses":["10.0.0.1"],"rack":"r1"}
peer h1 client
peer h2 client
peer tor1 tor r1
peer tor2 tor r2
announce tor1 172.16.0.0/12 path 65001
announce tor2 172.16.0.0/12 path 65002`, `pools/all {"prefix":"172.16.0.0/12"}`,
			[]string{
				"client ipv4: 172.16.0.0/12 was tor1's (reflected (RFC 4456)), will be nothing (there is no usable path)",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, next := newScene(t), newScene(t)
			for line := range strings.Lines("inventory settings {\"discard\":[\"192.0.2.254\"]}\n" + c.script) {
				s.play(line)
				if strings.HasPrefix(line, "inventory") {
					next.play(line)
				}
			}
			if path, value, ok := strings.Cut(c.change, " "); ok {
				next.put(path, value)
			}
			if got := s.foretold(next.inventory.Snapshot()); !slices.Equal(got, c.want) {
				t.Errorf("foretold is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}
