package summarize

import "heddle/peering"

// Speaker is what a peer is, as sender of a route and as listener. The zero value is
// ourselves, the source of summaries.
type Speaker uint8

// The speakers.
const (
	Ourselves Speaker = iota
	Client
	NonClient
	ToR
	Spine
	Border
)

var speakerWords = [...]string{"ourselves", "client", "non-client", "tor", "spine", "border"}

// String is the word that groups are named with.
func (s Speaker) String() string { return speakerWords[s] }

// Internal says whether sessions with the speaker are iBGP.
func (s Speaker) Internal() bool { return s == Client || s == NonClient }

// SpeakerOf is what the peer of a session is. An external peer whose role is none of
// ours says and hears what a spine does: nothing inward but routes, nothing outward
// (RFC 8212).
func SpeakerOf(s peering.Session) Speaker {
	switch s.Kind {
	case peering.Client:
		return Client
	case peering.NonClient:
		return NonClient
	}
	switch s.Role {
	case "tor":
		return ToR
	case "border":
		return Border
	}
	return Spine
}

// Place is where a route belongs and where it leads. It is comparable, and means the
// same in every Map of the same Names.
type Place struct {
	Home Rack // of the pool; 0: the pool has none, or there is no pool
	Now  Rack // of the host that the next hop is an address of; 0: unknown
	Pool PoolFlags
}

// PoolFlags says of what kind the pool of a route is.
type PoolFlags uint8

// The flags.
const (
	InPool     PoolFlags = 1 << iota // there is a pool
	Summarized                       // its routes at home are summarised
	Public                           // borders hear of it
	Anycast                          // an address may live on several hosts
)

// Has says whether a flag is set.
func (f PoolFlags) Has(flag PoolFlags) bool { return f&flag != 0 }

// AtHome says whether the route is in-rack: home and now are known and equal.
func (p Place) AtHome() bool { return p.Home != 0 && p.Home == p.Now }

// oneByOne says whether the pool is public and border routers hear no summary of it.
func (p Place) oneByOne() bool { return p.Pool.Has(Public) && !p.Pool.Has(Summarized) }

// Away says whether home and now are both known and differ.
func (p Place) Away() bool { return p.Home != 0 && p.Now != 0 && p.Home != p.Now }
