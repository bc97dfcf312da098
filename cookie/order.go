package cookie

import (
	"cmp"
	"slices"
)

// Order says in which order a client sends its cookies.
type Order uint8

// Orders. All begin with longer paths.
const (
	Oldest    Order = iota // then older cookies (bis, 5.8.3)
	LongFirst              // then longer domains, longer names, older cookies (curl, cookie_sort)
	Grouped                // then domain by domain and path by path as they came first (Python's nested dictionaries)
)

// insert puts a cookie where it belongs in the order of sending.
func (j *Jar) insert(d *drawer, c *Cookie) {
	j.order++
	c.order = j.order
	kept := *c
	order := oldest
	switch j.Client.Rules.Order {
	case LongFirst:
		order = longFirst
	case Grouped:
		order = grouped
		kept.group = d.groupOf(&kept)
	}
	at, _ := slices.BinarySearchFunc(d.cookies, &kept, order)
	d.cookies = slices.Insert(d.cookies, at, &kept)
	j.total++
}

func oldest(a, b *Cookie) int {
	if len(a.Path) != len(b.Path) {
		return len(b.Path) - len(a.Path)
	}
	return cmp.Compare(a.order, b.order)
}

func longFirst(a, b *Cookie) int {
	return cmp.Or(len(b.Path)-len(a.Path), len(b.Domain)-len(a.Domain), len(b.Name)-len(a.Name), cmp.Compare(a.order, b.order))
}

// grouped orders by when the first cookie of the domain, and of its path there, came.
func grouped(a, b *Cookie) int {
	return cmp.Or(len(b.Path)-len(a.Path), cmp.Compare(a.group[0], b.group[0]), cmp.Compare(a.group[1], b.group[1]), cmp.Compare(a.order, b.order))
}

// groupOf returns the groups that a new cookie joins, or begins.
func (d *drawer) groupOf(c *Cookie) [2]uint64 {
	group := [2]uint64{c.order, c.order}
	for _, old := range d.cookies {
		if old.Domain == c.Domain && old.HostOnly == c.HostOnly {
			group[0] = old.group[0]
			if old.Path == c.Path {
				return old.group
			}
		}
	}
	return group
}
