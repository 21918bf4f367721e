package hosts

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
	"ip":                   "iproute2",
	"iptables-nft-save":    "iptables",
	"iptables-legacy-save": "iptables",
	"ipset":                "ipset",
	"conntrack":            "conntrack",
	"ping":                 "iputils-ping",
	"setpriv":              "util-linux",
	"etcdctl":              "etcd-client",
}

// work is the directory of this run; reflector and agent are what it tests.
var work, reflector, agent string

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab/hosts:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	place, err := netns.Prepare("heddle-hosts-", programs)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, place.Close()) }()
	work = place.Dir
	if reflector, err = place.Build("heddle/cmd/heddle"); err != nil {
		return 1, err
	}
	if agent, err = place.Build("heddle/cmd/heddle-agent"); err != nil {
		return 1, err
	}
	return m.Run(), nil
}
