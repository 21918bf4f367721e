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
}

// probes are the streams under way, by number.
type probes struct {
	mu   sync.Mutex
	list map[uint32]*running
}

// running is a stream under way.
type running struct {
	order    ProbeOrder
	to       *machine
	stream   *probe.Stream
	listener *probe.Listener
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
	to, err := s.machine(o.To)
	if err != nil {
		return 0, err
	}
	if o.Pace < 100*time.Microsecond {
		return 0, fmt.Errorf("pace %s: want 100µs or more between packets", o.Pace)
	}
	id := s.streak.Add(1)
	port := uint16(firstPort + id%portCount)
	listener, err := probe.Listen(to.space, []netip.Addr{o.Address}, port, true)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", o.To, err)
	}
	stream, err := probe.Send(from.space, id, netip.AddrPortFrom(o.Address, port), o.Pace)
	if err != nil {
		listener.Close()
		return 0, fmt.Errorf("%s: %w", o.From, err)
	}
	s.probes.mu.Lock()
	defer s.probes.mu.Unlock()
	if s.probes.list == nil {
		s.probes.list = map[uint32]*running{}
	}
	s.probes.list[id] = &running{o, to, stream, listener}
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

// settling is how long an answer that is under way may take: a packet takes far less
// than a millisecond, and this machine may be busy.
const settling = 100 * time.Millisecond

// endProbe stops a stream, and counts when no more answers come.
func (s *supervisor) endProbe(w http.ResponseWriter, r *http.Request) {
	p, err := s.probe(r, true)
	if err != nil {
		answer(w, nil, err)
		return
	}
	p.stream.Stop()
	for before := -1; before != p.stream.Answered(); time.Sleep(settling) {
		before = p.stream.Answered()
	}
	p.stream.Close()
	p.listener.Close()
	report, err := p.report()
	answer(w, report, err)
}

// grace is how long a packet may still come by the port of before.
const grace = time.Second

func (p *running) report() (probe.Report, error) {
	ports, err := probe.Ports(p.to.space)
	report := probe.Count(p.stream, p.listener, 0, ports, grace)
	report.From, report.To = p.order.From, p.order.To
	return report, err
}
