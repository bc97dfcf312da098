package session

import "math"

// A Distinct counts different keys in constant memory, by linear counting (Whang, Vander-Zanden, Taylor 1990): exact
// within about 1 % up to 100,000, and a lower bound beyond some 500,000.
type Distinct struct {
	bits [1 << 11]uint64
	set  int
}

func (d *Distinct) add(key uint64) {
	h := key * 0x9e3779b97f4a7c15 >> (64 - 17)
	if w := &d.bits[h>>6]; *w&(1<<(h&63)) == 0 {
		*w |= 1 << (h & 63)
		d.set++
	}
}

// Count returns the estimate.
func (d *Distinct) Count() int64 {
	const m = 1 << 17
	free := max(m-d.set, 1)
	return int64(math.Round(m * math.Log(m/float64(free))))
}
