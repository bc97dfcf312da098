package session

import (
	"hash/maphash"
	"sync"
)

// Names gives small numbers to strings that repeat: instances, routes, client families.
// Number 0 is "". It never holds more than its limit; what comes later is Other. Safe for
// several goroutines; a NameCache in front of it makes look-ups cheap.
type Names struct {
	limit int
	mu    sync.RWMutex
	ids   map[string]uint16
	names []string
}

// Other stands for all names beyond a table's limit.
const Other = "(other)"

// NewNames returns a table for at most limit names (at most 65,534).
func NewNames(limit int) *Names {
	return &Names{limit: min(limit, 65534), ids: map[string]uint16{"": 0}, names: []string{""}}
}

// ID returns the number of a name, and gives it one if it has none.
func (n *Names) ID(name string) uint16 {
	n.mu.RLock()
	id, ok := n.ids[name]
	n.mu.RUnlock()
	if ok {
		return id
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if id, ok = n.ids[name]; ok {
		return id
	}
	if len(n.names) >= n.limit {
		name = Other
		if id, ok = n.ids[name]; ok {
			return id
		}
	}
	id = uint16(len(n.names))
	n.ids[name] = id
	n.names = append(n.names, name)
	return id
}

// Name returns the name with that number.
func (n *Names) Name(id uint16) string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.names[id]
}

// Len returns how many numbers are given, 0 included.
func (n *Names) Len() int {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return len(n.names)
}

// A NameCache looks names up by their bytes without allocating. It is used by one
// goroutine. Two texts whose 64-bit seeded hashes agree are taken for one; among the few
// thousand names that a table holds that does not happen.
type NameCache struct {
	names *Names
	make  func([]byte) string // the name for these bytes; nil: the bytes themselves
	seed  maphash.Seed
	last  uint64
	id    uint16
	slots [nameSlots]nameSlot
}

const nameSlots = 1 << 12

type nameSlot struct {
	hash uint64
	id   uint16
}

// Cache returns a cache in front of n that names bytes by name (nil: by themselves).
func (n *Names) Cache(name func([]byte) string) *NameCache {
	return &NameCache{names: n, make: name, seed: maphash.MakeSeed()}
}

// ID returns the number of the name that these bytes stand for.
func (c *NameCache) ID(b []byte) uint16 {
	if len(b) == 0 {
		return 0
	}
	h := maphash.Bytes(c.seed, b)
	if h == c.last {
		return c.id
	}
	s := &c.slots[h%nameSlots]
	if s.hash != h {
		var name string
		if c.make != nil {
			name = c.make(b)
		} else {
			name = string(b)
		}
		*s = nameSlot{h, c.names.ID(name)}
	}
	c.last, c.id = h, s.id
	return s.id
}
