package topology

import "net/netip"

// Rack is the hosts behind the same ToRs, at /heddle/v1/racks/NAME. A rack
// exists as soon as something names it; the key is there to say more:
//
//	{"summaries":true,"routeBudget":16000}
type Rack struct {
	Name string
	// Summaries: whether pools homed here are summarised, unless a pool says
	// otherwise itself.
	Summaries Option
	// RouteBudget is how many routes each ToR has room for; 0: not stated.
	RouteBudget uint32
}

// Key names the rack.
func (r Rack) Key() Key { return Key{KindRack, r.Name} }

func (r Rack) fields() fields {
	return fields{
		{"summaries", r.Summaries.value()},
		{"routeBudget", r.RouteBudget},
	}
}

func readRack(r *reader, name string) Rack {
	return Rack{
		Name:        name,
		Summaries:   one(r, "summaries", parseFlag),
		RouteBudget: one(r, "routeBudget", parseNumber(1, maxUint32)),
	}
}

// Pool is a range that workloads are numbered from, at /heddle/v1/pools/NAME:
//
//	{"prefix":"10.1.0.0/16","rack":"r1","public":false,"anycast":false}
type Pool struct {
	Name string
	// Prefix is masked.
	Prefix netip.Prefix
	// Rack is the home of the pool; empty: it has none, and every address in it is
	// an exception.
	Rack string
	// Public: border routers hear of it.
	Public bool
	// Anycast: an address may live on several hosts at once.
	Anycast bool
	// Summaries overrides what rack and settings say.
	Summaries Option
}

// Key names the pool.
func (p Pool) Key() Key { return Key{KindPool, p.Name} }

func (p Pool) fields() fields {
	return fields{
		{"prefix", p.Prefix.String()},
		{"rack", p.Rack},
		{"public", p.Public},
		{"anycast", p.Anycast},
		{"summaries", p.Summaries.value()},
	}
}

func readPool(r *reader, name string) Pool {
	p := Pool{
		Name:      name,
		Prefix:    one(r, "prefix", parsePrefix),
		Rack:      one(r, "rack", parseName),
		Public:    one(r, "public", parseFlag).Or(false),
		Anycast:   one(r, "anycast", parseFlag).Or(false),
		Summaries: one(r, "summaries", parseFlag),
	}
	r.need(p.Prefix.IsValid(), "prefix", "there is none: write the range the pool hands out")
	r.need(p.Prefix.Bits() != 0, "prefix", "%s is the default route: write the range the pool hands out", p.Prefix)
	return p
}
