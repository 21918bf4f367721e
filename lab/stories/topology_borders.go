package stories

// borders: two border routers, a public pool, and a private one that they translate.
func borders() []Story {
	return []Story{
		{Name: "outside and public pools reach each other, private ones reach outside, and nothing reaches them", Tell: func(t *Teller) {
			t.reaches(outAndIn(), outsideToPrivate())
		}},
		{Name: "one of two border routers loses power, and comes back", Tell: oneBorder},
	}
}

// outAndIn is all that may pass, in the fabric and through the border routers.
func outAndIn() []flow {
	public := place{"public", "10.1.0.111", "fd00:1::111"}
	return append(public.to("outside", "private"), at("outside").to("public", "private")...)
}

func outsideToPrivate() []flow {
	return place{"private", "10.9.0.111", "fd00:9::111"}.to("outside")
}

// oneBorder: what was under way by it is lost, until its neighbours have noticed. Then all
// go by the other, which begins to translate what it has not seen.
func oneBorder(t *Teller) {
	t.gap("border1 loses power", outAndIn(), func() { t.Cut("border1") })
	t.gap("border1 has it back", outAndIn(), func() { t.Start("border1"); t.Ready() })
	t.gap("border2 loses power", outAndIn(), func() { t.Cut("border2") })
	t.gap("border2 has it back", outAndIn(), func() { t.Start("border2"); t.Ready() })
	t.reaches(outAndIn(), outsideToPrivate())
}
