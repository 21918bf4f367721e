package stories

import "strings"

// hierarchy: a reflector in each rack, for that alone, and two at the spine for all.
func hierarchy() []Story {
	return []Story{
		{Name: "racks with a reflector each, under two at the spine, reach whom the policies allow, and nobody else", Tell: func(t *Teller) {
			t.reaches(between(), ways("db21 web11"))
		}},
		{Name: "a rack's own reflector dies, and comes back", Tell: func(t *Teller) { t.without("rr1") }},
		{Name: "both reflectors at the spine die, and come back", Tell: func(t *Teller) { t.without("top1", "top2") }},
		{Name: "a rack's own reflector and one at the spine die, and come back", Tell: func(t *Teller) { t.without("rr1", "top2") }},
	}
}

func between() []flow { return ways("web11 web21", "web21 web11", "web11 db21", "web21 db21") }

// without: nobody misses reflectors as long as each rack has one.
func (t *Teller) without(reflectors ...string) {
	load := t.Traffic(lively, between()...)
	t.Kill(reflectors...)
	load.Goes(1500)
	t.Start(reflectors...)
	t.Ready()
	load.Goes(1500)
	load.LosesNothing(strings.Join(reflectors, " and ") + " killed and back")
}
