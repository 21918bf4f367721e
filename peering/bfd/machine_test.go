package bfd_test

import (
	"fmt"
	"testing"
	"time"

	"heddle/peering/bfd"
)

const ms = time.Millisecond

// noon is when tests begin.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

var usual = bfd.Settings{Interval: 300 * ms, Multiplier: 3}

// say is a packet of the peer, in a state, that knows us.
func say(s bfd.State) bfd.Packet {
	return bfd.Packet{State: s, Multiplier: 3, My: 7, Your: 1, DesiredMinTx: 400 * ms, RequiredMinRx: 300 * ms}
}

// in is a machine that was brought to a state.
func in(t *testing.T, s bfd.State) *bfd.Machine {
	t.Helper()
	m := bfd.NewMachine(usual, 1)
	for _, heard := range map[bfd.State][]bfd.State{bfd.Init: {bfd.Down}, bfd.Up: {bfd.Down, bfd.Up}}[s] {
		m.Receive(say(heard), noon)
	}
	if s == bfd.AdminDown {
		m.Close()
	}
	if m.State() != s {
		t.Fatalf("machine is %s, want %s", m.State(), s)
	}
	return &m
}

// RFC 5880 §6.2, §6.8.6.
func TestWhatBecomesOfAStateWhenThePeerIsHeard(t *testing.T) {
	const a, d, i, u = bfd.AdminDown, bfd.Down, bfd.Init, bfd.Up
	table := map[bfd.State][4]bfd.State{ // heard: AdminDown, Down, Init, Up
		a: {a, a, a, a},
		d: {d, i, u, d},
		i: {d, i, u, u},
		u: {d, d, u, u},
	}
	for from, row := range table {
		for heard, want := range row {
			t.Run(fmt.Sprintf("%s hears %s", from, bfd.State(heard)), func(t *testing.T) {
				m := in(t, from)
				c := m.Receive(say(bfd.State(heard)), noon)
				if m.State() != want || c.From != from || c.To != want || c.Happened() != (from != want) {
					t.Errorf("it is %s, by %+v, want %s", m.State(), c, want)
				}
				if from == u && want == d && c.Why != bfd.NeighbourDown {
					t.Errorf("the diagnostic is %q", c.Why)
				}
			})
		}
	}
}

func TestWhichEndsOfAPathBreakIt(t *testing.T) {
	for _, c := range []struct {
		name string
		e    bfd.Event
		want bool
	}{
		{"silence", bfd.Event{Change: bfd.Change{From: bfd.Up, To: bfd.Down, Why: bfd.DetectionExpired, Remote: bfd.Up}}, true},
		{"the peer's not hearing us", bfd.Event{Change: bfd.Change{From: bfd.Up, To: bfd.Down, Why: bfd.NeighbourDown, Remote: bfd.Down}}, true},
		{"the will of the peer's people", bfd.Event{Change: bfd.Change{From: bfd.Up, To: bfd.Down, Why: bfd.NeighbourDown, Remote: bfd.AdminDown}}, false},
		{"a daemon that has begun anew", bfd.Event{Change: bfd.Change{From: bfd.Up, To: bfd.Down, Why: bfd.NeighbourDown, Remote: bfd.Down, Anew: true}}, false},
		{"silence on the way up", bfd.Event{Change: bfd.Change{From: bfd.Init, To: bfd.Down, Why: bfd.DetectionExpired}}, false},
		{"our own will", bfd.Event{Change: bfd.Change{From: bfd.Up, To: bfd.AdminDown}}, false},
		{"its coming up", bfd.Event{Change: bfd.Change{From: bfd.Init, To: bfd.Up}}, false},
	} {
		if c.e.Broken() != c.want {
			t.Errorf("%s: broken %t", c.name, c.e.Broken())
		}
	}
}

// A daemon that crashed and is back before it was missed has lost its session, and the
// path has lost nothing.
func TestAPeerThatBeginsAnewIsKnownByItsDiscriminator(t *testing.T) {
	for name, want := range map[string]struct {
		my, your uint32
		anew     bool
	}{"another, and it does not know ours": {8, 0, true}, "the same": {7, 0, false}, "another, and it knows ours": {8, 1, false}} {
		m := in(t, bfd.Up)
		p := say(bfd.Down)
		p.My, p.Your = want.my, want.your
		if c := m.Receive(p, noon); c.To != bfd.Down || c.Anew != want.anew {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// RFC 5880 §6.8.4.
func TestSilenceForTheDetectionTimeTakesAPathDown(t *testing.T) {
	m := in(t, bfd.Up)
	m.Transmit(noon, 0)
	confirm(t, m)
	limit := 3 * 400 * ms // its multiplier, and the slower of its sending and our receiving
	if m.Detection() != limit {
		t.Errorf("detection time is %s, want %s", m.Detection(), limit)
	}
	if c := m.Expire(noon.Add(limit - 1)); c.Happened() {
		t.Errorf("down too early: %+v", c)
	}
	if c := m.Expire(noon.Add(limit)); c.To != bfd.Down || c.Why != bfd.DetectionExpired {
		t.Errorf("silence is %+v", c)
	}
	p, ok := m.Transmit(noon.Add(limit), 0)
	if !ok || p.State != bfd.Down || p.Diagnostic != bfd.DetectionExpired || p.Your != 0 || p.DesiredMinTx != time.Second {
		t.Errorf("the peer is told %+v, %t", p, ok)
	}
}

// confirm has the peer end a Poll Sequence.
func confirm(t *testing.T, m *bfd.Machine) {
	t.Helper()
	final := say(m.State())
	final.Final = true
	m.Receive(final, noon)
}

// RFC 5880 §6.8.3, §6.8.7.
func TestHowOftenWeSend(t *testing.T) {
	for _, c := range []struct {
		name   string
		state  bfd.State
		change func(*bfd.Machine)
		want   time.Duration
	}{
		{"a second while not up, however often we would", bfd.Down, func(*bfd.Machine) {}, time.Second},
		{"a second on the way up", bfd.Init, func(*bfd.Machine) {}, time.Second},
		{"as often as we want when up", bfd.Up, func(*bfd.Machine) {}, 300 * ms},
		{"no more often than the peer can hear", bfd.Up, func(m *bfd.Machine) {
			p := say(bfd.Up)
			p.RequiredMinRx = 700 * ms
			m.Receive(p, noon)
		}, 700 * ms},
		{"slower only when the peer knows", bfd.Up, func(m *bfd.Machine) { m.Configure(bfd.Settings{Interval: 900 * ms, Multiplier: 3}) }, 300 * ms},
		{"slower when the peer knows", bfd.Up, func(m *bfd.Machine) {
			confirm(t, m) // of coming up
			m.Configure(bfd.Settings{Interval: 900 * ms, Multiplier: 3})
			confirm(t, m)
		}, 900 * ms},
		{"slower only when the peer knows this, and not what was before", bfd.Up, func(m *bfd.Machine) {
			m.Configure(bfd.Settings{Interval: 900 * ms, Multiplier: 3})
			confirm(t, m)
		}, 300 * ms},
		{"slower when it knows this in the end", bfd.Up, func(m *bfd.Machine) {
			m.Configure(bfd.Settings{Interval: 900 * ms, Multiplier: 3})
			confirm(t, m)
			m.Transmit(noon.Add(time.Hour), 0)
			confirm(t, m)
		}, 900 * ms},
		{"a second again when it is down", bfd.Up, func(m *bfd.Machine) { m.Receive(say(bfd.Down), noon) }, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := in(t, c.state)
			c.change(m)
			if m.Interval() != c.want {
				t.Errorf("the interval is %s, want %s", m.Interval(), c.want)
			}
		})
	}
}

// A peer that sends faster is not late before it knows that it may.
func TestWeExpectMoreOnlyOfAPeerThatKnows(t *testing.T) {
	m := in(t, bfd.Up)
	confirm(t, m)
	m.Configure(bfd.Settings{Interval: time.Second, Multiplier: 3})
	if m.Detection() != 3*time.Second {
		t.Errorf("slower: detection is %s, want 3s at once", m.Detection())
	}
	confirm(t, m)
	m.Configure(bfd.Settings{Interval: 500 * ms, Multiplier: 3})
	if m.Detection() != 3*time.Second {
		t.Errorf("faster, unconfirmed: detection is %s, want 3s", m.Detection())
	}
	confirm(t, m)
	if m.Detection() != 1500*ms {
		t.Errorf("faster, confirmed: detection is %s, want 1.5s", m.Detection())
	}
}

// RFC 5880 §6.5: an answer at once, with Final and without Poll.
func TestAPollIsAnsweredAtOnce(t *testing.T) {
	m := in(t, bfd.Up)
	m.Transmit(noon, 0)
	poll := say(bfd.Up)
	poll.Poll = true
	m.Receive(poll, noon)
	if at, ok := m.Due(); !ok || !at.IsZero() {
		t.Errorf("due at %s, %t, want at once", at, ok)
	}
	p, ok := m.Transmit(noon, 0)
	if !ok || !p.Final || p.Poll {
		t.Errorf("the answer is %+v, %t", p, ok)
	}
	if p, ok := m.Transmit(noon, 0); ok {
		t.Errorf("answered twice, by %+v", p)
	}
	next, ok := m.Transmit(noon.Add(225*ms), 0)
	if !ok || !next.Poll || next.Final {
		t.Errorf("the next by the timer is %+v, %t, want our own Poll", next, ok)
	}
}

// RFC 5880 §6.8.7.
func TestAPeerThatWantsToHearNothingHearsOnlyAnswers(t *testing.T) {
	quiet := say(bfd.Up)
	quiet.RequiredMinRx = 0
	demanding := say(bfd.Up)
	demanding.Demand = true
	for name, p := range map[string]bfd.Packet{"it can't receive": quiet, "it is in demand mode": demanding} {
		t.Run(name, func(t *testing.T) {
			m := in(t, bfd.Up)
			confirm(t, m)
			m.Transmit(noon, 0)
			m.Receive(p, noon)
			if p, ok := m.Transmit(noon.Add(time.Hour), 0); ok {
				t.Errorf("it is sent %+v", p)
			}
			if at, ok := m.Due(); !ok || at != m.Deadline() {
				t.Errorf("due at %s, %t, want the end of the detection time", at, ok)
			}
			p.Poll = true
			m.Receive(p, noon)
			if p, ok := m.Transmit(noon, 0); !ok || !p.Final {
				t.Errorf("its Poll is answered by %+v, %t", p, ok)
			}
		})
	}
}

// RFC 5880 §6.6, §6.8.3: what was changed twice is asked about twice, and the packet that
// sets the two sequences apart is sent, too.
func TestAPeerInDemandModeIsToldOfTheLastChange(t *testing.T) {
	m := in(t, bfd.Up)
	confirm(t, m)
	p := say(bfd.Up)
	p.Demand = true
	m.Receive(p, noon)
	m.Configure(bfd.Settings{Interval: 600 * ms, Multiplier: 3})
	m.Transmit(noon, 0)
	m.Configure(bfd.Settings{Interval: 900 * ms, Multiplier: 3})
	p.Final = true
	m.Receive(p, noon)
	for i := range 3 {
		at := noon.Add(time.Duration(i) * time.Second)
		if p, ok := m.Transmit(at, 0); ok && p.Poll && p.RequiredMinRx == 900*ms {
			return
		}
	}
	t.Error("it is not polled")
}

// RFC 5880 §6.8.7: 75 to 100 %, and 90 % if one that is late would be one too many.
func TestPacketsAreSpreadOverTheInterval(t *testing.T) {
	for _, c := range []struct {
		multiplier uint8
		chance     float64
		want       time.Duration
	}{
		{3, 0, 750 * ms}, {3, 0.5, 875 * ms}, {1, 0, 750 * ms}, {1, 0.9999999, 900 * ms},
	} {
		m := bfd.NewMachine(bfd.Settings{Interval: 300 * ms, Multiplier: c.multiplier}, 1)
		if _, ok := m.Transmit(noon, c.chance); !ok {
			t.Fatal("the first is not sent at once")
		}
		at, ok := m.Due()
		if after := at.Sub(noon).Round(ms); !ok || after != c.want {
			t.Errorf("multiplier %d, chance %v: the next is due after %s, want %s", c.multiplier, c.chance, after, c.want)
		}
	}
}

func TestAPacketOfAnotherSessionChangesNothing(t *testing.T) {
	m := in(t, bfd.Up)
	p := say(bfd.Down)
	p.Your = 2
	if c := m.Receive(p, noon); c.Happened() || m.State() != bfd.Up {
		t.Errorf("it is %s", m.State())
	}
}
