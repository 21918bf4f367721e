package etcd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// Config says where the datastore is and how to prove who we are.
type Config struct {
	// Endpoints are URLs such as https://192.0.2.5:2379, all http or all https.
	Endpoints []string
	// CAFile vouches for the server; empty: the certificates of the system.
	CAFile string
	// CertFile and KeyFile are ours, both or neither.
	CertFile, KeyFile string
	// Username and the file with its password, both or neither. The file is read
	// whenever we connect anew.
	Username, PasswordFile string
	// Logger gets a line when the datastore is lost and one when it is back.
	Logger *slog.Logger
}

// Client is a way to one datastore. Its methods are safe for concurrent use.
type Client struct {
	cfg      Config
	log      *slog.Logger
	identity *identity     // nil for http
	blocked  atomic.Value  // string: why the last call could not be sent
	turn     chan struct{} // held while connecting
	mu       sync.Mutex
	client   *clientv3.Client // nil until needed
}

const (
	// A dead connection is noticed within 40 s: a ping after 30 s of silence, which
	// must be answered within 10.
	keepaliveTime    = 30 * time.Second
	keepaliveTimeout = 10 * time.Second
	// loginTimeout bounds the exchange of name and password for a token.
	loginTimeout = 5 * time.Second
)

// redial is how connections are retried. gRPC's own limit of two minutes would
// leave a fabric without changes long after the datastore is back.
var redial = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
	MinConnectTimeout: 5 * time.Second,
}

// Open checks the configuration, files included, and returns without waiting for
// the datastore, which may well be down.
func Open(cfg Config) (*Client, error) {
	secure, err := checkEndpoints(cfg.Endpoints)
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, log: cfg.Logger, turn: make(chan struct{}, 1)}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if (cfg.Username == "") != (cfg.PasswordFile == "") {
		return nil, errors.New("etcd: user name and password file go together: give both or neither")
	}
	if cfg.Username != "" {
		if _, err := readPassword(cfg.PasswordFile); err != nil {
			return nil, err
		}
	}
	files := identity{cfg.CAFile, cfg.CertFile, cfg.KeyFile}
	switch {
	case secure:
		if _, err := files.load(); err != nil {
			return nil, err
		}
		c.identity = &files
	case files != identity{}:
		return nil, fmt.Errorf("etcd: certificates are of no use with %s: write https://", cfg.Endpoints[0])
	}
	return c, nil
}

// Close ends every connection and every call in progress.
func (c *Client) Close() {
	c.mu.Lock()
	client := c.client
	c.client = nil
	c.mu.Unlock()
	if client != nil {
		client.Close()
	}
}

// connect gives the client of etcd's, made when first needed: where there is a
// password, making it means logging in.
func (c *Client) connect(ctx context.Context) (*clientv3.Client, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c.mu.Lock()
	client := c.client
	c.mu.Unlock()
	if client != nil {
		return client, nil
	}
	client, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.client = client
	c.mu.Unlock()
	return client, nil
}

func (c *Client) dial(ctx context.Context) (*clientv3.Client, error) {
	options := []grpc.DialOption{
		grpc.WithConnectParams(redial),
		grpc.WithChainUnaryInterceptor(c.failFast),
	}
	if c.identity != nil {
		options = append(options, grpc.WithTransportCredentials(c.identity.credentials()))
	}
	cfg := clientv3.Config{
		Endpoints:            c.cfg.Endpoints,
		DialKeepAliveTime:    keepaliveTime,
		DialKeepAliveTimeout: keepaliveTimeout,
		DialOptions:          options,
		Logger:               zap.NewNop(), // what it has to say comes back as errors too
	}
	if c.cfg.Username != "" {
		password, err := readPassword(c.cfg.PasswordFile)
		if err != nil {
			return nil, err
		}
		cfg.Username, cfg.Password = c.cfg.Username, password
		cfg.DialTimeout = loginTimeout
		if deadline, ok := ctx.Deadline(); ok {
			cfg.DialTimeout = min(loginTimeout, max(time.Until(deadline), time.Millisecond))
		}
	}
	return clientv3.New(cfg)
}

// forget makes the next call connect anew, with the password as it is then.
func (c *Client) forget(client *clientv3.Client) {
	c.mu.Lock()
	ours := c.client == client
	if ours {
		c.client = nil
	}
	c.mu.Unlock()
	if ours {
		client.Close()
	}
}

// failFast has calls fail while there is no connection, instead of waiting for
// one in silence until their context ends, and keeps the reason.
func (c *Client) failFast(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
	invoke grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	err := invoke(ctx, method, request, reply, conn, append(options, grpc.WaitForReady(false))...)
	if reason, ok := connectionError(err); ok || err == nil {
		c.blocked.Store(reason)
	}
	return err
}

func checkEndpoints(endpoints []string) (secure bool, err error) {
	if len(endpoints) == 0 {
		return false, errors.New("etcd: no endpoint: give one such as http://127.0.0.1:2379")
	}
	for i, text := range endpoints {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.Trim(u.Path, "/") != "" {
			return false, fmt.Errorf("etcd: endpoint %q: want http://ADDRESS:PORT or https://ADDRESS:PORT", text)
		}
		if i > 0 && secure != (u.Scheme == "https") {
			return false, fmt.Errorf("etcd: endpoints %s and %s: want all http or all https", endpoints[0], text)
		}
		secure = u.Scheme == "https"
	}
	return secure, nil
}

func readPassword(file string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("etcd: password: %w", err)
	}
	password := strings.TrimRight(string(content), "\r\n")
	if password == "" {
		return "", fmt.Errorf("etcd: password: %s is empty", file)
	}
	return password, nil
}
