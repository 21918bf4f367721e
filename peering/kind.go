package peering

import "fmt"

// Kind is what a session is to route reflection (RFC 4456): always a property of
// the session, never guessed from the peer.
type Kind uint8

// The kinds of session. KindUnknown is refused wherever a session is built.
const (
	KindUnknown Kind = iota
	// Client is an iBGP session with a client of ours.
	Client
	// NonClient is an iBGP session with a peer that is not: another reflector.
	NonClient
	// External is an eBGP session.
	External
	// Ourselves is no session: it stands where the source of a summary is named.
	Ourselves
)

// Internal says whether the session is iBGP.
func (k Kind) Internal() bool { return k == Client || k == NonClient }

// String is the word that show and logs use.
func (k Kind) String() string {
	switch k {
	case Client:
		return "client"
	case NonClient:
		return "non-client"
	case External:
		return "external"
	case Ourselves:
		return "ourselves"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}
