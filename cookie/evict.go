package cookie

import (
	"cmp"
	"slices"
	"time"
)

// makeRoom purges when a cookie has filled its site's drawer, its partition or the jar (bis,
// 5.7, last part; the numbers are the client's).
func (j *Jar) makeRoom(d *drawer, newest *Cookie, now time.Time) {
	rules := &j.Client.Rules
	if rules.MaxPerSite > 0 && len(d.cookies) > rules.MaxPerSite {
		j.purgeSite(d, newest.Partition, now)
	}
	if rules.MaxPartition > 0 && newest.Partition != (Partition{}) {
		j.purgePartition(d, newest.Partition, now)
	}
	if rules.MaxTotal > 0 && j.total > rules.MaxTotal {
		j.purgeAll(now)
	}
}

// purgeSite counts a partition's cookies apart from the common ones.
func (j *Jar) purgeSite(d *drawer, in Partition, now time.Time) {
	j.drop(d, ExpiredLater, now, func(c *Cookie) bool { return c.expired(now) })
	var here []*Cookie
	for _, c := range d.cookies {
		if c.Partition == in {
			here = append(here, c)
		}
	}
	rules := &j.Client.Rules
	if len(here) <= rules.MaxPerSite {
		return
	}
	slices.SortFunc(here, firstToGo)
	j.evict(d, here[:len(here)-rules.PurgeSite], now)
}

// firstToGo orders cookies of a crowded site: low priority before high, non-Secure before
// Secure, then the one not used for longest.
func firstToGo(a, b *Cookie) int {
	return cmp.Or(
		cmp.Compare(a.Priority.rank(), b.Priority.rank()),
		compareBool(a.Secure, b.Secure),
		a.Accessed.Compare(b.Accessed),
		cmp.Compare(a.order, b.order),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func (j *Jar) evict(d *drawer, victims []*Cookie, now time.Time) {
	gone := make(map[*Cookie]bool, len(victims))
	for _, c := range victims {
		gone[c] = true
	}
	j.drop(d, Evicted, now, func(c *Cookie) bool { return gone[c] })
}

// purgePartition keeps the octets of a site's cookies in one partition below the limit.
func (j *Jar) purgePartition(d *drawer, in Partition, now time.Time) {
	var here []*Cookie
	size := 0
	for _, c := range d.cookies {
		if c.Partition == in {
			here = append(here, c)
			size += len(c.Name) + len(c.Value)
		}
	}
	slices.SortFunc(here, firstToGo)
	n := 0
	for size > j.Client.Rules.MaxPartition && n < len(here) {
		size -= len(here[n].Name) + len(here[n].Value)
		n++
	}
	if n > 0 {
		j.evict(d, here[:n], now)
	}
}

// purgeAll takes what was not used for longest, whatever its site; young cookies are spared if
// the client does so.
func (j *Jar) purgeAll(now time.Time) {
	rules := &j.Client.Rules
	type place struct {
		c *Cookie
		d *drawer
	}
	var all []place
	for _, d := range j.sites {
		j.drop(d, ExpiredLater, now, func(c *Cookie) bool { return c.expired(now) })
		for _, c := range d.cookies {
			if rules.SpareYoung == 0 || now.Sub(c.Accessed) >= rules.SpareYoung {
				all = append(all, place{c, d})
			}
		}
	}
	if j.total <= rules.MaxTotal {
		return
	}
	slices.SortFunc(all, func(a, b place) int {
		return cmp.Or(a.c.Accessed.Compare(b.c.Accessed), cmp.Compare(a.c.order, b.c.order))
	})
	for _, p := range all[:min(len(all), j.total-rules.PurgeTotal)] {
		j.evict(p.d, []*Cookie{p.c}, now)
	}
}
