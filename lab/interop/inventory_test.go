package interop

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// etcdFabric has a reflector that follows an etcd beside it, and peers: two real
// daemons and a probe that announce, and probes that only listen.
func etcdFabric(t *testing.T, name string) (f *fabric, e *etcd, bystanders []speaker) {
	t.Helper()
	f = emptyFabric(t, name)
	f.self = f.reflector("heddle", 1, "")
	f.self.etcd = etcdURL
	f.listen()
	e = f.self.startEtcd()
	f.self.start()
	bystanders = []speaker{f.bird(nBird), f.frr(nFRR), f.probe("probe", nProbe)}
	f.step("hosts put into etcd have sessions", func() {
		for _, s := range bystanders {
			e.node(s.who())
		}
		f.startWith(bystanders, plain)
		f.agree()
	})
	return f, e, bystanders
}

func TestAHostComesAndGoesWithItsKeyInEtcd(t *testing.T) {
	t.Parallel()
	f, e, bystanders := etcdFabric(t, "key")
	guest := f.probe("guest", 21)
	f.step("whom etcd doesn't have is refused with Cease/5, and named", func() {
		f.undisturbed(bystanders, func() {
			f.until("its call to be refused", func() string { // its cable is new
				if err := guest.connect(); err == nil || !strings.Contains(err.Error(), "NOTIFICATION 06 05") {
					return fmt.Sprintf("connect says %v, want Cease/5", err)
				}
				return ""
			})
		})
		f.until("the refusal to be named", func() string {
			return missing("a problem about "+guest.v4.String(), len(f.self.problems("sessions", guest.v4.String())) > 0)
		})
	})
	f.step("etcdctl put: it has a session, and nobody else hears of that", func() {
		f.undisturbed(bystanders, func() {
			e.node(guest.host)
			f.start(guest)
			f.agree()
		})
	})
	f.step("etcdctl put of the same again, and of what a session doesn't depend on, ends nothing", func() {
		f.undisturbed(append(bystanders, guest), func() {
			e.node(guest.host)
			e.put("nodes/guest", `{"addresses":["`+guest.v4.String()+`"],"rack":"r9"}`)
			e.put("pools/p", `{"prefix":"10.0.0.0/8"}`)
			f.until("the pool's problems or none", func() string { return f.rackOf("guest", "r9") })
		})
		f.agree()
	})
	f.step("etcdctl del: Cease/3, and nobody else hears of that", func() {
		f.undisturbed(bystanders, func() {
			e.del("nodes/guest")
			<-guest.session.over
			guest.heard(func(s *hearing) {
				if len(s.notification) < 2 || s.notification[0] != 6 || s.notification[1] != 3 {
					t.Errorf("NOTIFICATION is % x, want Cease/3", s.notification)
				}
			})
			f.ended(guest)
			f.agree()
		})
	})
	f.step("a host that announced takes its routes along", func() {
		probe := bystanders[2].(*probe)
		e.del("nodes/probe")
		<-probe.session.over
		f.ended(probe)
		f.agree()
	})
}

// rackOf says what is missing for a peer to be shown in a rack.
func (f *fabric) rackOf(name, rack string) string {
	type peer struct{ Name, Rack string }
	for _, p := range show[peer](f.self, "peers") {
		if p.Name == name && p.Rack == rack {
			return ""
		}
	}
	return name + " is not in rack " + rack
}

func TestAMalformedValueInEtcdIsNamedAndChangesNothing(t *testing.T) {
	t.Parallel()
	f, e, bystanders := etcdFabric(t, "malformed")
	for i, c := range []struct{ name, key, value, words string }{
		{"not JSON", "nodes/bird", `{"addresses":`, "last good value"},
		{"no address", "nodes/frr", `{"addresses":[]}`, "last good value"},
		{"not an address", "nodes/probe", `{"addresses":["192.0.2.300"]}`, "last good value"},
		{"a new host with a number for a name of a rack", "nodes/new", `{"addresses":["192.0.2.77"],"rack":7}`, "does not exist"},
		{"a router without a role", "routers/x", `{"addresses":["192.0.2.78"]}`, "does not exist"},
		{"a key that means nothing", "nodez/x", `{}`, ""},
	} {
		f.step(c.name, func() {
			f.undisturbed(bystanders, func() {
				e.put(c.key, c.value)
				object := c.key[strings.Index(c.key, "/")+1:]
				f.until("the problem to be named", func() string {
					if len(f.self.problems("inventory", object, c.words)) > 0 {
						return ""
					}
					return fmt.Sprintf("problems of case %d are %q", i, f.self.problems())
				})
				f.agree()
			})
		})
	}
	f.step("put right, nothing is a problem any more, and still nothing happened", func() {
		f.undisturbed(bystanders, func() {
			for _, s := range bystanders {
				e.node(s.who())
			}
			for _, key := range []string{"nodes/new", "routers/x", "nodez/x"} {
				e.del(key)
			}
			f.until("no problems", func() string { return strings.Join(f.self.problems("inventory"), "\n") })
			f.agree()
		})
	})
}

// The reflector is stopped while etcd changes, forgets how, and restarts: what it
// then finds is not a list of changes but another state.
func TestEtcdRestartedAndCompactedUnderChurnLeavesTheExactDifference(t *testing.T) {
	t.Parallel()
	f, e, bystanders := etcdFabric(t, "compacted")
	var guests []speaker
	for i := range byte(4) {
		guests = append(guests, f.probe(fmt.Sprintf("guest%d", i), 21+i))
	}
	f.step("two of four guests are there", func() {
		for _, g := range guests[:2] {
			e.node(g.who())
		}
		f.start(guests[:2]...)
		f.agree()
	})
	f.step("etcd restarts: nobody notices", func() {
		f.undisturbed(append(bystanders, guests[:2]...), func() {
			e.stop()
			f.until("the loss to be named", func() string {
				return missing("a problem", len(f.self.problems("etcd")) > 0)
			})
			e = f.self.startEtcd()
			f.until("etcd to be followed again", func() string { return strings.Join(f.self.problems("etcd"), "\n") })
			f.agree()
		})
	})
	f.step("while the reflector sleeps: guests change, dozens of values come and go, etcd forgets and restarts", func() {
		f.undisturbed(bystanders, func() {
			f.must(f.self.cmd.Process.Signal(syscall.SIGSTOP))
			e.churn()
			e.del("nodes/guest1")
			e.node(guests[2].who())
			e.compact()
			e.stop()
			e = f.self.startEtcd()
			e.churn()
			e.node(guests[3].who())
			e.del("nodes/guest3")
			e.compact()
			f.must(f.self.cmd.Process.Signal(syscall.SIGCONT))
			f.ended(guests[1])
			f.start(guests[2])
			want := []string{"bird", "frr", "guest0", "guest2", "probe"}
			f.until("the peers to be those of etcd", func() string {
				if got := f.self.peers(); !slices.Equal(got, want) {
					return fmt.Sprintf("peers are %q, want %q", got, want)
				}
				return ""
			})
			f.agree()
		})
	})
	f.step("the guest that left was told so, the one that stayed was not disturbed", func() {
		if n := f.tap.notified(guests[1].who().address()); len(n) < 2 || n[0] != 6 || n[1] != 3 {
			t.Errorf("NOTIFICATION is % x, want Cease/3", n)
		}
		if n := f.tap.notified(guests[0].who().address()); n != nil {
			t.Errorf("guest0 was sent NOTIFICATION % x", n)
		}
	})
	f.step("etcd is followed from there on", func() {
		e.node(guests[3].who())
		f.start(guests[3])
		f.agree()
	})
}

// churn writes values that are gone again at the end, and rewrites others.
func (e *etcd) churn() {
	for range 5 {
		e.put("nodes/passing", `{"addresses":["192.0.2.99"]}`)
		e.put("nodes/guest0", `{"addresses":["192.0.2.21"]}`)
		e.put("pools/passing", `{"prefix":"10.9.0.0/16"}`)
		e.del("nodes/passing")
		e.del("pools/passing")
	}
}

func missing(what string, there bool) string {
	if there {
		return ""
	}
	return what + " is missing"
}
