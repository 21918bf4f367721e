package interop

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

// secret writes a password file that outlives the fabric.
func secret(t *testing.T, name, word string) (path string) {
	t.Helper()
	path = filepath.Join(work, name+".password")
	if err := os.WriteFile(path, []byte(word+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// refused waits until the kernel has dropped segments of a peer for a reason, and
// sees to it that no session came of them: one would begin with an End-of-RIB.
func (f *fabric) refused(s speaker, counter string) {
	f.t.Helper()
	before := f.self.counter(counter)
	s.start()
	f.until("the kernel to count "+counter, func() string { return missing(counter, f.self.counter(counter) > before) })
	if told := f.tap.told(s.who().address()); told.updates > 0 {
		f.t.Errorf("%s was sent %d UPDATEs", s.who().name, told.updates)
	}
	s.kill()
}

func TestASessionWithAPasswordNeedsTheSameOnBothSides(t *testing.T) {
	for _, c := range []struct {
		name    string
		address func(byte) netip.Addr
		ranges  string
	}{
		{"md5v4", v4Of, "192.0.2.0/24"},
		{"md5v6", v6Of, "2001:db8::/64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			key := "passwordFile: " + secret(t, c.name, "of-the-fabric") + "\n"
			f := newFabric(t, c.name, document("node", "bird", key, c.address(nBird))+document("node", "gobgpd", key, c.address(nGoBGPD)),
				"--accept-range", c.ranges, "--accept-range-password-file", secret(t, c.name+"-range", "of-strangers"))
			f.ipv6 = c.address(1).Is6()
			bird, gobgp, frr := f.bird(nBird), f.gobgp(nGoBGPD), f.frr(nFRR)
			f.step("BIRD with another password gets no answer", func() {
				bird.neighbors[0].password = "of-somebody-else"
				f.refused(bird, "TCPMD5Failure")
			})
			f.step("BIRD without one gets no answer", func() {
				bird.neighbors[0].password = ""
				f.refused(bird, "TCPMD5NotFound")
			})
			f.step("FRR, admitted by --accept-range, with the password of another peer gets no answer", func() {
				frr.neighbors[0].password = "of-the-fabric"
				f.refused(frr, "TCPMD5Failure")
			})
			f.step("each with its own has a session", func() {
				bird.neighbors[0].password, gobgp.neighbors[0].password = "of-the-fabric", "of-the-fabric"
				frr.neighbors[0].password = "of-strangers"
				f.startWith([]speaker{bird, gobgp, frr}, plain)
				f.agree()
			})
		})
	}
}

func TestARouterOneHopAwayIsHeardOnlyWithTheTTLOfOne(t *testing.T) {
	for _, c := range []struct {
		name    string
		address func(byte) netip.Addr
	}{{"gtsmv4", v4Of}, {"gtsmv6", v6Of}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFabric(t, c.name, document("router", "bird", "role: reflector\nttlSecurity: 1\n", c.address(nBird))+
				document("node", "probe", "", c.address(nProbe)))
			f.ipv6 = c.address(1).Is6()
			bird, probe := f.bird(nBird), f.probe("probe", nProbe)
			f.self.nonClients["bird"] = true
			f.step("BIRD that sends with another TTL gets no answer", func() {
				f.refused(bird, "TCPMinTTLDrop")
			})
			f.step("BIRD with `ttl security` has a session", func() {
				bird.neighbors[0].nearby = true
				f.startWith([]speaker{bird, probe}, plain)
				f.agree()
			})
		})
	}
}
