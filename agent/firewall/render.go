package firewall

import (
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"heddle/bgp"
)

// mark begins the comment of every rule of ours; the fingerprint follows.
const mark = "heddle:"

// printLength is the length of a fingerprint: 72 bits of SHA-256, so that two rules of
// a chain never share one by chance.
const printLength = 12

// noteMost is how many octets of a note are kept; xt_comment takes 255 in all.
const noteMost = 200

// Numbers of protocols that have a name or ports.
const (
	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoICMPv6 = 58
	protoSCTP   = 132
)

// Render is the input of iptables-restore that builds a table of a family from
// nothing.
func Render(s *State, family bgp.Family, table Table) string {
	return plan(&view{}, compile(s, family, table, nil), exactly).text(table)
}

// line is a rule as iptables-restore takes it, without command and chain.
type line struct {
	key  string // fingerprint of the rule
	text string
	odd  bool // iptables-save may name its protocol in words
}

// lineOf renders a rule the way iptables-save prints it, which makes comparing cheap.
func lineOf(r *Rule, family bgp.Family) line {
	b := appendRule(make([]byte, 0, 256), r, family)
	tail := string(appendTarget(nil, r))
	note := tidy(r.Note)
	// The note counts: people read it, and it must not lie after a change.
	sum := sha256.Sum256([]byte(string(b) + tail + "\x00" + note))
	key := base64.RawURLEncoding.EncodeToString(sum[:])[:printLength]
	b = append(b, `-m comment --comment "`+mark+key...)
	if note != "" {
		b = append(append(b, ' '), note...)
	}
	b = append(append(b, `" `...), tail...)
	_, named := protocolNames(family)[r.Protocol]
	return line{key: key, text: string(b), odd: r.Protocol != 0 && !named}
}

func appendRule(b []byte, r *Rule, family bgp.Family) []byte {
	b = appendHeader(b, r, family)
	b = appendPorts(b, r)
	return appendMatches(b, r)
}

// Words is a rule as iptables-save prints it, without its chain and its comment.
func (r *Rule) Words(family bgp.Family) string {
	return string(appendTarget(appendRule(nil, r, family), r))
}

// protocolNames are those that iptables knows without /etc/protocols.
func protocolNames(family bgp.Family) map[uint8]string {
	if family == bgp.IPv6Unicast {
		return names6
	}
	return names4
}

var (
	names4 = map[uint8]string{protoICMP: "icmp", protoTCP: "tcp", protoUDP: "udp", protoSCTP: "sctp", 50: "esp", 51: "ah"}
	names6 = map[uint8]string{protoICMPv6: "ipv6-icmp", protoTCP: "tcp", protoUDP: "udp", protoSCTP: "sctp", 50: "esp", 51: "ah"}
)

func appendHeader(b []byte, r *Rule, family bgp.Family) []byte {
	b = appendPrefix(b, "-s ", r.Source)
	b = appendPrefix(b, "-d ", r.Destination)
	if r.In != "" && r.In != "+" {
		b = append(b, "-i "+r.In+" "...)
	}
	if r.Out != "" && r.Out != "+" {
		b = append(b, "-o "+r.Out+" "...)
	}
	if r.Protocol == 0 {
		return b
	}
	if name, ok := protocolNames(family)[r.Protocol]; ok {
		return append(b, "-p "+name+" "...)
	}
	return append(strconv.AppendUint(append(b, "-p "...), uint64(r.Protocol), 10), ' ')
}

// appendPrefix leaves out /0: iptables-save does not print it.
func appendPrefix(b []byte, flag string, p netip.Prefix) []byte {
	if !p.IsValid() || p.Bits() == 0 {
		return b
	}
	return append(p.Masked().AppendTo(append(b, flag...)), ' ')
}

func appendPorts(b []byte, r *Rule) []byte {
	source, target := portsKind(r.SourcePorts), portsKind(r.Ports)
	if source == onePort || target == onePort {
		b = append(b, "-m "+names4[r.Protocol]+" "...)
		if source == onePort {
			b = append(appendRanges(append(b, "--sport "...), r.SourcePorts), ' ')
		}
		if target == onePort {
			b = append(appendRanges(append(b, "--dport "...), r.Ports), ' ')
		}
	}
	if source == manyPorts {
		b = append(appendRanges(append(b, "-m multiport --sports "...), r.SourcePorts), ' ')
	}
	if target == manyPorts {
		b = append(appendRanges(append(b, "-m multiport --dports "...), r.Ports), ' ')
	}
	return b
}

const (
	anyPort = iota
	onePort
	manyPorts
)

func portsKind(list []Ports) int {
	switch {
	case len(list) == 0 || slices.Contains(list, Ports{0, 65535}):
		return anyPort
	case len(list) == 1:
		return onePort
	}
	return manyPorts
}

func appendRanges(b []byte, list []Ports) []byte {
	for i, p := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(p.First), 10)
		if p.Last != p.First {
			b = strconv.AppendUint(append(b, ':'), uint64(p.Last), 10)
		}
	}
	return b
}

func appendMatches(b []byte, r *Rule) []byte {
	if r.ICMPType.Valid {
		kind := "-m icmp --icmp-type "
		if r.Protocol == protoICMPv6 {
			kind = "-m icmp6 --icmpv6-type "
		}
		b = append(strconv.AppendUint(append(b, kind...), uint64(r.ICMPType.Type), 10), ' ')
	}
	switch r.State {
	case Established:
		b = append(b, "-m conntrack --ctstate RELATED,ESTABLISHED "...)
	case Invalid:
		b = append(b, "-m conntrack --ctstate INVALID "...)
	}
	if r.SourceSet != "" {
		b = append(b, "-m set --match-set "+r.SourceSet+" src "...)
	}
	if r.TargetSet != "" {
		b = append(b, "-m set --match-set "+r.TargetSet+" dst "...)
	}
	if r.NotMAC != [6]byte{} {
		b = appendMAC(append(b, "-m mac ! --mac-source "...), r.NotMAC)
	}
	if r.Spoofed {
		b = append(b, "-m rpfilter --invert "...)
	}
	return b
}

func appendMAC(b []byte, mac [6]byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, octet := range mac {
		b = append(b, digits[octet>>4], digits[octet&15], ':')
	}
	b[len(b)-1] = ' '
	return b
}

func appendTarget(b []byte, r *Rule) []byte {
	switch r.Verdict {
	case Accept:
		return append(b, "-j ACCEPT"...)
	case Drop:
		return append(b, "-j DROP"...)
	case Return:
		return append(b, "-j RETURN"...)
	case Jump:
		return append(b, "-j "+r.To...)
	case Goto:
		return append(b, "-g "+r.To...)
	}
	return b
}

// tidy makes a note fit between quotation marks on one line.
func tidy(note string) string {
	note = strings.TrimSpace(strings.Map(func(r rune) rune {
		if strings.ContainsRune("\"'\\`", r) || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, note))
	if len(note) <= noteMost {
		return note
	}
	cut := noteMost
	for !utf8.RuneStart(note[cut]) {
		cut--
	}
	return strings.TrimSpace(note[:cut])
}

// SplitPorts cuts a list into such as fit into one rule each: 15 slots, of which a
// range takes two. No ports are one empty list: any port.
func SplitPorts(list []Ports) [][]Ports {
	var parts [][]Ports
	start, used := 0, 0
	for i, p := range list {
		if used+slots(p) > slotsMost {
			parts = append(parts, list[start:i:i])
			start, used = i, 0
		}
		used += slots(p)
	}
	return append(parts, list[start:])
}

// slotsMost is XT_MULTI_PORTS.
const slotsMost = 15

func slots(p Ports) int {
	if p.First == p.Last {
		return 1
	}
	return 2
}
