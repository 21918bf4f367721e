package etcd_test

import (
	"net"
	"strings"
	"sync"
	"testing"
)

// link carries TCP connections to the datastore and fails them as networks do.
type link struct {
	t        *testing.T
	listener net.Listener
	target   string
	mu       sync.Mutex
	open     bool
	stalled  chan struct{} // closed when data may flow
	conns    map[net.Conn]bool
	running  sync.WaitGroup
}

func startLink(t *testing.T, url string) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{
		t: t, listener: listener, target: url[strings.Index(url, "//")+2:],
		open: true, stalled: make(chan struct{}), conns: map[net.Conn]bool{},
	}
	close(l.stalled)
	l.running.Go(l.accept)
	t.Cleanup(func() {
		listener.Close()
		l.flow()
		l.cut()
		l.running.Wait()
	})
	return l
}

func (l *link) url() string { return "http://" + l.listener.Addr().String() }

func (l *link) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", l.target)
		l.mu.Lock()
		if err != nil || !l.open {
			l.mu.Unlock()
			near.Close()
			if far != nil {
				far.Close()
			}
			continue
		}
		l.conns[near], l.conns[far] = true, true
		l.mu.Unlock()
		l.running.Go(func() { l.carry(near, far) })
		l.running.Go(func() { l.carry(far, near) })
	}
}

func (l *link) carry(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		l.mu.Lock()
		stalled := l.stalled
		l.mu.Unlock()
		<-stalled
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// cut breaks every connection and refuses new ones until mend.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = false
	for conn := range l.conns {
		conn.Close()
	}
	clear(l.conns)
}

func (l *link) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = true
}

// stall lets connections stand and carries nothing, until flow.
func (l *link) stall() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stalled = make(chan struct{})
}

func (l *link) flow() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.stalled:
	default:
		close(l.stalled)
	}
}
