package interop

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// lossFabric has a reflector that follows an etcd, and six hosts in it.
func lossFabric(t *testing.T, name string) (f *fabric, e *etcd, all []speaker) {
	t.Helper()
	f, e, all = etcdFabric(t, name)
	for i := range byte(3) {
		guest := f.probe(fmt.Sprintf("guest%d", i), 21+i)
		e.node(guest.host)
		all = append(all, guest)
	}
	e.put("settings", `{"asn":64512}`)
	f.step("guests are there", func() {
		f.startWith(all[3:], plain)
		f.agree()
	})
	return f, e, all
}

// run runs heddle on the reflector's host.
func (r *reflector) heddle(words ...string) string {
	r.f.t.Helper()
	out, err := r.query(heddle, words...)
	if err != nil {
		r.f.t.Fatalf("heddle %s: %v", strings.Join(words, " "), err)
	}
	return string(out)
}

// withheld are the objects that `heddle show withheld` lists.
func (r *reflector) withheld() (objects []string) {
	r.f.t.Helper()
	for _, w := range show[struct{ Object string }](r, "withheld") {
		objects = append(objects, w.Object)
	}
	return objects
}

func (r *reflector) untilFrozen() {
	r.f.t.Helper()
	r.f.until("the freeze to be named", func() string {
		return missing("a problem that tells of accept and reject", len(r.problems("inventory", "frozen", "heddle accept", "heddle reject")) > 0)
	})
}

func (r *reflector) untilThawed() {
	r.f.t.Helper()
	r.f.until("nothing to be withheld", func() string { return strings.Join(r.withheld(), "\n") })
}

func TestEverythingDeletedFromEtcdIsWithdrawnFromNobody(t *testing.T) {
	t.Parallel()
	f, e, all := lossFabric(t, "wiped")
	before := e.keys("")
	f.step("etcdctl del --prefix /heddle/v1/: it is frozen and named, and nobody hears of it", func() {
		f.undisturbed(all, func() {
			e.lose("", "--prefix")
			f.self.untilFrozen()
			f.agree()
		})
	})
	f.step("who comes is admitted all the same", func() {
		f.undisturbed(all, func() {
			late := f.probe("late", 31)
			e.node(late.host)
			f.start(late)
			f.agree()
			f.kill(late)
			f.agree()
		})
	})
	f.step("heddle reject: etcd has all of it again", func() {
		f.undisturbed(all, func() {
			f.self.heddle("reject")
			f.self.untilThawed()
			if got := e.keys(""); !subset(before, got) {
				t.Errorf("keys are %q, want %q at least", got, before)
			}
			f.agree()
		})
	})
	f.step("the hosts are deleted once more, and heddle accept: they are told so, with Cease/3", func() {
		e.lose("nodes/guest", "--prefix")
		for _, name := range []string{"nodes/frr", "nodes/late"} {
			e.lose(name)
		}
		f.until("all of them to be withheld", func() (text string) {
			withheld := f.self.withheld()
			for _, name := range []string{"guest0", "guest1", "guest2", "frr", "late"} {
				text += missing(name, slices.Contains(withheld, "node "+name))
			}
			return text
		})
		f.self.untilFrozen()
		f.self.heddle("accept")
		for _, s := range append(all[3:], all[1]) {
			f.ended(s)
		}
		f.agree()
		if n := f.tap.notified(all[3].who().address()); len(n) < 2 || n[0] != 6 || n[1] != 3 {
			t.Errorf("NOTIFICATION is % x, want Cease/3", n)
		}
	})
}

func subset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

func TestATrickleOfDeletionsIsStoppedBeforeAnybodyIsGone(t *testing.T) {
	t.Parallel()
	f, e, all := lossFabric(t, "trickle")
	f.undisturbed(all, func() {
		for _, s := range all[1:5] {
			e.lose("nodes/" + s.who().name)
			f.until(s.who().name+" to be withheld", func() string {
				return missing(s.who().name, slices.Contains(f.self.withheld(), "node "+s.who().name))
			})
		}
		f.self.untilFrozen()
		f.agree()
	})
}

func TestAStartWithoutEtcdGoesByTheInventoryOnDisk(t *testing.T) {
	t.Parallel()
	f, e, all := lossFabric(t, "dead")
	f.step("the reflector ends, and etcd, and the reflector is started again", func() {
		f.must(f.self.cmd.Process.Signal(syscall.SIGTERM))
		<-f.self.ended
		e.stop()
		f.self.start()
		for _, s := range all {
			if p, ok := s.(*probe); ok {
				f.start(p)
			} else {
				s.who().starts++
			}
		}
		f.agree()
	})
	f.step("the age of what it goes by is told", func() {
		f.until("it to be told", func() string {
			return missing("a problem", len(f.self.problems("etcd", "kept on disk", "ago")) > 0)
		})
	})
	f.step("etcd is back: nobody notices", func() {
		f.undisturbed(all, func() {
			e = f.self.startEtcd()
			f.until("etcd to be followed", func() string { return strings.Join(f.self.problems("etcd"), "\n") })
			f.agree()
		})
	})
	f.step("and is followed from there on", func() {
		e.del("nodes/guest0")
		f.ended(all[3])
		f.agree()
	})
}

func TestARestoredBackupCanOnlyAdd(t *testing.T) {
	t.Parallel()
	f, e, all := lossFabric(t, "restored")
	backup := f.self.path("backup")
	late := f.probe("late", 31)
	copied := func(from, to string) {
		f.must(os.RemoveAll(to))
		f.must(exec.Command("cp", "-a", from, to).Run())
	}
	f.step("a backup is taken; a host comes after it", func() {
		e.stop()
		copied(f.self.path("etcd"), backup)
		e = f.self.startEtcd()
		e.node(late.host)
		f.start(late)
		f.agree()
	})
	everybody := append(slices.Clone(all), late)
	restore := func() {
		f.undisturbed(everybody, func() {
			e.stop()
			copied(backup, f.self.path("etcd"))
			e = f.self.startEtcd()
			f.self.untilFrozen()
			f.agree()
		})
	}
	f.step("the backup is restored: nobody is gone", restore)
	f.step("heddle reject: etcd has the host again", func() {
		f.undisturbed(everybody, func() {
			f.self.heddle("reject")
			f.self.untilThawed()
			f.agree()
		})
		if !slices.Contains(e.keys("nodes"), "/heddle/v1/nodes/late") {
			t.Errorf("keys are %q", e.keys("nodes"))
		}
	})
	f.step("it is restored once more", restore)
	f.step("heddle accept: the host is gone, and nobody else", func() {
		f.undisturbed(nil, func() {
			f.self.heddle("accept")
			f.ended(late)
			f.agree()
		})
	})
}
