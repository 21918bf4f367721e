package firewall

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// tableFound is what a table of the kernel has of ours.
type tableFound struct {
	chains map[string][]string // identities of rules, in order; "" for one without ours
	texts  map[string]string   // chain and identity → the line as iptables-save has it
	// hooks: for a chain of the kernel, which of its rules lead to chains of ours, from 1,
	// and to which.
	hooks map[string][]hookFound
}

type hookFound struct {
	at int
	to string
}

// parse reads the output of iptables-save for one table. Lines that are not about
// chains of ours count only for the places of hooks.
func parse(text []byte) *tableFound {
	f := &tableFound{chains: map[string][]string{}, texts: map[string]string{}, hooks: map[string][]hookFound{}}
	counts := map[string]int{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		l := lines.Text()
		if rest, ok := strings.CutPrefix(l, ":"+Prefix); ok {
			name, _, _ := strings.Cut(rest, " ")
			f.chains[Prefix+name] = nil
			continue
		}
		rest, ok := strings.CutPrefix(l, "-A ")
		if !ok {
			continue
		}
		chain, words, _ := strings.Cut(rest, " ")
		if strings.HasPrefix(chain, Prefix) {
			id := identity(words)
			f.chains[chain] = append(f.chains[chain], id)
			if id != "" {
				f.texts[chain+" "+id] = words
			}
			continue
		}
		counts[chain]++
		if to := leads(words); to != "" {
			f.hooks[chain] = append(f.hooks[chain], hookFound{counts[chain], to})
		}
	}
	return f
}

// identity is the digest in the comment of a rule.
func identity(words string) string {
	_, rest, ok := strings.Cut(words, mark)
	if !ok || !strings.Contains(words, "--comment") {
		return ""
	}
	end := strings.IndexAny(rest, " \"")
	if end < 0 {
		end = len(rest)
	}
	return rest[:end]
}

// leads is the chain of ours that a rule leads to.
func leads(words string) string {
	for _, option := range []string{"-j " + Prefix, "-g " + Prefix} {
		if _, rest, ok := strings.Cut(" "+words, " "+option); ok {
			name, _, _ := strings.Cut(rest, " ")
			return Prefix + name
		}
	}
	return ""
}

// edit is the input of iptables-restore --noflush that makes of what was found what is
// wanted; empty if that is the same. The kernel takes it in one step.
func edit(found *tableFound, want *tableWanted, table Table) string {
	var head, body, tail strings.Builder
	for _, name := range want.order {
		have, exists := found.chains[name]
		if !exists {
			fmt.Fprintf(&head, ":%s - [0:0]\n", name)
			for _, l := range want.chains[name] {
				fmt.Fprintf(&body, "-A %s %s\n", name, l.words)
			}
			continue
		}
		editChain(&body, name, have, want.chains[name])
	}
	editHooks(&body, found, want)
	for _, name := range slices.Sorted(maps.Keys(found.chains)) {
		if _, stays := want.chains[name]; !stays {
			fmt.Fprintf(&body, "-F %s\n", name)
			fmt.Fprintf(&tail, "-X %s\n", name)
		}
	}
	if head.Len()+body.Len()+tail.Len() == 0 {
		return ""
	}
	return "*" + table.String() + "\n" + head.String() + body.String() + tail.String() + "COMMIT\n"
}

// editHooks has each hook be the first rule of its chain, once.
func editHooks(w *strings.Builder, found *tableFound, want *tableWanted) {
	names := map[string]bool{}
	for name := range found.hooks {
		names[name] = true
	}
	for name := range want.hooks {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		to, have := want.hooks[name], found.hooks[name]
		if to != "" && len(have) == 1 && have[0] == (hookFound{1, to}) {
			continue
		}
		for _, h := range slices.Backward(have) {
			fmt.Fprintf(w, "-D %s %d\n", name, h.at)
		}
		if to != "" {
			fmt.Fprintf(w, "-I %s 1 -j %s\n", name, to)
		}
	}
}

// editMost bounds the work of finding the least edit; beyond it the middle of a chain is
// written anew.
const editMost = 4 << 20

// editChain writes the steps from the rules that are there to those that are wanted. A
// rule that stays is not touched, so that it keeps its counters.
func editChain(w *strings.Builder, name string, have []string, want []line) {
	front := 0
	for front < len(have) && front < len(want) && have[front] == want[front].id {
		front++
	}
	back := 0
	for back < len(have)-front && back < len(want)-front && have[len(have)-1-back] == want[len(want)-1-back].id {
		back++
	}
	old, now := have[front:len(have)-back], want[front:len(want)-back]
	at := front + 1
	for _, step := range script(old, now) {
		switch {
		case step.keep:
			at++
		case step.insert >= 0:
			fmt.Fprintf(w, "-I %s %s %s\n", name, strconv.Itoa(at), now[step.insert].words)
			at++
		default:
			fmt.Fprintf(w, "-D %s %d\n", name, at)
		}
	}
}

// step keeps a rule, inserts one, or deletes one.
type step struct {
	keep   bool
	insert int // index of the rule; -1: none
}

// script is the least number of steps, by the longest common subsequence.
func script(old []string, now []line) (steps []step) {
	if len(old)*len(now) > editMost {
		for range old {
			steps = append(steps, step{insert: -1})
		}
		for i := range now {
			steps = append(steps, step{insert: i})
		}
		return steps
	}
	width := len(now) + 1
	common := make([]int32, (len(old)+1)*width)
	for i := len(old) - 1; i >= 0; i-- {
		for j := len(now) - 1; j >= 0; j-- {
			if old[i] == now[j].id && old[i] != "" {
				common[i*width+j] = common[(i+1)*width+j+1] + 1
			} else {
				common[i*width+j] = max(common[(i+1)*width+j], common[i*width+j+1])
			}
		}
	}
	for i, j := 0, 0; i < len(old) || j < len(now); {
		switch {
		case i < len(old) && j < len(now) && old[i] == now[j].id && old[i] != "":
			steps = append(steps, step{keep: true, insert: -1})
			i, j = i+1, j+1
		case j < len(now) && (i == len(old) || common[i*width+j+1] > common[(i+1)*width+j]):
			steps = append(steps, step{insert: j})
			j++
		default:
			steps = append(steps, step{insert: -1})
			i++
		}
	}
	return steps
}
