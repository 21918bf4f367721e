package hosts

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"heddle/bgp"
	"heddle/peering/wire"
)

const (
	feederAddress = "172.31.255.252"
	benchASN      = 64512
	// hopsMost is over how many next hops the routes lead.
	hopsMost = 1000
)

// nthRoute is a host route; nthHop is a neighbour on the link. Routes of a next hop come
// one behind the other, as a reflector packs them.
func nthRoute(i int) uint32 { return 10<<24 | uint32(i) }

func nthHop(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{172, 31, byte(i >> 8), byte(i + 1)})
}

func addr4(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n)))
}

// hopOf is where a route of a load of so many leads.
func hopOf(i, count int) int { return i / max(1, count/hopsMost) % hopsMost }

// load is UPDATEs of so many routes, and End-of-RIB.
func load(count int) []byte {
	p := wire.Packer{Limit: wire.MaxMessage}
	for i := range count {
		if i == 0 || hopOf(i, count) != hopOf(i-1, count) {
			p.Close()
			p.Announce(bgp.IPv4Unicast, attributes(nthHop(hopOf(i, count))), netip.Addr{})
		}
		p.Add4(nthRoute(i), 32)
	}
	p.Close()
	return wire.AppendEndOfRIB(p.Octets, bgp.IPv4Unicast)
}

// attributes is those of a reflected route.
func attributes(hop netip.Addr) []byte {
	of := wire.Originated(bgp.IPv4Unicast, hop)
	list := append(append([]byte(nil), of.Before...), of.After...)
	list = append(list, byte(bgp.FlagOptional), byte(bgp.AttrOriginatorID), 4)
	list = append(list, hop.AsSlice()...)
	return append(list, byte(bgp.FlagOptional), byte(bgp.AttrClusterList), 4, 172, 31, 255, 252)
}

// move is an UPDATE that has a route lead elsewhere.
func move(route uint32, hop netip.Addr) []byte {
	p := wire.Packer{Limit: wire.MaxMessage}
	p.Announce(bgp.IPv4Unicast, attributes(hop), netip.Addr{})
	p.Add4(route, 32)
	p.Close()
	return p.Octets
}

// feeder is a reflector that says what it is told, to whoever connects.
type feeder struct {
	f      *fabric
	listen net.Listener
	mu     sync.Mutex
	conn   net.Conn // Established; nil: nobody is there
}

// feed starts one at a node.
func (n *node) feed() *feeder {
	n.f.t.Helper()
	d := &feeder{f: n.f}
	n.f.must(n.space.Do(func() (err error) {
		d.listen, err = net.Listen("tcp", feederAddress+":179")
		return err
	}))
	n.f.t.Cleanup(d.close)
	go d.serve()
	return d
}

func (d *feeder) close() {
	_ = d.listen.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn != nil {
		_ = d.conn.Close()
	}
}

// serve takes one session after another.
func (d *feeder) serve() {
	for {
		conn, err := d.listen.Accept()
		if err != nil {
			return
		}
		_ = d.session(conn)
		_ = conn.Close()
		d.mu.Lock()
		d.conn = nil
		d.mu.Unlock()
	}
}

func (d *feeder) session(conn net.Conn) error {
	o := wire.Open{ASN: benchASN, HoldTime: 240, RouterID: 172<<24 | 31<<16 | 255<<8 | 252, Capabilities: wire.Capabilities{
		Multiprotocol: true, Families: bgp.FamiliesOf(bgp.IPv4Unicast), FourOctetAS: true, RouteRefresh: true,
	}}
	hello, err := o.Append(nil)
	if err != nil {
		return err
	}
	if _, err := conn.Write(wire.AppendKeepalive(hello)); err != nil {
		return err
	}
	for {
		kind, err := receive(conn)
		if err != nil || kind == wire.TypeNotification {
			return err
		}
		if kind == wire.TypeKeepalive && d.established(conn) {
			go d.keepAlive(conn)
		}
	}
}

func (d *feeder) established(conn net.Conn) (first bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	first = d.conn == nil
	d.conn = conn
	return first
}

func (d *feeder) keepAlive(conn net.Conn) {
	for range time.Tick(10 * time.Second) {
		d.mu.Lock()
		if d.conn != conn {
			d.mu.Unlock()
			return
		}
		_, _ = conn.Write(wire.AppendKeepalive(nil))
		d.mu.Unlock()
	}
}

// receive reads a message and gives its kind.
func receive(conn net.Conn) (wire.Type, error) {
	head := make([]byte, wire.HeaderLength)
	if _, err := io.ReadFull(conn, head); err != nil {
		return 0, err
	}
	_, err := io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint16(head[16:]))-wire.HeaderLength)
	return wire.Type(head[18]), err
}

// say sends octets to whoever is there.
func (d *feeder) say(octets []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn == nil {
		return errors.New("nobody is connected to the feeder")
	}
	_, err := d.conn.Write(octets)
	return err
}

// connected says what is missing until somebody is there.
func (d *feeder) connected() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn == nil {
		return "nobody is connected to the feeder"
	}
	return ""
}
