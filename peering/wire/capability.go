package wire

import (
	"fmt"

	gobgp "github.com/osrg/gobgp/v3/pkg/packet/bgp"

	"heddle/bgp"
)

// Capabilities is what one side offers in its OPEN (RFC 5492). The value is
// comparable.
type Capabilities struct {
	// Multiprotocol says that the peer named families at all; if it did not, it
	// speaks IPv4 unicast (RFC 4760 §8 leaves that as the default of RFC 4271).
	Multiprotocol   bool
	Families        bgp.FamilySet
	FourOctetAS     bool
	RouteRefresh    bool // RFC 2918
	EnhancedRefresh bool // RFC 7313
	ExtendedMessage bool // RFC 8654
	Restart         GracefulRestart
	LongLived       LongLived
	// Families of which the side can send, and can take, several routes to one prefix
	// (RFC 7911).
	AddPathSend    bgp.FamilySet
	AddPathReceive bgp.FamilySet

	asn bgp.ASN // of the four-octet AS capability
}

// GracefulRestart is the capability of RFC 4724 with the N bit of RFC 8538.
type GracefulRestart struct {
	Offered      bool
	Restarting   bool   // R: the sender has just restarted
	Notification bool   // N: NOTIFICATION and hold time expiry are graceful too
	Time         uint16 // seconds the sender asks us to keep its routes, at most 4095
	Families     bgp.FamilySet
	Forwarding   bgp.FamilySet // F: forwarding state was preserved
}

// capabilityExtendedMessage has no name in GoBGP v3.
const capabilityExtendedMessage gobgp.BGPCapabilityCode = 6

const (
	restartFlagRestarting   = 0x8
	restartFlagNotification = 0x4
	restartFlagForwarding   = 0x80
)

func (c *Capabilities) encode(asn bgp.ASN) ([]gobgp.ParameterCapabilityInterface, error) {
	var caps []gobgp.ParameterCapabilityInterface
	for _, f := range bgp.Families {
		if c.Families.Has(f) {
			caps = append(caps, gobgp.NewCapMultiProtocol(routeFamily(f)))
		}
	}
	if c.RouteRefresh {
		caps = append(caps, gobgp.NewCapRouteRefresh())
	}
	if c.ExtendedMessage {
		caps = append(caps, gobgp.NewCapUnknown(capabilityExtendedMessage, nil))
	}
	if c.Restart.Offered {
		caps = append(caps, c.Restart.encode())
	}
	if c.LongLived.Offered {
		caps = append(caps, c.LongLived.encode())
	}
	if c.FourOctetAS {
		caps = append(caps, gobgp.NewCapFourOctetASNumber(uint32(asn)))
	}
	if c.EnhancedRefresh {
		caps = append(caps, gobgp.NewCapEnhancedRouteRefresh())
	}
	if c.AddPathSend|c.AddPathReceive != 0 {
		caps = append(caps, c.addPath())
	}
	if !c.FourOctetAS && !asn.Fits16() {
		return nil, fmt.Errorf("AS %s needs the four-octet AS capability", asn)
	}
	return caps, nil
}

func (r GracefulRestart) encode() gobgp.ParameterCapabilityInterface {
	var tuples []*gobgp.CapGracefulRestartTuple
	for _, f := range bgp.Families {
		if r.Families.Has(f) {
			tuples = append(tuples, gobgp.NewCapGracefulRestartTuple(routeFamily(f), r.Forwarding.Has(f)))
		}
	}
	// Four bits of the field are flags.
	return gobgp.NewCapGracefulRestart(r.Restarting, r.Notification, min(r.Time, 0xfff), tuples)
}

// addPath is the ADD-PATH capability: one with all families (RFC 7911 §4).
func (c *Capabilities) addPath() gobgp.ParameterCapabilityInterface {
	var tuples []*gobgp.CapAddPathTuple
	for _, f := range bgp.Families {
		mode := gobgp.BGP_ADD_PATH_NONE
		if c.AddPathReceive.Has(f) {
			mode |= gobgp.BGP_ADD_PATH_RECEIVE
		}
		if c.AddPathSend.Has(f) {
			mode |= gobgp.BGP_ADD_PATH_SEND
		}
		if mode != gobgp.BGP_ADD_PATH_NONE {
			tuples = append(tuples, gobgp.NewCapAddPathTuple(routeFamily(f), mode))
		}
	}
	return gobgp.NewCapAddPath(tuples)
}

func routeFamily(f bgp.Family) gobgp.RouteFamily {
	return gobgp.AfiSafiToRouteFamily(f.AFI(), f.SAFI())
}

// parse reads the capabilities of one optional parameter and merges them with
// what earlier parameters held (RFC 5492 §4). It says whether the framing held.
func (c *Capabilities) parse(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return false
		}
		one := b[:2+int(b[1])]
		b = b[len(one):]
		// A malformed capability is one not offered; the framing is intact, so the
		// next one can still be found.
		if read, err := decodeCapability(one); err == nil {
			c.take(read)
		}
	}
	return true
}

// capabilityLength is what GoBGP's decoder does not check: the exact length of
// the fixed-size capabilities we act on.
var capabilityLength = map[gobgp.BGPCapabilityCode]int{
	gobgp.BGP_CAP_MULTIPROTOCOL:          4,
	gobgp.BGP_CAP_ROUTE_REFRESH:          0,
	capabilityExtendedMessage:            0,
	gobgp.BGP_CAP_FOUR_OCTET_AS_NUMBER:   4,
	gobgp.BGP_CAP_ENHANCED_ROUTE_REFRESH: 0,
}

func decodeCapability(one []byte) (gobgp.ParameterCapabilityInterface, error) {
	code, length := gobgp.BGPCapabilityCode(one[0]), int(one[1])
	if want, fixed := capabilityLength[code]; fixed && length != want {
		return nil, errMalformedCapability
	}
	if code == gobgp.BGP_CAP_GRACEFUL_RESTART && (length < 2 || (length-2)%4 != 0) {
		return nil, errMalformedCapability
	}
	if code == gobgp.BGP_CAP_LONG_LIVED_GRACEFUL_RESTART && length%7 != 0 {
		return nil, errMalformedCapability
	}
	return guarded(func() (gobgp.ParameterCapabilityInterface, error) { return gobgp.DecodeCapability(one) })
}

func (c *Capabilities) take(read gobgp.ParameterCapabilityInterface) {
	switch v := read.(type) {
	case *gobgp.CapMultiProtocol:
		c.Multiprotocol = true
		if f, ok := bgp.FamilyFrom(gobgp.RouteFamilyToAfiSafi(v.CapValue)); ok {
			c.Families |= bgp.FamiliesOf(f)
		}
	case *gobgp.CapRouteRefresh:
		c.RouteRefresh = true
	case *gobgp.CapEnhancedRouteRefresh:
		c.EnhancedRefresh = true
	case *gobgp.CapFourOctetASNumber:
		c.FourOctetAS, c.asn = true, bgp.ASN(v.CapValue)
	case *gobgp.CapGracefulRestart:
		c.Restart.take(v)
	case *gobgp.CapLongLivedGracefulRestart:
		c.LongLived.take(v)
	case *gobgp.CapAddPath:
		c.takeAddPath(v)
	case *gobgp.CapUnknown:
		if v.Code() == capabilityExtendedMessage {
			c.ExtendedMessage = true
		}
	}
}

// takeAddPath reads a family at a time: the last word on it counts, and a mode that
// is not defined says nothing (RFC 7911 §4).
func (c *Capabilities) takeAddPath(v *gobgp.CapAddPath) {
	for _, t := range v.Tuples {
		f, ok := bgp.FamilyFrom(gobgp.RouteFamilyToAfiSafi(t.RouteFamily))
		if !ok || t.Mode == gobgp.BGP_ADD_PATH_NONE || t.Mode > gobgp.BGP_ADD_PATH_BOTH {
			continue
		}
		one := bgp.FamiliesOf(f)
		c.AddPathReceive &^= one
		c.AddPathSend &^= one
		if t.Mode&gobgp.BGP_ADD_PATH_RECEIVE != 0 {
			c.AddPathReceive |= one
		}
		if t.Mode&gobgp.BGP_ADD_PATH_SEND != 0 {
			c.AddPathSend |= one
		}
	}
}

// take replaces an earlier instance: RFC 4724 §3 has one per OPEN, and the last
// counts if there are more.
func (r *GracefulRestart) take(v *gobgp.CapGracefulRestart) {
	*r = GracefulRestart{
		Offered:      true,
		Restarting:   v.Flags&restartFlagRestarting != 0,
		Notification: v.Flags&restartFlagNotification != 0,
		Time:         v.Time,
	}
	for _, t := range v.Tuples {
		f, ok := bgp.FamilyFrom(t.AFI, t.SAFI)
		if !ok {
			continue
		}
		r.Families |= bgp.FamiliesOf(f)
		if t.Flags&restartFlagForwarding != 0 {
			r.Forwarding |= bgp.FamiliesOf(f)
		}
	}
}

// Speaks is the set of families the side can exchange.
func (c Capabilities) Speaks() bgp.FamilySet {
	if !c.Multiprotocol {
		return bgp.FamiliesOf(bgp.IPv4Unicast)
	}
	return c.Families
}
