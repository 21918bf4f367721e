package racks

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
	"bird":                 "bird2",
	"birdc":                "bird2",
	"/usr/lib/frr/zebra":   "frr",
	"/usr/lib/frr/staticd": "frr",
	"/usr/lib/frr/bgpd":    "frr",
	"vtysh":                "frr",
	"ip":                   "iproute2",
}

// work is the directory of this run, heddle the reflector under test, built once.
var work, heddle string

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab/racks:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	place, err := netns.Prepare("heddle-racks-", programs)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, place.Close()) }()
	work = place.Dir
	if heddle, err = place.Build("heddle/cmd/heddle"); err != nil {
		return 1, err
	}
	return m.Run(), nil
}
