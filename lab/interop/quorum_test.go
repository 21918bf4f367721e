package interop

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// quorum is an etcd of three members on the reflector's host.
type quorum struct {
	*host
	members []*process
}

func memberURL(i int) string { return fmt.Sprintf("http://127.0.0.1:%d", 2379+10*i) }

func quorumURLs() string { return memberURL(0) + "," + memberURL(1) + "," + memberURL(2) }

func (r *reflector) startQuorum() *quorum {
	r.f.t.Helper()
	q := &quorum{host: r.host}
	for i := range 3 {
		q.members = append(q.members, q.start(i, "new"))
	}
	q.untilHealthy()
	return q
}

// start starts a member on what it left, if it ran before.
func (q *quorum) start(i int, state string) *process {
	var cluster []string
	for j := range 3 {
		cluster = append(cluster, fmt.Sprintf("m%d=http://127.0.0.1:%d", j, 2380+10*j))
	}
	peer := fmt.Sprintf("http://127.0.0.1:%d", 2380+10*i)
	return q.launch(exec.Command("etcd", "--name", fmt.Sprintf("m%d", i), "--data-dir", q.path(fmt.Sprintf("etcd%d", i)),
		"--listen-client-urls", memberURL(i), "--advertise-client-urls", memberURL(i),
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", strings.Join(cluster, ","),
		"--initial-cluster-state", state, "--log-level", "error", "--unsafe-no-fsync"))
}

func (q *quorum) ctl(words ...string) (string, error) {
	out, err := q.space.Output(etcdctl(quorumURLs(), words...))
	return string(out), err
}

// untilHealthy gives the number of the member that leads.
func (q *quorum) untilHealthy() (leader int) {
	q.f.t.Helper()
	q.f.until("three members to agree on a leader", func() string {
		if leader = q.leader(); leader < 0 {
			return "they don't"
		}
		return ""
	})
	return leader
}

// leader is the number of the member that leads, once all three say the same; else -1.
func (q *quorum) leader() int {
	leaders := map[string]bool{}
	leads := -1
	for i := range 3 {
		out, err := q.space.Output(etcdctl(memberURL(i), "endpoint", "status", "-w", "json"))
		var shown []struct {
			Status struct {
				Leader json.Number `json:"leader"`
				Header struct {
					Member json.Number `json:"member_id"`
				} `json:"header"`
			}
		}
		if err != nil || json.Unmarshal(out, &shown) != nil || len(shown) != 1 || shown[0].Status.Leader == "" {
			return -1
		}
		leaders[shown[0].Status.Leader.String()] = true
		if shown[0].Status.Leader == shown[0].Status.Header.Member {
			leads = i
		}
	}
	if len(leaders) != 1 {
		return -1
	}
	return leads
}

// put goes on until a majority has it.
func (q *quorum) put(key, value string) {
	q.f.t.Helper()
	q.f.until(key+" to be written", func() string {
		if out, err := q.ctl("put", "/heddle/v1/"+key, value); err != nil {
			return out + err.Error()
		}
		return ""
	})
}

func TestLeadersOfEtcdDieAndNobodyNotices(t *testing.T) {
	t.Parallel()
	f := emptyFabric(t, "quorum")
	f.self = f.reflector("heddle", 1, "")
	f.self.etcd = quorumURLs()
	f.listen()
	q := f.self.startQuorum()
	f.self.start()
	all := []speaker{f.bird(nBird), f.frr(nFRR), f.probe("probe", nProbe)}
	f.step("hosts have sessions", func() {
		for _, s := range all {
			q.put("nodes/"+s.who().name, `{"addresses":["`+s.who().v4.String()+`"]}`)
		}
		f.startWith(all, plain)
		f.agree()
	})
	for round := range 4 {
		guest := f.probe(fmt.Sprintf("guest%d", round), 21+byte(round))
		f.step("the leader is killed under churn; who comes then has a session, and nobody else hears of it", func() {
			f.undisturbed(all, func() {
				leader := q.untilHealthy() // who led may have lost that: a busy machine is enough
				f.must(q.members[leader].cmd.Process.Kill())
				<-q.members[leader].ended
				for n := range 20 {
					q.put("pools/churn", fmt.Sprintf(`{"prefix":"10.%d.0.0/16"}`, n))
				}
				q.put("nodes/"+guest.name, `{"addresses":["`+guest.v4.String()+`"]}`)
				f.start(guest)
				f.agree()
				q.members[leader] = q.start(leader, "existing")
				q.untilHealthy()
			})
		})
		all = append(all, guest)
	}
	f.step("what the reflector has is what etcd has, and nothing was ever wrong", func() {
		want := []string{"bird", "frr", "guest0", "guest1", "guest2", "guest3", "probe"}
		if got := f.self.peers(); !slices.Equal(got, want) {
			t.Errorf("peers are %q, want %q", got, want)
		}
		f.until("no problems with etcd", func() string { return strings.Join(f.self.problems("etcd"), "\n") })
		if got := f.self.problems("told of changes"); len(got) > 0 {
			t.Errorf("%q", got)
		}
	})
}
