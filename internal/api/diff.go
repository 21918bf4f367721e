package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"

	"heddle/internal/web"
	"heddle/peering"
	"heddle/reflector"
	"heddle/topology"
)

// Wish is one key of the datastore as somebody wants it.
type Wish struct {
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

// Difference is what would change if wishes were applied, as /api/v1/diff has it.
type Difference struct {
	Objects   ObjectChanges  `json:"objects"`
	Sessions  []SessionWish  `json:"sessions"`
	Groups    []GroupChange  `json:"groups"` // update groups that would hear otherwise
	Up        []netip.Prefix `json:"summariesUp"`
	Down      []netip.Prefix `json:"summariesDown"`
	Mended    []Problem      `json:"mended"` // problems that would be gone
	Problems  []Problem      `json:"problems"`
	Unchanged bool           `json:"unchanged"`
}

// ObjectChanges names objects of the inventory.
type ObjectChanges struct {
	Added   []string `json:"added"`
	Changed []string `json:"changed"`
	Same    int      `json:"same"`
}

// SessionWish is a session that would come, go or be another.
type SessionWish struct {
	Name    string     `json:"name"`
	Address netip.Addr `json:"address"`
	Change  string     `json:"change"` // added, removed, reset, adapted (without disturbing it)
}

// GroupChange is what an update group would hear otherwise.
type GroupChange struct {
	Group    string        `json:"group"`
	Members  int           `json:"members"`
	Gained   int           `json:"gained"`
	Lost     int           `json:"lost"`
	Changed  int           `json:"changed"`
	Examples []RouteChange `json:"examples"`
}

// RouteChange is one route that would be heard otherwise, in words.
type RouteChange struct {
	Prefix netip.Prefix `json:"prefix"`
	Now    string       `json:"now"`
	Then   string       `json:"then"`
}

// wishesMost bounds a question: the largest fabrics are some tens of megabytes.
const wishesMost = 256 << 20

// diff answers what would change if the objects in the body were applied. It changes
// nothing.
func (h *handler) diff(w http.ResponseWriter, r *http.Request) {
	state, ok := h.begin(w, r)
	if !ok {
		return
	}
	var wishes []Wish
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, wishesMost)).Decode(&wishes); err != nil {
		web.Refuse(w, http.StatusBadRequest, fmt.Errorf("want an array of {path, value}: %w", err))
		return
	}
	next, objects := wished(state.Fabric, wishes)
	change, err := state.Tables.Compare(r.Context(), next)
	if err != nil {
		web.Refuse(w, http.StatusServiceUnavailable, err)
		return
	}
	d := Difference{
		Objects: objects, Sessions: sessionWishes(state.Plan(state.Fabric), state.Plan(next)),
		Groups: []GroupChange{}, Up: orNone(change.Up), Down: orNone(change.Down),
	}
	for _, g := range change.Groups {
		d.Groups = append(d.Groups, groupChange(g))
	}
	d.Problems, d.Mended = newProblems(state.Fabric, next), newProblems(next, state.Fabric)
	d.Unchanged = len(objects.Added)+len(objects.Changed) == 0
	web.WriteObject(w, http.StatusOK, d)
}

// wished is the fabric with the wishes come true, and what of it is new.
func wished(s *topology.Snapshot, wishes []Wish) (*topology.Snapshot, ObjectChanges) {
	now := map[string]string{}
	var changes []topology.Change
	for object := range s.Objects() {
		path, value := topology.Encode(object)
		now[path] = string(value)
		changes = append(changes, topology.Change{Path: path, Value: value})
	}
	c := ObjectChanges{Added: []string{}, Changed: []string{}}
	for _, wish := range wishes {
		name := wish.Path
		if key, err := topology.ParseKey(wish.Path); err == nil {
			name = key.String()
		}
		switch value, known := now[wish.Path]; {
		case !known:
			c.Added = append(c.Added, name)
		case value != string(wish.Value):
			c.Changed = append(c.Changed, name)
		default:
			c.Same++
		}
		changes = append(changes, topology.Change{Path: wish.Path, Value: wish.Value})
	}
	var inventory topology.Inventory
	inventory.Apply(s.Revision(), changes)
	return inventory.Snapshot(), c
}

func sessionWishes(now, then *peering.Plan) []SessionWish {
	d := peering.Diff(now, then)
	list := []SessionWish{}
	for _, s := range d.Added {
		list = append(list, SessionWish{s.Name, s.Remote, "added"})
	}
	for _, s := range d.Removed {
		list = append(list, SessionWish{s.Name, s.Remote, "removed"})
	}
	for _, c := range d.Changed {
		change := "reset"
		if c.Old.SameWire(c.New) {
			change = "adapted"
		}
		list = append(list, SessionWish{c.New.Name, c.New.Remote, change})
	}
	return list
}

func groupChange(g reflector.GroupChange) GroupChange {
	shown := GroupChange{Group: g.Group, Members: g.Members, Gained: g.Gained, Lost: g.Lost, Changed: g.Changed, Examples: []RouteChange{}}
	for _, e := range g.Examples {
		shown.Examples = append(shown.Examples, RouteChange(e))
	}
	return shown
}

// newProblems are those that the second snapshot has and the first has not.
func newProblems(first, second *topology.Snapshot) []Problem {
	list, had := []Problem{}, map[topology.Problem]bool{}
	for _, p := range first.Problems() {
		had[p] = true
	}
	for _, p := range second.Problems() {
		if !had[p] {
			list = append(list, Problem{AreaInventory, p.Object, p.Text})
		}
	}
	return list
}

func orNone(list []netip.Prefix) []netip.Prefix {
	if list == nil {
		return []netip.Prefix{}
	}
	return list
}
