package runner

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"heddle/lab/probe"
)

// ear listens in a node for a stream.
type ear struct {
	*machine
	*probe.Listener
}

// ears listen for one stream wherever its address is: in one node, but for anycast.
type ears []ear

// listen has all nodes that have the address listen.
func (s *supervisor) listen(o ProbeOrder, port uint16) (ears, error) {
	var all ears
	for _, name := range append([]string{o.To}, o.Also...) {
		m, err := s.machine(name)
		if err != nil {
			all.close()
			return nil, err
		}
		l, err := probe.Listen(m.space, []netip.Addr{o.Address}, port, true)
		if err != nil {
			all.close()
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, ear{m, l})
	}
	return all, nil
}

func (e ears) close() {
	for _, one := range e {
		one.Close()
	}
}

// stride tells the ports of one node from those of the next: the kernel numbers them in 31
// bits, and the ends of the lab's cables begin beyond 16.
const stride = 1 << 32

// Arrivals implements probe.Hearer.
func (e ears) Arrivals(stream uint32) []probe.Arrival {
	var all []probe.Arrival
	for i, one := range e {
		for _, a := range one.Listener.Arrivals(stream) {
			a.Port += i * stride
			all = append(all, a)
		}
	}
	slices.SortStableFunc(all, func(a, b probe.Arrival) int { return a.At.Compare(b.At) })
	return all
}

// ports gives the names of all ports; where there is more than one node, with its name.
func (e ears) ports() (map[int]string, error) {
	all := map[int]string{}
	var errs []error
	for i, one := range e {
		names, err := probe.Ports(one.space)
		errs = append(errs, err)
		for index, name := range names {
			if len(e) > 1 {
				name = one.Name + ":" + name
			}
			all[index+i*stride] = name
		}
	}
	return all, errors.Join(errs...)
}
