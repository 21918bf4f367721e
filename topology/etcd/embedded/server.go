package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/fileutil"
	"go.etcd.io/etcd/server/v3/embed"
)

// Config of a server.
type Config struct {
	// Dir holds the data; it is created if need be. One server at a time.
	Dir string
	// ListenClient are URLs such as http://127.0.0.1:2379. Port 0 takes a free one.
	ListenClient []string
	// CertFile and KeyFile serve https URLs; they are read anew at each handshake.
	CertFile, KeyFile string
	// ClientCAFile, where given, admits only clients with a certificate it vouches
	// for.
	ClientCAFile string
	// Logger gets what etcd has to say: its information at level debug, its warnings
	// and errors at their own.
	Logger *slog.Logger
}

// Server is a running etcd server.
type Server struct {
	etcd  *embed.Etcd
	lock  *fileutil.LockedFile
	calls *calls
	fate  *fate
}

// Start starts a server on the directory, new or as it was left, and waits until
// it answers or the context ends.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	s := &Server{calls: new(calls)}
	s.fate = newFate(cfg.Logger, s.calls.stop) // rather no answer than one that never comes
	settings, err := configure(cfg)
	if err != nil {
		return nil, fmt.Errorf("embedded etcd: %w", err)
	}
	settings.ServiceRegister = s.calls.add
	settings.ZapLoggerBuilder = embed.NewZapLoggerBuilder(s.fate.logger())
	if s.lock, err = lock(cfg.Dir); err != nil {
		return nil, fmt.Errorf("embedded etcd: %w", err)
	}
	if err := s.start(ctx, settings); err != nil {
		s.Close()
		return nil, fmt.Errorf("embedded etcd in %s: %w", cfg.Dir, err)
	}
	return s, nil
}

// start waits for etcd to come up. The context bounds the wait for an answer, not
// the reading of the data, which cannot be broken off.
func (s *Server) start(ctx context.Context, settings *embed.Config) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.etcd, err = boot(settings); err != nil {
		return err
	}
	select {
	case <-s.etcd.Server.ReadyNotify():
		return nil
	case err := <-s.fate.failed:
		return err
	case err := <-s.etcd.Err():
		return err
	case <-ctx.Done():
		return fmt.Errorf("not ready: %w", ctx.Err())
	}
}

// boot starts etcd in a goroutine of its own: when etcd finds its data damaged it
// ends the one it is in, or trips over what it could not read.
func boot(settings *embed.Config) (etcd *embed.Etcd, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if cause := recover(); cause != nil {
				err = fmt.Errorf("the data there is damaged: move it away and apply the inventory again (%v)", cause)
			}
		}()
		err = errors.New("the data there is damaged: move it away and apply the inventory again")
		etcd, err = embed.StartEtcd(settings)
	}()
	<-done
	return etcd, err
}

// lock refuses a directory that another process uses; etcd itself would wait for
// it without a word.
func lock(dir string) (*fileutil.LockedFile, error) {
	if err := os.MkdirAll(dir, fileutil.PrivateDirMode); err != nil {
		return nil, err
	}
	file, err := fileutil.TryLockFile(filepath.Join(dir, "heddle.lock"), os.O_CREATE|os.O_WRONLY, fileutil.PrivateFileMode)
	if errors.Is(err, fileutil.ErrLocked) {
		return nil, fmt.Errorf("%s is in use by another process: stop it, or give this one another directory", dir)
	}
	return file, err
}

// Endpoints are the URLs at which clients on this machine reach the server, with
// the ports it got, sorted.
func (s *Server) Endpoints() []string {
	config := s.etcd.Config()
	var endpoints []string
	for _, listener := range s.etcd.Clients {
		at := netip.MustParseAddrPort(listener.Addr().String())
		switch at.Addr().Unmap() {
		case netip.IPv4Unspecified():
			at = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), at.Port())
		case netip.IPv6Unspecified():
			at = netip.AddrPortFrom(netip.IPv6Loopback(), at.Port())
		}
		endpoints = append(endpoints, config.ListenClientUrls[0].Scheme+"://"+at.String())
	}
	slices.Sort(endpoints)
	return endpoints
}

// Failed gives an error if the server ends by itself, as it does when its disk is
// full. Nothing answers then; the rest of the process is not affected, and Close
// is still to be called.
func (s *Server) Failed() <-chan error { return s.fate.failed }

// closeAfterFailure bounds the wait for a server that lost one of its goroutines.
const closeAfterFailure = 2 * time.Second

// Close stops the server and returns when nothing of it runs any more. Calls in
// progress are broken off: etcd would wait seconds for watches to end by
// themselves, which they never do. Of a server that failed something may stay
// behind.
func (s *Server) Close() {
	s.fate.closing.Store(true)
	s.calls.stop()
	if s.etcd != nil {
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.etcd.Close()
		}()
		select {
		case <-done:
		case <-s.fate.broken:
			select {
			case <-done:
			case <-time.After(closeAfterFailure):
			}
		}
	}
	s.lock.Close()
}
