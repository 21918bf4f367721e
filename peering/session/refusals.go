package session

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// refusalsMost bounds how many strangers are remembered.
const refusalsMost = 256

// refusals remembers who was refused, the latest ones.
type refusals struct {
	seen  map[netip.Addr]*refusal
	total uint64 // forgotten ones included
}

type refusal struct {
	count int
	last  time.Time
}

func (r *refusal) calls() string {
	if r.count == 1 {
		return "1 connection"
	}
	return fmt.Sprintf("%d connections, the last", r.count)
}

func newRefusals() refusals { return refusals{seen: map[netip.Addr]*refusal{}} }

func (r *refusals) add(remote netip.Addr) {
	have := r.seen[remote]
	if have == nil {
		if len(r.seen) >= refusalsMost {
			r.forgetOldest()
		}
		have = &refusal{}
		r.seen[remote] = have
	}
	have.count++
	r.total++
	have.last = time.Now()
}

func (r *refusals) forgetOldest() {
	var oldest netip.Addr
	for addr, have := range r.seen {
		if !oldest.IsValid() || have.last.Before(r.seen[oldest].last) {
			oldest = addr
		}
	}
	delete(r.seen, oldest)
}

// refusalTime is how long a stranger that stopped calling stays a problem.
const refusalTime = 10 * time.Minute

// problems names the strangers; admitted says who is none any more.
func (r *refusals) problems(admitted func(netip.Addr) bool) []Problem {
	var list []Problem
	for addr, have := range r.seen {
		if time.Since(have.last) > refusalTime || admitted(addr) {
			delete(r.seen, addr)
			continue
		}
		list = append(list, Problem{addr.String(), fmt.Sprintf(
			"refused %s at %s: no node, router or --accept-range has this address; add it to the node that it is",
			have.calls(), have.last.UTC().Format(time.RFC3339))})
	}
	slices.SortFunc(list, func(a, b Problem) int {
		return netip.MustParseAddr(a.Object).Compare(netip.MustParseAddr(b.Object))
	})
	return list
}
