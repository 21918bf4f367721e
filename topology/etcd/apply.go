package etcd

import (
	"context"
	"fmt"
	"slices"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"heddle/topology"
)

const (
	// maxOps is how many objects one transaction carries; etcd's limit is 128.
	maxOps = 100
	// maxBytes is how much of them; etcd's limit is 1.5 MB with all that goes around.
	maxBytes = 1 << 20
)

// Outcome is what an apply did with an object.
type Outcome uint8

// The outcomes.
const (
	OutcomeInvalid Outcome = iota
	Created
	Changed
	Unchanged
)

// String is the word for a person.
func (o Outcome) String() string {
	switch o {
	case Created:
		return "created"
	case Changed:
		return "changed"
	case Unchanged:
		return "unchanged"
	}
	return "invalid"
}

// Result is what became of one object.
type Result struct {
	Object  topology.Object
	Outcome Outcome
}

// Apply makes the datastore hold these objects; others it does not touch. What is
// there already, if only in another form, is not written.
//
// Tags that workloads and policies name get a number, the lowest that is free,
// before anything names them; they are among the results. Results come in the
// order of topology.Key.Compare, tags first. An error leaves what was written
// before it, which the results list; to apply again is safe.
func (c *Client) Apply(ctx context.Context, objects []topology.Object) ([]Result, error) {
	return c.apply(ctx, objects, commit)
}

// Preview gives the results Apply would give, and writes nothing.
func (c *Client) Preview(ctx context.Context, objects []topology.Object) ([]Result, error) {
	return c.apply(ctx, objects, pretend)
}

func (c *Client) apply(ctx context.Context, objects []topology.Object, write writer) ([]Result, error) {
	plain, tags, err := sortOut(objects)
	if err != nil {
		return nil, err
	}
	client, err := c.connect(ctx)
	if err != nil {
		return nil, c.explain(err)
	}
	results, err := applyTags(ctx, client, tags, tagsNamed(plain), write)
	if err != nil {
		return results, c.explain(err)
	}
	for len(plain) > 0 {
		chunk := firstChunk(plain)
		plain = plain[len(chunk):]
		done, err := applyChunk(ctx, client, chunk, write)
		results = append(results, done...)
		if err != nil {
			return results, c.explain(err)
		}
	}
	return results, nil
}

// sortOut orders objects by key, tags apart, and refuses one that is given twice.
func sortOut(objects []topology.Object) (plain []topology.Object, tags []topology.Tag, err error) {
	sorted := slices.Clone(objects)
	slices.SortStableFunc(sorted, func(a, b topology.Object) int { return a.Key().Compare(b.Key()) })
	for i, object := range sorted {
		if i > 0 && sorted[i-1].Key() == object.Key() {
			return nil, nil, fmt.Errorf("%s is given twice: keep one", object.Key())
		}
		if tag, ok := object.(topology.Tag); ok {
			tags = append(tags, tag)
		} else {
			plain = append(plain, object)
		}
	}
	return plain, tags, nil
}

func firstChunk(objects []topology.Object) []topology.Object {
	size := 0
	for i, object := range objects {
		path, value := topology.Encode(object)
		size += len(path) + len(value)
		if i == maxOps || i > 0 && size > maxBytes {
			return objects[:i]
		}
	}
	return objects
}

// writer carries out puts if the conditions hold, and says whether they did and
// at which revision. It is not called where nothing differs.
type writer func(ctx context.Context, client *clientv3.Client, conditions []clientv3.Cmp, puts []clientv3.Op) (held bool, revision int64, err error)

func commit(ctx context.Context, client *clientv3.Client, conditions []clientv3.Cmp, puts []clientv3.Op) (bool, int64, error) {
	response, err := client.Txn(ctx).If(conditions...).Then(puts...).Commit()
	if err != nil {
		return false, 0, err
	}
	return response.Succeeded, response.Header.Revision, nil
}

func pretend(context.Context, *clientv3.Client, []clientv3.Cmp, []clientv3.Op) (bool, int64, error) {
	return true, 0, nil
}

// applyChunk reads what is there and writes what differs, on condition that it is
// still there; else it looks again. Each time it has to, another writer got on.
func applyChunk(ctx context.Context, client *clientv3.Client, objects []topology.Object, write writer) ([]Result, error) {
	for {
		present, err := readAll(ctx, client, objects)
		if err != nil {
			return nil, err
		}
		var results []Result
		var conditions []clientv3.Cmp
		var puts []clientv3.Op
		for i, object := range objects {
			outcome := compare(object, present[i])
			results = append(results, Result{object, outcome})
			if outcome == Unchanged {
				continue
			}
			path, value := topology.Encode(object)
			conditions = append(conditions, clientv3.Compare(clientv3.ModRevision(path), "=", present[i].GetModRevision()))
			puts = append(puts, clientv3.OpPut(path, string(value)))
		}
		if len(puts) == 0 {
			return results, nil
		}
		held, _, err := write(ctx, client, conditions, puts)
		if err != nil {
			return nil, err
		}
		if held {
			return results, nil
		}
	}
}

// readAll reads the keys of objects at one revision; nil stands for what does not
// exist.
func readAll(ctx context.Context, client *clientv3.Client, objects []topology.Object) ([]*mvccpb.KeyValue, error) {
	var ops []clientv3.Op
	for _, object := range objects {
		ops = append(ops, clientv3.OpGet(object.Key().Path()))
	}
	response, err := client.Txn(ctx).Then(ops...).Commit()
	if err != nil {
		return nil, err
	}
	out := make([]*mvccpb.KeyValue, len(objects))
	for i, each := range response.Responses {
		if kvs := each.GetResponseRange().Kvs; len(kvs) > 0 {
			out[i] = kvs[0]
		}
	}
	return out, nil
}

// compare says what writing an object over a value would do. A value that means
// the same in another form stays as its author wrote it.
func compare(object topology.Object, present *mvccpb.KeyValue) Outcome {
	if present == nil {
		return Created
	}
	held, faults := topology.Decode(object.Key(), present.Value)
	if held == nil || len(faults) > 0 {
		return Changed
	}
	_, was := topology.Encode(held)
	if _, is := topology.Encode(object); string(was) != string(is) {
		return Changed
	}
	return Unchanged
}
