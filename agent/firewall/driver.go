package firewall

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"

	"heddle/bgp"
)

// Driver holds the kernel to a State. Its methods may be called concurrently; they
// wait for one another.
type Driver struct {
	tables tables
	others []tables // back ends not in use
	sets   sets
	flows  flows
	closes func()

	mu      sync.Mutex
	state   *State // last applied
	spots   [2][2]spot
	learned map[string]string // how iptables-save prints a rule, where that is not our text
	literal trust
	serial  uint32 // generation at which we know what is there
	members map[string]map[netip.Prefix]struct{}
	left    bool // sets that could not be destroyed yet
	swept   bool // the other back end has nothing of ours
}

// spot is a table of a family.
type spot struct {
	want  *view
	have  *view // nil: not known
	met   bool  // was read once, or written
	learn bool  // what is read next was just written by us
}

// trust is whether iptables-save prints our rules as we write them.
type trust uint8

const (
	untried trust = iota
	verbatim
	rephrased
)

func newDriver(t tables, s sets, f flows) *Driver {
	return &Driver{
		tables: t, sets: s, flows: f, closes: func() {},
		learned: map[string]string{}, members: map[string]map[netip.Prefix]struct{}{},
	}
}

// Close gives the sockets back. The kernel keeps what it holds.
func (d *Driver) Close() error {
	d.closes()
	return nil
}

// Backend is nft, legacy, or fake.
func (d *Driver) Backend() string { return d.tables.name() }

// Prepare makes the sets of a state without its rules, so that they can be filled
// before a rule names them.
func (d *Driver) Prepare(s *State) (wrote bool, err error) {
	if err := s.Check(); err != nil {
		return false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ensure(s.Sets)
}

// Apply makes the kernel hold a state: sets first, then rules, and then what sets of
// ours are not in it go. The driver keeps s: it must not be changed afterwards.
func (d *Driver) Apply(ctx context.Context, s *State) (wrote bool, err error) {
	if err := s.Check(); err != nil {
		return false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.apply(ctx, s)
}

func (d *Driver) apply(ctx context.Context, s *State) (wrote bool, err error) {
	wrote, err = d.ensure(s.Sets)
	if err != nil {
		return wrote, err
	}
	d.state = s
	if err := d.refresh(); err != nil {
		return wrote, err
	}
	for _, family := range bgp.Families {
		for _, table := range [...]Table{Raw, Filter} {
			sp := d.spot(family, table)
			sp.want = compile(s, family, table, sp.want)
			did, err := d.reconcile(ctx, family, table, sp)
			wrote = wrote || did
			if err != nil {
				return wrote, fmt.Errorf("%s: %w", family, err)
			}
		}
	}
	if err := d.sweep(ctx); err != nil {
		return wrote, err
	}
	did, err := d.discard(s.Sets)
	return wrote || did, err
}

func (d *Driver) spot(family bgp.Family, table Table) *spot {
	return &d.spots[family-bgp.IPv4Unicast][table-Raw]
}

// refresh drops what is remembered when somebody else wrote. The legacy back end can't
// tell, and would have to read as much as it writes: there Changed reads.
func (d *Driver) refresh() error {
	now, ok, err := d.tables.generation()
	if err != nil || !ok || now == d.serial {
		return err
	}
	d.unlearn(now)
	return nil
}

// unlearn has every table read again; what is read is at least as new as now.
func (d *Driver) unlearn(now uint32) {
	d.serial = now
	for f := range d.spots {
		for t := range d.spots[f] {
			d.spots[f][t].have = nil
		}
	}
}

// Attempts of a change: one more for an error that may come of a stale view, many
// where the program says that another writer came between.
const (
	staleMost   = 2
	contestMost = 10
)

func (d *Driver) reconcile(ctx context.Context, family bgp.Family, table Table, sp *spot) (wrote bool, err error) {
	var last error
	for attempt := 0; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return wrote, errors.Join(last, err)
		}
		if sp.have == nil {
			if err := d.read(ctx, family, table, sp); err != nil {
				return wrote, err
			}
		}
		p := plan(sp.have, sp.want, d.same)
		if p.empty() {
			sp.have = sp.want
			return wrote, nil
		}
		if attempt >= contestMost || (last != nil && !contended(last) && attempt >= staleMost) {
			if last == nil {
				last = fmt.Errorf("table %s does not hold what was written %d times: is somebody else changing it?", table, attempt)
			}
			return wrote, last
		}
		sp.have = nil
		if last = d.tables.restore(ctx, family, p.text(table)); last != nil {
			continue
		}
		wrote = true
		sp.met = true
		d.count()
		if d.literal == verbatim && !p.mended && !p.odd {
			sp.have = sp.want
			return wrote, nil
		}
		sp.learn = true
	}
}

// count keeps the generation in step with a write of ours. When it has moved further,
// somebody else wrote as well, and Changed is to say so.
func (d *Driver) count() {
	now, ok, err := d.tables.generation()
	if err == nil && ok && now == d.serial+1 {
		d.serial = now
	}
}

func (d *Driver) read(ctx context.Context, family bgp.Family, table Table, sp *spot) error {
	text, err := d.tables.save(ctx, family, table)
	if err != nil {
		return err
	}
	v, err := parseSave(text)
	if err != nil {
		return fmt.Errorf("%s back end: %w", d.tables.name(), err)
	}
	if sp.learn || !sp.met {
		d.study(v, sp.want)
	}
	sp.have, sp.met, sp.learn = v, true, false
	return nil
}

// study learns how iptables-save prints rules of ours that it does not print as they
// were written.
func (d *Driver) study(found, want *view) {
	texts := map[string]line{}
	for _, l := range want.lines() {
		texts[l.key] = l
	}
	for _, l := range found.lines() {
		w, ok := texts[l.key]
		switch {
		case !ok:
		case target(w.text) != target(l.text): // nobody prints that otherwise: it was changed
		case w.text != l.text:
			d.learned[w.text] = l.text
			if !w.odd {
				d.literal = rephrased
			}
		case d.literal == untried:
			d.literal = verbatim
		}
	}
}

// target is what a rule does, which stands last.
func target(text string) string { return text[max(0, strings.LastIndex(text, " -")):] }

func (v *view) lines() []line {
	var all []line
	for _, c := range v.chains {
		all = append(all, c.rules...)
	}
	for _, hooks := range v.hooks {
		all = append(all, hooks...)
	}
	for _, strays := range v.strays {
		for _, s := range strays {
			all = append(all, s.line)
		}
	}
	return all
}

func (d *Driver) same(found, wanted line) bool {
	return found.text == wanted.text || d.learned[wanted.text] == found.text
}

// Forget removes the tracked flows whose original source or destination, or the source
// of whose replies, is one of the addresses.
func (d *Driver) Forget(addresses []netip.Addr) (flows int, err error) {
	if len(addresses) == 0 {
		return 0, nil
	}
	over := make(map[netip.Addr]bool, len(addresses))
	for _, a := range addresses {
		over[a.Unmap()] = true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.flows.forget(func(f [3]netip.Addr) bool { return over[f[0]] || over[f[1]] || over[f[2]] })
}
