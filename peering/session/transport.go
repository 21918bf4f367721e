package session

import (
	"errors"
	"net/netip"
	"time"
)

// transport is a byte stream to a peer. There are two: TCP, and the one tests
// make in memory. Read calls and write calls may overlap; neither overlaps with
// itself.
type transport interface {
	// Await waits until Read would return at once, with octets or with an error: a
	// connection that is silent needs no buffer.
	Await() error
	// Read waits until octets arrived and reads them.
	Read([]byte) (int, error)
	// SetReadDeadline bounds the wait of both; zero is no bound.
	SetReadDeadline(time.Time) error
	// Pending says whether octets have arrived that were not read.
	Pending() bool
	// Ended says whether the peer has ended its half, or all of it, be it that there are
	// octets left to read.
	Ended() bool
	// Write takes as many octets as it can without waiting; errAgain when that is none.
	Write(octets [][]byte) (int, error)
	// WriteWait is Write that waits until it can take something, or the deadline.
	WriteWait(octets [][]byte, deadline time.Time) (int, error)
	// Unanswered is how long ago the peer's end last acknowledged anything.
	Unanswered() time.Duration
	// CloseWrite ends our half, so that what was written is delivered before Close.
	CloseWrite()
	Close()
	Local() netip.AddrPort
	Remote() netip.AddrPort
}

// errAgain: the peer's window is full.
var errAgain = errors.New("the peer takes nothing at the moment")
