package fib

import (
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"
)

const (
	// sendSize is how much goes to the kernel at a time. The kernel does it all
	// within the call, about 3,500 IPv4 routes in 5 ms.
	sendSize = 256 << 10
	// messageMost is what the message of one route may have: about 500 hops in IPv6.
	messageMost = 16 << 10
	// answerSize is more than the kernel counts for one error in a receive buffer.
	answerSize = 2048
	// answersWanted of room for errors: more than a full buffer has messages.
	answersWanted = 4096
)

// batch is messages that wait to be sent.
type batch struct {
	out      []byte
	starts   []int  // where each message is
	most     int    // messages whose errors fit into the receive buffer
	size     int    // octets that fit into the send buffer
	seq      uint32 // of the last message
	failures []Failure
}

func (b *batch) prepare(fd int) error {
	room, err := receiveBuffer(fd, answersWanted*answerSize/2) // the kernel doubles it
	if err != nil {
		return err
	}
	b.most = max(1, room/answerSize)
	if room, err = sendBuffer(fd, sendSize); err != nil {
		return err
	}
	// Half, for the kernel also counts its own bookkeeping.
	b.size = max(2*messageMost, min(sendSize, room/2))
	return nil
}

// Replace puts a route in place of one of ours with the same prefix, or adds it. It
// may be sent at once or by Flush, which says whether it worked.
//
// Of several hops in IPv6, those without a gateway must be ports whose Port had the
// workload's MAC address: packets over others wait for an answer that nobody gives.
func (k *Kernel) Replace(r Route) {
	if !r.Prefix.IsValid() || len(r.Hops) == 0 {
		k.batch.fail(r.Prefix, unix.EINVAL)
		return
	}
	if hopSize*2*len(r.Hops) > messageMost/2 {
		k.batch.fail(r.Prefix, unix.EMSGSIZE)
		return
	}
	k.add(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, r)
}

// Remove removes our route to a prefix, and no other. It may be sent at once or by
// Flush. That there is none is no failure.
func (k *Kernel) Remove(prefix netip.Prefix) {
	if !prefix.IsValid() {
		k.batch.fail(prefix, unix.EINVAL)
		return
	}
	k.add(unix.RTM_DELROUTE, 0, Route{Prefix: prefix})
}

// Flush sends what is left, waits until the kernel has done everything since the
// last Flush, and names each route that failed, in order.
func (k *Kernel) Flush() []Failure {
	k.send()
	failures := k.batch.failures
	k.batch.failures = nil
	return failures
}

func (b *batch) fail(prefix netip.Prefix, err error) {
	b.failures = append(b.failures, Failure{prefix, err})
}

func (k *Kernel) add(kind int, flags uint16, r Route) {
	b := &k.batch
	if len(b.starts) == b.most || len(b.out) > b.size-messageMost {
		k.send()
	}
	if b.out == nil {
		b.out = make([]byte, 0, b.size)
	}
	start := len(b.out)
	b.seq++
	b.starts = append(b.starts, start)
	b.out = appendRoute(begin(b.out, kind, flags, b.seq, routeSize), start, kind, r)
	end(b.out, start)
}

// send empties the buffer. The kernel does the work before write returns, and leaves
// an answer for each message that failed and for the last, which asks for one.
func (k *Kernel) send() {
	b := &k.batch
	if len(b.starts) == 0 {
		return
	}
	flags := b.out[b.starts[len(b.starts)-1]+6:]
	native.PutUint16(flags, native.Uint16(flags)|unix.NLM_F_ACK)
	if err := k.write.send(b.out); err != nil {
		k.failAll(err)
	} else if before := len(b.failures); !k.collect() {
		// Nobody knows which failed, so all did: to write them again does no harm.
		b.failures = b.failures[:before]
		k.failAll(unix.ENOBUFS)
	}
	b.out, b.starts = b.out[:0], b.starts[:0]
}

func (k *Kernel) failAll(err error) {
	for i := range k.batch.starts {
		k.batch.fail(k.batch.prefix(i), err)
	}
}

// collect reads the answers to the end; it is false if the kernel had to drop some.
func (k *Kernel) collect() (complete bool) {
	first := k.batch.seq - uint32(len(k.batch.starts)) + 1
	for lost := false; ; {
		in, err := k.write.read()
		switch {
		case errors.Is(err, unix.ENOBUFS):
			lost = true
			continue
		case err != nil:
			return false
		}
		for m, rest, ok := cut(in); ok; m, rest, ok = cut(rest) {
			i := int(m.seq - first)
			if m.kind != unix.NLMSG_ERROR || i >= len(k.batch.starts) {
				continue
			}
			k.judge(i, m)
			if i == len(k.batch.starts)-1 && !lost {
				return true
			}
		}
	}
}

func (k *Kernel) judge(i int, m message) {
	err := m.verdict()
	removal := native.Uint16(k.batch.out[k.batch.starts[i]+4:]) == unix.RTM_DELROUTE
	if err == nil || removal && errors.Is(err, unix.ESRCH) {
		return
	}
	k.batch.fail(k.batch.prefix(i), err)
}

// prefix reads the i-th message back: that is where its prefix is remembered.
func (b *batch) prefix(i int) netip.Prefix {
	m := b.out[b.starts[i]+headerSize:]
	addr := m[routeSize+attrSize:]
	if m[0] == unix.AF_INET {
		return prefixFrom(m[0], m[1], addr[:4])
	}
	return prefixFrom(m[0], m[1], addr[:16])
}
