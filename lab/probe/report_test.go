package probe

import (
	"net/netip"
	"testing"
	"time"
)

// What a stream is judged by, in packets a millisecond apart: = arrived and answered,
// > arrived only, x lost, 2 twice; below, the port that each came in by.
func TestAStreamIsJudgedPacketByPacket(t *testing.T) {
	for _, c := range []struct {
		name, packets, ports string
		want                 Report
	}{
		{"all is well", "=====", "aaaaa", Report{Sent: 5, Arrived: 5, Answered: 5}},
		{"lost on the way", "=xxx=", "a   a", Report{Sent: 5, Arrived: 2, Answered: 2, Gap: 3}},
		{"closed at first", "xx=x=", "  a a", Report{Sent: 5, Arrived: 2, Answered: 2, Gap: 2, Before: 2}},
		{"lost on the way back", "=>>==", "aaaaa", Report{Sent: 5, Arrived: 5, Answered: 3, Gap: 2}},
		{"doubled", "=2===", "aaaaa", Report{Sent: 5, Arrived: 5, Answered: 5, Doubled: 1}},
		{"it moves", "=====", "aaabb", Report{Sent: 5, Arrived: 5, Answered: 5}},
		{"one comes late by the old port", "======", "aabaab", Report{Sent: 6, Arrived: 6, Answered: 6}},
		{"one comes too late by it", "=======", "abbbbab", Report{Sent: 7, Arrived: 7, Answered: 7, Misdelivered: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &Stream{id: 1, pace: 1, to: netip.MustParseAddrPort("192.0.2.1:1"), answered: map[uint64]int{}}
			l := &Listener{arrivals: map[uint32][]Arrival{}}
			for i, what := range c.packets {
				s.sent = append(s.sent, time.UnixMilli(int64(i)))
				a := Arrival{Number: uint64(i), Port: int(c.ports[i]), At: time.UnixMilli(int64(i))}
				times := map[rune]int{'=': 1, '>': 1, '2': 2}[what]
				for range times {
					l.arrivals[1] = append(l.arrivals[1], a)
				}
				if what != '>' && times > 0 {
					s.answered[uint64(i)] = times
				}
			}
			got := Count(s, l, 0, map[int]string{'a': "a", 'b': "b"}, 2*time.Millisecond)
			if got.Sent != c.want.Sent || got.Arrived != c.want.Arrived || got.Answered != c.want.Answered ||
				got.Doubled != c.want.Doubled || got.Misdelivered != c.want.Misdelivered || got.Gap != c.want.Gap || got.Before != c.want.Before {
				t.Errorf("report is %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestAStreamThatWasHeldUpDoesNotSendAllOfItAtOnce(t *testing.T) {
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name       string
		late, want time.Duration // since the packet before was due
	}{
		{"in time", 0, time.Millisecond},
		{"late", 50 * time.Millisecond, time.Millisecond},
		{"held up", 5 * time.Second, 4900 * time.Millisecond},
	} {
		if got := due(noon, noon.Add(c.late), time.Millisecond).Sub(noon); got != c.want {
			t.Errorf("%s: the next is due after %s, want %s", c.name, got, c.want)
		}
	}
}
