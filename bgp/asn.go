package bgp

import (
	"fmt"
	"strconv"
)

// ASN is an Autonomous System number, always four octets (RFC 6793). What a
// two-octet peer puts on the wire is peering/wire's problem.
type ASN uint32

const (
	// ASTrans stands in two-octet fields for an ASN that does not fit (RFC 6793 §9).
	ASTrans ASN = 23456
	// ASNone is reserved and malformed wherever it is received (RFC 7607).
	ASNone ASN = 0
)

// ParseASN reads an ASN in the asplain form of RFC 5396; 0 is refused.
func ParseASN(text string) (ASN, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("AS number %q: want 1 to 4294967295", text)
	}
	return ASN(n), nil
}

// String is the asplain form of RFC 5396.
func (a ASN) String() string { return strconv.FormatUint(uint64(a), 10) }

// Fits16 says whether a two-octet field can carry the number.
func (a ASN) Fits16() bool { return a <= 0xffff }
