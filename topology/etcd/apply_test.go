package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"heddle/topology"
	"heddle/topology/etcd"
	"heddle/topology/etcd/embedded"
)

func workloadWith(name, address string, tags ...string) topology.Workload {
	slices.Sort(tags)
	return topology.Workload{
		Node: "h1", Name: name, Addresses: []netip.Addr{netip.MustParseAddr(address)}, Tags: tags, State: topology.Live,
	}
}

// say is results in short: "tag web created".
func say(results []etcd.Result) []string {
	var out []string
	for _, result := range results {
		out = append(out, result.Object.Key().String()+" "+result.Outcome.String())
	}
	return out
}

func revision(t *testing.T, d *datastore) int64 {
	t.Helper()
	response, err := d.raw().Get(within(t), "x")
	if err != nil {
		t.Fatal(err)
	}
	return response.Header.Revision
}

func TestApply(t *testing.T) {
	t.Parallel()
	d := startDatastore(t, embedded.Config{})
	client := open(t, etcd.Config{Endpoints: []string{d.url()}})
	node := topology.Node{Name: "h1", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.11")}, Rack: "r1"}
	objects := []topology.Object{
		workloadWith("w1", "10.0.0.1", "web", "db"),
		topology.Policy{Name: "p", AppliesTo: []string{"web"}, Ingress: []topology.Rule{{Action: topology.Allow, Peer: topology.Peer{Tags: []string{"lb"}}}}},
		node,
		topology.DefaultSettings(),
	}
	expect := func(got []etcd.Result, err error, want ...string) {
		t.Helper()
		if err != nil || !slices.Equal(say(got), want) {
			t.Fatalf("results %v, %v\nwant %v", say(got), err, want)
		}
	}

	before := revision(t, d)
	results, err := client.Preview(within(t), objects)
	all := []string{"tag db", "tag lb", "tag web", "settings", "node h1", "policy p", "workload h1/w1"}
	expect(results, err, each(all, "created")...)
	if now := revision(t, d); now != before {
		t.Errorf("a preview writes: revision %d, then %d", before, now)
	}
	if _, err := client.Get(within(t), node.Key()); !errors.Is(err, etcd.ErrNotFound) || err.Error() != "node h1: does not exist" {
		t.Errorf("what does not exist gives %v", err)
	}

	results, err = client.Apply(within(t), objects)
	expect(results, err, each(all, "created")...)

	before = revision(t, d)
	results, err = client.Apply(within(t), objects)
	expect(results, err, each(all[3:], "unchanged")...)
	putAll(t, d.raw(), map[string]string{"nodes/h1": `{ "rack": "r1", "addresses": ["192.0.2.11"] }`})
	results, err = client.Apply(within(t), []topology.Object{node}) // the same in other words
	expect(results, err, "node h1 unchanged")
	if now := revision(t, d); now != before+1 {
		t.Errorf("an apply that changes nothing writes: revision %d, then %d", before, now)
	}

	putAll(t, d.raw(), map[string]string{"nodes/h1": `nonsense`, "racks/r1": `{"colour":"red"}`})
	node.Rack = "r2"
	results, err = client.Apply(within(t), []topology.Object{node, topology.Rack{Name: "r1"}})
	expect(results, err, "rack r1 changed", "node h1 changed")
	if got, err := client.Get(within(t), node.Key()); err != nil || got.(topology.Node).Rack != "r2" {
		t.Errorf("Get gives %v, %v", got, err)
	}

	if _, err := client.Apply(within(t), []topology.Object{node, node}); err == nil || err.Error() != "node h1 is given twice: keep one" {
		t.Errorf("one object twice gives %v", err)
	}
}

func each(keys []string, outcome string) []string {
	var out []string
	for _, key := range keys {
		out = append(out, key+" "+outcome)
	}
	return out
}

func TestApplyManyObjectsAndLargeOnes(t *testing.T) {
	t.Parallel()
	d := startDatastore(t, embedded.Config{})
	client := open(t, etcd.Config{Endpoints: []string{d.url()}})
	var objects []topology.Object
	for i := range 350 {
		objects = append(objects, workloadWith(fmt.Sprintf("w%d", i), fmt.Sprintf("10.0.%d.%d", i/250, i%250+1), fmt.Sprintf("tag%d", i)))
	}
	for i := range 15 { // 100 kB each: more than one transaction has room for
		var prefixes []netip.Prefix
		for j := range 6000 {
			prefixes = append(prefixes, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), byte(j >> 8), byte(j)}), 32))
		}
		objects = append(objects, topology.Policy{
			Name: fmt.Sprintf("p%d", i), AppliesTo: []string{"tag1"},
			Ingress: []topology.Rule{{Action: topology.Allow, Peer: topology.Peer{Prefixes: prefixes}}},
		})
	}
	results, err := client.Apply(within(t), objects)
	if err != nil || len(results) != 350+350+15 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	for _, result := range results {
		if result.Outcome != etcd.Created {
			t.Fatalf("%s %s", result.Object.Key(), result.Outcome)
		}
	}
	snapshot, err := client.Snapshot(within(t))
	if err != nil {
		t.Fatal(err)
	}
	checkTags(t, snapshot, 350)

	var huge []netip.Prefix
	for j := range 100_000 {
		huge = append(huge, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(j >> 16), byte(j >> 8), byte(j)}), 32))
	}
	_, err = client.Apply(within(t), []topology.Object{topology.Policy{
		Name: "huge", AppliesTo: []string{"tag1"}, Ingress: []topology.Rule{{Action: topology.Allow, Peer: topology.Peer{Prefixes: huge}}},
	}})
	if err == nil || !strings.Contains(err.Error(), "refuses a value this large") {
		t.Errorf("a value of 2 MB gives %v", err)
	}
}

// Of those who write one object at once, one is told that it created it, the
// others that they changed it.
func TestConcurrentApplyOfOneObject(t *testing.T) {
	t.Parallel()
	d := startDatastore(t, embedded.Config{})
	var clients []*etcd.Client
	for range 8 {
		clients = append(clients, open(t, etcd.Config{Endpoints: []string{d.url()}}))
	}
	for round := range 20 {
		start := make(chan struct{})
		var running sync.WaitGroup
		var created, changed atomic.Int64
		for person, client := range clients {
			running.Go(func() {
				<-start
				results, err := client.Apply(within(t), []topology.Object{workloadWith(fmt.Sprintf("w%d", round), fmt.Sprintf("10.0.0.%d", person+1))})
				switch {
				case err != nil:
					t.Error(err)
				case results[0].Outcome == etcd.Created:
					created.Add(1)
				case results[0].Outcome == etcd.Changed:
					changed.Add(1)
				}
			})
		}
		close(start)
		running.Wait()
		if created.Load() != 1 || changed.Load() != 7 {
			t.Errorf("%d were told created, %d changed", created.Load(), changed.Load())
		}
	}
}

func TestListAndDelete(t *testing.T) {
	t.Parallel()
	d := startDatastore(t, embedded.Config{})
	client := open(t, etcd.Config{Endpoints: []string{d.url()}})
	putAll(t, d.raw(), map[string]string{
		"nodes/h2": `{"addresses":["192.0.2.12"]}`, "nodes/h1": `{"addresses":["192.0.2.11"],"colour":"red"}`, "nodes/h3": `{}`,
		"nodes/a/b": `{}`, "routers/x": `{}`,
	})
	objects, problems, err := client.List(within(t), topology.KindNode)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, object := range objects {
		names = append(names, object.Key().Name)
	}
	if !slices.Equal(names, []string{"h1", "h2"}) {
		t.Errorf("nodes %v", names)
	}
	if len(problems) != 3 {
		t.Errorf("problems %v, want those of h1, h3 and a/b", problems)
	}
	if _, err := client.Get(within(t), topology.Key{Kind: topology.KindNode, Name: "h3"}); err == nil || !strings.Contains(err.Error(), "node h3: addresses: there is none") {
		t.Errorf("a broken value gives %v", err)
	}
	if _, err := client.Get(within(t), topology.Key{Kind: topology.KindNode, Name: "a/b"}); err == nil {
		t.Error("a key that is none can be read")
	}
	deleted, err := client.Delete(within(t), []topology.Key{
		{Kind: topology.KindNode, Name: "h1"}, {Kind: topology.KindNode, Name: "h9"}, {Kind: topology.KindNode, Name: "h3"},
	}, true)
	if err != nil || len(deleted) != 2 || deleted[0].Name != "h1" || deleted[1].Name != "h3" {
		t.Errorf("deleted %v, %v", deleted, err)
	}
	if _, err := client.Delete(within(t), []topology.Key{{Kind: topology.KindNode}}, false); err == nil {
		t.Error("a key without a name can be deleted")
	}
}

func TestUnreachableDatastoreSaysSo(t *testing.T) {
	t.Parallel()
	client := open(t, etcd.Config{Endpoints: []string{"http://127.0.0.1:1"}})
	want := "etcd at http://127.0.0.1:1 cannot be reached (dial tcp 127.0.0.1:1: connect: connection refused): see whether it runs and whether this is its address"
	untilRefused(t, want, func(ctx context.Context) error {
		_, err := client.Snapshot(ctx)
		return err
	})

	t.Run("a connection that carries nothing", func(t *testing.T) {
		d := startDatastore(t, embedded.Config{})
		l := startLink(t, d.url())
		l.stall()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := open(t, etcd.Config{Endpoints: []string{l.url()}}).Apply(ctx, []topology.Object{topology.Rack{Name: "r1"}})
		if err == nil || !strings.HasPrefix(err.Error(), "etcd at "+l.url()+" ") || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}
