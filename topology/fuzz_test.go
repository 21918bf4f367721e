package topology_test

import (
	"bytes"
	"reflect"
	"slices"
	"testing"

	"heddle/topology"
)

// Any keys with any values, one after the other, as a datastore may have them: never a
// panic; what comes of them depends on the last value of each key that could be used,
// and a bad one leaves the good one in force.
func FuzzInventory(f *testing.F) {
	for _, text := range []string{
		"settings\x00{\"asn\":64512,\"discard\":[\"192.0.2.254\"]}\x00pools/p\x00{\"prefix\":\"10.1.0.0/16\",\"rack\":\"r1\"}",
		"nodes/h1\x00{\"addresses\":[\"192.0.2.11\"]}\x00nodes/h2\x00{\"addresses\":[\"192.0.2.11\"]}\x00nodes/h1\x00",
		"routers/rr\x00{\"role\":\"reflector\",\"addresses\":[\"192.0.2.1\"],\"serves\":[\"r1\"]}\x00routers/rr\x00{\"role\":\"no\"}",
		"workloads/h1/w\x00{\"addresses\":[\"10.1.0.5\"],\"tags\":[\"web\"]}\x00workloads/h2/w\x00{\"addresses\":[\"10.1.0.5\"]}\x00tags/web\x00{\"id\":7}",
		"policies/p\x00{\"appliesTo\":[\"web\"],\"ingress\":[{\"action\":\"allow\",\"from\":{\"tags\":[\"lb\"]}}]}\x00racks/r1\x00{\"routeBudget\":1}",
		"nodes/\xff\x00{}\x00nodes/h1\x00[[[[\x00../x\x00{}\x00pools/p\x00{\"prefix\":\"0.0.0.0/0\"}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		words := bytes.Split(data, []byte{0})
		if len(words) > 200 {
			return
		}
		var changes []topology.Change
		for pair := range slices.Chunk(words, 2) {
			change := topology.Change{Path: "/heddle/v1/" + string(pair[0])}
			if len(pair) == 2 && len(pair[1]) > 0 {
				change.Value = pair[1]
			}
			changes = append(changes, change)
		}
		var whole, bit topology.Inventory
		whole.Apply(1, changes)
		for _, change := range changes {
			bit.Apply(1, []topology.Change{change})
			_ = bit.Snapshot().Problems()
		}
		if a, b := listed(whole.Snapshot()), listed(bit.Snapshot()); !reflect.DeepEqual(a, b) {
			t.Fatalf("all at once it is\n%+v, one by one\n%+v", a, b)
		}
		if a, b := whole.Snapshot().Problems(), bit.Snapshot().Problems(); !reflect.DeepEqual(a, b) {
			t.Fatalf("all at once problems are\n%+v, one by one\n%+v", a, b)
		}
		var again topology.Inventory
		again.Apply(1, topology.ChangesOf(whole.Snapshot().Objects()))
		if a, b := listed(whole.Snapshot()), listed(again.Snapshot()); !reflect.DeepEqual(a, b) {
			t.Fatalf("written and read again,\n%+v became\n%+v", a, b)
		}
	})
}

func listed(s *topology.Snapshot) []topology.Object { return slices.Collect(s.Objects()) }
