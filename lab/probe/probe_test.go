package probe_test

import (
	"net/netip"
	"testing"
	"time"

	"heddle/lab/probe"
)

// here is the network that the test runs in.
type here struct{}

func (here) Do(f func() error) error { return f() }

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("gave up waiting for " + what)
		}
	}
}

func TestWhatIsEchoedIsCounted(t *testing.T) {
	for _, address := range []string{"127.0.0.1", "::1"} {
		to := netip.AddrPortFrom(netip.MustParseAddr(address), 7110)
		l, err := probe.Listen(here{}, []netip.Addr{to.Addr()}, to.Port(), true)
		if err != nil {
			t.Fatal(err)
		}
		s, err := probe.Send(here{}, 7, to, time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		until(t, "answers", func() bool { return s.Answered() > 20 })
		s.Stop()
		until(t, "the last answer", func() bool { return s.Answered() == s.Count() })
		s.Close()
		l.Close()
		ports, err := probe.Ports(here{})
		if err != nil {
			t.Fatal(err)
		}
		r := probe.Count(s, l, 0, ports, time.Second)
		if r.Sent < 20 || r.Lost() != 0 || r.Doubled != 0 || r.Misdelivered != 0 || r.Gap != 0 || r.Ports["lo"] != r.Sent {
			t.Errorf("report is %+v", r)
		}
	}
}

func TestWhatNobodyHearsIsLost(t *testing.T) {
	s, err := probe.Send(here{}, 7, netip.MustParseAddrPort("127.0.0.1:7111"), time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "packets", func() bool { return s.Count() > 10 })
	s.Close()
	l, err := probe.Listen(here{}, nil, 0, true)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	r := probe.Count(s, l, 3, nil, time.Second)
	if r.Lost() != r.Sent || r.Sent != s.Count()-3 || r.Gap != time.Duration(r.Sent)*time.Millisecond {
		t.Errorf("report is %+v", r)
	}
}
