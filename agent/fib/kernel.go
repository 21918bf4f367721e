package fib

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// ErrInterrupted: what is in the kernel changed while it was read, so that what was
// read may lack something or say it twice. Reading again mends it.
var ErrInterrupted = errors.New("the kernel's tables changed while they were read")

// Kernel is the forwarding state of one network namespace: that of the thread that
// opened it, whatever thread uses it later. One goroutine at a time may use it.
type Kernel struct {
	write    *socket  // all that changes something; Watch knows us by its port
	ask      *socket  // all that reads
	news     *os.File // Watch's, opened with the others for the namespace's sake
	watching atomic.Bool
	ipv4     *os.Root // /proc/sys/net/ipv4 of the namespace
	ipv6     *os.Root // nil: the machine has no IPv6
	batch    batch
	dumped   dumped
}

// Open opens the sockets in the current network namespace.
func Open() (*Kernel, error) {
	k := &Kernel{}
	if err := k.open(); err != nil {
		k.Close()
		return nil, fmt.Errorf("kernel: %w", err)
	}
	return k, nil
}

func (k *Kernel) open() (err error) {
	if k.write, err = dial(); err != nil {
		return err
	}
	// What the kernel has to say to a change is there when the change was sent. To
	// wait for an answer that was lost would be for ever.
	if err := unix.SetNonblock(k.write.fd, true); err != nil {
		return err
	}
	if err := k.batch.prepare(k.write.fd); err != nil {
		return err
	}
	if k.ask, err = dial(); err != nil {
		return err
	}
	if k.news, err = listen(k.write.port); err != nil {
		return err
	}
	// An open folder of sysctls stays that of its namespace.
	if k.ipv4, err = os.OpenRoot("/proc/sys/net/ipv4"); err != nil {
		return err
	}
	if k.ipv6, err = os.OpenRoot("/proc/sys/net/ipv6"); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Close closes the sockets; a Watch that still runs ends. What is in the kernel stays.
func (k *Kernel) Close() {
	for _, s := range []*socket{k.write, k.ask} {
		if s != nil {
			s.close()
		}
	}
	if k.news != nil {
		_ = k.news.Close()
	}
	for _, r := range []*os.Root{k.ipv4, k.ipv6} {
		if r != nil {
			_ = r.Close()
		}
	}
}
