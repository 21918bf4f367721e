package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come; only a failure takes it.
const patience = time.Minute

// heddle runs a command as the shell would.
func heddle(t *testing.T, stdin string, args ...string) (stdout string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out bytes.Buffer
	cmd := root()
	cmd.SetArgs(args)
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	err = cmd.ExecuteContext(ctx)
	return out.String(), err
}

// expect runs a command that should work and say exactly this.
func expect(t *testing.T, want, stdin string, args ...string) {
	t.Helper()
	if got, err := heddle(t, stdin, args...); err != nil || got != want {
		t.Errorf("heddle %s says\n%s%v\nwant\n%s", strings.Join(args, " "), got, err, want)
	}
}

// refused runs a command that should fail with an error that contains all of want.
func refused(t *testing.T, stdin string, args []string, want ...string) {
	t.Helper()
	_, err := heddle(t, stdin, args...)
	for _, part := range want {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("heddle %s fails with\n%v\nwant %q in it", strings.Join(args, " "), err, part)
		}
	}
}

// freePort is a port of 127.0.0.1 that nobody listens on. It is none of those that the
// kernel gives away, so that it is free still when it is used.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := 10000 + rand.IntN(20000)
		if l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port)); err == nil {
			_ = l.Close()
			return fmt.Sprint(port)
		}
	}
	t.Fatal("there is no free port")
	return ""
}

// eventually waits for a claim to hold.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// reflectorProcess is a reflector that a test runs.
type reflectorProcess struct {
	http, etcd, port string
	stop             func() error
}

func startReflector(t *testing.T, args ...string) *reflectorProcess {
	t.Helper()
	r := &reflectorProcess{http: "127.0.0.1:" + freePort(t), etcd: "http://127.0.0.1:" + freePort(t), port: freePort(t)}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := root()
	cmd.SetArgs(append([]string{
		"reflector", "--name", "rr1", "--listen", "127.0.0.1:" + r.port, "--router-id", "10.0.0.1", "--data-dir", t.TempDir() + "/etcd",
		"--etcd-listen", r.etcd, "--http", r.http, "--log-level", "error",
	}, args...))
	ended := make(chan error, 1)
	go func() { ended <- cmd.ExecuteContext(ctx) }()
	stopped := false
	r.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("the reflector ends with %v", err)
		}
	})
	return r
}

// get is the body of an answer, empty if there is none.
func (r *reflectorProcess) get(t *testing.T, path string) (code int, body string) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.http+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

func (r *reflectorProcess) ready(t *testing.T) {
	t.Helper()
	eventually(t, "the reflector is ready", func() bool {
		code, _ := r.get(t, "/readyz")
		return code == http.StatusOK
	})
}
