package etcd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"heddle/topology"
)

var (
	errSilent    = errors.New("the watch fell silent")
	errBackwards = errors.New("the datastore went back in time")
	errStranger  = errors.New("another datastore answers")
)

// everyWatch is the watch ID of a message that concerns all watches of a stream.
const everyWatch = -1

// watch folds what happens after the last listing into the mirror, until
// something is amiss, and says what.
//
// It speaks to the stream itself, not through the Watcher of etcd's client, for
// two reasons: that one puts no bound on what it holds for a slow reader, and it
// mends a broken stream in silence, after which a restored backup looks like a
// quiet day.
func (w *Watcher) watch(ctx context.Context, client *clientv3.Client) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var heart sync.WaitGroup
	defer heart.Wait()
	defer cancel(nil)

	stream, err := w.subscribe(ctx, client)
	if err != nil {
		return err
	}
	heart.Go(func() { w.beat(ctx, cancel, stream) })
	for created := 0; ; {
		response, err := stream.Recv()
		if err != nil {
			return brokenBy(ctx, err)
		}
		if err := w.receive(response); err != nil {
			return err
		}
		if response.Created {
			if created++; created == len(w.scope) {
				w.connected()
			}
		}
		// Between the answers of two watches no revision is complete, so the time to
		// compare is when all of them are said to be up to date.
		if response.WatchId == everyWatch && time.Now().After(w.verifyAt) {
			if err := w.verify(ctx, client); err != nil {
				return err
			}
		}
	}
}

// subscribe opens a stream and asks for everything in scope.
func (w *Watcher) subscribe(ctx context.Context, client *clientv3.Client) (pb.Watch_WatchClient, error) {
	// A member that lost its leader must end the stream; it would be silent otherwise.
	stream, err := pb.NewWatchClient(client.ActiveConnection()).
		Watch(clientv3.WithRequireLeader(ctx), grpc.MaxCallRecvMsgSize(math.MaxInt32))
	if err != nil {
		return nil, err
	}
	// The revision of the listing is asked for once more, which changes nothing: of a
	// watch that begins in the future etcd reports no progress, so that a quiet
	// datastore would look like a dead one.
	for _, entry := range w.scope {
		if err := stream.Send(createRequest(entry, w.revision)); err != nil {
			return nil, brokenBy(ctx, err)
		}
	}
	return stream, nil
}

func createRequest(entry string, revision int64) *pb.WatchRequest {
	from, end := span(entry)
	create := &pb.WatchCreateRequest{Key: []byte(from), StartRevision: revision, ProgressNotify: true}
	if end != "" {
		create.RangeEnd = []byte(end)
	}
	return &pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: create}}
}

// brokenBy prefers our own reason to end a stream to the error that ending it
// gave.
func brokenBy(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// receive takes one message. The revision of a message with events is that of the
// last event, since the header may be ahead of what is still to come.
func (w *Watcher) receive(response *pb.WatchResponse) error {
	header := response.GetHeader()
	switch {
	case header.GetClusterId() != w.cluster:
		return errStranger
	case response.CompactRevision != 0:
		return rpctypes.ErrCompacted
	case response.Canceled:
		return fmt.Errorf("the watch was cancelled: %s", response.CancelReason)
	case response.Created:
	case len(response.Events) > 0:
		changes := make([]topology.Change, len(response.Events))
		for i, event := range response.Events {
			if event.Type == mvccpb.Event_DELETE {
				changes[i] = topology.Change{Path: string(event.Kv.Key), Revision: event.Kv.ModRevision}
			} else {
				changes[i] = put(event.Kv)
			}
		}
		w.revision = max(w.revision, response.Events[len(changes)-1].Kv.ModRevision)
		w.mirror.fold(w.revision, changes)
	case header.GetRevision() < w.revision:
		return errBackwards
	case response.WatchId == everyWatch || len(w.scope) == 1:
		w.revision = header.GetRevision()
	}
	w.heard()
	return nil
}

// put is a key with a value, which is never nil.
func put(kv *mvccpb.KeyValue) topology.Change {
	value := kv.Value
	if value == nil {
		value = []byte{}
	}
	return topology.Change{Path: string(kv.Key), Value: value, Revision: kv.ModRevision}
}

// beat asks for a sign of life now and then, and ends the watch when there has
// been none for too long.
func (w *Watcher) beat(ctx context.Context, cancel context.CancelCauseFunc, stream pb.Watch_WatchClient) {
	ticker := time.NewTicker(w.pace.heartbeat)
	defer ticker.Stop()
	ask := &pb.WatchRequest{RequestUnion: &pb.WatchRequest_ProgressRequest{ProgressRequest: &pb.WatchProgressRequest{}}}
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		if w.silentFor() > w.pace.silence {
			cancel(errSilent)
			return
		}
		if err := stream.Send(ask); err != nil {
			return // the stream is broken, which its reader learns too
		}
	}
}
