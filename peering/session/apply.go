package session

import (
	"context"
	"net/netip"

	"heddle/bgp"
	"heddle/peering"
)

// Apply makes the sessions what the plan wants. Sessions that the plan does not
// change are not touched: not an octet is sent on them. Applying a plan again
// reads password files again, and a peer whose file could not be read is tried
// again.
func (s *Server) Apply(plan *peering.Plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.plan
	if old == nil {
		old = &peering.Plan{}
		defer close(s.planned)
	}
	s.plan, s.problems = plan, nil
	d := peering.Diff(old, plan)
	for _, spec := range d.Removed {
		s.remove(spec.Remote, bgp.Cease(bgp.CeasePeerDeconfigured, ""))
	}
	for _, c := range d.Changed {
		s.change(c)
	}
	s.dropUnadmitted()
	s.announceLimits(len(plan.Sessions))
	passwords := s.readPasswords(plan)
	s.setKeys(plan, passwords)
	for _, spec := range plan.Sessions {
		password, ok := passwords[spec.PasswordFile]
		if !ok {
			s.remove(spec.Remote, bgp.Cease(bgp.CeaseConfigChange, ""))
			continue
		}
		s.ensure(spec, password)
	}
}

func (s *Server) ensure(spec peering.Session, password string) {
	p := s.peers[spec.Remote]
	if p == nil {
		p = newPeer(s, spec)
		s.peers[spec.Remote] = p
		p.password = password
		s.watch(p)
		if s.ctx != nil {
			s.startDialling(p)
		}
		return
	}
	p.mu.Lock()
	p.password = password
	p.mu.Unlock()
	s.watch(p)
}

func (s *Server) startDialling(p *peer) {
	s.recall(p)
	if p.spec.Passive || p.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	p.cancel = cancel
	s.dialers.Go(func() {
		for !p.dialSafely(func() { p.dial(ctx) }) {
			p.pause(ctx, defectPause)
		}
	})
}

func (s *Server) remove(remote netip.Addr, n *bgp.Notification) {
	if p := s.peers[remote]; p != nil {
		delete(s.peers, remote)
		s.bfd.End(remote)
		p.stop(n)
	}
}

// change takes a new version of a session: in place where the peer can't tell,
// by way of a new session where it can.
func (s *Server) change(c peering.Change) {
	p := s.peers[c.New.Remote]
	if p == nil {
		return
	}
	if !c.Old.SameWire(c.New) {
		s.remove(c.New.Remote, bgp.Cease(bgp.CeaseConfigChange, ""))
		return
	}
	p.adapt(c.New)
}

// dropUnadmitted ends the sessions of clients whose range is gone. Those that the
// inventory knows by now stay, unless it wants them otherwise.
func (s *Server) dropUnadmitted() {
	for remote, p := range s.peers {
		if p.spec.Source != peering.SourceRange {
			continue
		}
		spec, ok := s.plan.Find(remote)
		if !ok {
			spec, ok = s.plan.Admit(remote)
		}
		switch {
		case !ok, !spec.SameWire(p.spec):
			s.remove(remote, bgp.Cease(bgp.CeaseConfigChange, ""))
		case spec != p.spec:
			p.adapt(spec)
			s.watch(p)
			s.forget(p)
		}
	}
}

// readPasswords reads each password file once. What can't be read is a problem: what was
// read there last stays, since a session that is up needs the file no more; else it is
// missing in the result.
func (s *Server) readPasswords(plan *peering.Plan) map[string]string {
	passwords := map[string]string{"": ""}
	read := func(who, file string) {
		if _, done := passwords[file]; done {
			return
		}
		password, err := readPassword(file)
		if err == nil {
			passwords[file] = password
			return
		}
		text := err.Error()
		if last, known := s.passwords[file]; known {
			passwords[file] = last
			text += " (what it held before stays in force)"
		}
		s.problems = append(s.problems, Problem{who, text})
	}
	for _, spec := range plan.Sessions {
		read(spec.Name, spec.PasswordFile)
	}
	for _, r := range plan.Ranges {
		read("range "+r.Prefix.String(), r.PasswordFile)
	}
	s.passwords = passwords
	return passwords
}

// setKeys makes the TCP-MD5 keys of the listeners what the plan wants.
func (s *Server) setKeys(plan *peering.Plan, passwords map[string]string) {
	wanted := map[netip.Prefix]string{}
	for _, r := range plan.Ranges {
		if password := passwords[r.PasswordFile]; password != "" {
			wanted[r.Prefix] = password
		}
	}
	for _, spec := range plan.Sessions {
		if password := passwords[spec.PasswordFile]; password != "" {
			wanted[netip.PrefixFrom(spec.Remote, spec.Remote.BitLen())] = password
		}
	}
	for prefix := range s.keys {
		if _, ok := wanted[prefix]; !ok {
			wanted[prefix] = ""
		}
	}
	for prefix, password := range wanted {
		if s.keys[prefix] == password {
			continue
		}
		for _, l := range s.listeners {
			if err := l.setMD5(prefix, password); err != nil {
				s.problems = append(s.problems, Problem{prefix.String(), err.Error()})
			}
		}
		if s.keys[prefix] = password; password == "" {
			delete(s.keys, prefix)
		}
	}
}
