package stories

import (
	"fmt"
	"strings"
)

// service is an address that web12 and web22 both have.
var service = place{"web12", "10.9.0.1", "fd00:9::1"}

const pools = `kind: pool
name: service
prefix: 10.9.0.0/24
anycast: true
public: true
---
kind: pool
name: service-ipv6
prefix: fd00:9::/64
anycast: true
public: true
---
`

// anycast: packets go to one of two; when one dies, to the other.
func anycast(t *Teller) {
	t.Apply(pools + serving("host12", "web12", 121, "02:00:0a:01:00:79", 1) + "---\n" + serving("host22", "web22", 221, "02:00:0a:02:00:dd", 2))
	for _, w := range []string{"web12", "web22"} {
		t.Run(w, "sh", "-c", "ip addr add 10.9.0.1/32 dev lo && ip addr add fd00:9::1/128 dev lo nodad")
	}
	bystanders := t.Traffic(lively, at("db12").to("db11")...)
	load := t.beginAt([]string{"web22"}, lively, service.to("outside", "web11", "web21")...).Aims("told")
	t.Until("the service to be reached", load.short(20))
	t.Until("both to be asked", func() string { return asked(load, "web12:", "web22:") })
	t.Run("host12", "ip", "link", "set", "tap1", "down")
	t.Until("all to go to the other one", func() string {
		for _, r := range load.now() {
			if !strings.HasPrefix(r.Port, "web22:") {
				return r.String() + ", by " + r.Port
			}
		}
		return ""
	})
	load.Goes(700)
	load.End("one of two dies")
	after := t.beginAt([]string{"web22"}, lively, service.to("outside", "web11", "web21")...)
	after.Goes(300)
	after.LosesNothing("then")
	bystanders.LosesNothing("others of the same host")
	t.Run("host12", "ip", "link", "set", "tap1", "up")
	t.unserve()
}

// asked says which of the nodes no packet has come to yet.
func asked(l *Load, ports ...string) string {
	seen := ""
	for _, r := range l.now() {
		seen += fmt.Sprint(r.Ports)
	}
	for _, p := range ports {
		if !strings.Contains(seen, p) {
			return "nothing came to " + p + " but " + seen
		}
	}
	return ""
}

func (t *Teller) unserve() {
	t.Apply(strings.NewReplacer(`, 10.9.0.1, "fd00:9::1"`, "").Replace(
		serving("host12", "web12", 121, "02:00:0a:01:00:79", 1) + "---\n" + serving("host22", "web22", 221, "02:00:0a:02:00:dd", 2)))
	t.Delete("pool", "service")
	t.Delete("pool", "service-ipv6")
	for _, w := range []string{"web12", "web22"} {
		t.Run(w, "sh", "-c", "ip addr del 10.9.0.1/32 dev lo && ip addr del fd00:9::1/128 dev lo")
	}
	t.Ready()
}

// serving is a workload of fabric.yaml that serves, too.
func serving(host, name string, number int, mac string, rack int) string {
	return fmt.Sprintf("kind: workload\nnode: %s\nname: %s\naddresses: [10.%d.0.%d, \"fd00:%d::%d\", 10.9.0.1, \"fd00:9::1\"]\nmac: %s\ninterface: tap1\ntags: [web]\n",
		host, name, rack, number, rack, number, mac)
}
