package topology_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"heddle/topology"
)

// store is a datastore that a guard follows, and the clock of both.
type store struct {
	guard    topology.Guard
	now      time.Time
	cluster  uint64
	revision int64
	values   map[string]string // by path below the prefix
}

func newStore(values map[string]string) *store {
	s := &store{now: time.Unix(1_000_000, 0), cluster: 7, revision: 100, values: maps.Clone(values)}
	s.guard.Take(s.now, topology.Batch{Complete: true, Cluster: s.cluster, Revision: s.revision, Changes: changes(values)})
	return s
}

// change is one revision: values by path, empty for a deletion.
func (s *store) change(values map[string]string) {
	s.revision++
	b := topology.Batch{Cluster: s.cluster, Revision: s.revision}
	for _, path := range slices.Sorted(maps.Keys(values)) {
		c := topology.Change{Path: topology.Prefix + path, Revision: s.revision}
		if values[path] == "" {
			delete(s.values, path)
		} else {
			c.Value, s.values[path] = []byte(values[path]), values[path]
		}
		b.Changes = append(b.Changes, c)
	}
	s.guard.Take(s.now, b)
}

func (s *store) remove(paths ...string) {
	values := map[string]string{}
	for _, path := range paths {
		values[path] = ""
	}
	s.change(values)
}

// accept is what `heddle accept` does; of paths, what `heddle delete` does beside it.
func (s *store) accept(paths ...string) {
	s.revision++
	s.guard.Take(s.now, topology.Batch{Cluster: s.cluster, Revision: s.revision, Changes: []topology.Change{
		{Path: topology.AcceptedPath, Value: topology.Acceptance(s.now, paths...), Revision: s.revision},
	}})
}

// reject writes back what stays in force.
func (s *store) reject() {
	back := map[string]string{}
	withheld, _ := s.guard.Withheld()
	for _, w := range withheld {
		path, value := topology.Encode(w.Object)
		back[strings.TrimPrefix(path, topology.Prefix)] = string(value)
	}
	s.change(back)
}

// wait lets time pass, with the guard looked after as it asks to be.
func (s *store) wait(d time.Duration) {
	end := s.now.Add(d)
	for at, ok := s.guard.Due(); ok && !at.After(end); at, ok = s.guard.Due() {
		s.now = at
		s.guard.Tick(at)
	}
	s.now = end
}

// holds lists the paths in force.
func (s *store) holds() map[string]bool {
	out := map[string]bool{}
	for object := range s.guard.Snapshot().Objects() {
		out[strings.TrimPrefix(object.Key().Path(), topology.Prefix)] = true
	}
	return out
}

func (s *store) frozen() string {
	_, reason := s.guard.Withheld()
	return reason
}

// large is a fabric of 50 hosts with two workloads each.
func large() map[string]string {
	values := map[string]string{
		"settings": `{"asn":64512}`, "pools/p1": `{"prefix":"10.1.0.0/16"}`, "pools/p2": `{"prefix":"10.2.0.0/16"}`,
		"routers/rr1":  `{"role":"reflector","addresses":["192.0.2.251"]}`,
		"routers/tor1": `{"role":"tor","rack":"r1","addresses":["192.0.2.1"],"asn":65001}`,
		"routers/tor2": `{"role":"tor","rack":"r1","addresses":["192.0.2.2"],"asn":65001}`,
	}
	for i := range 50 {
		values[fmt.Sprintf("nodes/h%02d", i)] = fmt.Sprintf(`{"addresses":["192.0.2.%d"],"rack":"r1"}`, 10+i)
		for j := range 2 {
			values[fmt.Sprintf("workloads/h%02d/w%d", i, j)] = fmt.Sprintf(`{"addresses":["10.1.%d.%d"]}`, i, j+1)
		}
	}
	return values
}

func hosts(n int) (paths []string) {
	for i := range n {
		paths = append(paths, fmt.Sprintf("nodes/h%02d", i))
	}
	return paths
}

func TestADeletionIsCarriedOutWhenItStaysAlone(t *testing.T) {
	s := newStore(large())
	s.remove(hosts(5)...) // a tenth
	s.wait(topology.Window - time.Second)
	if !s.holds()["nodes/h00"] {
		t.Fatal("a node went before its time")
	}
	s.wait(time.Second)
	if got := s.holds(); got["nodes/h00"] || got["nodes/h04"] || !got["nodes/h05"] {
		t.Error("what was deleted did not go, or more did")
	}
	if len(s.guard.Problems()) > 0 {
		t.Errorf("problems: %v", s.guard.Problems())
	}
}

func TestADeletionOfTooMuchIsFrozen(t *testing.T) {
	small := map[string]string{"nodes/a": `{"addresses":["192.0.2.10"]}`, "nodes/b": `{"addresses":["192.0.2.11"]}`, "pools/p": `{"prefix":"10.1.0.0/16"}`, "policies/p": `{"appliesTo":["t"]}`, "tags/t": `{"id":1}`}
	for _, c := range []struct {
		name    string
		values  map[string]string
		removed []string
		reason  string
	}{
		{"six of fifty nodes", large(), hosts(6), "6 of 50 nodes are gone"},
		{"all", large(), slices.Sorted(maps.Keys(large())), "the settings are gone"},
		{"the settings", large(), []string{"settings"}, "the settings are gone"},
		{"the only reflector", large(), []string{"routers/rr1"}, "no reflectors are left"},
		{"both ToRs", large(), []string{"routers/tor1", "routers/tor2"}, "no routers are left"},
		{"both pools", large(), []string{"pools/p1", "pools/p2"}, "no pools are left"},
		{"the only policy and the only tag", small, []string{"policies/p", "tags/t"}, ""},
		{"both of two nodes", small, []string{"nodes/a", "nodes/b"}, "no nodes are left"},
		{"the only pool", small, []string{"pools/p"}, ""},
		{"one of two nodes", small, []string{"nodes/a"}, ""},
		{"two workloads", large(), []string{"workloads/h00/w0", "workloads/h00/w1"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStore(c.values)
			s.remove(c.removed...)
			if got := s.frozen(); got != c.reason {
				t.Fatalf("frozen because %q, want %q", got, c.reason)
			}
			s.wait(time.Hour)
			for _, path := range c.removed {
				if got, want := s.holds()[path], c.reason != ""; got != want {
					t.Errorf("%s in force: %v, want %v", path, got, want)
				}
			}
			if got := len(s.guard.Problems()) > 0; got != (c.reason != "") {
				t.Errorf("problems: %v", s.guard.Problems())
			}
		})
	}
}

func TestATrickleOfDeletionsIsFrozenBeforeAnythingIsGone(t *testing.T) {
	s := newStore(large())
	for _, path := range hosts(50) {
		s.remove(path)
		s.wait(5 * time.Second)
	}
	for _, path := range hosts(50) {
		if !s.holds()[path] {
			t.Fatalf("%s is gone", path)
		}
	}
	if s.frozen() == "" {
		t.Error("not frozen")
	}
}

func TestAfterAFreezeAPersonDecides(t *testing.T) {
	s := newStore(large())
	s.remove(hosts(20)...)
	s.wait(time.Hour)
	s.accept()
	if got := s.holds(); got["nodes/h00"] || got["nodes/h19"] || !got["nodes/h20"] || s.frozen() != "" {
		t.Errorf("accepted, and it is %q; h00 in force: %v", s.frozen(), got["nodes/h00"])
	}
	s.remove("nodes/h20", "nodes/h21", "nodes/h22", "nodes/h23")
	if s.frozen() == "" {
		t.Error("what was accepted before stands for what is gone after it")
	}
	s.reject()
	if s.frozen() != "" || !s.holds()["nodes/h20"] {
		t.Errorf("rejected, and it is %q", s.frozen())
	}
	s.wait(2 * topology.Window)
	if got, want := s.holds(), len(s.values); len(got) != want {
		t.Errorf("%d objects are in force, the datastore has %d", len(got), want)
	}
}

// A word and what goes after it may come in one batch.
func TestWhatGoesAfterAnAcceptanceIsJudgedByItself(t *testing.T) {
	for _, c := range []struct {
		name    string
		removed []string // after the word
		reason  string
	}{
		{"one more", []string{"nodes/h30"}, ""},
		{"too many more", hosts(26)[20:], "6 of 30 nodes are gone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStore(large())
			s.remove(hosts(20)...)
			s.revision += 2
			b := topology.Batch{Cluster: s.cluster, Revision: s.revision, Changes: []topology.Change{
				{Path: topology.AcceptedPath, Value: topology.Acceptance(s.now), Revision: s.revision - 1},
			}}
			for _, path := range c.removed {
				b.Changes = append(b.Changes, topology.Change{Path: topology.Prefix + path, Revision: s.revision})
			}
			s.guard.Take(s.now, b)
			if got := s.holds(); got["nodes/h00"] || !got[c.removed[0]] || s.frozen() != c.reason {
				t.Errorf("h00 in force: %v, %s: %v; frozen: %q, want %q", got["nodes/h00"], c.removed[0], got[c.removed[0]], s.frozen(), c.reason)
			}
			s.wait(topology.Window)
			if s.holds()[c.removed[0]] != (c.reason != "") {
				t.Errorf("%s in force: %v", c.removed[0], c.reason == "")
			}
		})
	}
}

func TestWhatAPersonNamedGoesAtOnce(t *testing.T) {
	s := newStore(large())
	s.remove("nodes/h00", "nodes/h01")
	s.accept(topology.Prefix + "nodes/h00")
	if got := s.holds(); got["nodes/h00"] || !got["nodes/h01"] {
		t.Error("want h00 gone and h01 in force")
	}
	s.change(map[string]string{"nodes/h00": large()["nodes/h00"]})
	s.remove("nodes/h00")
	if !s.holds()["nodes/h00"] {
		t.Error("what was said of an object before stands for one that came after")
	}
}

func TestAMoveIsNoLoss(t *testing.T) {
	for name, moves := range map[string][]map[string]string{
		"a workload, deleted first":  {{"workloads/h00/w0": ""}, {"workloads/h01/x": `{"addresses":["10.1.0.1"]}`}},
		"a workload, written first":  {{"workloads/h01/x": `{"addresses":["10.1.0.1"]}`}, {"workloads/h00/w0": ""}},
		"a workload, in one":         {{"workloads/h01/x": `{"addresses":["10.1.0.1"]}`, "workloads/h00/w0": ""}},
		"a node, renamed":            {{"nodes/h00": ""}, {"nodes/new": `{"addresses":["192.0.2.10"],"rack":"r1"}`}},
		"a node, with one more":      {{"nodes/h00": ""}, {"nodes/new": `{"addresses":["192.0.2.10","2001:db8::10"],"rack":"r1"}`}},
		"the same, written first":    {{"nodes/new": `{"addresses":["192.0.2.10","2001:db8::10"],"rack":"r1"}`}, {"nodes/h00": ""}},
		"a router, renamed":          {{"routers/rr1": ""}, {"routers/new": `{"role":"reflector","addresses":["192.0.2.251"]}`}},
		"a pool, renamed in one":     {{"pools/p1": "", "pools/new": `{"prefix":"10.1.0.0/16"}`}},
		"a node, deleted and back":   {{"nodes/h00": ""}, {"nodes/h00": large()["nodes/h00"]}},
		"a reflector, gone and back": {{"routers/rr1": ""}, {"routers/rr1": large()["routers/rr1"]}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(large())
			for _, values := range moves {
				s.change(values)
			}
			if got, want := s.holds(), len(s.values); len(got) != want || s.frozen() != "" {
				t.Errorf("%d objects are in force, want %d; frozen: %q", len(got), want, s.frozen())
			}
		})
	}
}

// What is prepared may never come.
func TestAWorkloadIsLostWhileItsHeirIsPrepared(t *testing.T) {
	s := newStore(large())
	target := func(state string) map[string]string {
		return map[string]string{"workloads/h01/x": `{"addresses":["10.1.0.1"],"state":"` + state + `"}`}
	}
	s.change(target("prepared"))
	s.remove("workloads/h00/w0")
	if !s.holds()["workloads/h00/w0"] {
		t.Error("it went, and its address is live nowhere")
	}
	s.change(target("live"))
	if s.holds()["workloads/h00/w0"] {
		t.Error("it moved, and stayed where it was")
	}
	s.change(map[string]string{"workloads/h02/x": `{"addresses":["10.1.0.1"],"state":"prepared"}`})
	s.remove("workloads/h02/x")
	if s.holds()["workloads/h02/x"] {
		t.Error("a migration was given up, and its target stays")
	}
}

func TestAHostThatIsEmptiedIsNotFrozen(t *testing.T) {
	s := newStore(large())
	values := map[string]string{}
	for i := range 40 {
		values[fmt.Sprintf("workloads/h%02d/w0", i)] = ""
		values[fmt.Sprintf("workloads/h49/m%d", i)] = fmt.Sprintf(`{"addresses":["10.1.%d.1"]}`, i)
	}
	s.change(values)
	if s.frozen() != "" || s.holds()["workloads/h00/w0"] {
		t.Errorf("frozen: %q", s.frozen())
	}
}

func TestADatastoreThatWentBackCanOnlyAdd(t *testing.T) {
	for name, change := range map[string]func(*topology.Batch){
		"a lower revision":                    func(b *topology.Batch) { b.Revision = 50 },
		"another cluster":                     func(b *topology.Batch) { b.Cluster = 8 },
		"a lower revision, while followed":    func(b *topology.Batch) { b.Revision, b.Complete, b.Restored = 50, false, true },
		"another cluster after a new start":   func(b *topology.Batch) { b.Cluster, b.Revision = 8, 5000 },
		"one that is empty, in its beginning": func(b *topology.Batch) { b.Cluster, b.Revision, b.Changes = 8, 1, nil },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(large())
			backup := large()
			delete(backup, "nodes/h07")
			backup["workloads/h01/w0"] = `{"addresses":["10.1.99.9"]}`
			backup["nodes/old"] = `{"addresses":["192.0.2.99"],"rack":"r1"}`
			b := topology.Batch{Complete: true, Cluster: s.cluster, Revision: 200, Changes: changes(backup)}
			b.Changes = append(b.Changes, topology.Change{Path: topology.AcceptedPath, Value: topology.Acceptance(s.now), Revision: 50})
			change(&b)
			if !b.Complete {
				b.Changes = append(b.Changes, topology.Change{Path: topology.Prefix + "nodes/h07"})
			}
			s.guard.Take(s.now, b)
			s.cluster, s.revision = b.Cluster, b.Revision
			s.wait(time.Hour)
			w, _ := s.guard.Snapshot().Workload("h01", "w0")
			if got := s.holds(); !got["nodes/h07"] || fmt.Sprint(w.Addresses) != "[10.1.1.1]" || got["nodes/old"] != (len(b.Changes) > 1) {
				t.Errorf("h07 in force: %v, w0 %v, old in force: %v", got["nodes/h07"], w.Addresses, got["nodes/old"])
			}
			if s.frozen() == "" {
				t.Fatal("not frozen")
			}
			s.accept()
			w, _ = s.guard.Snapshot().Workload("h01", "w0")
			if got := s.holds(); got["nodes/h07"] || len(b.Changes) > 1 && fmt.Sprint(w.Addresses) != "[10.1.99.9]" {
				t.Errorf("accepted: h07 in force: %v, w0 %v", got["nodes/h07"], w.Addresses)
			}
		})
	}
}

// What moved since the backup was taken is in it where it was.
func TestABackupReplacesNothingThatMovedSince(t *testing.T) {
	s := newStore(large())
	s.remove("nodes/h09")
	s.guard.Take(s.now, topology.Batch{Restored: true, Cluster: s.cluster, Revision: 50, Changes: []topology.Change{
		{Path: topology.Prefix + "nodes/before", Value: []byte(large()["nodes/h03"]), Revision: 30},
		{Path: topology.Prefix + "nodes/h03"},
		{Path: topology.Prefix + "workloads/h01/w0"},
		{Path: topology.Prefix + "workloads/h02/before", Value: []byte(large()["workloads/h01/w0"]), Revision: 30},
	}})
	s.revision = 50
	s.accept(topology.Prefix + "nodes/h09")
	if got := s.holds(); !got["workloads/h01/w0"] || !got["nodes/h03"] || got["nodes/h09"] {
		t.Errorf("h01/w0 in force: %v, h03 in force: %v, h09 in force: %v", got["workloads/h01/w0"], got["nodes/h03"], got["nodes/h09"])
	}
	s.change(map[string]string{"workloads/h04/now": large()["workloads/h01/w0"]})
	if s.holds()["workloads/h01/w0"] {
		t.Error("it moved after the restoration, and stayed where it was")
	}
}

func TestABackupAddsNothingThatTakesFromOthers(t *testing.T) {
	values := large()
	values["tags/web"] = `{"id":7}`
	for path, value := range map[string]string{
		"nodes/before":   `{"addresses":["192.0.2.13"],"rack":"r2"}`,
		"nodes/a":        `{"addresses":["192.0.2.13","192.0.2.99"]}`,
		"nodes/b":        `{"addresses":["192.0.2.1"]}`,
		"routers/before": `{"role":"spine","addresses":["192.0.2.251"],"asn":65009}`,
		"pools/before":   `{"prefix":"10.1.0.0/16","rack":"r2"}`,
		"pools/narrower": `{"prefix":"10.1.9.0/24","rack":"r2"}`,
		"policies/of-no": `{"appliesTo":["web"]}`,
		"tags/before":    `{"id":7}`,
	} {
		t.Run(path, func(t *testing.T) {
			backwards := func() *store {
				s := newStore(values)
				s.guard.Take(s.now, topology.Batch{Restored: true, Cluster: s.cluster, Revision: 50, Changes: []topology.Change{
					{Path: topology.Prefix + path, Value: []byte(value), Revision: 30},
				}})
				s.revision, s.values[path] = 50, value
				if s.holds()[path] || s.frozen() == "" || len(s.guard.Problems()) == 0 {
					t.Fatalf("in force: %v, frozen: %q", s.holds()[path], s.frozen())
				}
				return s
			}
			s := backwards()
			s.accept()
			if !s.holds()[path] || s.frozen() != "" {
				t.Errorf("accepted; in force: %v, frozen: %q", s.holds()[path], s.frozen())
			}
			s = backwards()
			s.remove(path)
			if s.holds()[path] || s.frozen() != "" {
				t.Errorf("deleted; in force: %v, frozen: %q", s.holds()[path], s.frozen())
			}
			s = backwards()
			s.change(map[string]string{path: value})
			if !s.holds()[path] || s.frozen() != "" {
				t.Errorf("written again; in force: %v, frozen: %q", s.holds()[path], s.frozen())
			}
		})
	}
}

func TestAnAcceptanceIsOfTheEtcdItWasWrittenTo(t *testing.T) {
	s := newStore(large())
	s.revision = 500
	s.accept()
	s.guard.Take(s.now, topology.Batch{Restored: true, Cluster: 8, Revision: 60, Changes: []topology.Change{{Path: topology.Prefix + "nodes/h01"}}})
	if !s.holds()["nodes/h01"] {
		t.Error("what was said to one etcd stands for what is gone from another")
	}
}

func TestAnAcceptanceThatCanBeReadOtherwiseAcceptsNothing(t *testing.T) {
	for _, value := range []string{
		"", "null", "{}", `"all"`, `{"at":"2030-01-02T03:04:05Z","paths":[]}`, `{"at":"2030-01-02T03:04:05Z","path":"/heddle/v1/nodes/h40"}`,
		`{"paths":["/heddle/v1/nodes/h00"]}`,
	} {
		s := newStore(large())
		s.remove(hosts(20)...)
		s.revision++
		s.guard.Take(s.now, topology.Batch{Cluster: s.cluster, Revision: s.revision, Changes: []topology.Change{
			{Path: topology.AcceptedPath, Value: []byte(value), Revision: s.revision},
		}})
		if got := s.holds(); !got["nodes/h00"] || s.frozen() == "" {
			t.Errorf("%q accepts", value)
		}
	}
}

// A watcher may be told of an acceptance before it is told of the deletion, and of
// several acceptances at once.
func TestEveryAcceptanceCounts(t *testing.T) {
	s := newStore(large())
	word := func(revision int64, paths ...string) topology.Change {
		return topology.Change{Path: topology.AcceptedPath, Value: topology.Acceptance(s.now, paths...), Revision: revision}
	}
	gone := func(path string, revision int64) topology.Change {
		return topology.Change{Path: topology.Prefix + path, Revision: revision}
	}
	take := func(revision int64, changes ...topology.Change) {
		s.guard.Take(s.now, topology.Batch{Cluster: s.cluster, Revision: revision, Changes: changes})
	}
	take(203, word(201, topology.Prefix+"nodes/h01"), word(203, topology.Prefix+"nodes/h03"), gone("nodes/h01", 201))
	take(204, word(204, topology.Prefix+"nodes/h04"))
	take(204, gone("nodes/h02", 202), gone("nodes/h03", 203), gone("nodes/h04", 204))
	if got := s.holds(); got["nodes/h01"] || !got["nodes/h02"] || got["nodes/h03"] || got["nodes/h04"] {
		t.Errorf("h01 in force: %v, h02: %v, h03: %v, h04: %v; want h02 alone", got["nodes/h01"], got["nodes/h02"], got["nodes/h03"], got["nodes/h04"])
	}
}

func TestOfThoseThatShareAnAddressNoneIsAnothersHeir(t *testing.T) {
	values := large()
	values["pools/shared"] = `{"prefix":"10.9.0.0/16","anycast":true}`
	for i := range 50 {
		values[fmt.Sprintf("workloads/h%02d/dns", i)] = `{"addresses":["10.9.0.1"]}`
	}
	s := newStore(values)
	s.change(map[string]string{"workloads/h49/dns": "", "workloads/h49/renamed": `{"addresses":["10.9.0.1"]}`})
	if got := s.holds(); got["workloads/h49/dns"] || !got["workloads/h49/renamed"] {
		t.Error("one that was renamed stays")
	}
	for i := range 49 {
		s.remove(fmt.Sprintf("workloads/h%02d/dns", i))
	}
	if got := s.holds(); !got["workloads/h00/dns"] || !got["workloads/h48/dns"] || s.frozen() == "" {
		t.Errorf("49 of 50 went at once; frozen: %q", s.frozen())
	}
}

// A reject of a whole fabric comes in hundreds of pieces: 0.25 s for 1,050 nodes; 66 s
// when each piece looked at all that was withheld.
func BenchmarkAFabricIsWrittenBack(b *testing.B) {
	values := large()
	for i := range 1000 {
		values[fmt.Sprintf("nodes/n%03d", i)] = fmt.Sprintf(`{"addresses":["198.18.%d.%d"],"rack":"r1"}`, i/250, i%250)
	}
	paths := slices.Sorted(maps.Keys(values))
	for b.Loop() {
		s := newStore(values)
		s.remove(paths...)
		for some := range slices.Chunk(paths, 100) {
			back := map[string]string{}
			for _, path := range some {
				back[path] = values[path]
			}
			s.change(back)
		}
		if s.frozen() != "" {
			b.Fatalf("frozen: %q", s.frozen())
		}
	}
}

func TestASuspicionEndsWhenItsOwnerSaysSo(t *testing.T) {
	s := newStore(large())
	s.guard.AtOnce = []topology.Kind{topology.KindWorkload}
	s.guard.Suspect(s.now, "first")
	s.remove("workloads/h00/w0")
	s.guard.Suspect(s.now, "second")
	if s.frozen() != "first" || !s.guard.Suspected() || s.guard.Cluster() != 0 {
		t.Errorf("frozen: %q, suspected: %v, cluster %d", s.frozen(), s.guard.Suspected(), s.guard.Cluster())
	}
	s.guard.Relieve()
	s.guard.Tick(s.now)
	if s.holds()["workloads/h00/w0"] || s.frozen() != "" || s.guard.Cluster() != s.cluster {
		t.Errorf("frozen: %q, cluster %d", s.frozen(), s.guard.Cluster())
	}
}

func TestASuspicionDoesNotEndWhatElseIsWrong(t *testing.T) {
	s := newStore(large())
	s.guard.Suspect(s.now, "a suspicion")
	s.remove("workloads/h00/w0")
	s.guard.Take(s.now, topology.Batch{Restored: true, Cluster: s.cluster, Revision: 50, Changes: []topology.Change{{Path: topology.Prefix + "nodes/h01"}}})
	s.guard.Relieve()
	s.guard.Tick(s.now)
	if !s.holds()["workloads/h00/w0"] || s.frozen() == "" {
		t.Error("it went")
	}
}

func TestWhatGoesAtOnceIsCountedStill(t *testing.T) {
	s := newStore(large())
	s.guard.AtOnce = []topology.Kind{topology.KindWorkload}
	for i := range 10 {
		s.remove(fmt.Sprintf("workloads/h%02d/w0", i))
	}
	if got := s.holds(); got["workloads/h00/w0"] || got["workloads/h09/w0"] || s.frozen() != "" {
		t.Fatalf("a tenth did not go at once; frozen: %q", s.frozen())
	}
	s.remove("workloads/h10/w0")
	if !s.holds()["workloads/h10/w0"] || s.frozen() == "" {
		t.Error("more than a tenth went within the window")
	}
}

func TestWhatItsOwnerJudgesIsNotCounted(t *testing.T) {
	s := newStore(large())
	s.guard.AtOnce, s.guard.Judged = []topology.Kind{topology.KindWorkload}, []topology.Kind{topology.KindWorkload}
	values := map[string]string{}
	for i := range 50 {
		values[fmt.Sprintf("workloads/h%02d/w0", i)] = ""
	}
	s.change(values)
	if s.holds()["workloads/h00/w0"] || s.frozen() != "" {
		t.Errorf("frozen: %q", s.frozen())
	}
}

func TestASuspectLossIsFrozenHoweverSmall(t *testing.T) {
	s := newStore(large())
	s.guard.AtOnce = []topology.Kind{topology.KindWorkload}
	s.guard.Suspect(s.now, "a third of the fabric's workloads are gone")
	s.remove("workloads/h00/w0")
	if !s.holds()["workloads/h00/w0"] {
		t.Error("it went")
	}
	s.accept()
	if s.holds()["workloads/h00/w0"] {
		t.Error("accepted, and it did not go")
	}
}

// Whatever is written and deleted, in whatever order and at whatever pace: nothing goes
// before its time but what is replaced; when it is quiet, what is in force is what the
// datastore has, or more, and then the guard is frozen; and a word of a person makes them
// the same, one way or the other.
func TestAGuardNeverForgetsAndAlwaysComesRound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newStore(large())
		paths := slices.Sorted(maps.Keys(large()))
		gone := map[string]time.Time{} // when what the datastore does not have went from it
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			values := map[string]string{}
			for _, path := range rapid.SliceOfN(rapid.SampledFrom(paths), 0, 6).Draw(t, "paths") {
				values[path] = ""
				if rapid.Bool().Draw(t, "written") {
					values[path] = large()[path]
				}
			}
			for path, value := range values {
				if _, had := s.values[path]; value == "" && had {
					gone[path] = s.now
				}
			}
			s.change(values)
			s.wait(time.Duration(rapid.IntRange(0, 40).Draw(t, "seconds")) * time.Second)
			held := s.holds()
			for path := range s.values {
				if !held[path] {
					t.Fatalf("%s is in the datastore and not in force", path)
				}
			}
			for path, at := range gone {
				if _, back := s.values[path]; back || s.now.Sub(at) >= topology.Window {
					delete(gone, path)
				} else if !held[path] {
					t.Fatalf("%s went %s after it was deleted", path, s.now.Sub(at))
				}
			}
		}
		s.wait(2 * topology.Window)
		if s.frozen() != "" && rapid.Bool().Draw(t, "accepted") {
			s.accept()
		} else if s.frozen() != "" {
			s.reject()
		}
		if got := s.holds(); len(got) != len(s.values) || s.frozen() != "" {
			t.Fatalf("%d objects are in force, the datastore has %d; frozen: %q", len(got), len(s.values), s.frozen())
		}
	})
}

func TestWhatMovedIsNoLossToWhoDeletesIt(t *testing.T) {
	for _, c := range []struct {
		name, target string // the state of those elsewhere; empty: there are none
		anycast      bool
		loss         string
	}{
		{"nowhere else", "", false, "20 of 100 workloads are gone"},
		{"live elsewhere", "live", false, ""},
		{"prepared elsewhere", "prepared", false, "20 of 120 workloads are gone"},
		{"live elsewhere, too, as is usual there", "live", true, "20 of 120 workloads are gone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			values := large()
			if c.anycast {
				values["pools/p1"] = `{"prefix":"10.1.0.0/16","anycast":true}`
			}
			var keys []topology.Key
			for i := range 20 {
				keys = append(keys, topology.WorkloadKey(fmt.Sprintf("h%02d", i), "w0"))
				if c.target != "" {
					values[fmt.Sprintf("workloads/h49/m%d", i)] = fmt.Sprintf(`{"addresses":["10.1.%d.1"],"state":%q}`, i, c.target)
				}
			}
			if got := newStore(values).guard.Snapshot().Loss(keys); got != c.loss {
				t.Errorf("the loss is %q, want %q", got, c.loss)
			}
		})
	}
}
