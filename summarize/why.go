package summarize

// Why is the reason of a verdict.
type Why uint8

// The reasons.
const (
	WhyUnsaid Why = iota
	WhyReflected
	WhySummaryInside
	WhyNonClient
	WhyRackOnly
	WhySummary
	WhyOtherRack
	WhyTransit
	WhyInSummary
	WhyNotSummarized
	WhyLivesHere
	WhyUnknown
	WhyMaybeHere
	WhyAway
	WhySpine
	WhyPrivate
	WhyCovered
	WhyAskedFor
	WhyNotAskedFor
	WhyFamily
	WhyNoPath
	WhyOtherRackHosts
	WhyNoAdvertise
	WhyNoExport
	WhyNoSummary
	WhyLongLived
)

var reasons = [...]string{
	WhyUnsaid:         "",
	WhyReflected:      "reflected (RFC 4456)",
	WhySummaryInside:  "a summary is not told inside: it would outlive a dead host route",
	WhyNonClient:      "from a non-client to a non-client: its own reflector tells it (RFC 4456)",
	WhyRackOnly:       "from a ToR: only the hosts of its rack hear it",
	WhySummary:        "the summary of a pool at home there",
	WhyOtherRack:      "neither at home in that rack nor living in it",
	WhyTransit:        "from outside: the fabric is no transit",
	WhyInSummary:      "in-rack: the ToR delivers it (NO_ADVERTISE), its summary is told on",
	WhyNotSummarized:  "in-rack, and the pool is not summarised: told on as a host route",
	WhyLivesHere:      "an exception that lives in the rack: told on as a host route",
	WhyUnknown:        "nobody knows in which rack its host stands: told on as a host route",
	WhyMaybeHere:      "nobody knows in which rack its host stands: the ToRs at home tell it on, this one may deliver (NO_ADVERTISE)",
	WhyAway:           "at home in the rack but living elsewhere: the ToR must not deliver it there (NO_ADVERTISE)",
	WhySpine:          "a spine hears from the ToRs, not from us",
	WhyPrivate:        "not in a public pool",
	WhyCovered:        "in-rack: the pool's public summary covers it",
	WhyAskedFor:       "an exception, and the border router asked for exceptions",
	WhyFamily:         "the session does not carry this address family",
	WhyNoPath:         "there is no usable path",
	WhyOtherRackHosts: "from a ToR of another rack: only the hosts there hear it",
	WhyNoAdvertise:    "it came with NO_ADVERTISE: told to nobody (RFC 1997)",
	WhyNoExport:       "it came with NO_EXPORT: not told outside the AS (RFC 1997)",
	WhyNoSummary:      "in a public pool that is not summarised: border routers hear each of its routes",
	WhyLongLived:      "long-lived stale, and the peer does not know what that is (RFC 9494)",
	WhyNotAskedFor:    "an exception, and the border router did not ask for exceptions",
}

// String is the reason in words.
func (w Why) String() string { return reasons[w] }
