package session

import "unsafe"

// group is how many records one step of the look-ahead takes: enough to fill the processor's queue of memory accesses.
const group = 16

// A lookahead has the memory that records will need fetched while the records before them are worked on: with a hundred
// thousand sessions hardly anything that a request needs is in the processor's caches. Each of its steps is about another
// group of records and needs what the step before it had fetched one group earlier: first the buckets of the table, then the
// states of the lives found there, then the places for the visits.
type lookahead struct {
	lives  [4 * group]int32 // of the records, by index; -1 none
	looked [4]int           // the table's changes when each group of them was looked up
	places [group]unsafe.Pointer
}

// clip returns the group of records that begins at from, as far as there are any.
func clip(records []Record, from int) []Record {
	return records[min(from, len(records)):min(from+group, len(records))]
}

// ahead is for how many records beyond those whose buckets are asked for the records themselves are fetched: another processor
// may have written them.
const ahead = 2 * group

func (a *lookahead) buckets(c *Correlator, records []Record) {
	for i := range records {
		a.places[i&(group-1)] = unsafe.Pointer(&c.keys.buckets[records[i].Presented&c.keys.mask])
	}
	prefetch(a.places[:len(records)])
}

func (a *lookahead) states(c *Correlator, records []Record, from int) {
	lives := a.lives[from&(3*group):][:group]
	n := 0
	for i := range records {
		k, life := records[i].Presented, int32(-1)
		if k != 0 {
			life = c.keys.get(k)
		}
		lives[i&(group-1)] = life
		if life >= 0 {
			a.places[n&(group-1)] = unsafe.Pointer(c.life(life))
			n++
		}
	}
	a.looked[from/group&3] = c.keys.changes
	prefetch(a.places[:n&(2*group-1)])
}

func (a *lookahead) rings(c *Correlator, records []Record, from int) {
	lives := a.lives[from&(3*group):][:group]
	n := 0
	for i := range records {
		if life := lives[i&(group-1)]; life >= 0 {
			l := c.life(life)
			a.places[n&(group-1)] = unsafe.Pointer(&l.ring[l.seen%ringLen])
			n++
		}
	}
	prefetch(a.places[:n&(2*group-1)])
}

// AddBatch adds records whose credentials stand in base, and whose line numbers lack those of the lines before.
func (c *Correlator) AddBatch(records []Record, base []byte, before uint32) {
	var a lookahead
	c.before = before
	fetchRecords(records[:min(ahead, len(records))])
	for from := -3 * group; from < len(records); from += group {
		fetchRecords(clip(records, from+3*group+ahead))
		a.buckets(c, clip(records, from+3*group))
		if at := from + 2*group; at >= 0 {
			a.states(c, clip(records, at), at)
		}
		if at := from + group; at >= 0 {
			a.rings(c, clip(records, at), at)
		}
		if from < 0 {
			continue
		}
		now, lives := clip(records, from), a.lives[from&(3*group):][:group]
		for i := range now {
			c.add(&now[i], base, lives[i&(group-1)], a.looked[from/group&3])
		}
	}
}

// fetchRecords prefetches all of the records' cache lines.
func fetchRecords(records []Record) {
	if len(records) > 0 {
		prefetchRange(unsafe.Pointer(&records[0]), len(records)*int(unsafe.Sizeof(records[0])))
	}
}
