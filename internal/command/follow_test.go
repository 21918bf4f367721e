package command

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"heddle/topology"
)

// begun is a daemon that starts with a directory.
func begun(dir string) *Followed {
	log := slog.New(slog.DiscardHandler)
	f := NewFollowed(NewKeeper(dir, time.Now, log), log)
	f.Begin()
	return f
}

// ended is what it has in force when it ends and has written that.
func (f *Followed) ended() []string {
	f.Keep()
	f.keeper.write()
	var paths []string
	for object := range f.Snapshot().Objects() {
		paths = append(paths, object.Key().Path())
	}
	return paths
}

func nodes(names ...string) (changes []topology.Change) {
	for _, name := range names {
		path := topology.Key{Kind: topology.KindNode, Name: name}.Path()
		changes = append(changes, topology.Change{Path: path, Value: []byte(`{"addresses":["192.0.2.` + name + `"],"rack":"r1"}`), Revision: 5})
	}
	return changes
}

func TestADoubtOutlivesTheDaemon(t *testing.T) {
	dir := t.TempDir()
	f := begun(dir)
	f.Hear(topology.Batch{Complete: true, Cluster: 7, Revision: 100, Changes: nodes("1", "2", "3")})
	f.ended()

	restored := nodes("1", "2")
	restored[0].Value = []byte(`{"addresses":["192.0.2.99"],"rack":"r1"}`)
	f = begun(dir)
	f.Hear(topology.Batch{Complete: true, Cluster: 7, Revision: 50, Changes: restored})
	want := f.ended()
	for _, revision := range []int64{60, 200} { // it goes on from there
		f = begun(dir)
		f.Hear(topology.Batch{Complete: true, Cluster: 7, Revision: revision, Changes: restored})
		f.Tick(time.Now().Add(time.Hour))
		n, _ := f.Snapshot().Node("1")
		if got := f.ended(); !slices.Equal(got, want) || len(want) != 3 || n.Addresses[0].String() != "192.0.2.1" {
			t.Errorf("at revision %d: in force are %q, node 1 with %s; want %q", revision, got, n.Addresses, want)
		}
	}
	f.Hear(topology.Batch{Cluster: 7, Revision: 201, Changes: []topology.Change{
		{Path: topology.AcceptedPath, Value: topology.Acceptance(time.Now()), Revision: 201},
	}})
	f.ended()
	f = begun(dir)
	f.Hear(topology.Batch{Complete: true, Cluster: 7, Revision: 202, Changes: restored})
	if list, frozen := f.Withheld(); frozen != "" || len(list) > 0 {
		t.Errorf("accepted, and after another start it is frozen: %q, %v", frozen, list)
	}
}
