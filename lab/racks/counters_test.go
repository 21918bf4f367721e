package racks

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// reasons are counters of the kernel for packets that it drops on the way, in words.
var reasons = map[string]string{
	"Ip.InHdrErrors":   "TTL expired",
	"Ip6InHdrErrors":   "hop limit expired",
	"Ip.OutNoRoutes":   "no route",
	"Ip6InNoRoutes":    "no route",
	"Ip6OutNoRoutes":   "no route",
	"Ip.InAddrErrors":  "unreachable",
	"IpExt.InNoRoutes": "no route",
}

// drops are what each node dropped so far, by node and reason.
func (f *fabric) drops() map[string]uint64 {
	f.t.Helper()
	drops := map[string]uint64{}
	for _, n := range f.made {
		f.must(n.space.Do(func() error {
			for _, file := range []string{"snmp", "netstat", "snmp6"} {
				text, err := os.ReadFile("/proc/thread-self/net/" + file)
				if err != nil {
					return err
				}
				for name, value := range readCounters(string(text)) {
					if reason, ok := reasons[name]; ok {
						drops[n.name+": "+reason] += value
					}
				}
			}
			return nil
		}))
	}
	return drops
}

// readCounters reads lines of a name and a value, and pairs of lines
//
//	Ip: Forwarding DefaultTTL InReceives …
//	Ip: 1 64 1234 …
func readCounters(text string) map[string]uint64 {
	counters := map[string]uint64{}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		words := strings.Fields(lines[i])
		switch {
		case len(words) == 2 && !strings.HasSuffix(words[0], ":"):
			counters[words[0]], _ = strconv.ParseUint(words[1], 10, 64)
		case len(words) > 1 && i+1 < len(lines):
			i++
			for at, value := range strings.Fields(lines[i]) {
				if at > 0 && at < len(words) {
					counters[strings.TrimSuffix(words[0], ":")+"."+words[at]], _ = strconv.ParseUint(value, 10, 64)
				}
			}
		}
	}
	return counters
}

// dropped says what was dropped between two moments.
func dropped(before, after map[string]uint64) []string {
	var lines []string
	for name, value := range after {
		if n := value - before[name]; n > 0 {
			lines = append(lines, fmt.Sprintf("%s: %d", name, n))
		}
	}
	slices.Sort(lines)
	return lines
}
