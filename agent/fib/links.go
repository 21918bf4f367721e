package fib

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// skipStats (RTEXT_FILTER_SKIP_STATS) makes the answer a third as long.
const skipStats = 1 << 3

// Links lists the interfaces with their addresses.
func (k *Kernel) Links() ([]Link, error) {
	for attempt := 1; ; attempt++ {
		links, err := k.links()
		if errors.Is(err, ErrInterrupted) && attempt < 10 {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list interfaces: %w", err)
		}
		return links, nil
	}
}

func (k *Kernel) links() ([]Link, error) {
	var links []Link
	at := map[int]int{}
	b := k.ask.request(unix.RTM_GETLINK, 0, linkSize)
	b = appendUint32(b, unix.IFLA_EXT_MASK, skipStats)
	err := k.ask.dump(b, func(m message) {
		if m.kind == unix.RTM_NEWLINK && len(m.payload) >= linkSize {
			link := linkFrom(m.payload)
			at[link.Index] = len(links)
			links = append(links, link)
		}
	})
	if err != nil {
		return nil, err
	}
	err = k.addresses(unix.AF_UNSPEC, 0, func(index int, prefix netip.Prefix) {
		// An interface that came after the interfaces were read is left out with its
		// addresses: word of it is on the way.
		if i, ok := at[index]; ok {
			links[i].Addresses = append(links[i].Addresses, prefix)
		}
	})
	if err != nil {
		return nil, err
	}
	return links, nil
}

func linkFrom(b []byte) Link {
	flags := native.Uint32(b[8:])
	link := Link{
		Index:    int(int32(native.Uint32(b[4:]))),
		Up:       flags&unix.IFF_UP != 0 && flags&unix.IFF_LOWER_UP != 0,
		Loopback: flags&unix.IFF_LOOPBACK != 0,
	}
	for list := attributes(b[linkSize:]); ; {
		kind, value, ok := list.next()
		if !ok {
			return link
		}
		switch {
		case kind == unix.IFLA_IFNAME:
			link.Name = unix.ByteSliceToString(value)
		case kind == unix.IFLA_ADDRESS && len(value) == len(link.MAC):
			link.MAC = [6]byte(value)
		}
	}
}

// addresses calls each for the addresses of a family; of one interface if index is not zero. One that is gone has none.
func (k *Kernel) addresses(family uint8, index int, each func(index int, prefix netip.Prefix)) error {
	b := k.ask.request(unix.RTM_GETADDR, 0, addressSize)
	b[headerSize] = family
	native.PutUint32(b[headerSize+4:], uint32(index))
	err := k.ask.dump(b, func(m message) {
		b := m.payload
		if m.kind != unix.RTM_NEWADDR || len(b) < addressSize {
			return
		}
		// An old kernel gives those of all interfaces.
		at := int(native.Uint32(b[4:]))
		if prefix := addressFrom(b); index == 0 || at == index {
			each(at, prefix)
		}
	})
	if errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}

// addressFrom reads the address itself: IFA_ADDRESS is the other end's where there
// is an IFA_LOCAL.
func addressFrom(b []byte) netip.Prefix {
	var own, other []byte
	for list := attributes(b[addressSize:]); ; {
		kind, value, ok := list.next()
		if !ok {
			break
		}
		switch kind {
		case unix.IFA_LOCAL:
			own = value
		case unix.IFA_ADDRESS:
			other = value
		}
	}
	if own == nil {
		own = other
	}
	return prefixFrom(b[0], b[1], own)
}
