package stories

import (
	"slices"
	"strings"
	"time"
)

// plain: a fabric without summaries.
func plain() []Story {
	return []Story{
		{Name: "without summaries all reach whom the policies allow, and outside reaches public pools alone", Tell: plainMatrix},
		{Name: "without summaries routers have a route for each workload, and none for a pool", Tell: hostRoutes},
		{Name: "without summaries a workload moves to the other rack, and home", Tell: plainMoves},
	}
}

func plainMatrix(t *Teller) {
	t.reaches(
		ways("outside web11", "outside roamer", "roamer outside", "web11 outside", "web11 web21", "web21 web11", "web21 db11", "roamer web21"),
		ways("outside web21", "outside db11", "db11 web21"),
	)
}

// hostRoutes: of what is not public the border router has nothing.
func hostRoutes(t *Teller) {
	t.hostRoutes("spine", "web11", "db11", "roamer", "web21")
	t.hostRoutes("tor1", "web11", "db11", "roamer", "web21")
	t.hostRoutes("tor2", "web11", "db11", "roamer", "web21")
	t.hostRoutes("border", "web11", "db11", "roamer")
}

// hostRoutes: of all pools a router has routes to these, in both families, and no other.
func (t *Teller) hostRoutes(router string, names ...string) {
	t.Until(router+" to have host routes alone", func() string {
		for _, n := range names {
			for _, address := range []string{at(n).four, at(n).six} {
				if len(t.routes(router, address+" ")) == 0 {
					return "there is none to " + address
				}
			}
		}
		if all := t.routes(router, "10.", "fd00:"); len(all) != 2*len(names) {
			return strings.Join(all, "; ")
		}
		return ""
	})
	t.Say("%s: %s, one by one", router, strings.Join(names, ", "))
}

// routes gives the lines of a node's routes that begin with one of the texts.
func (t *Teller) routes(node string, texts ...string) []string {
	var found []string
	for line := range strings.Lines(t.Run(node, "sh", "-c", "ip route; ip -6 route")) {
		if slices.ContainsFunc(texts, func(text string) bool { return strings.HasPrefix(line, text) }) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

func plainMoves(t *Teller) {
	roamer := at("roamer").to("outside", "web21", "web11")
	for _, m := range []struct{ from, to, port, what string }{
		{"host11", "host21", "eth3", "to the other rack"},
		{"host21", "host11", "eth1", "home"},
	} {
		load := t.Traffic(lively, roamer...).Gaps(100 * time.Millisecond)
		t.Move(m.from, m.to, planned)
		load.ArrivesBy(m.port)
		load.Goes(1000)
		load.End(m.what)
		t.hostRoutes("border", "web11", "db11", "roamer")
		then := t.Traffic(lively, roamer...)
		then.Goes(200)
		then.LosesNothing(m.what + ", then")
		t.Ready()
	}
}
