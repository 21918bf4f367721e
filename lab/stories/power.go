package stories

import "time"

// darkHost: a machine that loses power says nothing to anybody. What it ran is gone as
// long as it is; nobody else notices, and when it boots it need not wait until it is
// forgotten.
func darkHost(t *Teller) {
	others := t.Traffic(lively, append(at("web21").to("web11", "outside"), at("db12").to("db11", "db21")...)...)
	its := t.Traffic(lively, at("web22").to("web21", "outside", "web11")...).Aims("told")
	t.Cut("host22")
	others.Goes(2500) // five seconds
	began := time.Now()
	t.Start("host22")
	t.Took("reachable again, after it got power", its.Arrives(began), 10*time.Second)
	t.Ready()
	for _, rr := range t.reflectors() { // its routes would stand for the hold time in any case
		t.UntilSays(rr, "replaced by a new connection of the peer", true, "heddle", "show", "peers", "-o", "json")
	}
	others.LosesNothing("between other hosts")
	its.End("to the host that is away for 5 s")
	t.AllIsWell()
}

// darkSpine: all that crosses it is lost, and nothing else is.
func darkSpine(t *Teller) {
	near := t.Traffic(lively, within()...)
	far := t.Traffic(lively, append(at("web21").to("web11", "outside"), at("outside").to("web12")...)...).Aims("told")
	t.Cut("spine")
	near.Goes(1500)
	began := time.Now()
	t.Start("spine")
	t.Took("all ways are back, after it got power", far.Arrives(began), 0)
	t.Ready()
	near.LosesNothing("within racks")
	far.End("by the spine, which is away for 3 s")
	t.AllIsWell()
}

// agents: each in turn is killed, and then stopped and started as an upgrade does.
func agents(t *Teller) {
	load := t.Traffic(lively, across()...)
	for _, host := range t.agents() {
		t.Kill(host)
		load.Goes(100)
		t.Start(host)
		t.Whole()
		t.Stop(host)
		load.Goes(100)
		t.Start(host)
		t.Whole()
	}
	t.Ready()
	load.LosesNothing("each agent killed, and upgraded")
}
