package etcd

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"heddle/topology"
)

// mirror is where the watch and the consumer meet. It knows what the consumer was
// told, so that what waits to be told is at any time exactly the difference
// between that and the datastore:
//
//	told       path → hash of the value
//	waiting    path → change, without a value for gone; never equal to what was told
//
// However slow the consumer, there is at most one entry per key in either, so
// that the mirror never grows beyond the keyspace and the watch never has to wait.
// What persons say at topology.AcceptedPath is more than the last of it: what they said
// before waits, too, if only so much of it.
type mirror struct {
	seed maphash.Seed
	wake chan struct{} // holds a token when there may be something to take

	mu       sync.Mutex
	told     map[string]uint64
	waiting  map[string]topology.Change
	words    []topology.Change   // of AcceptedPath, before the one that waits
	seen     map[string]struct{} // keys of the listing in progress; nil: there is none
	differs  int                 // keys of that listing that are not as we had them
	revision int64               // up to which waiting is complete
	cluster  uint64              // that of the last listing
	restored bool                // waiting has what a datastore has that went back in time
	complete bool                // the consumer has been told everything once
	listed   bool                // a listing has been completed once
}

// wordsMost is how many words of persons wait.
const wordsMost = 1000

func newMirror() *mirror {
	return &mirror{
		seed:    maphash.MakeSeed(),
		wake:    make(chan struct{}, 1),
		told:    make(map[string]uint64),
		waiting: make(map[string]topology.Change),
	}
}

// put notes that a key has a value, and says whether that is news.
func (m *mirror) put(c topology.Change) (news bool) {
	if c.Value == nil {
		c.Value = []byte{} // nil says that the key is gone
	}
	hash := maphash.Bytes(m.seed, c.Value)
	if had, ok := m.told[c.Path]; ok && had == hash {
		_, news = m.waiting[c.Path]
		delete(m.waiting, c.Path)
		return news
	}
	had, ok := m.waiting[c.Path]
	if c.Path == topology.AcceptedPath && had.Value != nil && string(had.Value) != string(c.Value) {
		m.words = append(m.words[max(0, len(m.words)+1-wordsMost):], had)
	}
	m.waiting[c.Path] = c
	return !ok || had.Value == nil || string(had.Value) != string(c.Value)
}

// remove notes that a key is gone, and says whether that is news.
func (m *mirror) remove(c topology.Change) (news bool) {
	if c.Path == topology.AcceptedPath {
		m.words = nil
	}
	had, waits := m.waiting[c.Path]
	if _, ok := m.told[c.Path]; ok {
		m.waiting[c.Path] = c
		return !waits || had.Value != nil
	}
	delete(m.waiting, c.Path)
	return waits
}

// fold takes one response of the watch: the changes of whole revisions.
func (m *mirror) fold(revision int64, changes []topology.Change) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, change := range changes {
		if change.Value == nil {
			m.remove(change)
		} else {
			m.put(change)
		}
	}
	m.revision = max(m.revision, revision)
	m.signal()
}

// begin starts a listing. Nothing can be taken until it ends: half a listing
// would show additions without the removals that belong to them.
func (m *mirror) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen = make(map[string]struct{}, len(m.told))
	m.differs = 0
}

// list takes one page of the listing in progress.
func (m *mirror) list(page []topology.Change) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, change := range page {
		m.seen[change.Path] = struct{}{}
		if m.put(change) {
			m.differs++
		}
	}
}

// end completes the listing: what it did not show is gone. It says how many keys
// were not as we had them. Restored: it is that of a datastore that went back in time,
// or of another.
func (m *mirror) end(cluster uint64, revision int64, restored bool) (differs int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for path := range m.told {
		m.missing(path)
	}
	for path := range m.waiting {
		m.missing(path)
	}
	if restored {
		m.words = nil // said in another time
	}
	m.seen, m.cluster = nil, cluster
	m.restored = (m.restored || restored) && len(m.waiting) > 0
	m.revision = revision // even if lower: the datastore may have been restored
	m.listed = true
	m.signal()
	return m.differs
}

func (m *mirror) missing(path string) {
	if _, ok := m.seen[path]; !ok && m.remove(topology.Change{Path: path}) {
		m.differs++
	}
}

// take gives what waits to be told and counts it as told. There is nothing during
// a listing, before the first and where nothing differs; the first batch of all
// is given even if it is empty.
func (m *mirror) take() (batch topology.Batch, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.listed || m.seen != nil || (m.complete && len(m.waiting) == 0) {
		return topology.Batch{}, false
	}
	batch = topology.Batch{Complete: !m.complete, Restored: m.restored, Cluster: m.cluster, Revision: m.revision}
	m.restored = false
	batch.Changes, m.words = m.words, nil
	for path, change := range m.waiting {
		batch.Changes = append(batch.Changes, change)
		if change.Value == nil {
			delete(m.told, path)
		} else {
			m.told[path] = maphash.Bytes(m.seed, change.Value)
		}
	}
	m.waiting = make(map[string]topology.Change)
	m.complete = true
	slices.SortStableFunc(batch.Changes, func(a, b topology.Change) int { return strings.Compare(a.Path, b.Path) })
	return batch, true
}

// keys is how many keys the consumer knows of.
func (m *mirror) keys() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.told)
}

func (m *mirror) signal() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}
