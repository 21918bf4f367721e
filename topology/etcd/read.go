package etcd

import (
	"context"
	"fmt"

	"heddle/topology"
)

// Snapshot reads the whole inventory at one revision, problems included.
func (c *Client) Snapshot(ctx context.Context) (*topology.Snapshot, error) {
	var inventory topology.Inventory
	revision, err := c.read(ctx, topology.Prefix, func(page []topology.Change) { inventory.Apply(0, page) })
	if err != nil {
		return nil, err
	}
	inventory.Apply(revision, nil)
	return inventory.Snapshot(), nil
}

// Get reads one object. The error is ErrNotFound where there is none, and lists
// the faults of a value that cannot be used.
func (c *Client) Get(ctx context.Context, key topology.Key) (topology.Object, error) {
	if err := key.Check(); err != nil {
		return nil, err
	}
	var object topology.Object
	var problems []topology.Problem
	found := false
	_, err := c.read(ctx, key.Path(), func(page []topology.Change) {
		for _, change := range page {
			found = true
			object, problems = decode(key, change.Value)
		}
	})
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, fmt.Errorf("%s: %w", key, ErrNotFound)
	case object == nil:
		return nil, fmt.Errorf("%s", problems[0])
	}
	return object, nil
}

// List reads all objects of a kind, in the order of their names, with the
// problems of single values. A value that cannot be used is among the problems
// only.
func (c *Client) List(ctx context.Context, kind topology.Kind) ([]topology.Object, []topology.Problem, error) {
	var objects []topology.Object
	var problems []topology.Problem
	_, err := c.read(ctx, kind.Prefix(), func(page []topology.Change) {
		for _, change := range page {
			key, err := topology.ParseKey(change.Path)
			if err != nil {
				problems = append(problems, topology.Problem{Object: change.Path, Text: err.Error()})
				continue
			}
			object, faults := decode(key, change.Value)
			problems = append(problems, faults...)
			if object != nil {
				objects = append(objects, object)
			}
		}
	})
	return objects, problems, err
}

func decode(key topology.Key, value []byte) (topology.Object, []topology.Problem) {
	object, faults := topology.Decode(key, value)
	var problems []topology.Problem
	for _, fault := range faults {
		problems = append(problems, topology.Problem{Object: key.String(), Text: fault.String()})
	}
	return object, problems
}

// read lists one key or prefix at one revision.
func (c *Client) read(ctx context.Context, entry string, take func([]topology.Change)) (revision int64, err error) {
	client, err := c.connect(ctx)
	if err != nil {
		return 0, c.explain(err)
	}
	header, err := list(ctx, client, []string{entry}, 0, keepPace.page, take)
	if err != nil {
		return 0, c.explain(err)
	}
	return header.Revision, nil
}
