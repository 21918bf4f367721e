package interop

import (
	"encoding/hex"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// reflector is heddle, in a process of its own.
type reflector struct {
	*host
	*process
	cluster    netip.Addr
	flags      []string
	inventory  string
	etcd       string          // URLs of the etcd that has its inventory; empty: a file has
	nonClients map[string]bool // speakers that are not clients, by name
}

func (f *fabric) reflector(name string, n byte, inventory string, flags ...string) *reflector {
	f.t.Helper()
	h := f.host(name, n)
	r := &reflector{host: h, cluster: h.v4, flags: flags, nonClients: map[string]bool{}}
	r.inventory = h.file("inventory.yaml", inventory)
	return r
}

// start runs heddle and waits for it to listen.
func (r *reflector) start() {
	r.f.t.Helper()
	args := []string{
		"reflector", "--name", r.name, "--listen", r.v4.String(), "--listen", r.v6.String(),
		"--router-id", r.v4.String(), "--cluster-id", r.cluster.String(),
		"--defer", "1", // not every host of the plans here is started
	}
	if r.etcd != "" {
		args = append(args, "--etcd", r.etcd, "--http", "127.0.0.1:8179", "--data-dir", r.path("data"))
	} else {
		args = append(args, "--etcd", "off", "--inventory", r.inventory, "--http", "")
	}
	r.process = r.run(heddle, append(args, r.flags...)...)
	r.f.until(r.name+" to listen", func() string {
		return r.notListening()
	})
}

func (r *reflector) notListening() string {
	select {
	case <-r.ended:
		r.f.t.Fatalf("%s ended:\n%s", r.name, tail(r.path("log")))
	default:
	}
	for _, file := range []string{"tcp", "tcp6"} {
		sockets, err := r.proc("net/" + file)
		if err != nil {
			return err.Error()
		}
		if !strings.Contains(sockets, ":00B3 ") {
			return "no socket on port 179 in " + file
		}
	}
	return ""
}

// proc reads a file of /proc as it is inside the namespace.
func (h *host) proc(file string) (string, error) {
	var content []byte
	err := h.space.Do(func() (err error) {
		content, err = os.ReadFile("/proc/thread-self/" + file)
		return err
	})
	return string(content), err
}

// counter reads a counter of the kernel's TCP.
func (h *host) counter(name string) uint64 {
	text, err := h.proc("net/netstat")
	h.f.must(err)
	lines := strings.Split(text, "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		values := strings.Fields(lines[i+1])
		for at, column := range strings.Fields(lines[i]) {
			if column == name {
				n, err := strconv.ParseUint(values[at], 10, 64)
				h.f.must(err)
				return n
			}
		}
	}
	h.f.t.Fatalf("the kernel has no counter %s", name)
	return 0
}

func number(text string) uint32 {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		panic("interop: " + err.Error())
	}
	return uint32(n)
}

func octets(text string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		panic("interop: " + err.Error())
	}
	return b
}
