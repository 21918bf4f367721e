package firewall_test

import (
	"context"
	"strings"
	"testing"

	"heddle/agent/firewall"
	"heddle/bgp"
)

func TestAutoIsWhereTheRulesOfOthersAre(t *testing.T) {
	for others, want := range map[string]string{"": "nft", "nft": "nft", "legacy": "legacy"} {
		t.Run("others in "+others, func(t *testing.T) {
			b := onKernel(t, "nft")
			if others != "" {
				b.backend = others
				b.restore(t, bgp.IPv6Unicast, "*filter\n-A INPUT -i x -j DROP\nCOMMIT\n")
			}
			b.backend = "auto"
			b.restart(t)
			if got := b.driver.Backend(); got != want {
				t.Errorf("back end is %s, want %s", got, want)
			}
		})
	}
	if _, err := firewall.Open("pf"); err == nil || !strings.Contains(err.Error(), "auto, nft or legacy") {
		t.Errorf("error is %v", err)
	}
}

// After a change of back ends the old one would go on dropping.
func TestAnotherBackEndTakesOverAllRules(t *testing.T) {
	b := onKernel(t, "nft")
	b.apply(t, everything())
	b.backend = "legacy"
	b.restart(t)
	b.apply(t, everything())
	if rows := b.rules(t, bgp.IPv4Unicast, firewall.Filter); len(rows) != 11 {
		t.Errorf("legacy has %d rules", len(rows))
	}
	b.backend = "nft"
	if rows := b.rules(t, bgp.IPv4Unicast, firewall.Filter); len(rows) != 0 {
		t.Errorf("nft still has %s", rows)
	}
}

func TestASetOfAnotherTypeIsReplaced(t *testing.T) {
	for name, create := range map[string]string{
		"other type":   "create heddle-s4 hash:ip",
		"other family": "create heddle-s4 hash:net family inet6",
		"too small":    "create heddle-s4 hash:net maxelem 10",
	} {
		t.Run(name, func(t *testing.T) {
			b := onKernel(t, "nft")
			_, err := b.run(context.Background(), "ipset", strings.Fields(create), nil)
			must(t, err)
			b.apply(t, everything())
			must(t, b.driver.Fill("heddle-s4", prefixes("10.0.0.0/8")))
			if b.apply(t, everything()) {
				t.Error("it was replaced twice")
			}
		})
	}
}

func TestAnErrorOfTheKernelNamesTheLineAndTheTable(t *testing.T) {
	for _, backend := range []string{"nft", "legacy"} {
		t.Run(backend, func(t *testing.T) { refused(t, onKernel(t, backend)) })
	}
}

func refused(t *testing.T, b *bench) {
	s := &firewall.State{}
	// A MAC address can't be matched on the way out.
	s.Rules[0] = firewall.Ruleset{
		Hooks:  []firewall.Hook{{Table: firewall.Filter, Chain: "OUTPUT", To: "heddle-a"}},
		Chains: []firewall.Chain{{Table: firewall.Filter, Name: "heddle-a", Rules: []firewall.Rule{{NotMAC: [6]byte{1}, Verdict: firewall.Drop}}}},
	}
	_, err := b.driver.Apply(context.Background(), s)
	if err == nil || !strings.Contains(err.Error(), "iptables-"+b.backend+"-restore, table filter") || !strings.Contains(err.Error(), "(line ") {
		t.Errorf("error is %v", err)
	}
	if rows := b.rules(t, bgp.IPv4Unicast, firewall.Filter); len(rows) > 0 {
		t.Errorf("half a change stayed: %s", rows)
	}
}
