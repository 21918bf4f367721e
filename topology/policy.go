package topology

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Tag gives a word that workloads and policies use its number on the wire, at
// /heddle/v1/tags/NAME:
//
//	{"id":7}
type Tag struct {
	Name string
	// ID from 1 up, unique in the fabric: the last part of a large community.
	ID uint32
}

// Key names the tag.
func (t Tag) Key() Key { return Key{KindTag, t.Name} }

func (t Tag) fields() fields { return fields{{"id", t.ID}} }

func readTag(r *reader, name string) Tag {
	tag := Tag{Name: name, ID: one(r, "id", parseNumber(1, maxUint32))}
	r.need(tag.ID != 0, "id", "there is none: apply the workloads that use the tag, which numbers it")
	return tag
}

// Policy says what may reach the workloads that carry one of its tags, and what
// they may reach, at /heddle/v1/policies/NAME:
//
//	{"appliesTo":["web"],"ingress":[{"action":"allow","protocol":"tcp","ports":["80","8000-8080"],
//	 "from":{"tags":["lb"],"prefixes":["0.0.0.0/0"]}},{"action":"allow","protocol":"icmp","icmpTypes":[8]}],"egress":[…]}
type Policy struct {
	Name string
	// AppliesTo lists tags, at least one, sorted.
	AppliesTo []string
	// Ingress and Egress: the first rule that matches decides.
	Ingress, Egress []Rule
}

// Rule decides about the packets it matches.
type Rule struct {
	Action Action
	// Protocol is the IANA number; 0: any.
	Protocol Protocol
	// Ports of the destination, sorted; empty: any. Only for TCP, UDP and SCTP.
	Ports []PortRange
	// ICMPTypes, sorted; empty: any. Only for ICMP and ICMPv6, whose numbers differ.
	ICMPTypes []uint8
	// Peer is the other end: the source of ingress, the destination of egress.
	Peer Peer
}

// Peer is a set of ends of packets: those with one of the tags, and those in one
// of the prefixes. Both empty: anyone.
type Peer struct {
	Tags     []string
	Prefixes []netip.Prefix
}

// Key names the policy.
func (p Policy) Key() Key { return Key{KindPolicy, p.Name} }

// Tags lists every tag the policy names, sorted, each once.
func (p Policy) Tags() []string {
	tags := slices.Clone(p.AppliesTo)
	for _, rules := range [][]Rule{p.Ingress, p.Egress} {
		for _, rule := range rules {
			tags = append(tags, rule.Peer.Tags...)
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

func (p Policy) fields() fields {
	return fields{
		{"appliesTo", p.AppliesTo},
		{"ingress", ruleFields(p.Ingress, "from")},
		{"egress", ruleFields(p.Egress, "to")},
	}
}

func ruleFields(rules []Rule, peer string) []fields {
	var out []fields
	for _, rule := range rules {
		out = append(out, fields{
			{"action", rule.Action.String()},
			{"protocol", rule.Protocol.text()},
			{"ports", texts(rule.Ports)},
			{"icmpTypes", numbers(rule.ICMPTypes)},
			{peer, fields{
				{"tags", rule.Peer.Tags},
				{"prefixes", texts(rule.Peer.Prefixes)},
			}},
		})
	}
	return out
}

func readPolicy(r *reader, name string) Policy {
	policy := Policy{
		Name:      name,
		AppliesTo: set(r, "appliesTo", parseName, strings.Compare),
		Ingress:   objects(r, "ingress", readRule("from")),
		Egress:    objects(r, "egress", readRule("to")),
	}
	r.need(len(policy.AppliesTo) > 0, "appliesTo", "there is none: list the tags of the workloads it is for")
	return policy
}

func readRule(peer string) func(*reader) Rule {
	return func(r *reader) Rule {
		rule := Rule{
			Action:    one(r, "action", parseWord[Action](actionWords)),
			Protocol:  one(r, "protocol", parseProtocol),
			Ports:     set(r, "ports", parsePorts, comparePorts),
			ICMPTypes: set(r, "icmpTypes", parseICMPType, cmp.Compare[uint8]),
			Peer:      object(r, peer, readPeer),
		}
		r.need(rule.Action != ActionUnset, "action", "there is none: write allow or deny")
		r.need(len(rule.Ports) == 0 || rule.Protocol.HasPorts(), "protocol",
			"ports belong to tcp, udp or sctp: name one of them")
		r.need(len(rule.ICMPTypes) == 0 || rule.Protocol == ICMP || rule.Protocol == ICMPv6, "protocol",
			"icmpTypes belong to icmp or icmpv6: name one of them")
		return rule
	}
}

func readPeer(r *reader) Peer {
	return Peer{
		Tags:     set(r, "tags", parseName, strings.Compare),
		Prefixes: set(r, "prefixes", parsePrefix, comparePrefixes),
	}
}

// Action is what a rule does.
type Action uint8

// The actions. The zero value is refused.
const (
	ActionUnset Action = iota
	Allow
	Deny
)

var actionWords = []string{"unset", "allow", "deny"}

// String is the word used in values.
func (a Action) String() string { return word(actionWords, a) }

// Protocol is an IANA protocol number; 0 stands for any.
type Protocol uint8

// The protocols that have a name here.
const (
	AnyProtocol Protocol = 0
	ICMP        Protocol = 1
	TCP         Protocol = 6
	UDP         Protocol = 17
	ICMPv6      Protocol = 58
	SCTP        Protocol = 132
)

var protocolWords = map[Protocol]string{ICMP: "icmp", TCP: "tcp", UDP: "udp", ICMPv6: "icmpv6", SCTP: "sctp"}

// String is the name or the number; "any" for 0.
func (p Protocol) String() string { return cmp.Or(p.text(), "any") }

// HasPorts says whether packets of the protocol carry port numbers.
func (p Protocol) HasPorts() bool { return p == TCP || p == UDP || p == SCTP }

func (p Protocol) text() string {
	if name, ok := protocolWords[p]; ok || p == AnyProtocol {
		return name
	}
	return strconv.Itoa(int(p))
}

func parseProtocol(value any) (Protocol, error) {
	text, _ := value.(string)
	for protocol, name := range protocolWords {
		if text == name {
			return protocol, nil
		}
	}
	if text == "any" {
		return AnyProtocol, nil
	}
	if number, ok := value.(json.Number); ok {
		text = number.String()
	}
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("want tcp, udp, sctp, icmp, icmpv6, any or a number from 1 to 255, not %s", describe(value))
	}
	return Protocol(n), nil
}

// parseICMPType reads the number of a type of message (RFC 792, RFC 4443).
func parseICMPType(value any) (uint8, error) {
	number, _ := value.(json.Number)
	n, err := strconv.ParseUint(number.String(), 10, 8)
	if err != nil {
		return 0, fmt.Errorf("want the number of an ICMP type, from 0 to 255, such as 8 for echo request, not %s", describe(value))
	}
	return uint8(n), nil
}

// PortRange is a range of ports, both ends included; First is 1 or more.
type PortRange struct {
	First, Last uint16
}

// String is "80" or "8000-8080".
func (p PortRange) String() string {
	if p.First == p.Last {
		return strconv.Itoa(int(p.First))
	}
	return fmt.Sprintf("%d-%d", p.First, p.Last)
}

func comparePorts(a, b PortRange) int {
	return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last))
}

// parsePorts takes a bare number too: in YAML a single port looks like one.
func parsePorts(value any) (PortRange, error) {
	text, _ := value.(string)
	if number, ok := value.(json.Number); ok {
		text = number.String()
	}
	first, last, ranged := strings.Cut(text, "-")
	if !ranged {
		last = first
	}
	low, errLow := strconv.ParseUint(first, 10, 16)
	high, errHigh := strconv.ParseUint(last, 10, 16)
	if errLow != nil || errHigh != nil || low == 0 || low > high {
		return PortRange{}, fmt.Errorf("want a port such as 80 or a range such as 8000-8080, not %s", describe(value))
	}
	return PortRange{uint16(low), uint16(high)}, nil
}
