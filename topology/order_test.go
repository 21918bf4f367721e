package topology_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"heddle/topology"
	"heddle/topology/internal/generate"
)

// The same values in any order, said twice, split into batches, or with detours
// on the way give the same snapshot.
func TestSnapshotDependsOnValuesAlone(t *testing.T) {
	broken := fabric()
	maps.Copy(broken, map[string]string{
		"nodes/h3":           `{"addresses":["192.0.2.11"]}`,
		"pools/blue-too":     `{"prefix":"10.1.0.0/16"}`,
		"workloads/h9/web":   `{"addresses":["10.1.0.5"],"tags":["lost"]}`,
		"workloads/h1/thief": `{"addresses":["192.0.2.12"]}`,
		"tags/also":          `{"id":1}`,
		"nodes/h4":           `{"addresses":["nonsense"]}`,
		"strange":            `{}`,
		"routers/rr2":        `{"role":"reflector","rack":"r3","addresses":["192.0.2.252"],"surplus":1}`,
	})
	want := tell(snapshotOf(broken))
	random := rand.New(rand.NewPCG(1, 2))
	expanders := map[string]func([]topology.Change) [][]topology.Change{
		"at once": func(all []topology.Change) [][]topology.Change { return [][]topology.Change{all} },
		"doubled": func(all []topology.Change) [][]topology.Change { return [][]topology.Change{all, all} },
		"one by one": func(all []topology.Change) [][]topology.Change {
			var out [][]topology.Change
			for chunk := range slices.Chunk(all, 1) {
				out = append(out, chunk)
			}
			return out
		},
		"deleted and said again": func(all []topology.Change) [][]topology.Change {
			var gone []topology.Change
			for _, c := range all {
				gone = append(gone, topology.Change{Path: c.Path})
			}
			return [][]topology.Change{all, gone, all}
		},
		"through other values": func(all []topology.Change) [][]topology.Change {
			var other []topology.Change
			for i, c := range all {
				other = append(other, topology.Change{Path: c.Path, Value: all[(i+1)%len(all)].Value})
			}
			for i, c := range all { // what was good under a wrong key must not stay in force
				other = append(other, topology.Change{Path: all[i].Path}, c)
			}
			return [][]topology.Change{other}
		},
	}
	for name, expand := range expanders {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				all := changes(broken)
				random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
				var inv topology.Inventory
				for i, batch := range expand(all) {
					inv.Apply(int64(i), batch)
					if random.IntN(2) == 0 {
						inv.Snapshot() // taking a picture must not change what is pictured
					}
				}
				if got := tell(inv.Snapshot()); got != want {
					t.Fatalf("got:\n%s\nwant:\n%s", got, want)
				}
			}
		})
	}
	t.Run("replaced", func(t *testing.T) {
		var inv topology.Inventory
		inv.Apply(1, changes(map[string]string{
			"nodes/gone": `{"addresses":["192.0.2.77"]}`, "nodes/bad": `{`, "odd": `{}`, "nodes/h1": `{"addresses":["192.0.2.9"]}`,
		}))
		inv.Replace(2, changes(broken))
		if got := tell(inv.Snapshot()); got != want {
			t.Fatalf("got:\n%s\nwant:\n%s", got, want)
		}
	})
}

// A random walk over few keys, values good and bad, against a model that keeps
// the last good value of each key in a map and builds everything anew.
func TestInventoryAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var inv topology.Inventory
		good := map[string][]byte{}
		bad := map[string]bool{}
		var pictures []*topology.Snapshot
		var told []string
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			path, value := topology.Encode(generate.Rival(t))
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				value = nil
				delete(good, path)
				delete(bad, path)
			case 1:
				value = []byte(`{"addresses":[1],"prefix":0,"id":-1,"appliesTo":"","summaries":2}`)
				bad[path] = true
			default:
				good[path] = value
				delete(bad, path)
			}
			inv.Apply(1, []topology.Change{{Path: path, Value: value}})
			if rapid.Bool().Draw(t, "look") {
				pictures = append(pictures, inv.Snapshot())
				told = append(told, tell(inv.Snapshot()))
			}
		}
		var model topology.Inventory
		for path, value := range good {
			model.Apply(1, []topology.Change{{Path: path, Value: value}})
		}
		for path := range bad {
			model.Apply(1, []topology.Change{{Path: path, Value: []byte(`{"addresses":[1],"prefix":0,"id":-1,"appliesTo":"","summaries":2}`)}})
		}
		if got, want := tell(inv.Snapshot()), tell(model.Snapshot()); got != want {
			t.Fatalf("got:\n%s\nwant:\n%s", got, want)
		}
		for i, picture := range pictures {
			if got := tell(picture); got != told[i] {
				t.Fatalf("snapshot %d changed after it was given:\n%s\nwas:\n%s", i, got, told[i])
			}
		}
	})
}
