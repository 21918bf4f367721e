package wire

import (
	"heddle/bgp"
)

// Kind says what an Item of a Batch means.
type Kind uint8

// Everything a peer can say about routes once the session is Established.
const (
	KindInvalid Kind = iota
	// Announced: the NLRI now have the attributes of the Item.
	Announced
	// Withdrawn: the NLRI are gone, whether the peer said so, said something that
	// RFC 7606 treats so, or both.
	Withdrawn
	// EndOfRIB: the family's initial update is complete (RFC 4724 §2).
	EndOfRIB
	// RefreshRequested: the peer wants the family's Adj-RIB-Out again (RFC 2918).
	RefreshRequested
	// RefreshBegun and RefreshEnded frame the peer's answer to a refresh of ours
	// (RFC 7313): what it held and did not repeat in between is gone.
	RefreshBegun
	RefreshEnded
)

// Item is one thing the peer said. NLRI aliases the Batch's octets.
type Item struct {
	Kind   Kind
	Family bgp.Family
	Attrs  int32 // index into Batch.Attrs; meaningful for Announced
	// PathIDs: each prefix has a path identifier in front, which NextPath takes off.
	PathIDs bool
	NLRI    NLRI
}

// Batch holds what several messages of one peer said, in order. The items alias
// Octets, into which the session reads: whoever holds the batch owns them all.
type Batch struct {
	Octets []byte
	Items  []Item
	Attrs  []bgp.Attrs

	scratch []byte // attribute sets that had to be put in order
	pathIDs bgp.FamilySet
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.Items, b.Attrs, b.scratch = b.Items[:0], b.Attrs[:0], b.scratch[:0]
}

func (b *Batch) add(item Item) { b.Items = append(b.Items, item) }

func (b *Batch) withdraw(family bgp.Family, nlri NLRI) {
	if len(nlri) > 0 {
		b.add(Item{Kind: Withdrawn, Family: family, PathIDs: b.pathIDs.Has(family), NLRI: nlri})
	}
}

func (b *Batch) announce(family bgp.Family, nlri NLRI, attrs bgp.Attrs) {
	b.Attrs = append(b.Attrs, attrs)
	b.add(Item{Kind: Announced, Family: family, PathIDs: b.pathIDs.Has(family), NLRI: nlri, Attrs: int32(len(b.Attrs) - 1)})
}
