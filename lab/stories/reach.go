package stories

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
	t.Reaches(casual, open...)
	refused := t.begin(casual, closed...)
	t.Traffic(casual, open...).LosesNothing("allowed")
	refused.Goes(5)
	refused.Refused("not allowed")
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
		// Kernels answer but so many a second, and a busy machine late.
		t.Until("the way from "+way.from+" to "+way.to+" to be "+way.hops, func() string {
			if got := t.traceroute(way.from, way.to); got != way.hops {
				return "it is " + got
			}
			return ""
		})
		t.Say("%s to %s: %s", way.from, way.to, way.hops)
	}
}
