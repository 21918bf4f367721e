package firewall

import (
	"context"

	"heddle/bgp"
)

// Changed is a cheap look whether somebody else touched the tables or our sets since
// we last knew them. Members that were exchanged for as many others it does not see.
func (d *Driver) Changed() (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state == nil {
		return false, nil
	}
	if off, err := d.setsDiffer(); off || err != nil {
		return off, err
	}
	now, ok, err := d.tables.generation()
	if err != nil {
		return false, err
	}
	if ok {
		return now != d.serial, nil
	}
	for _, family := range bgp.Families {
		for _, table := range [...]Table{Raw, Filter} {
			sp := d.spot(family, table)
			if err := d.read(context.Background(), family, table, sp); err != nil {
				return false, err
			}
			if !plan(sp.have, sp.want, d.same).empty() {
				return true, nil
			}
			sp.have = sp.want
		}
	}
	return false, nil
}

// Repair reads everything back and mends what differs from the last applied state,
// the members of sets included.
func (d *Driver) Repair(ctx context.Context) (wrote bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state == nil {
		return false, nil
	}
	now, _, err := d.tables.generation()
	if err != nil {
		return false, err
	}
	d.unlearn(now)
	wrote, err = d.ensure(d.state.Sets)
	if err != nil {
		return wrote, err
	}
	filled, err := d.refill()
	if err != nil {
		return wrote || filled, err
	}
	did, err := d.apply(ctx, d.state)
	return wrote || filled || did, err
}
