package topology

import (
	"iter"
	"maps"
	"slices"
)

// table holds the rows of one kind. A snapshot shares the map; the first change
// after that copies it, so that no kind pays for the changes of another.
type table[K comparable, V any] struct {
	rows   map[K]V
	shared bool
}

func (t *table[K, V]) set(key K, row V) {
	t.own()
	t.rows[key] = row
}

func (t *table[K, V]) remove(key K) {
	if _, ok := t.rows[key]; ok {
		t.own()
		delete(t.rows, key)
	}
}

func (t *table[K, V]) own() {
	if t.rows == nil {
		t.rows = make(map[K]V)
	}
	if t.shared {
		t.rows = maps.Clone(t.rows)
	}
	t.shared = false
}

// share gives the map for good, and whether it changed since it was last given.
func (t *table[K, V]) share() (rows map[K]V, changed bool) {
	changed = !t.shared
	t.shared = true
	return t.rows, changed
}

// inOrder yields the rows of a table in the order of their names. It sorts the
// names each time, which is no matter for a loop that runs once per change.
func inOrder[V any](rows map[string]V) iter.Seq[V] {
	return func(yield func(V) bool) {
		for _, name := range slices.Sorted(maps.Keys(rows)) {
			if !yield(rows[name]) {
				return
			}
		}
	}
}
