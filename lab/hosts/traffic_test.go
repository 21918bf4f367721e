package hosts

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// flow is datagrams from one node to another, numbered.
type flow struct {
	f        *fabric
	name     string
	in, out  *net.UDPConn
	interval time.Duration
	stop     context.CancelFunc
	done     sync.WaitGroup

	sent     atomic.Int64
	received atomic.Int64
	twice    atomic.Int64
	gap      atomic.Int64 // longest run of numbers that are missing
	first    atomic.Int64 // number that came first: before it, neighbours asked for each other
}

// send starts a flow of a thousand packets a second.
func (f *fabric) send(from, to, address string, port int) *flow {
	f.t.Helper()
	l := &flow{f: f, name: fmt.Sprintf("%s→%s %s", from, to, address), interval: time.Millisecond}
	f.must(f.nodes[to].space.Do(func() (err error) {
		l.in, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(address), Port: port})
		return err
	}))
	raw, err := l.in.SyscallConn()
	f.must(err)
	// What waits for us must not be lost because the machine is busy.
	f.must(raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
	}))
	f.must(err)
	f.must(f.nodes[from].space.Do(func() (err error) {
		l.out, err = net.DialUDP("udp", nil, &net.UDPAddr{IP: net.ParseIP(address), Port: port})
		return err
	}))
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	l.done.Go(func() { l.sending(ctx) })
	l.done.Go(l.receiving)
	f.t.Cleanup(func() { l.close() })
	return l
}

func (l *flow) sending(ctx context.Context) {
	t := time.NewTicker(l.interval)
	defer t.Stop()
	for began, tried := time.Now(), 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		// A busy machine ticks late: what was due meanwhile is sent now.
		for due := int(time.Since(began) / l.interval); tried < due; tried++ {
			number := binary.BigEndian.AppendUint64(nil, uint64(l.sent.Load()))
			if _, err := l.out.Write(number); err == nil {
				l.sent.Add(1)
			}
		}
	}
}

func (l *flow) receiving() {
	next := uint64(0)
	buffer := make([]byte, 64)
	for {
		n, err := l.in.Read(buffer)
		if err != nil {
			return
		}
		if n != 8 {
			continue
		}
		number := binary.BigEndian.Uint64(buffer)
		if number < next {
			l.twice.Add(1)
			continue
		}
		if next == 0 {
			l.first.Store(int64(number))
		} else {
			l.gap.Store(max(l.gap.Load(), int64(number-next)))
		}
		next = number + 1
		l.received.Add(1)
	}
}

// end stops sending, waits for what is under way, and gives the packets lost.
func (l *flow) end() (lost int64) {
	l.f.t.Helper()
	l.stop()
	l.f.until("the last packets of "+l.name, func() string {
		before := l.received.Load()
		time.Sleep(50 * time.Millisecond) // a packet takes microseconds
		if l.received.Load() != before {
			return "they still come"
		}
		return ""
	})
	l.close()
	return l.sent.Load() - l.first.Load() - l.received.Load()
}

func (l *flow) close() {
	l.stop()
	_ = l.in.Close()
	_ = l.out.Close()
	l.done.Wait()
}

// begun waits until the flow is a flow.
func (l *flow) begun() {
	l.f.t.Helper()
	l.f.until(l.name+" to arrive", func() string {
		if l.received.Load() < 10 {
			return "nothing yet"
		}
		return ""
	})
}
