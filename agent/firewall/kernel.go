package firewall

import (
	"context"
	"errors"
	"net/netip"

	"heddle/bgp"
)

// tables is a back end of iptables.
type tables interface {
	name() string
	// save gives a table as iptables-save prints it; TableInvalid: all that exist.
	save(ctx context.Context, family bgp.Family, table Table) ([]byte, error)
	restore(ctx context.Context, family bgp.Family, input string) error
	// generation is a number that grows by one with each write of anybody; ok is false
	// where there is none.
	generation() (number uint32, ok bool, err error)
}

// sets is ipset.
type sets interface {
	headers() ([]header, error)
	members(name string) ([]netip.Prefix, error)
	create(name string, family bgp.Family) error
	swap(one, other string) error
	destroy(name string) error
	change(name string, add, remove []netip.Prefix) error
}

// header is a set without its members.
type header struct {
	name   string
	family bgp.Family // FamilyInvalid: neither
	fits   bool       // is of our type and size
	count  uint32
}

// flows is conntrack.
type flows interface {
	forget(gone func(flow [3]netip.Addr) bool) (int, error)
}

var (
	errInUse    = errors.New("the set is in use")
	errMismatch = errors.New("the sets are of different types")
)
