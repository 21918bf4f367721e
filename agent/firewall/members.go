package firewall

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"heddle/bgp"
)

// spare is what a set is called while it takes the place of one of the wrong size.
const spare = Prefix + "spare"

// ensure makes the sets that are missing.
func (d *Driver) ensure(wanted []Set) (wrote bool, err error) {
	there, err := d.ourSets()
	if err != nil {
		return false, err
	}
	for _, s := range wanted {
		h, ok := there[s.Name]
		switch {
		case ok && h.fits && h.family == s.Family:
			continue
		case ok:
			err = d.replace(s, h)
		default:
			err = d.sets.create(s.Name, s.Family)
		}
		if err != nil {
			return wrote, fmt.Errorf("set %s: %w", s.Name, err)
		}
		wrote = true
	}
	return wrote, nil
}

// Existing lists the sets of ours that the kernel has, by name.
func (d *Driver) Existing() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	there, err := d.ourSets()
	return sortedKeys(there), err
}

func (d *Driver) ourSets() (map[string]header, error) {
	all, err := d.sets.headers()
	if err != nil {
		return nil, fmt.Errorf("list the sets: %w", err)
	}
	there := map[string]header{}
	for _, h := range all {
		if strings.HasPrefix(h.name, Prefix) {
			there[h.name] = h
		}
	}
	return there, nil
}

// replace changes the type of a set. The kernel swaps sets of one type only, though
// their sizes may differ; what no rule names can go and come again.
func (d *Driver) replace(s Set, old header) error {
	var members []netip.Prefix
	if old.family == s.Family {
		members, _ = d.sets.members(s.Name)
	}
	if err := errors.Join(d.sets.destroy(spare), d.sets.create(spare, s.Family)); err != nil {
		return err
	}
	members = slices.DeleteFunc(members, func(p netip.Prefix) bool { return !p.IsValid() || p.Bits() == 0 })
	if err := d.sets.change(spare, members, nil); err != nil {
		return err
	}
	err := d.sets.swap(spare, s.Name)
	if errors.Is(err, errMismatch) {
		if err = d.sets.destroy(s.Name); err == nil {
			err = d.sets.create(s.Name, s.Family)
		}
	}
	if errors.Is(err, errInUse) {
		err = fmt.Errorf("is of another type and named by rules; Purge, then Apply: %w", err)
	}
	return errors.Join(err, d.sets.destroy(spare))
}

// discard removes sets of ours that are not wanted. nft lets go of a set some time
// after the rule that named it is gone; what is still held then goes another time.
func (d *Driver) discard(wanted []Set) (wrote bool, err error) {
	there, err := d.ourSets()
	if err != nil {
		return false, err
	}
	for _, s := range wanted {
		delete(there, s.Name)
	}
	for wait := 5 * time.Millisecond; len(there) > 0; wait *= 2 {
		for _, name := range sortedKeys(there) {
			err := d.sets.destroy(name)
			if errors.Is(err, errInUse) {
				continue
			}
			if err != nil {
				return wrote, fmt.Errorf("set %s: %w", name, err)
			}
			delete(there, name)
			delete(d.members, name)
			wrote = true
		}
		if len(there) == 0 || wait > 300*time.Millisecond || d.left {
			break
		}
		time.Sleep(wait)
	}
	d.left = len(there) > 0
	return wrote, nil
}

// Fill makes a set hold exactly these; what differs from the kernel is written. It
// does not have 0.0.0.0/0 and ::/0 as members: their halves stand for them.
func (d *Driver) Fill(set string, members []netip.Prefix) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	wanted := make(map[netip.Prefix]struct{}, len(members))
	for _, p := range members {
		if err := checkMember(p); err != nil {
			return fmt.Errorf("set %s: %w", set, err)
		}
		wanted[p.Masked()] = struct{}{}
	}
	_, err := d.fill(set, wanted)
	return err
}

func checkMember(p netip.Prefix) error {
	if !p.IsValid() || bgp.FamilyOf(p.Addr()) == bgp.FamilyInvalid {
		return fmt.Errorf("%s can't be a member", p)
	}
	return nil
}

func (d *Driver) fill(set string, wanted map[netip.Prefix]struct{}) (wrote bool, err error) {
	there, err := d.sets.members(set)
	if err != nil {
		return false, fmt.Errorf("set %s: members: %w", set, err)
	}
	var add, remove []netip.Prefix
	holds := make(map[netip.Prefix]bool, len(there))
	for _, p := range there {
		holds[p] = true
		if !inKernel(wanted, p) {
			remove = append(remove, p)
		}
	}
	for p := range wanted {
		for _, e := range elements(p) {
			if !holds[e] {
				add = append(add, e)
			}
		}
	}
	d.members[set] = wanted
	if len(add)+len(remove) == 0 {
		return false, nil
	}
	if err := d.sets.change(set, add, remove); err != nil {
		return true, fmt.Errorf("set %s: %w", set, err)
	}
	return true, nil
}

// Change is a difference: only these members reach the kernel.
func (d *Driver) Change(set string, add, remove []netip.Prefix) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range slices.Concat(add, remove) {
		if err := checkMember(p); err != nil {
			return fmt.Errorf("set %s: %w", set, err)
		}
	}
	held := d.members[set]
	if held == nil {
		there, err := d.sets.members(set)
		if err != nil {
			return fmt.Errorf("set %s: members: %w", set, err)
		}
		held = make(map[netip.Prefix]struct{}, len(there))
		for _, p := range there {
			held[p] = struct{}{}
		}
		d.members[set] = held
	}
	var in, out []netip.Prefix
	for _, p := range remove {
		delete(held, p.Masked())
	}
	for _, p := range add {
		held[p.Masked()] = struct{}{}
		in = append(in, elements(p.Masked())...)
	}
	for _, p := range remove {
		for _, e := range elements(p.Masked()) {
			if !inKernel(held, e) {
				out = append(out, e)
			}
		}
	}
	if err := d.sets.change(set, in, out); err != nil {
		return fmt.Errorf("set %s: %w", set, err)
	}
	return nil
}

// elements are what the kernel holds for a member: hash:net takes no /0.
func elements(p netip.Prefix) []netip.Prefix {
	if p.Bits() > 0 {
		return []netip.Prefix{p}
	}
	upper := p.Addr().AsSlice()
	upper[0] = 0x80
	half, _ := netip.AddrFromSlice(upper)
	return []netip.Prefix{netip.PrefixFrom(p.Addr(), 1), netip.PrefixFrom(half, 1)}
}

// inKernel says whether a member stands for an element.
func inKernel(members map[netip.Prefix]struct{}, element netip.Prefix) bool {
	if _, ok := members[element]; ok || element.Bits() != 1 {
		return ok
	}
	_, ok := members[netip.PrefixFrom(element.Addr(), 0).Masked()]
	return ok
}

// refill puts right the members that Fill and Change told us of.
func (d *Driver) refill() (wrote bool, err error) {
	for _, s := range d.state.Sets {
		if wanted := d.members[s.Name]; wanted != nil {
			did, err := d.fill(s.Name, wanted)
			wrote = wrote || did
			if err != nil {
				return wrote, err
			}
		}
	}
	return wrote, nil
}

// setsDiffer looks at the headers alone.
func (d *Driver) setsDiffer() (bool, error) {
	there, err := d.ourSets()
	if err != nil {
		return false, err
	}
	for _, s := range d.state.Sets {
		h, ok := there[s.Name]
		if !ok || !h.fits || h.family != s.Family {
			return true, nil
		}
		delete(there, s.Name)
		held, known := d.members[s.Name]
		if known && int(h.count) != len(held) && int(h.count) != count(held) {
			return true, nil
		}
	}
	return len(there) > 0 && !d.left, nil
}

// count is how many elements the kernel holds for the members.
func count(members map[netip.Prefix]struct{}) int {
	all := make(map[netip.Prefix]struct{}, len(members))
	for p := range members {
		for _, e := range elements(p) {
			all[e] = struct{}{}
		}
	}
	return len(all)
}
