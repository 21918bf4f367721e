package stories

import (
	"strings"
	"time"
)

// What is told of is the fabric of containerlab.yml.

// place is a node with addresses that others reach it by.
type place struct{ name, four, six string }

// places are all that have an address for others: workloads, and the outside.
func places() []place {
	return []place{
		{"outside", "203.0.113.10", "2001:db8:ffff::10"},
		{"web11", "10.1.0.111", "fd00:1::111"},
		{"db11", "10.1.0.112", "fd00:1::112"},
		{"web12", "10.1.0.121", "fd00:1::121"},
		{"db12", "10.1.0.122", "fd00:1::122"},
		{"web21", "10.2.0.211", "fd00:2::211"},
		{"db21", "10.2.0.212", "fd00:2::212"},
		{"web22", "10.2.0.221", "fd00:2::221"},
		{"db22", "10.2.0.222", "fd00:2::222"},
		{"roamer", "10.1.0.5", "fd00:1::5"},
	}
}

// may says what the policies of fabric.yaml allow: web speaks to everybody and hears
// everybody; db speaks to db, and hears web and db.
func may(from, to string) bool {
	kind := func(name string) string {
		if name == "roamer" {
			return "web"
		}
		return strings.TrimRight(name, "0123456789")
	}
	switch kind(from) + " " + kind(to) {
	case "web web", "web db", "web outside", "db db", "outside web":
		return true
	}
	return false
}

// to gives the flows to a place, in both families.
func (p place) to(from ...string) []flow {
	var flows []flow
	for _, f := range from {
		flows = append(flows, flow{f, p.name, p.four}, flow{f, p.name, p.six})
	}
	return flows
}

func at(name string) place {
	for _, p := range places() {
		if p.name == name {
			return p
		}
	}
	panic("stories: no place " + name)
}

// across is traffic within a rack, between racks, in and out, in both families.
func across() []flow {
	flows := at("web21").to("web11", "outside")
	flows = append(flows, at("db12").to("db11", "web22")...)
	return append(flows, at("outside").to("web12")...)
}

// within is traffic that never leaves its rack, in both.
func within() []flow { return append(at("db12").to("db11"), at("web22").to("web21")...) }

// AllIsWell: what goes across the fabric loses nothing, once a story is over.
func (t *Teller) AllIsWell() {
	t.Reaches(lively, across()...)
	again := t.Traffic(lively, across()...)
	again.Goes(500)
	again.LosesNothing("then")
}

// lively is the pace of streams whose losses are counted, casual that of many at once.
const (
	lively = 2 * time.Millisecond
	casual = 50 * time.Millisecond
)
