package summarize

// Listener is what a view is meant for.
type Listener struct {
	Speaker    Speaker
	Rack       Rack // of a ToR
	Exceptions bool // a border that asked for exceptions
	LongLived  bool // speaks RFC 9494
}

// Manner is how a listener hears a route. The order is that in which routes are told
// within one flush: what takes over is told before what it replaces is confined.
type Manner uint8

// The manners.
const (
	Silent    Manner = iota // not at all
	Reflected               // as iBGP peers hear it
	Summary                 // a summary of ours, which may be told on
	Exported                // a host route that may be told on
	Confined                // a host route marked NO_ADVERTISE
)

// Class is what a route is to the fabric; it travels as the large community
// ASN:2:class. 0 is none.
type Class uint32

// The classes.
const (
	ClassInRack    Class = 1
	ClassSummary   Class = 2
	ClassException Class = 3
	ClassPublic    Class = 4 // the summary or a route of a public pool
)

// Verdict is what a listener hears of a route, and why.
type Verdict struct {
	Manner Manner
	Class  Class
	Why    Why
}

// Confined says whether it is to keep the route to itself.
func (v Verdict) Confined() bool { return v.Manner == Confined }

// Heard says whether it hears of the route at all.
func (v Verdict) Heard() bool { return v.Manner != Silent }

// Route is what Hear asks about a route.
type Route struct {
	From  Speaker
	Scope Rack // of a route from a ToR: its rack
	// Outside: it came into the AS by eBGP, here or at another reflector.
	Outside bool
	Reach   Reach
	// LongLived: it is long-lived stale (RFC 9494). It keeps its summary alive like any
	// other: that it is the last resort does not make it none.
	LongLived bool
	Place     Place
}

// Reach is how far the communities that a route came with let it be told (RFC 1997).
type Reach uint8

// The reaches.
const (
	Anywhere Reach = iota
	WithinAS       // NO_EXPORT, and NO_EXPORT_SUBCONFED: we are no confederation
	Nowhere        // NO_ADVERTISE
)

// Contributes says whether the route keeps the summary of its pool alive: one at home
// does, and of a public pool one that is away, too. Border routers hear no exceptions:
// they find it by the summary, which leads toward the spine, which knows where it is.
// What must not leave the AS must not do so as a part of its pool either.
func (r Route) Contributes() bool {
	return r.Reach == Anywhere && r.From != Ourselves && !r.Outside && r.Place.Pool.Has(Summarized) && (r.Place.AtHome() || r.Place.Pool.Has(Public))
}

// Hear is the table of DESIGN §6, row by row. A client hears a route of a ToR only in
// the ToR's rack: Scope says which, and the verdict holds for it.
//
//	listener      in-rack           summary          exception
//	client        reflected         –                reflected
//	non-client    reflected         –                reflected
//	ToR of X      X's: confined     X's              now X: exported
//	              (exported where                    home X: confined
//	              not summarised)                    now unknown: as if it lived at
//	                                                 home, or anywhere if it has none
//	spine         –                 –                –
//	border        –                 public           if asked for
//	              (all of a public pool that is not summarised, wherever it lives)
//
// RFC 1997 goes first: what is not to be told, or not to leave the AS, is not. Then RFC
// 9494 §4.3: who outside does not know long-lived stale routes hears none.
func Hear(to Listener, r Route) Verdict {
	switch {
	case r.Reach == Nowhere:
		return Verdict{Why: WhyNoAdvertise}
	case r.Reach == WithinAS && !to.Speaker.Internal():
		return Verdict{Why: WhyNoExport}
	case r.LongLived && !to.LongLived && !to.Speaker.Internal():
		return Verdict{Why: WhyLongLived}
	}
	switch to.Speaker {
	case Client, NonClient:
		return reflect(to.Speaker, r)
	case ToR:
		return toRack(to.Rack, r)
	case Border:
		return toBorder(to, r)
	}
	return Verdict{Why: WhySpine}
}

// reflect is RFC 4456 §6, and RFC 4271 §9.2 for what came from outside. A route from
// a ToR concerns the hosts of one rack, which another reflector could not tell.
func reflect(to Speaker, r Route) Verdict {
	switch {
	case r.From == Ourselves:
		return Verdict{Why: WhySummaryInside}
	case r.From == NonClient && to == NonClient:
		return Verdict{Why: WhyNonClient}
	case r.From == ToR && to == NonClient:
		return Verdict{Why: WhyRackOnly}
	}
	return Verdict{Manner: Reflected, Why: WhyReflected}
}

// toRack is the verdict for the ToRs of rack x. Of a host whose rack is unknown the
// ToRs at home tell on, since of two that do only the one in whose rack it stands
// would not loop; the others may deliver it and keep quiet.
func toRack(x Rack, r Route) Verdict {
	p := r.Place
	switch {
	case r.From == Ourselves && p.Home == x:
		return Verdict{Summary, summaryClass(p), WhySummary}
	case r.From == Ourselves:
		return Verdict{Why: WhyOtherRack}
	case r.Outside:
		return Verdict{Why: WhyTransit}
	case p.AtHome() && p.Home != x:
		return Verdict{Why: WhyOtherRack}
	case p.AtHome() && p.Pool.Has(Summarized):
		return Verdict{Confined, ClassInRack, WhyInSummary}
	case p.AtHome():
		return Verdict{Exported, toldOnClass(p, ClassInRack), WhyNotSummarized}
	case p.Now == x:
		return Verdict{Exported, toldOnClass(p, ClassException), WhyLivesHere}
	case p.Now == 0 && (p.Home == x || p.Home == 0):
		return Verdict{Exported, toldOnClass(p, ClassException), WhyUnknown}
	case p.Now == 0:
		return Verdict{Confined, ClassException, WhyMaybeHere}
	case p.Home == x:
		return Verdict{Confined, ClassException, WhyAway}
	}
	return Verdict{Why: WhyOtherRack}
}

func toBorder(to Listener, r Route) Verdict {
	p := r.Place
	switch {
	case r.Outside:
		return Verdict{Why: WhyTransit}
	case !p.Pool.Has(Public):
		return Verdict{Why: WhyPrivate}
	case r.From == Ourselves:
		return Verdict{Summary, ClassPublic, WhySummary}
	case p.oneByOne():
		return Verdict{Exported, ClassPublic, WhyNoSummary}
	case p.AtHome():
		return Verdict{Why: WhyCovered}
	case to.Exceptions:
		return Verdict{Exported, ClassException, WhyAskedFor}
	}
	return Verdict{Why: WhyNotAskedFor}
}

func summaryClass(p Place) Class {
	if p.Pool.Has(Public) {
		return ClassPublic
	}
	return ClassSummary
}

// toldOnClass is the class of a host route that a ToR may tell on. Border routers hear of
// a public pool without a summary by its routes, wherever they live: those bear the class
// that a spine lets pass.
func toldOnClass(p Place, class Class) Class {
	if p.oneByOne() {
		return ClassPublic
	}
	return class
}
