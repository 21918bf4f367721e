package firewall_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"heddle/agent/firewall"
	"heddle/bgp"
	"heddle/lab/netns"
)

// bench is a packet filter that the cases run on.
type bench struct {
	name    string
	fake    *firewall.Fake
	space   *netns.Space
	backend string
	driver  *firewall.Driver
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func onFake() *bench {
	d, f := firewall.NewFake()
	return &bench{name: "fake", fake: f, driver: d}
}

func onKernel(t testing.TB, backend string) *bench {
	t.Helper()
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("namespaces need root")
	}
	name := regexp.MustCompile(`[^A-Za-z]`).ReplaceAllString(t.Name(), "")
	l, err := netns.New("fw" + name[max(0, len(name)-40):])
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	s, err := l.Space("h")
	must(t, err)
	b := &bench{name: backend, space: s, backend: backend}
	b.restart(t)
	return b
}

func (b *bench) run(_ context.Context, name string, args []string, stdin []byte) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	return b.space.Output(cmd)
}

// restart gives a driver without memory over the same kernel.
func (b *bench) restart(t testing.TB) {
	t.Helper()
	if b.fake != nil {
		b.driver = b.fake.Driver()
		return
	}
	must(t, b.space.Do(func() (err error) {
		b.driver, err = firewall.OpenWith(b.backend, b.run)
		return err
	}))
	t.Cleanup(func() { must(t, b.driver.Close()) })
}

func (b *bench) restore(t testing.TB, family bgp.Family, input string) {
	t.Helper()
	if b.fake != nil {
		must(t, b.fake.Restore(family, input))
		return
	}
	_, err := b.run(context.Background(), b.program(family, "restore"), []string{"--noflush", "-w", "10"}, []byte(input))
	must(t, err)
}

func (b *bench) program(family bgp.Family, what string) string {
	if family == bgp.IPv6Unicast {
		return "ip6tables-" + b.backend + "-" + what
	}
	return "iptables-" + b.backend + "-" + what
}

// rules are the lines of a table that matter, with counters where there are any.
func (b *bench) rules(t testing.TB, family bgp.Family, table firewall.Table) []string {
	t.Helper()
	var text string
	if b.fake != nil {
		text = b.fake.Save(family, table)
	} else {
		out, err := b.run(context.Background(), b.program(family, "save"), []string{"-c", "-t", table.String()}, nil)
		must(t, err)
		text = string(out)
	}
	var rows []string
	for _, row := range strings.Split(text, "\n") {
		if strings.Contains(row, "-A ") {
			rows = append(rows, row)
		}
	}
	return rows
}

func each(t *testing.T, run func(t *testing.T, b *bench)) {
	t.Run("fake", func(t *testing.T) { run(t, onFake()) })
	for _, backend := range []string{"nft", "legacy"} {
		t.Run(backend, func(t *testing.T) { run(t, onKernel(t, backend)) })
	}
}

func (b *bench) apply(t testing.TB, s *firewall.State) bool {
	t.Helper()
	wrote, err := b.driver.Apply(context.Background(), s)
	must(t, err)
	return wrote
}

func (b *bench) repair(t testing.TB, want bool) {
	t.Helper()
	changed, err := b.driver.Changed()
	must(t, err)
	if changed != want {
		t.Errorf("Changed says %t", changed)
	}
	wrote, err := b.driver.Repair(context.Background())
	must(t, err)
	if wrote != want {
		t.Errorf("Repair wrote: %t", wrote)
	}
	if changed, err = b.driver.Changed(); changed || err != nil {
		t.Errorf("after repair Changed says %t, %v", changed, err)
	}
}

// everything has each field of a rule once.
func everything() *firewall.State {
	s := &firewall.State{Sets: []firewall.Set{{Name: "heddle-s4", Family: bgp.IPv4Unicast}, {Name: "heddle-s6", Family: bgp.IPv6Unicast}}}
	for i, family := range bgp.Families {
		source, target, icmp := netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("192.0.2.1/32"), uint8(1)
		if family == bgp.IPv6Unicast {
			source, target, icmp = netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2001:db8::1/128"), 58
		}
		set := s.Sets[i].Name
		range4 := []firewall.Ports{{First: 1, Last: 1}, {First: 7, Last: 9}}
		s.Rules[i] = firewall.Ruleset{
			Hooks: []firewall.Hook{{Table: firewall.Filter, Chain: "FORWARD", To: "heddle-a"}, {Table: firewall.Raw, Chain: "PREROUTING", To: "heddle-r"}},
			Chains: []firewall.Chain{
				{Table: firewall.Raw, Name: "heddle-r", Rules: []firewall.Rule{
					{In: "tap+", NotMAC: [6]byte{2, 0, 0, 0xab, 0xcd, 0xef}, Verdict: firewall.Drop},
					{In: "tap0", Spoofed: true, Verdict: firewall.Drop, Note: `a "quoted" note` + "\nwith a line"},
				}},
				{Table: firewall.Filter, Name: "heddle-a", Rules: []firewall.Rule{
					{State: firewall.Established, Verdict: firewall.Accept},
					{State: firewall.Invalid, Verdict: firewall.Drop},
					{Source: source, Destination: target, In: "eth0", Out: "eth1", Verdict: firewall.Jump, To: "heddle-b"},
					{SourceSet: set, TargetSet: set, Protocol: 6, Ports: []firewall.Ports{{First: 80, Last: 80}}, Verdict: firewall.Return},
					{Protocol: 17, SourcePorts: []firewall.Ports{{First: 5, Last: 65535}}, Ports: range4, Verdict: firewall.Accept},
					{Protocol: 132, SourcePorts: range4, Ports: range4, Verdict: firewall.Accept},
					{Protocol: icmp, ICMPType: firewall.ICMPType{Type: 128, Valid: true}, Verdict: firewall.Accept},
					{Protocol: 47, Verdict: firewall.Accept, Note: "gre"},
					{Protocol: 6, Ports: []firewall.Ports{{Last: 65535}}, Verdict: firewall.Goto, To: "heddle-b", Note: "über"},
					{Source: netip.PrefixFrom(source.Addr(), 0).Masked(), Verdict: firewall.Drop},
				}},
				{Table: firewall.Filter, Name: "heddle-b"},
			},
		}
	}
	return s
}

func prefixes(texts ...string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func TestApplyingTwiceWritesOnceAndSoDoesARestart(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		if !b.apply(t, everything()) {
			t.Error("nothing was written")
		}
		if b.apply(t, everything()) {
			t.Error("the same was written twice")
		}
		b.repair(t, false)
		b.restart(t)
		if b.apply(t, everything()) {
			t.Error("a restarted driver wrote what was there")
		}
		b.repair(t, false)
	})
}

func TestWhatOthersBreakIsMended(t *testing.T) {
	for name, meddle := range map[string]string{
		"a rule is deleted":           "*filter\n-D heddle-a 2\nCOMMIT\n",
		"the jump is deleted":         "*filter\n-D FORWARD 1\nCOMMIT\n",
		"the jump is moved down":      "*filter\n-I FORWARD 1 -i lo -j ACCEPT\nCOMMIT\n",
		"a chain is flushed":          "*raw\n-F heddle-r\nCOMMIT\n",
		"a rule is added":             "*filter\n-A heddle-b -j DROP\nCOMMIT\n",
		"a chain is added and used":   "*filter\n:heddle-x - [0:0]\n-A heddle-x -j DROP\n-A INPUT -j heddle-x\nCOMMIT\n",
		"a rule keeps only a comment": "tampered",
		"the jump is there twice":     "twice",
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bench) {
				b.restore(t, bgp.IPv4Unicast, "*filter\n-A FORWARD -s 9.9.9.9/32 -j DROP\nCOMMIT\n")
				b.apply(t, everything())
				before := b.rules(t, bgp.IPv4Unicast, firewall.Filter)
				raw := b.rules(t, bgp.IPv4Unicast, firewall.Raw)
				b.restore(t, bgp.IPv4Unicast, spoil(meddle, before))
				b.repair(t, true)
				after := slices.DeleteFunc(b.rules(t, bgp.IPv4Unicast, firewall.Filter), func(row string) bool { return strings.Contains(row, "-i lo ") })
				if !slices.Equal(before, after) || !slices.Equal(raw, b.rules(t, bgp.IPv4Unicast, firewall.Raw)) {
					t.Errorf("mended to\n%s\nwas\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
				}
			})
		})
	}
}

func spoil(meddle string, rules []string) string {
	row := func(begin string, at int) string {
		for _, r := range rules {
			_, spec, ok := strings.Cut(r, "-A "+begin+" ")
			if ok {
				if at--; at == 0 {
					return spec
				}
			}
		}
		return ""
	}
	switch meddle {
	case "tampered":
		return "*filter\n-R heddle-a 2 " + strings.Replace(row("heddle-a", 2), "DROP", "ACCEPT", 1) + "\nCOMMIT\n"
	case "twice":
		return "*filter\n-A FORWARD " + row("FORWARD", 1) + "\nCOMMIT\n"
	}
	return meddle
}

func TestMembersAreDifferencesAndMended(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.apply(t, everything())
		must(t, b.driver.Fill("heddle-s4", prefixes("10.0.0.0/8", "0.0.0.0/0", "192.0.2.7/32")))
		must(t, b.driver.Fill("heddle-s6", prefixes("::/0", "2001:db8::/32")))
		must(t, b.driver.Change("heddle-s4", prefixes("128.0.0.0/1", "198.51.100.0/24"), prefixes("0.0.0.0/0", "10.0.0.0/8", "203.0.113.0/24")))
		want := []string{"128.0.0.0/1", "192.0.2.7/32", "198.51.100.0/24"}
		if got := b.members(t, "heddle-s4"); !slices.Equal(got, want) {
			t.Errorf("members are %s, want %s", got, want)
		}
		if got := b.members(t, "heddle-s6"); len(got) != 3 {
			t.Errorf("members are %s, want two halves and one", got)
		}
		b.repair(t, false)
		b.meddle(t, "heddle-s4", "192.0.2.7/32")
		b.repair(t, true)
		if got := b.members(t, "heddle-s4"); !slices.Equal(got, want) {
			t.Errorf("members are mended to %s, want %s", got, want)
		}
	})
}

func (b *bench) members(t testing.TB, set string) []string {
	t.Helper()
	var list []string
	if b.fake != nil {
		for _, p := range b.fake.Members(set) {
			list = append(list, p.String())
		}
		return list
	}
	out, err := b.run(context.Background(), "ipset", []string{"save", set}, nil)
	must(t, err)
	for _, row := range strings.Split(string(out), "\n") {
		if p, ok := strings.CutPrefix(row, "add "+set+" "); ok {
			if !strings.Contains(p, "/") {
				p += "/32"
			}
			list = append(list, p)
		}
	}
	slices.Sort(list)
	return list
}

func (b *bench) meddle(t testing.TB, set, remove string) {
	t.Helper()
	if b.fake != nil {
		must(t, b.fake.Meddle(set, nil, prefixes(remove)))
		return
	}
	_, err := b.run(context.Background(), "ipset", []string{"del", set, remove}, nil)
	must(t, err)
}

func TestPurgeLeavesOnlyWhatIsOfOthers(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.restore(t, bgp.IPv4Unicast, "*filter\n:other - [0:0]\n-A FORWARD -s 9.9.9.9/32 -m comment --comment \"x -j heddle-a\" -j other\nCOMMIT\n")
		before := b.rules(t, bgp.IPv4Unicast, firewall.Filter)
		b.apply(t, everything())
		must(t, b.driver.Purge(context.Background()))
		if after := b.rules(t, bgp.IPv4Unicast, firewall.Filter); !slices.Equal(before, after) {
			t.Errorf("left\n%s\nof\n%s", after, before)
		}
		for _, table := range []firewall.Table{firewall.Raw, firewall.Filter} {
			if rows := b.rules(t, bgp.IPv6Unicast, table); len(rows) > 0 {
				t.Errorf("left %s", rows)
			}
		}
		if b.fake == nil {
			if out, err := b.run(context.Background(), "ipset", []string{"list", "-n"}, nil); err != nil || len(out) > 0 {
				t.Errorf("sets left: %s %v", out, err)
			}
		}
	})
}

// A change in the middle of a long chain names no rule but the one that changes, so
// all others keep their counters.
func TestRulesThatStayKeepTheirCounters(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		if b.fake != nil {
			return
		}
		long := func(odd int) *firewall.State {
			s := everything()
			var rules []firewall.Rule
			for i := range 2000 {
				r := firewall.Rule{Protocol: 6, Ports: []firewall.Ports{{First: uint16(i + 1), Last: uint16(i + 1)}}, Verdict: firewall.Accept}
				if i == odd {
					r.Verdict = firewall.Drop
				}
				rules = append(rules, r)
			}
			s.Rules[0].Chains[2].Rules = rules
			return s
		}
		b.apply(t, long(-1))
		// Counters are set through a save with other numbers: -c of restore.
		out, err := b.run(context.Background(), b.program(bgp.IPv4Unicast, "save"), []string{"-c", "-t", "filter"}, nil)
		must(t, err)
		_, err = b.run(context.Background(), b.program(bgp.IPv4Unicast, "restore"), []string{"-c", "-T", "filter"}, bytes.ReplaceAll(out, []byte("[0:0] -A"), []byte("[7:777] -A")))
		must(t, err)
		b.repair2(t)
		b.apply(t, long(1000))
		fresh := 0
		rows := b.rules(t, bgp.IPv4Unicast, firewall.Filter)
		for _, row := range rows {
			if !strings.HasPrefix(row, "[7:777]") {
				fresh++
			}
		}
		if fresh != 1 {
			t.Errorf("%d of %d rules lost their counters, want 1", fresh, len(rows))
		}
	})
}

// repair2 is a repair that finds nothing to do, whatever Changed says.
func (b *bench) repair2(t testing.TB) {
	t.Helper()
	if wrote, err := b.driver.Repair(context.Background()); wrote || err != nil {
		t.Errorf("Repair wrote: %t, %v", wrote, err)
	}
}

func TestAFailureLeavesTheTableAsItWasAndNamesTheLine(t *testing.T) {
	d, f := firewall.NewFake()
	f.Fail("restore", errors.New("once"))
	if _, err := d.Apply(context.Background(), everything()); err != nil {
		t.Fatalf("one failure is tried again: %v", err)
	}
	for range 20 {
		f.Fail("restore", errors.New("often"))
	}
	s := everything()
	s.Rules[0].Chains[1].Rules = nil
	before := f.Save(bgp.IPv4Unicast, firewall.Filter)
	if _, err := d.Apply(context.Background(), s); err == nil || !strings.Contains(err.Error(), "often") {
		t.Errorf("error is %v", err)
	}
	if f.Save(bgp.IPv4Unicast, firewall.Filter) != before {
		t.Error("a failed change changed something")
	}
	err := f.Restore(bgp.IPv4Unicast, "*filter\n-A nowhere -j DROP\nCOMMIT\n")
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", "-A nowhere -j DROP")) {
		t.Errorf("error is %v", err)
	}
}
