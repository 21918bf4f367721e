package fib

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"heddle/bgp"
)

// Fake is a kernel in memory, with the methods of Kernel, for tests of what uses it.
// It refuses what the kernel refuses, for the same reasons where these are simple.
// Routes are written by Flush and not before, so that a Flush that was forgotten is
// missed. The zero Fake has no interfaces. Other goroutines may change it as others
// change a kernel.
type Fake struct {
	// Fail, if not nil, is asked before every call what error it shall have, and must not
	// call the Fake, which waits for it. The call
	// is "replace PREFIX", "remove PREFIX", "dump FAMILY", "links", "watch",
	// "port NAME", "unport NAME", "forward FAMILY" or "rpf".
	Fail func(call string) error
	// Loose is what LooseRPF says.
	Loose bool

	mu         sync.Mutex
	links      []Link
	routes     map[fakeKey]Found
	waiting    []fakeWrite
	writes     int
	ports      map[int]Port
	forwarding map[bgp.Family]bool
	ctx        context.Context // of the Watch that runs
	watch      func(Event)
}

// fakeKey is what the kernel tells routes of a table apart by.
type fakeKey struct {
	prefix netip.Prefix
	metric uint32
}

type fakeWrite struct {
	route   Route
	removal bool
}

func (f *Fake) fail(format string, args ...any) error {
	if f.Fail == nil {
		return nil
	}
	return f.Fail(fmt.Sprintf(format, args...))
}

// Close does nothing.
func (f *Fake) Close() {}

// Links lists what SetLinks set.
func (f *Fake) Links() ([]Link, error) {
	if err := f.fail("links"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	links := slices.Clone(f.links)
	for i := range links {
		links[i].Addresses = slices.Clone(links[i].Addresses)
	}
	return links, nil
}

// Dump yields the routes of a family in the order of `ip route show`.
func (f *Fake) Dump(family bgp.Family, yield func(*Found) bool) error {
	if err := f.fail("dump %s", family); err != nil {
		return err
	}
	f.mu.Lock()
	routes := f.sorted(family)
	f.mu.Unlock()
	for i := range routes {
		found := routes[i]
		found.Hops = slices.Clone(found.Hops)
		more := yield(&found)
		clear(found.Hops) // who kept them shall notice
		if !more {
			return nil
		}
	}
	return nil
}

// Replace is done by Flush.
func (f *Fake) Replace(r Route) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.Hops = slices.Clone(r.Hops)
	f.waiting = append(f.waiting, fakeWrite{route: r})
}

// Remove is done by Flush.
func (f *Fake) Remove(prefix netip.Prefix) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = append(f.waiting, fakeWrite{Route{Prefix: prefix}, true})
}

// Flush does what waits, in order.
func (f *Fake) Flush() []Failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	var failures []Failure
	for _, w := range f.waiting {
		f.writes++
		if err := f.do(w); err != nil {
			failures = append(failures, Failure{w.route.Prefix, err})
		}
	}
	f.waiting = f.waiting[:0]
	return failures
}

func (f *Fake) do(w fakeWrite) error {
	key := fakeKey{w.route.Prefix, Metric}
	if w.removal {
		if err := f.fail("remove %s", w.route.Prefix); err != nil {
			return err
		}
		if f.routes[key].Own {
			delete(f.routes, key)
		}
		return nil
	}
	if err := f.fail("replace %s", w.route.Prefix); err != nil {
		return err
	}
	if err := f.check(w.route); err != nil {
		return err
	}
	f.put(Found{Route: w.route, Own: true, Metric: Metric})
	return nil
}

func (f *Fake) put(found Found) {
	if f.routes == nil {
		f.routes = map[fakeKey]Found{}
	}
	f.routes[fakeKey{found.Prefix, found.Metric}] = found
}

// Watch calls from the goroutine of Emit.
func (f *Fake) Watch(ctx context.Context, event func(Event)) error {
	if err := f.fail("watch"); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx != nil && f.ctx.Err() == nil {
		return fmt.Errorf("watch: %w", errWatched)
	}
	f.ctx, f.watch = ctx, event
	return nil
}

// Port remembers the port and says whether it was another.
func (f *Fake) Port(p Port) (changed bool, err error) {
	if err := f.fail("port %s", p.Name); err != nil {
		return false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.same(p.Index, p.Name) {
		return false, fmt.Errorf("port %s: %w", p.Name, unix.ENODEV)
	}
	p.Addresses = slices.Clone(p.Addresses)
	slices.SortFunc(p.Addresses, netip.Addr.Compare)
	old, known := f.ports[p.Index]
	if known && old.Name == p.Name && old.MAC == p.MAC && slices.Equal(old.Addresses, p.Addresses) {
		return false, nil
	}
	if f.ports == nil {
		f.ports = map[int]Port{}
	}
	f.ports[p.Index] = p
	return true, nil
}

// Unport forgets a port.
func (f *Fake) Unport(index int, name string) error {
	if err := f.fail("unport %s", name); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.same(index, name) {
		delete(f.ports, index)
	}
	return nil
}

func (f *Fake) same(index int, name string) bool {
	return slices.ContainsFunc(f.links, func(l Link) bool { return l.Index == index && l.Name == name })
}

// Forward remembers that a family is forwarded.
func (f *Fake) Forward(family bgp.Family) (changed bool, err error) {
	if err := f.fail("forward %s", family); err != nil {
		return false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.forwarding[family] {
		return false, nil
	}
	if f.forwarding == nil {
		f.forwarding = map[bgp.Family]bool{}
	}
	f.forwarding[family] = true
	return true, nil
}

// LooseRPF says Loose.
func (f *Fake) LooseRPF() (bool, error) { return f.Loose, f.fail("rpf") }
