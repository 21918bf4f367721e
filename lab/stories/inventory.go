package stories

import "strings"

// noEtcd: nothing happens while the inventory is away; when it is back it is followed.
func noEtcd(t *Teller) {
	etcds := t.Nodes("etcd")
	load := t.Traffic(lively, across()...)
	t.Kill(etcds...)
	load.Goes(1500)
	t.Start(etcds...)
	t.Ready()
	load.LosesNothing("all of etcd killed and back")
	t.Move("host11", "host12", planned)
	t.Move("host12", "host11", planned)
	t.Ready()
}

// longNoEtcd: what begins without etcd goes by its disk. While nobody can hear of it,
// the inventory changes and its history is thrown away; then it is back.
func longNoEtcd(t *Teller) {
	etcd := t.Nodes("etcd")
	load := t.Traffic(lively, across()...)
	t.Kill(etcd...)
	t.bounce("host21", "tap2", at("db21"))
	t.Kill("rr1")
	load.Goes(100)
	t.Start("rr1")
	t.Whole(etcd...)
	t.Kill("host11")
	t.Start("host11")
	t.Whole(etcd...)
	t.compacted(etcd[0])
	t.Ready()
	load.LosesNothing("etcd away; a workload's interface, rr1 and an agent restart; history compacted")
	t.AllIsWell()
}

// bounce takes a workload's interface down until nobody knows the address, and up.
func (t *Teller) bounce(host, port string, p place) {
	t.Run(host, "ip", "link", "set", port, "down")
	t.UntilSays("rr2", "host", false, "heddle", "show", "routes", p.four+"/32")
	t.Run(host, "ip", "link", "set", port, "up")
	t.UntilSays("rr2", host, true, "heddle", "show", "routes", p.four+"/32")
	t.Reaches(lively, p.to("web11")...)
	again := t.Traffic(lively, p.to("web11")...)
	again.Goes(50)
	again.LosesNothing("the workload whose interface was down, then")
}

// compacted starts etcd where nobody reaches it, changes something, forgets how, and
// lets the others in.
func (t *Teller) compacted(etcd string) {
	t.Start(etcd)
	t.Run(etcd, "ip", "link", "set", "eth1", "down")
	t.Run(etcd, "sh", "-c", "until etcdctl --command-timeout 1s endpoint health; do sleep 0.1; done")
	t.Apply("kind: tag\nname: fresh\nid: 777\n")
	t.Run(etcd, "sh", "-c", `etcdctl --command-timeout 30s compact $(etcdctl --command-timeout 30s endpoint status -w json | grep -o '"revision":[0-9]*' | grep -o '[0-9]*')`)
	t.Run(etcd, "sh", "-c", "ip link set eth1 up && ip route replace default via 172.16.0.1")
	t.Delete("tag", "fresh")
}

func wiped(t *Teller)          { wipe(t, "/heddle/v1/") }
func wipedWorkloads(t *Teller) { wipe(t, "/heddle/v1/workloads/") }

// wipe: a slip of the finger. Nobody acts on it, everybody says so, and what the
// reflectors remember puts it back.
func wipe(t *Teller, prefix string) {
	before := t.inventory()
	load := t.Traffic(lively, across()...)
	t.Run(t.Nodes("etcd")[0], "etcdctl", "--command-timeout", "30s", "del", "--prefix", prefix)
	for _, rr := range t.reflectors() {
		t.UntilSays(rr, "you decide", true, "heddle", "show", "withheld")
		t.UntilSays(rr, "heddle accept", true, "heddle", "show", "problems")
	}
	for _, host := range t.agents() {
		t.UntilSays(host, "heddle accept", true, "heddle-agent", "show", "problems")
	}
	load.Goes(1000)
	t.Run("rr1", "heddle", "reject", "--etcd", "http://172.16.0.10:2379")
	for _, rr := range t.reflectors() {
		t.UntilSays(rr, "nothing is withheld", true, "heddle", "show", "withheld")
	}
	for _, host := range t.agents() {
		t.UntilSays(host, "heddle accept", false, "heddle-agent", "show", "problems")
	}
	if after := t.inventory(); after != before {
		t.Fail("the inventory is not what it was: %s", differs(before, after))
	}
	t.Ready()
	load.LosesNothing("del --prefix " + prefix + ", then reject")
}

// differs gives the objects that only one of two inventories has.
func differs(before, after string) string {
	var out []string
	for sign, pair := range map[string][2]string{"- ": {before, after}, "+ ": {after, before}} {
		for _, object := range strings.Split(pair[0], "---\n") {
			if !strings.Contains(pair[1], object) {
				out = append(out, sign+strings.ReplaceAll(object, "\n", " "))
			}
		}
	}
	return strings.Join(out, "; ")
}
