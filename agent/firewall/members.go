package firewall

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// membership is what a set holds.
type membership struct {
	all map[netip.Prefix]struct{}
}

func (m *membership) list() []netip.Prefix {
	out := make([]netip.Prefix, 0, len(m.all))
	for p := range m.all {
		out = append(out, p)
	}
	return out
}

// Prepare has sets be there, empty if they are new. Those that are not named stay.
func (d *Driver) Prepare(want []Set) error {
	if d.known == nil {
		list, err := d.sets.list()
		if err != nil {
			return fmt.Errorf("list sets: %w", err)
		}
		d.known = list
	}
	for _, s := range want {
		if slices.Contains(d.known, s) {
			continue
		}
		for _, other := range d.known {
			if other.Name == s.Name { // of another type: nothing of ours can refer to it
				if err := d.sets.destroy(s.Name); err != nil {
					return fmt.Errorf("set %s is of another type and in use: %w", s.Name, err)
				}
			}
		}
		if err := d.sets.create(s); err != nil {
			return fmt.Errorf("set %s: %w", s.Name, err)
		}
		d.known = append(slices.DeleteFunc(d.known, func(o Set) bool { return o.Name == s.Name }), s)
	}
	return nil
}

// destroyUnwanted removes the sets that no rule names any more.
func (d *Driver) destroyUnwanted() error {
	kept := d.known[:0:0]
	for i, s := range d.known {
		if slices.ContainsFunc(d.state.Sets, func(w Set) bool { return w.Name == s.Name }) {
			kept = append(kept, s)
			continue
		}
		if err := d.sets.destroy(s.Name); err != nil {
			d.known = append(kept, d.known[i:]...)
			return fmt.Errorf("set %s: %w", s.Name, err)
		}
		delete(d.content, s.Name)
	}
	d.known = kept
	return nil
}

// Fill makes a set hold exactly these.
func (d *Driver) Fill(set string, members []netip.Prefix) error {
	_, err := d.fill(set, members)
	return err
}

func (d *Driver) fill(set string, members []netip.Prefix) (wrote bool, err error) {
	have, err := d.sets.members(set)
	if err != nil {
		return false, fmt.Errorf("set %s: %w", set, err)
	}
	want := map[netip.Prefix]struct{}{}
	for _, p := range halves(members) {
		want[p] = struct{}{}
	}
	var add, remove []netip.Prefix
	there := map[netip.Prefix]bool{}
	for _, p := range have {
		if there[p] = true; !has(want, p) {
			remove = append(remove, p)
		}
	}
	for p := range want {
		if !there[p] {
			add = append(add, p)
		}
	}
	d.content[set] = &membership{want}
	return len(add)+len(remove) > 0, d.write(set, add, remove)
}

func has(m map[netip.Prefix]struct{}, p netip.Prefix) bool {
	_, ok := m[p]
	return ok
}

// Change adds and removes members; nothing else reaches the kernel.
func (d *Driver) Change(set string, add, remove []netip.Prefix) error {
	add, remove = halves(add), halves(remove)
	m := d.content[set]
	if m == nil {
		m = &membership{map[netip.Prefix]struct{}{}}
		d.content[set] = m
	}
	for _, p := range remove {
		delete(m.all, p)
	}
	for _, p := range add {
		m.all[p] = struct{}{}
	}
	return d.write(set, add, remove)
}

func (d *Driver) write(set string, add, remove []netip.Prefix) error {
	if len(remove) > 0 {
		if err := d.sets.change(set, remove, true); err != nil {
			return fmt.Errorf("set %s: %w", set, err)
		}
	}
	if len(add) > 0 {
		if err := d.sets.change(set, add, false); err != nil {
			return fmt.Errorf("set %s: %w", set, err)
		}
	}
	return nil
}

// halves writes everyone as two halves: a set takes no prefix of length 0.
func halves(list []netip.Prefix) []netip.Prefix {
	if !slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Bits() == 0 }) {
		return list
	}
	var out []netip.Prefix
	for _, p := range list {
		switch {
		case p.Bits() > 0:
			out = append(out, p)
		case p.Addr().Is4():
			out = append(out, netip.MustParsePrefix("0.0.0.0/1"), netip.MustParsePrefix("128.0.0.0/1"))
		default:
			out = append(out, netip.MustParsePrefix("::/1"), netip.MustParsePrefix("8000::/1"))
		}
	}
	return out
}

func ours(name string) bool { return strings.HasPrefix(name, Prefix) }
