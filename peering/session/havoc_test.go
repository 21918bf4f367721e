package session

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"heddle/bgp"
	"heddle/internal/virtual"
	"heddle/peering"
	"heddle/peering/wire"
)

// Whatever befalls peers at the same time: each has one session at most, each that came up
// is reported down, everything lent comes back, and the server ends. A new peer of an
// address, as another plan has it, does not wait for what the one before has to say.
func TestWhateverHappensAtOnceTheServerEnds(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			virtual.Test(t, func(t *testing.T) {
				h := newHavoc(t, seed)
				h.begin()
				time.Sleep(time.Duration(5+seed) * time.Second)
				h.end()
			})
		})
	}
}

// havoc is a server, and all that goes wrong with it.
type havoc struct {
	*bench
	seed  uint64
	specs []peering.Session
	calls *switchboard
	over  chan struct{}
	busy  sync.WaitGroup
}

func newHavoc(t *testing.T, seed uint64) *havoc {
	h := &havoc{seed: seed, calls: newSwitchboard(), over: make(chan struct{})}
	for i := range byte(6) {
		spec := client()
		spec.Name, spec.Remote, spec.Keep, spec.Passive = fmt.Sprintf("h%d", i), netip.AddrFrom4([4]byte{192, 0, 2, 10 + i}), i%2 == 0, i%3 != 0
		h.specs = append(h.specs, spec)
	}
	h.bench = newBenchAsking(t, h.calls, slog.DiscardHandler, oneMinute, h.specs...)
	return h
}

// replans says whether plans change, too.
func (h *havoc) replans() bool { return h.seed%2 != 0 }

func (h *havoc) begin() {
	h.busy.Go(h.answer)
	for i := range uint64(4) {
		r := rand.New(rand.NewPCG(h.seed, i))
		h.busy.Go(func() {
			for range 150 {
				h.disturb(r)
				time.Sleep(time.Duration(max(0, r.IntN(3000)-2000)) * time.Millisecond)
			}
		})
	}
}

// answer has somebody at the other end of what the server dials.
func (h *havoc) answer() {
	r := rand.New(rand.NewPCG(h.seed, 99))
	for {
		select {
		case <-h.over:
			return
		case call := <-h.calls.calls:
			h.peer(r, call)
		}
	}
}

func (h *havoc) end() {
	h.t.Helper()
	if h.seed%4 < 2 {
		h.server.Dismiss("havoc")
	}
	h.bench.end()
	close(h.over)
	h.busy.Wait()
	if h.rec.most > 1 && !h.replans() {
		h.t.Errorf("%d sessions with one peer at a time", h.rec.most)
	}
	for addr, n := range h.rec.live {
		if n != 0 {
			h.t.Errorf("%d sessions with %s were never reported down", n, addr)
		}
	}
	if lent, live := len(h.server.buffers.slots), h.server.live.Load(); lent != 0 || live != 0 {
		h.t.Errorf("%d batches were not given back, %d connections are counted", lent, live)
	}
}

// disturb does something to somebody.
func (h *havoc) disturb(r *rand.Rand) {
	remote := h.specs[r.IntN(len(h.specs))].Remote
	switch r.IntN(10) {
	case 0, 1, 2, 3:
		mine, theirs := connect(netip.AddrPortFrom(remote, 40000), netip.AddrPortFrom(ourAddr, 179), 1<<(8+r.IntN(8)))
		h.server.incoming(theirs)
		h.peer(r, mine)
	case 4:
		if h.replans() {
			h.server.Apply(h.plan(r))
		}
	case 5:
		_ = h.server.Reset(remote, "havoc")
	case 6:
		h.server.mu.Lock()
		p := h.server.peers[remote]
		h.server.mu.Unlock()
		if p != nil {
			p.bfdChanged(lost)
		}
	case 7:
		_, _ = h.server.Peers(), h.server.Problems()
	default:
		h.disturbSession(r)
	}
}

// plan is what is wanted, less some, and some otherwise.
func (h *havoc) plan(r *rand.Rand) *peering.Plan {
	plan := &peering.Plan{}
	for _, spec := range h.specs {
		switch r.IntN(6) {
		case 0:
			continue
		case 1:
			spec.HoldTime = 30 * time.Second
		case 2:
			spec.Name += " anew"
		}
		plan.Sessions = append(plan.Sessions, spec)
	}
	return plan
}

func (h *havoc) disturbSession(r *rand.Rand) {
	h.rec.mu.Lock()
	sessions := slices.Clone(h.rec.sessions)
	h.rec.mu.Unlock()
	if len(sessions) == 0 {
		return
	}
	s := sessions[len(sessions)-1-r.IntN(min(4, len(sessions)))]
	switch r.IntN(4) {
	case 0:
		s.EndFor(bgp.Cease(bgp.CeaseOutOfResources, ""), time.Duration(1+r.IntN(5000))*time.Millisecond)
	case 1:
		s.End(bgp.Cease(bgp.CeaseOutOfResources, ""))
	case 2:
		s.Attach(&chatter{})
	case 3:
		s.Attach(mine{})
	}
	h.server.Wake(sessions)
}

// chatter is a stream without end that is silent now and then.
type chatter struct{ n int }

func (c *chatter) Next(octets [][]byte, _ int) ([][]byte, int) {
	if c.n++; c.n%3 == 0 {
		return octets, 0
	}
	return append(octets, wire.AppendEndOfRIB(nil, bgp.IPv4Unicast)), 1
}

// peer is the other end of a connection, as good as it gets.
func (h *havoc) peer(r *rand.Rand, end *memory) {
	own := rand.New(rand.NewPCG(r.Uint64(), 0))
	h.busy.Go(func() {
		defer end.Close()
		h.speak(own, end)
		switch own.IntN(4) {
		case 0:
		case 1:
			end.vanish()
			select {
			case <-h.over:
			case <-time.After(time.Minute):
			}
		default:
			listen(end, time.Duration(own.IntN(60))*time.Second)
		}
	})
}

// speak says what makes a session, more or less at once.
func (h *havoc) speak(r *rand.Rand, end *memory) {
	o := opening()
	if r.IntN(2) == 0 {
		o = restarting(r.IntN(2) == 0)
	}
	o.RouterID = bgp.RouterID(0xc0000200 + r.IntN(3))
	first, err := o.Append(nil)
	if err != nil {
		h.t.Error(err)
	}
	for _, message := range [][]byte{first, wire.AppendKeepalive(nil), plain("10.9.0.0/16"), wire.AppendKeepalive(nil)} {
		if r.IntN(8) == 0 {
			time.Sleep(time.Duration(r.IntN(4000)) * time.Millisecond)
		}
		if _, err := end.Write([][]byte{message}); err != nil {
			return
		}
	}
}

func listen(end *memory, most time.Duration) {
	_ = end.SetReadDeadline(time.Now().Add(most))
	for waste := make([]byte, 4096); ; {
		if _, err := end.Read(waste); err != nil {
			return
		}
	}
}
