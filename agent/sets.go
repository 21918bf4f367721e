package agent

import (
	"net/netip"
	"slices"
	"time"

	"heddle/agent/derive"
	"heddle/agent/routes"
	"heddle/bgp"
)

// set is a set of the filter: those who bear a tag.
type set struct {
	derive.Members
	// filled: it holds what it should but for touched. Before the reflectors have said
	// all, that is what they have said so far, and what a process before us left.
	filled  bool
	touched map[netip.Prefix]struct{} // to be looked at anew
	// A tag that was given another number has both for a while: routes bear the old one
	// until the reflectors have followed.
	also  uint32
	until time.Time
}

// renumbered is how long a tag goes by its old number, too.
const renumbered = 60 * time.Second

// tagged is what sets are found by.
type tagged struct {
	family bgp.Family
	tag    uint32
}

// holds says whether a prefix is a member: it is one of the host's own that bear the
// tag, or its route does.
func (a *Agent) holds(s *set, p netip.Prefix) bool {
	if slices.Contains(s.Local, p) {
		return true
	}
	r, _ := a.table.Get(p)
	return s.bears(a.table.TagsOf(r.Tags))
}

func (s *set) bears(tags []uint32) bool {
	return (s.Tag != 0 && slices.Contains(tags, s.Tag)) || (s.also != 0 && slices.Contains(tags, s.also))
}

// unknown says whether it is not known who is in a set: nobody has said all yet, and no
// process before us knew; or the kernel could not be told.
func (a *Agent) unknown(name string) bool {
	if s := a.sets[name]; s != nil && !s.filled {
		return true
	}
	return !a.synced && !a.inherited[name]
}

// retag notes which sets a prefix may join or leave.
func (a *Agent) retag(c routes.Change) {
	family := bgp.FamilyOf(c.Prefix.Addr())
	for _, tags := range [][]uint32{a.table.TagsOf(c.OldTags), a.table.TagsOf(c.Tags)} {
		for _, tag := range tags {
			for _, s := range a.byTag[tagged{family, tag}] {
				s.touched[c.Prefix] = struct{}{}
			}
		}
	}
}

// flushSets tells the kernel who joined, and, unless only that is wanted, who left.
func (a *Agent) flushSets(joined bool) {
	for _, s := range a.sets {
		if !s.filled || len(s.touched) == 0 {
			continue
		}
		var add, remove []netip.Prefix
		for p := range s.touched {
			switch {
			case a.holds(s, p):
				add = append(add, p)
				delete(s.touched, p)
			case !joined:
				remove = append(remove, p)
				delete(s.touched, p)
			}
		}
		if len(add)+len(remove) == 0 {
			continue
		}
		err := a.filter.Change(s.Set, add, remove)
		a.counts.Members += uint64(len(add) + len(remove))
		a.report("set "+s.Set, err)
		if err != nil {
			s.filled, a.stale = false, true // what rules make of it changes, too
		}
	}
}

// adoptSets takes the sets that rules are going to name: new ones are filled, of others
// the difference is told.
func (a *Agent) adoptSets(members []derive.Members) error {
	old := a.sets
	a.sets = make(map[string]*set, len(members))
	for _, m := range members {
		s, had := old[m.Set]
		if !had {
			s = &set{Members: m, touched: map[netip.Prefix]struct{}{}}
		}
		if had && s.Tag != m.Tag {
			s.also, s.until, s.filled = s.Tag, time.Now().Add(renumbered), false
		}
		for _, p := range slices.Concat(s.Local, m.Local) {
			s.touched[p] = struct{}{}
		}
		s.Members = m
		a.sets[m.Set] = s
	}
	a.index()
	return a.fill()
}

func (a *Agent) index() {
	clear(a.byTag)
	for _, s := range a.sets {
		for _, tag := range []uint32{s.Tag, s.also} {
			if at := (tagged{s.Family, tag}); tag != 0 && !slices.Contains(a.byTag[at], s) {
				a.byTag[at] = append(a.byTag[at], s)
			}
		}
	}
}

// fill tells the kernel all members of the sets that are not filled. Before the
// reflectors have said all, what a process before us put there stays.
func (a *Agent) fill() error {
	a.table.Flush(a.change)
	members := map[*set][]netip.Prefix{}
	for _, s := range a.sets {
		if !s.filled {
			members[s] = slices.Clone(s.Local)
		}
	}
	if len(members) == 0 {
		return nil
	}
	for r := range a.table.All() {
		family, tags := bgp.FamilyOf(r.Prefix.Addr()), a.table.TagsOf(r.Tags)
		for _, tag := range tags {
			for _, s := range a.byTag[tagged{family, tag}] {
				if list, wanted := members[s]; wanted {
					members[s] = append(list, r.Prefix)
				}
			}
		}
	}
	for s, list := range members {
		var err error
		if a.synced {
			err = a.filter.Fill(s.Set, list)
		} else {
			err = a.filter.Change(s.Set, list, nil)
		}
		a.report("set "+s.Set, err)
		if err != nil {
			return err
		}
		s.filled = true
		clear(s.touched)
	}
	return nil
}

// refill has every set made what it should be, leftovers gone.
func (a *Agent) refill() {
	for _, s := range a.sets {
		s.filled = false
	}
	a.stale = true
}

// outgrow ends the time of old numbers.
func (a *Agent) outgrow(now time.Time) {
	for _, s := range a.sets {
		if s.also != 0 && !now.Before(s.until) {
			s.also, s.filled, a.stale = 0, false, true
		}
	}
	a.index()
}
