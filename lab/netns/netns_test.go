package netns_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"heddle/lab/netns"
)

func open(t *testing.T, name string) *netns.Lab {
	t.Helper()
	l, err := netns.New(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, l.Close()) })
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func space(t *testing.T, l *netns.Lab, name string) *netns.Space {
	t.Helper()
	s, err := l.Space(name)
	must(t, err)
	return s
}

func addresses(texts ...string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// greet says hello over TCP from one space to an address of another.
func greet(t *testing.T, from, to *netns.Space, address string) {
	t.Helper()
	var listener net.Listener
	must(t, to.Do(func() (err error) {
		listener, err = net.Listen("tcp", net.JoinHostPort(address, "0"))
		return err
	}))
	defer listener.Close()
	var caller net.Conn
	must(t, from.Do(func() (err error) {
		caller, err = net.DialTimeout("tcp", listener.Addr().String(), 5*time.Second)
		return err
	}))
	defer caller.Close()
	callee, err := listener.Accept()
	must(t, err)
	defer callee.Close()
	_, err = io.WriteString(caller, "hello")
	must(t, err)
	heard := make([]byte, 5)
	if _, err := io.ReadFull(callee, heard); err != nil || string(heard) != "hello" {
		t.Fatalf("heard %q, %v", heard, err)
	}
}

func TestHostsOfASwitchReachEachOtherInBothFamiliesAtOnce(t *testing.T) {
	l := open(t, "switched")
	sw, err := l.Switch("switch")
	must(t, err)
	a, b := space(t, l, "a"), space(t, l, "b")
	must(t, l.Connect(netns.End{Space: sw}, netns.End{Space: a, Addresses: addresses("192.0.2.1/24", "2001:db8::1/64")}))
	must(t, l.Connect(netns.End{Space: sw}, netns.End{Space: b, Addresses: addresses("192.0.2.2/24", "2001:db8::2/64")}))
	greet(t, a, b, "192.0.2.2")
	greet(t, b, a, "2001:db8::1")
}

func TestACableBetweenTwoHostsCanBePulled(t *testing.T) {
	l := open(t, "cable")
	a, b := space(t, l, "a"), space(t, l, "b")
	must(t, l.Connect(netns.End{Space: a, Addresses: addresses("198.51.100.0/31")}, netns.End{Space: b, Addresses: addresses("198.51.100.1/31")}))
	greet(t, a, b, "198.51.100.1")
	must(t, b.Down("eth0"))
	err := a.Do(func() error {
		_, err := net.DialTimeout("tcp", "198.51.100.1:1", 50*time.Millisecond)
		return err
	})
	if errors.Is(err, syscall.ECONNREFUSED) || err == nil {
		t.Errorf("the other end still answers: %v", err)
	}
}

// The kernel tells one end of the other's death at once, if they differ in their number.
func TestTheEndsOfACableDifferInTheirNumber(t *testing.T) {
	l := open(t, "ends")
	var all []*netns.Space
	for _, name := range []string{"a", "b", "c"} {
		all = append(all, space(t, l, name))
	}
	for _, ends := range [][2]int{{0, 1}, {0, 2}, {2, 1}} {
		must(t, l.Connect(netns.End{Space: all[ends[0]]}, netns.End{Space: all[ends[1]]}))
	}
	for _, s := range all {
		must(t, s.Do(func() error {
			links, err := netlink.LinkList()
			for _, link := range links {
				if a := link.Attrs(); a.Name != "lo" && a.Index == a.ParentIndex {
					t.Errorf("%s of %s, and the other end, are number %d", a.Name, s.Name, a.Index)
				}
			}
			return err
		}))
	}
}

func TestProgramsRunInsideAndSeeOnlyWhatIsThere(t *testing.T) {
	l := open(t, "inside")
	s := space(t, l, "s")
	out, err := s.Output(exec.Command("cat", "/proc/self/net/dev"))
	must(t, err)
	if lines := strings.Count(string(out), "\n"); lines != 3 || !strings.Contains(string(out), "lo:") {
		t.Errorf("inside there is\n%swant lo alone", out)
	}
	_, err = s.Output(exec.Command("sh", "-c", "echo no such luck >&2; exit 3"))
	if err == nil || !strings.Contains(err.Error(), "no such luck") {
		t.Errorf("the error is %v, want what the program said", err)
	}
}

func TestCloseEndsWhatRunsInside(t *testing.T) {
	l := open(t, "closing")
	s := space(t, l, "s")
	cmd := exec.Command("sh", "-c", "sleep 1000 & echo $!; wait")
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, s.Start(cmd))
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	grandchild, err := strconv.Atoi(strings.TrimSpace(line))
	must(t, err)
	must(t, l.Close())
	must(t, l.Close())
	if err := cmd.Wait(); err == nil {
		t.Error("the program ended by itself")
	}
	if stat, err := os.ReadFile("/proc/" + strconv.Itoa(grandchild) + "/stat"); err == nil && !strings.Contains(string(stat), ") Z ") {
		t.Errorf("what the program started is still there: %s", stat)
	}
	if names, err := netns.List(); err != nil || slices.Contains(names, s.Name) {
		t.Errorf("namespaces are %v, %v", names, err)
	}
	if err := s.Start(exec.Command("true")); err == nil {
		t.Error("a program was started in a lab that is closed")
	}
}

// A lab whose process was killed is removed by the next one, and no other.
func TestLeftoversOfTheDeadAreSweptAway(t *testing.T) {
	l := open(t, "living")
	alive := space(t, l, "s")
	ended := exec.Command("true")
	must(t, ended.Run())
	left := "hd-" + strconv.Itoa(ended.Process.Pid) + "-left-s"
	must(t, exec.Command("ip", "netns", "add", left).Run())
	squatter := exec.Command("ip", "netns", "exec", left, "sleep", "1000")
	must(t, squatter.Start())
	foreign := "other-" + strconv.Itoa(os.Getpid())
	must(t, exec.Command("ip", "netns", "add", foreign).Run())
	defer func() { must(t, exec.Command("ip", "netns", "del", foreign).Run()) }()

	must(t, netns.Sweep())
	_ = squatter.Wait()
	names, err := netns.List()
	must(t, err)
	if slices.Contains(names, left) || !slices.Contains(names, alive.Name) {
		t.Errorf("after sweeping there are %v", names)
	}
	if _, err := os.Stat("/run/netns/" + foreign); err != nil {
		t.Errorf("a namespace that is not ours is gone: %v", err)
	}
}
