// Package stories tells what a fabric must live through, and counts the packets.
//
// What I am: the tests of the whole, for go test and for heddle lab test.
//
// What I take: a lab that is ready, of containerlab.yml, of a file with the same nodes,
// or of a topology that has stories of its own (Of).
//
// What I give: for each story whether it went well, and a line with what was sent,
// lost, doubled and misdelivered.
//
//	{"one of two reflectors dies, and comes back", func(t *Teller) {
//		load := t.Traffic(pace, across()...)
//		t.Kill("rr1")
//		load.Goes(1000)
//		t.Start("rr1")
//		t.Ready()
//		load.LosesNothing()
//	}}
//
// What I promise: a story leaves the lab as it found it, if it goes well; times are
// told and never judged; whatever is waited for is named when it does not come.
//
// What is counted of each is also told as figures, which docs/PROOF.md is made of.
//
// What I refuse: to look into a daemon other than as an operator would.
package stories
