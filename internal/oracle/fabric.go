package oracle

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"
)

// Fabric is what the inventory says, in the plainest form.
type Fabric struct {
	Pools     []Pool
	Hosts     []Host
	Workloads []Workload
	Ownership string // off, warn, enforce
	Discard   map[bool]netip.Addr
}

// Pool is a range of addresses.
type Pool struct {
	Prefix    netip.Prefix
	Rack      string
	Summaries bool
	Public    bool
	Anycast   bool
}

// Host is a node.
type Host struct {
	Name, Rack string
	Addresses  []netip.Addr
}

// Workload has one address.
type Workload struct {
	Host string
	Addr netip.Addr
	Live bool
	Tags []uint32
}

// HoldDown is how long a summary outlives its last contributing route, and Grace how
// long a path outlives the loss of its workload.
const (
	HoldDown = 30 * time.Second
	Grace    = 10 * time.Second
	elevated = 2147483647 - 1024
)

func (f *Fabric) pool(prefix netip.Prefix) (found Pool, ok bool) {
	for _, p := range f.Pools {
		inside := p.Prefix.Bits() <= prefix.Bits() && p.Prefix.Contains(prefix.Addr())
		if inside && (!ok || p.Prefix.Bits() > found.Prefix.Bits()) {
			found, ok = p, true
		}
	}
	return found, ok
}

// summarized: no other pool that overlaps has another home, and there is a next hop.
func (f *Fabric) summarized(p Pool) bool {
	if p.Rack == "" || !p.Summaries || !f.Discard[p.Prefix.Addr().Is4()].IsValid() {
		return false
	}
	for _, q := range f.Pools {
		around := q.Rack == "" && q.Prefix.Bits() < p.Prefix.Bits() // of no rack, and wider: misleads nobody
		if q.Prefix != p.Prefix && q.Prefix.Overlaps(p.Prefix) && q.Rack != p.Rack && !around {
			return false
		}
	}
	return true
}

func (f *Fabric) host(addr netip.Addr) (Host, bool) {
	for _, h := range f.Hosts {
		if slices.Contains(h.Addresses, addr) {
			return h, true
		}
	}
	return Host{}, false
}

func (f *Fabric) claims(host string, addr netip.Addr) (live, prepared bool, tags []uint32) {
	for _, w := range f.Workloads {
		if w.Host == host && w.Addr == addr {
			live, prepared = live || w.Live, prepared || !w.Live
			tags = append(tags, w.Tags...)
		}
	}
	slices.Sort(tags)
	return live, prepared, slices.Compact(tags)
}

// path is what a peer said of a prefix.
type path struct {
	from    Peer
	raw     Route // as it was said
	route   Route // as it is kept
	refused bool
	last    time.Time // not zero: disowned, and refused from then on
	stale   bool
}

func single(p netip.Prefix) bool { return p.Bits() == p.Addr().BitLen() }

// judge is what becomes of a route on the way in. had is the path before, or nil.
func (m *Model) judge(from Peer, prefix netip.Prefix, raw Route, had *path) *path {
	p := &path{from: from, raw: raw, route: raw}
	f := m.Fabric
	_, pooled := f.pool(prefix)
	if from.External() {
		p.refused = pooled || m.ours(raw)
		return p
	}
	if !from.Client || f.blank() {
		return p
	}
	host, known := f.host(from.Address)
	hop, ok := f.host(raw.NextHop)
	lists := slices.ContainsFunc(host.Addresses, func(a netip.Addr) bool { return a.Is4() == raw.NextHop.Is4() })
	if known && ((ok && hop.Name != host.Name) || (!ok && lists)) {
		p.refused = true
	}
	var tags []uint32
	if single(prefix) {
		live, prepared, stamped := f.claims(host.Name, prefix.Addr())
		if known {
			tags = stamped
		}
		if pooled && f.Ownership == "enforce" && !live && !prepared && !p.refused {
			switch {
			case had != nil && !had.refused && !had.last.IsZero():
				p.last = had.last
			case had != nil && !had.refused:
				p.last = m.Now.Add(Grace)
			default:
				p.refused = true
			}
		}
	}
	p.route = m.stamp(raw, tags)
	return p
}

func (f *Fabric) blank() bool { return len(f.Pools) == 0 && len(f.Hosts) == 0 }

// large reads LARGE_COMMUNITIES.
func large(r Route) [][3]uint32 {
	v, _ := r.Attr(32)
	var list [][3]uint32
	for ; len(v) > 0; v = v[12:] {
		list = append(list, [3]uint32{binary.BigEndian.Uint32(v), binary.BigEndian.Uint32(v[4:]), binary.BigEndian.Uint32(v[8:])})
	}
	return list
}

func (m *Model) own(c [3]uint32) bool { return c[0] == m.ASN && c[1] >= 1 && c[1] <= 3 }

func (m *Model) ours(r Route) bool { return slices.ContainsFunc(large(r), m.own) }

// stamp takes our large communities off a route and puts those of tags on.
func (m *Model) stamp(r Route, tags []uint32) Route {
	var add [][3]uint32
	for _, t := range tags {
		add = append(add, [3]uint32{m.ASN, 1, t})
	}
	return m.relabel(r, add)
}

// relabel puts communities in the place of those of ours that a route has: in front
// of the first that is greater.
func (m *Model) relabel(r Route, add [][3]uint32) Route {
	list := slices.DeleteFunc(large(r), m.own)
	for _, c := range add {
		i := slices.IndexFunc(list, func(d [3]uint32) bool { return slices.Compare(d[:], c[:]) > 0 })
		if i < 0 {
			i = len(list)
		}
		list = slices.Insert(list, i, c)
	}
	out := Route{NextHop: r.NextHop}
	flags := byte(0xc0)
	for _, a := range r.Attrs {
		if a.Type != 32 {
			out.Attrs = append(out.Attrs, a)
		} else {
			flags = a.Flags
		}
	}
	if len(list) == 0 {
		return out
	}
	var v []byte
	for _, c := range list {
		v = append(append(append(v, Number(c[0])...), Number(c[1])...), Number(c[2])...)
	}
	return out.With(Attr{flags, 32, v})
}

// now is the rack that a path leads to.
func (m *Model) now(p *path) string {
	if p.from.Name == "" || p.from.External() {
		return ""
	}
	if h, ok := m.Fabric.host(p.route.NextHop); ok {
		return h.Rack
	}
	if !p.from.Client {
		return ""
	}
	if h, ok := m.Fabric.host(p.from.Address); ok {
		return h.Rack
	}
	return p.from.Rack
}

// outside says whether a path came into the AS by eBGP.
func (m *Model) outside(p *path) bool {
	v, _ := p.route.Attr(2)
	_, known := m.Fabric.host(p.route.NextHop)
	return p.from.External() || (p.from.Name != "" && !p.from.Client && len(v) > 0 && !known)
}

// restricted says whether a route must not leave the AS, and whether it must not be told
// at all (RFC 1997).
func restricted(r Route) (kept, here bool) {
	v, _ := r.Attr(8)
	for c := range slices.Chunk(v, 4) {
		kept = kept || c[0] == 0xff && c[1] == 0xff && c[2] == 0xff && (c[3] == 1 || c[3] == 3)
		here = here || string(c) == "\xff\xff\xff\x02"
	}
	return kept, here
}

// verdict is how a peer is to hear a path: "" for not at all.
func (m *Model) verdict(to Peer, prefix netip.Prefix, p *path) (manner string, class uint32) {
	if kept, here := restricted(p.route); here || (kept && to.External()) {
		return "", 0
	}
	if has(p.route, longLivedStale) && to.External() && !to.LongLived {
		return "", 0
	}
	ownSummary := p.from.Name == ""
	pool, _ := m.Fabric.pool(prefix)
	home, now := pool.Rack, m.now(p)
	inRack := home != "" && home == now
	inRackClass, exceptionClass := uint32(1), uint32(3)
	listed := pool.Public && !m.Fabric.summarized(pool)
	if listed {
		inRackClass, exceptionClass = 4, 4
	}
	switch to.Role {
	case "":
		if ownSummary || !(to.Client || p.from.Client || (p.from.External() && p.from.Role != "tor")) {
			return "", 0
		}
		if p.from.Role == "tor" && to.Client && to.Near != p.from.Rack {
			return "", 0
		}
		return "reflected", 0
	case "tor":
		switch {
		case ownSummary && home == to.Rack && pool.Public:
			return "exported", 4
		case ownSummary && home == to.Rack:
			return "exported", 2
		case ownSummary || m.outside(p):
			return "", 0
		case inRack && home != to.Rack:
			return "", 0
		case inRack && m.Fabric.summarized(pool):
			return "confined", 1
		case inRack:
			return "exported", inRackClass
		case now == to.Rack:
			return "exported", exceptionClass
		case now == "" && (home == "" || home == to.Rack):
			return "exported", exceptionClass
		case now == "" || home == to.Rack:
			return "confined", 3
		}
	case "border":
		switch {
		case m.outside(p) || !pool.Public:
		case ownSummary:
			return "exported", 4
		case listed:
			return "exported", 4
		case !inRack && to.Exceptions:
			return "exported", 3
		}
	}
	return "", 0
}

// export is a route as an eBGP peer hears it.
func (m *Model) export(r Route, confined bool, class uint32) Route {
	out := Route{NextHop: r.NextHop}
	var pref uint32
	communities := false
	for _, a := range r.Attrs {
		switch {
		case a.Type == 2:
			v := append([]byte{}, a.Value...)
			if len(v) > 0 && v[0] == 2 && v[1] < 255 {
				v = append([]byte{2, v[1] + 1}, append(Number(m.ASN), v[2:]...)...)
			} else {
				v = append([]byte{2, 1}, append(Number(m.ASN), v...)...)
			}
			a.Value = v
		case a.Type == 5:
			pref = binary.BigEndian.Uint32(a.Value)
			continue
		case a.Flags&0x40 == 0:
			continue
		case a.Type == 8 && confined:
			communities = true
			a.Value = append(append([]byte{}, a.Value...), Number(0xffffff02)...)
		}
		out.Attrs = append(out.Attrs, a)
	}
	if confined && !communities {
		out = out.With(Attr{0xc0, 8, Number(0xffffff02)})
	}
	add := [][3]uint32{{m.ASN, 2, class}}
	if pref != 0 && pref != 100 {
		add = append(add, [3]uint32{m.ASN, 3, pref})
	}
	return m.relabel(out, add)
}
