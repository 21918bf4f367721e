package session

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"heddle/bgp"
	"heddle/internal/virtual"
	"heddle/peering/wire"
)

func TestAPeerThatDoesNotConfirmIsGivenUpAfterTheHoldTime(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		o := opening()
		o.HoldTime = 30
		stages[1].reach(f, o)
		start := time.Now()
		f.wantEnd("4/0")
		if silent := time.Since(start); silent != 30*time.Second {
			t.Errorf("given up after %s, want 30s", silent)
		}
		b.wantHistory()
	})
}

// RFC 4271 §8.2.2: an UPDATE restarts HoldTimer as a KEEPALIVE does.
func TestUpdatesKeepASessionAlive(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		f.establish(opening())
		for range 100 {
			time.Sleep(89 * time.Second)
			f.send(plain("10.0.0.0/24")...)
		}
		b.wantHistory("up h1")
	})
}

// A peer that sends an octet now and then says nothing.
func TestHalfAMessageKeepsNobodyAlive(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		f.establish(opening())
		start := time.Now()
		for _, octet := range plain("10.0.0.0/24")[:9] {
			time.Sleep(9 * time.Second)
			f.send(octet)
		}
		f.wantEnd("4/0")
		if silent := time.Since(start); silent != 90*time.Second {
			t.Errorf("given up after %s, want 90s", silent)
		}
	})
}

// The tables are busy for an hour, and the peer has nothing to say: that it kept
// silent we did not hear.
func TestSilenceWhileTheTablesAreBusyDoesNotCount(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		b.rec.block = make(chan struct{})
		f := b.connect()
		f.establish(opening())
		f.send(plain("10.0.0.0/24")...)
		time.Sleep(time.Hour)
		close(b.rec.block)
		time.Sleep(89 * time.Second)
		b.wantHistory("up h1")
		f.wantEnd("4/0")
	})
}

// hoarder is a handler that gives no batch back until it is told to.
type hoarder struct {
	*recorder
	mu   sync.Mutex
	kept []*wire.Batch
	done bool
}

func (h *hoarder) Batch(s *Session, b *wire.Batch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.done {
		h.recorder.Batch(s, b)
		return
	}
	h.kept = append(h.kept, b)
}

func (h *hoarder) giveBack() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.done = true
	for _, b := range h.kept {
		h.server.Release(b)
	}
}

// One peer says so much that there is no buffer left to read another into. Both go
// on sending, so both are alive; our KEEPALIVEs go on, so that we are to them.
func TestAPeerThatCannotBeReadForWantOfABufferKeepsItsSession(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client(), bystanderSpec())
		defer b.end()
		h := &hoarder{recorder: b.rec}
		b.server.handler = h
		loud, f := b.bystander().f, b.connect()
		f.establish(opening())
		for range buffersMost {
			loud.send(plain("10.1.0.0/16")...)
			synctest.Wait()
		}
		if len(h.kept) != buffersMost {
			t.Fatalf("the handler has %d batches, want %d", len(h.kept), buffersMost)
		}
		f.send(plain("10.2.0.0/16")...)
		for start := time.Now(); time.Since(start) < time.Hour; {
			f.expect(wire.TypeKeepalive)
			f.send(wire.AppendKeepalive(nil)...)
			loud.expect(wire.TypeKeepalive)
			loud.send(wire.AppendKeepalive(nil)...)
		}
		b.wantHistory("up bystander", "up h1")
		if len(f.out.octets) == 0 {
			t.Error("the peer was read though there was no buffer")
		}
		h.giveBack()
		synctest.Wait()
		if got := b.rec.last(); got != "announce 10.2.0.0/16 with 1 2 3 5" {
			t.Errorf("with buffers again, the handler heard %q", got)
		}
		// It reads again, and silence counts again.
		f.wantEnd("4/0")
	})
}

// A wait for a buffer must not count even if what is then read is half a message.
func TestAWaitForABufferIsNoSilence(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client(), bystanderSpec())
		defer b.end()
		h := &hoarder{recorder: b.rec}
		b.server.handler = h
		loud, f := b.bystander().f, b.connect()
		f.establish(opening())
		for range buffersMost {
			loud.send(plain("10.1.0.0/16")...)
			synctest.Wait()
		}
		whole := plain("10.2.0.0/16")
		f.send(whole[:30]...)
		time.Sleep(time.Hour)
		h.giveBack()
		time.Sleep(80 * time.Second)
		f.send(whole[30:]...)
		synctest.Wait()
		if got := b.rec.last(); got != "announce 10.2.0.0/16 with 1 2 3 5" {
			t.Errorf("at last the handler heard %q", got)
		}
	})
}

// starved is a connection whose reader does not get the processor once the session
// is up, until fed.
type starved struct {
	*memory
	fed chan struct{}
}

func (s *starved) Await() error {
	<-s.fed
	return s.memory.Await()
}

func TestOctetsThatWaitToBeReadAreASignOfLife(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		f.Close()
		synctest.Wait()
		mine, theirs := connect(f.local, f.remote, 1<<20)
		hungry := &starved{memory: theirs, fed: make(chan struct{})}
		b.server.incoming(hungry)
		f = &far{t: t, memory: mine}
		f.establish(opening())
		time.Sleep(time.Minute)
		f.send(plain("10.0.0.0/24")...)
		time.Sleep(10 * time.Minute)
		close(hungry.fed)
		synctest.Wait()
		if got := b.rec.last(); got != "announce 10.0.0.0/24 with 1 2 3 5" {
			t.Errorf("at last the handler heard %q", got)
		}
		f.wantEnd("4/0")
	})
}

// taken reads one octet.
func (f *far) taken() {
	f.t.Helper()
	_ = f.SetReadDeadline(time.Time{})
	if n, err := f.Read(make([]byte, 1)); n != 1 || err != nil {
		f.t.Fatalf("read of one octet: %d, %v", n, err)
	}
}

// chatter is a peer that is alive and only does not read.
func (f *far) chatter(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(10 * time.Second):
			_, _ = f.Write([][]byte{wire.AppendKeepalive(nil)})
		}
	}
}

// RFC 9687 §4: the time is the greater of eight minutes and twice the hold time;
// §3: any octet that the peer takes starts it anew.
func TestSendHoldTime(t *testing.T) {
	for _, c := range []struct {
		name string
		hold uint16
		want time.Duration
	}{
		{"a hold time of 90 seconds", 90, 8 * time.Minute},
		{"a hold time of ten minutes", 600, 20 * time.Minute},
		{"no hold time", 0, 8 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual.Test(t, func(t *testing.T) {
				spec := client()
				spec.HoldTime = 600 * time.Second
				b := newBench(t, spec)
				defer b.end()
				f := b.connectFrom(theirAddr, 4096)
				o := opening()
				o.HoldTime = c.hold
				f.establish(o)
				b.rec.sessions[0].Attach(&stub{left: 10_000})
				ctx, hush := context.WithCancel(t.Context())
				defer hush()
				go f.chatter(ctx)
				for range 10 {
					time.Sleep(c.want - time.Second)
					f.taken()
				}
				time.Sleep(c.want - time.Second)
				b.wantHistory("up h1")
				time.Sleep(2 * time.Second)
				b.wantHistory("up h1", "down h1: send hold timer expired (8/0): the peer takes nothing")
				if n := b.server.Peers()[0].Sent.Notifications; n != 0 {
					t.Errorf("%d NOTIFICATIONs were sent to a peer that takes nothing", n)
				}
			})
		})
	}
}

// A close with octets unread would lose the NOTIFICATION: what the peer still says
// is read for a while.
func TestAPeerThatStillTalksHearsWhyItsSessionEnds(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		defer b.end()
		f := b.connect()
		f.establish(opening())
		f.send(header(19, 9)...)
		for range 9 {
			time.Sleep(farewellTime / 10)
			f.send(plain("10.0.0.0/24")...)
		}
		synctest.Wait()
		if len(f.out.octets) != 0 {
			t.Errorf("%d octets were left unread", len(f.out.octets))
		}
		time.Sleep(farewellTime / 5)
		if _, err := f.Write([][]byte{plain("10.0.0.0/24")}); err == nil {
			t.Errorf("after %s the connection is still open", farewellTime)
		}
		f.wantEnd("1/3 09")
		b.wantHistory("up h1", "down h1: sent NOTIFICATION: message header error, bad message type (1/3)")
	})
}

// The end of a session does not wait for a peer that takes nothing.
func TestAStuckPeerDoesNotHoldUpTheEnd(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, client())
		f := b.connectFrom(theirAddr, 4096)
		f.establish(opening())
		b.rec.sessions[0].Attach(&stub{left: 10_000})
		synctest.Wait()
		start := time.Now()
		b.end()
		if took := time.Since(start); took > farewellTime {
			t.Errorf("the server took %s to end, want at most %s", took, farewellTime)
		}
		b.wantHistory("up h1", "down h1: sent NOTIFICATION: "+bgp.Cease(bgp.CeaseAdminShutdown, "the reflector is shutting down").Error())
	})
}
