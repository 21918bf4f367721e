package reflector

import "testing"

// Paths of an anycast address come and go while the address stays, so that no tombstone
// has anything reaped: which path identifiers went out of use is forgotten all the same.
func TestWhatEverybodyWasToldIsForgotten(t *testing.T) {
	s := newScene(t)
	s.play(`inventory pools/any {"prefix":"10.9.0.0/24","anycast":true}
peer h1 client
peer h2 client
peer h3 client add-path
announce h1 10.9.0.1/32`)
	for range 3 {
		s.play("announce h2 10.9.0.1/32\nwithdraw h2 10.9.0.1/32\npass 6s")
	}
	if s.r.rib.Tombstones() > 0 {
		t.Fatal("the address itself is gone")
	}
	if s.r.rib.Remembers() {
		t.Error("everybody has read everything, and path identifiers that went out of use are remembered")
	}
}
