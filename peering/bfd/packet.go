package bfd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// State is a state of RFC 5880 §6.2.
type State uint8

// The states, as they are on the wire.
const (
	AdminDown State = iota
	Down
	Init
	Up
)

// String is the name of RFC 5880.
func (s State) String() string {
	switch s {
	case AdminDown:
		return "AdminDown"
	case Down:
		return "Down"
	case Init:
		return "Init"
	case Up:
		return "Up"
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// Diagnostic is why a session last left Up (RFC 5880 §4.1).
type Diagnostic uint8

// Those that we give ourselves; peers may give others.
const (
	NoDiagnostic       Diagnostic = 0
	DetectionExpired   Diagnostic = 1
	NeighbourDown      Diagnostic = 3
	AdministrativeDown Diagnostic = 7
)

// String is the diagnostic in words.
func (d Diagnostic) String() string {
	words := [...]string{
		"no diagnostic", "control detection time expired", "echo function failed", "neighbour signalled session down",
		"forwarding plane reset", "path down", "concatenated path down", "administratively down", "reverse concatenated path down",
	}
	if int(d) < len(words) {
		return words[d]
	}
	return fmt.Sprintf("diagnostic %d", uint8(d))
}

// Packet is a BFD Control packet (RFC 5880 §4.1). Its times are whole microseconds up
// to 2^32-1.
type Packet struct {
	Diagnostic  Diagnostic
	State       State
	Poll        bool
	Final       bool
	Independent bool // C: it outlives the control plane of who sent it
	Demand      bool
	Multiplier  uint8
	My, Your    uint32 // discriminators

	DesiredMinTx      time.Duration
	RequiredMinRx     time.Duration
	RequiredMinEchoRx time.Duration
}

// Length is that of a packet without authentication, in octets.
const Length = 24

// Bits of the second octet.
const (
	flagPoll          = 0x20
	flagFinal         = 0x10
	flagIndependent   = 0x08
	flagAuthenticated = 0x04
	flagDemand        = 0x02
	flagMultipoint    = 0x01
)

const version = 1

// Append appends the packet to b.
func (p *Packet) Append(b []byte) []byte {
	b = append(b, version<<5|byte(p.Diagnostic)&0x1f, byte(p.State)<<6|p.flags(), p.Multiplier, Length)
	b = binary.BigEndian.AppendUint32(b, p.My)
	b = binary.BigEndian.AppendUint32(b, p.Your)
	for _, t := range []time.Duration{p.DesiredMinTx, p.RequiredMinRx, p.RequiredMinEchoRx} {
		b = binary.BigEndian.AppendUint32(b, uint32(t/time.Microsecond))
	}
	return b
}

func (p *Packet) flags() (bits byte) {
	if p.Poll {
		bits |= flagPoll
	}
	if p.Final {
		bits |= flagFinal
	}
	if p.Independent {
		bits |= flagIndependent
	}
	if p.Demand {
		bits |= flagDemand
	}
	return bits
}

// Why a packet is discarded (RFC 5880 §6.8.6).
var (
	ErrShort         = errors.New("shorter than a control packet")
	ErrVersion       = errors.New("not version 1")
	ErrLength        = errors.New("its length field does not fit it")
	ErrMultiplier    = errors.New("detection multiplier 0")
	ErrMultipoint    = errors.New("multipoint bit")
	ErrMine          = errors.New("my discriminator 0")
	ErrYours         = errors.New("your discriminator 0 in a state that has one")
	ErrAuthenticated = errors.New("authentication, which is not in use")
)

// Parse reads a packet and checks what can be checked without knowing the session, in
// the order of RFC 5880 §6.8.6. Octets beyond its length are passed over.
func Parse(b []byte) (Packet, error) {
	if len(b) < Length {
		return Packet{}, ErrShort
	}
	flags, length := b[1], int(b[3])
	least := Length
	if flags&flagAuthenticated != 0 {
		least += 2
	}
	p := Packet{
		Diagnostic: Diagnostic(b[0] & 0x1f), State: State(flags >> 6), Multiplier: b[2],
		Poll: flags&flagPoll != 0, Final: flags&flagFinal != 0, Independent: flags&flagIndependent != 0, Demand: flags&flagDemand != 0,
		My: binary.BigEndian.Uint32(b[4:]), Your: binary.BigEndian.Uint32(b[8:]),
		DesiredMinTx: microseconds(b[12:]), RequiredMinRx: microseconds(b[16:]), RequiredMinEchoRx: microseconds(b[20:]),
	}
	switch {
	case b[0]>>5 != version:
		return Packet{}, ErrVersion
	case length < least, length > len(b):
		return Packet{}, ErrLength
	case p.Multiplier == 0:
		return Packet{}, ErrMultiplier
	case flags&flagMultipoint != 0:
		return Packet{}, ErrMultipoint
	case p.My == 0:
		return Packet{}, ErrMine
	case p.Your == 0 && p.State != Down && p.State != AdminDown:
		return Packet{}, ErrYours
	case flags&flagAuthenticated != 0:
		return Packet{}, ErrAuthenticated
	}
	return p, nil
}

func microseconds(b []byte) time.Duration {
	return time.Duration(binary.BigEndian.Uint32(b)) * time.Microsecond
}
