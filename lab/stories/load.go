package stories

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"heddle/lab/probe"
	"heddle/lab/runner"
)

// flow is packets from a node to an address of another.
type flow struct{ from, to, address string }

// Load is streams of numbered packets that go on until they are judged.
type Load struct {
	t     *Teller
	flows []flow
	ids   []uint32
	aim   string        // what is wanted of it, where that is not all
	limit time.Duration // of the gap
}

// Traffic starts streams, and waits until each of them is answered.
func (t *Teller) Traffic(pace time.Duration, flows ...flow) *Load {
	l := t.begin(pace, flows...)
	t.Until("traffic to flow", l.short(20))
	return l
}

// Reaches waits until packets arrive and are answered. That nothing is missing in the
// lab is less: the last of its kernels may be told of a route a moment later.
func (t *Teller) Reaches(pace time.Duration, flows ...flow) {
	l := t.begin(pace, flows...)
	t.Until("to be reached", l.short(1))
	_, err := l.end()
	t.must(err)
}

// begin starts streams that may or may not arrive.
func (t *Teller) begin(pace time.Duration, flows ...flow) *Load {
	return t.beginAt(nil, pace, flows...)
}

// beginAt starts streams to addresses that other nodes have, too.
func (t *Teller) beginAt(also []string, pace time.Duration, flows ...flow) *Load {
	l := &Load{t: t, flows: flows}
	t.held = append(t.held, l)
	for _, f := range flows {
		address, err := netip.ParseAddr(f.address)
		t.must(err)
		id, err := t.lab.Probe(t.ctx, runner.ProbeOrder{From: f.from, To: f.to, Address: address, Pace: pace, Also: also})
		t.must(err)
		l.ids = append(l.ids, id)
	}
	return l
}

// now says what became of each stream so far.
func (l *Load) now() []probe.Report {
	var reports []probe.Report
	for _, id := range l.ids {
		r, err := l.t.lab.Probed(l.t.ctx, id)
		l.t.must(err)
		reports = append(reports, r)
	}
	return reports
}

// short says which stream has fewer answers than so many.
func (l *Load) short(answers int) func() string {
	return func() string {
		for _, r := range l.now() {
			if r.Answered < answers {
				return r.String()
			}
		}
		return ""
	}
}

// Goes waits until so many more packets were sent, by each stream.
func (l *Load) Goes(packets int) {
	goals := l.now()
	l.t.Until(fmt.Sprint(packets, " more packets"), func() string {
		for i, r := range l.now() {
			if r.Sent < goals[i].Sent+packets {
				return r.String()
			}
		}
		return ""
	})
}

// ArrivesBy waits until all packets come by a port of the addressee.
func (l *Load) ArrivesBy(port string) {
	l.t.Until("packets to come by "+port, func() string {
		for _, r := range l.now() {
			if r.Port != port {
				return r.String() + ", by " + r.Port
			}
		}
		return ""
	})
}

// end ends all streams at once.
func (l *Load) end() ([]probe.Report, error) {
	for i, held := range l.t.held {
		if held == l {
			l.t.held = append(l.t.held[:i], l.t.held[i+1:]...)
			break
		}
	}
	reports, errs := make([]probe.Report, len(l.ids)), make([]error, len(l.ids))
	var ends sync.WaitGroup
	for i, id := range l.ids {
		ends.Go(func() { reports[i], errs[i] = l.t.lab.EndProbe(l.t.ctx, id) })
	}
	ends.Wait()
	return reports, errors.Join(errs...)
}

// End ends the streams, tells the sum, and gives what became of each.
func (l *Load) End(what string) []probe.Report {
	reports, err := l.end()
	l.t.must(err)
	var sum probe.Report
	for _, r := range reports {
		sum = sum.Add(r)
	}
	f := Figure{
		What: what, Aim: l.aim, Limit: l.limit, Streams: len(reports), Sent: sum.Sent, Lost: sum.Lost(), Doubled: sum.Doubled,
		Misdelivered: sum.Misdelivered, Gap: sum.Gap, Dark: sum.Dark,
	}
	l.t.Say("%s: %d streams, %d packets, %d lost, %d doubled, %d misdelivered, longest gap %s, without a way for %s%s",
		what, len(reports), sum.Sent, sum.Lost(), sum.Doubled, sum.Misdelivered, sum.Gap, sum.Dark, missed(f))
	l.t.note(f)
	if l.limit > 0 && sum.Gap > endless {
		l.t.Fail("%s: a gap of %s is none: nobody took over", what, sum.Gap)
	}
	for _, r := range reports {
		if r.Doubled > 0 || r.Misdelivered > 0 {
			l.t.Fail("%s", r)
		}
	}
	return reports
}

// LosesNothing ends the streams, none of which may have lost a packet.
func (l *Load) LosesNothing(what string) {
	l.aim = "0 lost"
	var faults []string
	for _, r := range l.End(what) {
		if r.Lost() > 0 {
			faults = append(faults, r.String())
		}
	}
	if len(faults) > 0 {
		l.t.Fail("packets were lost:\n%s", strings.Join(faults, "\n"))
	}
}
