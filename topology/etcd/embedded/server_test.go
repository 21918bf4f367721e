package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"heddle/topology/etcd/embedded"
)

// noLeaks fails the test if goroutines of it are left over at its end.
func noLeaks(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// loud fails the test when etcd warns of anything but a machine that is busy.
type loud struct{ t *testing.T }

func (l loud) Write(line []byte) (int, error) {
	if !slowness.Match(line) {
		l.t.Errorf("etcd says: %s", line)
	}
	return len(line), nil
}

// slowness is what etcd warns of when its disk or the processor lets it wait.
var slowness = regexp.MustCompile(`took too long|slow fdatasync|slow disk|clock difference|failed to send out heartbeat`)

func start(t *testing.T, dir string, urls ...string) *embedded.Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	server, err := embedded.Start(ctx, embedded.Config{
		Dir: dir, ListenClient: urls,
		Logger: slog.New(slog.NewTextHandler(loud{t}, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func client(t *testing.T, server *embedded.Server) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: server.Endpoints(), Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestRestartFindsWhatWasAcknowledged(t *testing.T) {
	noLeaks(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := filepath.Join(t.TempDir(), "etcd")
	server := start(t, dir, "http://127.0.0.1:0")
	endpoints := server.Endpoints()
	c := client(t, server)
	watch := c.Watch(ctx, "key") // a watch that nobody ends must not hold up Close
	if _, err := c.Put(ctx, "key", "value"); err != nil {
		t.Fatal(err)
	}
	<-watch
	server.Close()

	server = start(t, dir, endpoints...)
	defer server.Close()
	if got := server.Endpoints(); got[0] != endpoints[0] {
		t.Errorf("endpoints %v after the restart, %v before", got, endpoints)
	}
	response, err := client(t, server).Get(ctx, "key")
	if err != nil || len(response.Kvs) != 1 || string(response.Kvs[0].Value) != "value" {
		t.Errorf("after the restart: %v, %v", response, err)
	}
}

func TestNothingListensButTheClientURL(t *testing.T) {
	noLeaks(t)
	before := listening(t)
	server := start(t, t.TempDir()+"/etcd", "http://127.0.0.1:0")
	defer server.Close()
	u, err := url.Parse(server.Endpoints()[0])
	if err != nil {
		t.Fatal(err)
	}
	var added []string
	for address := range listening(t) {
		if !before[address] {
			added = append(added, address)
		}
	}
	if len(added) != 1 || added[0] != u.Host {
		t.Errorf("listening on %v, want %s alone", added, u.Host)
	}
}

// listening finds the addresses on which sockets of this process listen (Linux).
func listening(t *testing.T) map[string]bool {
	t.Helper()
	mine := map[string]bool{}
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, "socket:[") {
			mine[strings.Trim(strings.TrimPrefix(target, "socket:"), "[]")] = true
		}
	}
	out := map[string]bool{}
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		file, err := os.Open(table)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			fields := strings.Fields(lines.Text())
			if len(fields) < 10 || fields[3] != "0A" || !mine[fields[9]] {
				continue
			}
			var a, b, c, d byte
			var port uint16
			if _, err := fmt.Sscanf(fields[1], "%02X%02X%02X%02X:%04X", &d, &c, &b, &a, &port); err != nil {
				t.Fatalf("%s: %v", fields[1], err)
			}
			out[fmt.Sprintf("%d.%d.%d.%d:%d", a, b, c, d, port)] = true
		}
	}
	return out
}

func TestHTTPServesHealthAndVersionOnly(t *testing.T) {
	noLeaks(t)
	server := start(t, t.TempDir()+"/etcd", "http://127.0.0.1:0")
	defer server.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	web := http.Client{Transport: transport}
	for path, want := range map[string]int{
		"/version": 200, "/health": 200, "/livez": 200, "/readyz": 200,
		"/": 404, "/metrics": 404, "/debug/vars": 404, "/debug/pprof/": 404, "/debug/requests": 404, "/v3/kv/range": 404, "/v2/keys": 404,
	} {
		response, err := web.Get(server.Endpoints()[0] + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s answers %d, want %d", path, response.StatusCode, want)
		}
	}
}

func TestStartRefuses(t *testing.T) {
	noLeaks(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	inUse := t.TempDir() + "/etcd"
	server := start(t, inUse, "http://127.0.0.1:0")
	defer server.Close()

	for _, c := range []struct {
		name string
		cfg  embedded.Config
		says string
	}{
		{"no directory", embedded.Config{ListenClient: []string{"http://127.0.0.1:0"}}, "no data directory"},
		{"no URL", embedded.Config{Dir: t.TempDir()}, "no URL to listen on"},
		{"an address that is no URL", embedded.Config{Dir: t.TempDir(), ListenClient: []string{"127.0.0.1:2379"}}, `"127.0.0.1:2379"`},
		{"a port that is taken", embedded.Config{Dir: t.TempDir() + "/x", ListenClient: []string{"http://" + taken.Addr().String()}}, "address already in use"},
		{"a directory in use", embedded.Config{Dir: inUse, ListenClient: []string{"http://127.0.0.1:0"}}, "in use by another process"},
		{"https without a certificate", embedded.Config{Dir: t.TempDir() + "/x", ListenClient: []string{"https://127.0.0.1:0"}}, "--cert-file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, err := embedded.Start(t.Context(), c.cfg)
			if err == nil {
				server.Close()
				t.Fatal("it starts")
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %q does not say %q", err, c.says)
			}
		})
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	noLeaks(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	server, err := embedded.Start(ctx, embedded.Config{Dir: t.TempDir() + "/etcd", ListenClient: []string{"http://127.0.0.1:0"}})
	if err == nil {
		server.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

// A damaged log ends etcd, not the process. (Goroutines of etcd's stay behind,
// which is for etcd to mend. One of them makes a file still.)
func TestDamagedDataIsAnError(t *testing.T) {
	place, err := os.MkdirTemp("", "heddle-damaged-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			if err := os.RemoveAll(place); err == nil || time.Now().After(end) {
				return
			}
		}
	})
	dir := place + "/etcd"
	start(t, dir, "http://127.0.0.1:0").Close()
	logs, err := filepath.Glob(dir + "/member/wal/*.wal")
	if err != nil || len(logs) == 0 {
		t.Fatalf("no write-ahead log: %v", err)
	}
	for _, log := range logs {
		if err := os.WriteFile(log, []byte("this is no log, though long enough to look like one"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server, err := embedded.Start(t.Context(), embedded.Config{Dir: dir, ListenClient: []string{"http://127.0.0.1:0"}})
	if err == nil {
		server.Close()
		t.Fatal("it starts")
	}
	if !strings.Contains(err.Error(), "damaged") {
		t.Errorf("error %q does not say that the data is damaged", err)
	}
}

// A disk that is full ends etcd, and says so, but not the process. A limit on the
// size of files stands in for the disk: the log, 64 MB in advance, just fits.
func TestFullDiskEndsEtcdAlone(t *testing.T) {
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	server, err := embedded.Start(t.Context(), embedded.Config{Dir: t.TempDir() + "/etcd", ListenClient: []string{"http://127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	c := client(t, server)
	small := limit
	small.Cur = 65_000_000
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	value := strings.Repeat("x", 1_000_000)
	for i := 0; err == nil; i++ {
		_, err = c.Put(ctx, fmt.Sprint("key", i), value)
	}
	if ctx.Err() != nil {
		t.Fatalf("a call hangs: %v", err)
	}
	select {
	case err := <-server.Failed():
		if !strings.Contains(err.Error(), "file too large") {
			t.Errorf("failed with %v", err)
		}
	case <-ctx.Done():
		t.Error("nobody says that the server failed")
	}
}
