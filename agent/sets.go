package agent

import (
	"net/netip"
	"slices"

	"heddle/agent/derive"
	"heddle/agent/routes"
	"heddle/bgp"
)

// set is a set of the filter: those who bear a tag.
type set struct {
	derive.Members
	add, remove []netip.Prefix // not yet told the kernel
}

// tagged is what sets are found by.
type tagged struct {
	family bgp.Family
	tag    uint32
}

// retag notes which sets a prefix joins and leaves.
func (a *Agent) retag(c routes.Change) {
	family := bgp.FamilyOf(c.Prefix.Addr())
	old, now := a.table.TagsOf(c.OldTags), a.table.TagsOf(c.Tags)
	for _, tag := range old {
		if !slices.Contains(now, tag) {
			for _, s := range a.byTag[tagged{family, tag}] {
				if !slices.Contains(s.Local, c.Prefix) {
					s.remove = append(s.remove, c.Prefix)
				}
			}
		}
	}
	for _, tag := range now {
		if !slices.Contains(old, tag) {
			for _, s := range a.byTag[tagged{family, tag}] {
				s.add = append(s.add, c.Prefix)
			}
		}
	}
}

// flushSets tells the kernel of it.
func (a *Agent) flushSets() {
	for _, s := range a.sets {
		if len(s.add)+len(s.remove) == 0 {
			continue
		}
		err := a.filter.Change(s.Set, s.add, s.remove)
		a.counts.Members += uint64(len(s.add) + len(s.remove))
		s.add, s.remove = nil, nil
		a.report("set "+s.Set, err)
		if err != nil {
			delete(a.sets, s.Set) // to be filled anew
			a.index()
		}
	}
}

// adoptSets takes the sets that rules are going to name: new ones are filled, of others
// the difference is told.
func (a *Agent) adoptSets(members []derive.Members) error {
	old := a.sets
	a.sets = make(map[string]*set, len(members))
	var fresh []*set
	for _, m := range members {
		s, had := old[m.Set]
		switch {
		case !had || s.Tag != m.Tag:
			s = &set{Members: m}
			fresh = append(fresh, s)
		case !slices.Equal(s.Local, m.Local):
			a.relocate(s, m.Local)
		}
		a.sets[m.Set] = s
	}
	a.index()
	return a.fill(fresh)
}

func (a *Agent) index() {
	clear(a.byTag)
	for _, s := range a.sets {
		if s.Tag != 0 {
			at := tagged{s.Family, s.Tag}
			a.byTag[at] = append(a.byTag[at], s)
		}
	}
}

// relocate takes other local members.
func (a *Agent) relocate(s *set, local []netip.Prefix) {
	for _, p := range local {
		if !slices.Contains(s.Local, p) {
			s.add = append(s.add, p)
		}
	}
	for _, p := range s.Local {
		if r, _ := a.table.Get(p); !slices.Contains(local, p) && !slices.Contains(a.table.TagsOf(r.Tags), s.Tag) {
			s.remove = append(s.remove, p)
		}
	}
	s.Local = local
}

// fill tells the kernel all members of sets. Before the reflectors have said all, what a
// process before us put there stays.
func (a *Agent) fill(fresh []*set) error {
	if len(fresh) == 0 {
		return nil
	}
	a.table.Flush(a.change)
	members := map[tagged][]netip.Prefix{}
	for _, s := range fresh {
		members[tagged{s.Family, s.Tag}] = nil
	}
	for r := range a.table.All() {
		for _, tag := range a.table.TagsOf(r.Tags) {
			at := tagged{bgp.FamilyOf(r.Prefix.Addr()), tag}
			if list, ok := members[at]; ok {
				members[at] = append(list, r.Prefix)
			}
		}
	}
	for _, s := range fresh {
		s.add, s.remove = nil, nil
		all := slices.Concat(members[tagged{s.Family, s.Tag}], s.Local)
		var err error
		if a.synced {
			err = a.filter.Fill(s.Set, all)
		} else {
			err = a.filter.Change(s.Set, all, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fillAll makes every set what it should be, leftovers gone.
func (a *Agent) fillAll() {
	var all []*set
	for _, s := range a.sets {
		all = append(all, s)
	}
	a.report("sets", a.fill(all))
}
