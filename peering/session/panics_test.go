package session

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"heddle/internal/virtual"
	"heddle/peering/wire"
)

// fuse is a handler that panics at a peer's calls of one sort.
type fuse struct {
	*recorder
	name string
	at   string
}

func (f *fuse) blow(s *Session, at string) {
	if s.Spec.Name == f.name && at == f.at {
		panic("a fuse in " + at)
	}
}

func (f *fuse) Up(s *Session)                   { f.recorder.Up(s); f.blow(s, "Up") }
func (f *fuse) Batch(s *Session, b *wire.Batch) { f.blow(s, "Batch"); f.recorder.Batch(s, b) }
func (f *fuse) Down(s *Session, e Ending)       { f.recorder.Down(s, e); f.blow(s, "Down") }

// mine is a stream that panics when it is asked.
type mine struct{}

func (mine) Next([][]byte, int) ([][]byte, int) { panic("a mine in Next") }

// log that tests read while it is written.
type ledger struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *ledger) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(b)
}

func (l *ledger) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.String()
}

// A panic while one session is served ends that session: it is told so where it can be,
// counted and logged with what was read, and nobody else notices.
func TestAPanicEndsOneSession(t *testing.T) {
	said := plain("10.9.0.0/16")
	for _, c := range []struct {
		at    string
		act   func(b *bench, f *far)
		wants string // in the log, beside the stack
		told  string // NOTIFICATION
	}{
		{"Up", func(*bench, *far) {}, "a fuse in Up", "6/0"},
		{"Batch", func(_ *bench, f *far) { f.send(said...) }, fmt.Sprintf("octets=%x", said), "6/0"},
		{"Down", func(_ *bench, f *far) { f.Close() }, "a fuse in Down", ""},
		{"Next", func(b *bench, _ *far) { b.rec.sessions[1].Attach(mine{}) }, "a mine in Next", "6/0"},
	} {
		t.Run(c.at, func(t *testing.T) {
			virtual.Test(t, func(t *testing.T) {
				log := &ledger{}
				b := newBenchOn(t, nil, slog.NewTextHandler(log, nil), client(), bystanderSpec())
				defer b.end()
				w := b.bystander()
				b.server.handler = &fuse{b.rec, client().Name, c.at}
				f := b.connect()
				f.establish(opening())
				c.act(b, f)
				synctest.Wait()
				if n := b.server.Panics(); n != 1 {
					t.Errorf("%d panics were counted, want 1", n)
				}
				if text := log.text(); !strings.Contains(text, c.wants) || !strings.Contains(text, "panics.go") {
					t.Errorf("the log lacks %q, or the stack:\n%s", c.wants, text)
				}
				if p := b.server.Problems(); len(p) != 1 || p[0].Object != "h1" {
					t.Errorf("problems are %+v", p)
				}
				if c.at != "Down" {
					f.wantEnd(c.told)
				}
				synctest.Wait()
				if b.state() == Established {
					t.Error("the session lives")
				}
				w.undisturbed()
				if n := len(b.server.buffers.slots); n != 0 {
					t.Errorf("%d batches were not given back", n)
				}
			})
		})
	}
}

// Sessions come back after a while, and many panics leave everything in working order.
func TestAPeerThatMeetsADefectComesBackLater(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		b.server.handler = &fuse{b.rec, "h1", "Batch"}
		for range 2 * buffersMost {
			f := b.connect()
			f.establish(opening())
			f.send(plain("10.9.0.0/16")...)
			f.wantEnd("6/0")
			refused := b.connect()
			refused.wantEnd("6/5")
			if b.state() != Idle {
				t.Fatalf("the peer is %s, want Idle", b.state())
			}
			time.Sleep(defectPause)
			synctest.Wait()
		}
		b.server.handler = b.rec
		f := b.connect()
		f.establish(opening())
		f.send(plain("10.8.0.0/16")...)
		synctest.Wait()
		if got := b.rec.last(); got != "announce 10.8.0.0/16 with 1 2 3 5" {
			t.Errorf("in the end the handler heard %q", got)
		}
	})
}

// torn is a transport that panics when it is written to.
type torn struct{ *memory }

func (torn) Write([][]byte) (int, error) { panic("torn") }

func TestAPanicWhileWritingEndsOneSession(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client(), bystanderSpec())
		defer b.end()
		w := b.bystander()
		near, theirs := connect(netip.AddrPortFrom(theirAddr, 40000), netip.AddrPortFrom(ourAddr, 179), 1<<20)
		b.server.incoming(torn{theirs})
		f := &far{t: t, memory: near}
		f.wantEnd("")
		if n := b.server.Panics(); n != 1 {
			t.Errorf("%d panics were counted, want 1", n)
		}
		w.undisturbed()
	})
}

// Another connection of the peer's does not get around the pause.
func TestAPeerThatMetADefectHasNoOtherConnection(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		b.server.handler = &fuse{b.rec, "h1", "Batch"}
		f := b.connect()
		f.establish(opening())
		other := b.connect()
		other.expect(wire.TypeOpen)
		f.send(plain("10.9.0.0/16")...)
		f.wantEnd("6/0")
		other.wantEnd("6/5")
		if b.state() != Idle {
			t.Errorf("the peer is %s, want Idle", b.state())
		}
	})
}
