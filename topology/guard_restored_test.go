package topology_test

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"heddle/topology"
)

// Whatever a datastore says that goes back in time again and again: nothing goes with a
// backup, and the word of a person makes what is in force the same as what it has.
func TestAGuardOutlivesEveryBackup(t *testing.T) {
	universe := map[string][]string{
		"settings": {`{"asn":64512}`, `{"asn":64513}`},
		"tags/a":   {`{"id":1}`, `{"id":2}`}, "tags/b": {`{"id":1}`, `{"id":2}`},
		"pools/a": {`{"prefix":"10.1.0.0/16"}`, `{"prefix":"10.2.0.0/16"}`}, "pools/b": {`{"prefix":"10.1.0.0/16"}`},
		"nodes/a": {`{"addresses":["192.0.2.1"]}`, `{"addresses":["192.0.2.2"]}`, `nonsense`},
		"nodes/b": {`{"addresses":["192.0.2.1","192.0.2.2"]}`, `{"addresses":["192.0.2.1"]}`},
		"nodes/c": {`{"addresses":["192.0.2.3"]}`}, "nodes/d": {`{"addresses":["192.0.2.4"]}`},
		"routers/r":     {`{"role":"reflector","addresses":["192.0.2.9"]}`, `{"role":"reflector","addresses":["192.0.2.2"]}`},
		"workloads/a/w": {`{"addresses":["10.1.0.1"]}`, `{"addresses":["10.1.0.1"],"state":"leaving"}`},
		"workloads/b/w": {`{"addresses":["10.1.0.1"]}`, `{"addresses":["10.1.0.1"],"state":"prepared"}`, `{"addresses":["10.1.0.2"]}`},
	}
	paths := slices.Sorted(maps.Keys(universe))
	rapid.Check(t, func(t *rapid.T) {
		s := newStore(map[string]string{})
		backup, at := map[string]string{}, s.revision
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			before := s.holds()
			switch rapid.IntRange(0, 9).Draw(t, "deed") {
			case 0:
				backup, at = maps.Clone(s.values), s.revision
			case 1, 2:
				b := topology.Batch{Restored: true, Cluster: s.cluster, Revision: at}
				for _, path := range paths {
					value, had := backup[path]
					if now, has := s.values[path]; now == value && has == had {
						continue
					}
					c := topology.Change{Path: topology.Prefix + path}
					if had {
						c.Value, c.Revision = []byte(value), 1
					}
					b.Changes = append(b.Changes, c)
				}
				if len(b.Changes) == 0 {
					continue
				}
				s.values, s.revision = maps.Clone(backup), at
				s.guard.Take(s.now, b)
				for path := range before {
					if !s.holds()[path] {
						t.Fatalf("%s went with a backup", path)
					}
				}
			case 3:
				s.accept()
				s.agrees(t)
			default:
				values := map[string]string{}
				for _, path := range rapid.SliceOfN(rapid.SampledFrom(paths), 1, 4).Draw(t, "paths") {
					values[path] = rapid.SampledFrom(append([]string{""}, universe[path]...)).Draw(t, path)
				}
				s.change(values)
			}
			s.wait(time.Duration(rapid.IntRange(0, 40).Draw(t, "seconds")) * time.Second)
		}
		s.accept()
		s.agrees(t)
	})
}

// agrees says that what is in force is what the datastore has, where that can be read.
func (s *store) agrees(t *rapid.T) {
	if s.frozen() != "" {
		t.Fatalf("frozen: %q", s.frozen())
	}
	held := s.holds()
	for path, value := range s.values {
		if value == "nonsense" {
			delete(held, path)
			continue
		}
		key, _ := topology.ParseKey(topology.Prefix + path)
		want, _ := topology.Decode(key, []byte(value))
		_, should := topology.Encode(want)
		for object := range s.guard.Snapshot().Objects() {
			if object.Key() == key {
				if _, is := topology.Encode(object); !bytes.Equal(is, should) {
					t.Fatalf("%s is %s, want %s", path, is, should)
				}
			}
		}
		if !held[path] {
			t.Fatalf("%s is in the datastore and not in force", path)
		}
		delete(held, path)
	}
	if len(held) > 0 {
		t.Fatalf("%s is in force and not in the datastore", strings.Join(slices.Collect(maps.Keys(held)), ", "))
	}
}
