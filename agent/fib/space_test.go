package fib

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"heddle/lab/netns"
)

// host is a namespace with interfaces eth0 and eth1, of a fabric, and tap1 and tap2,
// of workloads. The other ends are in a namespace of their own.
type host struct {
	t     testing.TB
	space *netns.Space
	far   *netns.Space
	*Kernel
}

var labs atomic.Int32

func newHost(t testing.TB) *host {
	t.Helper()
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("the kernel's routes are written in a network namespace, which needs root: run the tests as root; where CI is set they must be")
	}
	lab, err := netns.New(fmt.Sprintf("fib%d", labs.Add(1)))
	must(t, err)
	t.Cleanup(func() { must(t, lab.Close()) })
	h := &host{t: t}
	h.space, err = lab.Space("host")
	must(t, err)
	h.far, err = lab.Space("far")
	must(t, err)
	// Addresses are ready at once, for nothing else waits a second; and there are none of
	// the kernel's own, which come when it gets round to it.
	for _, s := range []*netns.Space{h.space, h.far} {
		_, err := s.Output(exec.Command("sh", "-c", "cd /proc/sys/net/ipv6/conf && echo 0 >all/accept_dad && echo 0 >default/accept_dad && echo 1 >default/addr_gen_mode"))
		must(t, err)
	}
	for _, port := range []string{"eth0", "eth1", "tap1", "tap2"} {
		must(t, lab.Connect(netns.End{Space: h.space, Port: port}, netns.End{Space: h.far}))
	}
	h.ip("addr add 192.0.2.11/24 dev eth0", "addr add 2001:db8::11/64 dev eth0 nodad",
		"addr add 198.51.100.11/24 dev eth1", "addr add 2001:db8:1::11/64 dev eth1 nodad")
	must(t, h.space.Do(func() (err error) {
		h.Kernel, err = Open()
		return err
	}))
	t.Cleanup(h.Close)
	return h
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ip runs `ip` inside with each list of arguments and returns what it wrote.
func (h *host) ip(commands ...string) string {
	h.t.Helper()
	var out strings.Builder
	for _, c := range commands {
		b, err := h.space.Output(exec.Command("ip", strings.Fields(c)...))
		must(h.t, err)
		out.Write(b)
	}
	return out.String()
}

// index of an interface.
func (h *host) index(name string) int {
	h.t.Helper()
	links, err := h.Links()
	must(h.t, err)
	for _, l := range links {
		if l.Name == name {
			return l.Index
		}
	}
	h.t.Fatalf("there is no %s", name)
	return 0
}

// flushed is Flush that must not fail.
func (h *host) flushed() {
	h.t.Helper()
	for _, f := range h.Flush() {
		h.t.Errorf("%s: %v", f.Prefix, f.Err)
	}
}

// eventually waits for something to be so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain waited for: %s", what)
		}
	}
}
