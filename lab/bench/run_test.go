package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"heddle/lab/netns"
)

// program is heddle, built once.
var program string

func TestMain(m *testing.M) {
	code, err := build(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab/bench:", err)
		code = 1
	}
	os.Exit(code)
}

func build(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "heddle-bench-test-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program = filepath.Join(dir, "heddle")
	if out, err := exec.Command("go", "build", "-o", program, "heddle/cmd/heddle").CombinedOutput(); err != nil {
		return 1, fmt.Errorf("%w\n%s", err, out)
	}
	return m.Run(), nil
}

// small is a scenario that takes no time.
func small(scenario string) Config {
	return Config{
		Scenario: scenario, Start: "heddle", Program: program, ASN: testASN, Clients: 5, Routes: 40, Groups: 3, Deadline: time.Minute,
		Joiners: 3, Stalled: 2, Strangers: 100, Silent: 5, Changes: 10, Moves: 60, Duration: 300 * time.Millisecond,
	}
}

func play(t *testing.T, c Config) *Report {
	t.Helper()
	r, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryScenarioIsVerifiedAgainstHeddle(t *testing.T) {
	for _, s := range Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			r := play(t, small(s.Name))
			if r.Failure != "" || r.Missing != 0 {
				t.Errorf("failure: %s; %d missing", r.Failure, r.Missing)
			}
			if r.Octets == 0 || r.Messages == 0 || r.Core == 0 || r.Wall == 0 || r.Peak == 0 || r.Last.Max == 0 {
				t.Errorf("figures are missing: %+v", r)
			}
		})
	}
}

func TestVariationsAreVerified(t *testing.T) {
	for name, vary := range map[string]func(*Config){
		"IPv6":             func(c *Config) { c.IPv6 = true },
		"backup":           func(c *Config) { c.Scenario, c.Backup = "failover", true },
		"IPv6 churn":       func(c *Config) { c.Scenario, c.IPv6 = "churn", true },
		"two feeders":      func(c *Config) { c.Feeders = 2 },
		"the hub":          func(c *Config) { c.Start = "hub" },
		"the hub, latency": func(c *Config) { c.Start, c.Scenario = "hub", "latency" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := small("load")
			vary(&c)
			if r := play(t, c); r.Failure != "" {
				t.Error(r.Failure)
			}
		})
	}
}

// listen finds a port on loopback that nobody uses. It is none of those that the kernel
// gives away, so that it is free still when it is used.
func listen(t *testing.T) netip.AddrPort {
	t.Helper()
	for range 100 {
		at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(10000+rand.IntN(20000)))
		if l, err := net.Listen("tcp", at.String()); err == nil {
			_ = l.Close()
			return at
		}
	}
	t.Fatal("there is no free port")
	return netip.AddrPort{}
}

// A hub that is taken for a reflector is found out: verification can fail.
func TestATargetThatDoesNotReflectIsFoundOut(t *testing.T) {
	at := listen(t)
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- Hub(ctx, at, testASN) }()
	c := small("load")
	c.Start, c.Target, c.TargetPID = "", at, os.Getpid()
	r := play(t, c)
	if !strings.Contains(r.Failure, "attributes that nobody announced") {
		t.Errorf("failure is %q", r.Failure)
	}
	stop()
	if err := <-over; err != nil {
		t.Error(err)
	}
}

func TestATargetThatRefusesIsReported(t *testing.T) {
	c := small("load")
	c.Start, c.Target, c.Deadline = "", listen(t), time.Second
	if r := play(t, c); !r.Late || !strings.Contains(r.Failure, "0 of 5 sessions are Established") {
		t.Errorf("report is %+v", r)
	}
}

func TestAnInterruptLeavesNothing(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	c := small("soak")
	c.Duration = time.Hour
	time.AfterFunc(time.Second, stop)
	if _, err := Run(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	names, err := netns.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, fmt.Sprintf("hd-%d-", os.Getpid())) {
			t.Errorf("namespace %s is left", name)
		}
	}
}

func TestConfigurationsThatMakeNoSenseAreRefused(t *testing.T) {
	for want, spoil := range map[string]func(*Config){
		"want one of load":           func(c *Config) { c.Scenario = "lode" },
		"want either a speaker":      func(c *Config) { c.Start = "" },
		"must be in 127.0.0.0/8":     func(c *Config) { c.Start, c.Target = "", netip.MustParseAddrPort("192.0.2.1:179") },
		"want 2 to 5000 together":    func(c *Config) { c.Clients = 1 },
		"want at most the 5 clients": func(c *Config) { c.Feeders = 6 },
		"want 1 to 4194304 in all":   func(c *Config) { c.Routes = 1 << 22 },
		"one route in each":          func(c *Config) { c.Groups = 41 },
		"0 moves: want at least 1":   func(c *Config) { c.Scenario, c.Moves = "churn", 0 },
		"at most one of each route":  func(c *Config) { c.Scenario, c.Moves = "churn", 201 },
		"want two that read":         func(c *Config) { c.Scenario, c.Stalled = "stalled", 4 },
		"a second feeder":            func(c *Config) { c.Feeders, c.Backup = 1, true },
		"want one of heddle, frr":    func(c *Config) { c.Start = "quagga" },
	} {
		c := small("load")
		spoil(&c)
		if _, err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q in it", err, want)
		}
	}
}
