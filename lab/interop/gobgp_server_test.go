package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"sync"
)

// server is the BgpServer of GoBGP's library in a process of its own: it leaves
// goroutines behind, which is no concern of a process that ends.
//
//	test ── one command per line, JSON ──► child (this test binary, told by childEnv)
//	     ◄── one answer per command ──────
type server struct {
	*host
	neighbors []neighbor

	mu   sync.Mutex
	to   io.WriteCloser
	from *bufio.Scanner
}

// childEnv holds the server's configuration, and by being there says what this
// process is.
const childEnv = "HEDDLE_INTEROP_GOBGP"

// serverConfig is what the child needs to know.
type serverConfig struct {
	ASN       uint32
	RouterID  netip.Addr
	Neighbors []serverNeighbor
}

type serverNeighbor struct {
	Address netip.Addr
	Client  bool
}

// serverCommand is one line to the child.
type serverCommand struct {
	Do     string // announce, withdraw, list, refresh
	Prefix netip.Prefix
	Attrs  [][]byte // each with its header
	Peer   netip.Addr
}

// serverAnswer is one line from it.
type serverAnswer struct {
	Error  string
	Routes []serverRoute
}

type serverRoute struct {
	Prefix netip.Prefix
	Attrs  [][]byte
}

func (f *fabric) server(n byte, neighbors ...neighbor) *server {
	h := f.host("gobgp3", n)
	if neighbors == nil {
		neighbors = []neighbor{h.heddleOf()}
	}
	return &server{host: h, neighbors: neighbors}
}

func (s *server) start() {
	s.f.t.Helper()
	c := serverConfig{ASN: asn, RouterID: s.v4}
	for _, n := range s.neighbors {
		c.Neighbors = append(c.Neighbors, serverNeighbor{n.address, n.client})
	}
	config, err := json.Marshal(c)
	s.f.must(err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(config))
	to, err := cmd.StdinPipe()
	s.f.must(err)
	// A pipe of our own: Wait would close the command's before the last answer is read.
	from, out, err := os.Pipe()
	s.f.must(err)
	cmd.Stdout = out
	s.f.test.Cleanup(func() { _ = from.Close() })
	s.launch(cmd)
	_ = out.Close()
	s.to, s.from = to, bufio.NewScanner(from)
	s.from.Buffer(nil, 16<<20)
	for _, o := range s.offers {
		s.announce(o)
	}
}

func (s *server) ask(c serverCommand) (serverAnswer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	line, err := json.Marshal(c)
	if err != nil {
		return serverAnswer{}, err
	}
	if _, err := s.to.Write(append(line, '\n')); err != nil {
		return serverAnswer{}, err
	}
	if !s.from.Scan() {
		return serverAnswer{}, fmt.Errorf("the child is gone: %w", s.from.Err())
	}
	var answer serverAnswer
	if err := json.Unmarshal(s.from.Bytes(), &answer); err != nil {
		return answer, err
	}
	if answer.Error != "" {
		return answer, fmt.Errorf("%s: %s", c.Do, answer.Error)
	}
	return answer, nil
}

func (s *server) tell(c serverCommand) {
	s.f.t.Helper()
	_, err := s.ask(c)
	s.f.must(err)
}

func (s *server) announce(offers ...offer) {
	for _, o := range offers {
		s.tell(serverCommand{Do: "announce", Prefix: o.prefix, Attrs: s.attributes(o)})
	}
}

// withdraw names a next hop, since GoBGP wants one.
func (s *server) withdraw(prefixes ...netip.Prefix) {
	for _, p := range prefixes {
		s.tell(serverCommand{Do: "withdraw", Prefix: p, Attrs: s.attributes(offer{prefix: p})})
	}
}

// attributes are an offer's, each with its header.
func (s *server) attributes(o offer) [][]byte {
	var attrs [][]byte
	route := o.route(s.host)
	for _, a := range route.Attrs {
		attrs = append(attrs, attributeOctets(a.Flags, a.Type, a.Value))
	}
	if o.prefix.Addr().Is4() {
		return append(attrs, attributeOctets(0x40, attrNextHop, route.NextHop.AsSlice()))
	}
	reach := slices.Concat([]byte{0, 2, 1, 16}, route.NextHop.AsSlice(), []byte{0}, nlriOf(o.prefix))
	return append(attrs, attributeOctets(0x80, attrMPReach, reach))
}

// refresh has GoBGP look again at what it kept; it asks nobody.
func (s *server) refresh() bool {
	s.tell(serverCommand{Do: "refresh", Peer: s.neighbors[0].address})
	return false
}

func (s *server) holds() (views, error) {
	answer, err := s.ask(serverCommand{Do: "list", Peer: s.neighbors[0].address})
	if err != nil {
		return nil, err
	}
	list := views{}
	for _, r := range answer.Routes {
		list[r.Prefix] = viewOf(routeOfOctets(r.Attrs))
	}
	return list, nil
}
