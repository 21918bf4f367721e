package etcd

import (
	"context"
	"strings"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"heddle/topology"
)

// pageSize is how many keys one request of a listing asks for: some 300 kB of
// workloads.
const pageSize = 1000

// list reads the scope of a watcher.
func (w *Watcher) list(ctx context.Context, client *clientv3.Client, revision int64, take func([]topology.Change)) (*pb.ResponseHeader, error) {
	return list(ctx, client, w.scope, revision, w.pace.page, func(page []topology.Change) {
		w.heard()
		take(page)
	})
}

// list reads the keys in scope page by page, all at one revision: the one given,
// or for 0 the latest there is, agreed on by a majority. The header it gives has
// the revision of the listing. Each page is bounded by limit.
func list(ctx context.Context, client *clientv3.Client, scope []string, revision int64, limit time.Duration,
	take func([]topology.Change),
) (*pb.ResponseHeader, error) {
	var header *pb.ResponseHeader
	for _, entry := range scope {
		from, end := span(entry)
		for more := true; more; {
			response, err := readPage(ctx, client, from, end, revision, limit)
			if err != nil {
				return nil, err
			}
			if header == nil {
				header = response.Header
				if revision != 0 {
					header.Revision = revision
				}
				revision = header.Revision
			}
			page := make([]topology.Change, len(response.Kvs))
			for i, kv := range response.Kvs {
				page[i] = put(kv)
			}
			take(page)
			if more = response.More && len(page) > 0; more {
				from = page[len(page)-1].Path + "\x00"
			}
		}
	}
	return header, nil
}

func readPage(ctx context.Context, client *clientv3.Client, from, end string, revision int64, limit time.Duration) (*clientv3.GetResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	options := []clientv3.OpOption{clientv3.WithLimit(pageSize), clientv3.WithRev(revision)}
	if end != "" {
		options = append(options, clientv3.WithRange(end))
	}
	return client.Get(ctx, from, options...)
}

// span turns an entry of a scope into a range of keys; end is empty for a single
// key.
func span(entry string) (from, end string) {
	if strings.HasSuffix(entry, "/") {
		return entry, clientv3.GetPrefixRangeEnd(entry)
	}
	return entry, ""
}
