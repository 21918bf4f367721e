package rib

// Chunk is a run of encoded UPDATEs for one view, cut into segments where it
// matters to whom they go. It is immutable and shared by all peers of the view.
type Chunk struct {
	Octets   []byte
	Version  uint64 // a peer that has this chunk knows the table up to here
	Messages int

	segments  []segment
	audiences []audience // that segments name, counted from 1
}

// addressees are those a run of messages is for. Those with only unset go to every
// peer but the one whose route it is (of). Those with only set go to the peers of
// which that is true for of and not for was: the best route moved to them from
// somebody else's, so that they hold what must be withdrawn.
type addressees struct {
	only bool
	of   mark
	was  mark
}

func (a *addressees) include(to Receiver) bool {
	if a.only {
		return a.of.of(to) && !a.was.of(to)
	}
	return !a.of.of(to)
}

// segment is whole messages up to end.
type segment struct {
	addressees
	end      uint32
	messages uint32
	audience uint16 // 0: everybody
}

func (c *Chunk) goes(s *segment, to Receiver) bool {
	return s.include(to) && (s.audience == 0 || c.audiences[s.audience-1].has(to.Rack))
}

// Gather appends the octets a peer is to receive, in as few slices as possible,
// and says how many messages they are.
func (c *Chunk) Gather(dst [][]byte, to Receiver) (more [][]byte, messages int) {
	if len(c.segments) == 0 {
		return append(dst, c.Octets), c.Messages
	}
	from, at := -1, 0
	for i := range c.segments {
		s := &c.segments[i]
		goes := c.goes(s, to)
		switch {
		case goes && from < 0:
			from = at
		case !goes && from >= 0:
			dst = append(dst, c.Octets[from:at])
			from = -1
		}
		if goes {
			messages += int(s.messages)
		}
		at = int(s.end)
	}
	if from >= 0 {
		dst = append(dst, c.Octets[from:at])
	}
	return dst, messages
}

// NewChunk wraps messages that every peer receives, such as End-of-RIB.
func NewChunk(octets []byte) *Chunk { return &Chunk{Octets: octets, Messages: 1} }
