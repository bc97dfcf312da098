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
	var at int
	switch j.Client.Rules.Order {
	case LongFirst:
		at, _ = slices.BinarySearchFunc(d.cookies, &kept, longFirst)
	case Grouped:
		at = d.grouped(&kept)
	default:
		at, _ = slices.BinarySearchFunc(d.cookies, &kept, oldest)
	}
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

// grouped returns the place after the last cookie that goes before c.
func (d *drawer) grouped(c *Cookie) int {
	at := 0
	for i, old := range d.cookies {
		before := cmp.Or(
			len(c.Path)-len(old.Path),
			cmp.Compare(d.first(old, false), d.first(c, false)),
			cmp.Compare(d.first(old, true), d.first(c, true)),
			-1,
		)
		if before < 0 {
			at = i + 1
		}
	}
	return at
}

// first returns when the first cookie of c's domain, and of its path there, came.
func (d *drawer) first(c *Cookie, path bool) uint64 {
	order := c.order
	for _, old := range d.cookies {
		if old.Domain == c.Domain && old.HostOnly == c.HostOnly && (!path || old.Path == c.Path) {
			order = min(order, old.order)
		}
	}
	return order
}
