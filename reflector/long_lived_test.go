package reflector

import (
	"testing"
	"time"

	"heddle/bgp"
)

func TestUntilWhenAPeerIsKept(t *testing.T) {
	four, six := bgp.FamiliesOf(bgp.IPv4Unicast), bgp.FamiliesOf(bgp.IPv6Unicast)
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	l := longLived{until: [2]time.Time{noon.Add(time.Hour), noon.Add(2 * time.Hour)}}
	for _, c := range []struct {
		name        string
		stale, long bgp.FamilySet
		want        time.Time
	}{
		{"over a restart", four | six, 0, noon},
		{"one for long, the other over a restart", four | six, four, noon.Add(time.Hour)},
		{"both for long", four | six, four | six, noon.Add(2 * time.Hour)},
		{"one for long, the other not at all", six, six, noon.Add(2 * time.Hour)},
		{"not at all", 0, 0, time.Time{}},
	} {
		l.families = c.long
		if got := l.last(c.stale, noon); !got.Equal(c.want) {
			t.Errorf("%s: until %s, want %s", c.name, got, c.want)
		}
	}
}
