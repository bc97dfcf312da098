package session

// table finds a life by a credential's key. Its places come in buckets of one cache line, so that a look-up waits for memory
// once, and a hundred thousand sessions need 2 MB. What does not fit into its bucket goes to the next one.
type table struct {
	buckets []bucket
	mask    uint64
	used    int
	over    int // buckets whose over is set
	changes int // how often anything was put, replaced or removed
}

const perBucket = 5

// A bucket holds n keys; key 0 is never put. over says that a key which belongs here may be in the next bucket.
type bucket struct {
	keys [perBucket]uint64
	vals [perBucket]int32
	n    uint8
	over bool
}

func newTable() table { return table{buckets: make([]bucket, 1<<8), mask: 1<<8 - 1} }

// at returns key's place in its bucket, or one where another key is. There is no branch for each key: in which place
// a key lies cannot be predicted.
func (b *bucket) at(key uint64) int {
	i := 0
	if b.keys[1] == key {
		i = 1
	}
	if b.keys[2] == key {
		i = 2
	}
	if b.keys[3] == key {
		i = 3
	}
	if b.keys[4] == key {
		i = 4
	}
	return i
}

// get returns the value for key, or -1.
func (t *table) get(key uint64) int32 {
	b := &t.buckets[key&t.mask]
	if i := b.at(key); b.keys[i] == key {
		return b.vals[i]
	}
	return t.further(b, key)
}

// further is get for a key that is not in its own bucket b.
func (t *table) further(b *bucket, key uint64) int32 {
	for i := key; b.over; {
		i++
		b = &t.buckets[i&t.mask]
		if at := b.at(key); b.keys[at] == key {
			return b.vals[at]
		}
	}
	return -1
}

// put sets the value for key.
func (t *table) put(key uint64, val int32) {
	t.changes++
	switch room := len(t.buckets) * perBucket; {
	case t.used*4 >= room*3, t.over*2 > len(t.buckets) && t.used*2 >= room:
		t.rebuild(2 * len(t.buckets))
	case t.over*2 > len(t.buckets): // keys long gone left these marks
		t.rebuild(len(t.buckets))
	}
	free := (*bucket)(nil)
	for i := key; ; i++ {
		b := &t.buckets[i&t.mask]
		if at := b.at(key); b.keys[at] == key {
			b.vals[at] = val
			return
		}
		if free == nil && b.n < perBucket {
			free = b
		}
		if b.over {
			continue
		}
		if free != nil {
			break
		}
		b.over = true
		t.over++
	}
	free.keys[free.n], free.vals[free.n] = key, val
	free.n++
	t.used++
}

// del removes key if it has this value.
func (t *table) del(key uint64, val int32) {
	t.changes++
	for i := key; ; i++ {
		b := &t.buckets[i&t.mask]
		if at := b.at(key); b.keys[at] == key {
			if b.vals[at] != val {
				return
			}
			b.n--
			b.keys[at], b.vals[at] = b.keys[b.n], b.vals[b.n]
			b.keys[b.n] = 0
			t.used--
			return
		}
		if !b.over {
			return
		}
	}
}

// rebuild puts everything into a table of that many buckets.
func (t *table) rebuild(buckets int) {
	old := t.buckets
	*t = table{buckets: make([]bucket, buckets), mask: uint64(buckets - 1), changes: t.changes}
	for i := range old {
		b := &old[i]
		for k := range b.n {
			t.put(b.keys[k], b.vals[k])
		}
	}
}
