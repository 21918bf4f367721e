package topology

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
)

// Workload is what has an address and lives on a node: a VM, a container, a
// service. It stands at /heddle/v1/workloads/NODE/NAME:
//
//	{"addresses":["10.1.0.5","fd00:1::5"],"mac":"02:00:0a:01:00:05","interface":"tap1","tags":["web"],"state":"live"}
type Workload struct {
	Node, Name string
	// Addresses, at least one, sorted. Each is a host route.
	Addresses []netip.Addr
	// MAC is the only one its packets may come from; zero: not stated.
	MAC MAC
	// Interface on the node; empty: the address is not behind an interface of its
	// own.
	Interface string
	// Tags that policies speak of, sorted.
	Tags []string
	// State: live unless it says otherwise.
	State State
}

// Key names the workload.
func (w Workload) Key() Key { return WorkloadKey(w.Node, w.Name) }

func (w Workload) fields() fields {
	return fields{
		{"addresses", texts(w.Addresses)},
		{"mac", w.MAC.String()},
		{"interface", w.Interface},
		{"tags", w.Tags},
		{"state", w.State.String()},
	}
}

func readWorkload(r *reader, node, name string) Workload {
	w := Workload{
		Node:      node,
		Name:      name,
		Addresses: readAddresses(r),
		MAC:       one(r, "mac", parseMAC),
		Interface: one(r, "interface", parseInterface),
		Tags:      set(r, "tags", parseName, strings.Compare),
		State:     one(r, "state", parseWord[State](stateWords)),
	}
	if w.State == StateUnset {
		w.State = Live
	}
	return w
}

// State says whether a workload runs.
type State uint8

// The states. A workload that is about to arrive by live migration is prepared:
// its node may announce it at any moment, but it does not own the address yet. One
// that is leaving has traffic still, and owns the address no more: its node serves it
// until the object is deleted, while the fabric turns to where it is live.
const (
	StateUnset State = iota
	Live
	Prepared
	Leaving
)

var stateWords = []string{"unset", "live", "prepared", "leaving"}

// String is the word used in values.
func (s State) String() string { return word(stateWords, s) }

// MAC is an Ethernet address; zero means none.
type MAC [6]byte

// ParseMAC reads six octets in hexadecimal, separated by colons. The zero
// address and group addresses are refused.
func ParseMAC(text string) (MAC, error) {
	var mac MAC
	octets := strings.Split(text, ":")
	if len(octets) != len(mac) {
		return MAC{}, fmt.Errorf("MAC address %q: want six octets such as 02:00:0a:01:00:05", text)
	}
	for i, octet := range octets {
		raw, err := hex.DecodeString(octet)
		if err != nil || len(raw) != 1 {
			return MAC{}, fmt.Errorf("MAC address %q: octet %d is not two hexadecimal digits", text, i+1)
		}
		mac[i] = raw[0]
	}
	if mac == (MAC{}) || mac[0]&1 != 0 {
		return MAC{}, fmt.Errorf("MAC address %q belongs to no single interface: write that of the workload", text)
	}
	return mac, nil
}

// String is what ParseMAC reads; empty for none.
func (m MAC) String() string {
	if m == (MAC{}) {
		return ""
	}
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

func parseMAC(value any) (MAC, error) {
	text, err := parseText(value)
	if err != nil {
		return MAC{}, err
	}
	return ParseMAC(text)
}

// maxInterface is the longest name Linux gives an interface, in octets.
const maxInterface = 15

// oddInInterface is what Linux takes in a name, and iptables takes for something else.
func oddInInterface(r rune) bool {
	return r > '~' || (!('a' <= r && r <= 'z') && !('A' <= r && r <= 'Z') && !('0' <= r && r <= '9') && !strings.ContainsRune("._-@#=%^~", r))
}

func parseInterface(value any) (string, error) {
	text, err := parseName(value)
	switch {
	case err != nil:
		return "", err
	case len(text) > maxInterface, text == ".", text == "..", strings.Contains(text, ":"):
		return "", fmt.Errorf("%q cannot name an interface: write what `ip link` shows, up to %d octets", text, maxInterface)
	case strings.IndexFunc(text, oddInInterface) >= 0 || text[0] == '-':
		return "", fmt.Errorf("%q cannot stand in rules of iptables, where + means any and ! means not: name the interface with letters, digits, '.', '_' and '-'", text)
	}
	return text, nil
}
