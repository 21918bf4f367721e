package interop

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// reacher is a speaker that says which prefixes it can use a route to, whoever told it.
type reacher interface {
	speaker
	reaches() (map[netip.Prefix]bool, error)
}

// witness looks at what speakers can reach, over and over, and writes down what they
// could not.
type witness struct {
	f    *fabric
	stop chan struct{}
	done sync.WaitGroup

	mu     sync.Mutex
	looks  map[string]int
	silent map[string]error // of who does not say: its command may give up on a busy machine
	losses []string
}

// lossesMost bounds what a witness writes down of one speaker's troubles.
const lossesMost = 20

// witness starts to look once every speaker can reach what it must; of tells what that is.
func (f *fabric) witness(of func(reacher) []netip.Prefix, speakers ...reacher) *witness {
	f.t.Helper()
	w := &witness{f: f, stop: make(chan struct{}), looks: map[string]int{}, silent: map[string]error{}}
	for _, s := range speakers {
		want := of(s)
		if len(want) == 0 {
			f.t.Fatalf("%s has nothing to lose", s.who().name)
		}
		f.until(s.who().name+" to use what it was told", func() string {
			have, err := s.reaches()
			if err != nil {
				return err.Error()
			}
			return lacks(have, want)
		})
		w.mu.Lock()
		w.looks[s.who().name] = 0
		w.mu.Unlock()
		w.done.Go(func() { w.look(s, want) })
	}
	f.test.Cleanup(w.end)
	w.seen()
	return w
}

func (w *witness) look(s reacher, want []netip.Prefix) {
	for {
		select {
		case <-w.stop:
			return
		default:
		}
		asked := time.Now()
		have, err := s.reaches()
		w.mu.Lock()
		if err == nil {
			w.looks[s.who().name]++
			delete(w.silent, s.who().name)
		} else {
			w.silent[s.who().name] = err
		}
		if text := lacks(have, want); err == nil && text != "" && len(w.losses) < lossesMost {
			w.losses = append(w.losses, fmt.Sprintf("%s at %s: %s", s.who().name, asked.Format("15:04:05.000"), text))
		}
		w.mu.Unlock()
	}
}

// lacks names what is missing; empty if nothing is.
func lacks(have map[netip.Prefix]bool, want []netip.Prefix) string {
	text := ""
	for _, p := range want {
		if !have[p] {
			text += fmt.Sprintf("no route to %s; ", p)
		}
	}
	return text
}

// seen waits until every speaker was looked at several times more.
func (w *witness) seen() {
	w.f.t.Helper()
	w.mu.Lock()
	before := maps.Clone(w.looks)
	w.mu.Unlock()
	w.f.until("a few more looks at every speaker", func() (text string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for name, n := range w.looks {
			if n < before[name]+5 {
				text += fmt.Sprintf("%s: %d looks\n", name, n-before[name])
			}
		}
		for name, err := range w.silent {
			text += fmt.Sprintf("%s does not say: %v\n", name, err)
		}
		return text
	})
}

func (w *witness) end() {
	select {
	case <-w.stop:
	default:
		close(w.stop)
	}
	w.done.Wait()
}

// saw ends the watch and fails the step for whatever was missing.
func (w *witness) saw() {
	w.f.t.Helper()
	w.seen()
	w.end()
	w.f.t.Logf("looks: %v", w.looks)
	if len(w.losses) > 0 {
		w.f.t.Errorf("routes were lost:\n%s", strings.Join(w.losses, "\n"))
	}
}

// others are the routes of everybody but the speaker itself.
func (f *fabric) others(speakers ...speaker) func(reacher) []netip.Prefix {
	return func(r reacher) (list []netip.Prefix) {
		for _, s := range speakers {
			if s.who() == r.who() {
				continue
			}
			for p := range s.who().offers {
				list = append(list, p)
			}
		}
		return list
	}
}

// untilUnreached waits until a speaker has no route to prefixes that it can use.
func (f *fabric) untilUnreached(s reacher, prefixes ...netip.Prefix) {
	f.t.Helper()
	f.until(s.who().name+" to be without them", func() (text string) {
		have, err := s.reaches()
		if err != nil {
			return err.Error()
		}
		for _, p := range prefixes {
			if have[p] {
				text += fmt.Sprintf("it still has %s\n", p)
			}
		}
		return text
	})
}

func (b *bird) reaches() (map[netip.Prefix]bool, error) {
	out, err := b.query("birdc", "-s", b.path("ctl"), "show", "route", "where", "source", "=", "RTS_BGP")
	if err != nil {
		return nil, err
	}
	have := map[netip.Prefix]bool{}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "unreachable") {
			continue
		}
		if p, err := netip.ParsePrefix(strings.Fields(line + " -")[0]); err == nil {
			have[p] = true
		}
	}
	return have, nil
}

func (r *frr) reaches() (map[netip.Prefix]bool, error) {
	have := map[netip.Prefix]bool{}
	for _, family := range []string{"ipv4", "ipv6"} {
		out, err := r.query("vtysh", r.vtysh("show bgp "+family+" unicast json")...)
		if err != nil {
			return nil, err
		}
		var shown struct {
			Routes map[netip.Prefix][]struct{ Valid, Bestpath bool }
		}
		if err := json.Unmarshal(out, &shown); err != nil {
			return nil, fmt.Errorf("%w in %s", err, out)
		}
		for prefix, paths := range shown.Routes {
			for _, p := range paths {
				have[prefix] = have[prefix] || p.Valid && p.Bestpath
			}
		}
	}
	return have, nil
}

func (g *gobgp) reaches() (map[netip.Prefix]bool, error) {
	have := map[netip.Prefix]bool{}
	for _, family := range []string{"ipv4", "ipv6"} {
		out, err := g.query("gobgp", g.args("global", "rib", "-j", "-a", family)...)
		if err != nil {
			return nil, err
		}
		var shown map[netip.Prefix][]struct{ Best bool }
		if err := json.Unmarshal(out, &shown); err != nil {
			return nil, fmt.Errorf("%w in %s", err, out)
		}
		for prefix, paths := range shown {
			have[prefix] = len(paths) > 0 && paths[0].Best
		}
	}
	return have, nil
}

func (o *openbgpd) reaches() (map[netip.Prefix]bool, error) {
	out, err := o.query("bgpctl", append([]string{"-j"}, o.args("show", "rib", "selected")...)...)
	if err != nil {
		return nil, err
	}
	var shown struct {
		Rib []struct{ Prefix netip.Prefix }
	}
	if err := json.Unmarshal(out, &shown); err != nil {
		return nil, fmt.Errorf("%w in %s", err, out)
	}
	have := map[netip.Prefix]bool{}
	for _, p := range shown.Rib {
		have[p.Prefix] = true
	}
	return have, nil
}
