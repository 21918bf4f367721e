package firewall_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"heddle/agent/firewall"
	"heddle/bgp"
)

func TestOnlyFlowsOfTheAddressesAreForgotten(t *testing.T) {
	b := onKernel(t, "nft")
	for _, flow := range [][2]string{{"10.0.0.1", "10.0.0.2"}, {"10.0.0.3", "10.0.0.1"}, {"10.0.0.3", "10.0.0.4"}, {"2001:db8::1", "2001:db8::2"}, {"2001:db8::3", "2001:db8::4"}} {
		_, err := b.run(context.Background(), "conntrack", []string{"-I", "-s", flow[0], "-d", flow[1], "-p", "udp", "--sport", "1", "--dport", "2", "-t", "600"}, nil)
		must(t, err)
	}
	// Its replies come from elsewhere, as behind NAT.
	_, err := b.run(context.Background(), "conntrack", []string{"-I", "-s", "10.0.0.8", "-d", "10.0.0.9", "-r", "10.0.0.7", "-q", "10.0.0.8", "-p", "udp", "--sport", "1", "--dport", "2", "--reply-port-src", "2", "--reply-port-dst", "1", "-t", "600"}, nil)
	must(t, err)
	if n, err := b.driver.Forget([]netip.Addr{netip.MustParseAddr("10.0.0.7")}); n != 1 || err != nil {
		t.Errorf("%d flows whose replies come from there are forgotten, %v", n, err)
	}
	n, err := b.driver.Forget([]netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::2")})
	if n != 3 || err != nil {
		t.Errorf("%d flows are forgotten, %v; want 3", n, err)
	}
	if n, err = b.driver.Forget([]netip.Addr{netip.MustParseAddr("10.0.0.3"), netip.MustParseAddr("2001:db8::3")}); n != 2 || err != nil {
		t.Errorf("%d flows had stayed, %v; want 2", n, err)
	}
}

// Others write their rules and sets while ours come and go; theirs stay as they are.
func TestOthersKeepTheirsBesideAConcurrentWriter(t *testing.T) {
	for _, backend := range []string{"nft", "legacy"} {
		t.Run(backend, func(t *testing.T) {
			b := onKernel(t, backend)
			_, err := b.run(context.Background(), "ipset", []string{"create", "other", "hash:ip"}, nil)
			must(t, err)
			for i := range 20 {
				b.restore(t, bgp.IPv4Unicast, fmt.Sprintf("*filter\n-A FORWARD -s 9.9.9.%d/32 -m set --match-set other src -j DROP\nCOMMIT\n", i))
			}
			theirs := func() []string {
				return slices.DeleteFunc(b.rules(t, bgp.IPv4Unicast, firewall.Filter), func(row string) bool { return !slices.Contains([]string{"-s 9"}, between(row)) })
			}
			before := theirs()
			stop, done := make(chan struct{}), make(chan error, 1)
			go func() {
				for {
					select {
					case <-stop:
						done <- nil
						return
					default:
					}
					input := "*filter\n-I FORWARD 1 -i busy0 -j ACCEPT\n-D FORWARD -i busy0 -j ACCEPT\n-A OUTPUT -o busy0 -j ACCEPT\nCOMMIT\n*filter\n-D OUTPUT -o busy0 -j ACCEPT\nCOMMIT\n"
					if _, err := b.run(context.Background(), b.program(bgp.IPv4Unicast, "restore"), []string{"--noflush", "-w", "10"}, []byte(input)); err != nil {
						done <- err
						return
					}
				}
			}()
			for i := range 200 {
				s := everything()
				if i%3 == 0 {
					s = &firewall.State{}
				} else {
					s.Rules[0].Chains[1].Rules = s.Rules[0].Chains[1].Rules[i%5:]
				}
				b.apply(t, s)
				if testing.Short() && i == 20 {
					break
				}
			}
			close(stop)
			must(t, <-done)
			if after := theirs(); len(before) != 20 || !slices.Equal(before, after) {
				t.Errorf("theirs were\n%q\nand are\n%q", before, after)
			}
		})
	}
}

// between is what a rule of the test begins with.
func between(row string) string {
	if i := len("[0:0] -A FORWARD "); len(row) > i+4 {
		return row[i : i+4]
	}
	return ""
}

func workloads(port uint16) *firewall.State {
	s := &firewall.State{}
	for f := range s.Rules {
		r := &s.Rules[f]
		for i := range 1000 {
			filter := firewall.Chain{Table: firewall.Filter, Name: fmt.Sprintf("heddle-w%d", i)}
			for n := range 20 {
				filter.Rules = append(filter.Rules, firewall.Rule{Protocol: 6, Ports: []firewall.Ports{{First: uint16(n + 1), Last: uint16(n + 1)}}, Verdict: firewall.Accept, Note: "workload"})
			}
			if i == 500 {
				filter.Rules[10].Ports = []firewall.Ports{{First: port, Last: port}}
			}
			raw := firewall.Chain{Table: firewall.Raw, Name: filter.Name}
			for n := range 6 {
				raw.Rules = append(raw.Rules, firewall.Rule{In: fmt.Sprintf("tap%d", i), NotMAC: [6]byte{2, 0, 0, 0, 0, byte(n)}, Verdict: firewall.Drop})
			}
			r.Chains = append(r.Chains, filter, raw)
		}
	}
	return s
}

func spent() time.Duration {
	var all time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		_ = syscall.Getrusage(who, &u)
		all += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return all
}

// BenchmarkThousandWorkloads prints core-seconds, children included.
func BenchmarkThousandWorkloads(b *testing.B) {
	for _, backend := range []string{"nft", "legacy"} {
		b.Run(backend, func(b *testing.B) {
			k := onKernel(b, backend)
			report := func(name string, what func()) {
				before := spent()
				what()
				b.ReportMetric((spent() - before).Seconds(), name)
			}
			first, second, third := workloads(100), workloads(101), workloads(102)
			for b.Loop() {
				report("core-s/first", func() { k.apply(b, first) })
				report("core-s/one", func() { k.apply(b, second) })
				report("core-s/another", func() { k.apply(b, third) })
				report("core-s/same", func() { k.apply(b, third) })
				report("core-s/look", func() { _, _ = k.driver.Changed() })
				report("core-s/repair", func() { _, _ = k.driver.Repair(context.Background()) })
				must(b, k.driver.Purge(context.Background()))
			}
		})
	}
}

func BenchmarkFill(b *testing.B) {
	k := onKernel(b, "nft")
	k.apply(b, everything())
	var members []netip.Prefix
	for i := range uint32(10_000) {
		members = append(members, netip.PrefixFrom(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 10<<24+i))), 32))
	}
	for b.Loop() {
		must(b, k.driver.Fill("heddle-s4", members))
		must(b, k.driver.Fill("heddle-s4", members))
		must(b, k.driver.Fill("heddle-s4", nil))
	}
}
