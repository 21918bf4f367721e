package etcd

import (
	"context"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"heddle/topology"
)

// Delete removes objects and says which of them existed. Keys are deleted up to
// maxOps at a time; an error leaves those before it deleted. Meant: a person named them,
// so that nobody who follows the inventory need wonder (see topology.Guard).
func (c *Client) Delete(ctx context.Context, keys []topology.Key, meant bool) (deleted []topology.Key, err error) {
	for _, key := range keys {
		if err := key.Check(); err != nil {
			return nil, err
		}
	}
	client, err := c.connect(ctx)
	if err != nil {
		return nil, c.explain(err)
	}
	for chunk := range slices.Chunk(keys, maxOps) {
		ops := deletions(chunk)
		if meant {
			ops = append(ops, acceptance(chunk))
		}
		response, err := client.Txn(ctx).Then(ops...).Commit()
		if err != nil {
			return deleted, c.explain(err)
		}
		for i, key := range chunk {
			if response.Responses[i].GetResponseDeleteRange().Deleted > 0 {
				deleted = append(deleted, key)
			}
		}
	}
	return deleted, nil
}

func deletions(keys []topology.Key) (ops []clientv3.Op) {
	for _, key := range keys {
		ops = append(ops, clientv3.OpDelete(key.Path()))
	}
	return ops
}

// acceptance accepts the deletion of keys; without any, all there was.
func acceptance(keys []topology.Key) clientv3.Op {
	var paths []string
	for _, key := range keys {
		paths = append(paths, key.Path())
	}
	return clientv3.OpPut(topology.AcceptedPath, string(topology.Acceptance(time.Now().UTC(), paths...)))
}

// Accept says that all that was deleted so far was meant to be.
func (c *Client) Accept(ctx context.Context) error {
	client, err := c.connect(ctx)
	if err == nil {
		_, err = client.Do(ctx, acceptance(nil))
	}
	return c.explain(err)
}

// Count is how many objects of a kind there are, or were at a revision; 0 is now.
func (c *Client) Count(ctx context.Context, kind topology.Kind, revision int64) (int, error) {
	client, err := c.connect(ctx)
	if err != nil {
		return 0, c.explain(err)
	}
	from, end := span(kind.Prefix())
	response, err := client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithCountOnly(), clientv3.WithRev(revision))
	if err != nil {
		return 0, c.explain(err)
	}
	return int(response.Count), nil
}
