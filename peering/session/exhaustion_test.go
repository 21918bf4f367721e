package session

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"heddle/peering"
	"heddle/peering/wire"
)

// inside says that the test runs in the process that runs out of descriptors.
const inside = "HEDDLE_TEST_EXHAUSTION"

// When there is no descriptor for a connection, accepting waits and says so, and what
// called meanwhile is answered when there is one again. Limits hold for a process, so
// this runs in one of its own.
func TestWithoutDescriptorsCallersWait(t *testing.T) {
	if os.Getenv(inside) == "" {
		child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		child.Env = append(os.Environ(), inside+"=1")
		if out, err := child.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	l, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	rec := &recorder{}
	s := New(Config{Self: Self{ASN: 64512, RouterID: 0x7f000001}, Handler: rec, Log: slog.New(slog.DiscardHandler), Listeners: []*Listener{l}})
	rec.server = s
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() { defer close(over); _ = s.Run(ctx) }()
	defer func() { stop(); <-over }()
	spec := client()
	spec.Remote = netip.MustParseAddr("127.0.0.2")
	s.Apply(&peering.Plan{Sessions: []peering.Session{spec}})

	spare := exhaust(t)
	_ = spare[0].Close() // one for the caller, none for the other end
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	end := time.Now().Add(time.Minute)
	caller, err := d.Dial("tcp", l.Addr().String())
	for errors.Is(err, syscall.EMFILE) && time.Now().Before(end) { // accept takes one to look whether there is a caller
		caller, err = d.Dial("tcp", l.Addr().String())
	}
	if err != nil {
		t.Fatal(err)
	}
	defer caller.Close()
	for ; ; time.Sleep(time.Millisecond) {
		if texts := problemsOf(s, "listen"); len(texts) == 1 && strings.Contains(texts[0], "too many open files") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("accepting did not fail: %+v", s.Problems())
		}
	}
	for _, f := range spare[1:] {
		_ = f.Close()
	}
	_ = caller.SetReadDeadline(time.Now().Add(time.Minute))
	head := make([]byte, wire.HeaderLength)
	if _, err := io.ReadFull(caller, head); err != nil || wire.Type(head[18]) != wire.TypeOpen {
		t.Fatalf("the caller that waited heard % x, %v; want an OPEN", head, err)
	}
}

// exhaust lowers the limit of descriptors and takes all that are left.
func exhaust(t *testing.T) []*os.File {
	t.Helper()
	limit := syscall.Rlimit{}
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = 64
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	var files []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			if len(files) == 0 {
				t.Fatal(err)
			}
			return files
		}
		files = append(files, f)
	}
}
