package peering_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"heddle/bgp"
	"heddle/peering"
)

func TestPlansOfHosts(t *testing.T) {
	with := func(path, value string) map[string]string {
		values := map[string]string{}
		for p, v := range fabric {
			values[p] = v
		}
		values[path] = value
		return values
	}
	for _, c := range []struct {
		name   string
		values map[string]string
		node   string
		want   []string
	}{
		{"the reflectors that serve the rack", fabric, "h1", []string{"192.0.2.251 rr1"}},
		{"a reflector serves its own rack and another", fabric, "h2", []string{"192.0.2.251 rr1", "192.0.2.252 rr2"}},
		{"a host without a rack is everybody's", fabric, "h3", []string{"192.0.2.251 rr1", "192.0.2.252 rr2"}},
		{
			"an address of each family that the host has, too",
			with("routers/rr1", `{"role":"reflector","serves":["r1"],"addresses":["192.0.2.251","2001:db8::251"]}`), "h1",
			[]string{"192.0.2.251 rr1", "2001:db8::251 rr1"},
		},
		{
			"no address of a family that the host lacks",
			with("routers/rr1", `{"role":"reflector","serves":["r2"],"addresses":["192.0.2.251","2001:db8::251"]}`), "h2",
			[]string{"192.0.2.251 rr1", "192.0.2.252 rr2"},
		},
		{"nobody serves it", with("routers/rr1", `{"role":"reflector","serves":["r9"],"addresses":["192.0.2.251"]}`), "h1", []string{"! node h1 has no reflector"}},
		{"nobody knows it", fabric, "h9", []string{"! node h9 is not in the inventory"}},
		{"the password of the node", with("nodes/h2", `{"addresses":["192.0.2.12"],"rack":"r2","passwordFile":"/etc/p"}`), "h2", []string{"192.0.2.251 rr1 /etc/p", "192.0.2.252 rr2 /etc/p"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan, problems := peering.ForHost(snapshot(t, c.values), c.node, 64512, time.Minute, peering.SourceEtcd)
			var got []string
			for _, s := range plan.Sessions {
				got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s", s.Remote, s.Name, s.PasswordFile)))
				if s.Passive || s.Kind != peering.NonClient || s.RemoteASN != 64512 || s.HoldTime != time.Minute ||
					s.AddPathTaken != bgp.FamiliesOf(bgp.Families[:]...) || s.AddPath != 0 {
					t.Errorf("%+v", s)
				}
			}
			for _, p := range problems {
				got = append(got, "! "+p.Object+" "+p.Text)
			}
			if len(got) != len(c.want) {
				t.Fatalf("planned %q, want %q", got, c.want)
			}
			for i, want := range c.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("planned %q, want %q", got[i], want)
				}
			}
		})
	}
}

// Each session that a host plans, the reflector of it expects: from an address of that
// node, and the reflector waits to be called.
func TestBothEndsOfAHostsSession(t *testing.T) {
	s := snapshot(t, fabric)
	for node := range s.Nodes() {
		plan, _ := peering.ForHost(s, node.Name, 64512, time.Minute, peering.SourceEtcd)
		for _, host := range plan.Sessions {
			there, _ := peering.For(s, self(host.Name), peering.SourceEtcd)
			found := false
			for _, a := range node.Addresses {
				r, ok := there.Find(a)
				found = found || ok && a.Is4() == host.Remote.Is4() && r.Passive && r.Kind == peering.Client && r.PasswordFile == host.PasswordFile
			}
			if !found {
				t.Errorf("%s calls %s, which does not expect it", node.Name, host.Name)
			}
		}
	}
}
