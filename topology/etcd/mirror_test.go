package etcd

import (
	"maps"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"heddle/topology"
)

// Whatever the order of listings, changes and hand-overs: what was handed over
// replays to the datastore, no change in it is idle, and none names a key twice.
func TestMirrorHandsOverTheDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMirror()
		store := map[string]string{}    // the datastore
		consumer := map[string]string{} // what a consumer of the batches holds
		batches := 0
		take := func() {
			batch, ok := m.take()
			if !ok {
				return
			}
			if batch.Complete != (batches == 0) {
				t.Fatalf("batch %d is complete: %v", batches, batch.Complete)
			}
			batches++
			if len(batch.Changes) == 0 && !batch.Complete {
				t.Fatal("an empty batch")
			}
			last := ""
			for _, change := range batch.Changes {
				if change.Path <= last {
					t.Fatalf("not sorted, or a path twice: %v", batch.Changes)
				}
				last = change.Path
				held, ok := consumer[change.Path]
				if change.Value == nil && !ok || change.Value != nil && ok && held == string(change.Value) {
					t.Fatalf("an idle change of %s: %q held, %q told", change.Path, held, change.Value)
				}
				if change.Value == nil {
					delete(consumer, change.Path)
				} else {
					consumer[change.Path] = string(change.Value)
				}
			}
		}
		list := func() {
			m.begin()
			for _, path := range slices.Sorted(maps.Keys(store)) {
				m.list([]topology.Change{{Path: path, Value: []byte(store[path])}})
				if _, ok := m.take(); ok {
					t.Fatal("something is taken during a listing")
				}
			}
			m.end(7, 1, false)
		}
		change := func(heard bool) {
			path := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "path")
			c := topology.Change{Path: path}
			if _, ok := store[path]; ok && rapid.Bool().Draw(t, "delete") {
				delete(store, path)
			} else {
				store[path] = strconv.Itoa(rapid.IntRange(0, 2).Draw(t, "value"))
				c.Value = []byte(store[path])
			}
			if heard {
				m.fold(2, []topology.Change{c})
			}
		}
		if _, ok := m.take(); ok {
			t.Fatal("something is taken before the first listing")
		}
		change(false)
		list()
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0:
				change(false) // during an outage, which a listing ends
				change(false)
				list()
			case 1, 2:
				take()
			case 3:
				m.begin() // a listing that breaks off
				list()
			default:
				change(true)
			}
		}
		take()
		if !maps.Equal(store, consumer) {
			t.Fatalf("the consumer holds %v, the datastore %v", consumer, store)
		}
		if len(m.waiting) > 0 || len(m.told) != len(store) {
			t.Fatalf("waiting %v, told %d keys of %d", m.waiting, len(m.told), len(store))
		}
	})
}

func TestMirrorCountsWhatAListingFinds(t *testing.T) {
	m := newMirror()
	page := []topology.Change{{Path: "a", Value: []byte("1")}, {Path: "b", Value: []byte("1")}, {Path: "c", Value: []byte("1")}}
	for i, c := range []struct {
		page []topology.Change
		want int
	}{
		{page, 3},
		{page, 0},
		{page[:1], 2},
		{page[:1], 0},
		{[]topology.Change{{Path: "a", Value: []byte("2")}, {Path: "b", Value: []byte("1")}}, 2},
		{page, 2},
		{nil, 3},
		{nil, 0},
	} {
		m.begin()
		m.list(c.page)
		if got := m.end(7, 1, false); got != c.want {
			t.Errorf("listing %d finds %d differences, want %d", i, got, c.want)
		}
		if i%3 == 0 {
			m.take()
		}
	}
}

func TestMirrorKeepsEveryWordOfAPerson(t *testing.T) {
	m := newMirror()
	m.begin()
	m.end(7, 1, false)
	m.take()
	say := func(revision int64, value string) {
		m.fold(revision, []topology.Change{{Path: topology.AcceptedPath, Value: []byte(value), Revision: revision}})
	}
	said := func(want ...string) {
		t.Helper()
		var got []string
		batch, _ := m.take()
		for _, c := range batch.Changes {
			got = append(got, string(c.Value))
		}
		if !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	}
	say(2, "a")
	say(3, "b")
	say(3, "b") // once more, as when a watch begins anew
	say(4, "c")
	said("a", "b", "c")
	say(5, "d")
	say(6, "e")
	m.begin()
	m.list([]topology.Change{{Path: topology.AcceptedPath, Value: []byte("old"), Revision: 1}})
	m.end(7, 1, true)
	said("old")
	for i := range 3 * wordsMost {
		say(int64(10+i), strconv.Itoa(i))
	}
	if len(m.words) != wordsMost {
		t.Errorf("%d words wait", len(m.words))
	}
}
