package runner_test

import (
	"strings"
	"testing"
)

func TestANodeThatLosesPowerBootsWithItsDiskAndNoMore(t *testing.T) {
	l := up(t, "power", strings.Replace(pair, "ip addr add 192.0.2.1/24 dev eth1,", "ip addr add 192.0.2.1/24 dev eth1, ip link add inner type bridge,", 1))
	output(t, l, "a", "echo kept >/var/lib/kept; ip addr add 192.0.2.9/24 dev eth1; iptables -A INPUT -j DROP; iptables -t raw -A PREROUTING -j DROP; iptables -t nat -A POSTROUTING -j MASQUERADE; ipset create s hash:ip; iptables -A INPUT -m set --match-set s src -j DROP")
	must(t, l.Cut(t.Context(), "a"))
	until(t, "its neighbour to have no carrier", func() bool {
		_, err := l.Output(t.Context(), "b", "sh", "-c", "ip link show dev eth1 | grep NO-CARRIER")
		return err == nil
	})
	must(t, l.Start(t.Context(), "a"))
	if got := output(t, l, "a", "cat /var/lib/kept; ip -4 -br addr show dev eth1 | grep -c 192.0.2.9; ip -br link | grep -c inner; "+reach("192.0.2.2")+"; iptables -t nat -S | grep -c MASQ; ipset list -n | wc -l"); got != "kept\n0\n1\nreached\n0\n0" {
		t.Errorf("after its boot: %q", got)
	}
}

func TestANodeThatIsStoppedIsAskedToEnd(t *testing.T) {
	l := up(t, "stop", strings.Replace(pair, "exec sleep 1000", "trap 'echo asked >/var/lib/asked; exit 7' TERM; sleep 1000 & wait", 1))
	must(t, l.Stop(t.Context(), "b"))
	s, err := l.Status(t.Context(), false)
	must(t, err)
	if len(s.Missing) != 1 || !strings.Contains(s.Missing[0], "exit status 7") {
		t.Errorf("missing is %q", s.Missing)
	}
	must(t, l.Start(t.Context(), "b"))
	if got := output(t, l, "b", "cat /var/lib/asked"); got != "asked" {
		t.Errorf("it was not asked: %q", got)
	}
}

func TestANodeThatDoesNotCatchItsEndIsKilledAtOnce(t *testing.T) {
	l := up(t, "deaf", pair)
	must(t, l.Stop(t.Context(), "a"))
	s, err := l.Status(t.Context(), false)
	must(t, err)
	if len(s.Missing) != 1 || !strings.Contains(s.Missing[0], "a does not run: signal: killed, as it does not catch SIGTERM") {
		t.Errorf("missing is %q", s.Missing)
	}
}
