package stories

// All are the stories, in the order they are told.
func All() []Story {
	return []Story{
		{"everybody reaches whom the policies allow, and nobody else", matrix},
		{"a traceroute shows the routers that are there, and no other", hops},
		{"a workload moves within its rack, to the other one, and home", moves},
		{"one of two reflectors dies, and comes back", oneReflector},
		{"both reflectors die, and come back", bothReflectors},
		{"etcd dies, and comes back", noEtcd},
		{"one of three etcds dies, and a workload moves all the same", oneEtcd},
	}
}

// matrix: from everywhere to everywhere, in both families.
func matrix(t *Teller) {
	var open, closed []flow
	for _, to := range places() {
		for _, from := range places() {
			switch {
			case from == to:
			case may(from.name, to.name):
				open = append(open, to.to(from.name)...)
			default:
				closed = append(closed, to.to(from.name)...)
			}
		}
	}
	t.reaches(open, closed)
}

// reaches: what is open arrives, all of it, and nothing of what is closed.
func (t *Teller) reaches(open, closed []flow) {
	refused := t.begin(casual, closed...)
	t.Traffic(casual, open...).LosesNothing("allowed")
	refused.Goes(5)
	for _, r := range refused.End("not allowed") {
		if r.Arrived > 0 {
			t.Fail("nothing allows it: %s, %d arrived", r, r.Arrived)
		}
	}
}

// hops: each router answers by an address of its own, on the way that packets take.
func hops(t *Teller) {
	for _, way := range []struct {
		from, to string
		hops     string
	}{
		{"web11", at("web21").four, "172.16.1.11 172.16.1.1 172.16.101.0 172.16.102.1 172.16.2.21 10.2.0.211"},
		{"web11", at("web21").six, "2001:db8:1::11 2001:db8:1::1 2001:db8:101::1 2001:db8:102::2 2001:db8:2::21 fd00:2::211"},
		{"web11", at("web12").four, "172.16.1.11 172.16.1.12 10.1.0.121"},
		{"outside", at("web22").four, "203.0.113.1 172.16.103.0 172.16.102.1 172.16.2.22 10.2.0.221"},
		{"outside", at("web22").six, "2001:db8:ffff::1 2001:db8:103::1 2001:db8:102::2 2001:db8:2::22 fd00:2::221"},
		{"web22", at("outside").four, "172.16.2.22 172.16.2.1 172.16.102.0 172.16.103.1 203.0.113.10"},
	} {
		got := t.traceroute(way.from, way.to)
		t.Say("%s to %s: %s", way.from, way.to, got)
		if got != way.hops {
			t.Fail("the way from %s to %s is %s, want %s", way.from, way.to, got, way.hops)
		}
	}
}

// moves: from everywhere to the one that moves. What is lost on the way is told; what
// is sent once it has moved must arrive.
func moves(t *Teller) {
	roamer := at("roamer")
	for _, m := range []struct{ from, to, port, what string }{
		{"host11", "host12", "eth2", "within the rack"},
		{"host12", "host21", "eth3", "to the other rack"},
		{"host21", "host11", "eth1", "home"},
	} {
		load := t.Traffic(lively, roamer.to("outside", "web22", "web12")...)
		t.Move(m.from, m.to)
		load.ArrivesBy(m.port)
		load.Goes(500)
		load.End(m.what)
		after := t.Traffic(lively, roamer.to("outside", "web22", "web12")...)
		after.Goes(200)
		after.LosesNothing("then")
		t.Ready()
	}
}

func oneReflector(t *Teller) {
	load := t.Traffic(lively, across()...)
	t.Kill("rr1")
	load.Goes(1000)
	t.Start("rr1")
	t.Ready()
	load.LosesNothing("rr1 killed and back")
}

// bothReflectors: hosts keep their routes, so that nothing is lost within a rack. ToRs,
// which each reflector served beside the other, forget theirs at once, and with them
// the summaries: between racks and to the outside packets are lost until one is back.
func bothReflectors(t *Teller) {
	near := t.Traffic(lively, append(at("db12").to("db11"), at("web22").to("web21")...)...)
	far := t.Traffic(lively, append(at("web21").to("web11", "outside"), at("outside").to("web12")...)...)
	t.Kill("rr1", "rr2")
	near.Goes(1500)
	t.Start("rr1", "rr2")
	t.Ready()
	near.LosesNothing("within racks")
	far.End("beyond them")
	again := t.Traffic(lively, across()...)
	again.Goes(500)
	again.LosesNothing("then")
}

// noEtcd: nothing happens while the inventory is away; when it is back it is followed.
func noEtcd(t *Teller) {
	etcds := t.Nodes("etcd")
	load := t.Traffic(lively, across()...)
	t.Kill(etcds...)
	load.Goes(1500)
	t.Start(etcds...)
	t.Ready()
	load.LosesNothing("all of etcd killed and back")
	t.Move("host11", "host12")
	t.Move("host12", "host11")
	t.Ready()
}

// oneEtcd: of three, one may be away, and the inventory is followed all the same.
func oneEtcd(t *Teller) {
	etcds := t.Nodes("etcd")
	if len(etcds) < 3 {
		t.Say("there is but one: see lab/topologies/three-etcd")
		return
	}
	t.Kill(etcds[2])
	t.Move("host11", "host12")
	t.Move("host12", "host11")
	t.Start(etcds[2])
	t.Ready()
}
