package interop

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"

	"heddle/lab/netns"
)

// programs are those the tests run, and the Debian packages that have them.
var programs = map[string]string{
	"bird":              "bird2",
	"birdc":             "bird2",
	"/usr/lib/frr/bgpd": "frr",
	"/usr/lib/frr/bfdd": "frr",
	"iptables":          "iptables",
	"vtysh":             "frr",
	"gobgpd":            "gobgpd",
	"gobgp":             "gobgpd",
	"/usr/sbin/bgpd":    "openbgpd",
	"bgpctl":            "openbgpd",
	"etcd":              "etcd-server",
	"etcdctl":           "etcd-client",
}

// work is the directory of this run, heddle the reflector under test, built once.
var work, heddle string

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(serveGoBGP(os.Stdin, os.Stdout))
	}
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab/interop:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	place, err := netns.Prepare("heddle-interop-", programs)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, place.Close(), openBGPDGone()) }()
	defaults()
	work = place.Dir
	if heddle, err = place.Build("heddle/cmd/heddle"); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// defaults are flags of the test binary that suit tests which mostly wait for
// other processes: as many at a time as there are, few sequences of events, and no
// replay of what real time won't repeat.
func defaults() {
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range map[string]string{
		"test.parallel": "16", "rapid.checks": "25", "rapid.nofailfile": "true", "rapid.shrinktime": "20s",
	} {
		if !given[name] {
			if err := flag.Set(name, value); err != nil {
				panic(err)
			}
		}
	}
}
