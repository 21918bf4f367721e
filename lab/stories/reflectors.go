package stories

// oneReflector: rr2 dies when rr1 is back, so that rr1 must have learnt and told all again.
func oneReflector(t *Teller) {
	isAway(t, t.Kill, "rr1", 1000, "rr1 killed and back")
	isAway(t, t.Kill, "rr2", 1000, "then rr2 killed and back")
}

// upgradedReflector: SIGTERM and a start, one reflector after the other.
func upgradedReflector(t *Teller) {
	isAway(t, t.Stop, "rr1", 500, "rr1 stopped and started")
	isAway(t, t.Stop, "rr2", 500, "then rr2 stopped and started")
}

// drainedReflector: rr2 has --drain, so that its peers prefer the other one before it
// ends.
func drainedReflector(t *Teller) {
	isAway(t, t.Stop, "rr2", 500, "rr2 drained and back")
}

// isAway has a node end, and come back after so many packets.
func isAway(t *Teller, end func(nodes ...string), node string, packets int, what string) {
	load := t.Traffic(lively, across()...)
	end(node)
	load.Goes(packets)
	t.Start(node)
	t.Ready()
	load.LosesNothing(what)
}

// bothReflectors: hosts keep their routes, so that nothing is lost within a rack. ToRs,
// which each reflector served beside the other, forget theirs at once, and with them
// the summaries: between racks and to the outside packets are lost until one is back.
func bothReflectors(t *Teller) {
	near := t.Traffic(lively, within()...)
	one := t.Traffic(lively, at("web11").to("outside")...).Aims("told")
	two := t.Traffic(lively, at("web21").to("outside")...).Aims("told")
	both := t.Traffic(lively, at("web22").to("web12")...).Aims("told")
	t.Kill("rr1", "rr2")
	near.Goes(1500)
	t.Start("rr1", "rr2")
	t.Ready()
	near.LosesNothing("within racks")
	one.End("from outside by tor1")
	two.End("from outside by tor2")
	both.End("between racks, by both")
	t.AllIsWell()
}
