package main

import (
	"context"
	"log/slog"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"heddle/internal/command"
	"heddle/topology"
	"heddle/topology/etcd"
	"heddle/topology/etcd/embedded"
)

// watched is a controller of host h1 and an etcd that it hears of as a test says.
type watched struct {
	*controller
	t   *testing.T
	raw *clientv3.Client
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	server, err := embedded.Start(t.Context(), embedded.Config{Dir: t.TempDir(), ListenClient: []string{"http://127.0.0.1:0"}, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	client, err := etcd.Open(etcd.Config{Endpoints: server.Endpoints()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	raw, err := clientv3.New(clientv3.Config{Endpoints: server.Endpoints()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	d := &daemon{options: &options{node: "h1"}, log: log, client: client}
	w := &watched{controller: &controller{daemon: d, inventory: command.NewFollowed(nil, log)}, t: t, raw: raw}
	w.inventory.AtOnce = []topology.Kind{topology.KindWorkload}
	return w
}

// put writes values, and remove deletes; each gives the revision and, for the keys that
// concern h1, what it is told.
func (w *watched) put(values map[string]string) topology.Batch {
	var ops []clientv3.Op
	for path, value := range values {
		ops = append(ops, clientv3.OpPut(topology.Prefix+path, value))
	}
	return w.told(values, ops)
}

func (w *watched) remove(paths ...string) topology.Batch {
	values, ops := map[string]string{}, []clientv3.Op(nil)
	for _, path := range paths {
		values[path] = ""
		ops = append(ops, clientv3.OpDelete(topology.Prefix+path))
	}
	return w.told(values, ops)
}

func (w *watched) told(values map[string]string, ops []clientv3.Op) topology.Batch {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	response, err := w.raw.Txn(ctx).Then(ops...).Commit()
	if err != nil {
		w.t.Fatal(err)
	}
	b := topology.Batch{Cluster: response.Header.ClusterId, Revision: response.Header.Revision}
	for path, value := range values {
		if path != "nodes/h1" && path[:len("workloads/h1")] != "workloads/h1" {
			continue
		}
		c := topology.Change{Path: topology.Prefix + path, Revision: b.Revision}
		if value != "" {
			c.Value = []byte(value)
		}
		b.Changes = append(b.Changes, c)
	}
	return b
}

func (w *watched) hear(b topology.Batch) {
	w.suspect(w.t.Context(), b)
	w.inventory.Hear(b)
	if len(w.past.marks) == 0 {
		w.past.note(time.Now(), b.Revision)
	}
}

func (w *watched) has(name string) bool {
	_, ok := w.inventory.Snapshot().Workload("h1", name)
	return ok
}

func (w *watched) frozen() string {
	_, reason := w.inventory.Withheld()
	return reason
}

func (w *watched) begin() {
	b := w.put(map[string]string{
		"nodes/h1":        `{"addresses":["192.0.2.11"],"rack":"r1"}`,
		"workloads/h1/w1": `{"addresses":["10.1.0.1"]}`, "workloads/h1/w2": `{"addresses":["10.1.0.2"]}`,
		"workloads/h1/w3": `{"addresses":["10.1.0.3"]}`, "workloads/h1/w4": `{"addresses":["10.1.0.4"]}`,
		"workloads/h2/w5": `{"addresses":["10.1.0.5"]}`,
	})
	b.Complete = true
	w.hear(b)
}

// A host is emptied by who deletes all there and makes it elsewhere after.
func TestAHostThatIsEmptiedIsFrozenNoLongerThanNeeded(t *testing.T) {
	w := newWatched(t)
	w.begin()
	later := time.Now().Add(2 * topology.Window)
	w.hear(w.remove("workloads/h1/w1", "workloads/h1/w2", "workloads/h1/w3", "workloads/h1/w4"))
	if w.relieve(t.Context(), later) || !w.has("w1") || w.frozen() != "4 of 5 workloads of the fabric are gone" {
		t.Fatalf("w1 in force: %v, frozen: %q", w.has("w1"), w.frozen())
	}
	w.put(map[string]string{"workloads/h2/w1": `{"addresses":["10.1.0.1"]}`, "workloads/h2/w2": `{"addresses":["10.1.0.2"]}`})
	if w.relieve(t.Context(), later.Add(2*topology.Window)) || !w.has("w1") {
		t.Fatal("half of them are back, and it believes that the others are to go")
	}
	w.put(map[string]string{"workloads/h2/w3": `{"addresses":["10.1.0.3"]}`, "workloads/h2/w4": `{"addresses":["10.1.0.4"]}`})
	if w.relieve(t.Context(), later.Add(2*topology.Window)) {
		t.Fatal("it asks too often")
	}
	if !w.relieve(t.Context(), later.Add(4*topology.Window)) || w.has("w1") || w.has("w4") || w.frozen() != "" {
		t.Errorf("w1 in force: %v, w4: %v, frozen: %q", w.has("w1"), w.has("w4"), w.frozen())
	}
}

func TestWithoutItsNodeAHostLosesNothing(t *testing.T) {
	w := newWatched(t)
	w.begin()
	w.hear(w.remove("nodes/h1", "workloads/h1/w1"))
	if !w.has("w1") || w.frozen() == "" {
		t.Errorf("w1 in force: %v, frozen: %q", w.has("w1"), w.frozen())
	}
}

// A datastore that compacts what is not a minute old can't say what there was.
func TestATrickleThatCantBeCountedIsFrozen(t *testing.T) {
	w := newWatched(t)
	w.begin()
	b := w.put(map[string]string{"workloads/h2/w6": `{"addresses":["10.1.0.6"]}`})
	if _, err := w.raw.Compact(t.Context(), b.Revision); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"w1", "w2", "w3", "w4"} {
		w.hear(w.remove("workloads/h1/" + name))
	}
	if w.has("w1") || !w.has("w4") || w.frozen() == "" {
		t.Errorf("w1 in force: %v, w4: %v, frozen: %q; want three gone, and no more", w.has("w1"), w.has("w4"), w.frozen())
	}
}

// By then they are live elsewhere: the fabric has fewer workloads, and no fewer addresses.
func TestAHostThatIsEmptiedAsPlannedIsNotFrozen(t *testing.T) {
	w := newWatched(t)
	values := map[string]string{"nodes/h1": `{"addresses":["192.0.2.11"],"rack":"r1"}`, "workloads/h1/last": `{"addresses":["10.1.0.9"],"state":"leaving"}`}
	for _, name := range []string{"1", "2", "3", "4"} {
		values["workloads/h1/w"+name] = `{"addresses":["10.1.0.` + name + `"],"state":"leaving"}`
		values["workloads/h2/w"+name] = `{"addresses":["10.1.0.` + name + `"]}`
	}
	b := w.put(values)
	b.Complete = true
	w.hear(b)
	w.hear(w.remove("workloads/h1/w1", "workloads/h1/w2", "workloads/h1/w3", "workloads/h1/w4"))
	if w.has("w1") || w.has("w4") || w.frozen() != "" {
		t.Errorf("w1 in force: %v, w4: %v, frozen: %q", w.has("w1"), w.has("w4"), w.frozen())
	}
	w.hear(w.remove("nodes/h1", "workloads/h1/last"))
	if !w.has("last") || w.frozen() == "" {
		t.Errorf("its node is gone; last in force: %v, frozen: %q", w.has("last"), w.frozen())
	}
}
