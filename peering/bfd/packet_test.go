package bfd_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"heddle/peering/bfd"
)

// asked is what FRR sent on its way up.
var asked = bfd.Packet{
	State: bfd.Init, Poll: true, Multiplier: 3, My: 0x4332_1a5f, Your: 0x8f25_ee10,
	DesiredMinTx: time.Second, RequiredMinRx: 300 * time.Millisecond, RequiredMinEchoRx: 50 * time.Millisecond,
}

const askedOctets = "20a0031843321a5f8f25ee10000f4240000493e00000c350"

func TestPacketsAreWrittenAsRFC5880DrawsThem(t *testing.T) {
	if got := hex.EncodeToString(asked.Append(nil)); got != askedOctets {
		t.Errorf("written as %s, want %s", got, askedOctets)
	}
	every := bfd.Packet{
		Diagnostic: 31, State: bfd.Up, Final: true, Independent: true, Demand: true, Multiplier: 255, My: 1, Your: 2,
		DesiredMinTx: (1<<32 - 1) * time.Microsecond,
	}
	if got := hex.EncodeToString(every.Append(nil)); got != "3fdaff180000000100000002ffffffff0000000000000000" {
		t.Errorf("written as %s", got)
	}
}

// RFC 5880 §6.8.6.
func TestPacketsThatArePassedAndDiscarded(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func([]byte) []byte
		want   error
	}{
		{"a good one", func(b []byte) []byte { return b }, nil},
		{"octets beyond its length", func(b []byte) []byte { return append(b, 1, 2, 3) }, nil},
		{"no discriminator of ours, in Down", set(8, 0, 0, 0, 0, 1, 0x40), nil},
		{"no discriminator of ours, in AdminDown", set(8, 0, 0, 0, 0, 1, 0), nil},
		{"no discriminator of ours, in Init", set(8, 0, 0, 0, 0), bfd.ErrYours},
		{"no discriminator of ours, in Up", set(8, 0, 0, 0, 0, 1, 0xc0), bfd.ErrYours},
		{"nothing", func([]byte) []byte { return nil }, bfd.ErrShort},
		{"23 octets", func(b []byte) []byte { return b[:23] }, bfd.ErrShort},
		{"version 0", set(0, 0), bfd.ErrVersion},
		{"version 2", set(0, 0x40), bfd.ErrVersion},
		{"a length of 23", set(3, 23), bfd.ErrLength},
		{"a length beyond the datagram", set(3, 25), bfd.ErrLength},
		{"authentication, and no room for it", set(1, 0x44), bfd.ErrLength},
		{"authentication, which is not in use", func(b []byte) []byte { b[1], b[3] = 0x44, 26; return append(b, 1, 2) }, bfd.ErrAuthenticated},
		{"a multiplier of 0", set(2, 0), bfd.ErrMultiplier},
		{"the multipoint bit", set(1, 0x41), bfd.ErrMultipoint},
		{"no discriminator of the peer", set(4, 0, 0, 0, 0), bfd.ErrMine},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := bfd.Parse(c.change(asked.Append(nil)))
			if !errors.Is(err, c.want) {
				t.Errorf("error is %v, want %v", err, c.want)
			}
			if c.name == "a good one" && p != asked {
				t.Errorf("read as %+v, want %+v", p, asked)
			}
		})
	}
}

// set overwrites octets from a place on; a place and a value more may follow four.
func set(at int, values ...byte) func([]byte) []byte {
	return func(b []byte) []byte {
		if len(values) == 6 {
			b[values[4]] = values[5]
			values = values[:4]
		}
		copy(b[at:], values)
		return b
	}
}

// What is read is written as it was, and nothing makes the reader panic.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		askedOctets, "", "20", "20c803180000000100000002000493e0000493e000000000", // Up, independent of the control plane
		"2140031800000001000000000" + "00f4240000f424000000000", // Down, after silence
		"2044031a0000000100000002000f4240000f424000000000" + "0102", "00a0031843321a5f8f25ee10000f4240000493e00000c350",
	} {
		octets, err := hex.DecodeString(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(octets)
	}
	f.Fuzz(func(t *testing.T, octets []byte) {
		p, err := bfd.Parse(octets)
		if err != nil {
			return
		}
		again := p.Append(nil)
		want := bytes.Clone(octets[:bfd.Length])
		want[3] = bfd.Length // what follows is not kept
		if !bytes.Equal(again, want) {
			t.Errorf("% x is written as % x", want, again)
		}
	})
}
