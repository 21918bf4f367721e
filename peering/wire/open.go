package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	gobgp "github.com/osrg/gobgp/v3/pkg/packet/bgp"

	"heddle/bgp"
)

// Version is the only version of BGP there is (RFC 4271).
const Version = 4

// Open is the content of an OPEN message.
type Open struct {
	ASN          bgp.ASN // four octets, from the capability if there is one
	HoldTime     uint16  // seconds; 0 means no timers (RFC 4271 §4.2)
	RouterID     bgp.RouterID
	Capabilities Capabilities
}

// Append appends the OPEN message. Capabilities travel in one optional parameter
// (RFC 5492 §4), which for what we offer stays far below 255 octets, so the
// extended form of RFC 9072 is never needed when sending.
func (o *Open) Append(dst []byte) ([]byte, error) {
	caps, err := o.Capabilities.encode(o.ASN)
	if err != nil {
		return dst, err
	}
	asn := uint16(bgp.ASTrans)
	if o.ASN.Fits16() {
		asn = uint16(o.ASN)
	}
	message := gobgp.NewBGPOpenMessage(asn, o.HoldTime, o.RouterID.String(),
		[]gobgp.OptionParameterInterface{gobgp.NewOptionParameterCapability(caps)})
	octets, err := message.Serialize()
	if err != nil {
		return dst, fmt.Errorf("encode OPEN: %w", err)
	}
	return append(dst, octets...), nil
}

// ParseOpen reads the body of an OPEN; ParseHeader has seen to it that the ten
// fixed octets are there. It judges what can be judged without knowing whom we
// expect: version, framing, and the values that no peer may use. A capability
// that is malformed in itself counts as not offered (in the spirit of RFC 5492
// §3): the peer finds out by what we don't do.
func ParseOpen(body []byte) (Open, *bgp.Notification) {
	if body[0] != Version {
		return Open{}, openFault(bgp.OpenUnsupportedVersion, 0, Version)
	}
	o := Open{
		ASN:      bgp.ASN(binary.BigEndian.Uint16(body[1:])),
		HoldTime: binary.BigEndian.Uint16(body[3:]),
		RouterID: bgp.RouterID(binary.BigEndian.Uint32(body[5:])),
	}
	if fault := o.parseParameters(body[9:]); fault != nil {
		return Open{}, fault
	}
	short := o.ASN
	if o.Capabilities.FourOctetAS {
		o.ASN = o.Capabilities.asn
	}
	switch {
	case short == bgp.ASNone, o.ASN == bgp.ASNone: // RFC 7607 §2: in either place
		return Open{}, openFault(bgp.OpenBadPeerAS)
	case o.HoldTime == 1 || o.HoldTime == 2:
		return Open{}, openFault(bgp.OpenUnacceptableHoldTime)
	case o.RouterID == 0:
		return Open{}, openFault(bgp.OpenBadIdentifier)
	}
	return o, nil
}

func openFault(subcode uint8, data ...byte) *bgp.Notification {
	return &bgp.Notification{Code: bgp.CodeOpen, Subcode: subcode, Data: data}
}

const (
	parameterCapabilities = 2
	parameterExtended     = 255 // RFC 9072 §2
)

// parseParameters walks the optional parameters, in the plain form and in that
// of RFC 9072, where both lengths take two octets:
//
//	plain     len │ type len(1) value │ …
//	extended  255 │ 255  len(2)       │ type len(2) value │ …
//
// RFC 9072 §2 has us accept the extended form whatever the non-extended length
// says, hence the test of the type alone.
func (o *Open) parseParameters(b []byte) *bgp.Notification {
	total, params, width := int(b[0]), b[1:], 1
	if total > 0 && len(params) > 0 && params[0] == parameterExtended {
		if len(params) < 3 {
			return openFault(bgp.OpenUnspecific)
		}
		total, params, width = int(binary.BigEndian.Uint16(params[1:])), params[3:], 2
	}
	if total != len(params) {
		return openFault(bgp.OpenUnspecific)
	}
	for len(params) > 0 {
		if len(params) < 1+width {
			return openFault(bgp.OpenUnspecific)
		}
		typ, length := params[0], int(params[1])
		if width == 2 {
			length = int(binary.BigEndian.Uint16(params[1:]))
		}
		params = params[1+width:]
		if length > len(params) {
			return openFault(bgp.OpenUnspecific)
		}
		if typ != parameterCapabilities {
			return openFault(bgp.OpenUnsupportedParameter)
		}
		if !o.Capabilities.parse(params[:length]) {
			return openFault(bgp.OpenUnspecific)
		}
		params = params[length:]
	}
	return nil
}

// guarded runs a call into GoBGP's codec, which panics on some inputs
// (CVE-2026-30405 is one) and returns values along with errors on others.
func guarded[T any](call func() (T, error)) (value T, err error) {
	defer func() {
		if r := recover(); r != nil {
			var zero T
			value, err = zero, fmt.Errorf("codec panicked: %v", r)
		}
	}()
	value, err = call()
	if err != nil {
		var zero T
		return zero, err
	}
	return value, nil
}

var errMalformedCapability = errors.New("malformed capability")
