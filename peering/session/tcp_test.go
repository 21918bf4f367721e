package session

import (
	"errors"
	"net"
	"testing"
	"time"
)

// tcpPair is our end of a connection over loopback, and the peer's.
func tcpPair(t *testing.T) (ours *tcp, theirs net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	theirs, err = net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ours, err = newTCP(conn.(*net.TCPConn))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); _ = theirs.Close() })
	return ours, theirs
}

// With more sessions than buffers, a session that waits for octets must not have
// one: the others could never read again.
func TestASessionThatWaitsHoldsNoBuffer(t *testing.T) {
	lent := newBuffers(1)
	got := make(chan byte)
	var peers []net.Conn
	for range 3 {
		ours, theirs := tcpPair(t)
		peers = append(peers, theirs)
		go func() {
			for {
				if ours.Await() != nil {
					return
				}
				batch, _ := lent.get()
				_, err := ours.Read(batch.Octets)
				octet := batch.Octets[0]
				lent.put(batch)
				if err != nil {
					return
				}
				got <- octet
			}
		}()
	}
	for round := range byte(3) {
		for i, peer := range peers {
			want := 10*round + byte(i)
			if _, err := peer.Write([]byte{want}); err != nil {
				t.Fatal(err)
			}
			select {
			case octet := <-got:
				if octet != want {
					t.Fatalf("peer %d sent %d, and %d was read", i, want, octet)
				}
			case <-time.After(time.Minute):
				t.Fatalf("round %d: what peer %d sent is not read", round, i)
			}
		}
	}
}

// Octets that nobody has read don't hide that none follow.
func TestAnEndIsSeenBehindWhatWasNotRead(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(*net.TCPConn) error
	}{
		{"of one half", (*net.TCPConn).CloseWrite},
		{"of both", (*net.TCPConn).Close},
		{"by a reset", func(conn *net.TCPConn) error { return errors.Join(conn.SetLinger(0), conn.Close()) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			ours, theirs := tcpPair(t)
			if _, err := theirs.Write([]byte{1}); err != nil {
				t.Fatal(err)
			}
			if ours.Await() != nil || ours.Ended() {
				t.Fatal("it is held for ended")
			}
			if err := c.end(theirs.(*net.TCPConn)); err != nil {
				t.Fatal(err)
			}
			for start := time.Now(); !ours.Ended(); time.Sleep(time.Millisecond) {
				if time.Since(start) > time.Minute {
					t.Fatal("its end is not seen")
				}
			}
		})
	}
}
