package etcd_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"heddle/topology"
	"heddle/topology/etcd"
	"heddle/topology/etcd/embedded"
)

// checkTags: n tags, numbered from 1 without a gap.
func checkTags(t *testing.T, snapshot *topology.Snapshot, n int) {
	t.Helper()
	names := map[uint32]string{}
	for tag := range snapshot.Tags() {
		if other, taken := names[tag.ID]; taken {
			t.Errorf("tags %s and %s have number %d", other, tag.Name, tag.ID)
		}
		names[tag.ID] = tag.Name
	}
	for id := range uint32(n) {
		if names[id+1] == "" {
			t.Errorf("no tag has number %d", id+1)
		}
	}
	if len(names) != n {
		t.Errorf("%d tags, want %d", len(names), n)
	}
}

// Eight people apply at once, and name some of the same tags.
func TestConcurrentApplyNumbersTagsOnce(t *testing.T) {
	t.Parallel()
	d := startDatastore(t, embedded.Config{})
	var running sync.WaitGroup
	for person := range 8 {
		client := open(t, etcd.Config{Endpoints: []string{d.url()}})
		running.Go(func() {
			for i := range 10 {
				_, err := client.Apply(within(t), []topology.Object{
					workloadWith(fmt.Sprintf("w%d-%d", person, i), fmt.Sprintf("10.0.%d.%d", person, i+1), fmt.Sprintf("own%d-%d", person, i), fmt.Sprintf("shared%d", i)),
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	snapshot, err := open(t, etcd.Config{Endpoints: []string{d.url()}}).Snapshot(within(t))
	if err != nil {
		t.Fatal(err)
	}
	checkTags(t, snapshot, 8*10+10)
}

func TestTagNumbers(t *testing.T) {
	t.Parallel()
	d := startDatastore(t, embedded.Config{})
	client := open(t, etcd.Config{Endpoints: []string{d.url()}})
	number := func(name string) uint32 {
		t.Helper()
		object, err := client.Get(within(t), topology.Key{Kind: topology.KindTag, Name: name})
		if err != nil {
			t.Fatal(err)
		}
		return object.(topology.Tag).ID
	}
	apply := func(objects ...topology.Object) error {
		_, err := client.Apply(within(t), objects)
		return err
	}
	if err := apply(topology.Tag{Name: "a", ID: 2}, workloadWith("w", "10.0.0.1", "b", "c")); err != nil {
		t.Fatal(err)
	}
	if b, c := number("b"), number("c"); b != 1 || c != 3 {
		t.Errorf("b has %d, c %d; want 1 and 3, the lowest beside 2", b, c)
	}
	if _, err := client.Delete(within(t), []topology.Key{{Kind: topology.KindTag, Name: "b"}}, false); err != nil {
		t.Fatal(err)
	}
	putAll(t, d.raw(), map[string]string{"tags/d": `broken`})
	if err := apply(workloadWith("w", "10.0.0.1", "d", "a")); err != nil {
		t.Fatal(err)
	}
	if n := number("d"); n != 1 {
		t.Errorf("d, of which the value was broken, has %d; want 1, which is free again", n)
	}
	for _, c := range []struct {
		objects []topology.Object
		says    string
	}{
		{[]topology.Object{topology.Tag{Name: "e", ID: 3}}, "tag e: number 3 belongs to tag c"},
		{[]topology.Object{topology.Tag{Name: "e", ID: 9}, topology.Tag{Name: "f", ID: 9}}, "tag f: number 9 is that of tag e too"},
	} {
		if err := apply(c.objects...); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("error %v, want %q", err, c.says)
		}
	}
	if err := apply(topology.Tag{Name: "a", ID: 3}, topology.Tag{Name: "c", ID: 2}); err != nil {
		t.Errorf("two tags cannot change places: %v", err)
	}
	if a, c := number("a"), number("c"); a != 3 || c != 2 {
		t.Errorf("a has %d, c %d", a, c)
	}
}
