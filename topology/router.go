package topology

import (
	"cmp"
	"net/netip"
	"strings"
	"time"

	"heddle/bgp"
)

// Role is what a router is to the fabric.
type Role uint8

// The roles. The zero value is refused.
const (
	RoleUnset Role = iota
	ToR
	Spine
	Border
	Reflector
)

var roleWords = []string{"unset", "tor", "spine", "border", "reflector"}

// String is the word used in values.
func (r Role) String() string { return word(roleWords, r) }

// External says whether sessions with the role are eBGP.
func (r Role) External() bool { return r == ToR || r == Spine || r == Border }

// Router is a BGP speaker that runs no workloads, at /heddle/v1/routers/NAME:
//
//	{"role":"tor","rack":"r1","addresses":["192.0.2.1"],"asn":65001,"passwordFile":"…","ttlSecurity":2,
//	 "maxRoutes":50000,"maxRoutesRestart":300,"bfd":true}
//	{"role":"border","addresses":["192.0.2.9"],"asn":65200,"exceptions":true}
//	{"role":"reflector","rack":"r1","serves":["r1","r2"],"clusterID":"10.255.0.1","addresses":["192.0.2.251"]}
type Router struct {
	Name string
	Role Role
	// Addresses are those its sessions use, at least one, sorted.
	Addresses []netip.Addr
	// Rack it stands in; a ToR always has one.
	Rack string
	// ASN of a ToR, spine or border router; for a reflector 0: that of the fabric.
	ASN bgp.ASN
	// Serves lists the racks whose hosts are clients of this reflector; empty: its
	// own rack. See ServedRacks.
	Serves []string
	// ClusterID of a reflector; 0: its router ID.
	ClusterID bgp.ClusterID
	// PasswordFile holds the TCP-MD5 password of sessions with it; empty: none.
	PasswordFile string
	// TTLSecurity is how many hops away it may be at most (GTSM, RFC 5082), from 1
	// to 254; 0: not checked.
	TTLSecurity uint8
	// Exceptions: a border router hears the exceptions of public pools, too.
	Exceptions bool
	// MaxRoutes is how many routes of each family a ToR, spine or border router may
	// announce before its session is ended; 0: any number.
	MaxRoutes uint32
	// MaxRoutesRestart is how long such a session then stays down, in whole seconds
	// up to 65535; 0: DefaultMaxRoutesRestart. See RestartAfter.
	MaxRoutesRestart time.Duration
	// BFD of its sessions.
	BFD BFD
}

// DefaultMaxRoutesRestart leaves a person the time to see what floods, and does
// not leave a rack without its ToR for a night.
const DefaultMaxRoutesRestart = 15 * time.Minute

// Key names the router.
func (r Router) Key() Key { return Key{KindRouter, r.Name} }

// ServedRacks are the racks a reflector serves: those it lists, else its own.
func (r Router) ServedRacks() []string {
	switch {
	case r.Role != Reflector:
		return nil
	case len(r.Serves) > 0:
		return r.Serves
	case r.Rack != "":
		return []string{r.Rack}
	}
	return nil
}

// RestartAfter is how long a session that announced more than MaxRoutes stays
// down.
func (r Router) RestartAfter() time.Duration {
	return cmp.Or(r.MaxRoutesRestart, DefaultMaxRoutesRestart)
}

func (r Router) fields() fields {
	var exceptions any // left out unless true: most routers are no border
	if r.Exceptions {
		exceptions = true
	}
	var cluster string
	if r.ClusterID != 0 {
		cluster = r.ClusterID.String()
	}
	return fields{
		{"role", r.Role.String()},
		{"rack", r.Rack},
		{"serves", r.Serves},
		{"clusterID", cluster},
		{"addresses", texts(r.Addresses)},
		{"asn", uint32(r.ASN)},
		{"passwordFile", r.PasswordFile},
		{"ttlSecurity", uint32(r.TTLSecurity)},
		{"exceptions", exceptions},
		{"maxRoutes", r.MaxRoutes},
		{"maxRoutesRestart", uint32(r.MaxRoutesRestart / time.Second)},
		{"bfd", r.BFD.value()},
	}
}

func readRouter(r *reader, name string) Router {
	router := Router{
		Name:         name,
		Role:         one(r, "role", parseWord[Role](roleWords)),
		Addresses:    readAddresses(r),
		Rack:         one(r, "rack", parseName),
		ASN:          bgp.ASN(one(r, "asn", parseNumber(1, maxUint32))),
		Serves:       set(r, "serves", parseName, strings.Compare),
		ClusterID:    one(r, "clusterID", parseClusterID),
		PasswordFile: one(r, "passwordFile", parseText),
		TTLSecurity:  uint8(one(r, "ttlSecurity", parseNumber(0, 254))),
		Exceptions:   one(r, "exceptions", parseFlag).Or(false),
		MaxRoutes:    one(r, "maxRoutes", parseNumber(0, maxUint32)),

		MaxRoutesRestart: time.Duration(one(r, "maxRoutesRestart", parseNumber(1, 65535))) * time.Second,
		BFD:              readBFD(r),
	}
	role := router.Role
	if role == RoleUnset {
		r.need(false, "role", "there is none: write %s", strings.Join(roleWords[1:], ", "))
		return router
	}
	r.need(role != ToR || router.Rack != "", "rack", "a ToR stands in a rack: name it")
	r.need(!role.External() || router.ASN != 0, "asn",
		"a %s has an AS of its own: give its number", role)
	r.need(role == Reflector || len(router.Serves) == 0, "serves", "only a reflector serves racks: delete it")
	r.need(role == Reflector || router.ClusterID == 0, "clusterID", "only a reflector has one: delete it")
	r.need(role == Border || !router.Exceptions, "exceptions", "only a border router asks for them: delete it")
	r.need(role.External() || router.MaxRoutes == 0, "maxRoutes", "a reflector announces what its clients do, without a limit: delete it")
	r.need(router.MaxRoutes != 0 || router.MaxRoutesRestart == 0, "maxRoutesRestart",
		"nothing ends the session without a limit: give maxRoutes, too, or delete it")
	return router
}

func parseClusterID(value any) (bgp.ClusterID, error) {
	text, err := parseText(value)
	if err != nil {
		return 0, err
	}
	return bgp.ParseClusterID(text)
}
