package bench

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// slope watches a speaker over a long run: whether what it holds grows. Memory is looked
// at as often as there are hundredths of the run; goroutines where the speaker is ours.
type slope struct {
	target *target
	stop   chan struct{}
	ended  sync.WaitGroup
	points []sighting
}

type sighting struct {
	at         time.Duration
	rss        int
	goroutines int // 0: not known
}

// metricsAt is where heddle answers, in its namespace.
const metricsAt = "127.0.0.1:8179"

func watchSlope(t *target, whole time.Duration) *slope {
	s := &slope{target: t, stop: make(chan struct{})}
	begun := time.Now()
	s.ended.Go(func() {
		every := time.NewTicker(max(whole/100, time.Second))
		defer every.Stop()
		for {
			s.look(time.Since(begun))
			select {
			case <-s.stop:
				return
			case <-every.C:
			}
		}
	})
	return s
}

func (s *slope) look(at time.Duration) {
	u, err := usageOf(s.target.pid)
	if err != nil {
		return
	}
	s.points = append(s.points, sighting{at, u.RSS, s.target.goroutines()})
}

// end stops watching, and writes down what was seen after a quarter of the time, when
// all that is filled once has been.
func (s *slope) end(r *Report) {
	close(s.stop)
	s.ended.Wait()
	late := s.points[len(s.points)/4:]
	r.Slope = int(inclination(floors(late)) * time.Hour.Seconds())
	for _, p := range late {
		if r.GoroutinesLeast == 0 || p.goroutines < r.GoroutinesLeast {
			r.GoroutinesLeast = p.goroutines
		}
		r.GoroutinesMost = max(r.GoroutinesMost, p.goroutines)
	}
}

// floors has of each tenth what it held at least: between two collections of garbage
// memory comes and goes, and says nothing.
func floors(points []sighting) (least []sighting) {
	for tenth := range slices.Chunk(points, max(1, len(points)/10)) {
		least = append(least, slices.MinFunc(tenth, func(a, b sighting) int { return a.rss - b.rss }))
	}
	return least
}

// inclination is the slope of memory by least squares, in octets per second.
func inclination(points []sighting) float64 {
	var n, x, y, xx, xy float64
	for _, p := range points {
		at, rss := p.at.Seconds(), float64(p.rss)
		n, x, y, xx, xy = n+1, x+at, y+rss, xx+at*at, xy+at*rss
	}
	if d := n*xx - x*x; d > 0 {
		return (n*xy - x*y) / d
	}
	return 0
}

// goroutines is how many heddle has; 0 if it does not say.
func (t *target) goroutines() (n int) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (conn net.Conn, err error) {
			err = t.inside(func() error {
				conn, err = net.DialTimeout("tcp", metricsAt, time.Second)
				return err
			})
			return conn, err
		},
	}}
	answer, err := client.Get("http://" + metricsAt + "/metrics")
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "go_goroutines "); ok {
			n, _ = strconv.Atoi(text)
			return n
		}
	}
	return 0
}
