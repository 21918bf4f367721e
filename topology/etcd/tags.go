package etcd

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"heddle/topology"
)

// tagsNamed lists the tags that objects name, sorted.
func tagsNamed(objects []topology.Object) []string {
	var names []string
	for _, object := range objects {
		switch o := object.(type) {
		case topology.Workload:
			names = append(names, o.Tags...)
		case topology.Policy:
			names = append(names, o.Tags()...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// applyTags writes the tags given and numbers those named that have no number.
// Should anybody else write a tag meanwhile, it begins anew: two applies at once
// would choose the same number.
func applyTags(ctx context.Context, client *clientv3.Client, given []topology.Tag, named []string, write writer) ([]Result, error) {
	if len(given) == 0 && len(named) == 0 {
		return nil, nil
	}
	written := make(map[topology.Key]Outcome)
	for {
		present, revision, err := readTags(ctx, client)
		if err != nil {
			return nil, err
		}
		results, err := planTags(present, given, named)
		if err != nil {
			return nil, err
		}
		done, err := writeTags(ctx, client, results, revision, written, write)
		for i, result := range results {
			if outcome, ok := written[result.Object.Key()]; ok {
				results[i].Outcome = outcome
			}
		}
		if done {
			return results, nil
		}
		if err != nil {
			return slices.DeleteFunc(results, func(r Result) bool {
				_, ok := written[r.Object.Key()]
				return !ok && r.Outcome != Unchanged
			}), err
		}
	}
}

// writeTags writes what differs, on condition that no tag was written after the
// revision, or after what it wrote itself. It is done unless somebody did.
func writeTags(ctx context.Context, client *clientv3.Client, results []Result, revision int64,
	written map[topology.Key]Outcome, write writer,
) (done bool, err error) {
	differing := slices.DeleteFunc(slices.Clone(results), func(r Result) bool { return r.Outcome == Unchanged })
	for chunk := range slices.Chunk(differing, maxOps) {
		var puts []clientv3.Op
		for _, result := range chunk {
			path, value := topology.Encode(result.Object)
			puts = append(puts, clientv3.OpPut(path, string(value)))
		}
		unwritten := clientv3.Compare(clientv3.ModRevision(topology.KindTag.Prefix()).WithPrefix(), "<", revision+1)
		held, at, err := write(ctx, client, []clientv3.Cmp{unwritten}, puts)
		if err != nil || !held {
			return false, err
		}
		revision = at
		for _, result := range chunk {
			written[result.Object.Key()] = result.Outcome
		}
	}
	return true, nil
}

// readTags reads every tag, by name.
func readTags(ctx context.Context, client *clientv3.Client) (present map[string]*mvccpb.KeyValue, revision int64, err error) {
	response, err := client.Get(ctx, topology.KindTag.Prefix(), clientv3.WithPrefix())
	if err != nil {
		return nil, 0, err
	}
	present = make(map[string]*mvccpb.KeyValue, len(response.Kvs))
	for _, kv := range response.Kvs {
		present[strings.TrimPrefix(string(kv.Key), topology.KindTag.Prefix())] = kv
	}
	return present, response.Header.Revision, nil
}

// planTags gives every tag its number: those given have theirs, those present keep
// theirs, the others named get the lowest that is free. A number given that
// belongs to another tag is refused.
func planTags(present map[string]*mvccpb.KeyValue, given []topology.Tag, named []string) ([]Result, error) {
	var results []Result
	numbered := make(map[string]bool)
	chosen := make(map[uint32]string) // numbers given, and to which tag
	for _, tag := range given {
		if other, taken := chosen[tag.ID]; taken {
			return nil, fmt.Errorf("%s: number %d is that of tag %s too: give one of them another", tag.Key(), tag.ID, other)
		}
		numbered[tag.Name], chosen[tag.ID] = true, tag.Name
		results = append(results, Result{tag, compare(tag, present[tag.Name])})
	}
	used := make(map[uint32]bool)
	for _, name := range slices.Sorted(maps.Keys(present)) {
		id, usable := numberOf(name, present[name])
		if numbered[name] || !usable {
			continue // it is about to be written over
		}
		if other, taken := chosen[id]; taken {
			return nil, fmt.Errorf("tag %s: number %d belongs to tag %s: give it another, or leave the tag out to have it numbered",
				other, id, name)
		}
		numbered[name], used[id] = true, true
	}
	next := uint32(1)
	for _, name := range named {
		if numbered[name] {
			continue
		}
		for used[next] || chosen[next] != "" {
			next++
		}
		tag := topology.Tag{Name: name, ID: next}
		numbered[name], used[next] = true, true
		results = append(results, Result{tag, compare(tag, present[name])})
	}
	slices.SortFunc(results, func(a, b Result) int { return a.Object.Key().Compare(b.Object.Key()) })
	return results, nil
}

// numberOf reads the number of a tag as it stands.
func numberOf(name string, kv *mvccpb.KeyValue) (id uint32, usable bool) {
	object, _ := topology.Decode(topology.Key{Kind: topology.KindTag, Name: name}, kv.Value)
	tag, usable := object.(topology.Tag)
	return tag.ID, usable
}
