package runner

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"heddle/lab/probe"
)

// ProbeOrder asks for a stream of numbered packets, which are echoed.
type ProbeOrder struct {
	From    string        `json:"from"` // node
	To      string        `json:"to"`   // node that has the address
	Address netip.Addr    `json:"address"`
	Pace    time.Duration `json:"pace"` // time between two packets
	Also    []string      `json:"also"` // other nodes that have the address
}

// probes are the streams under way, by number.
type probes struct {
	mu   sync.Mutex
	list map[uint32]*running
}

// running is a stream under way.
type running struct {
	order  ProbeOrder
	stream *probe.Stream
	ears   ears
}

// firstPort is that of the first stream: each has its own, so that each has its own
// flow in the tables of the hosts.
const (
	firstPort = 20000
	portCount = 20000
)

func (s *supervisor) beginProbe(w http.ResponseWriter, r *http.Request) {
	var o ProbeOrder
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		answer(w, nil, err)
		return
	}
	id, err := s.begin(o)
	answer(w, id, err)
}

func (s *supervisor) begin(o ProbeOrder) (uint32, error) {
	from, err := s.machine(o.From)
	if err != nil {
		return 0, err
	}
	if o.Pace < 100*time.Microsecond {
		return 0, fmt.Errorf("pace %s: want 100µs or more between packets", o.Pace)
	}
	id := s.streak.Add(1)
	port := uint16(firstPort + id%portCount)
	ears, err := s.listen(o, port)
	if err != nil {
		return 0, err
	}
	stream, err := probe.Send(from.space, id, netip.AddrPortFrom(o.Address, port), o.Pace)
	if err != nil {
		ears.close()
		return 0, fmt.Errorf("%s: %w", o.From, err)
	}
	s.probes.mu.Lock()
	defer s.probes.mu.Unlock()
	if s.probes.list == nil {
		s.probes.list = map[uint32]*running{}
	}
	s.probes.list[id] = &running{o, stream, ears}
	return id, nil
}

func (s *supervisor) probe(r *http.Request, take bool) (*running, error) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 32)
	if err != nil {
		return nil, err
	}
	s.probes.mu.Lock()
	defer s.probes.mu.Unlock()
	p := s.probes.list[uint32(id)]
	if p == nil {
		return nil, fmt.Errorf("there is no stream %d", id)
	}
	if take {
		delete(s.probes.list, uint32(id))
	}
	return p, nil
}

func (s *supervisor) readProbe(w http.ResponseWriter, r *http.Request) {
	p, err := s.probe(r, false)
	if err != nil {
		answer(w, nil, err)
		return
	}
	report, err := p.report()
	answer(w, report, err)
}

// How long an answer that is under way may take. A packet takes far less than a
// millisecond; whoever reads it may wait for a busy machine, and the longer for it as
// long as answers are missing.
const (
	settling = 100 * time.Millisecond
	lagging  = time.Second
)

// endProbe stops a stream, and counts when no more answers come.
func (s *supervisor) endProbe(w http.ResponseWriter, r *http.Request) {
	p, err := s.probe(r, true)
	if err != nil {
		answer(w, nil, err)
		return
	}
	p.stream.Stop()
	p.settle()
	p.stream.Close()
	p.ears.close()
	report, err := p.report()
	answer(w, report, err)
}

// settle waits until no more answers come.
func (p *running) settle() {
	end := time.Now().Add(lagging)
	for before := -1; ; time.Sleep(settling) {
		now := p.stream.Answered()
		if now == p.stream.Count() || now == before && time.Now().After(end) {
			return
		}
		before = now
	}
}

// grace is how long a packet may still come by the port of before.
const grace = time.Second

func (p *running) report() (probe.Report, error) {
	ports, err := p.ears.ports()
	report := probe.Count(p.stream, p.ears, 0, ports, grace)
	report.From, report.To = p.order.From, p.order.To
	return report, err
}
