package firewall

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"

	"heddle/bgp"
)

// tables is the packet filter as iptables shows it.
type tables interface {
	save(ctx context.Context, family bgp.Family, table Table) ([]byte, error)
	restore(ctx context.Context, family bgp.Family, input string) error
}

// sets is ipset.
type sets interface {
	list() ([]Set, error) // those that begin with Prefix; of another type than ours: family 0
	create(Set) error
	destroy(name string) error
	members(name string) ([]netip.Prefix, error)
	change(name string, prefixes []netip.Prefix, remove bool) error
}

// flows is conntrack.
type flows interface {
	forget(gone map[netip.Addr]bool) (int, error)
}

// where is a table of a family.
type where struct {
	family bgp.Family
	table  Table
}

func everywhere() (list []where) {
	for _, table := range []Table{Raw, Filter} {
		for _, f := range bgp.Families {
			list = append(list, where{f, table})
		}
	}
	return list
}

// Driver keeps the packet filter of a host. It has one owner.
type Driver struct {
	backend string
	tables  tables
	others  []tables // back ends that are not in use, and are to have nothing of ours
	sets    sets
	flows   flows
	watch   func() (uint32, error) // generation of the tables; nil: there is none

	state   *State                 // applied last
	found   map[where]*tableFound  // as the kernel has it, as far as we know
	known   []Set                  // sets that are there; nil: not known
	content map[string]*membership // of sets
	seen    uint32                 // generation at the last look; 0: look again
	polls   int
	moved   bool // others were cleaned
}

// Open finds the back end: nft, legacy, or auto, which is the one that the rules of
// others are in. It acts in the network namespace of the calling thread.
func Open(backend string) (*Driver, error) {
	all, err := find(context.Background(), backend, execute, exec.LookPath)
	if err != nil {
		return nil, err
	}
	kernel, err := openNetfilter()
	if err != nil {
		return nil, err
	}
	d := newDriver(all[0].backend, all[0], kernel, kernel)
	for _, p := range all[1:] {
		d.others = append(d.others, p)
	}
	if d.backend == "nft" {
		d.watch = kernel.generation
	}
	return d, nil
}

func newDriver(backend string, t tables, s sets, f flows) *Driver {
	return &Driver{
		backend: backend, tables: t, sets: s, flows: f,
		found: map[where]*tableFound{}, content: map[string]*membership{},
	}
}

// Close lets go of the kernel, which keeps what it has.
func (d *Driver) Close() error {
	if c, ok := d.sets.(interface{ close() }); ok {
		c.close()
	}
	return nil
}

// Backend is nft or legacy.
func (d *Driver) Backend() string { return d.backend }

// Apply makes the kernel hold a state, and says whether that took any writing: sets
// first, then rules, each table of each family in one step, then sets that are not
// wanted any more.
func (d *Driver) Apply(ctx context.Context, s *State) (wrote bool, err error) {
	if err := s.Check(); err != nil {
		return false, fmt.Errorf("rules that no kernel would take: %w", err)
	}
	if err := d.Prepare(s.Sets); err != nil {
		return false, err
	}
	d.state = s
	for _, at := range everywhere() {
		changed, err := d.applyTable(ctx, at)
		wrote = wrote || changed
		if err != nil {
			return wrote, err
		}
	}
	if err := d.cleanOthers(ctx); err != nil {
		return wrote, err
	}
	return wrote, d.destroyUnwanted()
}

// applyTable writes what differs. Where what we know of the table is not true any more,
// the kernel refuses it as a whole: then it is read and tried once more.
func (d *Driver) applyTable(ctx context.Context, at where) (wrote bool, err error) {
	want := wanted(d.state, at.family, at.table)
	if d.found[at] == nil {
		if err := d.read(ctx, at); err != nil {
			return false, err
		}
	}
	for attempt := range 2 {
		input := edit(d.found[at], want, at.table)
		if input == "" {
			return false, nil
		}
		if err = d.tables.restore(ctx, at.family, input); err == nil {
			d.wrote(at, want)
			return true, nil
		}
		if attempt == 0 {
			if again := d.read(ctx, at); again != nil {
				return false, errors.Join(err, again)
			}
		}
	}
	d.found[at] = nil
	return false, fmt.Errorf("table %s of %s: %w", at.table, at.family, err)
}

func (d *Driver) read(ctx context.Context, at where) error {
	out, err := d.tables.save(ctx, at.family, at.table)
	if err != nil {
		return fmt.Errorf("read table %s of %s: %w", at.table, at.family, err)
	}
	d.found[at] = parse(out)
	return nil
}

// wrote notes that a table is as it is wanted. How iptables prints the rules is not
// known of the new ones: the next Repair learns it.
func (d *Driver) wrote(at where, want *tableWanted) {
	old := d.found[at]
	f := &tableFound{chains: map[string][]string{}, texts: map[string]string{}, hooks: map[string][]hookFound{}}
	for name, lines := range want.chains {
		ids := make([]string, len(lines))
		for i, l := range lines {
			ids[i] = l.id
			if text, ok := old.texts[name+" "+l.id]; ok {
				f.texts[name+" "+l.id] = text
			}
		}
		f.chains[name] = ids
	}
	for name, to := range want.hooks {
		f.hooks[name] = []hookFound{{1, to}}
	}
	d.found[at] = f
	d.seen = 0
}

// pollsEach is how many looks at a back end without generations are answered by reading
// it all.
const pollsEach = 2

// Changed says whether somebody else may have written the tables since the last look.
// It is cheap where the kernel counts generations, and a guess where it does not.
func (d *Driver) Changed() (bool, error) {
	if d.state == nil {
		return false, nil
	}
	if d.watch == nil {
		d.polls++
		return d.polls%pollsEach == 0, nil
	}
	now, err := d.watch()
	if err != nil {
		return true, fmt.Errorf("generation of the tables: %w", err)
	}
	changed := now != d.seen
	d.seen = now
	return changed, nil
}

// Repair reads everything back and mends what is not as it was applied, members of sets
// included.
func (d *Driver) Repair(ctx context.Context) (wrote bool, err error) {
	if d.state == nil {
		return false, nil
	}
	d.known = nil
	if err := d.Prepare(d.state.Sets); err != nil {
		return false, err
	}
	for _, at := range everywhere() {
		old := d.found[at]
		if err := d.read(ctx, at); err != nil {
			return wrote, err
		}
		tampered(d.found[at], old)
		changed, err := d.applyTable(ctx, at)
		if wrote = wrote || changed; err != nil {
			return wrote, err
		}
	}
	for name, m := range d.content {
		changed, err := d.fill(name, m.list())
		if wrote = wrote || changed; err != nil {
			return wrote, err
		}
	}
	return wrote, nil
}

// tampered makes strangers of rules that bear our comment and do not read as they did.
func tampered(now, old *tableFound) {
	if old == nil {
		return
	}
	for name, ids := range now.chains {
		for i, id := range ids {
			before, known := old.texts[name+" "+id]
			if known && now.texts[name+" "+id] != before {
				ids[i] = ""
				delete(now.texts, name+" "+id)
			}
		}
	}
}

// cleanOthers removes what is ours from back ends that are not in use, once: an agent
// before us may have used them.
func (d *Driver) cleanOthers(ctx context.Context) error {
	if d.moved {
		return nil
	}
	for _, t := range d.others {
		if err := purgeTables(ctx, t); err != nil {
			return err
		}
	}
	d.moved = true
	return nil
}

// Purge removes everything of ours, in every back end.
func (d *Driver) Purge(ctx context.Context) error {
	for _, t := range append([]tables{d.tables}, d.others...) {
		if err := purgeTables(ctx, t); err != nil {
			return err
		}
	}
	d.state, d.found, d.known = nil, map[where]*tableFound{}, nil
	list, err := d.sets.list()
	if err != nil {
		return fmt.Errorf("list sets: %w", err)
	}
	for _, s := range list {
		if err := d.sets.destroy(s.Name); err != nil {
			return fmt.Errorf("set %s: %w", s.Name, err)
		}
	}
	return nil
}

func purgeTables(ctx context.Context, t tables) error {
	for _, at := range everywhere() {
		out, err := t.save(ctx, at.family, at.table)
		if err != nil {
			// A back end whose table can't be read holds nothing: iptables would have made it.
			if strings.Contains(err.Error(), "does not exist") {
				continue
			}
			return fmt.Errorf("read table %s of %s: %w", at.table, at.family, err)
		}
		if input := edit(parse(out), &tableWanted{}, at.table); input != "" {
			if err := t.restore(ctx, at.family, input); err != nil {
				return fmt.Errorf("table %s of %s: %w", at.table, at.family, err)
			}
		}
	}
	return nil
}

// Forget removes the tracked flows that one of the addresses began or answers. All
// others live.
func (d *Driver) Forget(addresses []netip.Addr) (int, error) {
	gone := map[netip.Addr]bool{}
	for _, a := range addresses {
		gone[a] = true
	}
	var err error
	count := 0
	for range 3 { // a dump that the kernel interrupts may have missed some
		n, again := d.flows.forget(gone)
		count, err = count+n, again
		if err == nil {
			break
		}
	}
	if err != nil {
		return count, fmt.Errorf("tracked flows: %w", err)
	}
	return count, nil
}
