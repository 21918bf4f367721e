package interop

import (
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"

	"heddle/internal/oracle"
)

// speaker is a router of the fabric.
type speaker interface {
	who() *host
	// start runs it, with all its offers.
	start()
	// kill ends it as losing power would, but for the kernel's closing its sockets.
	kill()
	announce(offers ...offer)
	withdraw(prefixes ...netip.Prefix)
	// holds is what its first peer told it, in the words of its own command.
	holds() (views, error)
	// blind leaves out of a view what that command doesn't show.
	blind(view) view
	// refresh asks its first peer to say everything again. It says whether that puts a
	// ROUTE-REFRESH on the wire.
	refresh() bool
}

func (h *host) who() *host { return h }

// blind of those who show everything.
func (h *host) blind(v view) view { return v }

// neighbor is a session of a speaker.
type neighbor struct {
	address  netip.Addr
	client   bool // of the speaker, which is a reflector
	password string
	nearby   bool // one hop away, and not more (GTSM)
}

// heddleOf is the usual session.
func (h *host) heddleOf() neighbor {
	if h.f.ipv6 {
		return neighbor{address: h.f.self.v6}
	}
	return neighbor{address: h.f.self.v4}
}

// offer is a route in the words of configurations.
type offer struct {
	prefix      netip.Prefix
	localPref   uint32 // 0: not set
	med         uint32 // 0: not set
	path        []uint32
	communities []string      // 64512:7
	large       []string      // 64512:10:2
	more        []oracle.Attr // as octets, from those who can
}

// view is what peers should see of the offer.
func (o offer) view(h *host) view {
	v := view{NextHop: h.hop(o.prefix), Path: o.path, LocalPref: o.localPref, MED: o.med, HasMED: o.med > 0}
	if v.LocalPref == 0 {
		v.LocalPref = 100
	}
	v.Communities, v.Large = slices.Clone(o.communities), slices.Clone(o.large)
	for _, a := range o.more {
		v.Unknown = append(v.Unknown, viewOf(oracle.Route{Attrs: []oracle.Attr{a}}).Unknown...)
	}
	return v.sorted()
}

// only leaves out what an offer doesn't say: ORIGIN, which every daemon chooses
// itself, and a MED of its own.
func (o offer) only(v view) view {
	v.Origin = ""
	if o.med == 0 {
		v.MED, v.HasMED = 0, false
	}
	return v
}

// route is the offer in octets, as a plain speaker would send it.
func (o offer) route(h *host) oracle.Route {
	r := oracle.Plain(h.hop(o.prefix))
	set := func(flags, typ byte, value []byte) { r = r.With(oracle.Attr{Flags: flags, Type: typ, Value: value}) }
	if o.localPref > 0 {
		set(0x40, attrLocalPref, oracle.Number(o.localPref))
	}
	if o.med > 0 {
		set(0x80, attrMED, oracle.Number(o.med))
	}
	if len(o.path) > 0 {
		set(0x40, attrASPath, sequence(o.path...))
	}
	if len(o.communities) > 0 {
		set(0xc0, attrCommunities, parts(o.communities, 2))
	}
	if len(o.large) > 0 {
		set(0xc0, attrLarge, parts(o.large, 4))
	}
	for _, a := range o.more {
		r = r.With(a)
	}
	return r
}

// sequence is the value of an AS_PATH of one sequence.
func sequence(asns ...uint32) []byte {
	path := []byte{2, byte(len(asns))}
	for _, n := range asns {
		path = append(path, oracle.Number(n)...)
	}
	return path
}

// parts is communities as octets, each number of so many.
func parts(communities []string, size int) []byte {
	var out []byte
	for _, c := range communities {
		for _, part := range strings.Split(c, ":") {
			out = append(out, oracle.Number(number(part))[4-size:]...)
		}
	}
	return out
}

// process is a daemon that runs.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// run starts a program on the host. Its log is shown if the test fails.
func (h *host) run(name string, args ...string) *process {
	h.f.t.Helper()
	return h.launch(exec.Command(name, args...))
}

func (h *host) launch(cmd *exec.Cmd) *process {
	h.f.t.Helper()
	path := h.path("log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	h.f.must(err)
	defer log.Close()
	if cmd.Stdout == nil {
		cmd.Stdout = log
	}
	cmd.Stderr = log
	h.f.must(h.space.Start(cmd))
	p := &process{cmd: cmd, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	return p
}

// kill ends whatever runs on the host.
func (h *host) kill() { h.f.must(h.space.Kill()) }

// query runs a program on the host for what it prints.
func (h *host) query(name string, args ...string) ([]byte, error) {
	return h.space.Output(exec.Command(name, args...))
}

// command is a query whose answer does not matter, but whose success does.
func (h *host) command(name string, args ...string) {
	h.f.t.Helper()
	out, err := h.query(name, args...)
	if err != nil {
		h.f.t.Fatalf("%s: %v\n%s", h.name, err, out)
	}
}

// eventually is a command that may be given twice to a daemon that may not listen yet, or
// not in the second that its command waits for it.
func (h *host) eventually(name string, args ...string) {
	h.f.t.Helper()
	h.f.until(h.name+" to take a command", func() string {
		out, err := h.query(name, args...)
		if err != nil {
			return err.Error() + "\n" + string(out)
		}
		return ""
	})
}
