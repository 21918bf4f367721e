package probe

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// Stream is numbered packets from a place to an address.
type Stream struct {
	id     uint32
	to     netip.AddrPort
	pace   time.Duration
	socket *net.UDPConn

	mu       sync.Mutex
	sent     []time.Time    // by number
	answered map[uint64]int // by number

	stop          chan struct{}
	sending, over sync.WaitGroup
}

// Send starts a stream: a packet each pace, from now on until Stop.
func Send(place Place, id uint32, to netip.AddrPort, pace time.Duration) (*Stream, error) {
	s := &Stream{id: id, to: to, pace: pace, answered: map[uint64]int{}, stop: make(chan struct{})}
	err := place.Do(func() error {
		socket, err := net.ListenPacket("udp", ":0")
		if err != nil {
			return err
		}
		s.socket = socket.(*net.UDPConn)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if raw, err := s.socket.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { roomy(int(fd)) })
	}
	s.sending.Go(s.send)
	s.over.Go(s.hear)
	return s, nil
}

func (s *Stream) send() {
	payload := make([]byte, size)
	binary.BigEndian.PutUint32(payload, s.id)
	for next := time.Now(); ; next = due(next, time.Now(), s.pace) {
		select {
		case <-s.stop:
			return
		case <-time.After(time.Until(next)):
		}
		s.mu.Lock()
		binary.BigEndian.PutUint64(payload[4:], uint64(len(s.sent)))
		s.sent = append(s.sent, time.Now())
		s.mu.Unlock()
		// What the sender's own kernel has no route for is lost like any other.
		_, _ = s.socket.WriteToUDPAddrPort(payload, s.to)
	}
}

// catchUp is how many packets a stream makes up for that was held up: more at once may be
// more than a kernel lets wait (net.core.netdev_max_backlog), and lost by nobody's fault.
const catchUp = 100

// due is when the packet after one is.
func due(last, now time.Time, pace time.Duration) time.Time {
	next := last.Add(pace)
	if earliest := now.Add(-catchUp * pace); next.Before(earliest) {
		return earliest
	}
	return next
}

// hear notes the answers, each from the address that was asked: nobody else's count.
func (s *Stream) hear() {
	payload := make([]byte, 64)
	for {
		n, from, err := s.socket.ReadFromUDPAddrPort(payload)
		if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		if err != nil || n < size || from.Addr().Unmap() != s.to.Addr() || binary.BigEndian.Uint32(payload) != s.id {
			continue
		}
		s.mu.Lock()
		s.answered[binary.BigEndian.Uint64(payload[4:])]++
		s.mu.Unlock()
	}
}

// Stop ends the sending. Answers are heard until Close.
func (s *Stream) Stop() {
	select {
	case <-s.stop:
	default:
		close(s.stop)
	}
	s.sending.Wait()
}

// Close ends the stream.
func (s *Stream) Close() {
	s.Stop()
	_ = s.socket.Close()
	s.over.Wait()
}

// ID is the number of the stream.
func (s *Stream) ID() uint32 { return s.id }

// To is where the stream goes.
func (s *Stream) To() netip.Addr { return s.to.Addr() }

// Sent is when each packet was sent, by number.
func (s *Stream) Sent() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]time.Time(nil), s.sent...)
}

// Count is how many packets were sent so far.
func (s *Stream) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sent)
}

// Answered is how many of them were answered.
func (s *Stream) Answered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.answered)
}

// answers gives how often each number was answered.
func (s *Stream) answers(n int) []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := make([]int, n)
	for number, count := range s.answered {
		if number < uint64(n) {
			counts[number] = count
		}
	}
	return counts
}
