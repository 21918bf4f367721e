package stories

import "time"

// dualToR: a rack whose hosts have a cable to each of two ToRs.
func dualToR() []Story {
	return []Story{
		{Name: "a rack with two ToRs reaches whom the policies allow, and nobody else", Tell: rackMatrix},
		{Name: "one of two ToRs loses power, and comes back", Tell: oneToR},
		{Name: "a host loses one of its two cables, and has it back", Tell: oneCable},
	}
}

// inAndOut is traffic into a rack with two hosts, out of it, and within it.
func inAndOut() []flow {
	return ways("outside web11", "outside web12", "web12 outside", "web11 outside", "web11 web12", "web12 db11")
}

// oneToR: what was under way to it is lost, until its neighbours have noticed. Then all
// go by the other.
func oneToR(t *Teller) {
	t.gap("tor1a loses power", inAndOut(), func() { t.Cut("tor1a") })
	t.gap("tor1a has it back", inAndOut(), func() { t.Start("tor1a"); t.Ready() })
}

func oneCable(t *Teller) {
	t.gap("host11 loses a cable", inAndOut(), func() { t.Run("host11", "ip", "link", "set", "eth1", "down") })
	t.gap("host11 has it back", inAndOut(), func() { t.Run("host11", "ip", "link", "set", "eth1", "up"); t.Ready() })
}

// gap tells what is lost while something is done, and for 3 seconds after, and by whom.
// What is sent then must arrive.
func (t *Teller) gap(what string, flows []flow, do func()) {
	load := t.Traffic(lively, flows...).Gaps(time.Second)
	do()
	load.Goes(1500)
	for _, r := range load.End(what) {
		if r.Lost() > 0 {
			t.Say("  %s", r)
		}
	}
	then := t.Traffic(lively, flows...)
	then.Goes(500)
	then.LosesNothing("then")
}
