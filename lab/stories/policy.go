package stories

// shut is traffic that the policies of fabric.yaml refuse.
func shut() []flow { return at("db11").to("outside") }

// guests lets the outside to db.
const guests = `kind: policy
name: guests
appliesTo: [db]
ingress:
  - {action: allow, from: {prefixes: [203.0.113.0/24, "2001:db8:ffff::/64"]}}
`

// policyChange: what is allowed before and after loses nothing; what the rule is about
// is refused before it, let through from then on, and refused anew when it is gone. A
// flow that began stays: policies judge the first packet.
func policyChange(t *Teller) {
	opens(t, "the policy", func() { t.Apply(guests) }, func() { t.Delete("policy", "guests") })
}

// tagChange: db11 becomes web, whom everybody may reach, and db again.
func tagChange(t *Teller) {
	opens(t, "the tag", func() { t.Apply(tagged("web")) }, func() { t.Apply(tagged("db")) })
}

// tagged is db11 with a tag.
func tagged(tag string) string {
	return "kind: workload\nnode: host11\nname: db11\naddresses: [10.1.0.112, \"fd00:1::112\"]\nmac: 02:00:0a:01:00:70\n" +
		"interface: tap2\ntags: [" + tag + "]\n"
}

func opens(t *Teller, what string, open, shutAgain func()) {
	load := t.Traffic(lively, append(across(), at("db11").to("web21")...)...)
	early := t.begin(lively, shut()...)
	early.Goes(200)
	for _, r := range early.now() {
		if r.Arrived > 0 {
			t.Fail("nothing allows it yet: %s, %d arrived", r, r.Arrived)
		}
	}
	open()
	t.Until(what+" to let packets through", early.short(1))
	early.Goes(300)
	early.Opened(what + ": from before it on")
	lasting := t.Traffic(lively, shut()...)
	lasting.Goes(100)
	shutAgain()
	t.Until(what+" to be gone again", t.closed)
	late := t.begin(lively, shut()...)
	late.Goes(300)
	late.Refused(what + " gone: flows that begin then")
	lasting.LosesNothing(what + " gone: flows that began before")
	t.Ready()
	load.LosesNothing(what + ": what is allowed all the time")
}

// closed says which of the flows that are refused is let through still, each asked with
// a packet of a flow of its own.
func (t *Teller) closed() string {
	ask := t.begin(lively, shut()...)
	ask.Goes(10)
	reports, err := ask.end()
	t.must(err)
	for _, r := range reports {
		if r.Arrived > 0 {
			return r.String()
		}
	}
	return ""
}
