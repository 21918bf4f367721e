package firewall

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"heddle/bgp"
)

const (
	protoICMP   = 1
	protoICMPv6 = 58
)

// slotsMost is how many ports one multiport match takes; a range takes two.
const slotsMost = 15

// SplitPorts cuts a list of ports in groups that fit in one rule each.
func SplitPorts(ports []Ports) (groups [][]Ports) {
	slots := slotsMost
	for _, p := range ports {
		need := 1
		if p.First != p.Last {
			need = 2
		}
		if slots+need > slotsMost {
			groups, slots = append(groups, nil), 0
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], p)
		slots += need
	}
	return groups
}

// Words is a rule in iptables' words, as they stand behind the name of the chain.
func (r *Rule) Words(family bgp.Family) string {
	return strings.TrimSpace(r.matches(family) + " " + r.target())
}

func (r *Rule) matches(family bgp.Family) string {
	var w []string
	add := func(option, value string) {
		if value != "" {
			w = append(w, option, value)
		}
	}
	add("-i", r.In)
	add("-o", r.Out)
	add("-s", prefixText(r.Source))
	add("-d", prefixText(r.Destination))
	w = append(w, r.protocolWords(family)...)
	if r.SourceSet != "" {
		w = append(w, "-m set --match-set", r.SourceSet, "src")
	}
	if r.TargetSet != "" {
		w = append(w, "-m set --match-set", r.TargetSet, "dst")
	}
	if r.NotMAC != [6]byte{} {
		w = append(w, "-m mac ! --mac-source", macText(r.NotMAC))
	}
	switch r.State {
	case Established:
		w = append(w, "-m conntrack --ctstate RELATED,ESTABLISHED")
	case Invalid:
		w = append(w, "-m conntrack --ctstate INVALID")
	case AnyState:
	}
	if r.Spoofed {
		w = append(w, "-m rpfilter --invert")
	}
	return strings.Join(w, " ")
}

func (r *Rule) target() string {
	switch r.Verdict {
	case Accept:
		return "-j ACCEPT"
	case Drop:
		return "-j DROP"
	case Return:
		return "-j RETURN"
	case Jump:
		return "-j " + r.To
	case Goto:
		return "-g " + r.To
	case VerdictInvalid:
	}
	panic("firewall: a rule without a verdict")
}

func (r *Rule) protocolWords(family bgp.Family) (w []string) {
	if r.Protocol == 0 {
		return nil
	}
	w = append(w, "-p", protocolText(r.Protocol))
	if r.ICMPType.Valid {
		option := "--icmp-type"
		if family == bgp.IPv6Unicast {
			option = "--icmpv6-type"
		}
		w = append(w, option, strconv.Itoa(int(r.ICMPType.Type)))
	}
	w = append(w, portWords("s", r.SourcePorts)...)
	return append(w, portWords("d", r.Ports)...)
}

// portWords is a match of source (s) or destination (d) ports.
func portWords(end string, ports []Ports) []string {
	var list []string
	for _, p := range ports {
		text := strconv.Itoa(int(p.First))
		if p.Last != p.First {
			text += ":" + strconv.Itoa(int(p.Last))
		}
		list = append(list, text)
	}
	switch len(list) {
	case 0:
		return nil
	case 1:
		return []string{"--" + end + "port", list[0]}
	}
	return []string{"-m multiport --" + end + "ports", strings.Join(list, ",")}
}

func protocolText(p uint8) string {
	switch p {
	case protoICMP:
		return "icmp"
	case 6:
		return "tcp"
	case 17:
		return "udp"
	case protoICMPv6:
		return "icmpv6"
	case 132:
		return "sctp"
	}
	return strconv.Itoa(int(p))
}

func prefixText(p netip.Prefix) string {
	if !p.IsValid() {
		return ""
	}
	return p.String()
}

func macText(m [6]byte) string {
	return fmt.Sprintf("%02X:%02X:%02X:%02X:%02X:%02X", m[0], m[1], m[2], m[3], m[4], m[5])
}

// noteMost is how long a note may be in a comment, which takes 255 octets.
const noteMost = 200

// mark is what comments of ours begin with; a digest of the rule follows, by which a
// later process knows the rule for its own without knowing how iptables prints it.
const mark = "heddle:"

var digits = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// line is a rule as it is written: its words, and the comment that identifies it.
type line struct {
	id    string
	words string
}

func lineOf(r *Rule, family bgp.Family) line {
	words, note := r.Words(family), plain(r.Note)
	sum := sha256.Sum256([]byte(words + "\x00" + note))
	id := digits.EncodeToString(sum[:])[:12]
	comment := strings.TrimSpace(mark + id + " " + note)
	return line{id, strings.TrimSpace(r.matches(family) + ` -m comment --comment "` + comment + `" ` + r.target())}
}

// plain is a note that needs no quoting.
func plain(note string) string {
	note = strings.Map(func(r rune) rune {
		if r < ' ' || r == '"' || r == '\'' || r == '\\' || r == '`' || r == 0x7f {
			return -1
		}
		return r
	}, note)
	if len(note) > noteMost {
		note = strings.ToValidUTF8(note[:noteMost], "")
	}
	return note
}

// tableWanted is a table as it is to be.
type tableWanted struct {
	order  []string // of chains
	chains map[string][]line
	hooks  map[string]string // kernel's chain → ours
}

func wanted(s *State, family bgp.Family, table Table) *tableWanted {
	w := &tableWanted{chains: map[string][]line{}, hooks: map[string]string{}}
	rules := s.Of(family)
	for i := range rules.Chains {
		chain := &rules.Chains[i]
		if chain.Table != table {
			continue
		}
		lines := make([]line, len(chain.Rules))
		for j := range chain.Rules {
			lines[j] = lineOf(&chain.Rules[j], family)
		}
		w.order = append(w.order, chain.Name)
		w.chains[chain.Name] = lines
	}
	for _, hook := range rules.Hooks {
		if hook.Table == table {
			w.hooks[hook.Chain] = hook.To
		}
	}
	return w
}

// Render is the input of iptables-restore that builds a table from nothing.
func Render(s *State, family bgp.Family, table Table) string {
	return edit(&tableFound{}, wanted(s, family, table), table)
}
