package firewall

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"heddle/bgp"
)

// Fake is a packet filter in memory for tests. It executes the same text that the
// kernel's programs would get.
type Fake struct {
	mu     sync.Mutex
	tables map[place]*fakeTable
	sets   map[string]*fakeSet
	flows  [][3]netip.Addr
	serial uint32
	writes int
	fails  map[string][]error
}

type place struct {
	family bgp.Family
	table  Table
}

type fakeSet struct {
	family  bgp.Family
	members map[netip.Prefix]bool
}

// NewFake gives a fake kernel and a driver over it.
func NewFake() (*Driver, *Fake) {
	f := &Fake{tables: map[place]*fakeTable{}, sets: map[string]*fakeSet{}, fails: map[string][]error{}}
	for _, family := range bgp.Families {
		f.tables[place{family, Raw}] = newFakeTable("PREROUTING", "OUTPUT")
		f.tables[place{family, Filter}] = newFakeTable("INPUT", "FORWARD", "OUTPUT")
	}
	return f.Driver(), f
}

// Driver gives a new driver over the same kernel, as after a restart.
func (f *Fake) Driver() *Driver { return newDriver(fakeTables{f}, fakeSets{f}, fakeFlows{f}) }

// Save prints a table as iptables-save does.
func (f *Fake) Save(family bgp.Family, table Table) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tables[place{family, table}].print(table)
}

// Restore is somebody else's iptables-restore --noflush.
func (f *Fake) Restore(family bgp.Family, input string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.restore(family, input)
}

// Writes is how often a driver wrote: restores, and changes of and in sets.
func (f *Fake) Writes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes
}

// Fail has the next call of a kind (save, restore, set, flows) fail; again for more.
func (f *Fake) Fail(kind string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails[kind] = append(f.fails[kind], err)
}

// Sets are the names of the sets, sorted.
func (f *Fake) Sets() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return sortedKeys(f.sets)
}

// Members are what a set holds, sorted.
func (f *Fake) Members(set string) []netip.Prefix {
	list, _ := fakeSets{f}.members(set)
	slices.SortFunc(list, netip.Prefix.Compare)
	return list
}

// Meddle is somebody else's change of a set's members.
func (f *Fake) Meddle(set string, add, remove []netip.Prefix) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.change(set, add, remove)
}

// Track adds a flow: original source, original destination, source of the replies.
func (f *Fake) Track(source, destination, replySource netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.flows = append(f.flows, [3]netip.Addr{source, destination, replySource})
}

// Flows are those that are tracked, as given to Track.
func (f *Fake) Flows() [][3]netip.Addr {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.flows)
}

func (f *Fake) failure(kind string) error {
	if len(f.fails[kind]) == 0 {
		return nil
	}
	err := f.fails[kind][0]
	f.fails[kind] = f.fails[kind][1:]
	return err
}

func (f *Fake) change(set string, add, remove []netip.Prefix) error {
	s := f.sets[set]
	if s == nil {
		return fmt.Errorf("there is no set %s", set)
	}
	for _, p := range slices.Concat(add, remove) {
		if bgp.FamilyOf(p.Addr()) != s.family || p.Bits() == 0 {
			return fmt.Errorf("%s can't be in set %s", p, set)
		}
	}
	for _, p := range add {
		s.members[p.Masked()] = true
	}
	for _, p := range remove {
		delete(s.members, p.Masked())
	}
	return nil
}

type fakeTables struct{ *Fake }

func (fakeTables) name() string { return "fake" }

func (f fakeTables) save(_ context.Context, family bgp.Family, table Table) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.failure("save"); err != nil {
		return nil, err
	}
	if table == TableInvalid {
		return []byte(f.tables[place{family, Raw}].print(Raw) + f.tables[place{family, Filter}].print(Filter)), nil
	}
	return []byte(f.tables[place{family, table}].print(table)), nil
}

func (f fakeTables) restore(_ context.Context, family bgp.Family, input string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.failure("restore"); err != nil {
		return err
	}
	f.writes++
	return f.Fake.restore(family, input)
}

func (f fakeTables) generation() (uint32, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.serial, true, nil
}

type fakeSets struct{ *Fake }

func (f fakeSets) headers() ([]header, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []header
	for name, s := range f.sets {
		list = append(list, header{name, s.family, true, uint32(len(s.members))})
	}
	return list, nil
}

func (f fakeSets) members(name string) ([]netip.Prefix, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sets[name] == nil {
		return nil, fmt.Errorf("there is no set %s", name)
	}
	return slices.Collect(maps.Keys(f.sets[name].members)), nil
}

func (f fakeSets) create(name string, family bgp.Family) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.failure("set"); err != nil {
		return err
	}
	if f.sets[name] != nil {
		return fmt.Errorf("there is a set %s", name)
	}
	f.writes++
	f.sets[name] = &fakeSet{family, map[netip.Prefix]bool{}}
	return nil
}

func (f fakeSets) swap(one, other string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sets[one] == nil || f.sets[other] == nil {
		return fmt.Errorf("there is no set %s or %s", one, other)
	}
	if f.sets[one].family != f.sets[other].family {
		return errMismatch
	}
	f.writes++
	f.sets[one], f.sets[other] = f.sets[other], f.sets[one]
	return nil
}

func (f fakeSets) destroy(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.failure("set"); err != nil {
		return err
	}
	for at, t := range f.tables {
		if strings.Contains(t.print(at.table), "--match-set "+name+" ") {
			return errInUse
		}
	}
	if f.sets[name] != nil {
		f.writes++
		delete(f.sets, name)
	}
	return nil
}

func (f fakeSets) change(set string, add, remove []netip.Prefix) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.failure("set"); err != nil {
		return err
	}
	f.writes++
	return f.Fake.change(set, add, remove)
}

type fakeFlows struct{ *Fake }

func (f fakeFlows) forget(gone func([3]netip.Addr) bool) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.failure("flows"); err != nil {
		return 0, err
	}
	before := len(f.Fake.flows)
	f.Fake.flows = slices.DeleteFunc(f.Fake.flows, gone)
	return before - len(f.Fake.flows), nil
}
