package command

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// manager is what systemd is to a service.
func manager(t *testing.T) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return conn
}

func hear(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	buffer := make([]byte, 256)
	n, err := conn.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return string(buffer[:n])
}

func TestWhatSystemdIsTold(t *testing.T) {
	conn := manager(t)
	Ready()
	if got := hear(t, conn); got != "READY=1" {
		t.Errorf("at the start %q", got)
	}
	Stopping()
	if got := hear(t, conn); got != "STOPPING=1" {
		t.Errorf("at the end %q", got)
	}
}

func TestTheWatchdogIsFedByWhatIsAlive(t *testing.T) {
	conn := manager(t)
	t.Setenv("WATCHDOG_USEC", "30000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	alive := make(chan error)
	done := make(chan error)
	go func() { done <- Watchdog(ctx, func(context.Context) error { return <-alive }) }()
	for range 2 {
		alive <- nil
		if got := hear(t, conn); got != "WATCHDOG=1" {
			t.Errorf("%q", got)
		}
	}
	alive <- errors.New("it hangs")
	alive <- nil // it is asked again
	if got := hear(t, conn); got != "WATCHDOG=1" {
		t.Errorf("%q", got)
	}
	stop()
	close(alive)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
