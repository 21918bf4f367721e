package rib

import (
	"net/netip"
	"slices"
	"time"

	"heddle/bgp"
	"heddle/peering/wire"
	"heddle/summarize"
	"heddle/topology"
)

// judges says whether what a source announces must be looked at route by route.
func (r *RIB) judges(s *source) bool {
	switch s.Speaker {
	case summarize.Client:
		return !r.m.Blank()
	case summarize.NonClient:
		return false
	}
	return true
}

// admit takes in an announcement route by route.
func (r *RIB) admit(id SourceID, family bgp.Family, nlri wire.NLRI, attrs *bgp.Attrs) {
	j := judge{rib: r, id: id, from: &r.sources[id].Source, attrs: attrs}
	j.open()
	if family == bgp.IPv4Unicast {
		admit(&r.v4, &j, nlri)
	} else {
		admit(&r.v6, &j, nlri)
	}
	j.close()
}

func admit[K key[K]](t *table[K], j *judge, nlri wire.NLRI) {
	var k K
	var length uint8
	for len(nlri) > 0 {
		k, length, nlri = k.next(nlri)
		t.receive(j, t.open(k, length), k.prefix(length), 0)
	}
}

// receive has a route judged and keeps it. marks of doubt that it had stay in keep.
func (t *table[K]) receive(j *judge, head ref, prefix netip.Prefix, keep flags) {
	refusal, mark := j.refuses(prefix)
	if refusal == RefusedOwner && t.has(head, j.id, 0) {
		// Losing ownership alone withdraws nothing: until the owner announces the
		// address, or for a while, the path is ranked last.
		mark = mark&^flagRefused | flagLast
		if !t.has(head, j.id, flagLast) {
			j.rib.disown(prefix, j.id)
		}
	}
	t.put(j.rib, head, j.id, j.stamp(j.tags(prefix)), mark|keep)
}

// has says whether a source has a path for the prefix that is in use and bears marks.
func (t *table[K]) has(head ref, id SourceID, marks flags) bool {
	path, _ := t.pathOf(head, id)
	return path != 0 && t.routes.at(path).usable() && t.routes.at(path).flags&marks == marks
}

// judge says of each route with one attribute set whether it may be used and which
// tags it bears. Sets that it made are kept until it is closed: routes that follow
// each other mostly bear the same tags.
type judge struct {
	rib     *RIB
	id      SourceID
	from    *Source
	attrs   *bgp.Attrs
	refused Refusal        // of all routes with these attributes
	node    string         // that the session is with; empty: unknown
	host    summarize.Host // the same
	stamped []stamped
}

type stamped struct {
	tags []string
	set  setID
}

// Refusal says why a path is in Adj-RIB-In and not a candidate.
type Refusal uint8

// The refusals.
const (
	RefusedNot     Refusal = iota
	RefusedNextHop         // a host spoke of a next hop that is not its own
	RefusedOwner           // the inventory does not have the workload there, and that is enforced
	RefusedOwn             // a route of ours that came back
	RefusedPool            // from outside, and inside a pool of ours
)

// String is the refusal in words.
func (r Refusal) String() string {
	switch r {
	case RefusedNextHop:
		return "refused: the next hop is no address of the node that announces it"
	case RefusedOwner:
		return "refused: the inventory has no such workload on the node that announces it (ownership is enforced)"
	case RefusedOwn:
		return "refused: a route of our own that came back"
	case RefusedPool:
		return "refused: from outside, but inside a pool of the fabric"
	}
	return ""
}

// open judges what all routes with the attributes have in common.
func (j *judge) open() {
	m := j.rib.m
	switch {
	case !j.from.Speaker.Internal():
		if wire.HasOwn(j.attrs, j.rib.self.ASN) {
			j.refused = RefusedOwn
		}
	default:
		if host, ok := m.HostAt(j.from.Address); ok {
			j.node, j.host = host.Node, host
			if j.foreign(j.attrs.NextHop) {
				j.refused = RefusedNextHop
			}
		}
	}
}

// foreign says whether a next hop is not the node's own: another node's, or one that is
// missing among the addresses that the inventory has of its family. Of a node that lists
// none of the family nothing is known.
func (j *judge) foreign(hop netip.Addr) bool {
	if host, ok := j.rib.m.HostAt(hop); ok {
		return host.Node != j.node
	}
	return j.host.Families.Has(bgp.FamilyOf(hop))
}

func (j *judge) close() {
	for _, s := range j.stamped {
		j.rib.sets.drop(s.set)
	}
}

// refuses says why a route must not be used, and which marks say so. A ghost is
// inside a pool, but of no workload of its node.
func (j *judge) refuses(prefix netip.Prefix) (refusal Refusal, mark flags) {
	m := j.rib.m
	pool := m.PoolOf(prefix)
	refusal = j.refused
	if !j.from.Speaker.Internal() {
		if refusal == RefusedNot && pool != 0 {
			refusal = RefusedPool
		}
	} else if mode := m.Ownership(); pool != 0 && prefix.IsSingleIP() && mode != topology.OwnershipOff &&
		m.Claim(j.node, prefix.Addr()) == summarize.ClaimNone {
		mark = flagGhost
		if refusal == RefusedNot && mode == topology.OwnershipEnforce {
			refusal = RefusedOwner
		}
	}
	if refusal != RefusedNot {
		mark |= flagRefused
	}
	return refusal, mark
}

// tags are those of the workload that a host's route leads to.
func (j *judge) tags(prefix netip.Prefix) []string {
	if j.node == "" || !prefix.IsSingleIP() {
		return nil
	}
	var tags []string
	for w := range j.rib.m.Snapshot().WorkloadsAt(prefix.Addr()) {
		switch {
		case w.Node != j.node:
		case tags == nil:
			tags = w.Tags
		default:
			tags = append(slices.Clip(tags), w.Tags...)
		}
	}
	return tags
}

// stamp returns the set of the attributes with tags. The judge holds it.
func (j *judge) stamp(tags []string) setID {
	for i := range j.stamped {
		if slices.Equal(j.stamped[i].tags, tags) {
			return j.stamped[i].set
		}
	}
	attrs := *j.attrs
	if j.from.Speaker == summarize.Client && (len(tags) > 0 || wire.HasOwn(&attrs, j.rib.self.ASN)) {
		attrs.After = wire.AppendStamped(nil, attrs.After, j.rib.self.ASN, j.numbers(tags))
	}
	if !j.from.Speaker.Internal() && wire.HasCommunity(&attrs, bgp.GracefulShutdown) {
		// The router is about to go: whoever has another way is to take it (RFC 8326 §4.2).
		attrs.Before, attrs.LocalPref = wire.Remark(attrs.Before, true), 0
	}
	set := j.rib.sets.intern(j.rib.m, &attrs, j.from.originator())
	j.stamped = append(j.stamped, stamped{tags, set})
	return set
}

// numbers are the tags' numbers, ascending, each once.
func (j *judge) numbers(tags []string) []uint32 {
	var numbers []uint32
	for _, name := range tags {
		if tag, ok := j.rib.m.Snapshot().Tag(name); ok {
			numbers = append(numbers, tag.ID)
		}
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// rejudge judges a path again, by the map now in force: with the attributes it was
// kept with, from which a stamp can be taken off as well as put on.
func (t *table[K]) rejudge(r *RIB, head ref, id SourceID) {
	from := &r.sources[id]
	if from.Speaker == summarize.NonClient || from.Speaker == summarize.Ourselves {
		return
	}
	path, _ := t.pathOf(head, id)
	rt := t.routes.at(path)
	attrs := r.sets.get(rt.set).attrs
	j := judge{rib: r, id: id, from: &from.Source, attrs: &attrs}
	j.open()
	t.receive(&j, head, rt.key.prefix(rt.length), rt.flags&(flagStale|flagPending))
	j.close()
}

// refusal says why a path that was refused was.
func (r *RIB) refusal(id SourceID, set setID, prefix netip.Prefix) Refusal {
	j := judge{rib: r, id: id, from: &r.sources[id].Source, attrs: &r.sets.get(set).attrs}
	j.open()
	why, _ := j.refuses(prefix)
	return why
}

// disownTime is how long a path whose host lost the workload stays in use when no
// other comes.
const disownTime = 10 * time.Second

// disowned is a path that is ranked last until its time has come.
type disowned struct {
	path  disownedPath
	until time.Time
}

type disownedPath struct {
	prefix netip.Prefix
	id     SourceID
}

func (r *RIB) disown(prefix netip.Prefix, id SourceID) {
	d := disowned{disownedPath{prefix, id}, r.clock.Add(disownTime)}
	r.disowned = append(r.disowned, d)
	r.grace[d.path] = d.until
}

// expire refuses the disowned paths whose time has come. One that was owned again, and
// disowned again, stands later in the queue, too, and has the time of that.
func (r *RIB) expire() {
	n := 0
	for ; n < len(r.disowned) && !r.clock.Before(r.disowned[n].until); n++ {
		d := &r.disowned[n]
		if r.grace[d.path] != d.until {
			continue
		}
		delete(r.grace, d.path)
		if addr := d.path.prefix.Addr(); addr.Is4() {
			expire(&r.v4, r, key4Of(addr), d.path)
		} else {
			expire(&r.v6, r, key6Of(addr), d.path)
		}
	}
	r.disowned = r.disowned[n:]
}

func expire[K key[K]](t *table[K], r *RIB, k K, d disownedPath) {
	head := t.find(k, uint8(d.prefix.Bits()))
	if head == 0 {
		return
	}
	path, _ := t.pathOf(head, d.id)
	if path == 0 || t.routes.at(path).flags&flagLast == 0 {
		return
	}
	rt := t.routes.at(path)
	t.put(r, head, d.id, rt.set, rt.flags&^(flagsOfHead|flagLast)|flagRefused)
}
