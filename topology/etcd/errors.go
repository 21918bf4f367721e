package etcd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"heddle/topology"
)

// ErrNotFound: there is no such object.
var ErrNotFound = errors.New("does not exist")

// explain words an error of etcd or gRPC for a person: which datastore, what is
// wrong with it, what to do. Other errors pass unchanged.
func (c *Client) explain(err error) error {
	where := "etcd at " + strings.Join(c.cfg.Endpoints, ", ")
	mend := func(format string, args ...any) error {
		return &explained{text: where + " " + fmt.Sprintf(format, args...), cause: err}
	}
	cause := rpctypes.Error(err)
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case errors.Is(cause, rpctypes.ErrAuthFailed):
		return mend("does not know user %q by this password: check the name and %s", c.cfg.Username, c.cfg.PasswordFile)
	case errors.Is(cause, rpctypes.ErrUserEmpty), errors.Is(cause, rpctypes.ErrInvalidAuthToken) && c.cfg.Username == "":
		return mend("wants to know who we are: give a user name and a password file")
	case errors.Is(cause, rpctypes.ErrPermissionDenied), strings.Contains(err.Error(), rpctypes.ErrPermissionDenied.Error()):
		return mend("does not let user %q do this: grant a role of that user access to the prefix %s", c.cfg.Username, topology.Prefix)
	case errors.Is(cause, rpctypes.ErrNoSpace):
		return mend("is out of space: compact and defragment it, then run `etcdctl alarm disarm`")
	case errors.Is(cause, rpctypes.ErrRequestTooLarge):
		return mend("refuses a value this large: split the object, or raise --max-request-bytes there")
	case errors.Is(cause, rpctypes.ErrNoLeader), errors.Is(cause, rpctypes.ErrTimeout),
		errors.Is(cause, rpctypes.ErrTimeoutDueToLeaderFail), errors.Is(cause, rpctypes.ErrTimeoutDueToConnectionLost):
		return mend("answers but has no majority: start more of its members")
	}
	code := status.Code(err)
	if code != codes.Unavailable && code != codes.DeadlineExceeded && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	reason, ok := connectionError(err)
	if !ok {
		reason, _ = c.blocked.Load().(string)
	}
	if reason == "" {
		return mend("does not answer: see whether it runs and can be reached from here")
	}
	return mend("cannot be reached (%s): see whether it runs and whether this is its address", reason)
}

// refused says whether the datastore does not believe who we say we are.
func refused(err error) bool {
	cause := rpctypes.Error(err)
	return errors.Is(cause, rpctypes.ErrAuthFailed) || errors.Is(cause, rpctypes.ErrInvalidAuthToken) ||
		errors.Is(cause, rpctypes.ErrUserEmpty)
}

// connectionError finds in an error of gRPC why there is no connection.
func connectionError(err error) (reason string, ok bool) {
	if status.Code(err) != codes.Unavailable {
		return "", false
	}
	const mark = `desc = "transport: `
	text := status.Convert(err).Message()
	i := strings.LastIndex(text, mark)
	if i < 0 {
		return "", false
	}
	reason = strings.TrimSuffix(text[i+len(mark):], `"`)
	return strings.TrimPrefix(reason, "Error while dialing: "), true
}

type explained struct {
	text  string
	cause error
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.cause }
