package bench

import (
	"math"
	"testing"
	"time"
)

func TestTheSlopeOfMemoryIsWhatItGrowsBy(t *testing.T) {
	for _, c := range []struct {
		name string
		rss  []int // second by second
		want float64
	}{
		{"nothing seen", nil, 0},
		{"seen once", []int{5}, 0},
		{"level", []int{7, 7, 7, 7}, 0},
		{"three octets a second", []int{1, 4, 7, 10}, 3},
		{"less and less", []int{10, 8, 6}, -2},
		{"up and down", []int{1, 3, 1, 3, 1}, 0},
	} {
		var sightings []sighting
		for i, rss := range c.rss {
			sightings = append(sightings, sighting{at: time.Duration(i) * time.Second, rss: rss})
		}
		if got := inclination(sightings); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %g octets a second, want %g", c.name, got, c.want)
		}
	}
}

func TestOfEachTenthTheLeastCounts(t *testing.T) {
	var sightings []sighting
	for i := range 40 {
		sightings = append(sightings, sighting{rss: 100 + i%4})
	}
	if got := floors(sightings); len(got) != 10 || got[0].rss != 100 || got[9].rss != 100 {
		t.Errorf("%+v", got)
	}
	if got := floors(nil); len(got) != 0 {
		t.Errorf("of nothing: %+v", got)
	}
}
