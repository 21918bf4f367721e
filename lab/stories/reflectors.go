package stories

func oneReflector(t *Teller) {
	load := t.Traffic(lively, across()...)
	t.Kill("rr1")
	load.Goes(1000)
	t.Start("rr1")
	t.Ready()
	load.LosesNothing("rr1 killed and back")
}

// upgradedReflector: SIGTERM, and another binary takes its place.
func upgradedReflector(t *Teller) {
	load := t.Traffic(lively, across()...)
	t.Stop("rr1")
	load.Goes(500)
	t.Start("rr1")
	t.Ready()
	load.LosesNothing("rr1 stopped and started")
}

// drainedReflector: rr2 has --drain, so that its peers prefer the other one before it
// ends.
func drainedReflector(t *Teller) {
	load := t.Traffic(lively, across()...)
	t.Stop("rr2")
	load.Goes(500)
	t.Start("rr2")
	t.Ready()
	load.LosesNothing("rr2 drained and back")
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
