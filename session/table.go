package session

// table finds a life by a credential's key: open addressing, linear probing, at most
// two thirds full. Key 0 is free space.
type table struct {
	slots []tableSlot
	mask  uint64
	used  int
}

type tableSlot struct {
	key uint64
	val int32
}

func newTable() table { return table{slots: make([]tableSlot, 1<<10), mask: 1<<10 - 1} }

// get returns the value for key, or -1.
func (t *table) get(key uint64) int32 {
	for i := key & t.mask; ; i = (i + 1) & t.mask {
		s := &t.slots[i]
		if s.key == key {
			return s.val
		}
		if s.key == 0 {
			return -1
		}
	}
}

// put sets the value for key.
func (t *table) put(key uint64, val int32) {
	if t.used*3 >= len(t.slots)*2 {
		t.grow()
	}
	for i := key & t.mask; ; i = (i + 1) & t.mask {
		s := &t.slots[i]
		if s.key == key {
			s.val = val
			return
		}
		if s.key == 0 {
			*s = tableSlot{key, val}
			t.used++
			return
		}
	}
}

// del removes key if it has this value, and closes the gap.
func (t *table) del(key uint64, val int32) {
	i := key & t.mask
	for ; t.slots[i].key != key; i = (i + 1) & t.mask {
		if t.slots[i].key == 0 {
			return
		}
	}
	if t.slots[i].val != val {
		return
	}
	t.used--
	for j := i; ; {
		j = (j + 1) & t.mask
		s := t.slots[j]
		if s.key == 0 {
			t.slots[i] = tableSlot{}
			return
		}
		home := s.key & t.mask
		if (j-home)&t.mask >= (j-i)&t.mask {
			t.slots[i] = s
			i = j
		}
	}
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]tableSlot, 2*len(old))
	t.mask = uint64(len(t.slots) - 1)
	for _, s := range old {
		if s.key == 0 {
			continue
		}
		i := s.key & t.mask
		for t.slots[i].key != 0 {
			i = (i + 1) & t.mask
		}
		t.slots[i] = s
	}
}
