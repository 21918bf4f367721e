package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"heddle/internal/api"
	"heddle/internal/command"
	"heddle/peering/session"
)

func showPeers(w io.Writer, body io.Reader) error {
	var peers []api.Peer
	if err := command.Each(body, func(p api.Peer) { peers = append(peers, p) }); err != nil {
		return err
	}
	return peersTable(w, peers, time.Now())
}

func peersTable(w io.Writer, peers []api.Peer, now time.Time) error {
	if len(peers) == 0 {
		_, err := fmt.Fprintln(w, "no peers")
		return err
	}
	slices.SortFunc(peers, func(a, b api.Peer) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), a.Address.Compare(b.Address))
	})
	watched := slices.ContainsFunc(peers, func(p api.Peer) bool { return p.BFD != nil })
	var rows [][]string
	for _, p := range peers {
		row := []string{p.Name, p.Address.String(), p.ASN.String(), p.Role, p.Rack, p.State, command.Span(now.Sub(p.Since))}
		if watched {
			row = append(row, bfdState(p))
		}
		rows = append(rows, append(row, inOut(p, "ipv4"), inOut(p, "ipv6"), peerNote(p)))
	}
	heads := []string{"NAME", "ADDRESS", "AS", "ROLE", "RACK", "STATE", "FOR", "V4 IN/OUT", "V6 IN/OUT", "NOTE"}
	if watched {
		heads = slices.Insert(heads, 7, "BFD")
	}
	return command.WriteTable(w, heads, rows)
}

// bfdState is the state of BFD, of a peer whose path is watched.
func bfdState(p api.Peer) string {
	if p.BFD == nil {
		return "-"
	}
	return p.BFD.State
}

// inOut is routes received and advertised, of a family that is spoken.
func inOut(p api.Peer, family string) string {
	if !slices.Contains(p.Families, family) && p.Received[family] == 0 {
		return "-"
	}
	return fmt.Sprintf("%d/%d", p.Received[family], p.Advertised[family])
}

// peerNote says what is out of the ordinary.
func peerNote(p api.Peer) string {
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if p.Walking {
		note("catching up, %d batches behind", p.Behind)
	}
	if len(p.Stale) > 0 && p.StaleUntil != nil {
		note("%s kept until %s", strings.Join(p.Stale, "+"), p.StaleUntil.Format(time.TimeOnly+"Z"))
	}
	refused := 0
	for family, n := range p.Received {
		refused += n - p.Accepted[family]
	}
	if refused > 0 {
		note("%s not accepted", several(refused, "route"))
	}
	if p.Malformed > 0 {
		note("%s malformed", several(int(p.Malformed), "UPDATE"))
	}
	if p.Discarded > 0 {
		note("%s discarded", several(int(p.Discarded), "attribute"))
	}
	switch {
	case p.State == session.Established.String():
	case p.LastError != "":
		note("%s", p.LastError)
	case p.Password:
		note("nothing heard so far; a wrong TCP-MD5 password looks like that")
	}
	return strings.Join(notes, "; ")
}
