package session

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
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
	salt  uint64
	last  uint64
	id    uint16
	mask  uint64
	slots []uint64 // 48 bits of the hash, 16 of the number; at the place that the hash says, or beside it
}

// Cache returns a cache in front of n that names bytes by name (nil: by themselves). size is how many
// different texts it remembers, a power of two.
func (n *Names) Cache(size int, name func([]byte) string) *NameCache {
	return &NameCache{names: n, make: name, salt: rand.Uint64(), mask: uint64(size - 1), slots: make([]uint64, size)}
}

// ID returns the number of the name that these bytes stand for.
func (c *NameCache) ID(b []byte) uint16 {
	if len(b) == 0 {
		return 0
	}
	h := c.hash(b)
	if h == c.last {
		return c.id
	}
	c.last, c.id = h, c.lookUp(h, b)
	return c.id
}

// lookUp returns the number of the name of a text with this hash.
func (c *NameCache) lookUp(h uint64, text []byte) uint16 {
	i := h >> 32 & c.mask
	if s := c.slots[i]; (s^h)&^0xffff == 0 {
		return uint16(s)
	}
	return c.second(i, h, text)
}

// second is lookUp for what is not in its own place: that may be another text's, and then the place beside it is this one's.
func (c *NameCache) second(i, h uint64, text []byte) uint16 {
	s, beside := &c.slots[i], &c.slots[i^1]
	if (*beside^h)&^0xffff == 0 {
		return uint16(*beside)
	}
	if *s != 0 {
		*beside = *s
	}
	*s = h&^0xffff | uint64(c.slow(text))
	return uint16(*s)
}

// RouteID is ID for paths: those that differ only in a number at their end, or in one in front of a short last part, count as one,
// as their route does.
func (c *NameCache) RouteID(path []byte) uint16 {
	if len(path) < 8 { // most numbers at once: how many digits there are cannot be predicted
		return c.ID(path)
	}
	tail := binary.LittleEndian.Uint64(path[len(path)-8:])
	part := path // up to the number
	h := uint64(0)
	if n := trailingDigits(tail); n > 0 {
		part, h = path[:len(path)-n], 1<<62
	} else if n := bits.LeadingZeros64(zeroHighs(tail^'/'*eachByte)) / 8; n < 8 && len(path)-n >= 9 {
		front := path[:len(path)-n-1]
		if digits := trailingDigits(binary.LittleEndian.Uint64(front[len(front)-8:])); digits > 0 {
			part, h = front[:len(front)-digits], c.hash(path[len(front):])>>1
		}
	}
	for len(part) > 0 && part[len(part)-1]-'0' <= 9 {
		part = part[:len(part)-1]
	}
	if len(part) == 0 || part[len(part)-1] != '/' || len(part) == len(path) {
		return c.ID(path)
	}
	return c.lookUp(h^c.hash(part), path)
}

// trailingDigits returns how many of the highest bytes of w are digits.
func trailingDigits(w uint64) int {
	const low7, high = 0x7f * eachByte, 0x80 * eachByte
	w ^= '0' * eachByte
	other := (w&low7 + (0x80-10)*eachByte | w) & high // exactly: no carry leaves a byte
	return bits.LeadingZeros64(other) / 8
}

// hash returns a seeded hash whose last 16 bits are 0 and which is not 0 itself. Short names, the usual case, take
// two loads and two multiplications: after one the hashes of app1, app2, app3 lie in even steps, and may meet all at once.
func (c *NameCache) hash(b []byte) uint64 {
	var x, y uint64
	switch n := len(b); {
	case n > 16:
		return mixBytes(b, c.salt)&^0xffff | 1<<63
	case n >= 8:
		x, y = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[n-8:])^uint64(n)
	case n >= 4:
		x, y = uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[n-4:]))^uint64(n)<<32
	default:
		x, y = uint64(b[0]), uint64(b[n/2])<<8^uint64(b[n-1])<<16^uint64(n)<<32
	}
	return mix(mix(x^c.salt, y), c.salt)&^0xffff | 1<<63
}

// mix makes one number of two, of which at least one has a secret in it. No bit of either is lost.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0xa0761d6478bd642f, b^0x9e3779b97f4a7c15)
	return hi ^ lo
}

// mixBytes returns a hash of b, of more than 16 bytes, by a secret seed; in the manner of wyhash
// (https://github.com/wangyi-fudan/wyhash): a multiplication for 16 bytes.
func mixBytes(b []byte, seed uint64) uint64 {
	n := len(b)
	h := seed ^ uint64(n)
	last := b[n-16:]
	for ; len(b) > 16; b = b[16:] {
		h = mix(binary.LittleEndian.Uint64(b)^h, binary.LittleEndian.Uint64(b[8:])^seed)
	}
	return mix(mix(binary.LittleEndian.Uint64(last)^h, binary.LittleEndian.Uint64(last[8:])^seed), uint64(n))
}

func (c *NameCache) slow(b []byte) uint16 {
	if c.make != nil {
		return c.names.ID(c.make(b))
	}
	return c.names.ID(string(b))
}
