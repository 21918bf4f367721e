package topology

import (
	"maps"
	"reflect"
	"slices"
	"time"
)

// Window is how long a deletion waits before it is carried out, unless a person
// named what is deleted: so long, it shows whether it is one of many.
const Window = 60 * time.Second

// Guard is an Inventory that does not believe at once that something is gone. What
// comes or changes is taken at once; a deletion is withheld, and
//
//	replaced   another object has its addresses or its prefix by now: a move     → carried out
//	accepted   a person said so, since: the key at AcceptedPath                  → carried out
//	back       the key was written again                                         → forgotten
//	mass       with it, too much is gone (see losses)                            → the Guard is frozen
//	alone      nothing of this for Window                                        → carried out
//
// While the Guard is frozen, deletions wait for a person. A datastore that went back
// in time, or is another, freezes it too, and then what it has otherwise is withheld as
// well: it can only add, and neither what has what is another's by now nor what decides
// about others.
//
// It has one owner. The zero value is empty and ready.
type Guard struct {
	// AtOnce are the kinds whose deletions wait for nothing, unless they are too many.
	AtOnce []Kind
	// Judged are the kinds of which the owner knows better what is too many, and says so
	// with Suspect: it does not see them all.
	Judged []Kind

	inventory Inventory
	cluster   uint64
	begun     bool      // something was taken, or trusted
	said      []consent // of the last Window
	withheld  map[string]*Withheld
	list      []Withheld  // they, sorted; nil: not known
	queue     []*Withheld // those that go when they have waited, oldest first
	lost      [classes]int
	recent    []departure
	frozen    string // why; empty: it is not
	since     time.Time
	suspected bool // frozen by Suspect
	estranged bool // some are withheld since the datastore went back in time, or is another
}

// Withheld is a change that was not carried out.
type Withheld struct {
	// Change is what the datastore has: no value, or another one.
	Change
	// Object is what stays in force; of what is Added, what does not come into it.
	Object Object
	// Added: the datastore has an object more than what is in force.
	Added bool
	// Since is when it was learnt.
	Since time.Time
}

// departure is a deletion that was carried out without waiting.
type departure struct {
	class class
	at    time.Time
}

// Trust makes objects the whole of the inventory without a question, as those of files
// are, or those that the datastore had when it was last heard of.
func (g *Guard) Trust(cluster uint64, revision int64, changes []Change) {
	g.inventory.Replace(revision, changes)
	g.cluster, g.begun = cluster, true
}

// Snapshot is what is in force.
func (g *Guard) Snapshot() *Snapshot { return g.inventory.Snapshot() }

// Cluster is the ID of the datastore that what is in force is of; 0: of none, as while
// it is not believed for a reason that who begins anew with what is in force can't find
// again. Such a beginner does not believe it, either.
func (g *Guard) Cluster() uint64 {
	if g.estranged || g.suspected {
		return 0
	}
	return g.cluster
}

// Take takes a batch at a time, which never runs backwards.
func (g *Guard) Take(now time.Time, b Batch) {
	restored := g.begun && (b.Restored || b.Complete && (b.Cluster != g.cluster || b.Revision < g.inventory.revision))
	if restored && !g.estranged {
		g.freeze(now, g.backwards(b))
	}
	changes := b.Changes
	if b.Complete {
		changes = append(slices.Clip(changes), g.inventory.without(b.Changes)...)
	}
	if b.Complete || restored {
		g.said = nil
	}
	if restored {
		g.redate(b.Revision)
	}
	g.cluster, g.begun, g.estranged = b.Cluster, true, g.estranged || restored
	said := g.listen(now, changes)
	var suspects []*Withheld // what this may settle
	for _, c := range changes {
		if c.Path != AcceptedPath && c.Value != nil {
			suspects = append(suspects, g.put(now, c, b, restored)...)
		}
	}
	for _, c := range changes {
		if c.Path != AcceptedPath && c.Value == nil {
			suspects = append(suspects, g.remove(now, c, b, restored)...)
		}
	}
	g.inventory.Apply(b.Revision, nil)
	for _, w := range suspects {
		// A backup has what moved since where it was then, which replaces nothing.
		moved := !restored && w.Value == nil
		if g.withheld[w.Path] == w && (g.accepted(w) || moved && g.replaced(w.Object)) {
			g.carryOut(w)
		}
	}
	g.obey(said)
	g.Tick(now)
}

// redate has what is withheld since another time accepted by what is said from now on.
func (g *Guard) redate(revision int64) {
	for _, w := range g.withheld {
		w.Revision = revision + 1
	}
	g.list = nil
}

// listen notes what persons said, and gives what is new of it.
func (g *Guard) listen(now time.Time, changes []Change) []consent {
	known := len(g.said)
	for _, c := range changes {
		switch {
		case c.Path != AcceptedPath:
		case c.Value == nil:
			g.said, known = nil, 0
		default:
			if word, ok := consentOf(c); ok {
				word.heard = now
				g.said = append(g.said, word)
			}
		}
	}
	return g.said[known:]
}

// obey carries out what was said. Who accepts all has decided about a freeze: what went
// after that word is judged by itself.
func (g *Guard) obey(said []consent) {
	for _, word := range said {
		paths := maps.Keys(word.paths)
		if word.paths == nil {
			paths = maps.Keys(g.withheld)
			if !g.suspected && !g.estranged {
				g.frozen = ""
			}
		}
		for path := range paths {
			if w := g.withheld[path]; w != nil && word.covers(w) {
				g.carryOut(w)
			}
		}
	}
}

// put takes a value. It gives those withheld that it may stand for.
func (g *Guard) put(now time.Time, c Change, b Batch, restored bool) []*Withheld {
	g.forget(c.Path)
	key, err := ParseKey(c.Path)
	if err != nil {
		g.inventory.Apply(b.Revision, []Change{c})
		return nil
	}
	object, _ := Decode(key, c.Value)
	held, known := g.inventory.find(key)
	switch {
	case !restored || object == nil:
	case known && !reflect.DeepEqual(held, object):
		g.withhold(now, c, held, b.Revision+1)
		return nil
	case !known && (g.inventory.taken(object) || decides(object)):
		g.withhold(now, c, object, b.Revision+1).Added = true
		return nil
	}
	g.inventory.Apply(b.Revision, []Change{c})
	return g.rivals(object)
}

// remove takes a deletion, which is withheld if there is something to delete.
func (g *Guard) remove(now time.Time, c Change, b Batch, restored bool) []*Withheld {
	key, err := ParseKey(c.Path)
	held, known := Object(nil), false
	if err == nil {
		held, known = g.inventory.find(key)
	}
	if !known {
		g.forget(c.Path) // it may have been kept out
		g.inventory.Apply(b.Revision, []Change{c})
		return nil
	}
	if w := g.withheld[c.Path]; w != nil && w.Value == nil {
		return nil // a list says it once more
	}
	g.forget(c.Path)
	revision := c.Revision
	if revision == 0 {
		revision = b.Revision
	}
	if restored {
		revision = b.Revision + 1 // what it says was accepted was so in another time
	}
	return []*Withheld{g.withhold(now, c, held, revision)}
}

func (g *Guard) withhold(now time.Time, c Change, held Object, revision int64) *Withheld {
	c.Revision = revision
	w := &Withheld{Change: c, Object: held, Since: now}
	if g.withheld == nil {
		g.withheld = map[string]*Withheld{}
	}
	g.withheld[c.Path], g.list = w, nil
	g.queue = append(g.queue, w)
	if c.Value == nil {
		g.lost[classOf(held)]++
	}
	return w
}

// forget ends the wait of a path.
func (g *Guard) forget(path string) {
	w := g.withheld[path]
	if w == nil {
		return
	}
	delete(g.withheld, path)
	g.list = nil
	if w.Value == nil {
		g.lost[classOf(w.Object)]--
	}
}

func (g *Guard) carryOut(w *Withheld) {
	g.forget(w.Path)
	g.inventory.Apply(g.inventory.revision, []Change{w.Change})
}

// Tick carries out what has waited, or finds that it may not go.
func (g *Guard) Tick(now time.Time) {
	g.recent = slices.DeleteFunc(g.recent, func(d departure) bool { return now.Sub(d.at) >= Window })
	g.said = slices.DeleteFunc(g.said, func(c consent) bool { return now.Sub(c.heard) >= Window })
	g.freeze(now, g.losses())
	if g.frozen == "" {
		g.release(now)
	}
	if len(g.queue) > 2*len(g.withheld) { // it is frozen, and things come back and go
		g.queue = slices.DeleteFunc(g.queue, func(w *Withheld) bool { return g.withheld[w.Path] != w })
	}
	if len(g.withheld) == 0 {
		g.frozen, g.queue, g.suspected, g.estranged = "", nil, false, false
	}
}

// freeze freezes the Guard, unless it is frozen already.
func (g *Guard) freeze(now time.Time, reason string) (frozen bool) {
	if reason == "" || g.frozen != "" {
		return false
	}
	g.frozen, g.since = reason, now
	return true
}

// Suspect freezes the Guard for a reason that its owner knows: what it is about to take
// is part of a greater loss.
func (g *Guard) Suspect(now time.Time, reason string) {
	if g.freeze(now, reason) {
		g.suspected = true
	}
}

// Suspected says whether the Guard is frozen for its owner's reason alone.
func (g *Guard) Suspected() bool { return g.suspected && !g.estranged }

// Relieve ends what Suspect began: the greater loss turned out to be none. Tick is to
// follow.
func (g *Guard) Relieve() {
	if g.Suspected() {
		g.frozen, g.suspected = "", false
	}
}

// release carries out what has waited long enough.
func (g *Guard) release(now time.Time) {
	rest := g.queue[:0]
	for _, w := range g.queue {
		atOnce := slices.Contains(g.AtOnce, w.Object.Key().Kind)
		switch {
		case g.withheld[w.Path] != w:
		case atOnce:
			g.recent = append(g.recent, departure{classOf(w.Object), now})
			g.carryOut(w)
		case now.Sub(w.Since) >= Window:
			g.carryOut(w)
		default:
			rest = append(rest, w)
		}
	}
	clear(g.queue[len(rest):])
	g.queue = rest
}

// Due is when Tick has something to do next, if nothing else happens.
func (g *Guard) Due() (at time.Time, ok bool) {
	if g.frozen != "" || len(g.withheld) == 0 {
		return time.Time{}, false
	}
	return g.queue[0].Since.Add(Window), true
}

// Withheld lists what is not carried out, by path, and why nothing of it will be until a
// person says so; no reason: it waits for its time. The list is not to be changed.
func (g *Guard) Withheld() (list []Withheld, reason string) {
	if g.list == nil {
		for _, path := range slices.Sorted(maps.Keys(g.withheld)) {
			g.list = append(g.list, *g.withheld[path])
		}
	}
	return g.list, g.frozen
}
