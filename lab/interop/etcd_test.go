package interop

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// etcdURL is where an etcd on the reflector's host answers.
const etcdURL = "http://127.0.0.1:2379"

// etcd is Debian's, in a process of its own on the reflector's host.
type etcd struct {
	*host
	*process
}

// startEtcd starts it on the data that it left, if it ran before.
func (r *reflector) startEtcd() *etcd {
	r.f.t.Helper()
	e := &etcd{host: r.host}
	cmd := exec.Command("etcd", "--data-dir", r.path("etcd"), "--listen-client-urls", etcdURL, "--advertise-client-urls", etcdURL,
		"--listen-peer-urls", "http://127.0.0.1:2380", "--initial-advertise-peer-urls", "http://127.0.0.1:2380",
		"--initial-cluster", "default=http://127.0.0.1:2380", "--log-level", "error", "--unsafe-no-fsync")
	e.process = r.launch(cmd)
	r.f.until("etcd to answer", func() string {
		if out, err := e.ctl("get", "nothing"); err != nil {
			return err.Error() + string(out)
		}
		return ""
	})
	return e
}

// stop kills etcd alone.
func (e *etcd) stop() {
	e.f.must(e.cmd.Process.Kill())
	<-e.ended
}

// etcdctl is a command to the etcd at some URLs. It waits for an answer longer than it
// would of its own accord: the machine may be slow.
func etcdctl(urls string, words ...string) *exec.Cmd {
	cmd := exec.Command("etcdctl", append([]string{"--endpoints", urls, "--command-timeout", "30s"}, words...)...)
	cmd.Env = append(os.Environ(), "ETCDCTL_API=3")
	return cmd
}

func (e *etcd) ctl(words ...string) ([]byte, error) {
	return e.space.Output(etcdctl(etcdURL, words...))
}

func (e *etcd) must(words ...string) string {
	e.f.t.Helper()
	out, err := e.ctl(words...)
	e.f.must(err)
	return string(out)
}

func (e *etcd) put(key, value string) { e.f.t.Helper(); e.must("put", "/heddle/v1/"+key, value) }

// del deletes a key, and says that it was meant, as `heddle delete` does.
func (e *etcd) del(key string) {
	e.f.t.Helper()
	e.lose(key)
	e.put("accepted", fmt.Sprintf(`{"at":%q,"paths":["/heddle/v1/%s"]}`, time.Now().Format(time.RFC3339Nano), key))
}

// lose deletes keys, and nobody says anything.
func (e *etcd) lose(words ...string) {
	e.f.t.Helper()
	words[0] = "/heddle/v1/" + words[0]
	e.must(append([]string{"del"}, words...)...)
}

// keys are the paths that it has below a prefix.
func (e *etcd) keys(prefix string) []string {
	e.f.t.Helper()
	return strings.Fields(e.must("get", "--prefix", "--keys-only", "/heddle/v1/"+prefix))
}

// node puts a host with the address its session comes from.
func (e *etcd) node(h *host) {
	e.f.t.Helper()
	e.put("nodes/"+h.name, `{"addresses":["`+h.address().String()+`"]}`)
}

// compact forgets all revisions but the last.
func (e *etcd) compact() {
	var shown struct {
		Header struct{ Revision json.Number }
	}
	e.f.must(json.Unmarshal([]byte(e.must("get", "nothing", "-w", "json")), &shown))
	e.must("compact", "--physical", shown.Header.Revision.String())
}

// show is the answer of `heddle show`.
func show[T any](r *reflector, list string) []T {
	r.f.t.Helper()
	out, err := r.query(heddle, "show", list, "-o", "json")
	r.f.must(err)
	var values []T
	r.f.must(json.Unmarshal(out, &values))
	return values
}

// shownPeer is a peer as `heddle show peers` has it.
type shownPeer struct{ Name, State string }

// peers are the names of those that the reflector knows, sorted.
func (r *reflector) peers() []string {
	var names []string
	for _, p := range show[shownPeer](r, "peers") {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return names
}

// problems are the lines of `heddle show problems` that have all the words.
func (r *reflector) problems(words ...string) []string {
	r.f.t.Helper()
	type problem struct{ Area, Object, Text string }
	var lines []string
	for _, p := range show[problem](r, "problems") {
		line := p.Area + " " + p.Object + " " + p.Text
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			lines = append(lines, line)
		}
	}
	return lines
}
