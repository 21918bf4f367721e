package firewall

import (
	"slices"
	"strconv"
	"strings"
)

// script is the input of one iptables-restore for one table.
type script struct {
	declare []string
	edits   []string
	clear   []string // chains that go

	mended bool // a rule had our fingerprint and not our text
	odd    bool // a rule was written of which we don't know how it is printed
}

func (p *script) empty() bool { return len(p.declare)+len(p.edits)+len(p.clear) == 0 }

// text puts deletions last: by then nothing refers to what goes.
func (p *script) text(table Table) string {
	var b strings.Builder
	b.WriteString("*" + table.String() + "\n")
	for _, name := range p.declare {
		b.WriteString(":" + name + " - [0:0]\n")
	}
	for _, edit := range p.edits {
		b.WriteString(edit + "\n")
	}
	for _, name := range p.clear {
		b.WriteString("-F " + name + "\n")
	}
	for _, name := range p.clear {
		b.WriteString("-X " + name + "\n")
	}
	b.WriteString("COMMIT\n")
	return b.String()
}

// same says whether a rule that was found is the wanted one; their fingerprints agree.
type same func(found, wanted line) bool

func exactly(found, wanted line) bool { return found.text == wanted.text }

// plan is the least that leads from what is there to what is wanted.
func plan(have, want *view, eq same) *script {
	p := &script{}
	for _, name := range sortedKeys(want.chains) {
		c := want.chains[name]
		old := have.chains[name]
		if old == c {
			continue
		}
		if old == nil {
			p.declare = append(p.declare, name)
			old = &chain{name: name}
		}
		p.change(name, old.rules, c.rules, eq)
	}
	p.hook(have, want, eq)
	for _, name := range sortedKeys(have.chains) {
		if want.chains[name] == nil {
			p.clear = append(p.clear, name)
		}
	}
	return p
}

// change edits a chain. Rules that stay keep their counters, since no line names them.
// An insertion is always right before a rule that stays: iptables-nft can't name the
// place of a rule that the same input has added.
func (p *script) change(name string, old, rules []line, eq same) {
	keep := p.stay(old, rules, eq)
	at, next := 1, 0 // place in the chain, rule wanted
	for i := 0; i <= len(old); {
		gone := i
		for i < len(old) && keep[i] < 0 {
			i++
		}
		until := len(rules)
		if i < len(old) {
			until = keep[i]
		}
		for ; gone < i && next < until; gone, next, at = gone+1, next+1, at+1 {
			p.put("-R "+name+" "+strconv.Itoa(at)+" ", rules[next])
		}
		for ; gone < i; gone++ {
			p.edits = append(p.edits, "-D "+name+" "+strconv.Itoa(at))
		}
		for ; next < until; next, at = next+1, at+1 {
			if i == len(old) {
				p.put("-A "+name+" ", rules[next])
			} else {
				p.put("-I "+name+" "+strconv.Itoa(at)+" ", rules[next])
			}
		}
		i, next, at = i+1, next+1, at+1 // the one that stays
	}
}

func (p *script) put(command string, l line) {
	p.edits = append(p.edits, command+l.text)
	p.odd = p.odd || l.odd
}

// stay gives for each old rule the new one that it becomes, or -1: the longest rising
// run of matches, so that as few rules as can be are touched.
func (p *script) stay(old, rules []line, eq same) []int {
	keep := make([]int, len(old))
	head := 0
	for head < len(old) && head < len(rules) && old[head].key == rules[head].key && eq(old[head], rules[head]) {
		keep[head] = head
		head++
	}
	if head == len(old) || (head == len(rules)) {
		for i := head; i < len(old); i++ {
			keep[i] = -1
		}
		return keep
	}
	where := map[string][]int{} // by fingerprint; equal rules may be in a chain twice
	for i := head; i < len(rules); i++ {
		where[rules[i].key] = append(where[rules[i].key], i)
	}
	for i := head; i < len(old); i++ {
		keep[i] = -1
		places := where[old[i].key]
		if len(places) == 0 {
			continue
		}
		if !eq(old[i], rules[places[0]]) {
			p.mended = true
			continue
		}
		keep[i], where[old[i].key] = places[0], places[1:]
	}
	rise(keep[head:])
	return keep
}

// rise leaves of the numbers ≥ 0 a longest rising subsequence and makes the others -1.
func rise(numbers []int) {
	var tails []int // places of the last number of the best run of each length
	before := make([]int, len(numbers))
	for i, n := range numbers {
		if n < 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(tails, n, func(place, n int) int { return numbers[place] - n })
		before[i] = -1
		if at > 0 {
			before[i] = tails[at-1]
		}
		if at == len(tails) {
			tails = append(tails, i)
		} else {
			tails[at] = i
		}
	}
	stays := make([]bool, len(numbers))
	if len(tails) > 0 {
		for i := tails[len(tails)-1]; i >= 0; i = before[i] {
			stays[i] = true
		}
	}
	for i := range numbers {
		if !stays[i] {
			numbers[i] = -1
		}
	}
}

// hook puts our jumps in front of the chains of the kernel. Deletion is by text, not by
// number: between our reading and our writing others may have moved their rules.
func (p *script) hook(have, want *view, eq same) {
	names := slices.Concat(sortedKeys(want.hooks), sortedKeys(have.strays), sortedKeys(have.hooks))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		wanted, found := want.hooks[name], have.strays[name]
		if have.hooks != nil { // remembered, not read
			if slices.EqualFunc(have.hooks[name], wanted, exactly) {
				continue
			}
			found = asStrays(have.hooks[name])
		}
		if inPlace(found, wanted, eq) {
			continue
		}
		for _, s := range found {
			p.edits = append(p.edits, "-D "+name+" "+s.text)
			p.mended = true
		}
		for i, l := range wanted {
			p.put("-I "+name+" "+strconv.Itoa(i+1)+" ", l)
		}
	}
}

func asStrays(lines []line) []stray {
	var list []stray
	for i, l := range lines {
		list = append(list, stray{i, l})
	}
	return list
}

func inPlace(found []stray, wanted []line, eq same) bool {
	if len(found) != len(wanted) {
		return false
	}
	for i, s := range found {
		if s.at != i || s.key != wanted[i].key || !eq(s.line, wanted[i]) {
			return false
		}
	}
	return true
}
