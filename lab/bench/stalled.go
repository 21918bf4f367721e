package bench

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// sendHoldMost is how long stalled clients are given to be closed: RFC 9687 §4 has
// the timer at 8 minutes.
const sendHoldMost = 9 * time.Minute

func playStalled(r *run) error {
	if err := r.connect(r.members()); err != nil {
		return err
	}
	stalled := r.members()[r.config.Clients-r.config.Stalled:]
	if err := r.e.silence(stalled); err != nil {
		return err
	}
	if err := r.load(); err != nil || !r.config.Closed {
		return err
	}
	if err := r.memory(); err != nil {
		return err
	}
	return r.awaitClosed(stalled)
}

// awaitClosed counts the stalled clients that the speaker closes.
func (r *run) awaitClosed(stalled []*client) error {
	stop := r.progress("send hold", func() (int, int) { return r.report.Closed, len(stalled) })
	defer stop()
	for begin := time.Now(); time.Since(begin) < sendHoldMost; {
		open, err := r.openSessions()
		if err != nil {
			return err
		}
		closed := 0
		for _, c := range stalled {
			if !open[kernelAddr(int(c.client))] {
				closed++
			}
		}
		if r.report.Closed = closed; closed == len(stalled) {
			return r.e.alive()
		}
		select {
		case <-r.ctx.Done():
			return r.ctx.Err()
		case <-time.After(time.Second):
		}
	}
	return fmt.Errorf("%d of %d stalled clients were closed in %s", r.report.Closed, len(stalled), sendHoldMost)
}

// openSessions asks the kernel which clients the speaker has a connection with. A
// client that does not read can't know: the end of the stream waits behind what it
// did not take.
func (r *run) openSessions() (open map[string]bool, err error) {
	var table []byte
	err = r.e.inside(func() (err error) {
		table, err = os.ReadFile("/proc/thread-self/net/tcp")
		return err
	})
	return openAt(string(table), r.target.address.Port()), err
}

// openAt reads /proc/net/tcp: the remote addresses of ESTABLISHED (01) connections
// of a local port.
//
//	sl  local_address rem_address   st …
//	 0: 0100007F:00B3 0100017F:D2F4 01 …
func openAt(table string, port uint16) map[string]bool {
	open := map[string]bool{}
	for line := range strings.Lines(table) {
		words := strings.Fields(line)
		if len(words) < 4 || words[3] != "01" || !strings.HasSuffix(words[1], fmt.Sprintf(":%04X", port)) {
			continue
		}
		address, _, _ := strings.Cut(words[2], ":")
		open[address] = true
	}
	return open
}

// kernelAddr is a client's address as /proc/net/tcp writes it on this machine's
// kind: octets in reverse.
func kernelAddr(client int) string {
	octets := clientAddr(client).As4()
	return fmt.Sprintf("%02X%02X%02X%02X", octets[3], octets[2], octets[1], octets[0])
}
